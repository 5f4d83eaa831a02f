"""`Body` of an HTTP API in a stack: its routes, integrations and authorizers in OpenAPI.

`AWS::Serverless::HttpApi` becomes such a body, and MiniStack passes over it: the stack succeeds and
the API has no route. Source: "Working with OpenAPI definitions for HTTP APIs", API Gateway
Developer Guide.
"""
import json

EXTENSION = "x-amazon-apigateway-"
METHODS = {"get", "head", "options", "patch", "post", "put", "delete", f"{EXTENSION}any-method"}
TABLES = ("_routes", "_integrations", "_authorizers")


class BodyError(ValueError):
    """The body cannot be imported; the message says why, and the stack goes back."""


def replace(api_id: str, body: dict) -> None:
    """Give an HTTP API the routes, integrations, authorizers, name and CORS of an OpenAPI body.

    Raises:
        BodyError: what it has is not for HTTP APIs, or names something that is not there.
    """
    from ministack.services import apigateway
    body = json.loads(body) if isinstance(body, str) else body
    for table in TABLES:
        getattr(apigateway, table)[api_id] = {}
    api = apigateway._apis[api_id]
    api["name"] = (body.get("info") or {}).get("title") or api["name"]
    if body.get(f"{EXTENSION}cors"):
        api["corsConfiguration"] = body[f"{EXTENSION}cors"]
    api.setdefault("tags", {}).update({one["name"]: one.get(f"{EXTENSION}tag-value", "")
                                       for one in body.get("tags") or []})
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    authorizers = {name: authorizer(api_id, name, one) for name, one in schemes.items()}
    for path, methods in (body.get("paths") or {}).items():
        for method, operation in methods.items():
            if method.lower() in METHODS:
                route(api_id, key_of(path, method), operation or {}, authorizers)


def key_of(path: str, method: str) -> str:
    """The key of a route: of /x and get it is `GET /x`; the path `/$default` is the default route.
    """
    if path.strip("/") == "$default":
        return "$default"
    return f"{'ANY' if method.startswith('x-') else method.upper()} {path}"


def route(api_id: str, key: str, operation: dict, authorizers: dict) -> None:
    """Make a route with its integration."""
    from ministack.services import apigateway
    target = operation.get(f"{EXTENSION}integration")
    if not target:
        raise BodyError(f"Unable to create the route {key}: it has no integration")
    made = apigateway._create_integration(api_id, integration(key, target))
    security = (operation.get("security") or [{}])[0]
    name = next(iter(security), None)
    if name is not None and name not in authorizers:
        raise BodyError(f"Unable to create the route {key}: there is no security scheme {name}")
    apigateway._create_route(api_id, {
        "routeKey": key, "target": f"integrations/{json.loads(made[2])['integrationId']}",
        **authorizers.get(name, {}),
        **({"authorizationScopes": security[name]} if name and security[name] else {})})


def integration(key: str, target: dict) -> dict:
    """CreateIntegration's parameters for an integration in OpenAPI."""
    kind = str(target.get("type", "")).upper()
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise BodyError(f"Unable to create the integration of {key}: the local cloud has AWS_PROXY "
                        f"and HTTP_PROXY for HTTP APIs, not {kind or 'none'}")
    return {"integrationType": kind, "integrationUri": target.get("uri", ""),
            "integrationMethod": target.get("httpMethod", "POST"),
            "payloadFormatVersion": str(target.get("payloadFormatVersion", "1.0")),
            "timeoutInMillis": int(target.get("timeoutInMillis", 30_000)),
            "credentialsArn": target.get("credentials")}


def authorizer(api_id: str, name: str, scheme: dict) -> dict:
    """Make an authorizer; returns what a route says that uses it."""
    from ministack.services import apigateway
    about = scheme.get(f"{EXTENSION}authorizer") or {}
    if scheme.get(f"{EXTENSION}authtype") == "awsSigv4":
        return {"authorizationType": "AWS_IAM"}
    kind = str(about.get("type", "")).lower()
    sources = about.get("identitySource") or []
    asked = {"name": name, "identitySource": sources if isinstance(sources, list) else [
        one.strip() for one in sources.split(",")]}
    if kind == "jwt":
        asked |= {"authorizerType": "JWT", "jwtConfiguration": about.get("jwtConfiguration") or {}}
    elif kind == "request":
        asked |= {"authorizerType": "REQUEST", **{name: about[key] for name, key in (
            ("authorizerUri", "authorizerUri"),
            ("authorizerCredentialsArn", "authorizerCredentials"),
            ("authorizerPayloadFormatVersion", "authorizerPayloadFormatVersion"),
            ("authorizerResultTtlInSeconds", "authorizerResultTtlInSeconds"),
            ("enableSimpleResponses", "enableSimpleResponses")) if key in about}}
    else:
        raise BodyError(f"Unable to create the authorizer {name}: its type is jwt or request, "
                        f"not {kind or 'none'}")
    made = json.loads(apigateway._create_authorizer(api_id, asked)[2])["authorizerId"]
    return {"authorizationType": "JWT" if kind == "jwt" else "CUSTOM", "authorizerId": made}
