"""Invoking a function: size limit, weighted aliases, time-outs and crashes in AWS's words."""
import contextvars
import json
import random
import re
import time
import urllib.error
import urllib.request

from workshop.local import limits
from workshop.local.patches import containers, reports

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy is set
EMULATOR = "/2015-03-31/functions/function/invocations"
# How the emulator notes that the runtime's process ended, or never began, before it was asked.
FIRST_ERROR = re.compile(r"\(rapid\) First fatal error stored in appctx: (\S+)")
INVOKE_FAILED = re.compile(r"\(rapid\) Invoke failed .*?error=(.*?)(?: InvokeID=\S*)?$")
# (function, qualifier, whether that is an alias with weights) that was asked for, for its metrics
asked = contextvars.ContextVar("asked", default=None)


def apply(port: int) -> None:
    """Wrap MiniStack's Invoke and replace its call of the emulator."""
    from ministack.services import lambda_svc
    lambda_svc.handle_request = limited(lambda_svc.handle_request)
    lambda_svc._invoke = weighted(lambda_svc._invoke)
    lambda_svc._effective_func_record_for_qualifier = weighing(
        lambda_svc._effective_func_record_for_qualifier)
    lambda_svc._invoke_rie = run
    lambda_svc._execute_function_docker = refusing(lambda_svc._execute_function_docker)


def limited(handle_request):
    """Refuse an Invoke whose payload is too large or cannot be an event, as MiniStack does not."""
    from ministack.core.responses import error_response_json

    async def handle(method, path, headers, body, query_params):
        if method == "POST" and path.rstrip("/").endswith("/invocations"):
            kind = headers.get("x-amz-invocation-type", "RequestResponse")
            limit = limits.EVENT if kind == "Event" else limits.REQUEST
            if len(body) > limit:
                return error_response_json(
                    "RequestTooLargeException",
                    f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
                    413)
            if problem := unreadable(body):
                return error_response_json("InvalidRequestContentException",
                                           "Could not parse request body into json: "
                                           f"{problem}", 400)
        return await handle_request(method, path, headers, body, query_params)
    return handle


def unreadable(body: bytes) -> str | None:
    """Why a payload cannot be an event, or None.

    Half of a surrogate pair (`"\\ud800"`) is valid JSON, but no runtime can send it on as UTF-8.
    """
    try:
        event = json.loads(body or b"{}")
        if b"\\u" in body:
            json.dumps(event, ensure_ascii=False).encode()
    except RecursionError:
        return "it is nested too deeply"
    except UnicodeEncodeError:
        return "a string has half of a surrogate pair"
    except ValueError as error:
        return f"Could not parse payload into json: {in_jacksons_words(error, body)}"
    return None


def in_jacksons_words(error: ValueError, body: bytes) -> str:
    """What Lambda's parser, Jackson, writes of bytes that are not UTF-8 and of a bare word."""
    if isinstance(error, UnicodeDecodeError):
        return f"Invalid UTF-8 start byte 0x{error.object[error.start]:02x}"
    word = re.match(rb"\s*([A-Za-z_]\w*)", body)
    if word:
        return (f"Unrecognized token '{word[1].decode()}': was expecting (JSON String, Number, "
                "Array, Object or token 'null', 'true' or 'false')")
    return str(error)


def choose(function: dict, qualifier: str | None) -> str | None:
    """The version that an alias with weights sends this request to; else the qualifier itself.

    An alias names one version and may send a share (0 to 1) of the requests to one other.
    """
    alias = function.get("aliases", {}).get(qualifier) if qualifier else None
    weights = ((alias or {}).get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    asked.set((function.get("config", {}).get("FunctionName"), qualifier, bool(weights)))
    for version, weight in weights.items():  # at most one
        return version if random.random() < float(weight) else alias["FunctionVersion"]
    return qualifier


def weighted(invoke):
    """Invoke through an alias honours its weights; MiniStack stores them and never looks."""
    async def invoke_weighted(name, event, headers, path_qualifier=None, query_params=None):
        from ministack.services import lambda_svc
        wanted = path_qualifier or lambda_svc._qp_first(query_params or {}, "Qualifier") or None
        chosen = choose(lambda_svc._functions.get(name) or {}, wanted)
        return await invoke(name, event, headers, chosen, query_params)
    return invoke_weighted


def weighing(effective_record):
    """The same for requests that come through an API, a function URL or a trigger."""
    def record(func, qualifier):
        return effective_record(func, choose(func or {}, qualifier))
    return record


def refusing(execute):
    """What stops a function from being started is an error of the function's, in AWS's shape."""
    def execute_or_say(func, event, request_id):
        result = execute(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) \
                and body.get("errorType") == containers.RefusedError.__name__:
            body["errorType"], _, message = body["errorMessage"].partition(": ")
            body["errorMessage"] = f"RequestId: {request_id} {message}"
        return result
    return execute_or_say


def run(container, event, timeout: int, request_id: str) -> dict:
    """Send one event to an environment and return MiniStack's result of an invoke.

    Keys: body, log (AWS's lines), log_source, and on failure error, function_error; `timeout`
    tells MiniStack to throw the environment away.
    """
    config = container.config
    reports.streams[request_id] = container.stream
    began = time.monotonic()
    status, answer = ask(container, event, timeout, request_id)
    elapsed = time.monotonic() - began
    result, failure = judge(status, answer, timeout, request_id)
    # A run that ended by itself has a last line, on a busy machine a little later than its answer.
    entries = container.log.take(f"REPORT RequestId: {request_id}", 0.5 if failure else 10)
    if status and status != 200 and not answer:
        result, failure = never_ready(entries, request_id)
    log = reports.lines(entries, request_id, config, container.log, elapsed, failure)
    return {**result, "log": "\n".join(log), "log_source": "rie"}


def ask(container, event, timeout: int, request_id: str) -> tuple[int, str]:
    """POST the event to the emulator in the container: (HTTP status, body); no answer is 0."""
    request = urllib.request.Request(
        address(container) + EMULATOR, data=json.dumps(event).encode(),
        headers={"Content-Type": "application/json", "X-Amzn-RequestId": request_id})
    give_up = time.monotonic() + timeout + 30  # the emulator keeps the time; this is for its death
    while True:
        try:
            with DIRECT.open(request, timeout=timeout + 30) as response:
                return response.status, response.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")
        except OSError as error:
            container.reload()
            if container.status != "running" or time.monotonic() > give_up:
                return 0, str(error)
            time.sleep(0.05)  # the emulator is not listening yet


def address(container) -> str:
    """Where the emulator in a container listens, as seen from here."""
    for _ in range(100):
        container.reload()
        ports = container.ports.get("8080/tcp")
        if ports:
            return f"http://127.0.0.1:{ports[0]['HostPort']}"
        if container.status == "exited":
            break
        time.sleep(0.02)
    return "http://127.0.0.1:9"  # it has ended; `ask` finds that out


def judge(status: int, answer: str, timeout: int, request_id: str) -> tuple[dict, str | None]:
    """What the emulator's answer means: (MiniStack's result, the log line of a failed run).

    The emulator marks a time-out by a bare text, a crash by 502, and an exception by the shape
    of the answer only.
    """
    from ministack.services import lambda_svc
    try:
        body, raw = json.loads(answer), False
    except json.JSONDecodeError:
        body, raw = answer, True
    if raw and lambda_svc._RIE_TIMEOUT_TEXT_RE.fullmatch(answer):
        words = f"Task timed out after {timeout}.00 seconds"
        return {**failed("Sandbox.Timedout", f"RequestId: {request_id} Error: {words}"),
                "timeout": True}, f"{time.strftime('%Y-%m-%dT%H:%M:%S')}Z {request_id} {words}"
    if status == 0:
        words = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return failed("Runtime.ExitError", words), words
    if status != 200:
        told = body if isinstance(body, dict) else {}
        kind = told.get("errorType", "Runtime.ExitError")
        words = told.get("errorMessage", answer)
        result = failed(kind, words)
        return {**result, "body": told or result["body"]}, f"{words} {kind}"
    result = {"body": body, "raw_payload": True} if raw else {"body": body}
    kind = lambda_svc._classify_function_error(body, "")
    if kind:
        result.update(error=True, function_error=kind)
    return result, None


def never_ready(entries: list[tuple[str, bool]], request_id: str) -> tuple[dict, str]:
    """`judge` for a runtime that was never ready: the emulator's answer is empty, its notes tell.

    entries: what the container wrote, (line, whether from stderr) pairs.
    """
    notes = [line for line, from_stderr in entries if from_stderr]
    kind = next((found[1] for line in notes if (found := FIRST_ERROR.search(line))),
                "Runtime.ExitError")
    why = next((found[1] for line in notes if (found := INVOKE_FAILED.search(line))),
               "Runtime exited without providing a reason")
    words = f"RequestId: {request_id} Error: {why}"
    return failed(kind, words), f"{words} {kind}"


def failed(error_type: str, message: str) -> dict:
    """The result of a run that ended without an answer."""
    return {"body": {"errorType": error_type, "errorMessage": message},
            "error": True, "function_error": "Unhandled"}
