#!/usr/bin/env bash
# tf2onnx 1.17.0, Keras 3.15.1, TensorFlow 2.21.0, ONNX Runtime 1.31.1: a layer with the activation
# "gelu" computes TensorFlow's `Erfc`, which tf2onnx does not know. `python -m tf2onnx.convert`
# writes a line with ERROR into its log, writes the file with TensorFlow's operation in it, and ends
# with status 0. ONNX Runtime refuses that file. The same activation in its approximate form is
# converted, and agrees.
#
# Why it surprises: a script that looks at the exit status goes on and ships the file. And "gelu" is
# no rarity: it is the activation of most transformers, and `Erf`, which gives the same result, has
# a conversion.
#
# TensorFlow is that of the clone's virtual environment, where there is one: it is large.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python"
if ! "$python" -c "import tensorflow, keras, tf2onnx, onnxruntime" 2>/dev/null; then
    python3 -m venv "$folder/venv"
    python="$folder/venv/bin/python"
    "$python" -m pip -q --disable-pip-version-check install tensorflow-cpu==2.21.0 keras==3.15.1 \
        tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
fi
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3
"$python" - 2>"$folder/log" <<'PY' || { tail -n 5 "$folder/log"; exit 1; }
import numpy as np, tensorflow as tf, keras, tf2onnx, onnx, onnxruntime
print("TensorFlow", tf.__version__, "Keras", keras.__version__, "tf2onnx", tf2onnx.__version__,
      "ONNX Runtime", onnxruntime.__version__)
import subprocess, sys
x = np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)

def approximate(x):
    return keras.activations.gelu(x, approximate=True)

for name, activation in (("gelu", "gelu"), ("approximate", approximate)):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])
    model.export(name, verbose=False)
    done = subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", name, "--output",
                           f"{name}.onnx", "--opset", "18"], capture_output=True, text=True)
    kinds = sorted({node.op_type for node in onnx.load(f"{name}.onnx").graph.node})
    try:
        session = onnxruntime.InferenceSession(f"{name}.onnx")
        apart = np.abs(session.run(None, {session.get_inputs()[0].name: x})[0] - model(x).numpy()).max()
        said = f"largest difference {apart:.0e}"
    except Exception as error:
        said = f"{type(error).__name__}: ONNX Runtime refuses the file"
    print(f"{name}: exit status {done.returncode}, {kinds}\n   {said}")
    unknown = "Unsupported ops: Counter({'Erfc': 1})" in done.stderr
    if done.returncode or unknown != (name == "gelu") or ("Erfc" in kinds) != unknown:
        raise SystemExit("changed: the conversion ends differently now")
PY
echo "as described"
