"""Routes and function URLs with AWS_IAM: the signature must be valid, not only there."""
from workshop.local import gate
from workshop.local.signatures import Caller

FORBIDDEN = b'{"message":"Forbidden"}'


def apply(port: int) -> None:
    """Wrap how MiniStack's HTTP APIs, REST APIs and function URLs look at AWS_IAM."""
    from ministack.services import apigateway, apigateway_v1, lambda_svc
    apigateway._handle_execute_in_scope = http_api(apigateway._handle_execute_in_scope)
    apigateway_v1._authorize_request_v1 = rest_api(apigateway_v1._authorize_request_v1)
    lambda_svc.handle_function_url_request = function_url(lambda_svc.handle_function_url_request)


def is_signed_for(service: str) -> bool:
    """Whether the request that is being answered is signed by somebody known, for `service`."""
    caller = gate.signer.get()
    return isinstance(caller, Caller) and caller.service == service


def http_api(execute):
    """An HTTP API refuses with one fixed text. Preflight requests are the API's own to answer."""
    async def execute_signed(api_id, stage, path, method, *arguments, **options):
        from ministack.services import apigateway
        route = apigateway._match_route(api_id, method, "/" + path.lstrip("/")) or {}
        if (method != "OPTIONS" and (route.get("authorizationType") or "").upper() == "AWS_IAM"
                and not is_signed_for("execute-api")):
            return 403, {"Content-Type": "application/json"}, FORBIDDEN
        return await execute(api_id, stage, path, method, *arguments, **options)
    return execute_signed


def rest_api(authorize):
    """A REST API says what is wrong with the signature."""
    async def authorize_signed(api_id, stage_name, method_obj, *arguments, **options):
        from ministack.core.iam_evaluator import AuthError
        from ministack.services import apigateway_v1
        if (method_obj.get("authorizationType") or "").upper() == "AWS_IAM" \
                and not is_signed_for("execute-api"):
            refused, headers, query = gate.signer.get(), arguments[3], arguments[5]
            error = AuthError("SignatureDoesNotMatch", "Credential should be scoped to correct "
                              "service: 'execute-api'.") if isinstance(refused, Caller) \
                else AuthError(refused.code, refused.message)
            return apigateway_v1.authentication_error_response(
                api_id, stage_name, error, headers, query), None
        return await authorize(api_id, stage_name, method_obj, *arguments, **options)
    return authorize_signed


def function_url(handle):
    """A function URL refuses as if there were no signature."""
    async def handle_signed(url_id, method, path, headers, body, query_params, **options):
        from ministack.services import lambda_svc
        found = options.get("resolved") or lambda_svc.resolve_function_url(url_id)
        if found and found[-1].get("AuthType") == "AWS_IAM" and not is_signed_for("lambda"):
            headers = {name: value for name, value in headers.items() if name != "authorization"}
            query_params = {name: value for name, value in query_params.items()
                            if name.lower() != "x-amz-signature"}
        return await handle(url_id, method, path, headers, body, query_params, **options)
    return handle_signed
