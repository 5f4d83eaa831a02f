#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `HistGradientBoostingRegressor` with `loss="poisson"` or
# `loss="gamma"` is converted without an error, and the file returns the logarithm of the model's
# answer. The sum of the trees is a logarithm for these two losses, and scikit-learn's `predict`
# takes the exponential of it. The converter writes the trees and nothing after them: it looks at
# the loss of a classifier, and not at that of a regressor.
#
# Why it surprises: the answers have the right shape and type, and small positive numbers among them
# look like counts. Models of other losses are converted correctly.
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
from sklearn.ensemble import HistGradientBoostingRegressor

random = np.random.default_rng(1)
rows = random.normal(size=(500, 3)).astype(np.float32)
target = 1 + random.poisson(np.exp(1 + rows[:, 0]))
for loss, logarithm in (("squared_error", False), ("absolute_error", False), ("poisson", True),
                        ("gamma", True)):
    model = HistGradientBoostingRegressor(loss=loss, random_state=1).fit(rows, target)
    file = to_onnx(model, rows[:1])
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found, expected = session.run(None, {"X": rows})[0].ravel(), model.predict(rows)
    equal = np.allclose(found, expected, rtol=1e-4)
    print(f"{loss:15} nodes {[one.op_type for one in file.graph.node]}, model {expected[0]:.4f}, "
          f"file {found[0]:.4f}, its exponential {np.exp(found[0]):.4f}")
    if equal == logarithm:
        raise SystemExit(f"changed: the file of {loss} answers differently now")
    if logarithm and not np.allclose(np.exp(found), expected, rtol=1e-4):
        raise SystemExit(f"changed: the file of {loss} is wrong in another way now")
PY
echo "as described"
