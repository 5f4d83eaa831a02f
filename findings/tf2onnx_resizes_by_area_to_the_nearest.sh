#!/usr/bin/env bash
# tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.31.1: `tf.image.resize(..., method="area")`
# averages the pixels under each new one. The conversion succeeds, and the file has a `Resize` of
# mode "nearest": it copies one pixel. A black and white chessboard at half its size is grey for
# TensorFlow, and stays all black in the file.
#
# Why it surprises: the other methods that tf2onnx does not know (lanczos, gaussian) are named in an
# error. Averaging is chosen to shrink a picture without artefacts, and the file brings back exactly
# these.
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
board = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.float32).reshape(1, 8, 8, 1)
spec = [tf.TensorSpec(board.shape, "float32", name="x")]
function = tf.function(lambda x: tf.image.resize(x, (4, 4), method="area"), input_signature=spec)
model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=18)
resize, = (node for node in model.graph.node if node.op_type == "Resize")
mode, = (one.s.decode() for one in resize.attribute if one.name == "mode")
expected = function(board).numpy().ravel()
found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": board})[0].ravel()
print(f"Resize, mode {mode}; TensorFlow {np.unique(expected)}, ONNX Runtime {np.unique(found)}")
if mode != "nearest" or set(expected) != {127.5} or set(found) != {0.0}:
    raise SystemExit("changed: the file answers differently now")
PY
echo "as described"
