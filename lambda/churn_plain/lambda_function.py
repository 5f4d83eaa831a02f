"""Churn probability of one customer, by ONNX Runtime with its defaults.

The function `churn` as one writes it first: nothing in it cares how fast it starts. It is a rung
of lesson 14's ladder; `churn` itself is the one to use, and says what is wrong with a model.
"""
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort

import contract
import web

MODEL_PATH = Path(os.environ.get("MODEL_PATH") or Path(__file__).with_name("model.onnx"))

# Done once for each execution environment, before its first request.
session = ort.InferenceSession(MODEL_PATH, providers=["CPUExecutionProvider"])
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
fields = contract.read_fields(signature, MODEL_PATH)


def predict(customer):
    """Return the probability (0 to 1) that a checked customer leaves."""
    feed = {}
    for field in fields:
        kind = object if field.kind == "category" else np.float32
        feed[field.name] = np.array([[customer[field.name]]], dtype=kind)
    probabilities, = session.run(["probabilities"], feed)
    return probabilities[0, 1]


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
