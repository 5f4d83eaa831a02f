#!/usr/bin/env bash
# tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.31.1: where two values go to one place,
# `tf.scatter_nd` gives their sum. The file has ONNX's `ScatterND` without a reduction, and the
# later value takes the place of the earlier one. With `tf.tensor_scatter_nd_add` the file has the
# reduction "add", and agrees.
#
# Why it surprises: sums per group, counts, and a bag of words are written with `tf.scatter_nd`. An
# example without a repetition agrees to the last bit, so a test on one small input passes. And the
# converter can do it, as the other function shows.
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
values, places = np.array([1, 10, 100], np.float32), [[0], [0], [2]]
spec = [tf.TensorSpec([3], "float32", name="x")]
for name, call, same in (
        ("scatter_nd", lambda x: tf.scatter_nd(places, x, [4]), False),
        ("tensor_scatter_nd_add", lambda x: tf.tensor_scatter_nd_add(tf.zeros(4), places, x), True)):
    function = tf.function(call, input_signature=spec)
    model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=18)
    scatter, = (node for node in model.graph.node if node.op_type == "ScatterND")
    reduction = [one.s.decode() for one in scatter.attribute if one.name == "reduction"]
    expected = function(values).numpy().tolist()
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(
        None, {"x": values})[0].tolist()
    print(f"{name}: reduction {reduction}, TensorFlow {expected}, ONNX Runtime {found}")
    if expected != [11, 0, 100, 0] or (found == expected) != same:
        raise SystemExit("changed: the file answers differently now")
PY
echo "as described"
