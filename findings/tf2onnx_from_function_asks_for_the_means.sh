#!/usr/bin/env bash
# tf2onnx 1.17.0, Keras 3.15.1, TensorFlow 2.21.0: a layer `Normalization` keeps its means and
# variances outside the model's variables. `tf2onnx.convert.from_function` makes two further inputs
# of the file from them, with names that nobody has given. ONNX Runtime then refuses the call with
# the model's own input: "Required inputs are missing". Through a SavedModel (`model.export` and
# `python -m tf2onnx.convert`) the same model has one input, and agrees.
#
# Why it surprises: the conversion says nothing, and the signature that it was given names one
# input. The layer is the one that Keras's documentation gives for tables.
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
x = np.random.default_rng(0).normal(5, 3, size=(20, 4)).astype(np.float32)
layer = keras.layers.Normalization()
layer.adapt(x)
model = keras.Sequential([keras.Input((4,), name="x"), layer, keras.layers.Dense(2)])
spec = [tf.TensorSpec([None, 4], "float32", name="x")]
function = tf.function(lambda x: model(x, training=False), input_signature=spec)
made, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=18)
names = [one.name for one in made.graph.input]
print("from_function, inputs:", names)
try:
    onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})
    raise SystemExit("changed: one input is enough")
except ValueError as error:
    print("  ", str(error)[:96], "...")
model.export("saved", verbose=False)
subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", "saved", "--output",
                "model.onnx", "--opset", "18"], check=True, capture_output=True)
session = onnxruntime.InferenceSession("model.onnx")
inputs = [one.name for one in session.get_inputs()]
apart = np.abs(session.run(None, {inputs[0]: x})[0] - model(x).numpy()).max()
print(f"from the SavedModel, inputs: {inputs}, largest difference {apart:.0e}")
if len(names) != 3 or len(inputs) != 1 or apart > 1e-5:
    raise SystemExit("changed: other inputs now")
PY
echo "as described"
