"""API Gateway v1 (REST APIs): methods, integrations, deployments."""
import re

from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import grants
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

METHODS = "GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"


def bad(message: str) -> RefusedError:
    return RefusedError("BadRequestException", message, 400)


@rule("apigateway", "PutMethod")
def method(asked: dict) -> None:
    from ministack.services import apigateway_v1
    if asked["httpMethod"] not in METHODS.split(","):
        raise bad(f"Invalid HttpMethod specified. Valid options are {METHODS}")
    kind = asked["authorizationType"]
    if kind not in ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"):
        raise bad("Invalid Authorization Type specified. Valid options are NONE, AWS_IAM, CUSTOM, "
                  "COGNITO_USER_POOLS")
    known = apigateway_v1._authorizers_v1.get(asked["restApiId"]) or {}
    if kind in ("CUSTOM", "COGNITO_USER_POOLS") and asked.get("authorizerId") not in known:
        raise bad("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                  "COGNITO_USER_POOLS requires a valid authorizer.")
    there = (_resource(asked) or {}).get("resourceMethods") or {}
    if asked["httpMethod"] in there:
        raise RefusedError("ConflictException", "Method already exists for this resource", 409)


def _resource(asked: dict) -> dict | None:
    from ministack.services import apigateway_v1
    return (apigateway_v1._resources.get(asked["restApiId"]) or {}).get(asked["resourceId"])


@rule("apigateway", "PutIntegration")
def integration(asked: dict) -> None:
    kind, uri = asked["type"], asked.get("uri") or ""
    resource = _resource(asked)
    if resource and asked["httpMethod"] not in (resource.get("resourceMethods") or {}):
        raise RefusedError("NotFoundException", "Invalid Method identifier specified", 404)
    if kind == "MOCK":
        return
    if kind in ("AWS", "AWS_PROXY"):
        if not asked.get("integrationHttpMethod"):
            raise bad("Enumeration value for HttpMethod must be non-empty")
        if not uri.startswith("arn:"):
            raise bad("Invalid ARN specified in the request")
        if not re.search(r":(path|action)/", uri):
            raise bad("AWS ARN for integration must contain path or action")
        if kind == "AWS_PROXY" and ":lambda:" not in uri and ":states:" not in uri:
            raise bad("Integrations of type 'AWS_PROXY' currently only supports Lambda function "
                      "and Firehose stream invocations.")
    elif not re.match(r"https?://", uri):
        raise bad("Invalid HTTP endpoint specified for URI")
    if asked.get("timeoutInMillis", 50) < 50:
        raise bad("Timeout should be between 50 ms and 29000 ms")


@rule("apigateway", "CreateDeployment")
def deployable(asked: dict) -> None:
    from ministack.services import apigateway_v1
    if asked["restApiId"] not in apigateway_v1._rest_apis:
        return
    methods = [one for resource in (apigateway_v1._resources.get(asked["restApiId"]) or {}).values()
               for one in (resource.get("resourceMethods") or {}).values()]
    if not methods:
        raise bad("The REST API doesn't contain any methods")
    if not all(one.get("methodIntegration") for one in methods):
        raise bad("No integration defined for method")


@rule("apigateway", "DeleteDeployment")
def deployment_in_use(asked: dict) -> None:
    stages = _stages(asked).values()
    if any(one.get("deploymentId") == asked["deploymentId"] for one in stages):
        raise bad("Active stages pointing to this deployment must be moved or deleted")


def _stages(asked: dict) -> dict:
    from ministack.services import apigateway_v1
    return apigateway_v1._stages_v1.get(asked["restApiId"]) or {}


@rule("apigateway", "CreateStage")
def stage(asked: dict) -> None:
    from ministack.services import apigateway_v1
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", asked["stageName"]):
        raise bad("Stage name only allows a-zA-Z0-9_-")
    if asked["stageName"] in _stages(asked):
        raise RefusedError("ConflictException", "Stage already exists", 409)
    api = asked["restApiId"]
    if api in apigateway_v1._rest_apis and asked["deploymentId"] not in (
            apigateway_v1._deployments_v1.get(api) or {}):
        raise bad("Deployment id does not exist")


@rule("apigateway", "UpdateStage")
def logging(asked: dict) -> None:
    if any(one.get("path", "").startswith("/accessLogSettings") and one.get("value")
           for one in asked.get("patchOperations") or []):
        account_logs()


def account_logs() -> None:
    """Refuse what makes a stage write a log while the account's settings name no role for it."""
    from ministack.services import apigateway_v1
    if not (apigateway_v1._account_settings.get("settings") or {}).get("cloudwatchRoleArn"):
        raise bad("CloudWatch Logs role ARN must be set in account settings to enable logging")


@rule("apigateway", "UpdateAccount")
def logging_role(asked: dict) -> None:
    for one in asked.get("patchOperations") or []:
        if one.get("path") == "/cloudwatchRoleArn" and one.get("value") \
                and not grants.trusts(one["value"], grants.GATEWAY):
            raise bad("The role ARN does not have required permissions configured. Please grant "
                      "trust permission for API Gateway and add the required role policy.")


@rule("apigateway", "CreateRestApi")
def name(asked: dict) -> None:
    if not asked["name"].strip():
        raise bad("API name cannot be empty")


@rule("apigateway", "DeleteResource")
def root(asked: dict) -> None:
    if (_resource(asked) or {}).get("path") == "/":
        raise bad("Root resource cannot be deleted")


@rule("apigateway", "CreateResource")
def path_part(asked: dict) -> None:
    from ministack.services import apigateway_v1
    part = asked["pathPart"]
    parent = _resource({**asked, "resourceId": asked["parentId"]}) or {}
    if parent.get("pathPart", "").endswith("+}"):
        raise bad("Cannot create a child of a resource with a greedy path variable: "
                  f"{parent['path']}")
    if not re.fullmatch(r"[a-zA-Z0-9._:~$,-]+|\{[a-zA-Z0-9._-]+\+?\}", part):
        raise bad("Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable "
                  "and curly braces at the beginning and the end.")
    siblings = (apigateway_v1._resources.get(asked["restApiId"]) or {}).values()
    if any(one.get("parentId") == asked["parentId"] and one.get("pathPart") == part
           for one in siblings):
        raise RefusedError("ConflictException", "Another resource with the same parent already has "
                           f"this name: {part}", 409)


@rule("apigateway", "DeleteMethod")
def method_is_there(asked: dict) -> None:
    resource = _resource(asked)
    if resource and asked["httpMethod"] not in (resource.get("resourceMethods") or {}):
        raise RefusedError("NotFoundException", "Invalid Method identifier specified", 404)


@rule("apigateway", "PutIntegrationResponse")
def response_is_there(asked: dict) -> None:
    found = ((_resource(asked) or {}).get("resourceMethods") or {}).get(asked["httpMethod"])
    if found and asked["statusCode"] not in (found.get("methodResponses") or {}):
        raise RefusedError("NotFoundException", "Invalid Response status code specified", 404)


@rule("apigateway", "CreateAuthorizer")
def authorizer(asked: dict) -> None:
    kind = asked["type"]
    if kind in ("TOKEN", "REQUEST") and not asked.get("authorizerUri"):
        raise bad("Invalid Authorizer URI specified")
    if kind == "TOKEN" and not asked.get("identitySource"):
        raise bad("Invalid Identity Source Expression specified")
    if kind == "COGNITO_USER_POOLS" and not asked.get("providerARNs"):
        raise bad("Provider ARNs must be specified for an authorizer of type COGNITO_USER_POOLS")


@rule("apigateway", "CreateUsagePlan")
def stages_of_a_plan(asked: dict) -> None:
    from ministack.services import apigateway_v1
    for one in asked.get("apiStages") or []:
        if one.get("apiId") not in apigateway_v1._rest_apis:
            raise bad(f"Invalid API identifier specified {ACCOUNT}:{one.get('apiId')}")
        if one.get("stage") not in _stages({"restApiId": one["apiId"]}):
            raise bad(f"API Stage not found: {one['apiId']}:{one.get('stage')}")


# What a patch of an API may replace ("UpdateRestApi").
REPLACED = ("/name", "/description", "/policy", "/apiKeySource", "/minimumCompressionSize",
            "/disableExecuteApiEndpoint", "/version", "/securityPolicy", "/endpointAccessMode")


@rule("apigateway", "UpdateRestApi")
def patches(asked: dict) -> None:
    for one in asked.get("patchOperations") or []:
        path = one.get("path", "")
        if not path.startswith((*REPLACED, "/binaryMediaTypes", "/endpointConfiguration")):
            raise bad(f"Invalid patch path '{path}' specified for op '{one.get('op')}'. Must be "
                      f"one of: [{', '.join(REPLACED)}]")
