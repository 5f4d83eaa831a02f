"""REST APIs: a stage serves what was deployed, a function is called by POST and within 29 s."""
import asyncio
import contextvars
import copy
import functools

from workshop.local.patches import access_logs, gateway

TIMEOUT = 29            # seconds that an integration has, unless it sets fewer
JSON = {"Content-Type": "application/json"}
_deployed = contextvars.ContextVar("deployed", default=None)     # key of the resources deployed


def apply(port: int) -> None:
    """Wrap how MiniStack deploys REST APIs, finds the resource of a request and calls functions."""
    from ministack.services import apigateway_v1 as rest
    rest._create_deployment = kept(rest._create_deployment)
    rest._delete_rest_api = forgotten(rest._delete_rest_api)
    rest._execute_in_scope = of_the_stage(rest._execute_in_scope)
    rest._match_resource_tree = among_deployed(rest._match_resource_tree)
    rest._match_greedy_fallback = among_deployed(rest._match_greedy_fallback)
    rest._invoke_lambda_proxy_v1 = by_post_in_time(rest._invoke_lambda_proxy_v1)


def key_of(api_id: str, deployment_id: str) -> str:
    """Where the resources of a deployment are kept, beside those that are being worked on."""
    return f"{api_id}/{deployment_id}"


def kept(create_deployment):
    """A deployment keeps a copy of the resources; MiniStack serves the present ones."""
    def create(api_id, data):
        from ministack.services import apigateway_v1 as rest
        before = set(rest._deployments_v1.get(api_id) or {})
        answer = create_deployment(api_id, data)
        for new in set(rest._deployments_v1.get(api_id) or {}) - before:
            rest._resources[key_of(api_id, new)] = copy.deepcopy(rest._resources.get(api_id) or {})
        return answer
    return create


def forgotten(delete_rest_api):
    """An API takes the copies of its deployments with it."""
    def delete(api_id):
        from ministack.services import apigateway_v1 as rest
        for name in rest._deployments_v1.get(api_id) or {}:
            rest._resources.pop(key_of(api_id, name), None)
        return delete_rest_api(api_id)
    return delete


def of_the_stage(execute):
    """While a request is answered, the resources are those of its stage's deployment."""
    async def execute_deployed(request, api_id, stage_name, *arguments):
        from ministack.services import apigateway_v1 as rest
        stage = (rest._stages_v1.get(api_id) or {}).get(stage_name) or {}
        key = key_of(api_id, stage.get("deploymentId"))
        token = _deployed.set(key if key in rest._resources else None)   # a stack makes no copy
        try:
            return await execute(request, api_id, stage_name, *arguments)
        finally:
            _deployed.reset(token)
    return execute_deployed


def among_deployed(match):
    """Look for a request's resource among the deployed ones."""
    def match_deployed(api_id, *arguments):
        return match(_deployed.get() or api_id, *arguments)
    return match_deployed


def by_post_in_time(invoke):
    """Lambda takes POST alone: with another method the API answers 500. Late is 504."""
    @functools.wraps(invoke)
    async def invoke_proxy(integration, *arguments, **options):
        if integration.get("httpMethod") != "POST":
            return 500, dict(JSON), b'{"message": "Internal server error"}'
        try:
            return await gateway.in_time(invoke(integration, *arguments, **options),
                                         gateway.patience(integration, TIMEOUT))
        except asyncio.TimeoutError:
            access_logs.failed("Execution failed due to a timeout error", None)
            return 504, dict(JSON), b'{"message": "Endpoint request timed out"}'
    return invoke_proxy
