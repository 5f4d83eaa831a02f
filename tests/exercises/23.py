"""Wrong answers to the exercises of lesson 23, each with words of its diagnosis; and right ones."""


def settings(timeout=10, memory=512, **variables):
    return f"fixed = dict(Timeout={timeout}, MemorySize={memory}, " \
           f"Environment={{'Variables': {variables}}})"


SCALAR = "if isinstance(value, np.generic):\n    return value.item()\n"
ARRAY = "if isinstance(value, np.ndarray):\n    return value.tolist()\n"
DICT = "if isinstance(value, dict):\n    return {key: plain(one) for key, one in value.items()}\n"
LIST = "if isinstance(value, list | tuple):\n    return [plain(one) for one in value]\n"
CHECKED = "if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:\n" \
          "    raise ValueError(f'got {picture.shape}')\n"
PICTURE = "return picture.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255"

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", SCALAR + "return value", "an array is still not plain"),
    ("Exercise 1", SCALAR + ARRAY + "return value", "a dict is still not plain"),
    ("Exercise 1", SCALAR + ARRAY + DICT + "return value", "numbers in a list in a dict"),
    ("Exercise 1", SCALAR + ARRAY + DICT + LIST.replace("list | tuple", "list") + "return value",
     "a tuple is still not plain"),
    ("Exercise 1", ARRAY + DICT + LIST
     + "if isinstance(value, np.generic):\n    return float(value)\nreturn value",
     "a whole number became a float"),
    ("Exercise 1", SCALAR + ARRAY + DICT + LIST + "return str(value)", "text and None"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", CHECKED + PICTURE.replace("[np.newaxis]", ""), "should become (1, 3, 2, 4)"),
    ("Exercise 2", CHECKED + "return picture[np.newaxis].astype(np.float32) / 255",
     "should become (1, 3, 2, 4)"),
    ("Exercise 2", CHECKED + PICTURE.replace(".astype(np.float32)", ""), "takes float32"),
    ("Exercise 2", CHECKED + PICTURE.replace(" / 255", ""), "divide by 255"),
    ("Exercise 2", CHECKED + PICTURE.replace(
        "transpose(2, 0, 1)", "reshape(3, *picture.shape[:2])"), "do not reshape"),
    ("Exercise 2", PICTURE, "(3, rows, columns) got through"),
    ("Exercise 2", CHECKED.replace(" or picture.dtype != np.uint8", "") + PICTURE,
     "floats got through"),
    ("Exercise 2", CHECKED.replace("got {picture.shape}", "a wrong picture") + PICTURE,
     "say which shape came"),
    ("Exercise 2", "if picture.ndim != 3 or picture.shape[2] != 3:\n    raise TypeError('no')\n"
     + PICTURE, "raise a ValueError, not TypeError"),
    ("Exercise 3", "...", "where may a function write?"),
    ("Exercise 3", settings(memory=128, CACHE="/tmp"), "it holds 200 MB"),
    ("Exercise 3", settings(timeout=3, CACHE="/tmp"), "how long does it sleep"),
    ("Exercise 3", settings(timeout=900, CACHE="/tmp"), "for 30 seconds at most"),
    ("Exercise 3", settings(memory=3008, CACHE="/tmp"), "is paid for nothing"),
]

RIGHT = [
    ("Exercise 1", """\
if isinstance(value, dict):
    return {key: plain(one) for key, one in value.items()}
if isinstance(value, (list, tuple)):
    return list(map(plain, value))
if isinstance(value, (np.ndarray, np.generic)):
    return value.tolist()
return value"""),
    ("Exercise 1", """\
match value:
    case np.ndarray() | np.generic():
        return value.tolist()
    case dict():
        return dict((key, plain(one)) for key, one in value.items())
    case list() | tuple():
        return tuple(plain(one) for one in value) if isinstance(value, tuple) else [
            plain(one) for one in value]
return value"""),
    ("Exercise 1", """\
if hasattr(value, "tolist"):
    return value.tolist()
if type(value) is dict:
    return {key: plain(value[key]) for key in value}
return [plain(one) for one in value] if type(value) in (list, tuple) else value"""),
    ("Exercise 2", """\
if picture.dtype != np.uint8 or len(picture.shape) != 3 or picture.shape[-1] != 3:
    raise ValueError(f"not a picture: {picture.shape}")
return np.float32(np.moveaxis(picture, 2, 0)[None]) / np.float32(255)"""),
    ("Exercise 2", """\
good = picture.ndim == 3 and picture.shape[2:] == (3,) and picture.dtype == "uint8"
if not good:
    raise ValueError(str(picture.shape) + " is refused")
channels = np.stack([picture[..., 0], picture[..., 1], picture[..., 2]])
return np.expand_dims(channels, 0).astype("float32") / 255"""),
    ("Exercise 2", """\
try:
    rows, columns, channels = picture.shape
    assert channels == 3 and picture.dtype == np.uint8
except (ValueError, AssertionError):
    raise ValueError(f"shape {picture.shape}, type {picture.dtype}") from None
return (picture / 255).astype(np.float32).transpose(2, 0, 1).reshape(1, 3, rows, columns)"""),
    ("Exercise 3", """\
fixed = dict(Timeout=30, MemorySize=1024, Environment={"Variables": {"CACHE": "/tmp"}})"""),
    ("Exercise 3", '''\
fixed.update(Timeout=8, MemorySize=768)
fixed["Environment"]["Variables"]["CACHE"] = "/tmp/"'''),
    ("Exercise 3", """\
fixed = {"Timeout": 15, "MemorySize": 640,
          "Environment": {"Variables": {"CACHE": "/tmp", "STAGE": "test"}}}"""),
]
