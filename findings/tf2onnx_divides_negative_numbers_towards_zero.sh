#!/usr/bin/env bash
# tf2onnx 1.17.0, TensorFlow 2.21.0, ONNX Runtime 1.31.1: `a // b` and `a % b` of whole numbers are
# converted to ONNX's `Div` and `Mod`. TensorFlow rounds a quotient down, as Python does: -7 // 2 is
# -4 and -7 % 2 is 1. ONNX's `Div` rounds towards zero, and the file answers -3 and -1. The
# remainder is computed as a - b * Div(a, b). For floating-point numbers the file has a `Floor`, and
# agrees.
#
# Why it surprises: nothing is said at the conversion, and all is equal as long as no number is
# negative. Hours before midnight, days before a reference, or cells left of an origin come out one
# bucket too high.
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
a, b = np.array([-7, -5, -1, 5, 7], np.int32), np.array([2, 2, 7, -2, 2], np.int32)
for kind, wrong in (("int32", 4), ("float32", 0)):
    spec = [tf.TensorSpec([5], kind, name=name) for name in "ab"]
    function = tf.function(lambda a, b: (a // b, a % b), input_signature=spec)
    model, _ = tf2onnx.convert.from_function(function, input_signature=spec, opset=18)
    values = a.astype(kind), b.astype(kind)
    expected = [one.numpy() for one in function(*values)]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, dict(zip("ab", values)))
    print(kind, [node.op_type for node in model.graph.node])
    for word, theirs, ours in zip(("//", "% "), expected, found):
        print(f"   {word} TensorFlow {theirs.tolist()}, ONNX Runtime {ours.tolist()}")
    if (expected[0] != found[0]).sum() != wrong or (expected[1] != found[1]).sum() != wrong:
        raise SystemExit("changed: other answers differ now")
PY
echo "as described"
