"""What a request may look like, and what is answered, as signature.json says.

A request is one JSON object, `{field: value, …}`, invoked directly or as the body of
`POST /predict`. A caller's mistake is answered with 400 and says what is allowed. What holds for
every event is in web.py.
"""
import math

import web

TYPES = {"number": (int, float), "integer": (int, float), "boolean": bool, "category": object,
         "text": str, "picture": str, "list": list}
MUST_BE = {"number": "must be a number", "integer": "must be a whole number",
           "boolean": "must be true or false", "text": "must be a string",
           "picture": "must be a string: base64 of a file", "list": "must be a list"}
MOST_ELEMENTS = 200_000     # of a list whose length is open, in all its dimensions together


class Field:
    """One value of a request, prepared for checking.

    entry: of the signature's `fields`: {"name", "type": one of TYPES}, and by type
    "minimum" and "maximum" (number, integer), "allowed" (category), "most_characters" (text), or
    "shape" (None: open) and "element" (list; an entry without a name).
    """

    def __init__(self, entry):
        self.name, self.kind = entry.get("name"), entry["type"]
        self.types, self.entry = TYPES[self.kind], entry
        self.element = Field(entry["element"]) if self.kind == "list" else None
        self.allowed = entry.get("allowed") or {
            key: entry[key] for key in ("minimum", "maximum", "most_characters", "shape")
            if key in entry} or MUST_BE[self.kind].removeprefix("must be ")

    def problem(self, value):
        """Return what is wrong with a value, or None."""
        # True is an int in Python, and would pass for 1.
        if not isinstance(value, self.types) or (
                isinstance(value, bool) and self.kind in ("number", "integer")):
            return MUST_BE[self.kind]
        return getattr(self, f"_{self.kind}")(value)

    def _number(self, value):
        if isinstance(value, float) and not math.isfinite(value):
            return "must be a finite number"
        if not self.entry["minimum"] <= value <= self.entry["maximum"]:
            return "is out of range"
        return None

    def _integer(self, value):
        return self._number(value) or (MUST_BE["integer"] if value % 1 else None)

    def _boolean(self, value):
        return None

    def _category(self, value):
        known = any(value == one and isinstance(value, bool) is isinstance(one, bool)
                    for one in self.entry["allowed"])
        return None if known else "is not one of the allowed values"

    def _text(self, value):
        if len(value) > self.entry["most_characters"]:
            return "has too many characters"
        if not value.isprintable() and web.printable(value) != value:
            return "has half a character (a lone surrogate)"
        return None if value.strip() else "is empty"

    def _picture(self, value):
        return None if value else "is empty"

    def _list(self, value):
        left = [MOST_ELEMENTS]
        return self._part(value, self.entry["shape"], left)

    def _part(self, value, shape, left):
        """The problem of a list, or of a list in it. left: how many elements may still come."""
        if not shape:
            left[0] -= 1
            return "has too many elements" if left[0] < 0 else self.element.problem(value)
        if not isinstance(value, list) or not value or shape[0] not in (None, len(value)):
            return f"must have the shape {self.entry['shape']} (null: any length but 0)"
        if shape[0] is None and len({len(one) for one in value if isinstance(one, list)}) > 1:
            return "has lists of different lengths"
        return next((problem for one in value if (problem := self._part(one, shape[1:], left))),
                    None)


def read(request, fields):
    """Return a request as it came; raises CallerError unless all of it is valid.

    fields: [Field, …].
    """
    names = [field.name for field in fields]
    if not isinstance(request, dict):
        raise web.refusal(400, names[0], "is missing: the request is not an object", names)
    problems = []
    for field in fields:
        problem = field.problem(request[field.name]) if field.name in request else "is missing"
        if problem:
            problems.append({"field": field.name, "message": problem, "allowed": field.allowed})
    problems += web.check_unknown(request, names)
    if problems:
        raise web.CallerError(400, "the request is not valid", problems)
    return request


def answer(values, signature):
    """Return the content of the answer. values: what the model gave for each output, in order.

    Raises ValueError for a number that is not finite: JSON has no word for it.
    """
    return {"outputs": {entry["name"]: plain(value, entry)
                        for entry, value in zip(signature["outputs"], values, strict=True)},
            "model_version": signature["version"]}


def plain(value, entry):
    """Return one output as JSON has it: without the batch's axis, floats as Python's.

    An output with labels becomes {"label": the best, "scores": {label: number}}. An output that
    is a list of dicts (scikit-learn's probabilities) has its labels already, for each row.
    """
    if isinstance(value, list):
        rows = [best(row) if isinstance(row, dict) else row for row in value]
        return rows[0] if len(rows) == 1 else rows
    if entry["batch"]:
        value = value[0]
    if entry.get("labels"):
        scores = value.reshape(-1).astype(float)
        if entry.get("softmax"):
            scores = softmax(scores)
        return best(dict(zip(entry["labels"], scores.tolist(), strict=True)))
    made = value.tolist()
    if value.dtype.kind == "f" and not bool((abs(value) < math.inf).all()):
        raise ValueError("the model answered a number that is not finite")
    return made


def best(scores):
    """Return the answer for {label: number}; a label that is no string becomes one in JSON."""
    if not all(map(math.isfinite, scores.values())):
        raise ValueError("the model answered a number that is not finite")
    return {"label": max(scores, key=scores.get), "scores": scores}


def softmax(scores):
    """Return the probabilities of logits; the largest is taken off, as exp(710) overflows."""
    powers = [math.exp(one) for one in (scores - scores.max()).tolist()]
    return scores * 0 + [one / sum(powers) for one in powers]
