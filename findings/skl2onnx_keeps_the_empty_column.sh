#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: a column that has no value at all in training is dropped by
# `SimpleImputer()`, with a warning, and the model behind it learns without that column. The file
# keeps it: the converter writes the operator Imputer with NaN for this column and no selection of
# columns. A tree in the file then tests the column before the one that it learned from.
#
# Why it surprises: the warning comes in training and is easily taken for the whole story. With
# `keep_empty_features=True` the file is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install scikit-learn==1.8.0 skl2onnx==1.20.0 \
    onnx==1.23.2 onnxruntime==1.31.1 'protobuf<7' numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import make_classification
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

rows, classes = make_classification(1000, n_features=5, random_state=1)
rows = rows.astype(np.float32)
rows[:, 1] = np.nan
for keep in (True, False):
    model = make_pipeline(SimpleImputer(keep_empty_features=keep),
                          DecisionTreeClassifier(max_depth=4, random_state=1))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.fit(rows, classes)
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    warnings.simplefilter("ignore")
    found = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"X": rows})[1]
    expected = model.predict_proba(rows)
    largest, labels = np.abs(found - expected).max(), found.argmax(1) != expected.argmax(1)
    values = next(one.floats for one in file.graph.node[0].attribute
                  if one.name == "imputed_value_floats")
    print(f"keep_empty_features={keep}: columns {model[0].transform(rows).shape[1]} in the model, "
          f"{len(values)} in the file; largest difference {largest:.1e}, labels changed "
          f"{labels.mean():.0%}; warning: {[str(one.message)[:52] for one in warned]}")
    if (largest > 1e-4) == keep:
        raise SystemExit("changed: the file answers differently now")
PY
echo "as described"
