#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `SimpleImputer(add_indicator=True)` adds a column of 0 and 1
# for each column that had gaps. The converter does not look at this setting: its file returns the
# filled columns only. With a linear model behind it, the file opens and answers all the same. It
# holds seven weights for each class and gets five columns. ONNX Runtime takes the weights of the
# second class from the sixth one on, so they meet other columns. `KNNImputer` has the same setting;
# its file leaves out the columns, too.
#
# Why it surprises: neither the conversion nor ONNX Runtime refuses what does not fit together.
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
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rows, classes = make_classification(1000, n_features=5, random_state=1)
rows = rows.astype(np.float32)
rows[::3, 1] = rows[1::4, 2] = np.nan


def ask(model):
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    file = to_onnx(model, rows[:1], options=options)
    return onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"X": rows})[-1], file


imputer = SimpleImputer(add_indicator=True).fit(rows)
print("columns of the imputer:", imputer.transform(rows).shape[1], "of its file:",
      ask(imputer)[0].shape[1])
if ask(imputer)[0].shape[1] != 5:
    raise SystemExit("changed: the file of the imputer has other columns now")
for indicator in (False, True):
    model = make_pipeline(SimpleImputer(add_indicator=indicator), LogisticRegression())
    expected = model.fit(rows, classes).predict_proba(rows)
    found, file = ask(model)
    largest, labels = np.abs(found - expected).max(), found.argmax(1) != expected.argmax(1)
    print(f"add_indicator={indicator}: largest difference {largest:.1e}, labels changed "
          f"{labels.mean():.0%}")
    if (largest > 1e-4) != indicator:
        raise SystemExit("changed: the file answers differently now")
weights = np.array(next(one.floats for one in file.graph.node[-1].attribute
                        if one.name == "coefficients"))
bias = model[-1].intercept_[0]
filled = imputer.transform(rows)[:, :5]
scores = filled @ weights[:10].reshape(2, 5).T + [-bias, bias]
guess = 1 / (1 + np.exp(-scores[:, 1]))
print(f"{len(weights)} weights, cut after each fifth: largest difference from the file "
      f"{np.abs(guess - found[:, 1]).max():.1e}")
PY
echo "as described"
