#!/usr/bin/env bash
# onnxmltools 1.16.0, LightGBM 4.7.0: a classifier that was trained with labels False and True, as a
# comparison in NumPy or pandas gives them, is not converted: `'numpy.bool' object has no attribute
# 'encode'`. The same classifier with labels 0 and 1 is.
#
# Why it surprises: scikit-learn and LightGBM take such labels, and the message names neither the
# labels nor the model. It comes when the file is put together: the labels were taken for texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install lightgbm==4.7.0 scikit-learn==1.8.0 \
    packaging onnxmltools==1.16.0 onnx==1.23.2 skl2onnx==1.20.0 'protobuf<7' numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from lightgbm import LGBMClassifier
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

rows = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
for labels, fails in ((rows[:, 0] > 0).astype(int), False), (rows[:, 0] > 0, True):
    model = LGBMClassifier(n_estimators=3, verbose=-1).fit(rows, labels)
    try:
        convert_lightgbm(model, initial_types=[("X", FloatTensorType([None, 3]))],
                         target_opset=15)
        message = "converted"
    except AttributeError as error:
        message = f"AttributeError: {error}"
    print(f"labels of type {labels.dtype}: {message}")
    if (message != "converted") != fails:
        raise SystemExit("changed: labels of this type are treated differently now")
PY
echo "as described"
