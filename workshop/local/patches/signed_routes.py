"""Routes, methods and function URLs with AWS_IAM: a valid signature of a caller who may do it.

What a function URL's caller may do is looked at in `granted`, beside the function's own policy.
"""
from workshop.local import gate
from workshop.local.addresses import ACCOUNT
from workshop.local.patches import access_logs
from workshop.local.permissions import callers, decision
from workshop.local.permissions.actions import Need
from workshop.local.signatures import Caller

FORBIDDEN = b'{"message":"Forbidden"}'
INVOKE = "execute-api:Invoke"


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


def may_invoke(arn: str, region: str) -> tuple[str, decision.iam.EvalResult]:
    """(ARN of who asks, IAM's answer) for the request that is being answered and is signed.

    arn: of the route or method, arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH.
    """
    who = callers.principal(gate.signer.get())
    return who.arn, decision.decide(who, Need(INVOKE, arn), region)


def invoked(api_id: str, stage: str, method: str, path: str, region: str) -> str:
    """The ARN of what a request invokes."""
    from ministack.core.arn import execute_api_arn
    return execute_api_arn(region, ACCOUNT, api_id, stage, method, path)


def http_api(execute):
    """An HTTP API refuses with one fixed text. Preflight requests are the API's own to answer."""
    async def execute_signed(api_id, stage, path, method, *arguments, **options):
        from ministack.core.responses import get_region
        from ministack.services import apigateway
        route = apigateway._match_route(api_id, method, "/" + path.lstrip("/")) or {}
        if method != "OPTIONS" and (route.get("authorizationType") or "").upper() == "AWS_IAM":
            region, signed = get_region(), is_signed_for("execute-api")     # the API's own Region
            if not signed or may_invoke(invoked(api_id, stage, method, path, region),
                                        region)[1].decision != "Allow":
                access_logs.note(authorizer__error="Forbidden" if signed
                                 else access_logs.NO_SIGNATURE)
                return 403, {"Content-Type": "application/json"}, FORBIDDEN
        return await execute(api_id, stage, path, method, *arguments, **options)
    return execute_signed


def rest_api(authorize):
    """A REST API says what is wrong with the signature, or who may not do what."""
    async def authorize_signed(api_id, stage_name, method_obj, method, path, *arguments, **options):
        from ministack.core.iam_evaluator import AuthError
        from ministack.core.responses import get_region
        from ministack.services import apigateway_v1
        if (method_obj.get("authorizationType") or "").upper() != "AWS_IAM":
            return await authorize(api_id, stage_name, method_obj, method, path, *arguments,
                                   **options)
        if not is_signed_for("execute-api"):
            refused, headers, query = gate.signer.get(), arguments[1], arguments[3]
            error = AuthError("SignatureDoesNotMatch", "Credential should be scoped to correct "
                              "service: 'execute-api'.") if isinstance(refused, Caller) \
                else AuthError(refused.code, refused.message)
            return apigateway_v1.authentication_error_response(
                api_id, stage_name, error, headers, query), None
        arn = invoked(api_id, stage_name, method, path, get_region())
        who, result = may_invoke(arn, get_region())
        if result.decision != "Allow":
            return apigateway_v1._gw_error("ACCESS_DENIED", denied(who, arn, result)), None
        return None, None
    return authorize_signed


def denied(who: str, arn: str, result) -> str:
    """A REST API's words to a caller who may not invoke a method; the account is hidden."""
    shown = arn.replace(f":{ACCOUNT}:", f":********{ACCOUNT[-4:]}:", 1)
    kind = "a resource-based" if result.resource_policy_arn else "an identity-based"
    why = f"with an explicit deny in {kind} policy" if result.decision == "Deny" else \
        f"because no identity-based policy allows the {INVOKE} action"
    return f"User: {who} is not authorized to perform: {INVOKE} on resource: {shown} {why}"


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
