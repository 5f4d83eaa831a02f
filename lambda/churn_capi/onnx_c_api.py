# Copied from lambda/common/onnx_c_api.py by python3 -m workshop render: change it there.
"""ONNX Runtime by its C interface, through ctypes: no NumPy, no compiled Python module.

The library hands out a table of functions, `struct OrtApi` in its header file. A function is known
by its place in the table. A place never changes, and a newer library still hands out the table of
an older version, so these numbers stay true; what they mean stands in
https://github.com/microsoft/onnxruntime/blob/v1.13.1/include/onnxruntime/core/session/onnxruntime_c_api.h
"""
import ctypes
from ctypes import byref, c_char_p, c_float, c_int64, c_size_t, c_void_p

VERSION = 13    # of the header, that is: of ONNX Runtime 1.13 and later
PLACES = {
    "GetErrorMessage": 2, "CreateEnv": 3, "CreateSession": 7, "Run": 9, "CreateSessionOptions": 10,
    "SetIntraOpNumThreads": 24, "SetInterOpNumThreads": 25, "SessionGetInputCount": 30,
    "SessionGetOutputCount": 31, "SessionGetInputTypeInfo": 33, "SessionGetInputName": 36,
    "SessionGetOutputName": 37, "CreateTensorAsOrtValue": 48, "CreateTensorWithDataAsOrtValue": 49,
    "GetTensorMutableData": 51, "FillStringTensor": 52, "CastTypeInfoToTensorInfo": 55,
    "GetTensorElementType": 60, "GetTensorShapeElementCount": 64, "GetTensorTypeAndShape": 65,
    "CreateCpuMemoryInfo": 69, "AllocatorFree": 76, "GetAllocatorWithDefaultOptions": 78,
    "ReleaseStatus": 93, "ReleaseValue": 96, "ReleaseTypeInfo": 98,
    "ReleaseTensorTypeAndShapeInfo": 99, "ReleaseSessionOptions": 100,
    "SessionGetModelMetadata": 111, "ModelMetadataLookupCustomMetadataMap": 116,
    "ReleaseModelMetadata": 118}
ERROR = 3                                   # OrtLoggingLevel: errors and worse
FLOAT, STRING = 1, 8                        # ONNXTensorElementDataType
TYPES = {FLOAT: "tensor(float)", STRING: "tensor(string)"}
ONE_BY_ONE = (c_int64 * 2)(1, 1)            # the shape of every input

# Nearly all functions return a status, which is NULL when all went well. ctypes passes an int as
# C's int and bytes as char*; all other types are given where a function is called.
FUNCTION = ctypes.CFUNCTYPE(c_void_p)


class Error(RuntimeError):
    """ONNX Runtime refused something: which function, and its own words."""


class Library:
    """The functions of the library at `path`; each raises Error when it returns a status."""

    def __init__(self, path):
        get_base = ctypes.CDLL(path).OrtGetApiBase
        get_base.restype = ctypes.POINTER(c_void_p)
        get_table = ctypes.CFUNCTYPE(ctypes.POINTER(c_void_p), ctypes.c_uint32)(get_base()[0])
        table = get_table(VERSION)
        if not table:
            raise Error(f"{path}: this ONNX Runtime is older than 1.{VERSION}")
        self.functions = {name: FUNCTION(table[place]) for name, place in PLACES.items()}

    def call(self, name, *arguments):
        """Call a function that returns a status."""
        status = self.functions[name](*arguments)
        if status:
            text = c_char_p(self.functions["GetErrorMessage"](c_void_p(status)))
            message = text.value.decode("utf-8", "replace")
            self.functions["ReleaseStatus"](c_void_p(status))
            raise Error(f"{name}: {message}")

    def make(self, name, *arguments, kind=c_void_p):
        """Call a function that puts its result where its last argument points; return it."""
        result = kind()
        self.call(name, *arguments, byref(result))
        return result

    def release(self, what, handle):
        self.functions[f"Release{what}"](handle)


class Session:
    """A model whose inputs are strings and float32, each of shape (1, 1); one request at a time.

    library, path: files (str). inputs: [(name, "tensor(string)" or "tensor(float)"), …].
    outputs: [name, …]. Raises OSError without the library, Error when the model cannot be used.
    """

    def __init__(self, library, path):
        self.library = Library(library)
        make = self.library.make
        self.environment = make("CreateEnv", ERROR, b"")
        options = make("CreateSessionOptions")
        self.library.call("SetIntraOpNumThreads", options, 1)   # no threads but our own
        self.library.call("SetInterOpNumThreads", options, 1)
        self.session = make("CreateSession", self.environment, path.encode(), options)
        self.library.release("SessionOptions", options)
        self.allocator = make("GetAllocatorWithDefaultOptions")
        counts = [make(f"SessionGet{what}Count", self.session, kind=c_size_t).value
                  for what in ("Input", "Output")]
        self.inputs = [(self.name("Input", i), self.type(i)) for i in range(counts[0])]
        self.outputs = [self.name("Output", i) for i in range(counts[1])]
        self.tensors = [self.tensor(kind) for _, kind in self.inputs]
        self.input_names = strings(name for name, _ in self.inputs)
        self.input_values = (c_void_p * counts[0])(*(value.value for value, _ in self.tensors))

    def metadata(self, key):
        """Return the text that the model's metadata has under `key`, or None."""
        data = self.library.make("SessionGetModelMetadata", self.session)
        text = self.library.make("ModelMetadataLookupCustomMetadataMap", data, self.allocator,
                                 key.encode())
        self.library.release("ModelMetadata", data)
        return self.take(text)

    def run(self, output, values):
        """Return the numbers of one output; values: str or number for each input, in order."""
        for (value, number), given in zip(self.tensors, values, strict=True):
            if number is None:
                self.library.call("FillStringTensor", value, strings([given]), c_size_t(1))
            else:
                number.value = given
        made = (c_void_p * 1)()
        self.library.call("Run", self.session, None, self.input_names, self.input_values,
                          c_size_t(len(values)), strings([output]), c_size_t(1), made)
        answer = c_void_p(made[0])
        shape = self.library.make("GetTensorTypeAndShape", answer)
        count = self.library.make("GetTensorShapeElementCount", shape, kind=c_size_t).value
        numbers = self.library.make("GetTensorMutableData", answer)
        numbers = list((c_float * count).from_address(numbers.value))
        self.library.release("TensorTypeAndShapeInfo", shape)
        self.library.release("Value", answer)
        return numbers

    # ------------------------------------------------------------ small things

    def name(self, what, i):
        return self.take(self.library.make(f"SessionGet{what}Name", self.session, c_size_t(i),
                                           self.allocator))

    def type(self, i):
        info = self.library.make("SessionGetInputTypeInfo", self.session, c_size_t(i))
        tensor = self.library.make("CastTypeInfoToTensorInfo", info)    # a view, not released
        kind = tensor and self.library.make("GetTensorElementType", tensor,
                                            kind=ctypes.c_int).value
        self.library.release("TypeInfo", info)
        return TYPES.get(kind, f"element type {kind}")

    def tensor(self, kind):
        """Return a tensor for an input, used for every request, and the float it looks at."""
        if kind == TYPES[STRING]:
            return self.library.make("CreateTensorAsOrtValue", self.allocator, ONE_BY_ONE,
                                     c_size_t(2), STRING), None
        number = c_float()
        memory = self.library.make("CreateCpuMemoryInfo", 0, 0)     # no arena, the usual memory
        return self.library.make("CreateTensorWithDataAsOrtValue", memory, byref(number),
                                 c_size_t(4), ONE_BY_ONE, c_size_t(2), FLOAT), number

    def take(self, text):
        """Return a C string that the library made for us (None for NULL), and give it back."""
        if not text:
            return None
        found = c_char_p(text.value).value.decode()
        self.library.call("AllocatorFree", self.allocator, text)
        return found


def strings(values):
    """Return values as C's array of strings."""
    values = [value.encode() for value in values]
    return (c_char_p * len(values))(*values)
