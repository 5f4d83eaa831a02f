"""workshop.triggers against the local cloud, with functions that are never invoked."""
import json
from types import SimpleNamespace

import boto3
import pytest

from calls import packed
from workshop import cloud, deploy, triggers
from workshop.account import calls, functions, ownership, rules

NAME = "workshop-test-triggers"
FOREIGN = {"owner": "somebody else"}


@pytest.fixture
def function(local_cloud):
    """A zip function of our name; everything of that name is gone afterwards."""
    yield boto3.client("lambda").create_function(
        FunctionName=NAME, Role=deploy.ensure_role(NAME), Runtime="python3.13", Handler="a.b",
        Code={"ZipFile": packed()}, Tags=deploy.tags())["FunctionArn"]
    triggers.delete(NAME)
    deploy.delete(NAME)


def statements():
    return functions.statements(NAME)


def test_a_queue_has_its_dead_letters_and_twice_is_one(function):
    urls = {triggers.queue(NAME, visibility=30, receives=5) for _ in range(2)}
    url, = urls
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert found["Attributes"]["VisibilityTimeout"] == "30"
    redrive = json.loads(found["Attributes"]["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{NAME}-dead")
    assert int(redrive["maxReceiveCount"]) == 5
    triggers.queue(NAME, visibility=40)
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert found["Attributes"]["VisibilityTimeout"] == "40"


def test_a_queue_runs_the_function_once_and_reports_single_failures(function):
    client, url = boto3.client("lambda"), triggers.queue(NAME)
    assert triggers.on_queue(NAME, url) == triggers.on_queue(NAME, url, batch=5)
    mapping, = client.list_event_source_mappings(FunctionName=NAME)["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 5 and mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    policy = boto3.client("iam").get_role_policy(RoleName=f"{NAME}-role", PolicyName="read_queue")
    resource = policy["PolicyDocument"]["Statement"][0]["Resource"]
    assert resource == triggers.queue_arn(url)


@pytest.mark.parametrize("what", [{"pattern": {"source": ["a"]}}, {"schedule": "rate(1 hour)"}])
def test_a_rule_may_run_its_function_and_twice_is_one(function, what):
    for _ in range(2):
        arn = triggers.on_event(NAME, NAME, **what, paths={"a": "$.detail.a"},
                                template='{"a": <a>}')
    events = boto3.client("events")
    target, = events.list_targets_by_rule(Rule=NAME)["Targets"]
    assert target["Arn"] == function
    assert target["InputTransformer"]["InputTemplate"] == '{"a": <a>}'
    statement, = statements()
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == arn
    assert ownership.is_ours(rules.tags(rules.find(NAME)))


def test_a_bucket_may_run_its_function_for_its_account_alone(function):
    bucket = deploy.bucket(NAME)
    triggers.on_file(NAME, bucket, "incoming/", ".csv")
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    one, = found["LambdaFunctionConfigurations"]
    rules = {rule["Name"].lower(): rule["Value"] for rule in one["Filter"]["Key"]["FilterRules"]}
    assert rules == {"prefix": "incoming/", "suffix": ".csv"}
    statement, = statements()
    assert statement["Condition"]["StringEquals"]["AWS:SourceAccount"] == calls.where()[0]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == f"arn:aws:s3:::{bucket}"


def test_failures_go_to_a_queue_that_the_role_may_write_to(function):
    url = triggers.plain_queue(NAME)
    triggers.failures_to(NAME, url, retries=1)
    config = boto3.client("lambda").get_function_event_invoke_config(FunctionName=NAME)
    assert config["MaximumRetryAttempts"] == 1
    arn = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert arn == triggers.queue_arn(url)
    policy = boto3.client("iam").get_role_policy(RoleName=f"{NAME}-role",
                                                 PolicyName="send_failures")
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == arn


def test_delete_leaves_nothing_and_may_be_repeated(function):
    triggers.on_queue(NAME, triggers.queue(NAME))
    triggers.on_event(NAME, NAME, schedule="rate(1 hour)", constant={"a": 1})
    triggers.delete(NAME)
    assert not boto3.client("sqs").list_queues(QueueNamePrefix=NAME).get("QueueUrls")
    assert not boto3.client("events").list_rules(NamePrefix=NAME)["Rules"]
    client = boto3.client("lambda")
    assert not client.list_event_source_mappings(FunctionName=NAME)["EventSourceMappings"]
    triggers.delete(NAME)


def test_what_is_not_ours_stays_as_it_is(local_cloud):
    sqs, events = boto3.client("sqs"), boto3.client("events")
    url = sqs.create_queue(QueueName=NAME, tags=FOREIGN)["QueueUrl"]
    events.put_rule(Name=f"{NAME}-rule", ScheduleExpression="rate(1 hour)")
    try:
        for call in (lambda: triggers.delete(NAME), lambda: triggers.delete(f"{NAME}-rule"),
                     lambda: triggers.plain_queue(NAME),
                     lambda: triggers.on_event(NAME, f"{NAME}-rule", schedule="rate(1 day)")):
            with pytest.raises(deploy.NotOursError):
                call()
        assert sqs.get_queue_url(QueueName=NAME)["QueueUrl"] == url
        assert events.describe_rule(Name=f"{NAME}-rule")["ScheduleExpression"] == "rate(1 hour)"
    finally:
        sqs.delete_queue(QueueUrl=url)
        events.delete_rule(Name=f"{NAME}-rule")


def test_on_aws_a_queues_name_is_waited_for(function, monkeypatch):
    waited = []
    # Only where it is called from: other threads of this process must go on sleeping.
    monkeypatch.setattr(triggers, "time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr(cloud, "is_local", lambda: False)
    triggers.delete(NAME, again=True)
    assert waited == []         # nothing was deleted
    triggers.plain_queue(NAME)
    triggers.delete(NAME, again=True)
    assert waited == [triggers.NAME_FREE_AFTER]


@pytest.mark.parametrize("call", [triggers.queue, triggers.plain_queue, triggers.delete])
def test_names_begin_with_workshop(local_cloud, call):
    with pytest.raises(ValueError, match="begin with 'workshop-test-'"):
        call("mine")


def test_a_rollback_runs_on_the_alarms_of_its_function_and_may_change_its_aliases_only(local_cloud):
    rollback, lambda_ = f"{NAME}-rollback", boto3.client("lambda")
    try:
        for _ in range(2):
            arn = triggers.roll_back_on_alarm(rollback, NAME, alias="live")
        made = lambda_.get_function_configuration(FunctionName=rollback)
        assert made["Environment"]["Variables"] == {"FUNCTION": NAME, "ALIAS": "live"}
        rule = boto3.client("events").describe_rule(Name=rollback)
        detail = json.loads(rule["EventPattern"])["detail"]
        assert rule["Arn"] == arn and detail["alarmName"] == [{"prefix": f"{NAME}-"}]
        allowed = boto3.client("iam").get_role_policy(
            RoleName=f"{rollback}-role", PolicyName="rollback")["PolicyDocument"]["Statement"]
        assert {action for one in allowed for action in one["Action"]} == {
            "lambda:GetAlias", "lambda:UpdateAlias"}
        statement, = functions.statements(rollback)
        assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == arn
    finally:
        triggers.delete(rollback)
        deploy.delete(rollback)
    assert functions.find(rollback) is None
