"""`loads` and `dumps` by the C code of the standard library's json, without regular expressions.

To import `re` takes longer than all else that the function needs of Python. `_json` is private to
CPython: whoever moves to another version of Python looks here first.
"""
import _json

SPACE = " \t\n\r"


class JSONDecodeError(ValueError):
    """Text that is not JSON. `_json` looks for it in json.decoder."""

    def __init__(self, message, text, position):
        super().__init__(f"{message}: char {position}")


class Rules:
    """What `_json` reads values by: as the standard library's, NaN and Infinity included."""
    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float


def unknown(value):
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


scan = _json.make_scanner(Rules)
encode = _json.make_encoder(None, unknown, _json.encode_basestring_ascii, None, ": ", ", ",
                            False, False, True)


def loads(text):
    """Return the value of a JSON text (str, or bytes of UTF-8); raises JSONDecodeError.

    A byte-order mark before bytes is left out, as by the standard library.
    """
    if isinstance(text, bytes):
        text = text.decode().removeprefix("\ufeff")
    begin = len(text) - len(text.lstrip(SPACE))
    try:
        value, end = scan(text, begin)
    except StopIteration as error:
        raise JSONDecodeError("Expecting value", text, error.value) from None
    if text[end:].strip(SPACE):
        raise JSONDecodeError("Extra data", text, end)
    return value


def dumps(value):
    """Return a value as JSON text, ASCII only; raises TypeError for what JSON does not have."""
    return "".join(encode(value, 0))
