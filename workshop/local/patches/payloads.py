"""HTTP APIs: an integration with payload format 1.0 sends and reads that; MiniStack only knows 2.0.

Source: "Create AWS Lambda proxy integrations for HTTP APIs", API Gateway Developer Guide; names of
headers, `resourceId` and the stage in `path` are as in events that others recorded on AWS.
"""
import base64
import time

from workshop.local.addresses import ACCOUNT
from workshop.local.patches import access_logs

# Headers that arrive with capitals in format 1.0; the names of all others are in small letters.
CAPITALS = {"content-length": "Content-Length", "content-type": "Content-Type", "host": "Host",
            "user-agent": "User-Agent"}
IDENTITY = ("accessKey", "accountId", "caller", "cognitoAmr", "cognitoAuthenticationProvider",
            "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId",
            "principalOrgId", "user", "userArn")
MALFORMED = "The response from the Lambda function doesn't match the format that API Gateway " \
            "expects."


def apply(port: int) -> None:
    """Wrap how MiniStack's HTTP APIs call functions."""
    from ministack.services import apigateway
    apigateway._invoke_lambda_proxy = by_version(apigateway._invoke_lambda_proxy)


def by_version(invoke_proxy):
    """Format 1.0 is served here, 2.0 by MiniStack."""
    async def invoke(integration, api_id, stage, path, method, headers, body, query_params,
                     route_key="$default", path_params=None, **options):
        if integration.get("payloadFormatVersion") != "1.0":
            return await invoke_proxy(integration, api_id, stage, path, method, headers, body,
                                      query_params, route_key, path_params, **options)
        made = {**event(path, method, headers, body, query_params, route_key, path_params),
                "requestContext": context(api_id, stage, path, method, headers, route_key, options),
                "stageVariables": stage_variables(api_id, stage)}
        return response(await result_of(integration, made, options))
    return invoke


async def result_of(integration: dict, made: dict, options: dict) -> dict:
    """What MiniStack knows of the function's run for an event."""
    from ministack.core.concurrency import run_reentrant
    from ministack.services import apigateway, lambda_svc
    data, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        apigateway._extract_lambda_ref_from_integration_uri(integration["integrationUri"]),
        account_id=options.get("owner_account_id"), region=options.get("owner_region"))
    return await run_reentrant(lambda_svc._execute_function_with_config_scope,
                               lambda_svc._execution_record_for_config(data, config), made,
                               thread_name="workshop-payload-1")


def event(path, method, headers, body, query_params, route_key, path_params) -> dict:
    """The event but for its `requestContext` and the stage's variables."""
    from ministack.services import apigateway
    names = {CAPITALS.get(name.lower(), name.lower()): value for name, value in headers.items()}
    several = {name: list(values) for name, values in (query_params or {}).items()}
    is_text = apigateway._v2_request_body_is_text(headers.get("content-type"))
    return {
        "version": "1.0", "resource": resource(route_key), "path": path, "httpMethod": method,
        "headers": names, "multiValueHeaders": {name: [text] for name, text in names.items()},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": path_params or None,
        "body": None if not body else body.decode("utf-8", "replace") if is_text
        else base64.b64encode(body).decode(),
        "isBase64Encoded": bool(body) and not is_text}


def resource(route_key: str) -> str:
    """The path of a route: of `GET /x` it is /x; `$default` stays."""
    return route_key.partition(" ")[2] or route_key


def context(api_id, stage, path, method, headers, route_key, options) -> dict:
    """The event's `requestContext`."""
    from ministack.core.responses import get_region
    now = time.time()
    number = access_logs.request_id()
    caller = options.get("authorizer_iam") or {}
    identity = {**dict.fromkeys(IDENTITY), "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", "")}
    if caller:
        identity |= {"accessKey": caller["accessKey"], "accountId": caller["accountId"],
                     "caller": caller["callerId"], "user": caller["userId"],
                     "userArn": caller["userArn"]}
    found = {
        "accountId": ACCOUNT, "apiId": api_id, "domainPrefix": api_id,
        "domainName": f"{api_id}.execute-api.{get_region()}.amazonaws.com",
        "extendedRequestId": number, "httpMethod": method, "identity": identity, "path": path,
        "protocol": "HTTP/1.1", "requestId": number,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000), "resourceId": route_key,
        "resourcePath": resource(route_key), "stage": stage}
    claims, given = options.get("authorizer_claims"), options.get("authorizer_lambda_context")
    if claims is not None or given is not None:
        found["authorizer"] = {"claims": claims, "scopes": options.get("authorizer_scopes") or None,
                               **(given or {})}
    return found


def stage_variables(api_id: str, stage: str) -> dict | None:
    from ministack.services import apigateway
    return apigateway._get_stage_variables(api_id, stage) or None


def response(result: dict) -> tuple[int, dict, bytes]:
    """The answer for a function's result; format 1.0 infers nothing, a status is a must."""
    from ministack.services import lambda_svc
    answer = result.get("body")
    if not result.get("error") and not result.get("throttle") \
            and not (isinstance(answer, dict) and "statusCode" in answer):
        access_logs.failed(MALFORMED)
        return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'
    answer, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(result)
    headers: dict = {"content-type": ["application/json"]}
    for name, text in (answer.get("headers") or {}).items():
        headers[name.lower()] = [str(text)]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = [str(text) for text in values]
    body = answer.get("body") or ""
    return (int(answer["statusCode"]),
            {name: values[0] if len(values) == 1 else values for name, values in headers.items()},
            base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode())
