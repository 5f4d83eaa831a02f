#!/usr/bin/env bash
# PyTorch 2.13.0, onnxscript 0.7.2, ONNX Runtime 1.31.1: `interpolate(scale_factor=2.3)` with a free
# width is exported without an error, and for a width of 100 the file returns 230 pixels where
# PyTorch returns 229. PyTorch computes 100 * 2.3 in 64 bits, which is 229.99999999999997, and
# rounds down. The file has the factor as a 32-bit float. With that ONNX Runtime computes 230 in 32
# bits, and ONNX's own reference implementation 229.
#
# Why it surprises: the example's width of 28, and most others, give the same size. A layer behind
# it that joins the picture with another one then meets another shape. The factor 2 is safe.
#
# The model is exported by the clone's own virtual environment where that has PyTorch, because the
# ordinary index brings CUDA with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python"
if ! "$python" -c "import torch, onnxscript, onnxruntime" 2>/dev/null; then
    python3 -m venv "$folder/venv"
    python="$folder/venv/bin/python"
    "$python" -m pip -q --disable-pip-version-check install \
        torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1 numpy==2.4.6
fi
cd "$folder"
"$python" - <<'PY'
import logging, warnings
import numpy as np, onnx, onnx.reference, onnxruntime, torch
logging.getLogger("torch.onnx").setLevel(logging.ERROR)
warnings.simplefilter("ignore")

class Resize(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=(1, self.factor), mode="nearest")

for factor in (2.0, 2.3):
    model = Resize(factor).eval()
    torch.onnx.export(model, (torch.rand(1, 1, 1, 28),), "model.onnx", input_names=["x"],
                      dynamic_shapes=({3: torch.export.Dim("width")},), external_data=False,
                      verbose=False)
    for width in (28, 100):
        row = torch.rand(1, 1, 1, width)
        expected = model(row).shape[3]
        found, reference = (one("model.onnx").run(None, {"x": row.numpy()})[0].shape[3] for one in (
            onnxruntime.InferenceSession, onnx.reference.ReferenceEvaluator))
        print(f"factor {factor}, width {width}: PyTorch {expected}, ONNX Runtime {found}, ONNX's "
              f"reference {reference}")
        wanted = (229, 230, 229) if (factor, width) == (2.3, 100) else (expected,) * 3
        if (expected, found, reference) != wanted:
            raise SystemExit("changed: the sizes are others now")
print("100 * 2.3 in 64 bits:", 100 * 2.3, "in 32 bits:", np.float32(100) * np.float32(2.3),
      "the file:", [onnx.numpy_helper.to_array(one) for one in
                    onnx.load("model.onnx").graph.initializer])
PY
echo "as described"
