#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: in the file of `KNeighborsClassifier(weights="distance")` or
# `KNeighborsRegressor(weights="distance")` all neighbours have the same weight, as with
# `weights="uniform"`. The weight is 1 / distance. The converter multiplies the distances by -1,
# though the nearest neighbours come from TopK with largest=0, which needs no change of sign. Max(…,
# 1e-6), which is to avoid a division by 0, then makes the same number of each.
#
# Why it surprises: the file has the nodes Max and Reciprocal for the weights and does compute with
# them. A training row itself, at distance 0, does not get its own label for sure, as it does in the
# model.
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
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

rows, classes = make_classification(1000, n_features=5, flip_y=0.2, random_state=1)
rows, asked = np.split(rows.astype(np.float32), 2)
classes = classes[:500]


def answers(kind, weights, of):
    """The answers of the model and of its file for the rows `of`, and the file's nodes."""
    model = kind(15, weights=weights).fit(rows, classes)
    probable = hasattr(model, "predict_proba")
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}} if probable else None)
    found = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"X": of})[-1]
    expected = model.predict_proba(of) if probable else model.predict(of)
    return expected.reshape(found.shape), found, [one.op_type for one in file.graph.node]


for kind in (KNeighborsClassifier, KNeighborsRegressor):
    uniform, found, _ = answers(kind, "uniform", asked)
    if np.abs(found - uniform).max() > 1e-4:
        raise SystemExit("changed: the file of weights='uniform' is wrong now")
    expected, found, nodes = answers(kind, "distance", asked)
    print(f"{kind.__name__}: largest difference of the file from the model "
          f"{np.abs(found - expected).max():.1e}, from the model with weights='uniform' "
          f"{np.abs(found - uniform).max():.1e}")
    kept = [one for one in nodes if one in ("Mul", "Max", "Reciprocal")]
    print("   nodes that make the weights:", kept[:3])
    if np.abs(found - expected).max() < 1e-4:
        raise SystemExit("changed: the file weighs by distance now")
    if np.abs(found - uniform).max() > 1e-4:
        raise SystemExit("changed: the file is wrong in another way now")
expected, found, _ = answers(KNeighborsClassifier, "distance", rows)
print(f"training rows with their own label: {(expected.argmax(1) == classes).mean():.0%} by the "
      f"model, {(found.argmax(1) == classes).mean():.0%} by the file")
PY
echo "as described"
