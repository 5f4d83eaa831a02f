"""What the functions do with an event, whatever model answers it.

An event is a direct invoke, or `POST /predict` through a REST API, an HTTP API or a function URL.
A caller's mistake is answered with a 4xx that says what is wrong and what is allowed. A fault of
ours is answered with 500 and nothing else; where it happened stands in the log. Nothing that a
caller sent is ever logged, nor are values sent back.

The same file stands beside each function, because each runs in an image of its own.
"""
import binascii
import json
import time

ROUTE, METHOD = "/predict", "POST"
MOST_UNKNOWN = 20       # a request with more unknown fields gets the first ones named
LONGEST_NAME = 60       # characters of an unknown field's name that are sent back

_cold = True


class CallerError(Exception):
    """The caller's mistake: an HTTP status, a message, and problems by field."""

    def __init__(self, status, message, problems=(), headers=None):
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.content = {"message": message, "problems": list(problems)}


def refusal(status, field, message, allowed):
    """Return the CallerError for a request with one problem, in `field`."""
    return CallerError(status, "the request is not valid", [
        {"field": field, "message": message, "allowed": allowed}])


def respond(event, context, version, answer, more=None):
    """Answer one event and write one line to the log.

    version: the model's, for the log.
    answer: takes the event and its kind, returns the answer's content (a dict of plain values);
        raises CallerError for a caller's mistake.
    more: takes the line and the content, returns what the line shall say besides (a dict).
    Returns the answer itself for a direct invoke, else a proxy response for API Gateway.
    """
    global _cold
    began, cold, _cold = time.perf_counter(), _cold, False
    request_id = getattr(context, "aws_request_id", None)
    kind, log, headers = kind_of(event), {}, {}
    try:
        status, content = 200, answer(event, kind)
    except CallerError as error:
        status, content, headers = error.status, error.content, error.headers
    except Exception as error:      # the last resort: callers must not see what went wrong
        status, content = 500, {"message": "internal error", "request_id": request_id}
        log = describe_fault(error)
    line = {"request_id": request_id, "event": kind, "status": status,
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
            "model_version": version, "cold": cold, **log}
    if more:
        line.update(more(line, content))
    print(json.dumps(line), flush=True)
    return to_response(kind, status, content, headers)


# ---------------------------------------------------------------- events

def kind_of(event):
    """Return "rest" (REST API), "http" (HTTP API), "url" (function URL) or "direct"."""
    around = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(around, dict):
        return "direct"
    if isinstance(around.get("http"), dict):
        return "url" if ".lambda-url." in str(around.get("domainName")) else "http"
    return "rest" if "httpMethod" in event else "direct"


def check_route(event, kind):
    """Raise CallerError unless an event over HTTP asks for the one thing that there is."""
    method, path = method_and_path(event, kind)
    if path != ROUTE:
        raise CallerError(404, f"there is nothing here; use {METHOD} {ROUTE}")
    if method != METHOD:
        raise CallerError(405, f"use {METHOD} {ROUTE}", headers={"Allow": METHOD})


def method_and_path(event, kind):
    """Return e.g. ("POST", "/predict"), without the stage that HTTP APIs put before the path."""
    if kind == "rest":
        return event.get("httpMethod"), event.get("path")
    around = event["requestContext"]
    path = str(event.get("rawPath"))
    return around["http"].get("method"), path.removeprefix(f"/{around.get('stage')}")


def parse(body, is_base64, example):
    """Return the JSON value in a request's body; raises CallerError when there is none.

    example: text that shows the caller what a body looks like.
    """
    def refuse(message):
        return refusal(400, "body", message, f"JSON: {example}")

    if not body:
        raise refuse("is empty")
    try:
        if is_base64:
            body = binascii.a2b_base64(body, strict_mode=True).decode("utf-8")
    except (ValueError, TypeError):
        raise refuse("is not base64 of UTF-8 text") from None
    try:
        return json.loads(body)
    except RecursionError:
        raise refuse("is nested too deeply") from None
    except (ValueError, TypeError):
        raise refuse("is not valid JSON") from None


def check_unknown(given, known):
    """Return a problem for each field in `given` that is not in `known`, up to MOST_UNKNOWN."""
    unknown = [name for name in given if name not in known]
    return [{"field": name[:LONGEST_NAME], "message": "is not a known field", "allowed": known}
            for name in unknown[:MOST_UNKNOWN]]


def to_response(kind, status, content, headers):
    """Return `content` as Lambda's caller expects it for this kind of event."""
    if kind == "direct":
        return content if status == 200 else {"statusCode": status, **content}
    return {"statusCode": status, "headers": {"Content-Type": "application/json", **headers},
            "body": json.dumps(content), "isBase64Encoded": False}


# ---------------------------------------------------------------- faults

def describe_fault(error):
    """Return where a fault happened, for the log.

    The exception's text stays out: it may quote the value that upset it, which is a caller's.
    """
    import traceback    # here, as it imports a dozen modules that no request needs
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__,
            "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}
