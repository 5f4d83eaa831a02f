#!/usr/bin/env bash
# PyTorch 2.13.0, onnxscript 0.7.2: `torch.onnx.export` of an LSTM (or a GRU) with a named, free
# length writes the free length when it is called for the first time in a process. From the second
# call on it writes the example's length, and ONNX Runtime refuses all others. No error, no warning.
#
# Why it surprises: the two calls are the same, with the same model and the same example. A script
# that exports once is right; a notebook's cell that runs again, or a test that exports before, is
# not.
#
# The cause: for the time of an export PyTorch puts an LSTM that loops into `py_kernels` of the
# operator, and does not empty the operator's `_dispatch_cache`. At the end of the first call
# PyTorch's ordinary LSTM is left there; the second call uses it, and its graph is for one length.
# `torch.export` refuses the free length then, and `torch.onnx.export` takes the fixed one that the
# error suggests. With the cache emptied, the third call here is right again.
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
import onnx, onnxruntime, torch
logging.getLogger("torch.onnx").setLevel(logging.ERROR)
warnings.simplefilter("ignore")

class Last(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 8, batch_first=True)
    def forward(self, x):
        return self.lstm(x)[0][:, -1]

def export():
    """Whether the file answers for a longer sequence as the model does."""
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    torch.onnx.export(model, (torch.randn(2, 6, 3),), "model.onnx", input_names=["x"],
                      dynamic_shapes=(free,), external_data=False, verbose=False)
    shape = onnx.load("model.onnx").graph.input[0].type.tensor_type.shape.dim
    session, said = onnxruntime.InferenceSession("model.onnx"), "an answer"
    try:
        found = torch.from_numpy(session.run(None, {"x": longer.numpy()})[0])
        right = torch.allclose(found, model(longer), atol=1e-5)
    except Exception as error:
        right, said = False, str(error).split(" : ")[-1].split(" for the")[0]
    print([one.dim_param or one.dim_value for one in shape], f"length 9: {said}, right: {right}")
    return right

model, longer = Last().eval(), torch.randn(2, 9, 3)
first, second = export(), export()
torch.ops.aten.lstm.input._dispatch_cache.clear()
if (first, second, export()) != (True, False, True):
    raise SystemExit("changed: the exports are right or wrong in other places now")
PY
echo "as described"
