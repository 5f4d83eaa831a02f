"""Access logs: a stage with AccessLogSettings writes a line for each request to its log group.

MiniStack keeps the settings and writes nothing. Sources: "Customize HTTP API access logs" and
"Variables for access logging for API Gateway", API Gateway Developer Guide.
"""
import base64
import contextlib
import contextvars
import hashlib
import json
import logging
import os
import re
import time

from workshop.local import gate
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.patches import reports
from workshop.local.permissions import grants
from workshop.local.signatures import Caller

VARIABLE = re.compile(r"\$context((?:\.\w+)+)")
PROTOCOL = "HTTP/1.1"
ERRORS = {401: "UNAUTHORIZED", 403: "ACCESS_DENIED", 429: "THROTTLED"}
NO_SIGNATURE = "The request for the IAM Authorizer doesn't match the format that API Gateway " \
               "expects."
logger = logging.getLogger(__name__)
# What is known of the request that is being answered: variable without `$context.` → its value.
_facts: contextvars.ContextVar[dict | None] = contextvars.ContextVar("facts", default=None)


def apply(port: int) -> None:
    """Wrap how MiniStack answers a request to an API and calls what is behind it."""
    from ministack.services import apigateway, apigateway_v1
    apigateway._handle_execute_in_scope = http_api(apigateway._handle_execute_in_scope)
    apigateway_v1._handle_execute_in_scope = rest_api(apigateway_v1._handle_execute_in_scope)
    apigateway_v1._execute_in_scope = rest_request(apigateway_v1._execute_in_scope)
    apigateway._invoke_lambda_proxy = timed(apigateway._invoke_lambda_proxy)
    apigateway._invoke_http_proxy = timed(apigateway._invoke_http_proxy)
    for name in ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1"):
        setattr(apigateway_v1, name, timed(getattr(apigateway_v1, name)))


# ---------------------------------------------------------------- what other patches know

def note(**facts) -> None:
    """Keep facts of the request that is being answered; `integration__error` is $context.
    integration.error. Outside a request to an API nothing is kept."""
    known = _facts.get()
    if known is not None:
        known.update({name.replace("__", "."): value for name, value in facts.items()})


def failed(error: str, status: int | None = 200) -> None:
    """Why the integration gave no answer that can be sent. status: Lambda's own (HTTP), if any."""
    note(integrationErrorMessage=error, integration__error=error, integrationStatus=status,
         integration__integrationStatus=status)


def request_id() -> str | None:
    """The id of the request that is being answered, as in its log line."""
    return (_facts.get() or {}).get("requestId")


# ---------------------------------------------------------------- the kinds of API

def http_api(execute):
    """An HTTP API: an id, the route, and how it ended."""
    async def execute_and_log(api_id, stage, path, method, headers, *arguments, **options):
        from ministack.services import apigateway
        known = begun(api_id, stage, method, path, headers)
        known["requestId"] = base64.b64encode(os.urandom(11)).decode()
        known["path"] = path if stage == "$default" else f"/{stage}{path}"
        route = None if method == "OPTIONS" else apigateway._match_route(
            api_id, method, "/" + path.lstrip("/"))
        known["routeKey"] = (route or {}).get("routeKey")
        settings = (apigateway._stages.get(api_id, {}).get(stage) or {}).get("accessLogSettings")
        token = _facts.set(known)
        try:
            answer = await execute(api_id, stage, path, method, headers, *arguments, **options)
        finally:
            _facts.reset(token)
        answer[1].setdefault("apigw-requestid", known["requestId"])
        if settings:
            write(settings, ended(known, answer))
        return answer
    return execute_and_log


def rest_api(execute):
    """A REST API does the same; it writes as the role in the account's settings."""
    async def execute_and_log(api_id, stage, method, path, headers, *arguments, **options):
        from ministack.services import apigateway_v1
        known = begun(api_id, stage, method, path, headers)
        known["path"] = f"/{stage}{path}"
        settings = (apigateway_v1._stages_v1.get(api_id, {}).get(stage) or {}).get(
            "accessLogSettings")
        token = _facts.set(known)
        try:
            answer = await execute(api_id, stage, method, path, headers, *arguments, **options)
        finally:
            _facts.reset(token)
        if settings and role_may_log(settings.get("destinationArn", "")):
            write(settings, ended(known, answer))
        return answer
    return execute_and_log


def rest_request(execute):
    """What a REST API itself finds out: the request's id, its resource, and what it refuses."""
    async def execute_and_note(request, *arguments, **options):
        from ministack.services import apigateway_v1
        note(requestId=request["request_id"])
        answer = await execute(request, *arguments, **options)
        note(resourcePath=request["resource_path"] or None)
        if isinstance(answer, apigateway_v1._GatewayError):
            note(error__message=answer.message, error__messageString=f'"{answer.message}"',
                 error__responseType=answer.response_type)
        return answer
    return execute_and_note


def timed(invoke):
    """How long the integration took, what it said, and whom an authorizer let in."""
    async def invoke_and_note(*arguments, **options):
        note(integrationStatus=200, integration__integrationStatus=200)
        for name in ("authorizer_lambda_context", "authorizer_claims", "authorizer_context"):
            prefix = "authorizer.claims" if name == "authorizer_claims" else "authorizer"
            note(**{f"{prefix}.{key}": value for key, value in (options.get(name) or {}).items()})
        began = time.monotonic()
        answer = await invoke(*arguments, **options)
        took = round((time.monotonic() - began) * 1000)
        note(integrationLatency=took, integration__latency=took)
        if isinstance(answer, tuple) and not (_facts.get() or {}).get("integration.error"):
            note(integration__status=answer[0])
        return answer
    return invoke_and_note


# ---------------------------------------------------------------- the line

def begun(api_id: str, stage: str, method: str, path: str, headers: dict) -> dict:
    """The facts that are known when a request comes in."""
    from ministack.core.responses import get_region, get_request_client_ip
    now, signer = time.time(), gate.signer.get()
    known = {
        "accountId": ACCOUNT, "apiId": api_id, "stage": stage, "httpMethod": method,
        "domainName": f"{api_id}.execute-api.{get_region()}.amazonaws.com", "domainPrefix": api_id,
        "protocol": PROTOCOL, "requestTimeEpoch": int(now * 1000),
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "identity.sourceIp": get_request_client_ip(),
        "identity.userAgent": headers.get("user-agent"), "began": time.monotonic()}
    if isinstance(signer, Caller):
        known |= {"identity.userArn": signer.arn, "identity.accountId": ACCOUNT}
    return known


def ended(known: dict, answer: tuple) -> dict:
    """The facts of a request that was answered with (status, headers, body)."""
    status, _headers, body = answer
    return {**own_error(known, answer), **known,
            "status": status, "responseLength": len(body or b""),
            "responseLatency": round((time.monotonic() - known["began"]) * 1000),
            "extendedRequestId": known.get("requestId")}


def own_error(known: dict, answer: tuple) -> dict:
    """What an API says of an answer that is its own, not its integration's."""
    status, _headers, body = answer
    if status < 400 or "integration.status" in known:
        return {}
    with contextlib.suppress(ValueError, AttributeError):
        message = json.loads(body).get("message")
        return {"error.message": message, "error.messageString": f'"{message}"',
                "error.responseType": "INTEGRATION_FAILURE" if "integration.error" in known
                else ERRORS.get(status)}
    return {}


def line(form: str, known: dict) -> str:
    """A line in the stage's format; a variable that has no value is `-`."""
    def value(found: re.Match) -> str:
        text = known.get(found[1][1:])
        if text is None or text == "":
            return "-"
        return str(text).lower() if isinstance(text, bool) else str(text)
    return VARIABLE.sub(value, form)


def group_of(arn: str) -> str:
    """The name of the log group in an ARN; a template's ARN of a group ends with `:*`."""
    return (arn.split(":") + [""] * 7)[6]


def write(settings: dict, known: dict) -> None:
    """Write a request's line. A failure here must never break a request."""
    from ministack.services import cloudwatch_logs
    group = group_of(settings.get("destinationArn") or "")
    if group not in cloudwatch_logs._log_groups:
        logger.warning("no access log of %s: there is no log group %r", known["apiId"], group)
        return
    # AWS names the stream by a digest, too; it does not say of what.
    stream = hashlib.md5(f"{known['apiId']}/{known['stage']}".encode(),
                         usedforsecurity=False).hexdigest()
    try:
        reports.write(group, stream, [line(settings.get("format") or "", known)], end="")
    except Exception as error:
        logger.warning("no access log of %s: %s", known["apiId"], error)


def role_may_log(destination: str) -> bool:
    """Whether the role of API Gateway in the account's settings may write to a log group."""
    from ministack.services import apigateway_v1
    role = (apigateway_v1._account_settings.get("settings") or {}).get("cloudwatchRoleArn") or ""
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group_of(destination)}:log-stream:"
    return grants.trusts(role, grants.GATEWAY) and grants.role_may(role, "logs:PutLogEvents", arn)
