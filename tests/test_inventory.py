"""workshop.inventory against the local cloud: what is ours is found and goes, all else stays."""
import ast
import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

import full_bucket
import image_registry
from calls import packed
from workshop import deploy, inventory, triggers
from workshop.account import calls, ownership, queues, stacks
from workshop.course import render
from workshop.machine import paths

NAME = "workshop-test-inventory"
OTHER = "workshop-test-inventory-theirs"         # our kind of name, not our tag
HIDDEN = "test-inventory-hidden"                 # our tag, another name
PAIRS = ownership.pairs()
MADE = {"stack", "schedule", "schedule group", "event source mapping", "rule", "HTTP API",
        "REST API", "function URL", "function", "layer version", "queue", "alarm", "topic",
        "dashboard", "bucket", "repository", "log group", "role", "policy", "budget"}


def client(service):
    return boto3.client(service, region_name="us-east-1")


def make_functions():
    lambda_ = client("lambda")
    lambda_.create_function(FunctionName=NAME, Role=deploy.ensure_role(NAME), Runtime="python3.13",
                            Handler="a.b", Code={"ZipFile": packed()}, Tags=deploy.tags())
    lambda_.get_waiter("function_active_v2").wait(FunctionName=NAME)
    lambda_.publish_version(FunctionName=NAME)
    lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    for qualifier in ({}, {"Qualifier": "live"}):
        lambda_.create_function_url_config(FunctionName=NAME, AuthType="AWS_IAM", **qualifier)
    for _ in range(2):
        lambda_.publish_layer_version(LayerName=NAME, Content={"ZipFile": packed()},
                                      Description=f"{ownership.mark()} of a test")
    deploy.http_api(NAME, NAME)
    client("apigateway").create_rest_api(name=NAME, tags=deploy.tags())
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{NAME}")   # as Lambda does: no tag


def make_triggers():
    triggers.on_queue(NAME, triggers.queue(NAME))
    triggers.on_event(NAME, NAME, schedule="rate(1 day)")
    client("sqs").create_queue(QueueName=HIDDEN, tags=deploy.tags())
    client("sns").create_topic(Name=NAME, Tags=PAIRS)
    scheduler, where = client("scheduler"), {"GroupName": NAME}
    scheduler.create_schedule_group(Name=NAME, Tags=PAIRS)
    trust = json.loads(deploy.policy("trust"))
    trust["Statement"][0]["Principal"]["Service"] = ["lambda.amazonaws.com",
                                                     "scheduler.amazonaws.com"]
    client("iam").update_assume_role_policy(RoleName=f"{NAME}-role",
                                            PolicyDocument=json.dumps(trust))
    scheduler.create_schedule(Name=NAME, **where, ScheduleExpression="rate(1 day)",
                              FlexibleTimeWindow={"Mode": "OFF"}, Target={
                                  "Arn": "arn:aws:lambda:us-east-1:012345678912:function:a",
                                  "RoleArn": f"arn:aws:iam::012345678912:role/{NAME}-role"})


def make_stores():
    s3, bucket = client("s3"), deploy.bucket(NAME)
    full_bucket.fill(s3, bucket)
    deploy.image_repository(NAME)
    image_registry.store(client("ecr"), NAME)
    iam = client("iam")
    document = deploy.policy("logs", function=NAME)
    arn = iam.create_policy(PolicyName=NAME, PolicyDocument=document, Tags=PAIRS)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    iam.attach_role_policy(RoleName=f"{NAME}-role", PolicyArn=arn)


def make_watch():
    watch = client("cloudwatch")
    watch.put_metric_alarm(AlarmName=NAME, Namespace="test", MetricName="m", Statistic="Sum",
                           Period=60, EvaluationPeriods=1, Threshold=1, Tags=PAIRS,
                           ComparisonOperator="GreaterThanThreshold")
    watch.put_dashboard(DashboardName=NAME, DashboardBody='{"widgets": []}', Tags=PAIRS)
    client("budgets").create_budget(AccountId=calls.where()[0], ResourceTags=PAIRS, Budget={
        "BudgetName": NAME, "BudgetLimit": {"Amount": "5", "Unit": "USD"}, "TimeUnit": "MONTHLY",
        "BudgetType": "COST"})


def make_stack():
    stacks = client("cloudformation")
    stacks.create_stack(StackName=NAME, Tags=PAIRS, TemplateBody=json.dumps({"Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{NAME}-stacked"}},
        "Bucket": {"Type": "AWS::S3::Bucket"}}}))
    stacks.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    bucket = stacks.describe_stack_resource(StackName=NAME, LogicalResourceId="Bucket")
    client("s3").put_object(Bucket=bucket["StackResourceDetail"]["PhysicalResourceId"],
                            Key="file", Body=b"")


def named(things):
    """The things of these tests; the session's cloud holds those of other tests as well."""
    return [one for one in things if "test-inventory" in one.name + one.id]


@pytest.fixture(scope="module")
def story(local_cloud):
    """One of each kind, and one of somebody else's; what was found before and after `remove`."""
    client("sqs").create_queue(QueueName=OTHER)
    for make in (make_functions, make_triggers, make_stores, make_watch, make_stack):
        make()
    found = named(inventory.find())
    said = []
    ours = [one for one in found if one.whose == inventory.OURS]
    failed = inventory.remove(reversed(ours), say=said.append)
    yield SimpleNamespace(found=found, failed=failed, said=said, left=named(inventory.find()))
    client("sqs").delete_queue(QueueUrl=queues.find(OTHER))


def test_one_of_each_kind_is_found(story):
    ours = {one.kind for one in story.found if one.whose == inventory.OURS}
    assert ours == MADE
    assert sum(one.kind == "layer version" for one in story.found) == 2
    assert sum(one.kind == "function URL" for one in story.found) == 2, "the alias has one, too"


def test_what_has_our_tag_and_another_name_is_found(story):
    assert [one.whose for one in story.found if one.name == HIDDEN] == [inventory.OURS]


def test_what_has_our_name_and_not_our_tag_is_told_apart_and_stays(story):
    assert [one.whose for one in story.found if one.name == OTHER] == [inventory.NOT_OURS]
    assert [(one.name, one.whose) for one in story.left] == [(OTHER, inventory.NOT_OURS)]


def test_everything_of_ours_goes_whatever_it_holds_and_whatever_hangs_on_it(story):
    assert story.failed == []


def test_stacks_go_first_and_roles_after_what_runs_under_them(story):
    order = [line.split("removed ")[1].split(f" {NAME}")[0] for line in story.said
             if line.endswith((NAME, f"{NAME}-role"))]
    assert order[0] == "stack" and order[-1] == "budget"
    assert order.index("function") < order.index("role") < order.index("policy")


def test_a_thing_that_is_gone_already_is_no_error(story):
    gone = [one for one in story.found if one.whose == inventory.OURS]
    assert inventory.remove(gone, say=lambda _: None) == []


def test_between_two_looks_things_may_vanish(story, monkeypatch):
    """The listing still has them, the service does not: each remover is told `not there`."""
    gone = [one for one in story.found if one.whose == inventory.OURS]
    monkeypatch.setattr(inventory, "find", lambda: gone)
    said = []
    assert inventory.remove(gone, say=said.append) == [], said


def test_what_is_not_ours_is_refused_and_nothing_goes(story):
    deploy.image_repository(NAME)
    theirs, = (one for one in story.found if one.name == OTHER)
    ours = named(one for one in inventory.find() if one.kind == "repository")
    with pytest.raises(deploy.NotOursError, match=f"{OTHER} lacks the tag"):
        inventory.remove([*ours, theirs], say=lambda _: None)
    with pytest.raises(deploy.NotOursError):    # it says of itself that it is ours: tags count
        inventory.remove([inventory.Thing("queue", OTHER, inventory.OURS, theirs.id)])
    assert named(one for one in inventory.find() if one.kind == "repository") == ours
    assert inventory.remove(ours, say=lambda _: None) == []


def test_a_listing_does_not_stop_at_its_first_page(local_cloud):
    logs, names = client("logs"), [f"/aws/lambda/{NAME}-{number:03}" for number in range(60)]
    for name in names:
        logs.create_log_group(logGroupName=name, tags=deploy.tags())
    assert "nextToken" in logs.describe_log_groups(), "the local cloud gives pages, too"
    found = [one for one in inventory.find() if one.name in names]
    assert len(found) == len(names)
    assert inventory.remove(found, say=lambda _: None) == []
    assert not [one for one in inventory.find() if one.name in names]


def refuse(operation, code="AccessDenied"):
    """`calls.pages` where one operation is not allowed."""
    def pages(service, name, key, **arguments):
        if name == operation:
            raise ClientError({"Error": {"Code": code, "Message": "not allowed"}}, name)
        return real(service, name, key, **arguments)
    real = calls.pages
    return pages


@pytest.mark.parametrize("operation, kind", [
    ("list_roles", "role"), ("describe_stacks", "stack"), ("list_buckets", "bucket"),
    ("get_resources", "by tag")])
def test_what_may_not_be_looked_at_is_said(local_cloud, monkeypatch, operation, kind):
    monkeypatch.setattr(calls, "pages", refuse(operation))
    unknown = [one for one in inventory.find() if one.whose == inventory.UNKNOWN]
    assert [(one.kind, one.name) for one in unknown] == [(kind, "AccessDenied: not allowed")]
    assert "cannot be listed" in str(unknown[0])


def test_the_command_fails_where_it_could_not_look(local_cloud, monkeypatch, capsys):
    monkeypatch.setattr(inventory, "find", lambda: [
        inventory.Thing("role", "AccessDenied: not allowed", inventory.UNKNOWN)])
    assert inventory.main(["--remove"]) == 1
    assert "AccessDenied" in capsys.readouterr().out


def test_a_thing_of_a_service_that_no_lesson_uses_is_listed_and_left(local_cloud, monkeypatch):
    arn = "arn:aws:dynamodb:us-east-1:012345678912:table/test-inventory"
    monkeypatch.setattr(inventory, "_tagged", lambda: {arn})
    found, = (one for one in inventory.find() if one.id == arn)
    said = []
    assert inventory.remove([found], say=said.append) == [found]
    assert "remove it yourself" in said[0]


# Stacks: what is in one goes with it, and nothing else of the same name

def make(stack, resources, tags=PAIRS, **settings):
    """A stack of these resources, ready."""
    stacks = client("cloudformation")
    stacks.create_stack(StackName=stack, Tags=tags, TemplateBody=json.dumps(
        {"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"], **settings)
    stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in
            stacks.describe_stack_resources(StackName=stack)["StackResources"]}


def drop(stack):
    stacks = client("cloudformation")
    stacks.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    stacks.delete_stack(StackName=stack)
    stacks.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def found(word):
    """{(kind, name): whose} of what has this word in its name or id."""
    return {(one.kind, one.name): one.whose for one in inventory.find()
            if word in one.name + one.id}


NAMESAKE = "workshop-test-inventory-namesake"


@pytest.fixture
def namesakes(local_cloud):
    """A tagged stack with a role; an untagged thing of each of six kinds with the role's name."""
    trust = json.loads(deploy.policy("trust"))
    make(f"{NAMESAKE}-stack", {"Role": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": NAMESAKE, "AssumeRolePolicyDocument": trust}}})
    client("s3").create_bucket(Bucket=NAMESAKE)
    client("events").put_rule(Name=NAMESAKE, ScheduleExpression="rate(1 day)")
    client("cloudwatch").put_dashboard(DashboardName=NAMESAKE, DashboardBody='{"widgets": []}')
    client("ecr").create_repository(repositoryName=NAMESAKE)
    client("sqs").create_queue(QueueName=NAMESAKE)
    client("logs").create_log_group(logGroupName=NAMESAKE)
    yield {("bucket", NAMESAKE), ("rule", NAMESAKE), ("dashboard", NAMESAKE),
           ("repository", NAMESAKE), ("queue", NAMESAKE), ("log group", NAMESAKE)}
    client("s3").delete_bucket(Bucket=NAMESAKE)
    client("events").delete_rule(Name=NAMESAKE)
    client("cloudwatch").delete_dashboards(DashboardNames=[NAMESAKE])
    client("ecr").delete_repository(repositoryName=NAMESAKE)
    client("sqs").delete_queue(QueueUrl=queues.find(NAMESAKE))
    client("logs").delete_log_group(logGroupName=NAMESAKE)


def test_a_thing_in_a_stack_makes_nothing_else_of_its_name_ours(namesakes):
    there = found(NAMESAKE)
    assert {one: there[one] for one in namesakes} == dict.fromkeys(namesakes, inventory.NOT_OURS)
    assert there["role", NAMESAKE] == inventory.OURS
    inventory.remove([one for one in inventory.find()
                      if NAMESAKE in one.name and one.whose == inventory.OURS])
    assert found(NAMESAKE) == dict.fromkeys(namesakes, inventory.NOT_OURS)


STACKED = {  # type: (properties, kind in the inventory); none of these gets the stack's tags here
    "AWS::SQS::Queue": ({"QueueName": "workshop-test-member"}, "queue"),
    "AWS::SNS::Topic": ({"TopicName": "workshop-test-member"}, "topic"),
    "AWS::S3::Bucket": ({"BucketName": "workshop-test-member"}, "bucket"),
    "AWS::ECR::Repository": ({"RepositoryName": "workshop-test-member"}, "repository"),
    "AWS::Logs::LogGroup": ({"LogGroupName": "workshop-test-member"}, "log group"),
    "AWS::Events::Rule": ({"Name": "workshop-test-member", "ScheduleExpression": "rate(1 day)"},
                          "rule"),
    "AWS::ApiGatewayV2::Api": ({"Name": "workshop-test-member", "ProtocolType": "HTTP"},
                               "HTTP API"),
    "AWS::CloudWatch::Alarm": ({
        "AlarmName": "workshop-test-member", "Namespace": "test", "MetricName": "m",
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold"}, "alarm"),
    "AWS::CloudWatch::Dashboard": ({"DashboardName": "workshop-test-member",
                                    "DashboardBody": '{"widgets": []}'}, "dashboard"),
}


@pytest.fixture
def no_tags(monkeypatch):
    """Only a stack has tags: what is in it can be known by the stack's list alone."""
    is_ours, real = ownership.is_ours, stacks.listed
    monkeypatch.setattr(stacks, "listed", lambda meant: [
        (name, number, tags | {"stack": "yes"}, *why) for name, number, tags, *why in real(meant)])
    monkeypatch.setattr(inventory.ownership, "is_ours",
                        lambda tags: is_ours(tags) and "stack" in tags)


def test_members_are_known_by_their_type_and_physical_id(local_cloud, no_tags):
    resources = {kind.replace("::", ""): {"Type": kind, "Properties": properties}
                 for kind, (properties, _) in STACKED.items()}
    make("workshop-test-member-stack", resources)
    try:
        there = found("workshop-test-member")
        assert {kind for (kind, name), whose in there.items() if whose == inventory.OURS} == {
            "stack", *(kind for _, kind in STACKED.values())}
    finally:
        drop("workshop-test-member-stack")
    assert found("workshop-test-member") == {}


# Kept: what somebody has protected, and what another Region has or uses

@pytest.mark.parametrize("stack", ["workshop-test-deleted", "another-teams"])
def test_what_a_stack_has_left_or_holds_unseen_stays(local_cloud, monkeypatch, stack):
    """On AWS, CloudFormation tags what it makes; the local cloud does not."""
    url, real = triggers.plain_queue("workshop-test-left"), queues.tags
    monkeypatch.setattr(queues, "tags", lambda *arguments: real(*arguments) | {
        "aws:cloudformation:stack-name": stack})
    left, = (one for one in inventory.find() if one.name == "workshop-test-left")
    assert (left.whose, left.why) == (inventory.KEPT, f"the stack {stack} made it")
    client("sqs").delete_queue(QueueUrl=url)


# What lessons make must be found again

TAGGABLE = {"create_function", "create_event_source_mapping", "create_repository", "create_role",
            "create_policy", "create_queue", "create_topic", "create_api", "create_rest_api",
            "create_model", "create_endpoint_config", "create_endpoint", "create_log_group",
            "create_stack", "create_change_set", "put_rule", "put_metric_alarm",
            "put_composite_alarm", "put_dashboard", "create_schedule_group", "create_budget"}
TAGS = {"Tags", "tags", "ResourceTags", None}       # None: `**settings`, which holds them


def makers(source):
    """(line, call, its keywords) of every call, direct or handed on, that makes what has tags."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            keywords = {one.arg for one in node.keywords}
            for one in (node.func, *node.args):
                if isinstance(one, ast.Attribute) and one.attr in TAGGABLE:
                    yield node.lineno, one.attr, keywords


def test_what_makes_something_is_recognised():
    source = "a.create_role(RoleName=1)\nwhen(b.put_rule, Name=2, Tags=3)\nc.get_role(A=1)"
    assert list(makers(source)) == [(1, "create_role", {"RoleName"}),
                                    (2, "put_rule", {"Name", "Tags"})]


# Tagged by a call of its own; or meant to fail, or to lack the tag.
FINE = {("workshop/account/rules.py", "put_rule"), ("solutions/24_clean_up.py", "create_budget"),
        ("solutions/24_clean_up.py", "create_queue"),
        ("solutions/17_run_on_events_and_in_batches.py", "create_event_source_mapping")}


@pytest.mark.parametrize("path", [
    *(lesson.path for lesson in render.lessons()),
    *(paths.ROOT / "workshop/account").glob("*.py")],
    ids=lambda path: path.stem)
def test_what_a_lesson_makes_is_tagged(path):
    name = path.relative_to(paths.ROOT).as_posix()
    untagged = [(line, call) for line, call, keywords in makers(path.read_text())
                if not keywords & TAGS and (name, call) not in FINE]
    assert not untagged, f"{name}: clean does not find what these make: {untagged}"


# AWS: the account's number, or nothing

@pytest.fixture
def account(local_cloud, monkeypatch):
    """The local cloud, taken for AWS; `removed` says what was removed."""
    thing, removed = inventory.Thing("queue", NAME, inventory.OURS, "url"), []
    monkeypatch.setattr(inventory.cloud, "use", lambda: None)
    monkeypatch.setattr(inventory.cloud, "is_local", lambda: False)
    monkeypatch.setattr(inventory, "find", lambda: [] if removed else [thing])
    monkeypatch.setattr(inventory, "remove", lambda things: removed.extend(things))
    return SimpleNamespace(removed=removed, thing=thing, number=calls.where()[0])


def at_a_terminal(monkeypatch, answer):
    asked = []
    monkeypatch.setattr(inventory.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    return asked


def test_without_a_terminal_nothing_is_removed(account, monkeypatch, capsys):
    monkeypatch.setattr(inventory.sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert inventory.main(["--remove"]) == 2 and account.removed == []
    said = capsys.readouterr().err
    assert account.number in said and "in a terminal" in said and "unset AWS_PROFILE" in said


@pytest.mark.parametrize("answer", ["", "y", "yes", "123456789012"])
def test_another_answer_than_the_account_leaves_all_as_it_is(account, monkeypatch, answer, capsys):
    asked = at_a_terminal(monkeypatch, answer)
    assert inventory.main(["--remove"]) == 2 and account.removed == []
    assert account.number in asked[0] and "nothing was done" in capsys.readouterr().err


def test_the_accounts_number_removes(account, monkeypatch, capsys):
    at_a_terminal(monkeypatch, account.number)
    assert inventory.main(["--remove"]) == 0 and account.removed == [account.thing]
    assert "Looked again:\n  nothing is there" in capsys.readouterr().out


def test_a_list_asks_and_removes_nothing(account, monkeypatch):
    asked = at_a_terminal(monkeypatch, account.number)
    assert inventory.main([]) == 0 and account.removed == [] and asked == []
