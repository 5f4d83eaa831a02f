"""Churn probability of one customer, by scikit-learn on the pickle: the baseline.

The same contract as the function `churn`, to compare size, start and speed with.
"""
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd

import contract
import web

MODEL_PATH = Path(os.environ.get("MODEL_PATH") or Path(__file__).with_name("model.pkl"))


def load(path):
    """Return the pipeline, the signature and the fields of the model at `path`.

    Opening a pickle runs code: it must be one that we wrote ourselves. Raises FileNotFoundError,
    or ValueError when the pickle is damaged, or signature and pipeline contradict each other.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    try:
        with path.open("rb") as file:
            model = pickle.load(file)
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"{path}: the pickle is damaged ({path.stat().st_size} bytes): {error}. "
                         "Make it again (lesson 02) and deploy it again") from None
    if not isinstance(model, dict) or "pipeline" not in model:
        raise ValueError(f"{path}: the file holds no pipeline with its signature")
    pipeline, signature = model["pipeline"], model.get("signature")
    fields = contract.read_fields(signature, path)
    promised = [field.name for field in fields]
    if promised != list(pipeline.feature_names_in_):
        raise ValueError(f"{path}: the signature names the inputs {promised}, the pipeline "
                         f"{list(pipeline.feature_names_in_)}")
    return pipeline, signature, fields


# Done once for each execution environment, before its first request.
pipeline, signature, fields = load(MODEL_PATH)


def predict(customer):
    """Return the probability (0 to 1) that a checked customer leaves."""
    row = {}
    for field in fields:
        kind = object if field.kind == "category" else np.float32
        row[field.name] = np.array([customer[field.name]], dtype=kind)
    return pipeline.predict_proba(pd.DataFrame(row))[0, 1]


def lambda_handler(event, context):
    """Answer one event of any kind that web.py knows."""
    call = web.Call(event, context)
    try:
        customer = contract.read_customer(call.read(contract.EXAMPLE), fields)
        call.answer(contract.answer(predict(customer), signature))
    except Exception as error:      # the last resort: callers must not see what went wrong
        call.refuse(error)
    call.log(signature["version"])
    return call.response()
