"""What the workshop made in an account: found by its tag and by its name, and removed in order.

    python -m workshop.inventory            lists
    python -m workshop.inventory --remove   removes; on AWS only after you typed the account's number

One account and one Region, those that the session points at (IAM and Budgets have no Region). By
tag: project and owner; by name: workshop-OWNER-…, as every lesson names what it makes. What has
such a name without these tags is listed as not ours, and stays. What another owner made with the
workshop in the same account is not looked at.
"""
import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workshop import cloud, deploy, endpoints, ownership, triggers

OURS, NOT_OURS, UNKNOWN = "ours", "not ours", "cannot be listed"
# In front of a log group's name stands the service that writes it.
GROUPS = ("/aws/lambda/", "/aws/sagemaker/Endpoints/", "/aws/apigateway/", "")
# What services answer for a thing that is not there.
MISSING = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "does not exist", "Could not find")


@dataclass(frozen=True)
class Thing:
    """Something in the account.

    whose: OURS, NOT_OURS (our kind of name, not our tag), or UNKNOWN: a kind that could not be
    looked at, with the reason as its name. id: what its service calls it (an ARN, address, number).
    """
    kind: str
    name: str
    whose: str
    id: str = ""

    def __str__(self):
        return f"{self.kind:22}{self.name}" + ("" if self.whose == OURS else f"  ({self.whose})")


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is listed, as (name, id, tags), and how one of them is removed."""
    name: str
    listed: Callable[[], Iterable[tuple[str, str, dict]]]
    remove: Callable[[Thing], object]


def find() -> list[Thing]:
    """Everything that carries the workshop's tag or has a name of its kind, in order of removal.

    Whole listings are read, however many pages they have. An empty list says that nothing is
    there: what may not be looked at is in the list too, as UNKNOWN.
    """
    things = []
    try:
        tagged = _tagged()
    except (ClientError, BotoCoreError) as error:
        tagged = set()
        things.append(Thing("by tag", _reason(error), UNKNOWN))
    stacked: set[str] = set()
    for kind in kinds(tagged):
        try:
            for name, number, tags in kind.listed():
                ours = ownership.is_ours(tags) or number in stacked or name in stacked
                things.append(Thing(kind.name, name, OURS if ours else NOT_OURS, number))
                if kind.name == "stack" and ours:
                    stacked |= _in_stack(number)
        except (ClientError, BotoCoreError) as error:
            things.append(Thing(kind.name, _reason(error), UNKNOWN))
    return things + _others(tagged)


def remove(things: Iterable[Thing], say=print) -> list[Thing]:
    """Remove things, whatever their order, in the right one; return those that would not go.

    Each is looked up again first. Raises deploy.NotOurs, and removes nothing, when one of them
    lacks the workshop's tag now. What is gone already is passed over.
    """
    wanted = {(one.kind, one.id) for one in things}
    now = [one for one in find() if (one.kind, one.id) in wanted and one.whose != UNKNOWN]
    for one in now:
        if one.whose != OURS:
            raise deploy.NotOurs(f"The {one.kind} {one.name} lacks the tags {ownership.mark()}: "
                                 "you did not make it with the workshop, which leaves it alone.")
    removers, failed = {kind.name: kind.remove for kind in kinds(set())}, []
    for one in now:
        try:
            if one.kind in removers:
                removers[one.kind](one)
                say(f"removed {one.kind} {one.name}")
            else:
                failed.append(one)
                say(f"{one.kind} {one.name}: the workshop makes no such thing; remove it yourself")
        except (ClientError, BotoCoreError) as error:
            if not _is_missing(error):
                failed.append(one)
                say(f"{one.kind} {one.name} stays: {_reason(error)}")
    return failed


def kinds(tagged: set[str]) -> list[Kind]:
    """All kinds, in order of removal: what uses another thing goes before it, the budget last.

    tagged: ARNs that carry our tag, for things that have another name than ours.
    """
    meant = partial(_meant, tagged)
    # Others are ours because of these: each is listed once.
    groups = cache(lambda: list(_schedule_groups(meant)))
    functions = cache(lambda: list(_functions(meant)))
    served = cache(lambda: list(_sagemaker(meant, "endpoint")))
    lambda_, gateway = _client("lambda"), _client("apigateway")
    sagemaker, events, sqs = (_client(one) for one in ("sagemaker", "events", "sqs"))
    scheduler, apis, sns = (_client(one) for one in ("scheduler", "apigatewayv2", "sns"))
    s3, ecr, watch = (_client(one) for one in ("s3", "ecr", "cloudwatch"))
    logs, iam = _client("logs"), _client("iam")
    return [
        Kind("stack", partial(_stacks, meant), _remove_stack),
        Kind("schedule", partial(_schedules, meant, groups), lambda one: scheduler.delete_schedule(
            GroupName=one.id.split("/")[0], Name=one.name)),
        Kind("schedule group", groups,
             lambda one: scheduler.delete_schedule_group(Name=one.name)),
        Kind("event source mapping", partial(_mappings, meant, functions),
             lambda one: triggers.delete_mapping(lambda_, one.id)),
        Kind("rule", partial(_rules, meant), lambda one: triggers.delete_rule(events, one.name)),
        Kind("HTTP API", partial(_http_apis, meant), lambda one: apis.delete_api(ApiId=one.id)),
        Kind("REST API", partial(_rest_apis, meant),
             lambda one: gateway.delete_rest_api(restApiId=one.id)),
        Kind("function URL", partial(_function_urls, functions), lambda one: deploy.delete_urls(
            lambda_, one.id.partition(":function:")[2].split(":")[0])),
        Kind("function", functions,
             lambda one: deploy.delete_function(lambda_, one.name)),
        Kind("layer version", partial(_layers, meant), lambda one: lambda_.delete_layer_version(
            LayerName=one.name.split(":")[0], VersionNumber=int(one.name.split(":")[1]))),
        Kind("endpoint", served,
             lambda one: endpoints.delete_endpoint(sagemaker, one.name)),
        Kind("endpoint config", partial(_sagemaker, meant, "endpoint_config"),
             lambda one: sagemaker.delete_endpoint_config(EndpointConfigName=one.name)),
        Kind("model", partial(_sagemaker, meant, "model"),
             lambda one: sagemaker.delete_model(ModelName=one.name)),
        Kind("queue", partial(_queues, meant), lambda one: sqs.delete_queue(QueueUrl=one.id)),
        Kind("alarm", partial(_alarms, meant), lambda one: watch.delete_alarms(
            AlarmNames=[one.name])),
        Kind("topic", partial(_topics, meant), lambda one: sns.delete_topic(TopicArn=one.id)),
        Kind("dashboard", partial(_dashboards, meant), lambda one: watch.delete_dashboards(
            DashboardNames=[one.name])),
        Kind("bucket", partial(_buckets, meant), lambda one: deploy.delete_bucket(s3, one.name)),
        Kind("repository", partial(_repositories, meant),
             lambda one: ecr.delete_repository(repositoryName=one.name, force=True)),
        Kind("log group", partial(_log_groups, meant, functions, served),
             lambda one: logs.delete_log_group(logGroupName=one.name)),
        Kind("role", partial(_roles, meant), lambda one: _remove_role(iam, one.name)),
        Kind("policy", partial(_policies, meant), lambda one: _remove_policy(iam, one.id)),
        Kind("budget", partial(_budgets, meant), lambda one: _budget_client().delete_budget(
            AccountId=ownership.where()[0], BudgetName=one.name)),
    ]


def _client(service):
    """A client of a service; to make one takes longer than most calls."""
    return _made(service, os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_PROFILE"),
                 os.environ.get("AWS_REGION"))


@cache
def _made(service, *_where):
    return ownership.s3() if service == "s3" else boto3.client(service)


# Listings: (name, id, tags) of what is named like ours or is among the tagged

def _meant(tagged, name, arn=""):
    return name.startswith(ownership.prefix()) or bool(arn) and arn in tagged


def _pages(service, operation, key, **arguments) -> Iterator:
    """Every entry of a listing, page after page."""
    for page in _client(service).get_paginator(operation).paginate(**arguments):
        yield from page.get(key) or []


def _tagged() -> set[str]:
    """ARNs that the Resource Groups Tagging API has for our tags, all of them."""
    return {one["ResourceARN"] for one in _pages(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList",
        TagFilters=[{"Key": key, "Values": [value]} for key, value in ownership.tags().items()])}


# Services whose things are looked up at the service itself. The Tagging API remembers a thing for
# some time after it is gone, so for these it only says where to look.
SERVICES = ("lambda", "apigateway", "sagemaker", "sqs", "sns", "s3", "ecr", "cloudwatch", "logs",
            "iam", "events", "scheduler", "cloudformation", "budgets")


def _others(tagged) -> list[Thing]:
    """What carries our tag at a service that no lesson uses."""
    return [Thing("tagged", arn, OURS, arn) for arn in sorted(tagged)
            if arn.split(":")[2] not in SERVICES]


def _stacks(meant):
    for one in _pages("cloudformation", "describe_stacks", "Stacks"):
        if meant(one["StackName"], one["StackId"]) and not one.get("ParentId") \
                and one["StackStatus"] != "DELETE_COMPLETE":
            yield one["StackName"], one["StackId"], ownership.by_key(one.get("Tags"))


def _in_stack(stack) -> set[str]:
    """Names and numbers of what a stack made: it goes with the stack, tag or no tag."""
    return {one["PhysicalResourceId"] for one in _parts(stack) if one.get("PhysicalResourceId")}


def _parts(stack):
    return list(_pages("cloudformation", "list_stack_resources", "StackResourceSummaries",
                       StackName=stack))


def _remove_stack(one):
    """A stack cannot go while a bucket or repository in it holds something: those go first."""
    client, ecr = _client("cloudformation"), _client("ecr")
    for part in _parts(one.id):
        name = part.get("PhysicalResourceId")
        if part["ResourceType"] == "AWS::S3::Bucket" and name:
            _gone(deploy.delete_bucket, _client("s3"), name)
        elif part["ResourceType"] == "AWS::ECR::Repository" and name:
            _gone(ecr.delete_repository, repositoryName=name, force=True)
    client.delete_stack(StackName=one.id)
    client.get_waiter("stack_delete_complete").wait(
        StackName=one.id, WaiterConfig={"Delay": 1 if cloud.is_local() else 5, "MaxAttempts": 360})


def _schedule_groups(meant):
    client = _client("scheduler")
    for one in _pages("scheduler", "list_schedule_groups", "ScheduleGroups"):
        if meant(one["Name"], one["Arn"]):
            yield one["Name"], one["Arn"], ownership.by_key(
                client.list_tags_for_resource(ResourceArn=one["Arn"])["Tags"])


def _schedules(meant, groups):
    """A schedule cannot be tagged: its group is, or its description says whose it is."""
    client = _client("scheduler")
    ours = {name for name, _, tags in groups() if ownership.is_ours(tags)}
    for one in _pages("scheduler", "list_schedules", "Schedules"):
        group = one.get("GroupName", "default")
        if group in ours or meant(one["Name"], one["Arn"]):
            told = client.get_schedule(GroupName=group, Name=one["Name"]).get("Description", "")
            yield one["Name"], f"{group}/{one['Name']}", \
                ownership.tags() if group in ours or ownership.has_mark(told) else {}


def _mappings(meant, functions):
    """A mapping has no name: it is called after its function, and is ours when that is."""
    ours = {arn for _, arn, tags in functions() if ownership.is_ours(tags)}
    for one in _pages("lambda", "list_event_source_mappings", "EventSourceMappings"):
        arn = ":".join(one["FunctionArn"].split(":")[:7])
        name = arn.rpartition(":")[2]
        if arn in ours or meant(name, one.get("EventSourceMappingArn")):
            source = one.get("EventSourceArn", "").rpartition(":")[2]
            yield f"{source} to {name}", one["UUID"], ownership.tags() if arn in ours else {}


def _rules(meant):
    events = _client("events")
    for one in _pages("events", "list_rules", "Rules"):
        if meant(one["Name"], one["Arn"]) and not one.get("ManagedBy"):
            yield one["Name"], one["Arn"], ownership.by_key(
                events.list_tags_for_resource(ResourceARN=one["Arn"])["Tags"])


def _http_apis(meant):
    region = boto3.session.Session().region_name
    for one in _pages("apigatewayv2", "get_apis", "Items"):
        if meant(one["Name"], f"arn:aws:apigateway:{region}::/apis/{one['ApiId']}"):
            yield one["Name"], one["ApiId"], one.get("Tags") or {}


def _rest_apis(meant):
    region = boto3.session.Session().region_name
    for one in _pages("apigateway", "get_rest_apis", "items"):
        if meant(one["name"], f"arn:aws:apigateway:{region}::/restapis/{one['id']}"):
            yield one["name"], one["id"], one.get("tags") or {}


def _functions(meant):
    client = _client("lambda")
    for one in _pages("lambda", "list_functions", "Functions"):
        if meant(one["FunctionName"], one["FunctionArn"]):
            yield one["FunctionName"], one["FunctionArn"], \
                client.list_tags(Resource=one["FunctionArn"])["Tags"]


def _function_urls(functions):
    for name, _, tags in functions():
        for one in _pages("lambda", "list_function_url_configs", "FunctionUrlConfigs",
                          FunctionName=name):
            yield one["FunctionUrl"], one["FunctionArn"], tags


def _layers(meant):
    for layer in _pages("lambda", "list_layers", "Layers"):
        if meant(layer["LayerName"]):
            for one in deploy.layer_versions(_client("lambda"), layer["LayerName"]):
                yield f"{layer['LayerName']}:{one['Version']}", one["LayerVersionArn"], \
                    ownership.tags() if ownership.has_mark(one.get("Description")) else {}


def _sagemaker(meant, what):
    """Endpoints, their configurations, or models."""
    client, word = _client("sagemaker"), what.title().replace("_", "")
    for one in _pages("sagemaker", f"list_{what}s", f"{word}s"):
        name, arn = one[f"{word}Name"], one[f"{word}Arn"]
        if meant(name, arn):
            yield name, arn, endpoints.tags_of(client, arn)


def _queues(meant):
    sqs = _client("sqs")
    account, region = ownership.where()
    for url in _pages("sqs", "list_queues", "QueueUrls", PaginationConfig={"PageSize": 1000}):
        name = url.rpartition("/")[2]
        if meant(name, f"arn:aws:sqs:{region}:{account}:{name}"):
            yield name, url, triggers.queue_tags(sqs, url)


def _topics(meant):
    sns = _client("sns")
    for one in _pages("sns", "list_topics", "Topics"):
        arn = one["TopicArn"]
        if meant(arn.rpartition(":")[2], arn):
            yield arn.rpartition(":")[2], arn, ownership.by_key(
                sns.list_tags_for_resource(ResourceArn=arn)["Tags"])


def _buckets(meant):
    s3 = _client("s3")
    for one in _pages("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1000}):
        if meant(one["Name"], f"arn:aws:s3:::{one['Name']}"):
            yield one["Name"], one["Name"], deploy.bucket_tags(s3, one["Name"]) or {}


def _repositories(meant):
    ecr = _client("ecr")
    for one in _pages("ecr", "describe_repositories", "repositories"):
        if meant(one["repositoryName"], one["repositoryArn"]):
            yield one["repositoryName"], one["repositoryArn"], deploy.repository_tags(ecr, one)


def _alarms(meant):
    watch = _client("cloudwatch")
    for kind in ("CompositeAlarms", "MetricAlarms"):      # a composite one stands on the others
        for one in _pages("cloudwatch", "describe_alarms", kind,
                          AlarmTypes=[kind.removesuffix("s")]):
            if meant(one["AlarmName"], one["AlarmArn"]):
                yield one["AlarmName"], one["AlarmArn"], ownership.by_key(
                    watch.list_tags_for_resource(ResourceARN=one["AlarmArn"])["Tags"])


def _dashboards(meant):
    """A dashboard is ours by its tags only: anyone may write our name into its text."""
    watch = _client("cloudwatch")
    for one in _pages("cloudwatch", "list_dashboards", "DashboardEntries"):
        name, arn = one["DashboardName"], one["DashboardArn"]
        if meant(name, arn):
            yield name, arn, ownership.by_key(
                watch.list_tags_for_resource(ResourceARN=arn)["Tags"])


def _log_groups(meant, functions, served):
    """Groups with the tag; and those that a service made for a function or endpoint of ours."""
    logs = _client("logs")
    ours = {f"/aws/lambda/{name}" for name, _, tags in functions() if ownership.is_ours(tags)}
    ours |= {f"/aws/sagemaker/Endpoints/{name}"
             for name, _, tags in served() if ownership.is_ours(tags)}
    for one in _pages("logs", "describe_log_groups", "logGroups"):
        name, arn = one["logGroupName"], one["arn"].removesuffix(":*")
        if any(name.startswith(f"{group}{ownership.prefix()}") for group in GROUPS) or meant(name, arn):
            tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
            yield name, arn, ownership.tags() if name in ours else tags


def _roles(meant):
    iam = _client("iam")
    for one in _pages("iam", "list_roles", "Roles"):
        if meant(one["RoleName"], one["Arn"]):
            yield one["RoleName"], one["Arn"], ownership.by_key(
                _pages("iam", "list_role_tags", "Tags", RoleName=one["RoleName"])
                if iam.can_paginate("list_role_tags") else deploy.role_tags(iam, one["RoleName"]))


def _remove_role(iam, name):
    """A role can go only when nothing hangs on it, and no instance profile holds it."""
    for one in list(_pages("iam", "list_instance_profiles_for_role", "InstanceProfiles",
                           RoleName=name)):
        iam.remove_role_from_instance_profile(
            RoleName=name, InstanceProfileName=one["InstanceProfileName"])
    deploy.delete_role(iam, name)


def _policies(meant):
    iam = _client("iam")
    for one in _pages("iam", "list_policies", "Policies", Scope="Local"):
        if meant(one["PolicyName"], one["Arn"]):
            yield one["PolicyName"], one["Arn"], ownership.by_key(
                iam.list_policy_tags(PolicyArn=one["Arn"])["Tags"])


def _remove_policy(iam, arn):
    """The version in force goes with the policy; older ones have to go before."""
    for one in list(_pages("iam", "list_policy_versions", "Versions", PolicyArn=arn)):
        if not one["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def _budget_client():
    return boto3.client("budgets", region_name="us-east-1")      # its only home


def _budgets(meant):
    client, account = _budget_client(), ownership.where()[0]
    for page in client.get_paginator("describe_budgets").paginate(AccountId=account):
        for one in page.get("Budgets") or []:
            arn = f"arn:aws:budgets::{account}:budget/{one['BudgetName']}"
            if meant(one["BudgetName"], arn):
                yield one["BudgetName"], arn, ownership.by_key(
                    client.list_tags_for_resource(ResourceARN=arn)["ResourceTags"])


# Errors

def _gone(call, *arguments, **named):
    """Make a call that removes something; what is not there need not be removed."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        if not _is_missing(error):
            raise


def _is_missing(error) -> bool:
    if not isinstance(error, ClientError):
        return False
    told = error.response["Error"]
    return any(word in f"{told.get('Code')} {told.get('Message')}" for word in MISSING)


def _reason(error) -> str:
    """One line of an error."""
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Code')}: {told.get('Message')}"
    return str(error).splitlines()[0]


# The command

def main(arguments: list[str] | None = None) -> int:
    """List or remove; exit status 1 if something of ours is left or could not be looked at."""
    parser = argparse.ArgumentParser(prog="python -m workshop.inventory")
    parser.add_argument("--remove", action="store_true")
    asked = parser.parse_args(arguments)
    try:
        cloud.use()
    except cloud.CloudError as error:
        print(error, file=sys.stderr)
        return 1
    things = find()
    show("In the account:", things)
    ours = [one for one in things if one.whose == OURS]
    if not asked.remove:
        return 0
    if ours and not cloud.is_local() and not agreed(ownership.where()[0]):
        return 2
    if ours:
        remove(ours)
        things = find()
        show("Looked again:", things)
    return 1 if any(one.whose != NOT_OURS for one in things) else 0


def agreed(account: str) -> bool:
    """Whether the person at the terminal types the account's number; without one, no."""
    if not sys.stdin.isatty():
        print(f"Nothing was removed: AWS account {account} is meant, and nobody is at a terminal "
              "to agree. Run `python3 -m workshop clean` in a terminal and type the account's "
              "number; or unset AWS_PROFILE to clean this machine only.", file=sys.stderr)
        return False
    try:
        said = input(f"What is ours of this will be removed from AWS account {account}, for good. "
                     "Type the account's number to agree: ")
    except EOFError:
        said = ""
    if said.strip() != account:
        print("That is not the account's number: nothing was removed.", file=sys.stderr)
        return False
    return True


def show(heading: str, things: list[Thing]) -> None:
    print(heading, flush=True)
    for one in things:
        print(f"  {one}")
    if not things:
        print("  nothing is there", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:       # what was removed is gone; the next run goes on from there
        sys.exit(130)
