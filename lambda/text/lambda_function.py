"""Labels of a text, by ONNX Runtime.

The model file carries its own signature: labels, how many tokens it reads, and the digest of the
tokenizer's file that it was trained with. What a request may look like, and what goes back, is in
contract.py; how text becomes numbers in wordpiece.py.
"""
# What is imported stays: looking for garbage among it only delays the start.
import gc

gc.disable()

import hashlib
import json
import os

import numpy as np
import onnxruntime as ort

import contract
import web
import wordpiece

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL_PATH = os.environ.get("MODEL_PATH") or os.path.join(HERE, "model.onnx")
VOCABULARY_PATH = os.environ.get("VOCABULARY_PATH") or os.path.join(HERE, "vocab.txt")


def load(path):
    """Return the ONNX session and the signature of the model at `path`.

    The large weights may be in a file beside it, which ONNX Runtime maps into memory: a part of it
    is read when it is used, and the start waits for less.
    Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts its
    signature: a function that cannot answer should fail when it starts, not when it is asked.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no model; put it into the image beside the code")
    try:
        session = ort.InferenceSession(path, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path}: ONNX Runtime cannot open the model ({os.path.getsize(path)} "
                         f"bytes): {error}. Export it again and deploy it again") from None
    text = session.get_modelmeta().custom_metadata_map.get("signature")
    signature = json.loads(text) if text else None
    contract.check_signature(signature, path)
    promised = [(name, "tensor(int64)") for name in signature["inputs"]]
    taken = [(node.name, node.type) for node in session.get_inputs()]
    if promised != taken:
        raise ValueError(f"{path}: the signature names the inputs {promised}, the model has "
                         f"{taken}")
    outputs = [node.name for node in session.get_outputs()]
    if signature["output"] not in outputs:
        raise ValueError(f"{path}: the signature names the output {signature['output']!r}, the "
                         f"model has {outputs}")
    return session, signature


def session_options():
    """Settings for a small model on a fraction of one CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1    # more threads than CPUs only get in each other's way
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is billed
    options.log_severity_level = 3      # errors; on Lambda it warns about hardware it cannot see
    return options


def load_tokenizer(path, expected, model):
    """Return the tokenizer of the vocabulary at `path`.

    expected: SHA-256 of the file that the model was trained with. Another vocabulary numbers other
    words, and the model would answer, wrongly. So ValueError is raised, or FileNotFoundError.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: there is no vocabulary; put vocab.txt beside the model")
    with open(path, "rb") as file:
        content = file.read()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(f"{path}: this is not the tokenizer that {model} was trained with: its "
                         f"SHA-256 is {found[:12]}…, the model's signature names "
                         f"{expected[:12]}…. Put the vocab.txt from the model's training beside it")
    return wordpiece.WordPiece(content.decode("utf-8"))


# Done once for each execution environment, before its first request.
ort.set_default_logger_severity(3)
session, signature = load(MODEL_PATH)
tokenizer = load_tokenizer(VOCABULARY_PATH, signature["tokenizer"]["sha256"], MODEL_PATH)


def predict(numbers):
    """Return the probability (0 to 1) of each label for a text's token numbers.

    One text at a time, at its own length: the model scales its 8-bit numbers by the largest one of
    a batch, so a neighbour or padding would change the answer.
    """
    tokens = np.array([numbers], np.int64)
    feed = dict(zip(signature["inputs"], (tokens, np.ones_like(tokens))))
    rows, = session.run([signature["output"]], feed)
    return rows[0].tolist()


def check_output():
    """Raise ValueError unless the model gives one probability for each label."""
    expected, found = len(signature["labels"]), predict(tokenizer.encode("", 2)[0])
    if len(found) != expected or not abs(sum(found) - 1) < 0.01:
        raise ValueError(f"{MODEL_PATH}: the signature names {expected} labels; the model's output "
                         f"{signature['output']!r} has {len(found)} values that add up to "
                         f"{sum(found):.3f}, not to 1")


check_output()      # this first run also makes ONNX Runtime allocate what it needs
gc.enable()


def lambda_handler(event, context):
    """Answer one event of any kind that web.py knows."""
    call = web.Call(event, context)
    counts = []
    try:
        request = call.read(contract.EXAMPLE)
        results = []
        for text in contract.read_texts(request):
            numbers, count = tokenizer.encode(text, signature["max_tokens"])
            counts.append(count)
            results.append(contract.result(predict(numbers), count, signature))
        call.answer(contract.answer(request, results, signature))
    except Exception as error:      # the last resort: callers must not see what went wrong
        call.refuse(error)
    call.log(signature["version"], {"texts": len(counts), "tokens": sum(counts)})
    return call.response()
