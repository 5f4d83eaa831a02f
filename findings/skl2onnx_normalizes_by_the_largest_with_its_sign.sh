#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0, ONNX Runtime 1.31.1: `Normalizer(norm="max")` divides a row
# by its largest absolute value. The file divides by its largest value, with the sign: the converter
# writes the operator Normalizer with the norm MAX, which ONNX defines in this way. A row whose
# largest value is negative changes all its signs. ONNX's own reference implementation divides by
# the absolute value, against ONNX's text.
#
# Why it surprises: rows of counts or of other numbers from 0 on are right. The norms l1 and l2 are
# right for all rows. Answers can be far larger than 1, which this class promises not to give.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install scikit-learn==1.8.0 skl2onnx==1.20.0 \
    onnx==1.23.2 onnxruntime==1.31.1 'protobuf<7' numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator
from skl2onnx import to_onnx
from sklearn.preprocessing import Normalizer

rows = np.array([[1, 2], [-1, -2], [3, -4], [-4, 0.01]], np.float32)
wrong = {}
for norm in ("l1", "l2", "max"):
    model = Normalizer(norm).fit(rows)
    file = to_onnx(model, rows[:1])
    found = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"X": rows})[0]
    expected = model.transform(rows)
    wrong[norm] = [not np.allclose(*pair, atol=1e-5) for pair in zip(found, expected)]
    print(f"{norm}: nodes {[one.op_type for one in file.graph.node]}, "
          f"wrong rows {rows[wrong[norm]].tolist()}")
reference = ReferenceEvaluator(file).run(None, {"X": rows})[0]
for row, *answers in zip(rows, expected, found, reference):
    print(f"{row}: model {answers[0]}, ONNX Runtime {answers[1]}, ONNX's reference {answers[2]}")
if any(wrong["l1"] + wrong["l2"]):
    raise SystemExit("changed: l1 or l2 is wrong now")
if wrong["max"] != [False, True, True, True]:
    raise SystemExit("changed: max answers differently now")
if not np.allclose(found, rows / rows.max(axis=1, keepdims=True), rtol=1e-4):
    raise SystemExit("changed: max is wrong in another way now")
PY
echo "as described"
