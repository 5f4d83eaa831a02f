"""Requests that a function must refuse, made of its signature."""
import base64

PRIVATE = "Zaphod-8472"         # in no answer
MOST_FIELDS = 5                 # that are tried one by one
TOO_LARGE = 4_100_000           # bytes of a picture: below Lambda's 6 MB, above what is accepted


def bad(signature: dict) -> list[tuple[str, str, object]]:
    """Return [(what is wrong, the field that the answer must name, request), …]."""
    example = signature["example"]
    first = signature["fields"][0]["name"]
    made = [("no object", first, [1]), ("an unknown field", PRIVATE, {**example, PRIVATE: 1})]
    for entry in signature["fields"][:MOST_FIELDS]:
        name = entry["name"]
        made.append((f"{name} missing", name, {key: one for key, one in example.items()
                                               if key != name}))
        made += [(f"{name}: {what}", name, {**example, name: value})
                 for what, value in _wrong(entry)]
    return made


def _wrong(entry):
    """(what, value) of values that a field must refuse: wrong type, unknown, too large."""
    kind = entry["type"]
    yield "a wrong type", {PRIVATE: 1}
    if kind == "category":
        yield "an unknown category", PRIVATE
        yield "a category of 200,000 characters", PRIVATE * 20_000
    elif kind in ("number", "integer"):
        yield "true for a number", True
        yield "too large", max(entry["maximum"], 1) * 10
        yield "text for a number", PRIVATE
        if kind == "integer":
            yield "a fraction", entry["minimum"] + 0.5
    elif kind == "text":
        yield "a number for a text", 1
        yield "too large", PRIVATE * (entry["most_characters"] // len(PRIVATE) + 1)
    elif kind == "picture":
        yield "no base64", f"{PRIVATE}!"
        yield "no picture", base64.b64encode(b"<svg>" * 20).decode()
        yield "too large", base64.b64encode(bytes(TOO_LARGE)).decode()
    elif kind == "list":
        yield "an empty list", []
        yield "too large", [_inner(entry, PRIVATE)] * (
            (entry["shape"][0] or 200_000) + 1)
        yield "a list of wrong values", _filled(entry["shape"], {PRIVATE: 1})


def _inner(entry, value):
    return _filled(entry["shape"][1:], value)


def _filled(shape, value):
    return value if not shape else [_filled(shape[1:], value)] * (shape[0] or 1)
