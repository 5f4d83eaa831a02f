#!/usr/bin/env bash
# ONNX Runtime 1.31.1, ONNX 1.23.2: a file that shrinks a picture with a `Resize` of mode "cubic"
# between two `Transpose`, from channels last to channels first and back, is valid. Without
# optimisation and with the basic one it loads and answers. With the default it does not load: the
# optimiser removes both `Transpose` and leaves a `Resize` with channels last, which ONNX Runtime
# itself then refuses ("'Cubic' mode only supports ..."). To enlarge works with each setting.
#
# Why it surprises: an optimisation ought not to change whether a file can be loaded, and the
# message names a node that is not in the file. tf2onnx writes this pattern for each picture that a
# Keras model shrinks with interpolation="bicubic".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install \
    onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
print("ONNX", onnx.__version__, "ONNX Runtime", onnxruntime.__version__)
onnxruntime.set_default_logger_severity(4)

def model(size):
    nodes = [helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
             helper.make_node("Resize", ["a", "", "", "size"], ["b"], mode="cubic"),
             helper.make_node("Transpose", ["b"], ["y"], perm=[0, 2, 3, 1])]
    graph = helper.make_graph(
        nodes, "shrink", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 16, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, size, size, 3])],
        [numpy_helper.from_array(np.array([1, 3, size, size]), "size")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()

picture = np.ones((1, 16, 16, 3), np.float32)
for size, refused in ((32, []), (8, ["ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"])):
    failed = []
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        try:
            session = onnxruntime.InferenceSession(model(size), options)
            answer = session.run(None, {"x": picture})[0]
            said = f"loads, answers with {answer.shape}"
        except Exception as error:
            failed.append(level)
            said = f"{type(error).__name__}: does not load"
        print(f"16 to {size} pixels, {level}: {said}")
    if failed != refused:
        raise SystemExit("changed: other settings fail now")
PY
echo "as described"
