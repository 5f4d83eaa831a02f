"""Lambda: what a call names must be there, and be named once.

A function is named by its name or ARN, with a version or alias behind it, or by `Qualifier`.
"""
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.rules.functions import function, invalid, not_found
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

QUALIFIED = ("GetFunction", "GetFunctionConfiguration", "Invoke", "DeleteFunction", "AddPermission",
             "GetPolicy")
LATEST = "$LATEST"


def arn_of(record: dict) -> str:
    return record["config"]["FunctionArn"]


def qualifier_of(asked: dict) -> str | None:
    """The version or alias that a call names, in the function's name or beside it."""
    parts = asked["FunctionName"].split(":")
    behind = parts[7] if len(parts) == 8 else parts[1] if len(parts) == 2 else None
    return asked.get("Qualifier") or behind


@rule("lambda", *QUALIFIED, "PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration",
      "CreateAlias", "PutFunctionConcurrency", "CreateFunctionUrlConfig")
def named_once(asked: dict) -> None:
    """The Region of an ARN is this one; a qualifier behind the name is the qualifier."""
    parts = asked["FunctionName"].split(":")
    if len(parts) < 7:
        return
    from ministack.core.responses import get_region
    if parts[3] != get_region():
        raise RefusedError("ResourceNotFoundException", f"Functions from '{parts[3]}' are not "
                           f"reachable in this region ('{get_region()}')", 404)
    if len(parts) == 8 and asked.get("Qualifier") not in (None, parts[7]):
        raise invalid("The derived qualifier from the function name does not match the specified "
                      "qualifier.")


@rule("lambda", *QUALIFIED)
def version_is_there(asked: dict) -> None:
    record, qualifier = function(asked), qualifier_of(asked)
    if record and qualifier and qualifier not in {LATEST, *record["aliases"], *record["versions"]}:
        raise not_found(f"{arn_of(record)}:{qualifier}")


@rule("lambda", "DeleteFunction")
def no_alias_points_there(asked: dict) -> None:
    record, qualifier = function(asked), qualifier_of(asked)
    if not record or not qualifier:
        return
    aliases = [f"{arn_of(record)}:{name}" for name, alias in record["aliases"].items()
               if qualifier in (alias["FunctionVersion"], *_weights(alias))]
    if aliases:
        raise RefusedError("ResourceConflictException", "You cannot delete version "
                           f"{qualifier} because it is referenced by: {', '.join(aliases)}", 409)


def _weights(alias: dict) -> dict:
    return (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}


@rule("lambda", "CreateAlias")
def new_alias(asked: dict) -> None:
    record = function(asked)
    if record and asked["Name"] in record["aliases"]:
        raise RefusedError("ResourceConflictException",
                           f"Alias already exists: {arn_of(record)}:{asked['Name']}", 409)


@rule("lambda", "GetAlias")
def alias_is_there(asked: dict) -> None:
    record = function(asked)
    if record and asked["Name"] not in record["aliases"]:
        raise RefusedError("ResourceNotFoundException",
                           f"Cannot find alias arn: {arn_of(record)}:{asked['Name']}", 404)


@rule("lambda", "GetPolicy")
def policy_is_there(asked: dict) -> None:
    """A function's policy ends with its last statement."""
    record, qualifier = function(asked), qualifier_of(asked)
    if record is None:
        return
    arn = arn_of(record) + (f":{qualifier}" if qualifier else "")
    if not any(one.get("Resource") == arn for one in record["policy"]["Statement"]):
        raise RefusedError("ResourceNotFoundException",
                           "The resource you requested does not exist.", 404)


@rule("lambda", "PutFunctionEventInvokeConfig")
def function_of_a_config(asked: dict) -> None:
    record, qualifier = function(asked), qualifier_of(asked)
    if record is None or qualifier and qualifier not in {
            LATEST, *record["aliases"], *record["versions"]}:
        raise RefusedError("ResourceNotFoundException", "The function doesn't exist.", 404)


@rule("lambda", "CreateFunctionUrlConfig")
def function_of_a_url(asked: dict) -> None:
    record = function(asked)
    if record is None or asked.get("Qualifier") and asked["Qualifier"] not in record["aliases"]:
        raise RefusedError("ResourceNotFoundException", "Function does not exist", 404)


@rule("lambda", "UpdateFunctionEventInvokeConfig")
def config_is_there(asked: dict) -> None:
    from ministack.services import lambda_svc
    record, qualifier = function(asked), qualifier_of(asked) or LATEST
    if record is None:
        raise not_found(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{asked['FunctionName']}")
    if lambda_svc._event_invoke_config(record, asked.get("Qualifier")) is None:
        raise RefusedError("ResourceNotFoundException", f"The function {arn_of(record)}:"
                           f"{qualifier} doesn't have an EventInvokeConfig", 404)


@rule("lambda", "GetProvisionedConcurrencyConfig")
def published(asked: dict) -> None:
    if asked["Qualifier"] == LATEST:
        raise invalid("The function resource provided must be an alias or a published version.")
