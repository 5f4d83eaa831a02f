"""Stacks (CloudFormation): what MiniStack makes of a template's properties.

Its stacks write functions, APIs and stages straight into its tables, past the checks and the
spelling of the services' own calls.
"""
from workshop.local import models
from workshop.local.rules import packages
from workshop.local.signatures import RefusedError

TEXTS = ("FunctionName", "Role", "Runtime", "Handler", "Description")   # of a function


def apply(_port: int) -> None:
    """Wrap how MiniStack's stacks make functions, HTTP APIs and their stages."""
    from ministack.services.cloudformation import provisioners
    handlers = provisioners._RESOURCE_HANDLERS
    function, api = handlers["AWS::Lambda::Function"], handlers["AWS::ApiGatewayV2::Api"]
    role = handlers["AWS::IAM::Role"]
    role["create"] = bounded(role["create"], at=1)
    role["update"] = bounded(role["update"], at=2)
    function["create"] = checked(function["create"], at=1)
    function["update"] = checked(function["update"], at=2)
    function["delete"] = with_containers(function["delete"])
    api["create"] = camel_cased(api["create"], "CorsConfiguration", at=1)
    api["update"] = camel_cased(api["update"], "CorsConfiguration", at=2)
    provisioners._apigw_v2_stage_props = stage_settings(provisioners._apigw_v2_stage_props)


def checked(provision, at: int):
    """A function in a stack must pass what create_function checks; else the stack goes back.

    at: where the properties stand among the arguments of `provision`.
    """
    def provision_checked(*arguments, **options):
        properties = arguments[at]
        refusal = refused(properties)
        if refusal:
            message, status = refusal
            raise ValueError(f'Resource handler returned message: "{message} (Service: Lambda, '
                             f'Status Code: {status})" (HandlerErrorCode: InvalidRequest)')
        return provision(*arguments, **options)
    return provision_checked


def refused(properties: dict) -> tuple[str, int] | None:
    """(message, HTTP status) by which create_function would refuse a function's properties."""
    asked = {key: properties[key] for key in TEXTS if isinstance(properties.get(key), str)}
    asked |= {key: int(properties[key]) for key in ("MemorySize", "Timeout") if properties.get(key)}
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    asked["Environment"] = {"Variables": {name: str(text) for name, text in variables.items()}}
    try:
        models.check_values("lambda", "CreateFunction", asked)
        packages.created({**asked, "Code": properties.get("Code")})
    except RefusedError as wrong:
        return wrong.message, wrong.status or 400
    return None


def bounded(provision, at: int):
    """A role's PermissionsBoundary limits it; MiniStack passes over the property."""
    def provision_bounded(*arguments, **options):
        from ministack.services import iam
        made = provision(*arguments, **options)
        boundary = arguments[at].get("PermissionsBoundary")
        name = made[0] if isinstance(made, tuple) else arguments[0]
        if boundary and name in iam._roles:
            iam._roles[name]["PermissionsBoundary"] = boundary
        return made
    return provision_bounded


def with_containers(delete):
    """A function that a stack deletes takes its containers with it, as by delete_function."""
    def delete_all(physical_id, properties):
        from ministack.services import lambda_svc
        delete(physical_id, properties)
        lambda_svc._pool_kill_function(lambda_svc.get_account_id(), physical_id)
    return delete_all


def camel_case(value):
    """Keys as the API Gateway's own calls store them: `AllowOrigins` becomes `allowOrigins`."""
    if not isinstance(value, dict):
        return value
    return {key[:1].lower() + key[1:]: camel_case(part) for key, part in value.items()}


def camel_cased(provision, key: str, at: int):
    """Hand on property KEY in camel case; as a template spells it, nobody would read it."""
    def provision_cased(*arguments, **options):
        properties = arguments[at]
        if properties.get(key):
            properties = {**properties, key: camel_case(properties[key])}
        return provision(*arguments[:at], properties, *arguments[at + 1:], **options)
    return provision_cased


def stage_settings(stage_properties):
    """A stage's throttling in camel case, for all routes and for single ones."""
    def settings(properties):
        stage = stage_properties(properties)
        stage["defaultRouteSettings"] = camel_case(stage["defaultRouteSettings"])
        stage["routeSettings"] = {route: camel_case(limits)
                                  for route, limits in (stage["routeSettings"] or {}).items()}
        return stage
    return settings
