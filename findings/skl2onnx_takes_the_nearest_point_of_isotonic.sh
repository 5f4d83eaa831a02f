#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `CalibratedClassifierCV(method="isotonic")` stores points of
# a curve, and scikit-learn interpolates between the two that surround a score. The file takes the
# value of the nearest point: the converter writes Sub, Abs, ArgMin. Its probabilities make steps.
#
# Why it surprises: at the points themselves the file is right, and the curve's range is, so the
# difference is easily taken for rounding. With few points it is large. `method="sigmoid"` is
# converted correctly.
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

rows, classes = make_classification(300, n_features=5, flip_y=0.2, random_state=1)
rows = rows.astype(np.float32)
for method, wrong in (("sigmoid", False), ("isotonic", True)):
    model = CalibratedClassifierCV(LogisticRegression(), method=method, ensemble=False)
    expected = model.fit(rows, classes).predict_proba(rows)[:, 1]
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found = session.run(["probabilities"], {"X": rows})[0][:, 1]
    largest = np.abs(found - expected).max()
    print(f"{method}: largest difference {largest:.1e}, different probabilities: "
          f"{len(np.unique(expected.round(6)))} by the model, {len(np.unique(found.round(6)))} "
          "by the file")
    if (largest > 1e-4) != wrong:
        raise SystemExit("changed: the file answers differently now")
inner = model.calibrated_classifiers_[0]
points, values = inner.calibrators[0].X_thresholds_, inner.calibrators[0].y_thresholds_
scores = inner.estimator.decision_function(rows)
nearest = values[np.abs(scores[:, None] - points).argmin(axis=1)]
print(f"{len(points)} points; largest difference of the file from the nearest point's value: "
      f"{np.abs(found - nearest).max():.1e}, of the model from np.interp: "
      f"{np.abs(expected - np.interp(scores, points, values)).max():.1e}")
if np.abs(found - nearest).max() > 1e-4:
    raise SystemExit("changed: the file is wrong in another way now")
PY
echo "as described"
