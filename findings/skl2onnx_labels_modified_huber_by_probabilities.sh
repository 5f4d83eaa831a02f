#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: for `SGDClassifier(loss="modified_huber")` of three classes
# the probabilities of the file are right, and labels are wrong. scikit-learn takes the class of the
# largest score. The file takes the class of the largest probability (ArgMax). This loss makes a
# probability of 1 from every score over 1, and of 0 from every one under -1, so several classes
# often have the same one; ArgMax takes the first of them.
#
# Why it surprises: a check of the probabilities, the usual one, finds nothing at all. Two classes
# are right.
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
from sklearn.linear_model import SGDClassifier

for loss, count, wrong in (("log_loss", 3, False), ("modified_huber", 2, False),
                           ("modified_huber", 3, True)):
    rows, classes = make_classification(1000, n_features=6, n_informative=5, n_redundant=0,
                                        n_classes=count, random_state=1)
    rows = rows.astype(np.float32)
    model = SGDClassifier(loss=loss, random_state=1).fit(rows, classes)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    labels, found = session.run(None, {"X": rows})
    expected, probabilities = model.predict(rows), model.predict_proba(rows)
    changed = labels != expected
    largest = np.abs(found - probabilities).max()
    print(f"{loss}, {count} classes: largest difference of the probabilities {largest:.1e}, "
          f"labels changed {changed.mean():.0%}")
    if largest > 1e-4 or changed.any() != wrong:
        raise SystemExit("changed: the file answers differently now")
one = changed.argmax()
print(f"scores {model.decision_function(rows)[one].round(2)}, probabilities "
      f"{probabilities[one].round(4)}, label {expected[one]} by the model, {labels[one]} by the "
      "file")
ties = (probabilities == probabilities.max(axis=1, keepdims=True)).sum(axis=1) > 1
print(f"rows with more than one largest probability: {ties.mean():.0%}, and "
      f"{ties[changed].mean():.0%} of those with another label")
if not ties[changed].all() or (labels != found.argmax(axis=1)).any():
    raise SystemExit("changed: the labels are wrong in another way now")
PY
echo "as described"
