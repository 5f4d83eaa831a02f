#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: a `HistGradientBoostingClassifier` with
# `categorical_features` is converted without an error, and the file gives other probabilities.
# scikit-learn looks a category up in the set of categories that go to the left. The converter does
# not read these sets: it writes each node as a comparison, and the threshold of such a node is 0 in
# scikit-learn's arrays, because nothing uses it. So the file sends category 0 to the left, and
# every other one to the right. The regressor is converted by the same function.
#
# Why it surprises: nothing in the file or the log says that the categories were dropped. The same
# data, one-hot encoded, is converted correctly.
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
from sklearn.ensemble import HistGradientBoostingClassifier

random = np.random.default_rng(1)
category, number = random.integers(0, 6, 1000), random.normal(size=1000)
classes = np.isin(category, [0, 2, 4]) ^ (random.random(1000) < 0.1)
numbered = np.stack([category, number], axis=1).astype(np.float32)
hot = np.column_stack([np.eye(6)[category], number]).astype(np.float32)


def apart(model, rows):
    """The largest difference, the share of labels that change, and the file's first node set."""
    model.fit(rows, classes.astype(int))
    file = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found, expected = session.run(["probabilities"], {"X": rows})[0], model.predict_proba(rows)
    nodes = {one.name: one for one in file.graph.node[0].attribute}
    return (np.abs(found - expected).max(), (found.argmax(1) != expected.argmax(1)).mean(),
            {value for value, column, mode in zip(
                nodes["nodes_values"].floats, nodes["nodes_featureids"].ints,
                nodes["nodes_modes"].strings) if column == 0 and mode != b"LEAF"})


for name, model, rows, wrong in (
        ("one-hot encoded", HistGradientBoostingClassifier(max_iter=10), hot, False),
        ("numbers", HistGradientBoostingClassifier(max_iter=10), numbered, False),
        ("categorical_features=[0]", HistGradientBoostingClassifier(
            max_iter=10, categorical_features=[0]), numbered, True)):
    largest, labels, thresholds = apart(model, rows)
    print(f"{name:25} largest difference {largest:.1e}, labels changed {labels:.0%}, "
          f"thresholds of column 0: {sorted(thresholds)}")
    if (largest > 1e-4) != wrong:
        raise SystemExit("changed: the file answers differently now")
    if wrong and thresholds != {0.0}:
        raise SystemExit("changed: the thresholds are others now")
PY
echo "as described"
