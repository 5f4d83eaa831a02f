#!/usr/bin/env bash
# PyTorch 2.13.0, onnxscript 0.7.2: `torch.onnx.export(model, (x, x), …)`, one tensor object as the
# example for two arguments, writes a file with two inputs of which the first is never used. The
# second takes its place, whatever the first is fed with. No error, no warning of it, and
# onnx.checker accepts the file.
#
# Why it surprises: the two arguments have names of their own and the export is asked to keep both
# (input_names, dynamic_shapes). For a text encoder the example is often ones for the token numbers
# and ones for the mask. Every token is then number 1, and each answer is wrong.
#
# The model here adds its first argument to ten times the second. It is run by the clone's own
# virtual environment where that has PyTorch, because the ordinary index brings CUDA with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python"
if ! "$python" -c "import torch, onnxscript, onnxruntime" 2>/dev/null; then
    python3 -m venv "$folder/venv"
    python="$folder/venv/bin/python"
    "$python" -m pip -q --disable-pip-version-check install \
        torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1
fi
cat > "$folder/show.py" <<'PY'
import logging, sys, warnings
import numpy as np, onnx, onnxruntime, torch
logging.getLogger("torch.onnx").setLevel(logging.ERROR)
warnings.simplefilter("ignore")

class Model(torch.nn.Module):
    def forward(self, a, b):
        return a + 10 * b

def answer(example):
    torch.onnx.export(Model(), example, "model.onnx", input_names=["a", "b"], verbose=False,
                      dynamic_shapes={"a": {0: "n"}, "b": {0: "n"}}, external_data=False)
    onnx.checker.check_model(onnx.load("model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession("model.onnx")
    print([one.name for one in session.get_inputs()], end=" ")
    a, b = np.float32([1, 1]), np.float32([2, 2])
    return float(session.run(None, {"a": a, "b": b})[0][0])

one = torch.ones(2)
twice, apart = answer((one, one)), answer((one, one.clone()))
print(f"\n1 + 10 * 2: {twice} with one tensor twice, {apart} with two tensors")
sys.exit(twice == apart)
PY
cd "$folder" && "$python" show.py || { echo "changed: both agree"; exit 1; }
echo "as described"
