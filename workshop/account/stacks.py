"""CloudFormation stacks, with all that is in them."""
from botocore.exceptions import ClientError, WaiterError

from workshop.account import buckets, calls, ownership, repositories
from workshop.machine import tools

STACK = "AWS::CloudFormation::Stack"
WAITER = {"Delay": 2, "MaxAttempts": 900}      # half an hour; boto3 looks every 30 seconds


def find(name):
    """Stack NAME (or its id) as CloudFormation describes it (dict), or None."""
    found = calls.if_there(calls.client("cloudformation").describe_stacks, StackName=name)
    return found and found["Stacks"][0]


def ensure(name, template, **settings):
    """Make or update stack NAME from a template (text), wait for it, return its id.

    settings: Parameters, Capabilities, … as create_stack takes them. Raises RuntimeError with
    CloudFormation's reason when it comes to nothing.
    """
    client, found = calls.client("cloudformation"), check(name)
    arguments = {"StackName": name, "TemplateBody": template, "Tags": ownership.pairs(), **settings}
    try:
        stack = (client.update_stack if found else client.create_stack)(**arguments)["StackId"]
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        return found["StackId"]
    tools.say(f"{'updating' if found else 'creating'} stack {name}")
    _wait(f"stack_{'update' if found else 'create'}_complete", stack)
    return stack


def _wait(waiter, stack):
    """Wait for a stack by its id: one that is gone has no name any more."""
    try:
        calls.client("cloudformation").get_waiter(waiter).wait(
            StackName=stack, WaiterConfig=WAITER)
    except WaiterError as error:
        now = find(stack)
        raise RuntimeError(f"Stack {now['StackName']} is {now['StackStatus']}: "
                           f"{now.get('StackStatusReason', 'no reason given')}") from error


def tags(stack):
    """Tags (dict of str) of a stack."""
    return calls.by_key(stack.get("Tags"))


def remove(name):
    """Delete stack NAME (or its id), whosever it is, and wait until it is gone.

    A bucket or repository in it that holds something would keep it: those go first.

    Raises NotOursError when something keeps it (what_keeps), RuntimeError with CloudFormation's
    reason when something in it cannot be deleted.
    """
    found = find(name)
    if not found:
        return
    if why := what_keeps(found):
        raise ownership.NotOursError(f"The stack {name} is kept: {why}.")
    for kind, part in members(found["StackId"]):
        if kind == "AWS::S3::Bucket":
            calls.if_there(buckets.remove, part)
        elif kind == "AWS::ECR::Repository":
            calls.if_there(repositories.remove, part)
    calls.client("cloudformation").delete_stack(StackName=found["StackId"])
    _wait("stack_delete_complete", found["StackId"])


def listed(meant):
    """What the inventory lists of the stacks that are meant, but for nested ones."""
    for one in calls.pages("cloudformation", "describe_stacks", "Stacks"):
        if meant(one["StackName"], one["StackId"]) and not one.get("ParentId") \
                and one["StackStatus"] != "DELETE_COMPLETE":
            found = tags(one)
            why = what_keeps(one) if ownership.is_ours(found) else ""
            yield one["StackName"], one["StackId"], found, why


def what_keeps(stack) -> str:
    """Why a stack must not go, "" if it may: somebody has protected it, or something in it.

    Looked at before anything in it is emptied, in nested stacks, too.
    """
    if stack.get("EnableTerminationProtection"):
        return "termination protection is on"
    if stack.get("StackStatus") == "REVIEW_IN_PROGRESS":    # a change set, and nothing made yet
        return ""
    number = stack["StackId"]
    try:
        body = calls.client("cloudformation").get_template(
            StackName=number, TemplateStage="Processed")["TemplateBody"]
    except ClientError as error:
        return f"its template cannot be read ({calls.reason(error)})"
    if isinstance(body, str):           # YAML: boto3 reads JSON only
        from samcli.yamlhelper import yaml_parse  # knows !Ref and its like
        body = yaml_parse(body)
    for name, resource in body.get("Resources", {}).items():
        policy = resource.get("DeletionPolicy", "Delete")
        if policy not in ("Delete", "Snapshot") and not _of_a_function_there(resource, body):
            return f"{name} has DeletionPolicy: {policy}"
    return next(filter(None, (what_keeps({"StackId": one}) for kind, one in _parts(number)
                              if kind == STACK)), "")


def _of_a_function_there(resource, body) -> bool:
    """Whether this is a version of a function in the same template, which takes it along.

    SAM's AutoPublishAlias retains versions, so that a deployment leaves the earlier ones there.
    """
    function = resource.get("Properties", {}).get("FunctionName")
    return resource["Type"] == "AWS::Lambda::Version" and isinstance(function, dict) \
        and function.get("Ref") in body["Resources"]


def members(stack) -> set[tuple[str, str]]:
    """(type, physical id) of what a stack made: it goes with the stack, tags or no tags."""
    parts = set(_parts(stack))
    return parts.union(*(members(number) for kind, number in parts if kind == STACK))


def _parts(stack):
    """(type, physical id) of what is in a stack now, nested stacks unopened."""
    return [(one["ResourceType"], one["PhysicalResourceId"]) for one in calls.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"]


check, removals, delete = ownership.verbs("stack", find, tags, remove)
