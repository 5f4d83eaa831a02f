#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `VotingClassifier(weights=[3, 1])` and `VotingRegressor` with
# such weights are not converted: "'list' object has no attribute 'sum'". The same weights in a
# NumPy array are. The converter calls `weights.sum()`.
#
# Why it surprises: scikit-learn takes any sequence, its own examples give lists, and the message
# names neither the weights nor the model.
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
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

onnxruntime.set_default_logger_severity(3)
rows, classes = make_classification(500, n_features=5, random_state=1)
rows = rows.astype(np.float32)
for weights, fails in ((np.array([3, 1]), False), ([3, 1], True)):
    for model in (VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())],
                                   voting="soft", weights=weights, flatten_transform=False),
                  VotingRegressor([("a", LinearRegression()), ("b", Ridge(100))],
                                  weights=weights)):
        model.fit(rows, classes)
        probable = hasattr(model, "predict_proba")
        try:
            file = to_onnx(model, rows[:1],
                           options={id(model): {"zipmap": False}} if probable else None)
            found = onnxruntime.InferenceSession(file.SerializeToString()).run(
                None, {"X": rows})[-1]
            expected = model.predict_proba(rows) if probable else model.predict(rows)[:, None]
            message = f"converted, largest difference {np.abs(found - expected).max():.1e}"
        except AttributeError as error:
            message = f"AttributeError: {error}"
        print(f"{type(model).__name__}, weights {weights!r}: {message}")
        if message.startswith("AttributeError") != fails:
            raise SystemExit("changed: these weights are treated differently now")
PY
echo "as described"
