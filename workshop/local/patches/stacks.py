"""Stacks (CloudFormation): what MiniStack makes of a template's properties.

Its stacks write functions, APIs and stages straight into its tables, past the checks and the
spelling of the services' own calls.
"""
import io
import threading
import zipfile

from workshop.local import models
from workshop.local.patches import images, open_api, quick_create
from workshop.local.permissions import stacked
from workshop.local.rules import packages, rest_apis
from workshop.local.signatures import RefusedError
from workshop.machine import modes

TEXTS = ("FunctionName", "Role", "Runtime", "Handler", "Description")   # of a function


def apply(_port: int) -> None:
    """Wrap how MiniStack's stacks make functions, APIs and their stages."""
    from ministack.services.cloudformation import changesets, engine, provisioners, stacks
    from ministack.services.cloudformation import handlers as calls
    changesets._apply_transforms = calls._apply_transforms = with_parameters(engine)
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
    api["create"], api["update"] = with_routes(api["create"], api["delete"]), \
        with_new_routes(api["update"])
    provisioners._apigw_v2_stage_props = stage_settings(provisioners._apigw_v2_stage_props)
    provisioners._apigw_v2_integration_props = with_role(provisioners._apigw_v2_integration_props)
    provisioners._zip_inline = inline_zip
    rest_stage = handlers["AWS::ApiGateway::Stage"]
    rest_stage["create"] = logging(rest_stage["create"], at=1)
    rest_stage["update"] = logging(rest_stage["update"], at=2)
    permitted(provisioners, stacks)


def with_parameters(engine):
    """SAM knows the stack's parameters, of which MiniStack gives it none.

    It needs them where it decides what to make: a `DeploymentPreference` whose `Enabled` refers to
    a parameter makes an application of CodeDeploy, or not.
    """
    one_template_at_a_time = threading.Lock()

    def apply_transforms(template, provided=None, previous=None):
        if engine._SAM_TRANSFORM not in engine.declared_transforms(template):
            return engine._apply_transforms(template, provided, previous)
        from samtranslator.translator import transform as sam
        values = engine._transform_parameters(template, provided, previous)
        with one_template_at_a_time:
            translate = sam.transform
            sam.transform = lambda given, _, policies: translate(given, values, policies)
            try:
                return engine._apply_transforms(template, provided, previous)
            finally:
                sam.transform = translate

    return apply_transforms


def permitted(*modules) -> None:
    """Whoever deploys a stack, or the stack's role, must be allowed each step.

    modules: those that hold MiniStack's three functions for the steps; nested stacks use the first.
    """
    make, change, remove = (modules[0]._provision_resource, modules[0]._update_resource,
                            modules[0]._delete_resource)

    def create(kind, logical_id, properties, stack):
        stacked.check(stack, "create", kind, properties, f"{stack}-{logical_id}-")
        return make(kind, logical_id, properties, stack)

    def update(kind, physical_id, old, new, stack, *arguments):
        if old != new:
            stacked.check(stack, "update", kind, new, physical_id, physical_id)
        return change(kind, physical_id, old, new, stack, *arguments)

    def delete(kind, physical_id, properties, stack=None, *arguments):
        stacked.check(stack, "delete", kind, properties, physical_id, physical_id)
        return remove(kind, physical_id, properties, stack, *arguments)
    for module in modules:
        module._provision_resource, module._update_resource, module._delete_resource = (
            create, update, delete)


def checked(provision, at: int):
    """A function in a stack must pass what create_function checks; else the stack goes back. A tag
    of its image is looked up once.

    at: where the properties stand among the arguments of `provision`.
    """
    def provision_checked(*arguments, **options):
        properties = arguments[at]
        refusal = refused(properties)
        if refusal:
            raise by_handler(*refusal, "Lambda")
        given = (properties.get("Code") or {}).get("ImageUri")
        digest = given and images.by_digest(given)
        same = at == 2 and arguments[1].get("Code") == properties.get("Code")   # [1]: the old ones
        if not digest or same:
            return provision(*arguments, **options)
        by_digest = {**properties, "Code": {**properties["Code"], "ImageUri": digest}}
        made = provision(*arguments[:at], by_digest, *arguments[at + 1:], **options)
        images.remember(made[0] if isinstance(made, tuple) else arguments[0], digest, given)
        return made
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


def by_handler(message: str, status: int, service: str) -> ValueError:
    """A service's refusal as the reason of the resource that fails."""
    return ValueError(f'Resource handler returned message: "{message} (Service: {service}, '
                      f'Status Code: {status})" (HandlerErrorCode: InvalidRequest)')


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


def with_routes(provision, delete):
    """An HTTP API with an OpenAPI body gets its routes; one with a target is quickly created."""
    def provision_all(logical_id, properties, *arguments, **options):
        made = provision(logical_id, properties, *arguments, **options)
        try:
            if properties.get("BodyS3Location"):
                raise open_api.BodyError("the local cloud reads Body, not BodyS3Location")
            if properties.get("Body"):
                open_api.replace(made[0], properties["Body"])
            elif properties.get("Target"):
                quick_create.add(made[0], camel_case({
                    key: properties.get(key) for key in ("Target", "RouteKey", "CredentialsArn")}))
        except open_api.BodyError:
            delete(made[0], properties)
            raise
        return made
    return provision_all


def with_new_routes(update):
    """The same when the body changes."""
    def update_all(physical_id, old, new, *arguments, **options):
        made = update(physical_id, old, new, *arguments, **options)
        if new.get("Body") and new.get("Body") != old.get("Body"):
            open_api.replace(made[0] if isinstance(made, tuple) else physical_id, new["Body"])
        return made
    return update_all


def with_role(integration_properties):
    """An integration keeps the role that it is called with; MiniStack drops it."""
    def properties_with_role(properties):
        role = properties.get("CredentialsArn")
        return {**integration_properties(properties), **({"credentialsArn": role} if role else {})}
    return properties_with_role


def inline_zip(source: str | None, handler: str, runtime: str = "") -> bytes | None:
    """A zip file with a template's inline code, which is in a file named index and readable by all.

    MiniStack names the file as the handler does, so a handler that cannot be imported on AWS would
    run here; and only its owner may read it, so that the function would not run at all.
    Source: Code of AWS::Lambda::Function, CloudFormation template reference.
    """
    if not source:
        return None
    file = zipfile.ZipInfo("index.js" if runtime.startswith("nodejs") else "index.py")
    file.external_attr = modes.FILE << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(file, source)
    return packed.getvalue()


def logging(provision, at: int):
    """A REST API's stage keeps its AccessLogSetting, which MiniStack's stacks pass over; without
    a role in the account's settings the stack goes back."""
    def provision_logging(*arguments, **options):
        from ministack.services import apigateway_v1
        properties = arguments[at]
        try:
            if properties.get("AccessLogSetting"):
                rest_apis.account_logs()
        except models.RefusedError as wrong:
            raise by_handler(wrong.message, wrong.status, "ApiGateway") from None
        made = provision(*arguments, **options)
        stage = (apigateway_v1._stages_v1.get(properties.get("RestApiId")) or {}).get(
            properties.get("StageName"))
        if stage is not None:
            stage["accessLogSettings"] = camel_case(properties.get("AccessLogSetting") or {})
        return made
    return provision_logging
