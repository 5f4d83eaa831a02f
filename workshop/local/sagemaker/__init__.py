"""SageMaker Serverless Inference on the local cloud; MiniStack has no SageMaker.

`boto3.client("sagemaker")` and `boto3.client("sagemaker-runtime")` work as they are. An endpoint is
real containers: the image comes from the local registry, `ModelDataUrl` is unpacked to
/opt/ml/model, `serve` answers GET /ping and POST /invocations on port 8080.

    api        models, endpoint configurations, endpoints, tags (`sagemaker`)
    checks     what AWS refuses at once, in AWS's words
    endpoint   an endpoint's life: created, updated, failed, deleted
    variant    which container answers: concurrency, cold start, scale to zero
    container  one container: started, asked, removed
    runtime    InvokeEndpoint (`sagemaker-runtime`)
    telemetry  logs and metrics
"""
import asyncio
import json
import logging
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

from workshop.local import gate
from workshop.local.patches import names
from workshop.local.sagemaker import runtime
from workshop.local.sagemaker.api import ControlPlane
from workshop.local.sagemaker.checks import RefusedError

INVOKE = re.compile(r"/endpoints/([^/]+)/invocations")
JSON_11 = (b"content-type", b"application/x-amz-json-1.1")
JSON = (b"content-type", b"application/json")
log = logging.getLogger("workshop.local.sagemaker")


def beside(application):
    """An ASGI application that answers SageMaker's requests and hands the others on.

    Requests wait for containers in threads of their own: those of MiniStack's functions, which
    may be what waits for us, must not run out.
    """
    control = ControlPlane()
    threads = ThreadPoolExecutor(256, thread_name_prefix="workshop-sagemaker")

    async def layer(scope, receive, send):
        headers = {name.lower(): value for name, value in scope.get("headers", [])}
        if scope["type"] != "http" or names.signed_for(headers) != "sagemaker":
            return await application(scope, receive, send)
        body = await gate.whole_body(receive)
        if body is None:
            return
        asked = INVOKE.fullmatch(scope["path"])
        act = (lambda: runtime.invoke(control, asked[1], headers, body)) if asked else \
              (lambda: operate(control, headers, body))
        request_id = str(uuid.uuid4())
        loop = asyncio.get_running_loop()
        try:
            status, answered, content = await loop.run_in_executor(threads, act)
        except RefusedError as refused:
            status, answered, content = refusal(refused, request_id, bool(asked))
        except Exception:  # the story is in the log; a caller sees nothing of it
            log.exception("SageMaker request %s failed", request_id)
            status, answered, content = refusal(
                RefusedError("InternalFailure", "internal failure: the local cloud's log says more",
                             500), request_id, bool(asked))
        await send({"type": "http.response.start", "status": status, "headers": [
            *answered, (b"x-amzn-requestid", request_id.encode()),
            (b"content-length", str(len(content)).encode())]})
        await send({"type": "http.response.body", "body": content})
    return layer


def operate(control: ControlPlane, headers: dict[bytes, bytes], body: bytes):
    """Answer one request of the control plane: (status, headers, body). JSON 1.1 protocol."""
    name = headers.get(b"x-amz-target", b"").decode("latin-1").removeprefix("SageMaker.")
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        raise RefusedError("SerializationException", "The body is not valid JSON.") from None
    result = control.operate(name, asked)
    return 200, [JSON_11], b"" if result is None else json.dumps(result).encode()


def refusal(refused: RefusedError, request_id: str, at_runtime: bool):
    """A refusal in the protocol of the service that was asked: (status, headers, body)."""
    text = refused.message and refused.message.replace("{request-id}", request_id)
    if at_runtime:
        content, kind = {"Message": text, **refused.members}, JSON
    else:
        content, kind = {"__type": refused.code, "message": text}, JSON_11
    return (refused.status, [kind, (b"x-amzn-errortype", refused.code.encode())],
            json.dumps(content).encode())
