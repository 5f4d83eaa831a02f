#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `TunedThresholdClassifierCV` seeks the probability from which
# on it says 1, and `predict` uses it. The file has not got this number: the converter converts the
# inner classifier and passes its label and probabilities on by two nodes Identity. So the labels in
# the file are those of the threshold 0.5.
#
# Why it surprises: the threshold is all that this class is for. The probabilities are right, so a
# check of them finds nothing. `FixedThresholdClassifier`, the same with a given number, is refused.
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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

rows, classes = make_classification(2000, weights=[0.9], flip_y=0.1, random_state=1)
rows = rows.astype(np.float32)
model = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy",
                                   random_state=1).fit(rows, classes)
file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
session = onnxruntime.InferenceSession(file.SerializeToString())
labels, found = session.run(None, {"X": rows})
expected = model.predict_proba(rows)
print(f"threshold {model.best_threshold_:.4f}; nodes {[one.op_type for one in file.graph.node]}")
print(f"probabilities: largest difference {np.abs(found - expected).max():.1e}")
print(f"labels 1: {model.predict(rows).mean():.1%} by the model, {labels.mean():.1%} by the file, "
      f"{(expected[:, 1] > 0.5).mean():.1%} of the probabilities are over 0.5")
if np.abs(found - expected).max() > 1e-4:
    raise SystemExit("changed: the probabilities differ, too")
if (labels == model.predict(rows)).all():
    raise SystemExit("changed: the file has the labels of the model now")
if (labels != (found[:, 1] > 0.5)).any():
    raise SystemExit("changed: the file has other labels now")
fixed = FixedThresholdClassifier(LogisticRegression(), threshold=0.2).fit(rows, classes)
try:
    to_onnx(fixed, rows[:1])
    raise SystemExit("changed: FixedThresholdClassifier is converted now")
except RuntimeError as error:
    print("FixedThresholdClassifier:", str(error)[:60])
PY
echo "as described"
