"""A text model for tests: the contract of the lesson on text, with weights drawn by lot.

It adds up a number for each token that is not masked, so that order does not matter, and padding
without a mask would.
"""
import hashlib
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ["other", "great"]
VOCABULARY = "\n".join(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "tea", "un", "##like", "##ly", "!", "."])
SIGNATURE = {
    "model": "tiny-text", "version": "1", "inputs": ["input_ids", "attention_mask"],
    "output": "probabilities", "labels": LABELS, "max_tokens": 6, "positions": 8,
    "tokenizer": {"kind": "wordpiece uncased", "file": "vocab.txt",
                  "sha256": hashlib.sha256(VOCABULARY.encode()).hexdigest()},
    "training_data_sha256": "0" * 64, "versions": {}}
WEIGHTS = np.random.default_rng(seed=3).normal(size=(12, 2)).astype("float32")


def probabilities(numbers):
    """What the model answers to these token numbers, computed without ONNX."""
    powers = np.exp(WEIGHTS[numbers].astype("float64").sum(axis=0))
    return powers / powers.sum()


def make(path, signature=SIGNATURE, kind=TensorProto.INT64, last="Softmax", output="probabilities"):
    """Write the model to `path` and return it.

    signature: what it carries; None for none. kind: the type of its inputs. last: its last
    operation. output: the name of its output.
    """
    names = SIGNATURE["inputs"]
    nodes = [helper.make_node("Cast", [names[0]], ["numbers"], to=TensorProto.INT64),
             helper.make_node("Cast", [names[1]], ["mask"], to=TensorProto.FLOAT),
             helper.make_node("Gather", ["weights", "numbers"], ["tokens"]),
             helper.make_node("Unsqueeze", ["mask", "end"], ["masks"]),
             helper.make_node("Mul", ["tokens", "masks"], ["seen"]),
             helper.make_node("ReduceSum", ["seen", "middle"], ["scores"], keepdims=0),
             helper.make_node(last, ["scores"], [output])]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info(name, kind, ["batch", "sequence"]) for name in names],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(WEIGHTS, "weights"),
         numpy_helper.from_array(np.array([-1]), "end"),
         numpy_helper.from_array(np.array([1]), "middle")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if signature is not None:
        helper.set_model_props(model, {"signature": json.dumps(signature)})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
