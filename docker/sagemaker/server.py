"""What SageMaker asks of a container: `serve`, GET /ping, POST /invocations, on port 8080.

A request is {"instances": [{field: value, …}, …]}, JSON; the answer is {"predictions": […],
"model_version": "…"}. A caller's mistake is a 4xx that says what is wrong and what is allowed; a
fault of ours is 500 and nothing else, and where it happened stands in the log.

Waitress serves it: threads in one process, so that the model is loaded once; pure Python without
dependencies; no need of a file to write to. SageMaker Serverless sends one request at a time.
"""
import json
import os
import signal
import sys
import time
from http import HTTPStatus
from pathlib import Path

import onnxruntime as ort

from model import Model
from web import CallerError, describe_fault

MODEL = Path("/opt/ml/model/model.onnx")
MOST = 6 * 1024 * 1024      # bytes of a request; SageMaker's own limit, 4 MB for serverless
THREADS = 4                 # requests at once, for endpoints that are not serverless
EXAMPLE = '{"instances": [{…}]}'


def application(model):
    """Return the WSGI application that answers with `model`."""
    def answer(environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("GET", "/ping"):      # the model is loaded: it is ready
            start_response("200 OK", [("Content-Length", "0")])
            return [b""]
        began, headers, log = time.perf_counter(), {}, {}
        try:
            check_route(method, path)
            instances = read(environ, model)
            log["instances"] = len(instances)
            status, content = 200, {"predictions": model.predict(instances),
                                    "model_version": model.signature["version"]}
        except CallerError as error:
            status, content, headers = error.status, error.content, error.headers
        except Exception as error:          # the last resort: callers must not see what went wrong
            status, content = 500, {"message": "internal error"}
            log |= describe_fault(error)
        body = json.dumps(content).encode()
        print(json.dumps({
            "status": status, **log,
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
            "model_version": model.signature["version"]}), flush=True)
        start_response(f"{status} {HTTPStatus(status).phrase}", [
            ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
            *headers.items()])
        return [body]
    return answer


def check_route(method, path):
    """Raise CallerError unless it is POST /invocations."""
    if path not in ("/ping", "/invocations"):
        raise CallerError(404, "there is nothing here; use POST /invocations")
    wanted = "POST" if path == "/invocations" else "GET"
    if method != wanted:
        raise CallerError(405, f"use {wanted} {path}", headers={"Allow": wanted})


def read(environ, model):
    """Return the checked instances of a request; raises CallerError."""
    kind = (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise CallerError(415, "send JSON, with the content type application/json")
    try:
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    except (ValueError, RecursionError):    # a UnicodeDecodeError is a ValueError
        raise CallerError(400, f"the body is not valid JSON: {EXAMPLE}") from None
    if not isinstance(request, dict) or not isinstance(request.get("instances"), list) \
            or not request["instances"] or len(request) > 1:
        raise CallerError(400, "the body must be an object with one list in it, "
                               f"which is not empty: {EXAMPLE}")
    problems = model.problems(request["instances"])
    if problems:
        raise CallerError(400, "the request is not valid", problems)
    return request["instances"]


def main(arguments):
    if arguments != ["serve"]:
        sys.exit("This container serves a model. Start it with the argument: serve")
    from waitress import serve

    # SageMaker ends a container with SIGTERM, which the first process of one ignores by default.
    # Waitress answers what it has begun, then returns.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    ort.set_default_logger_severity(3)
    try:
        model = Model(MODEL)
    except Exception as error:      # in one line, where the endpoint's log shows it
        sys.exit(f"The model cannot be served: {error}")
    print(json.dumps({"model": model.signature.get("model"), "listening": True,
                      "model_version": model.signature["version"]}), flush=True)
    serve(application(model), host="0.0.0.0", port=int(os.environ.get("SAGEMAKER_BIND_TO_PORT")
                                                       or 8080),
          threads=THREADS, max_request_body_size=MOST, ident=None)


if __name__ == "__main__":
    main(sys.argv[1:])
