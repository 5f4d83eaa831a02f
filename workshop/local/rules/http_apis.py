"""API Gateway v2 (HTTP APIs): routes, integrations, stages, CORS."""
import re

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

METHODS = "ANY|GET|HEAD|OPTIONS|PATCH|POST|PUT|DELETE"
ROUTE_KEY = re.compile(rf"\$default|({METHODS}) /\S*")
SELECTION = "${request.method} ${request.path}"     # what selects a route of an HTTP API


def bad(message: str) -> RefusedError:
    return RefusedError("BadRequestException", message, 400)


def missing(message: str) -> RefusedError:
    return RefusedError("NotFoundException", message, 404)


def of(table: str, asked: dict) -> dict | None:
    """What an HTTP API has of a kind, by its id or name; None for an API that is not there."""
    from ministack.services import apigateway
    api = apigateway._apis.get(asked["ApiId"])
    if api is None or api.get("protocolType") != "HTTP":
        return None
    return getattr(apigateway, table).get(asked["ApiId"]) or {}


@rule("apigatewayv2", "CreateRoute", "UpdateRoute")
def route(asked: dict) -> None:
    routes, key = of("_routes", asked), asked.get("RouteKey")
    if routes is None:
        return
    if key is not None and not ROUTE_KEY.fullmatch(key):
        raise bad("The provided route key is not formatted properly for HTTP protocol. Format "
                  "should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"")
    if any(one["routeKey"] == key and name != asked.get("RouteId")
           for name, one in routes.items()):
        raise RefusedError("ConflictException", f"Route with key {key} already exists for this API",
                           409)
    if key is not None and re.search(r"\+\}.", key):
        raise bad("Invalid route key: a greedy path variable, such as {proxy+}, must be the last "
                  "part of a path")
    target = asked.get("Target")
    if target and not target.startswith("integrations/"):
        raise bad("Invalid target: a route's target is integrations/INTEGRATION_ID")
    if target and target.partition("/")[2] not in of("_integrations", asked):
        raise missing(f"Invalid Integration identifier specified {target.partition('/')[2]}")
    kind = asked.get("AuthorizationType")
    if kind in ("JWT", "CUSTOM") and asked.get("AuthorizerId") not in of("_authorizers", asked):
        raise bad(f"AuthorizerId is required and must be of the API for authorization type {kind}")


@rule("apigatewayv2", "CreateIntegration")
def integration(asked: dict) -> None:
    if of("_integrations", asked) is None:
        return
    kind = asked["IntegrationType"]
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise bad(f"Invalid integration type {kind} for HTTP protocol Api. Should be one of: "
                  "[AWS_PROXY, HTTP_PROXY]")
    if kind == "AWS_PROXY" and not asked.get("PayloadFormatVersion"):
        raise bad("PayloadFormatVersion is a required parameter for integration")
    if not asked.get("IntegrationUri") and not asked.get("IntegrationSubtype"):
        raise bad("IntegrationUri is a required parameter for integration")
    if kind == "HTTP_PROXY" and not asked.get("IntegrationMethod"):
        raise bad("IntegrationMethod is a required parameter for HTTP_PROXY integration")
    uri = asked.get("IntegrationUri") or "arn:"
    if not uri.startswith("arn:" if kind == "AWS_PROXY" else ("http://", "https://", "arn:")):
        raise bad(f"Invalid integration URI: {uri}")


@rule("apigatewayv2", "CreateIntegration", "UpdateIntegration")
def payload_format(asked: dict) -> None:
    version = asked.get("PayloadFormatVersion")
    if version not in (None, "1.0", "2.0"):
        raise bad(f"Invalid PayloadFormatVersion {version}. Should be one of: [1.0, 2.0]")
    if asked.get("TimeoutInMillis", 0) > 30_000:
        raise bad("Timeout should be between 50 ms and 30000 ms")


@rule("apigatewayv2", "CreateStage")
def stage_name(asked: dict) -> None:
    stages, name = of("_stages", asked), asked["StageName"]
    if stages is None:
        return
    if not re.fullmatch(r"\$default|[a-zA-Z0-9_-]{1,128}", name):
        raise bad("Stage name only allows a-zA-Z0-9_- or $default")
    if name in stages:
        raise RefusedError("ConflictException", "Stage already exists", 409)


@rule("apigatewayv2", "CreateStage", "UpdateStage")
def stage_settings(asked: dict) -> None:
    routes = of("_routes", asked)
    if routes is None:
        return
    known = {one["routeKey"] for one in routes.values()}
    for key in asked.get("RouteSettings") or {}:
        if key not in known:
            raise missing(f"Unable to find Route by key {key} within the provided RouteSettings")
    deployment = asked.get("DeploymentId")
    if deployment and deployment not in of("_deployments", asked):
        raise missing(f"Invalid deployment identifier specified {deployment}")
    access = asked.get("AccessLogSettings") or {}
    if bool(access.get("DestinationArn")) != bool(access.get("Format")):
        raise bad("AccessLogSettings needs both DestinationArn and Format")
    if access.get("DestinationArn") and not access["DestinationArn"].startswith("arn:"):
        raise bad("Invalid ARN specified in the request")


@rule("apigatewayv2", "CreateApi", "UpdateApi")
def api(asked: dict) -> None:
    """Source: API reference of CreateApi."""
    if asked.get("Name", "name") == "":
        raise bad("Name must not be empty")
    selection = asked.get("RouteSelectionExpression")
    if asked.get("ProtocolType") == "WEBSOCKET" and not selection:
        raise bad("RouteSelectionExpression is a required parameter for the WEBSOCKET protocol")
    if asked.get("ProtocolType") == "HTTP" and selection not in (None, SELECTION):
        raise bad(f"RouteSelectionExpression must be {SELECTION} for the HTTP protocol")


@rule("apigatewayv2", "CreateApi", "UpdateApi")
def cors(asked: dict) -> None:
    found = asked.get("CorsConfiguration") or {}
    if found.get("AllowCredentials") and "*" in (found.get("AllowOrigins") or []):
        raise bad("allow-credentials is not supported for an allow-origin of *")
    for origin in found.get("AllowOrigins") or []:
        if origin != "*" and not re.match(r"[a-z][a-z0-9+.-]*://", origin):
            raise bad(f"Invalid format for origin {origin}. Format should be "
                      "<SCHEME>://<HOSTNAME>[:<PORT>]")


@rule("apigatewayv2", "DeleteIntegration")
def integration_in_use(asked: dict) -> None:
    target = f"integrations/{asked['IntegrationId']}"
    if any(one.get("target") == target for one in (of("_routes", asked) or {}).values()):
        raise RefusedError("ConflictException", "Cannot delete Integration "
                           f"'{asked['IntegrationId']}'. It is referenced by a Route.", 409)


@rule("apigatewayv2", "DeleteRoute", "DeleteIntegration", "DeleteStage", "DeleteDeployment",
      "DeleteAuthorizer")
def is_there(asked: dict) -> None:
    """What is deleted was there."""
    for name, table, word in (
            ("RouteId", "_routes", "Route"), ("IntegrationId", "_integrations", "Integration"),
            ("StageName", "_stages", "stage"), ("DeploymentId", "_deployments", "Deployment"),
            ("AuthorizerId", "_authorizers", "Authorizer")):
        known = of(table, asked) if name in asked else None
        if known is not None and asked[name] not in known:
            raise missing(f"Invalid {word} identifier specified {asked[name]}")


@rule("apigatewayv2", "CreateAuthorizer")
def authorizer(asked: dict) -> None:
    sources = asked.get("IdentitySource") or []
    if any(not re.match(r"\$(request|context|stageVariables)\.", one) for one in sources):
        raise bad("Invalid identity source expression specified: an HTTP API reads "
                  "$request.header.NAME, $request.querystring.NAME, $context and $stageVariables")
    if asked["AuthorizerType"] == "JWT":
        found = asked.get("JwtConfiguration") or {}
        if not found.get("Issuer") or not found.get("Audience"):
            raise bad("JwtConfiguration with Issuer and Audience is required for authorizers of "
                      "type JWT")
        if not found["Issuer"].startswith("https://"):
            raise bad(f"Invalid issuer: {found['Issuer']}. Issuer must have a valid discovery "
                      "endpoint ended with '/.well-known/openid-configuration'")
        if not sources:
            raise bad("IdentitySource is a required parameter for authorizer")
    elif not asked.get("AuthorizerPayloadFormatVersion"):
        raise bad("AuthorizerPayloadFormatVersion is a required parameter for authorizer")
    elif not asked.get("AuthorizerUri"):
        raise bad("AuthorizerUri is a required parameter for authorizer")
