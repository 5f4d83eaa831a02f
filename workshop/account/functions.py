"""Lambda functions, with their versions, aliases, addresses (function URLs) and permissions."""
import base64
import hashlib
import json

from botocore.exceptions import ClientError, WaiterError

from workshop.account import calls, ownership
from workshop.machine import engine, tools


def find(name):
    """Configuration of function NAME (dict) with its Code, or None."""
    found = calls.if_there(calls.client("lambda").get_function, FunctionName=name)
    return found and {**found["Configuration"], "Code": found["Code"]}


def arn(name):
    """ARN of function NAME. Raises Lambda's ResourceNotFoundException where there is none."""
    return calls.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]


def ensure(name, code, fixed, **wanted):
    """Create or update function NAME, wait until it can be invoked, return its ARN.

    code: dict with ImageUri or ZipFile. fixed: what an update cannot change (PackageType, …).
    wanted: settings as create_function takes them. Published versions and aliases stay as they
    are. Raises RuntimeError with Lambda's reason when it does not become active.
    """
    found = check(name)
    if found:
        _update(name, found, code, wanted)
        return found["FunctionArn"]
    tools.say(f"creating function {name}, {wanted['MemorySize']} MB, {wanted['Timeout']} s")
    made = _create_when_role_is_known(
        FunctionName=name, Code=code, Architectures=[engine.architecture()],
        Tags=ownership.tags(), **fixed, **wanted)
    _wait("function_active_v2", name)
    return made["FunctionArn"]


def _create_when_role_is_known(patience=calls.ROLE_PATIENCE, pause=3, **arguments):
    """create_function, again while IAM has not told Lambda of a new role yet."""
    def unknown(error):
        return (error["Code"] == "InvalidParameterValueException"
                and "cannot be assumed" in error["Message"])
    try:
        return calls.when_known(calls.client("lambda").create_function, unknown, patience, pause,
                                **arguments)
    except ClientError as error:
        if not unknown(error.response["Error"]):
            raise
        raise RuntimeError(
            f"Lambda still cannot assume {arguments['Role']} after {patience} s. Its trust policy "
            "must name lambda.amazonaws.com (workshop/account/policies/trust.json).") from error


def _update(name, now, code, wanted):
    """Change what differs; every change must have ended before the next may begin."""
    client = calls.client("lambda")
    if now["State"] == "Pending":  # an earlier call was interrupted
        _wait("function_active_v2", name)
    if not _has_code(now, code) or now["Architectures"] != [engine.architecture()]:
        _wait("function_updated_v2", name)
        tools.say(f"updating the code of {name}")
        client.update_function_code(
            FunctionName=name, Architectures=[engine.architecture()], **code)
        _wait("function_updated_v2", name)
    now = {**now, "Environment": {"Variables": now.get("Environment", {}).get("Variables", {})},
           "ImageConfig": (now.get("ImageConfigResponse") or {}).get("ImageConfig") or {},
           "Layers": [layer["Arn"] for layer in now.get("Layers") or []]}
    change = {key: value for key, value in wanted.items() if now.get(key) != value}
    if change:
        _wait("function_updated_v2", name)
        tools.say(f"updating {', '.join(change)} of {name}")
        client.update_function_configuration(FunctionName=name, **change)
        _wait("function_updated_v2", name)


def _has_code(now, code):
    """Whether a function, as find() gives it, runs this image or this zip."""
    if "ImageUri" in code:
        return now["Code"].get("ImageUri") == code["ImageUri"]
    return now["CodeSha256"] == base64.b64encode(
        hashlib.sha256(code["ZipFile"]).digest()).decode()


def _wait(waiter, name):
    client = calls.client("lambda")
    try:
        client.get_waiter(waiter).wait(FunctionName=name)
    except WaiterError as error:
        now = client.get_function_configuration(FunctionName=name)
        reason = now.get("StateReason") or now.get("LastUpdateStatusReason") or "no reason given"
        raise RuntimeError(f"Function {name} is {now['State']}, last update "
                           f"{now.get('LastUpdateStatus')}: {reason}") from error


def publish(name, alias="live"):
    """Freeze function NAME as it is now, point ALIAS at that version, return its number (str)."""
    client = calls.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
    target = {"FunctionName": name, "Name": alias, "FunctionVersion": version}
    found = calls.if_there(client.get_alias, FunctionName=name, Name=alias)
    if not found:
        client.create_alias(**target)
    elif found["FunctionVersion"] != version:
        client.update_alias(**target, RoutingConfig={"AdditionalVersionWeights": {}})
    tools.say(f"{name}:{alias} is version {version}")
    return version


# Who may invoke it

def permit(name, statement, service, **source):
    """Let a service invoke function NAME, on behalf of this source alone.

    statement: the permission's id. source: SourceArn, and SourceAccount where the ARN has none.
    """
    client = calls.client("lambda")
    try:
        client.add_permission(FunctionName=name, StatementId=statement, Principal=service,
                              Action="lambda:InvokeFunction", **source)
    except client.exceptions.ResourceConflictException:
        pass  # it stands already


def statements(name):
    """Statements (list of dict) of the policy of function NAME."""
    found = calls.if_there(calls.client("lambda").get_policy, FunctionName=name)
    return json.loads(found["Policy"])["Statement"] if found else []


def close(name, service):
    """Take away the addresses of function NAME, its reserved concurrency, and what its policy
    allows a service and everybody."""
    client = calls.client("lambda")
    remove_urls(name)
    client.delete_function_concurrency(FunctionName=name)
    for one in statements(name):
        if one["Principal"] in ("*", {"AWS": "*"}, {"Service": service}):
            client.remove_permission(FunctionName=name, StatementId=one["Sid"])


# Tags, removal, listing

def tags(function):
    """Tags (dict of str) of a function, as find() gives it."""
    return calls.client("lambda").list_tags(Resource=function["FunctionArn"])["Tags"]


def remove(name):
    """Delete function NAME, whosever it is, with its addresses: none may lead to a later one."""
    remove_urls(name)
    calls.client("lambda").delete_function(FunctionName=name)


def remove_urls(name):
    """Delete the addresses of function NAME (or its ARN), and those of its aliases."""
    function = name.partition(":function:")[2].split(":")[0] or name
    aliases = [one["Name"] for one in
               calls.pages("lambda", "list_aliases", "Aliases", FunctionName=function)]
    for qualifier in ({}, *({"Qualifier": alias} for alias in aliases)):
        calls.if_there(calls.client("lambda").delete_function_url_config,
                       FunctionName=function, **qualifier)


def listed_urls(functions):
    """Addresses of the functions that a listing gave; each has its function's tags."""
    for name, _, tags_ in functions():
        for one in calls.pages("lambda", "list_function_url_configs", "FunctionUrlConfigs",
                               FunctionName=name):
            yield one["FunctionUrl"], one["FunctionArn"], tags_


listed = calls.lister(tags, "lambda", "list_functions", "Functions", "FunctionName", "FunctionArn")
check, removals, delete = ownership.verbs("function", find, tags, remove)
