# Copied from lambda/common/web.py by python3 -m workshop render: change it there.
"""What the functions do with an event, whatever model answers it.

An event is a direct invoke, or `POST /predict` through a REST API, an HTTP API or a function URL.
A caller's mistake is answered with a 4xx that says what is wrong and what is allowed. A fault of
ours is answered with 500 and nothing else; where it happened stands in the log. Nothing that a
caller sent is ever logged, nor are values sent back. The SageMaker server in docker/sagemaker has
the same mistakes and faults, and other events.
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


class Call:
    """One event, from its coming to its answer: a handler reads it, and answers or refuses it.

    kind: as kind_of returns it. status, content, headers: the answer's, once there is one.
    milliseconds: until then.
    """

    def __init__(self, event, context):
        global _cold
        self.began, self.cold, _cold = time.perf_counter(), _cold, False
        self.event, self.kind = event, kind_of(event)
        self.request_id = getattr(context, "aws_request_id", None)
        self.headers, self.fault = {}, {}

    def read(self, example):
        """Return what the caller sent; raises CallerError for a wrong route or an unreadable body.

        example: as for parse.
        """
        if self.kind == "direct":
            return self.event
        check_route(self.event, self.kind)
        return parse(self.event.get("body"), self.event.get("isBase64Encoded") is True, example)

    def answer(self, content, status=200):
        """Take `content`, a dict of plain values, as the answer."""
        self.status, self.content = status, content
        self.milliseconds = round((time.perf_counter() - self.began) * 1000, 3)

    def refuse(self, error):
        """Answer with the caller's mistake, or for a fault of ours, without what went wrong."""
        if isinstance(error, CallerError):
            self.headers = error.headers
            self.answer(error.content, error.status)
        else:
            self.fault = describe_fault(error)
            self.answer({"message": "internal error", "request_id": self.request_id}, 500)

    def log(self, version, more=()):
        """Write the one line about this call. version: the model's. more: what it says besides."""
        print(json.dumps({"request_id": self.request_id, "event": self.kind, "status": self.status,
                          "milliseconds": self.milliseconds, "model_version": version,
                          "cold": self.cold, **self.fault, **dict(more)}), flush=True)

    def response(self):
        """Return the answer as Lambda's caller expects it for this kind of event."""
        if self.kind == "direct":
            return self.content if self.status == 200 else {"statusCode": self.status,
                                                            **self.content}
        return {"statusCode": self.status, "body": json.dumps(self.content),
                "headers": {"Content-Type": "application/json", **self.headers},
                "isBase64Encoded": False}


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


# ---------------------------------------------------------------- faults

def describe_fault(error):
    """Return where a fault happened, for the log.

    The exception's text stays out: it may quote the value that upset it, which is a caller's.
    """
    import traceback  # here, as it imports a dozen modules that no request needs
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__,
            "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}
