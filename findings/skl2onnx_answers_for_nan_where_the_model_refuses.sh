#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: two models refuse a missing number ("Input X contains NaN"), and
# their files answer with an ordinary probability: isotonic calibration, and a pipeline that begins
# with KBinsDiscretizer. The file of a plain logistic regression returns NaN, which a caller can see.
#
# Why it surprises: a caller who looks for NaN in the answers finds none, and the parts around the
# two models pass NaN on.
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
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

rows, classes = make_classification(500, n_features=4, random_state=1)
rows = rows.astype(np.float32)
gap = np.full((1, 4), np.nan, np.float32)
for model, answers in (
        (LogisticRegression(), False),
        (CalibratedClassifierCV(LogisticRegression(), method="isotonic"), True),
        (make_pipeline(KBinsDiscretizer(5, encode="onehot-dense", quantile_method="linear"),
                       LogisticRegression()), True)):
    model.fit(rows, classes)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found = session.run(["probabilities"], {"X": gap})[0][0]
    try:
        model.predict_proba(gap)
        raise SystemExit("changed: the model answers, too")
    except ValueError as error:
        print(f"{type(model).__name__}: the model: {str(error).splitlines()[0]}; the file: {found}")
    if np.isfinite(found).all() != answers:
        raise SystemExit("changed: the file treats NaN differently now")
PY
echo "as described"
