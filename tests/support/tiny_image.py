"""Image models for tests: the contract of lessons 08 and 11, with weights drawn by lot.

The picture is 8 wide and 6 high, so that a mix-up of the two does not go unnoticed.
"""
import copy
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = ["t-shirt", "trousers", "dress", "coat"]
KERAS_LIKE = {
    "model": "tiny-keras", "version": "1",
    "input": {"name": "image", "layout": "NHWC", "width": 8, "height": 6, "colour": "L",
              "resize": "nearest", "scale": 1 / 255, "mean": [0.0], "std": [1.0]},
    "output": {"name": "probabilities", "kind": "probabilities"},
    "classes": CLASSES, "training_data_sha256": "0" * 64, "versions": {}}
TORCH_LIKE = {
    **KERAS_LIKE, "model": "tiny-torch", "version": "2",
    "input": {"name": "pixels", "layout": "NCHW", "width": 8, "height": 6, "colour": "RGB",
              "resize": "bilinear", "scale": 1 / 255, "mean": [0.485, 0.456, 0.406],
              "std": [0.229, 0.224, 0.225]},
    "output": {"name": "logits", "kind": "logits"}}


def changed(signature, part=None, **changes):
    """A copy of a signature, or of its `part`, with other values; None takes a key away."""
    signature = copy.deepcopy(signature)
    place = signature[part] if part else signature
    place.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del place[key]
    return signature


def shape(signature, batch="batch"):
    """The shape of the model's input, e.g. ["batch", 6, 8, 1]."""
    given = signature["input"]
    sides = {"N": batch, "H": given["height"], "W": given["width"],
             "C": 3 if given["colour"] == "RGB" else 1}
    return [sides[axis] for axis in given["layout"]]


def weights(signature):
    """(matrix, bias) of the model: pixels × classes, classes."""
    count = int(np.prod(shape(signature)[1:]))
    draw = np.random.default_rng(seed=3)
    return (draw.normal(size=(count, len(CLASSES))).astype("float32") / 4,
            draw.normal(size=len(CLASSES)).astype("float32"))


def probabilities(signature, tensor):
    """What the model answers to a tensor with a batch of one, computed without ONNX."""
    matrix, bias = weights(signature)
    scores = np.asarray(tensor, dtype="float64").reshape(1, -1) @ matrix + bias
    powers = np.exp(scores[0] - scores[0].max())
    return powers / powers.sum()


def make(path, built, said="the same", batch="batch", kind=TensorProto.FLOAT):
    """Write a model whose graph is `built` as one signature says, and that carries another.

    said: the signature that it carries; None for none, a string for that text.
    batch: a name, or a fixed number. kind: the type of its input.
    """
    matrix, bias = weights(built)
    given, made = built["input"]["name"], built["output"]["name"]
    softmax = built["output"]["kind"] == "probabilities"
    nodes = [helper.make_node("Cast", [given], ["float"], to=TensorProto.FLOAT),
             helper.make_node("Flatten", ["float"], ["flat"]),
             helper.make_node("Gemm", ["flat", "matrix", "bias"], ["scores"]),
             helper.make_node("Softmax" if softmax else "Identity", ["scores"], [made])]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info(given, kind, shape(built, batch))],
        [helper.make_tensor_value_info(made, TensorProto.FLOAT, [batch, len(CLASSES)])],
        [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(bias, "bias")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    said = built if said == "the same" else said
    if said is not None:
        text = said if isinstance(said, str) else json.dumps(said)
        helper.set_model_props(model, {"signature": text})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
