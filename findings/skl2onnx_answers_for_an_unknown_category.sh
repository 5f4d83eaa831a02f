#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.8.0: `OrdinalEncoder(handle_unknown="error")`, the default,
# refuses a category that was not in training. Its file answers: the converter writes a LabelEncoder
# without a default, and the operator's own default is -1. A tree behind it takes -1 for a number
# below all categories, and gives an ordinary label.
#
# Why it surprises: who asks for an error wants no answer for "Jnue". The file gives the one for the
# category that is first in the alphabet, with its probability, and nothing marks it.
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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

random = np.random.default_rng(1)
months = random.choice(np.array(["April", "June", "May"], dtype=object), size=(300, 1))
classes = (months[:, 0] == "April") ^ (random.random(300) < 0.1)
encoder = OrdinalEncoder(handle_unknown="error")
model = make_pipeline(encoder, DecisionTreeClassifier(random_state=1))
model.fit(months, classes.astype(int))
asked = np.array([["April"], ["June"], ["May"], ["Jnue"]], dtype=object)


def ask(model, options=None):
    file = to_onnx(model, initial_types=[("X", StringTensorType([None, 1]))], options=options)
    return onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"X": asked})[-1], file


codes, file = ask(encoder)
found, _ = ask(model, {id(model): {"zipmap": False}})
for row, code, probabilities in zip(asked[:, 0], codes[:, 0], found):
    try:
        expected = model.predict_proba([[row]])[0].round(4)
    except ValueError as error:
        expected = error
    print(f"{row}: code {code:.0f}, file {probabilities.round(4)}, model {expected}")
print("attributes of the file's LabelEncoder:", [one.name for one in file.graph.node[0].attribute])
try:
    model.predict_proba([["Jnue"]])
    raise SystemExit("changed: the model answers, too")
except ValueError:
    pass
if not np.allclose(found[:3], model.predict_proba(asked[:3]), atol=1e-4):
    raise SystemExit("changed: the file is wrong for known categories now")
if codes[3, 0] != -1 or not np.array_equal(found[3], found[0]):
    raise SystemExit("changed: the file treats an unknown category differently now")
PY
echo "as described"
