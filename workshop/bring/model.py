"""A model file that somebody brings: opened, and what it says of itself."""
import hashlib
import json
from pathlib import Path

import onnx
import onnxruntime
from onnx.external_data_helper import ExternalDataInfo

from workshop.course import model_files


class ModelError(ValueError):
    """A model file that no function can be made of; the message says why."""


class Model:
    """An opened ONNX file. path: where it is. external: names of the files that hold weights."""

    def __init__(self, path):
        self.path = Path(path)
        model_files.check(self.path)
        proto = onnx.load(self.path, load_external_data=False)
        self.external = sorted({ExternalDataInfo(tensor).location for tensor in _tensors(proto)
                                if tensor.data_location == onnx.TensorProto.EXTERNAL})
        for name in self.external:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ModelError(f"{self.path}: its weights are said to be in {name}, which is "
                                 "outside its folder. Save the model again, with them beside it.")
            if not (self.path.parent / name).is_file():
                raise ModelError(f"{self.path}: its weights are in another file, {name}, which is "
                                 "not beside it. Copy both into one folder.")
        try:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            self.session = onnxruntime.InferenceSession(self.path, options,
                                                        providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"{self.path}: ONNX Runtime {onnxruntime.__version__} cannot open the "
                             f"model: {' '.join(str(error).split())[:300]}") from None
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self.inputs, self.outputs = self.session.get_inputs(), self.session.get_outputs()

    def own_signature(self) -> dict:
        """The signature in the metadata, as this workshop's lessons write it; {} without one."""
        try:
            found = json.loads(self.metadata.get("signature") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def describe(self, file: str) -> dict:
        """What the function's signature says about the file, which is named `file` there."""
        def digest(path):
            return hashlib.sha256(path.read_bytes()).hexdigest()

        return {"file": file, "sha256": digest(self.path), "bytes": self.path.stat().st_size,
                "external": {name: digest(self.path.parent / name) for name in self.external},
                "producer": self.session.get_modelmeta().producer_name}


def _tensors(proto):
    """Every tensor with weights: initializers, and those of subgraphs and of Constant nodes."""
    graphs = [proto.graph]
    while graphs:
        graph = graphs.pop()
        yield from graph.initializer
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs += attribute.graphs
