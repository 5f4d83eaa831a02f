"""What the churn functions promise their callers, whatever model answers.

A request is `{"customer": {field: value, …}}`, invoked directly or as the JSON body of
`POST /predict`. It is checked against the signature that the model carries: a caller's mistake is
answered with 400 and says what is allowed. What holds for every event is in web.py.

The same file stands beside each churn function, because each runs in an image of its own.
"""
import math

import web

TYPES = {"category": str, "integer": (int, float), "number": (int, float)}
EXAMPLE = '{"customer": {…}}'


def respond(event, context, signature, predict, more=None):
    """Answer one event and write one line to the log.

    predict: takes a checked customer, returns the probability of churn (0 to 1).
    more: what the line shall say besides, as in web.respond.
    Returns the answer itself for a direct invoke, else a proxy response for API Gateway.
    """
    def answer_event(event, kind):
        return answer(read_request(event, kind), signature, predict)

    return web.respond(event, context, signature["version"], answer_event, more)


def read_request(event, kind):
    """Return what the caller sent; raises CallerError for a wrong route or an unreadable body."""
    if kind == "direct":
        return event
    web.check_route(event, kind)
    return web.parse(event.get("body"), event.get("isBase64Encoded") is True, EXAMPLE)


def answer(request, signature, predict):
    """Return the content of the answer; raises CallerError for a request that is not valid."""
    problems = check_request(request, signature)
    if problems:
        raise web.CallerError(400, "the request is not valid", problems)
    probability = float(predict(request["customer"]))
    if not 0 <= probability <= 1:
        raise ValueError("the model answered something that is no probability")
    return {"churn_probability": probability, "churn": probability >= signature["threshold"],
            "model_version": signature["version"]}


# ---------------------------------------------------------------- checks

def check_request(request, signature):
    """Return the problems of a request, `[{"field", "message", "allowed"}, …]`; [] when valid."""
    names = [entry["name"] for entry in signature["inputs"]]
    if not isinstance(request, dict):
        return [{"field": "customer", "message": "is missing: the request is not an object",
                 "allowed": names}]
    problems = web.check_unknown(request, ["customer"])
    customer = request.get("customer")
    if not isinstance(customer, dict):
        message = "must be an object" if "customer" in request else "is missing"
        return [*problems, {"field": "customer", "message": message, "allowed": names}]
    for entry in signature["inputs"]:
        message = check_value(entry, customer)
        if message:
            problems.append({"field": entry["name"], "message": message,
                             "allowed": allowed(entry)})
    return problems + web.check_unknown(customer, names)


def check_value(entry, customer):
    """Return what is wrong with one field of a customer, or None."""
    if entry["name"] not in customer:
        return "is missing"
    value, kind = customer[entry["name"]], entry["type"]
    # True is an int in Python, and would pass for 1.
    if not isinstance(value, TYPES[kind]) or isinstance(value, bool):
        return {"category": "must be a string", "integer": "must be a whole number",
                "number": "must be a number"}[kind]
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if kind == "integer" and value != int(value):
        return "must be a whole number"
    if "allowed" in entry:
        return None if value in entry["allowed"] else "is not one of the allowed values"
    if not entry["minimum"] <= value <= entry["maximum"]:
        return "is out of range"
    return None


def allowed(entry):
    """Return what a field may hold: a list of values, or its range (both ends included)."""
    return entry.get("allowed") or {"minimum": entry["minimum"], "maximum": entry["maximum"]}


def check_signature(signature, source):
    """Raise ValueError, naming the model file `source`, unless requests can be checked with it."""
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
