"""Churn probability of one customer, by ONNX Runtime with its defaults.

The function `churn` as one writes it first: nothing in it cares how fast it starts. It is a rung
of lesson 11's ladder; `churn` itself is the one to use, and says what is wrong with a model.
"""
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort

import contract

MODEL_PATH = Path(os.environ.get("MODEL_PATH") or Path(__file__).with_name("model.onnx"))

# Done once for each execution environment, before its first request.
session = ort.InferenceSession(MODEL_PATH, providers=["CPUExecutionProvider"])
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
contract.check_signature(signature, MODEL_PATH)


def predict(customer):
    """Return the probability (0 to 1) that a checked customer leaves."""
    feed = {}
    for entry in signature["inputs"]:
        kind = object if entry["type"] == "category" else np.float32
        feed[entry["name"]] = np.array([[customer[entry["name"]]]], dtype=kind)
    probabilities, = session.run(["probabilities"], feed)
    return probabilities[0, 1]


def lambda_handler(event, context):
    """Answer one event of any kind that contract.py knows."""
    return contract.respond(event, context, signature, predict)
