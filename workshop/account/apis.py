"""API Gateway's APIs: HTTP APIs, as lessons make them in front of functions, and REST APIs."""
import re

from workshop.account import calls, functions, ownership

GATEWAY = "apigateway.amazonaws.com"


def find(name):
    """The first HTTP API of this name, or None."""
    return next(_named(name), None)


def _named(name):
    return (one for one in calls.pages("apigatewayv2", "get_apis", "Items") if one["Name"] == name)


def ensure(name, function_arn, route):
    """Find or make the HTTP API NAME that sends ROUTE to a function; return it as find() does.

    function_arn: str. route: method and path, e.g. `POST /predict`. Makes what is missing of: API,
    integration (payload 2.0), route, `$default` stage.
    """
    ownership.check_name(name)
    client = calls.client("apigatewayv2")
    api = find(name) or client.create_api(Name=name, ProtocolType="HTTP", Tags=ownership.tags())
    ownership.check(f"HTTP API {name}", tags(api))
    of = {"ApiId": api["ApiId"]}
    target = f"integrations/{_integration(client, of, function_arn)}"
    routes = client.get_routes(**of)["Items"]
    found = next((one for one in routes if one["RouteKey"] == route), None)
    if not found:
        client.create_route(**of, RouteKey=route, Target=target)
    elif found.get("Target") != target:  # who may call it stays as it is
        client.update_route(**of, RouteId=found["RouteId"], Target=target)
    if not client.get_stages(**of)["Items"]:
        client.create_stage(**of, StageName="$default", AutoDeploy=True, Tags=ownership.tags())
    return api


def _integration(client, of, function_arn):
    for one in client.get_integrations(**of)["Items"]:
        if one.get("IntegrationUri") == function_arn:
            return one["IntegrationId"]
    return client.create_integration(
        **of, IntegrationType="AWS_PROXY", IntegrationUri=function_arn,
        PayloadFormatVersion="2.0")["IntegrationId"]


def permit(api, function, route):
    """Let this API (its id) invoke a function for this route: its method, its path, any stage."""
    account, region = calls.where()
    method, _, path = route.replace("ANY ", "* ").partition(" ")
    path = re.sub(r"\{[^}]*\}", "*", path)
    functions.permit(function, f"api-{api}-" + re.sub(r"\W+", "-", route).strip("-"), GATEWAY,
                     SourceArn=f"arn:aws:execute-api:{region}:{account}:{api}/*/{method}{path}")


def tags(api):
    """Tags (dict of str) of an API."""
    return api.get("Tags") or api.get("tags") or {}


def delete(name):
    """Delete every HTTP API of this name, with its routes and stages."""
    ownership.delete(removals(name))


def removals(name):
    """What `delete` takes away under NAME."""
    for one in _named(name):
        yield ownership.Removal(f"HTTP API {name}", tags(one),
                                lambda api=one["ApiId"]: remove(api))


def listed(meant):
    """What the inventory lists of the HTTP APIs that are meant."""
    region = calls.where()[1]
    for one in calls.pages("apigatewayv2", "get_apis", "Items"):
        if meant(one["Name"], f"arn:aws:apigateway:{region}::/apis/{one['ApiId']}"):
            yield one["Name"], one["ApiId"], tags(one)


def listed_rest(meant):
    """The same of REST APIs that are meant."""
    region = calls.where()[1]
    for one in calls.pages("apigateway", "get_rest_apis", "items"):
        if meant(one["name"], f"arn:aws:apigateway:{region}::/restapis/{one['id']}"):
            yield one["name"], one["id"], tags(one)


remove = calls.remover("apigatewayv2", "delete_api", lambda api: {"ApiId": api})
remove_rest = calls.remover("apigateway", "delete_rest_api", lambda api: {"restApiId": api})
