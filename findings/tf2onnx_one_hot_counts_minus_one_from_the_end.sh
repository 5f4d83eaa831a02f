#!/usr/bin/env bash
# tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.31.1: `tf.one_hot` of -1 is a row of zeros, and
# so is that of any number outside the range. The file has ONNX's `OneHot`, which counts negative
# numbers from the end: -1 is the last class. A number that is too large is a row of zeros in both.
#
# Why it surprises: -1 is what much code gives to a category that it does not know (pandas does, for
# one), and TensorFlow's zeros mean "none of them". After the conversion an unknown category is the
# last known one, and nothing is said.
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
spec = [tf.TensorSpec([None], "int32", name="x")]
function = tf.function(lambda x: tf.one_hot(x, 3), input_signature=spec)
model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=18)
x = np.array([0, 2, 3, -1, -3, -4], np.int32)
expected = function(x).numpy()
found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
print("operations:", [node.op_type for node in model.graph.node])
for number, theirs, ours in zip(x, expected, found):
    print(f"{number:3}: TensorFlow {theirs.astype(int).tolist()}, ONNX Runtime {ours.astype(int).tolist()}")
if x[(expected != found).any(1)].tolist() != [-1, -3]:
    raise SystemExit("changed: other numbers differ now")
PY
echo "as described"
