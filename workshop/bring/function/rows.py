"""From the fields of a request to the model's inputs: numbers, words and lists."""
import numpy as np

# ONNX Runtime's name of a type, and NumPy's. Strings travel as Python's objects.
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
          "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int16)": np.int16,
          "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(uint16)": np.uint16,
          "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64, "tensor(bool)": np.bool_,
          "tensor(string)": object}


class Reader:
    """Makes the model's inputs of a checked request, as the signature's `inputs` say.

    An input is made of "columns" (fields beside each other), of one "field", or of a constant
    "value", which no caller sends.
    """

    def __init__(self, signature):
        self.inputs = [(entry, DTYPES[entry["type"]]) for entry in signature["inputs"]]
        self.constants = {entry["name"]: np.full(entry["shape"], entry["value"], dtype)
                          for entry, dtype in self.inputs if "value" in entry}

    def feed(self, request):
        """Return {input: array}."""
        feed = dict(self.constants)
        for entry, dtype in self.inputs:
            if "columns" in entry:
                values = [request[name] for name in entry["columns"]]
                feed[entry["name"]] = np.array(values, dtype).reshape(entry["shape"])
            elif "field" in entry:
                value = np.array(request[entry["field"]], dtype)
                feed[entry["name"]] = value[np.newaxis] if entry["batch"] else value
        return feed
