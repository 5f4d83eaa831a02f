#!/usr/bin/env bash
# PyTorch 2.13.0, onnxscript 0.7.2, ONNX Runtime 1.31.1: `interpolate(size=…, mode="nearest")` is
# exported as one node Resize, and for some sizes the file copies another pixel than PyTorch. From
# 28 to 64 pixels there are two of them. The pixel for place 16 is 16 * 28 / 64, which is 7 without
# any rounding. PyTorch multiplies by 28 / 64 and takes pixel 7. ONNX Runtime divides by 64 / 28 as
# a 32-bit float, gets 6.9999995 and takes pixel 6. ONNX's own reference implementation takes pixel
# 7 for the same file.
#
# Why it surprises: pixels are only copied, so the answers ought to be equal to the last bit. In a
# picture whole rows and columns are others. From 28 to 56 pixels nothing differs.
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
    def __init__(self, width):
        super().__init__()
        self.width = width
    def forward(self, x):
        return torch.nn.functional.interpolate(x, size=(1, self.width), mode="nearest")

pixels = torch.arange(28.0).reshape(1, 1, 1, 28)
for width, places in ((56, []), (64, [16, 32])):
    model = Resize(width).eval()
    torch.onnx.export(model, (pixels,), "model.onnx", input_names=["x"], external_data=False,
                      verbose=False)
    expected = model(pixels).numpy().ravel()
    found, reference = (one("model.onnx").run(None, {"x": pixels.numpy()})[0].ravel() for one in (
        onnxruntime.InferenceSession, onnx.reference.ReferenceEvaluator))
    apart = np.flatnonzero(found != expected).tolist()
    print(f"28 to {width} pixels, {[one.op_type for one in onnx.load('model.onnx').graph.node]}, "
          f"places that differ: {apart}")
    for place in apart:
        print(f"   place {place}: PyTorch takes {expected[place]:.0f}, ONNX Runtime "
              f"{found[place]:.0f}, ONNX's reference {reference[place]:.0f}; as 32-bit floats "
              f"{place} / (64 / 28) is {np.float32(place) / (np.float32(64) / np.float32(28))}")
    if apart != places:
        raise SystemExit("changed: other pixels differ now")
    if (reference != expected).any():
        raise SystemExit("changed: ONNX's reference takes other pixels now")
PY
echo "as described"
