"""What the workshop made in an account: found by its tag and by its name, and removed in order.

    python -m workshop.inventory            lists
    python -m workshop.inventory --remove   removes; on AWS only after you typed the account's number

One account and one Region, those that the session points at (IAM and Budgets have no Region). By
tag: project and owner; by name: workshop-OWNER-…, as every lesson names what it makes. What has
such a name without these tags is listed as not ours, and stays. What another owner made with the
workshop in the same account is not looked at. What is ours and is kept: see KEPT.
"""
import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workshop import cloud, deploy, endpoints, triggers
from workshop.account import ownership

OURS, NOT_OURS, UNKNOWN = "ours", "not ours", "cannot be listed"
# Ours, and never removed: a stack whose template or settings keep something, with all that is in
# it; a bucket of another Region; a role that something in another Region uses.
KEPT = "kept"
# In front of a log group's name stands the service that writes it.
GROUPS = ("/aws/lambda/", "/aws/sagemaker/Endpoints/", "/aws/apigateway/", "")
# What a Region answers to an identity that may do nothing there: it is off, or forbidden.
NOT_THERE = ("UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired",
             "AccessDenied", "AccessDeniedException")
# What services answer for a thing that is not there.
MISSING = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "does not exist", "Could not find")


@dataclass(frozen=True)
class Thing:
    """Something in the account.

    whose: OURS, NOT_OURS (our kind of name, not our tags), KEPT, or UNKNOWN: a kind that could not
    be looked at, with the reason as its name. id: what its service calls it (an ARN, address,
    number). why: what keeps a thing that is KEPT.
    """
    kind: str
    name: str
    whose: str
    id: str = ""
    why: str = ""

    def __str__(self):
        remark = f"{self.whose}: {self.why}" if self.why else self.whose
        return f"{self.kind:22}{self.name}" + ("" if self.whose == OURS else f"  ({remark})")


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is listed, and how one of them is removed.

    listed: gives (name, id, tags), or (name, id, tags, why it is kept). type: what CloudFormation
    calls this kind. by: which of name and id is then its physical id in a stack.
    """
    name: str
    listed: Callable[[], Iterable[tuple]]
    remove: Callable[[Thing], object]
    type: str = ""
    by: str = "name"

    def member(self, name: str, number: str) -> tuple[str, str]:
        """How a stack that made this thing lists it."""
        return self.type, number if self.by == "id" else name


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
    stacked: set[tuple[str, str]] = set()       # (type, physical id) of what goes with our stacks
    held: dict[tuple[str, str], str] = {}       # the same of what stays with them, and why
    for kind in kinds(tagged, held):
        try:
            for name, number, tags, *why in kind.listed():
                member = kind.member(name, number)
                why = held.get(member, "") or "".join(why) or _of_a_stack(tags, member in stacked)
                ours = ownership.is_ours(tags) or member in stacked or member in held
                whose = NOT_OURS if not ours else KEPT if why else OURS
                things.append(Thing(kind.name, name, whose, number, why if ours else ""))
                if kind.name == "stack" and ours:
                    members = _in_stack(number)
                    stacked |= members
                    held |= dict.fromkeys(members, f"with the stack {name}") if why else {}
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
        if one.whose == KEPT:
            raise deploy.NotOurs(f"The {one.kind} {one.name} is kept: {one.why}.")
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


def kinds(tagged: set[str], held: dict | None = None) -> list[Kind]:
    """All kinds, in order of removal: what uses another thing goes before it, the budget last.

    tagged: ARNs that carry our tags, for things that have another name than ours. held: members of
    stacks that are kept, (type, physical id), filled while the stacks are listed; what hangs on
    one of them stays.
    """
    meant = partial(_meant, tagged)
    held = {} if held is None else held
    # Others are ours because of these: each is listed once.
    groups = cache(lambda: list(_schedule_groups(meant)))
    functions = cache(lambda: _but_for(held, "AWS::Lambda::Function", 0, _functions(meant)))
    served = cache(lambda: _but_for(held, "AWS::SageMaker::Endpoint", 1,
                                    _sagemaker(meant, "endpoint")))
    lambda_, gateway = _client("lambda"), _client("apigateway")
    sagemaker, events, sqs = (_client(one) for one in ("sagemaker", "events", "sqs"))
    scheduler, apis, sns = (_client(one) for one in ("scheduler", "apigatewayv2", "sns"))
    s3, ecr, watch = (_client(one) for one in ("s3", "ecr", "cloudwatch"))
    logs, iam = _client("logs"), _client("iam")
    return [
        Kind("stack", partial(_stacks, meant), _remove_stack, "AWS::CloudFormation::Stack", "id"),
        Kind("schedule", partial(_schedules, meant, groups), lambda one: scheduler.delete_schedule(
            GroupName=one.id.split("/")[0], Name=one.name), "AWS::Scheduler::Schedule"),
        Kind("schedule group", groups,
             lambda one: scheduler.delete_schedule_group(Name=one.name),
             "AWS::Scheduler::ScheduleGroup"),
        Kind("event source mapping", partial(_mappings, meant, functions),
             lambda one: triggers.delete_mapping(lambda_, one.id),
             "AWS::Lambda::EventSourceMapping", "id"),
        Kind("rule", partial(_rules, meant), lambda one: triggers.delete_rule(events, one.name),
             "AWS::Events::Rule"),
        Kind("HTTP API", partial(_http_apis, meant), lambda one: apis.delete_api(ApiId=one.id),
             "AWS::ApiGatewayV2::Api", "id"),
        Kind("REST API", partial(_rest_apis, meant),
             lambda one: gateway.delete_rest_api(restApiId=one.id),
             "AWS::ApiGateway::RestApi", "id"),
        Kind("function URL", partial(_function_urls, functions), lambda one: deploy.delete_urls(
            lambda_, one.id.partition(":function:")[2].split(":")[0]), "AWS::Lambda::Url", "id"),
        Kind("function", functions,
             lambda one: deploy.delete_function(lambda_, one.name), "AWS::Lambda::Function"),
        Kind("layer version", partial(_layers, meant), lambda one: lambda_.delete_layer_version(
            LayerName=one.name.split(":")[0], VersionNumber=int(one.name.split(":")[1])),
             "AWS::Lambda::LayerVersion", "id"),
        Kind("endpoint", served,
             lambda one: endpoints.delete_endpoint(sagemaker, one.name),
             "AWS::SageMaker::Endpoint", "id"),
        Kind("endpoint config", partial(_sagemaker, meant, "endpoint_config"),
             lambda one: sagemaker.delete_endpoint_config(EndpointConfigName=one.name),
             "AWS::SageMaker::EndpointConfig", "id"),
        Kind("model", partial(_sagemaker, meant, "model"),
             lambda one: sagemaker.delete_model(ModelName=one.name),
             "AWS::SageMaker::Model", "id"),
        Kind("queue", partial(_queues, meant), lambda one: sqs.delete_queue(QueueUrl=one.id),
             "AWS::SQS::Queue", "id"),
        Kind("alarm", partial(_alarms, meant), lambda one: watch.delete_alarms(
            AlarmNames=[one.name]), "AWS::CloudWatch::Alarm"),
        Kind("topic", partial(_topics, meant), lambda one: sns.delete_topic(TopicArn=one.id),
             "AWS::SNS::Topic", "id"),
        Kind("dashboard", partial(_dashboards, meant), lambda one: watch.delete_dashboards(
            DashboardNames=[one.name]), "AWS::CloudWatch::Dashboard"),
        Kind("bucket", partial(_buckets, meant), lambda one: deploy.delete_bucket(s3, one.name),
             "AWS::S3::Bucket"),
        Kind("repository", partial(_repositories, meant),
             lambda one: ecr.delete_repository(repositoryName=one.name, force=True),
             "AWS::ECR::Repository"),
        Kind("log group", partial(_log_groups, meant, functions, served),
             lambda one: logs.delete_log_group(logGroupName=one.name), "AWS::Logs::LogGroup"),
        Kind("role", partial(_roles, meant), lambda one: _remove_role(iam, one.name),
             "AWS::IAM::Role"),
        Kind("policy", partial(_policies, meant), lambda one: _remove_policy(iam, one.id),
             "AWS::IAM::ManagedPolicy", "id"),
        Kind("budget", partial(_budgets, meant), lambda one: _budget_client().delete_budget(
            AccountId=ownership.where()[0], BudgetName=one.name), "AWS::Budgets::Budget"),
    ]


def _client(service, region=None):
    """A client of a service; to make one takes longer than most calls."""
    return _made(service, region, os.environ.get("AWS_ENDPOINT_URL"),
                 os.environ.get("AWS_PROFILE"), os.environ.get("AWS_REGION"))


@cache
def _made(service, region, *_where):
    return ownership.s3() if service == "s3" else boto3.client(service, region_name=region)


# Listings: (name, id, tags) of what is named like ours or is among the tagged

def _meant(tagged, name, arn=""):
    return name.startswith(ownership.prefix()) or bool(arn) and arn in tagged


def _but_for(held, kind, at, listed) -> list:
    """A listing in which what a kept stack made has no tags, so that what hangs on it stays."""
    return [one if (kind, one[at]) not in held else (*one[:2], {}, *one[3:]) for one in listed]


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
            tags = ownership.by_key(one.get("Tags"))
            yield one["StackName"], one["StackId"], tags, \
                _what_keeps(one) if ownership.is_ours(tags) else ""


def _of_a_stack(tags, goes) -> str:
    """Why a thing that some stack made is kept, "" where that stack goes, or there was none.

    The stack may have been deleted and have left it on purpose, or it could not be listed.
    """
    name = tags.get("aws:cloudformation:stack-name")    # CloudFormation's own tag
    return f"the stack {name} made it" if name and not goes else ""


def _what_keeps(stack) -> str:
    """Why a stack must not go, "" if it may: somebody has protected it, or something in it.

    Looked at before anything in it is emptied, in nested stacks, too.
    """
    if stack.get("EnableTerminationProtection"):
        return "termination protection is on"
    if stack.get("StackStatus") == "REVIEW_IN_PROGRESS":    # a change set, and nothing made yet
        return ""
    number = stack["StackId"]
    try:
        body = _client("cloudformation").get_template(
            StackName=number, TemplateStage="Processed")["TemplateBody"]
    except ClientError as error:
        return f"its template cannot be read ({_reason(error)})"
    if isinstance(body, str):           # YAML: boto3 reads JSON only
        from samcli.yamlhelper import yaml_parse  # knows !Ref and its like
        body = yaml_parse(body)
    for name, resource in body.get("Resources", {}).items():
        policy = resource.get("DeletionPolicy", "Delete")
        if policy not in ("Delete", "Snapshot"):
            return f"{name} has DeletionPolicy: {policy}"
    return next(filter(None, (_what_keeps({"StackId": one}) for kind, one in _parts(number)
                              if kind == "AWS::CloudFormation::Stack")), "")


def _in_stack(stack) -> set[tuple[str, str]]:
    """(type, physical id) of what a stack made: it goes with the stack, tags or no tags."""
    parts = set(_parts(stack))
    return parts.union(*(_in_stack(number) for kind, number in parts
                         if kind == "AWS::CloudFormation::Stack"))


def _parts(stack) -> list[tuple[str, str]]:
    """(type, physical id) of what is in a stack now, nested stacks unopened."""
    return [(one["ResourceType"], one["PhysicalResourceId"]) for one in _pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"]


def _remove_stack(one):
    """A stack cannot go while a bucket or repository in it holds something: those go first."""
    client, ecr = _client("cloudformation"), _client("ecr")
    for kind, name in _in_stack(one.id):
        if kind == "AWS::S3::Bucket":
            _gone(deploy.delete_bucket, _client("s3"), name)
        elif kind == "AWS::ECR::Repository":
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
    here = ownership.where()[1]
    for one in _pages("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1000}):
        if meant(one["Name"], f"arn:aws:s3:::{one['Name']}"):
            # The listing has the buckets of all Regions.
            region = one.get("BucketRegion") or s3.head_bucket(Bucket=one["Name"])["BucketRegion"]
            yield one["Name"], one["Name"], deploy.bucket_tags(s3, one["Name"]) or {}, \
                "" if region == here else f"it is in the Region {region}"


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
        if any(name.startswith(group + ownership.prefix()) for group in GROUPS) or meant(name, arn):
            tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
            yield name, arn, ownership.tags() if name in ours else tags


def _roles(meant):
    iam, users = _client("iam"), cache(_users_elsewhere)
    for one in _pages("iam", "list_roles", "Roles"):
        if meant(one["RoleName"], one["Arn"]):
            tags = ownership.by_key(
                _pages("iam", "list_role_tags", "Tags", RoleName=one["RoleName"])
                if iam.can_paginate("list_role_tags") else deploy.role_tags(iam, one["RoleName"]))
            yield one["RoleName"], one["Arn"], tags, \
                users().get(one["Arn"], "") if ownership.is_ours(tags) else ""


def _users_elsewhere() -> dict[str, str]:
    """What uses a role in another Region: {role's ARN: words}. IAM has no Region, functions do."""
    here, session = ownership.where()[1], boto3.session.Session()
    # Clients one after the other: boto3 makes them in one thread only. Then their calls go at once.
    clients = [(region, look, _client(service, region))
               for service, look in (("lambda", _of_functions), ("sagemaker", _of_models))
               for region in session.get_available_regions(service) if region != here]
    with ThreadPoolExecutor(16) as pool:
        return {role: words for found in pool.map(lambda one: _users(*one), clients)
                for role, words in found.items()}


def _users(region, look, client) -> dict[str, str]:
    try:
        return {role: f"{what} in {region} uses it" for role, what in look(client)}
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            return {}
        raise


def _of_functions(client) -> Iterator[tuple[str, str]]:
    """(role's ARN, what uses it) for the functions of a Region."""
    for page in client.get_paginator("list_functions").paginate():
        for one in page["Functions"]:
            yield one["Role"], f"the function {one['FunctionName']}"


def _of_models(client) -> Iterator[tuple[str, str]]:
    """The same for the owner's SageMaker models."""
    for page in client.get_paginator("list_models").paginate(NameContains=ownership.prefix()):
        for one in page["Models"]:
            name = one["ModelName"]
            yield client.describe_model(ModelName=name)["ExecutionRoleArn"], f"the model {name}"


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
        owner = ownership.owner()
    except (cloud.CloudError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    things = find()
    show(f"In the account, of the owner {owner}:", things)
    ours = [one for one in things if one.whose == OURS]
    if not asked.remove:
        return 0
    if ours and not cloud.is_local() and not agreed(ownership.where()[0]):
        return 2
    if ours:
        remove(ours)
        things = find()
        show("Looked again:", things)
    return 1 if any(one.whose in (OURS, UNKNOWN) for one in things) else 0


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
