#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: the file of a `BaggingClassifier` around a classifier without
# `predict_proba` (`SVC()`, `RidgeClassifier()`) returns one row for each of its estimators, not one
# for each row that was asked: ten labels for 500 rows, and ten labels for one row. The estimators
# vote, and the converter has two branches for the sum of the votes. The one for operator sets from
# 13 on adds along axis 1, the rows; the other one, and rightly, along axis 0, the estimators.
#
# Why it surprises: opset 13 or newer is the default, and the conversion says nothing. With exactly
# as many rows as estimators even the shape is right. `target_opset=12` is a way around it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install scikit-learn==1.8.0 skl2onnx==1.20.0 \
    onnx==1.23.2 onnxruntime==1.31.1 'protobuf<7' numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC

rows, classes = make_classification(500, n_features=5, flip_y=0.2, random_state=1)
rows = rows.astype(np.float32)
for inner, opset, wrong in ((LogisticRegression(), None, False), (SVC(), 12, False),
                            (SVC(), None, True), (RidgeClassifier(), None, True)):
    model = BaggingClassifier(inner, n_estimators=10, random_state=1).fit(rows, classes)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}}, target_opset=opset)
    session = onnxruntime.InferenceSession(file.SerializeToString())
    labels, found = session.run(None, {"X": rows})
    equal = np.shape(found) == (500, 2) and np.allclose(found, model.predict_proba(rows), atol=1e-4)
    used = next(one.version for one in file.opset_import if one.domain == "")
    print(f"{inner}, opset {used}: {len(labels)} labels for 500 rows, "
          f"{len(session.run(None, {'X': rows[:1]})[0])} for one row, equal to the model: {equal}")
    if equal == wrong:
        raise SystemExit("changed: the file answers differently now")
    if wrong and len(labels) != 10:
        raise SystemExit("changed: the file returns another number of rows now")
PY
echo "as described"
