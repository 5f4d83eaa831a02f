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
BYTE_ORDER_MARK = "\ufeff"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
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
    """Raise CallerError unless an event over HTTP asks for the one route that there is."""
    method, path = method_and_path(event, kind)
    if path != ROUTE and not is_mapped(event, kind, path):
        raise CallerError(404, f"no such route; use {METHOD} {ROUTE}")
    if method != METHOD:
        raise CallerError(405, f"use {METHOD} {ROUTE}", headers={"Allow": METHOD})


def method_and_path(event, kind):
    """Return e.g. ("POST", "/predict"), as the caller sent it."""
    if kind == "rest":
        return event.get("httpMethod"), event.get("path")
    return event["requestContext"]["http"].get("method"), event.get("rawPath")


def is_mapped(event, kind, path):
    """Whether only a stage, or the base path of a custom domain, is before the route in `path`.

    HTTP APIs put a named stage before the path (in payload 1.0, too), and all APIs the base path.
    Where no stage explains the path, it counts what the API matched behind them. A custom domain
    with the route $default leaves no trace of that: there, the end of the path decides.
    """
    if kind == "url" or not isinstance(path, str) or not path.endswith(ROUTE):
        return False
    around = event["requestContext"]
    if path == f"/{around.get('stage')}{ROUTE}" or matched_path(event) == ROUTE:
        return True
    domain, api = str(around.get("domainName")), around.get("apiId")
    return event.get("routeKey") == "$default" and not domain.startswith(f"{api}.")


def matched_path(event):
    """Return the path that the API matched: its route with the values of the path's parameters."""
    route = event.get("resource") or str(event.get("routeKey")).rpartition(" ")[2]
    values = event.get("pathParameters")
    for name, value in values.items() if isinstance(values, dict) else ():
        route = str(route).replace(f"{{{name}+}}", str(value)).replace(f"{{{name}}}", str(value))
    return route


def parse(body, is_base64, example):
    """Return the JSON value in a request's body; raises CallerError when there is none.

    A byte-order mark before the value is left out.
    example: text that shows the caller what a body looks like.
    """
    def refuse(message):
        return refusal(400, "body", message, f"JSON: {example}")

    if not body:
        raise refuse("is empty")
    try:
        text = to_text(binascii.a2b_base64(body, strict_mode=True)) if is_base64 else body
    except (ValueError, TypeError):
        raise refuse("is not base64 of UTF-8 text") from None
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK))
    except RecursionError:
        raise refuse("is nested too deeply") from None
    except (ValueError, TypeError, AttributeError):
        raise refuse("is not valid JSON") from None


def to_text(data):
    """Return the text in bytes: UTF-8, or UTF-16 with a byte-order mark, as PowerShell writes it.

    A charset in the content type changes nothing: JSON is UTF-8 (RFC 8259). Raises ValueError.
    """
    return data.decode("utf-16" if data[:2] in UTF_16_MARKS else "utf-8")


def check_unknown(given, known):
    """Return a problem for each field in `given` that is not in `known`, up to MOST_UNKNOWN."""
    unknown = [name for name in given if name not in known]
    return [{"field": printable(name[:LONGEST_NAME]), "message": "is not a known field",
             "allowed": known} for name in unknown[:MOST_UNKNOWN]]


def printable(text):
    """Return text with "?" for lone surrogates, which JSON can carry and Lambda cannot send."""
    return text.encode("utf-8", "replace").decode("utf-8")


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
