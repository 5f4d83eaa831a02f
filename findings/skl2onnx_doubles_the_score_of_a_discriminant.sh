#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: the file of a `LinearDiscriminantAnalysis` of two classes
# gives probabilities that are too near to 0 and 1. scikit-learn takes the logistic function of the
# score s. The converter writes the scores -s and s for the two classes, and SOFTMAX behind them.
# The softmax of -s and s is the logistic function of 2 s.
#
# Why it surprises: the labels are right, so a check of the labels finds nothing. Three classes are
# converted correctly, and so is a logistic regression of two classes, by the same function.
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

for model, count, wrong in ((LogisticRegression(), 2, False),
                            (LinearDiscriminantAnalysis(), 3, False),
                            (LinearDiscriminantAnalysis(), 2, True)):
    rows, classes = make_classification(1000, n_features=8, n_informative=5, n_classes=count,
                                        random_state=1)
    rows = rows.astype(np.float32)
    expected = model.fit(rows, classes).predict_proba(rows)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found = session.run(["probabilities"], {"X": rows})[0]
    ending = next(one.s.decode() for one in file.graph.node[0].attribute
                  if one.name == "post_transform")
    largest = np.abs(found - expected).max()
    print(f"{type(model).__name__} of {count} classes ({ending}): largest difference {largest:.1e},"
          f" labels changed {(found.argmax(1) != expected.argmax(1)).sum()}")
    if (largest > 1e-4) != wrong:
        raise SystemExit("changed: the file answers differently now")
doubled = 1 / (1 + np.exp(-2 * model.decision_function(rows)))
rest = np.abs(found[:, 1] - doubled).max()
print(f"the file and the logistic function of the doubled score: largest difference {rest:.1e}")
if rest > 1e-4:
    raise SystemExit("changed: the file is wrong in another way now")
PY
echo "as described"
