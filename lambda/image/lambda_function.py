"""Labels of a picture, by ONNX Runtime, with any image model that says what it needs.

The model file carries its own signature: size, layout, colour, scale, classes. There is no second
copy of it here, so a Keras and a PyTorch model are served by the same code. What a request may
look like, and what goes back, is in contract.py.
"""
# What is imported stays: looking for garbage among it only delays the start.
import gc

gc.disable()

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort

import contract
import fetch
import picture
import preprocess
import web

MODEL_PATH = Path(os.environ.get("MODEL_PATH") or Path(__file__).with_name("model.onnx"))


def load(path):
    """Return the ONNX session and the signature of the model at `path`.

    Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts its
    signature: a function that cannot answer should fail when it starts, not when it is asked.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    try:
        session = ort.InferenceSession(path, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path}: ONNX Runtime cannot open the model ({os.path.getsize(path)} "
                         f"bytes): {error}. Export it again (lesson 08 or 11) and deploy it "
                         "again") from None
    signature = read_signature(session, path)
    preprocess.check_signature(signature, path)
    check_input(session.get_inputs(), signature["input"], path)
    check_output(session, signature, path)
    return session, signature


def read_signature(session, path):
    """Return what the model says of itself, None when it says nothing; ValueError if unreadable."""
    text = session.get_modelmeta().custom_metadata_map.get("signature")
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ValueError(f"{path}: the model's signature is not JSON: {error}") from None


def session_options():
    """Settings for a small model on a fraction of one CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1    # more threads than CPUs only get in each other's way
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is billed
    options.log_severity_level = 3      # errors; on Lambda it warns about hardware it cannot see
    return options


def check_input(nodes, given, path):
    """Raise ValueError unless the model takes the tensor that the signature describes."""
    names = [node.name for node in nodes]
    if names != [given["name"]]:
        raise ValueError(f"{path}: the signature names the input {given['name']!r}, "
                         f"the model has {names}")
    node, = nodes
    if node.type != "tensor(float)":
        raise ValueError(f"{path}: the model's input {node.name!r} is a {node.type}, and "
                         "preprocessing makes a tensor(float)")
    expected = preprocess.shape(given)
    # A side without a fixed size is a name or None, and takes any size.
    fits = len(node.shape) == 4 and all(
        has == side for has, side in zip(node.shape, expected) if isinstance(has, int))
    if not fits:
        raise ValueError(
            f"{path}: the signature says {given['layout']}, {given['width']} wide, "
            f"{given['height']} high, colour {given['colour']}: the input {node.name!r} gets the "
            f"shape {list(expected)}, but the model takes {node.shape}")


def check_output(session, signature, path):
    """Raise ValueError unless the model answers an empty picture as the signature says.

    This first run also makes ONNX Runtime allocate what it needs.
    """
    name, kind = signature["output"]["name"], signature["output"]["kind"]
    names = [node.name for node in session.get_outputs()]
    if name not in names:
        raise ValueError(f"{path}: the signature names the output {name!r}, the model has {names}")
    empty = np.zeros(preprocess.shape(signature["input"]), dtype=np.float32)
    try:
        scores, = session.run([name], {signature["input"]["name"]: empty})
    except Exception as error:
        raise ValueError(f"{path}: the model cannot take the shape {list(empty.shape)} that the "
                         f"signature describes: {error}") from None
    expected = (1, len(signature["classes"]))
    if scores.shape != expected:
        raise ValueError(f"{path}: the signature names {expected[1]} classes, so the output "
                         f"{name!r} has the shape {list(expected)}, but the model gives "
                         f"{list(scores.shape)}")
    if kind == "probabilities" and not are_probabilities(scores[0]):
        raise ValueError(f"{path}: the signature says that the output {name!r} holds "
                         "probabilities, but they do not add up to 1: are they logits?")


def are_probabilities(values):
    """Whether values are within 0 to 1 and add up to 1, as nearly as an int8 model has them."""
    values = values.tolist()        # few numbers: Python is quicker at them than NumPy
    return min(values) >= 0 and max(values) < 1.001 and abs(sum(values) - 1) < 0.05


# Done once for each execution environment, before its first request.
ort.set_default_logger_severity(3)
EXTRA_HOSTS = fetch.parse_hosts(os.environ.get("ALLOWED_HOSTS", ""))
session, signature = load(MODEL_PATH)
to_tensor = preprocess.make(signature["input"])
MEMORY = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0))     # MB; Lambda sets it
picture.limit(MEMORY, signature["input"]["width"])
gc.enable()


def predict(image, invert=None):
    """Return the probability (0 to 1) of each class for a picture; they add up to 1."""
    feed = {signature["input"]["name"]: to_tensor(image, invert)}
    scores = session.run([signature["output"]["name"]], feed)[0][0].astype(np.float64)
    if signature["output"]["kind"] == "logits":
        scores = softmax(scores)
    if not are_probabilities(scores):
        raise ValueError("the model answered something that are no probabilities")
    return scores


def softmax(logits):
    """Return the probabilities of logits; the largest is taken off, as exp(710) overflows."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def lambda_handler(event, context):
    """Answer one event of any kind that web.py knows."""
    call = web.Call(event, context)
    try:
        fields, data = contract.read_request(call)
        image = contract.read_picture(fields, data, EXTRA_HOSTS,
                                      signature["input"]["colour"])
        probabilities = predict(image, fields.get("invert"))
        call.answer(contract.answer(probabilities, fields.get("top", contract.USUAL_TOP),
                                    signature))
    except Exception as error:      # the last resort: callers must not see what went wrong
        call.refuse(error)
    call.log(signature["version"])
    return call.response()
