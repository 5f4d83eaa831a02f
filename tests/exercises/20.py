"""Wrong answers to the exercises of lesson 20: (exercise, code, words of the diagnosis)."""


def settings(timeout=10, memory=512, **variables):
    return f"mended = dict(Timeout={timeout}, MemorySize={memory}, " \
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
