#!/usr/bin/env bash
# PyTorch 2.13.0, onnxscript 0.7.2: `torch.onnx.export` with `dynamic_shapes` and a length that is
# named (`Dim("time")`) can write a file in which this length is fixed, without an error or a
# warning. Here the model is a `torch.nn.RNN`, whose graph is for one length. `torch.export.export`
# refuses the same call: "Constraints violated (time)! … Suggested fixes: time = 6".
# `torch.onnx.export` catches this error, puts the suggested 6 into `dynamic_shapes`, and exports
# once more.
#
# Why it surprises: a named length is a demand; for a wish PyTorch has `Dim.AUTO`. The other free
# length, "batch", is kept. That the file wants 6 comes out at the first longer sequence.
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
import onnx, torch
logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)

model, example = torch.nn.RNN(3, 8, batch_first=True).eval(), torch.randn(2, 6, 3)
free = ({0: torch.export.Dim("batch"), 1: torch.export.Dim("time")},)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    torch.onnx.export(model, (example,), "model.onnx", input_names=["x"], dynamic_shapes=free,
                      external_data=False, verbose=False)
shape = [one.dim_param or one.dim_value
         for one in onnx.load("model.onnx").graph.input[0].type.tensor_type.shape.dim]
about = [str(one.message) for one in warned
         if any(word in str(one.message).lower() for word in ("time", "dynamic", "speciali"))]
print("torch.onnx.export: shape of the input:", shape, "warnings about it:", about)
warnings.simplefilter("ignore")
try:
    torch.export.export(model, (example,), dynamic_shapes=free)
    raise SystemExit("changed: torch.export accepts the free length now")
except torch._dynamo.exc.UserError as error:
    lines = str(error).splitlines()
    fixes = lines.index("Suggested fixes:")
    print("torch.export.export:", lines[0].split("!")[0], *lines[fixes:fixes + 2])
if shape != ["batch", 6, 3]:
    raise SystemExit("changed: the file has another shape now")
if about:
    raise SystemExit("changed: there is a warning now")
PY
echo "as described"
