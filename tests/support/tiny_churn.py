"""A churn model for tests: the contract of lessons 02 and 03, trained on few rows in a second."""
import hashlib
import json
import pickle
from importlib.metadata import version

import onnx
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from workshop.machine.paths import DATA

NUMBERS = {"seniorcitizen": None, "tenure": 120, "monthlycharges": 1000, "totalcharges": 120_000}


def table():
    """Return the 7,043 customers, numbers as float32, blanks filled."""
    customers = pd.read_csv(DATA / "churn.csv").fillna({"totalcharges": 0})
    return customers.astype(dict.fromkeys(NUMBERS, "float32"))


def signature():
    """Return the signature that lessons 02 and 03 put into the model."""
    customers = table().drop(columns="churn")
    inputs = []
    for name in customers:
        if name == "seniorcitizen":
            inputs.append({"name": name, "type": "integer", "allowed": [0, 1]})
        elif name in NUMBERS:
            kind = "integer" if name == "tenure" else "number"
            inputs.append({"name": name, "type": kind, "minimum": 0, "maximum": NUMBERS[name]})
        else:
            values = sorted(customers[name].unique())
            inputs.append({"name": name, "type": "category", "allowed": values})
    return {"model": "churn", "version": "1", "inputs": inputs, "threshold": 0.3,
            "training_data_sha256": hashlib.sha256(b"tiny").hexdigest(),
            "versions": {name: version(name) for name in ("scikit-learn", "skl2onnx")}}


def make(folder):
    """Write model.pkl and model.onnx into `folder`."""
    customers = table().head(1000)
    fields = [name for name in customers if name != "churn"]
    categories = [name for name in fields if name not in NUMBERS]
    pipeline = Pipeline([
        ("columns", ColumnTransformer([
            ("categories", OneHotEncoder(handle_unknown="error"), categories),
            ("numbers", StandardScaler(), list(NUMBERS))])),
        ("model", LogisticRegression(max_iter=1000))])
    pipeline.fit(customers[fields], customers["churn"] == "yes")
    (folder / "model.pkl").write_bytes(
        pickle.dumps({"pipeline": pipeline, "signature": signature()}))
    types = [(name, (FloatTensorType if name in NUMBERS else StringTensorType)([None, 1]))
             for name in fields]
    model = to_onnx(pipeline, initial_types=types, options={id(pipeline): {"zipmap": False}})
    onnx.helper.set_model_props(model, {"signature": json.dumps(signature())})
    onnx.save(model, folder / "model.onnx")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Path of the model as ONNX."""
    folder = tmp_path_factory.mktemp("model")
    make(folder)
    return folder / "model.onnx"
