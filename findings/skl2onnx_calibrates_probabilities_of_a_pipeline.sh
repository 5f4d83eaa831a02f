#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `CalibratedClassifierCV` around a pipeline is converted without
# an error, and the file gives other probabilities. scikit-learn calibrates the pipeline's
# decision_function; the file applies the same curve to the pipeline's probabilities. Here every
# sixth label changes.
#
# Why it surprises: the same logistic regression without a pipeline around it is converted correctly,
# and so is a pipeline that ends with the calibrated classifier.
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
from sklearn.preprocessing import StandardScaler

rows, classes = make_classification(2000, weights=[0.7], random_state=1)
rows = rows.astype(np.float32)


def apart(model):
    """The largest difference between model and file, and the share of labels that change."""
    model.fit(rows, classes)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found, expected = session.run(["probabilities"], {"X": rows})[0], model.predict_proba(rows)
    return np.abs(found - expected).max(), (found.argmax(1) != expected.argmax(1)).mean()


for name, model, wrong in (
        ("alone", CalibratedClassifierCV(LogisticRegression()), False),
        ("the pipeline outside", make_pipeline(
            StandardScaler(), CalibratedClassifierCV(LogisticRegression())), False),
        ("the pipeline inside", CalibratedClassifierCV(
            make_pipeline(StandardScaler(), LogisticRegression())), True)):
    largest, labels = apart(model)
    print(f"{name:22} largest difference {largest:.1e}, labels changed {labels:.0%}")
    if (largest > 1e-4) != wrong:
        raise SystemExit("changed: the file answers differently now")
PY
echo "as described"
