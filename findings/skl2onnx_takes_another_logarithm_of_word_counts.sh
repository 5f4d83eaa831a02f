#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: with `TfidfVectorizer(sublinear_tf=True)` a word that is n
# times in a text counts as 1 + log(n). The file computes log(1 + n): the converter adds 1 before
# the logarithm, not after it. So 0 stays 0, and every other number is wrong.
#
# Why it surprises: the settings were read, and the file has a node Log; the zeros are in the right
# places. Where each word is in a text once, and the rows are scaled to length 1 (the default), the
# answers are even equal.
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
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer

texts = np.array(["red red red blue", "blue green", "green green red",
                  "blue blue blue blue blue blue blue blue blue blue red"])


def vectors(**settings):
    """What the model and its file make of the texts, and the file's nodes."""
    model = TfidfVectorizer(**settings).fit(texts)
    file = to_onnx(model, initial_types=[("X", StringTensorType([None, 1]))],
                   options={id(model): {"locale": "C"}})
    session = onnxruntime.InferenceSession(file.SerializeToString())
    found = session.run(None, {"X": texts[:, None]})[0]
    return model.transform(texts).toarray(), found, [one.op_type for one in file.graph.node]


for sublinear in (False, True):
    expected, found, _ = vectors(sublinear_tf=sublinear)
    apart = np.abs(found - expected).max(axis=1)
    print(f"sublinear_tf={sublinear}: largest difference of each text {apart.round(4)}")
    if (apart.max() > 1e-4) != sublinear:
        raise SystemExit("changed: the file answers differently now")
counts = vectors(norm=None, use_idf=False)[0]
expected, found, nodes = vectors(sublinear_tf=True, norm=None, use_idf=False)
print("numbers of words ", counts[3], "\nmodel, 1 + log(n)", expected[3].round(4),
      "\nfile, log(1 + n) ", found[3].round(4), nodes)
if not np.allclose(found, np.log(1 + counts), atol=1e-4):
    raise SystemExit("changed: the file is wrong in another way now")
PY
echo "as described"
