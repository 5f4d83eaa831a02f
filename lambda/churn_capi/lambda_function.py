# Copied from lambda/common/c_api_function.py by python3 -m workshop render: change it there.
"""Churn probability of one customer, by ONNX Runtime's C interface: no NumPy.

What the function `churn` answers, this one answers. The model file carries its own signature;
there is no second copy of it here. What a request may look like, and what goes back, is in
contract.py.
"""
import json
import os

import contract
import onnx_c_api
import web

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL_PATH = os.environ.get("MODEL_PATH") or os.path.join(HERE, "model.onnx")
LIBRARIES = os.path.join(HERE, "onnxruntime", "capi")
ONNX_TYPES = {"category": "tensor(string)", "integer": "tensor(float)", "number": "tensor(float)"}


def load(path):
    """Return the ONNX session, the signature and the fields of the model at `path`.

    Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts its
    signature: a function that cannot answer should fail when it starts, not when it is asked.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    library, = [name for name in os.listdir(LIBRARIES) if name.startswith("libonnxruntime.so.")]
    try:
        session = onnx_c_api.Session(os.path.join(LIBRARIES, library), path)
    except onnx_c_api.Error as error:
        if "CreateSession:" not in str(error):
            raise           # the library's fault, not the model's
        raise ValueError(f"{path}: ONNX Runtime cannot open the model ({os.path.getsize(path)} "
                         f"bytes): {error}. Export it again (lesson 03) and deploy it "
                         "again") from None
    text = session.metadata("signature")
    signature = json.loads(text) if text else None
    fields = contract.read_fields(signature, path)
    promised = [(field.name, ONNX_TYPES[field.kind]) for field in fields]
    if promised != session.inputs:
        raise ValueError(f"{path}: the signature names the inputs {promised}, the model "
                         f"{session.inputs}")
    if "probabilities" not in session.outputs:
        raise ValueError(f"{path}: the model has no output 'probabilities'")
    return session, signature, fields


# Done once for each execution environment, before its first request.
session, signature, fields = load(MODEL_PATH)


def predict(customer):
    """Return the probability (0 to 1) that a checked customer leaves."""
    return session.run("probabilities", [customer[field.name] for field in fields])[1]


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
