"""Answers with an ONNX model, by ONNX Runtime, as signature.json beside this file says.

What a request may look like, and what goes back, is in contract.py; how a request becomes the
model's inputs in rows.py, pictures.py or tokens.py.
"""
# What is imported stays: looking for garbage among it only delays the start.
import gc

gc.disable()

import importlib
import json
import os

import onnxruntime as ort

import contract
import metrics
import web

HERE = os.path.dirname(os.path.abspath(__file__))
READERS = {"picture": "pictures", "tokens": "tokens"}      # else: rows


def load(folder):
    """Return the ONNX session and the signature in `folder`.

    Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts the
    signature: a function that cannot answer should fail when it starts, not when it is asked.
    """
    with open(os.path.join(folder, "signature.json"), encoding="utf-8") as file:
        signature = json.load(file)
    path = os.path.join(folder, signature["model"]["file"])
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    try:
        session = ort.InferenceSession(path, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path}: ONNX Runtime cannot open the model ({os.path.getsize(path)} "
                         f"bytes): {error}") from None
    expected = [(entry["name"], entry["type"]) for entry in signature["inputs"]]
    found = [(node.name, node.type) for node in session.get_inputs()]
    if expected != found:
        raise ValueError(f"{path}: signature.json names the inputs {expected}, the model has "
                         f"{found}. Make the folder again from this model")
    missing = {entry["name"] for entry in signature["outputs"]} - {
        node.name for node in session.get_outputs()}
    if missing:
        raise ValueError(f"{path}: the model has no output {sorted(missing)}, which signature.json "
                         "names. Make the folder again from this model")
    return session, signature


def session_options():
    """Settings for a small model on a fraction of one CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1    # more threads than CPUs only get in each other's way
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is billed
    options.log_severity_level = 3      # errors; on Lambda it warns about hardware it cannot see
    return options


def make_reader(signature):
    """Return what makes the model's inputs of a request."""
    module = next((READERS[part] for part in READERS if part in signature), "rows")
    return importlib.import_module(module).Reader(signature)


# Done once for each execution environment, before its first request.
ort.set_default_logger_severity(3)
session, signature = load(HERE)
fields = [contract.Field(entry) for entry in signature["fields"]]
OUTPUTS = [entry["name"] for entry in signature["outputs"]]
reader = make_reader(signature)


def predict(request):
    """Return the content of the answer to a checked request."""
    return contract.answer(session.run(OUTPUTS, reader.feed(request)), signature)


def lambda_handler(event, context):
    """Answer one event of any kind that web.py knows."""
    call = web.Call(event, context)
    try:
        call.answer(predict(contract.read(call.read(EXAMPLE), fields)))
    except Exception as error:      # the last resort: callers must not see what went wrong
        call.refuse(error)
    call.log(signature["version"], metrics.of_call(call))
    return call.response()


EXAMPLE = json.dumps(signature["example"])[:500]
predict(signature["example"])   # proves the signature; ONNX Runtime allocates what it needs
gc.enable()
