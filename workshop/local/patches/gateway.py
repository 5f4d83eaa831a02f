"""What an HTTP caller of a function sees: AWS's errors and AWS's event.

MiniStack answers a function's failure with 502 and the whole stack trace. No front door of AWS's
shows a caller anything of it: a REST API and a function URL answer 502, an HTTP API 500, each
with a fixed text.
"""
import asyncio
import contextvars
import json
import threading
import time

from workshop.local import limits
from workshop.local.patches import access_logs
from workshop.local.patches.payloads import MALFORMED

JSON = {"Content-Type": "application/json"}
# The members of a proxy response; a REST API takes one without `statusCode` for 200.
PROXY = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
HTTP_TIMEOUT = 30       # seconds that an HTTP API's integration has, unless it sets fewer
_late: set[asyncio.Future] = set()      # runs that nobody waits for any more
_front_door = contextvars.ContextVar("front_door", default="url")


def apply(port: int) -> None:
    """Wrap how MiniStack's HTTP APIs, REST APIs and function URLs call functions."""
    from ministack.services import apigateway, apigateway_v1, lambda_svc
    lambda_svc.lambda_execute_result_to_api_proxy_response = discreet(
        lambda_svc.lambda_execute_result_to_api_proxy_response)
    lambda_svc._execute_function_with_config_scope = as_event(
        lambda_svc._execute_function_with_config_scope)
    apigateway._invoke_lambda_proxy = http_api(apigateway._invoke_lambda_proxy)
    apigateway._handle_execute_in_scope = throttled(apigateway._handle_execute_in_scope)
    apigateway_v1._lambda_proxy_response = rest_api(apigateway_v1._lambda_proxy_response)


def fault(status: int, message: str) -> dict:
    """A proxy response that says no more than AWS says."""
    return {"statusCode": status, "headers": dict(JSON), "body": json.dumps({"message": message})}


def discreet(shape):
    """A function's failure becomes a fixed text; without this it is 502 with the stack trace."""
    def shaped(result):
        http = _front_door.get() == "http"
        if result.get("throttle") and http:
            access_logs.failed("Rate Exceeded.", 429)
            return fault(503, "Service Unavailable"), None
        if result.get("too_large"):
            return fault(413, "Request Entity Too Large"), None
        if not result.get("error") or result.get("throttle"):
            response, kind = shape(result)
            if result.get("throttle") or well_formed(response):
                return response, kind
        access_logs.failed(function_error(result) if result.get("error") else MALFORMED)
        return fault(500 if http else 502, "Internal Server Error"), None
    return shaped


def function_error(result: dict) -> str:
    """How an HTTP API names a function's error in its access log."""
    body = result.get("body")
    message = body.get("errorMessage") if isinstance(body, dict) else body
    return f"The Lambda function returned the following error: {message}. Check your Lambda " \
           "function code and try again."


def well_formed(response: dict) -> bool:
    """Whether a proxy response can be sent: a status, headers and a body that is text.

    MiniStack turns other bodies into JSON; AWS answers Internal Server Error.
    """
    status, headers, body = (response.get(key) for key in ("statusCode", "headers", "body"))
    return (str(status).isdigit() and 100 <= int(status) <= 599
            and isinstance(headers or {}, dict) and isinstance(body or "", str))


def rest_api(proxy_response):
    """A REST API answers 502 with one fixed text, also for a malformed proxy response."""
    def response(result):
        body = result.get("body")
        failed = result.get("error") or result.get("throttle")
        if isinstance(body, dict) and set(body) <= PROXY and body:
            result = {**result, "body": (body := {"statusCode": 200, **body})}
        if failed or not isinstance(body, dict) or not well_formed(body):
            access_logs.failed(
                "Lambda execution failed with status 200 due to customer function error: "
                f"{(body or {}).get('errorMessage')}." if failed and isinstance(body, dict)
                else "Execution failed due to configuration error: Malformed Lambda proxy response")
            return fault(502, "Internal server error"), None
        return proxy_response(result)
    return response


def patience(integration: dict, most: float) -> float:
    """Seconds that an integration has: as many as it says, `most` at most and by default."""
    return min(most, float(integration.get("timeoutInMillis") or most * 1000) / 1000)


async def in_time(invoking, seconds: float):
    """The result of a coroutine; after `seconds` its function runs on, and nobody waits for it.

    MiniStack does not let a run be cancelled, so that `asyncio.wait_for` would wait for its end.

    Raises:
        asyncio.TimeoutError: it was too late.
    """
    task = asyncio.ensure_future(invoking)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        return task.result()
    _late.add(task)     # the loop itself would forget it
    task.add_done_callback(_late.discard)
    raise asyncio.TimeoutError


def http_api(invoke_proxy):
    """An HTTP API: the path that a function sees begins with a named stage; a missing function
    is an Internal Server Error; an API with CORS ignores the function's own headers for it.
    MiniStack leaves the stage out and names the missing function."""
    async def invoke(integration, api_id, stage, path, *arguments, **options):
        from ministack.services import apigateway, lambda_svc
        reference = apigateway._extract_lambda_ref_from_integration_uri(
            integration.get("integrationUri", ""))
        record, _, _ = lambda_svc._get_func_record_for_ref_in_scope(
            reference, account_id=options.get("owner_account_id"),
            region=options.get("owner_region"))
        if record is None:
            access_logs.failed(f"Function not found: {reference}", 404)
            return 500, dict(JSON), b'{"message":"Internal Server Error"}'
        if stage != "$default":
            path = f"/{stage}{path}"
        token = _front_door.set("http")
        try:
            status, headers, body = await in_time(
                invoke_proxy(integration, api_id, stage, path, *arguments, **options),
                patience(integration, HTTP_TIMEOUT))
            if (apigateway._apis.get(api_id) or {}).get("corsConfiguration"):
                headers = {name: value for name, value in headers.items()     # the API's alone
                           if not name.lower().startswith("access-control-")}
            return status, headers, body
        except asyncio.TimeoutError:
            access_logs.failed("Endpoint request timed out", None)
            return 503, dict(JSON), b'{"message":"Service Unavailable"}'
        finally:
            _front_door.reset(token)
    return invoke


def as_event(execute):
    """Payload format 2.0 leaves out what is empty, where MiniStack sends `pathParameters: null`,
    and has cookies in a list of their own; the request's id is that of the access log.

    An event is held to Lambda's size limit, whichever door it came through.
    """
    def execute_event(record, event):
        if len(json.dumps(event, ensure_ascii=False).encode()) > limits.REQUEST:
            return {"error": True, "too_large": True, "body": {
                "errorType": "RequestTooLargeException", "errorMessage": "Request too large"}}
        if isinstance(event, dict) and "version" in event and "requestContext" in event:
            event = {key: value for key, value in event.items()
                     if key != "pathParameters" or value or event["version"] == "1.0"}
            if event["version"] == "2.0" and "cookie" in (headers := dict(event["headers"])):
                event |= {"cookies": headers.pop("cookie").split("; "), "headers": headers}
            if access_logs.request_id():
                event["requestContext"] = {**event["requestContext"],
                                           "requestId": access_logs.request_id()}
        return execute(record, event)
    return execute_event


class Bucket:
    """A token bucket, as API Gateway uses: `rate` requests a second, `burst` at once."""

    def __init__(self, rate: float, burst: float):
        self.rate, self.burst = rate, burst
        self.tokens, self.filled = burst, time.monotonic()
        self.lock = threading.Lock()

    def take(self) -> bool:
        """Whether there is a token for one more request now."""
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
            self.filled = now
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True


_buckets: dict[tuple, Bucket] = {}


def settings(stage: dict, route_key: str) -> tuple[float, float] | None:
    """(rate, burst) that a stage sets for a route, or None where it sets none."""
    chosen = {**(stage.get("defaultRouteSettings") or {}),
              **((stage.get("routeSettings") or {}).get(route_key) or {})}
    rate, burst = chosen.get("throttlingRateLimit"), chosen.get("throttlingBurstLimit")
    return None if rate is None or burst is None else (float(rate), float(burst))


def throttled(execute):
    """An HTTP API's throttling settings answer 429; MiniStack stores them and never looks."""
    async def execute_in_limits(api_id, stage, path, method, *arguments, **options):
        from ministack.services import apigateway
        route = apigateway._match_route(api_id, method, "/" + path.lstrip("/"))
        limits = settings(apigateway._stages.get(api_id, {}).get(stage) or {},
                          (route or {}).get("routeKey", ""))
        if route and limits:
            key = (api_id, stage, route["routeKey"])
            bucket = _buckets.get(key)
            if bucket is None or (bucket.rate, bucket.burst) != limits:
                bucket = _buckets[key] = Bucket(*limits)
            if not bucket.take():
                return 429, dict(JSON), b'{"message":"Too Many Requests"}'
        return await execute(api_id, stage, path, method, *arguments, **options)
    return execute_in_limits
