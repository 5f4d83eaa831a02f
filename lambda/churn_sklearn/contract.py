# Copied from lambda/common/contract.py by python3 -m workshop render: change it there.
"""What may be asked, and what is answered, by the signature that the model carries.

A churn function's request is `{"customer": {field: value, …}}`, invoked directly or as the JSON
body of `POST /predict`. A caller's mistake is answered with 400 and says what is allowed. What
holds for every event is in web.py. The SageMaker server in docker/sagemaker gets many
`{field: value, …}` at once, and checks them by the same Field.
"""
import math

import web

EXAMPLE = '{"customer": {…}}'
TYPES = {"category": str, "integer": (int, float), "number": (int, float)}
MUST_BE = {"category": "must be a string", "integer": "must be a whole number",
           "number": "must be a number"}
LARGEST = 3.4028234663852886e38     # float32's: models count with these


class Field:
    """One input of the model, prepared for checking: a request has many of them.

    entry: of the signature's `inputs`, {"name", "type": "category" | "integer" | "number",
    "allowed": […] or "minimum", "maximum"}. name, allowed: what callers are told.
    """

    def __init__(self, entry):
        self.name, self.kind = entry["name"], entry["type"]
        self.types, self.whole = TYPES[self.kind], self.kind == "integer"
        self.choices = frozenset(entry.get("allowed") or ())
        self.low, self.high = entry.get("minimum", -LARGEST), entry.get("maximum", LARGEST)
        self.allowed = entry.get("allowed") or {end: entry[end] for end in ("minimum", "maximum")
                                                if end in entry}

    def problem(self, values):
        """Return what is wrong with this field of `values`, or None."""
        value = values.get(self.name, self)     # self: nothing that a caller could send
        # True is an int in Python, and would pass for 1.
        if not isinstance(value, self.types) or value is True or value is False:
            return "is missing" if value is self else MUST_BE[self.kind]
        if self.choices:
            return None if value in self.choices else self.explain(value)
        if self.low <= value <= self.high and (not self.whole or value % 1 == 0):
            return None
        return self.explain(value)

    def explain(self, value):
        """Return why a value of the right type is refused."""
        if isinstance(value, float) and not math.isfinite(value):
            return "must be a finite number"
        if self.whole and value % 1:
            return "must be a whole number"
        return "is not one of the allowed values" if self.choices else "is out of range"


def read_fields(signature, source):
    """Return the Field of each of the model's inputs.

    Raises ValueError, naming the model file `source`, for a signature by which no request can be
    checked or answered.
    """
    def ensure(condition, what):
        if not condition:
            raise ValueError(f"{source}: the model's signature {what}")

    ensure(isinstance(signature, dict), "is missing: export the model again, with its metadata")
    for key in ("version", "inputs", "threshold"):
        ensure(key in signature, f"has no {key!r}")
    ensure(isinstance(signature["inputs"], list) and signature["inputs"], "names no inputs")
    for entry in signature["inputs"]:
        name = entry.get("name")
        ensure(isinstance(name, str) and entry.get("type") in TYPES,
               f"gives input {name!r} the type {entry.get('type')!r}, not one of {list(TYPES)}")
        ranged = entry["type"] != "category" and {"minimum", "maximum"} <= entry.keys()
        ensure(entry.get("allowed") or ranged, f"does not say what {name!r} may hold")
    return [Field(entry) for entry in signature["inputs"]]


def check_values(values, fields):
    """Return the problems of `values`, `[{"field", "message", "allowed"}, …]`; [] when valid."""
    problems = [{"field": field.name, "message": message, "allowed": field.allowed}
                for field in fields if (message := field.problem(values))]
    if not problems and len(values) == len(fields):
        return []       # all are there, so there are no others
    return problems + web.check_unknown(values, [field.name for field in fields])


def read_customer(request, fields):
    """Return the customer of a request; raises CallerError unless all of it is valid."""
    problems = check_request(request, fields)
    if problems:
        raise web.CallerError(400, "the request is not valid", problems)
    return request["customer"]


def check_request(request, fields):
    """Return the problems of a request to a churn function, as check_values does."""
    if not isinstance(request, dict):
        return [missing_customer("is missing: the request is not an object", fields)]
    problems = web.check_unknown(request, ["customer"])
    customer = request.get("customer")
    if isinstance(customer, dict):
        return problems + check_values(customer, fields)
    message = "must be an object" if "customer" in request else "is missing"
    return [*problems, missing_customer(message, fields)]


def missing_customer(message, fields):
    return {"field": "customer", "message": message, "allowed": [field.name for field in fields]}


def answer(probability, signature):
    """Return the content of the answer; raises ValueError for what is no probability."""
    probability = float(probability)
    if not 0 <= probability <= 1:
        raise ValueError("the model answered something that is no probability")
    return {"churn_probability": probability, "churn": probability >= signature["threshold"],
            "model_version": signature["version"]}
