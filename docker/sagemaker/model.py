"""An ONNX model that says itself what it takes: loaded, asked for, and checked against.

The file carries a `signature` in its metadata, JSON: {"model", "version", "inputs": [{"name",
"type": "category" | "integer" | "number", "allowed": […] or "minimum", "maximum"}, …]}.
A number without a range may be any that float32 has.
"""
import json

import numpy as np
import onnxruntime as ort

import contract

ONNX_TYPES = {"category": "tensor(string)", "integer": "tensor(float)", "number": "tensor(float)"}
MOST_PROBLEMS = 20      # a request with more is told the first ones


class Model:
    """An ONNX session, and the signature of what it answers to."""

    def __init__(self, path):
        """Load the model at `path`.

        Raises FileNotFoundError, or ValueError when the model is damaged, or contradicts its
        signature: a server that cannot answer should fail when it starts, not when it is asked.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no model; put model.onnx at the top of the "
                                    "archive that ModelDataUrl names")
        try:
            self.session = ort.InferenceSession(path, options(),
                                                providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ValueError(
                f"{path}: ONNX Runtime cannot open the model ({path.stat().st_size} bytes): "
                f"{error}. Export it again, make model.tar.gz of it and upload that (lesson 18; "
                "workshop.endpoints.serve does all three but the export)") from None
        text = self.session.get_modelmeta().custom_metadata_map.get("signature")
        self.signature = json.loads(text) if text else {}
        inputs = self.signature.get("inputs")
        if not inputs or "version" not in self.signature:
            raise ValueError(f"{path}: the model has no signature with inputs and a version; "
                             "export it again, with its metadata")
        taken = [(node.name, node.type) for node in self.session.get_inputs()]
        promised = [(entry["name"], ONNX_TYPES.get(entry["type"])) for entry in inputs]
        # One input for each field, or all fields side by side in one matrix.
        self.as_matrix = (len(taken) == 1 and taken != promised
                          and self.session.get_inputs()[0].shape[-1] == len(promised))
        if self.as_matrix:
            promised = [(taken[0][0], kind) for _, kind in promised[:1]]
        if promised != taken:
            raise ValueError(f"{path}: the signature names the inputs {promised}, the model has "
                             f"{taken}")
        self.fields = [contract.Field(entry) for entry in inputs]
        outputs = [node.name for node in self.session.get_outputs()]
        self.output = "probabilities" if "probabilities" in outputs else outputs[0]

    def problems(self, instances):
        """Return what is wrong with `instances`, at most MOST_PROBLEMS; [] when nothing is.

        Each is {"instance": place in the list, "field", "message", "allowed"}. Values are not
        repeated: they may be of a kind that no log should hold.
        """
        found = []
        for place, instance in enumerate(instances):
            if len(found) >= MOST_PROBLEMS:
                break
            problems = (contract.check_values(instance, self.fields) if isinstance(instance, dict)
                        else [{"field": None, "message": "must be an object",
                               "allowed": [field.name for field in self.fields]}])
            found += [{"instance": place, **problem} for problem in problems]
        return found[:MOST_PROBLEMS]

    def predict(self, instances):
        """Return one prediction for each checked instance.

        The probability of the second class where the model tells two apart; else the model's
        whole row, as a list.
        """
        if self.as_matrix:
            feed = {self.session.get_inputs()[0].name: np.array(
                [[instance[field.name] for field in self.fields] for instance in instances],
                dtype=np.float32)}
        else:
            feed = {field.name: np.array(
                [[instance[field.name]] for instance in instances],
                dtype=object if field.kind == "category" else np.float32)
                for field in self.fields}
        rows, = self.session.run([self.output], feed)
        if self.output == "probabilities" and rows.shape[1] == 2:
            return rows[:, 1].tolist()
        return rows.tolist()


def options():
    """Settings for a small model on a share of one CPU."""
    chosen = ort.SessionOptions()
    chosen.intra_op_num_threads = 1     # more threads than CPUs only get in each other's way
    chosen.inter_op_num_threads = 1
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is billed
    chosen.log_severity_level = 3       # errors; it warns about hardware it cannot see
    return chosen
