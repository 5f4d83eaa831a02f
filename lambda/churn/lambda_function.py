"""Churn probability of one customer, by ONNX Runtime.

The model file carries its own signature; there is no second copy of it here. What a request may
look like, and what goes back, is in contract.py; what holds for any event is in web.py.
"""
# What is imported stays: looking for garbage among it only delays the start.
import gc

gc.disable()

import json
import os

import numpy as np
import onnxruntime as ort

import contract
import metrics
import web

MODEL_URI = os.environ.get("MODEL_URI")     # a model in S3: see model_store.py
BESIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.onnx")
MODEL_PATH = os.environ.get("MODEL_PATH") or BESIDE
ONNX_TYPES = {"category": "tensor(string)", "integer": "tensor(float)", "number": "tensor(float)"}


def load(path):
    """Return the ONNX session, the signature and the fields of the model at `path`.

    Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts its
    signature: a function that cannot answer should fail when it starts, not when it is asked.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    try:
        session = ort.InferenceSession(path, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path}: ONNX Runtime cannot open the model ({os.path.getsize(path)} "
                         f"bytes): {error}. Export it again (lesson 03) and deploy it "
                         "again") from None
    text = session.get_modelmeta().custom_metadata_map.get("signature")
    signature = json.loads(text) if text else None
    fields = contract.read_fields(signature, path)
    promised = [(field.name, ONNX_TYPES[field.kind]) for field in fields]
    taken = [(node.name, node.type) for node in session.get_inputs()]
    for wanted, has in zip(promised + [None] * len(taken), taken + [None] * len(promised)):
        if wanted != has:
            raise ValueError(f"{path}: the signature names the input {wanted}, the model has {has}")
    if "probabilities" not in [node.name for node in session.get_outputs()]:
        raise ValueError(f"{path}: the model has no output 'probabilities'")
    return session, signature, fields


def session_options():
    """Settings for a small model on a fraction of one CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1    # more threads than CPUs only get in each other's way
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is billed
    options.log_severity_level = 3      # errors; on Lambda it warns about hardware it cannot see
    return options


def use_model(model):
    """Answer with `model`, as load returns it, from now on."""
    global session, signature, fields, feed
    session, signature, fields = model
    # One request at a time is answered here, so all of them can have the same arrays.
    feed = {field.name: np.empty((1, 1), object if field.kind == "category" else np.float32)
            for field in fields}


def renew_model():
    """Where the model lies in S3: go on with the one that counts now; raises NoModelError."""
    if models and (model := models.current())[1] is not signature:
        use_model(model)


# Done once for each execution environment, before its first request.
ort.set_default_logger_severity(3)
models = session = signature = fields = feed = None
if MODEL_URI:
    import model_store
    models = model_store.Store(MODEL_URI, load)
else:
    use_model(load(MODEL_PATH))
gc.enable()


def predict(customer):
    """Return the probability (0 to 1) that a checked customer leaves."""
    for name, array in feed.items():
        array[0, 0] = customer[name]
    probabilities, = session.run(["probabilities"], feed)
    return probabilities[0, 1]


def lambda_handler(event, context):
    """Answer one event of any kind that web.py knows."""
    call = web.Call(event, context)
    try:
        renew_model()
        customer = contract.read_customer(call.read(contract.EXAMPLE), fields)
        metrics.count(customer, signature.get("spread"))
        call.answer(contract.answer(predict(customer), signature))
    except Exception as error:      # the last resort: callers must not see what went wrong
        call.refuse(error)
    call.log(signature and signature["version"], metrics.of_call(call))
    return call.response()
