"""What the churn functions promise their callers, whatever model answers.

A request is `{"customer": {field: value, …}}`, invoked directly or as the JSON body of
`POST /predict` through a REST API, an HTTP API or a function URL. It is checked against the
signature that the model carries: a caller's mistake is answered with 400 and says what is allowed.
A fault of ours is answered with 500 and nothing else; where it happened stands in the log.
Nothing that a caller sent is ever logged, nor are values sent back.

The same file stands beside each function, because each runs in an image of its own.
"""
import base64
import json
import math
import time
import traceback

ROUTE, METHOD = "/predict", "POST"
TYPES = {"category": str, "integer": (int, float), "number": (int, float)}
MOST_UNKNOWN = 20       # a request with more unknown fields gets the first ones named
LONGEST_NAME = 60       # characters of an unknown field's name that are sent back

_cold = True


class CallerError(Exception):
    """The caller's mistake: an HTTP status, a message, and problems by field."""

    def __init__(self, status, message, problems=(), headers=None):
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.content = {"message": message, "problems": list(problems)}


def respond(event, context, signature, predict):
    """Answer one event and write one line to the log.

    predict: takes a checked customer, returns the probability of churn (0 to 1).
    Returns the answer itself for a direct invoke, else a proxy response for API Gateway.
    """
    global _cold
    began, cold, _cold = time.perf_counter(), _cold, False
    request_id = getattr(context, "aws_request_id", None)
    kind, log, headers = kind_of(event), {}, {}
    try:
        status, content = 200, answer(read_request(event, kind), signature, predict)
    except CallerError as error:
        status, content, headers = error.status, error.content, error.headers
    except Exception as error:      # the last resort: callers must not see what went wrong
        status, content = 500, {"message": "internal error", "request_id": request_id}
        log = describe_fault(error)
    print(json.dumps({
        "request_id": request_id, "event": kind, "status": status,
        "milliseconds": round((time.perf_counter() - began) * 1000, 3),
        "model_version": signature["version"], "cold": cold, **log}), flush=True)
    return to_response(kind, status, content, headers)


def answer(request, signature, predict):
    """Return the content of the answer; raises CallerError for a request that is not valid."""
    problems = check_request(request, signature)
    if problems:
        raise CallerError(400, "the request is not valid", problems)
    probability = float(predict(request["customer"]))
    if not 0 <= probability <= 1:
        raise ValueError("the model answered something that is no probability")
    return {"churn_probability": probability, "churn": probability >= signature["threshold"],
            "model_version": signature["version"]}


# ---------------------------------------------------------------- events

def kind_of(event):
    """Return "rest" (REST API), "http" (HTTP API), "url" (function URL) or "direct"."""
    around = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(around, dict):
        return "direct"
    if isinstance(around.get("http"), dict):
        return "url" if ".lambda-url." in str(around.get("domainName")) else "http"
    return "rest" if "httpMethod" in event else "direct"


def read_request(event, kind):
    """Return what the caller sent; raises CallerError for a wrong route or an unreadable body."""
    if kind == "direct":
        return event
    method, path = method_and_path(event, kind)
    if path != ROUTE:
        raise CallerError(404, f"there is nothing here; use {METHOD} {ROUTE}")
    if method != METHOD:
        raise CallerError(405, f"use {METHOD} {ROUTE}", headers={"Allow": METHOD})
    return parse(event.get("body"), event.get("isBase64Encoded") is True)


def method_and_path(event, kind):
    """Return e.g. ("POST", "/predict"), without the stage that HTTP APIs put before the path."""
    if kind == "rest":
        return event.get("httpMethod"), event.get("path")
    around = event["requestContext"]
    path = str(event.get("rawPath"))
    return around["http"].get("method"), path.removeprefix(f"/{around.get('stage')}")


def parse(body, is_base64):
    """Return the JSON value in a request's body; raises CallerError when there is none."""
    def refuse(message):
        return CallerError(400, "the request is not valid", [
            {"field": "body", "message": message, "allowed": 'JSON: {"customer": {…}}'}])

    if not body:
        raise refuse("is empty")
    try:
        if is_base64:
            body = base64.b64decode(body, validate=True).decode("utf-8")
    except (ValueError, TypeError):
        raise refuse("is not base64 of UTF-8 text") from None
    try:
        return json.loads(body)
    except RecursionError:
        raise refuse("is nested too deeply") from None
    except (ValueError, TypeError):
        raise refuse("is not valid JSON") from None


def to_response(kind, status, content, headers):
    """Return `content` as Lambda's caller expects it for this kind of event."""
    if kind == "direct":
        return content if status == 200 else {"statusCode": status, **content}
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **headers},
            "body": json.dumps(content), "isBase64Encoded": False}


# ---------------------------------------------------------------- checks

def check_request(request, signature):
    """Return the problems of a request, `[{"field", "message", "allowed"}, …]`; [] when valid."""
    names = [entry["name"] for entry in signature["inputs"]]
    if not isinstance(request, dict):
        return [{"field": "customer", "message": "is missing: the request is not an object",
                 "allowed": names}]
    problems = check_unknown(request, ["customer"])
    customer = request.get("customer")
    if not isinstance(customer, dict):
        message = "must be an object" if "customer" in request else "is missing"
        return [*problems, {"field": "customer", "message": message, "allowed": names}]
    for entry in signature["inputs"]:
        message = check_value(entry, customer)
        if message:
            problems.append({"field": entry["name"], "message": message,
                             "allowed": allowed(entry)})
    return problems + check_unknown(customer, names)


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


def check_unknown(given, known):
    """Return a problem for each field in `given` that is not in `known`, up to MOST_UNKNOWN."""
    unknown = [name for name in given if name not in known]
    return [{"field": name[:LONGEST_NAME], "message": "is not a known field", "allowed": known}
            for name in unknown[:MOST_UNKNOWN]]


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


# ---------------------------------------------------------------- faults

def describe_fault(error):
    """Return where a fault happened, for the log.

    The exception's text stays out: it may quote the value that upset it, which is a customer's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__,
            "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}
