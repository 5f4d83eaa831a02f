#!/usr/bin/env bash
# ONNX Runtime 1.31.1, ONNX 1.23.2, x86-64: `ReduceMax`, `ReduceMin` and `MaxPool` give NaN for
# values with a NaN among them, or do not, by the place where it stands. `ReduceMax` and `ReduceMin`
# see it in the first place only. `MaxPool` over a row of four or more sees it in one place, the
# last one of the largest multiple of four: the fourth of five. NumPy and PyTorch give NaN wherever
# it is; so do `Max` and `Relu` in ONNX Runtime itself.
#
# Why it surprises: a NaN that enters a model ought to come out of it, so that a service can notice.
# Here the answer is an ordinary number, or not, by which of the inputs was missing.
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
def session(kind, **attributes):
    graph = helper.make_graph(
        [helper.make_node(kind, ["x"], ["y"], **attributes)], "largest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnxruntime.InferenceSession(made.SerializeToString(),
                                        providers=["CPUExecutionProvider"])

for kind, length, seen in (("ReduceMax", 5, [0]), ("ReduceMax", 16, [0]), ("ReduceMin", 5, [0]),
                           ("MaxPool", 5, [3]), ("MaxPool", 16, [15])):
    pool = kind == "MaxPool"
    ask = session(kind, **({"kernel_shape": [1, length]} if pool else {}))
    found = []
    for place in range(length):
        x = np.arange(length, dtype=np.float32)
        x[place] = np.nan
        assert np.isnan(x.max()) and np.isnan(x.min())      # NumPy
        if np.isnan(ask.run(None, {"x": x.reshape(1, 1, 1, -1) if pool else x})[0]).any():
            found.append(place)
    print(f"{kind} of {length} values: NaN is seen at the places {found}, in NumPy at each")
    if found != seen:
        raise SystemExit("changed: other places now")
PY
echo "as described"
