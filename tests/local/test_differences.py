"""Rows of `workshop/LOCAL_CLOUD.md` that no other test shows, on the local cloud, by boto3."""
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from waiting import until
from workshop.local.rules import queues
from workshop.local.signatures import RefusedError

ACCOUNT = "012345678912"


@pytest.fixture
def queue(aws):
    """`queue(name, **attributes)` creates an SQS queue and returns its URL."""
    client, made = aws("sqs"), []

    def create(name, **attributes):
        made.append(client.create_queue(QueueName=f"workshop-test-{name}",
                                        Attributes=attributes)["QueueUrl"])
        return made[-1]
    yield create
    for url in set(made):
        client.delete_queue(QueueUrl=url)


def received(client, url, **options):
    return client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2,
                                  **options).get("Messages", [])


# The same on both

def test_a_message_comes_back_and_is_put_aside(aws, queue):
    client, aside = aws("sqs"), queue("aside")
    url = queue("work", VisibilityTimeout="1", RedrivePolicy=json.dumps({
        "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:workshop-test-aside",
        "maxReceiveCount": 2}))
    client.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert [message["Body"] for message in received(client, url)] == ["poison"]
        assert "Messages" not in client.receive_message(QueueUrl=url)     # invisible for a second
        time.sleep(1.1)
    assert received(client, url) == []
    assert [message["Body"] for message in received(client, aside)] == ["poison"]


def test_a_fifo_queue_keeps_the_order_and_drops_duplicates(aws, queue):
    client = aws("sqs")
    url = queue("orders.fifo", FifoQueue="true")
    for body in ("1", "2", "2", "3"):
        client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a",
                            MessageDeduplicationId=body)
    assert [message["Body"] for message in received(client, url)] == ["1", "2", "3"]


def test_one_of_many_writers_wins(aws):
    s3, name = aws("s3"), {"Bucket": "workshop-test-writers"}
    s3.create_bucket(**name)

    def put(condition):
        try:
            return s3.put_object(**name, Key="a", Body=b"x", **condition)["ResponseMetadata"][
                "HTTPStatusCode"]
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
    try:
        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(put, [{"IfNoneMatch": "*"}] * 8)) == [200] + [412] * 7
        tag = s3.head_object(**name, Key="a")["ETag"]
        assert [put({"IfMatch": one}) for one in (tag, '"0"')] == [200, 412]
    finally:
        s3.delete_object(**name, Key="a")
        s3.delete_bucket(**name)


@pytest.fixture
def routed(aws, queue):
    """An event bus's rule that sends orders over 10 to a queue, transformed."""
    events = aws("events")
    url = queue("routed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:workshop-test-routed"}]}))
    pattern = json.dumps({"source": ["shop"], "detail": {"amount": [{"numeric": [">", 10]}]}})
    events.put_rule(Name="workshop-test-routed", EventPattern=pattern)
    events.put_targets(Rule="workshop-test-routed", Targets=[{
        "Id": "q", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:workshop-test-routed",
        "InputTransformer": {"InputPathsMap": {"a": "$.detail.amount", "t": "$.time"},
                             "InputTemplate": '{"amount": <a>, "time": "<t>"}'}}])
    yield {"events": events, "pattern": pattern, "url": url}
    events.remove_targets(Rule="workshop-test-routed", Ids=["q"])
    events.delete_rule(Name="workshop-test-routed")


def test_a_rule_finds_and_transforms_an_entry_with_its_time(aws, routed):
    """What matches is sent, transformed; `test_event_pattern` agrees; the time is the entry's."""
    for amount in (5, 50):
        event = {"id": "1", "source": "shop", "detail-type": "order", "account": ACCOUNT,
                 "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [],
                 "detail": {"amount": amount}}
        assert routed["events"].test_event_pattern(EventPattern=routed["pattern"], Event=json.dumps(
            event))["Result"] is (amount > 10)
        assert routed["events"].put_events(Entries=[{
            "Source": "shop", "DetailType": "order", "Detail": json.dumps({"amount": amount}),
            "Time": datetime(2020, 1, 1, tzinfo=UTC)}])["FailedEntryCount"] == 0
    bodies = [json.loads(one["Body"]) for one in received(aws("sqs"), routed["url"])]
    assert [body["amount"] for body in bodies] == [50]
    assert bodies[0]["time"] == "2020-01-01T00:00:00Z"


def test_a_change_of_name_is_a_replacement(aws):
    cfn, name = aws("cloudformation"), {"StackName": "workshop-test-names"}

    def template(queue):
        return json.dumps({"Resources": {"Queue": {
            "Type": "AWS::SQS::Queue", "Properties": {"QueueName": queue}}}})
    cfn.create_stack(**name, TemplateBody=template("workshop-test-old"))
    cfn.get_waiter("stack_create_complete").wait(**name, WaiterConfig={"Delay": 1})
    try:
        cfn.create_change_set(**name, ChangeSetName="new",
                              TemplateBody=template("workshop-test-new"))
        cfn.get_waiter("change_set_create_complete").wait(**name, ChangeSetName="new",
                                                          WaiterConfig={"Delay": 1})
        change, = cfn.describe_change_set(**name, ChangeSetName="new")["Changes"]
    finally:
        cfn.delete_stack(**name)
    assert change["ResourceChange"]["Replacement"] == "True"


def test_each_region_has_its_own_things_and_no_other_region_exists(aws, queue):
    queue("here")
    there = boto3.client("sqs", region_name="eu-west-1")
    assert not there.list_queues(QueueNamePrefix="workshop-test-here").get("QueueUrls")
    assert aws("sqs").list_queues(QueueNamePrefix="workshop-test-here")["QueueUrls"]
    for service, call, code in [("sts", "get_caller_identity", "SignatureDoesNotMatch"),
                                ("lambda", "list_functions", "InvalidSignatureException"),
                                ("s3", "list_buckets", "AuthorizationHeaderMalformed")]:
        with pytest.raises(ClientError, match=code) as refused:
            getattr(boto3.client(service, region_name="mars-north-1"), call)()
        assert "region" in refused.value.response["Error"]["Message"]


def test_a_metric_without_dimensions_has_no_values_of_others(aws):
    client, now = aws("cloudwatch"), datetime.now(UTC)
    client.put_metric_data(Namespace="workshop-test", MetricData=[
        {"MetricName": "n", "Value": value, "Dimensions": dimensions} for value, dimensions in (
            (1, [{"Name": "shop", "Value": "a"}]), (2, [{"Name": "shop", "Value": "b"}]), (4, []))])
    metric = {"Namespace": "workshop-test", "MetricName": "n"}
    hours = {"StartTime": now - timedelta(hours=2), "EndTime": now + timedelta(hours=2)}
    points = client.get_metric_statistics(**metric, **hours, Statistics=["Sum"],
                                          Period=3600)["Datapoints"]
    assert sum(point["Sum"] for point in points) == 4
    data, = client.get_metric_data(**hours, MetricDataQueries=[{"Id": "a", "MetricStat": {
        "Metric": metric, "Stat": "Sum", "Period": 3600}}])["MetricDataResults"]
    assert sum(data["Values"]) == 4


@pytest.mark.parametrize("resolution, state", [(1, "ALARM"), (60, "INSUFFICIENT_DATA")])
def test_an_alarm_of_ten_seconds_needs_a_metric_by_the_second(aws, resolution, state):
    client, name = aws("cloudwatch"), f"workshop-test-fine-{resolution}"
    client.put_metric_alarm(
        AlarmName=name, Namespace=name, MetricName="x", Statistic="Sum", Period=10,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")
    client.put_metric_data(Namespace=name, MetricData=[
        {"MetricName": "x", "Value": 2, "StorageResolution": resolution}])
    time.sleep(2)
    found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]
    client.delete_alarms(AlarmNames=[name])
    assert found == state


# What differs

def test_account_and_region_are_always_the_same(aws):
    assert aws("sts").get_caller_identity()["Account"] == ACCOUNT
    assert aws("sts").meta.region_name == "us-east-1"


def test_a_deleted_queues_name_is_free_at_once(aws, queue):
    client, url = aws("sqs"), queue("gone")
    client.send_message(QueueUrl=url, MessageBody="lost")
    client.delete_queue(QueueUrl=url)
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_url(QueueName="workshop-test-gone")
    assert received(client, queue("gone")) == []


def test_a_deleted_queues_name_is_taken_as_long_as_the_setting_says(monkeypatch):
    """In this process, with the rules alone: the setting is read where the local cloud runs."""
    name = {"QueueName": "workshop-test-taken"}
    monkeypatch.setitem(queues._deleted, (queues._region(), name["QueueName"]), time.monotonic())
    queues.name_is_free(name)
    monkeypatch.setenv("WORKSHOP_QUEUE_WAIT", "60")
    with pytest.raises(RefusedError, match="QueueDeletedRecently: You must wait 60 seconds"):
        queues.name_is_free(name)
    queues.name_is_free({"QueueName": "workshop-test-another"})


def test_an_invoked_arn_lacks_the_version(probe):
    version = probe.client.publish_version(FunctionName=probe.name)["Version"]
    answer = probe.ask(qualifier=version)["payload"]
    assert answer["version"] == version and answer["arn"] == probe.arn


@pytest.fixture
def lines(aws):
    """A log group with two lines of JSON; returns its name and the client."""
    logs, name = aws("logs"), "workshop-test-lines"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="a")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=name, logStreamName="a", logEvents=[
        {"timestamp": now, "message": json.dumps({"status": status})} for status in (200, 400)])
    yield name, logs
    logs.delete_log_group(logGroupName=name)


def test_insights_computes_no_stats(lines):
    name, logs = lines
    query = logs.start_query(logGroupName=name, startTime=int(time.time()) - 60,
                             endTime=int(time.time()) + 60, queryString="stats count(*) as n")
    found = logs.get_query_results(queryId=query["queryId"])["results"]
    assert not any(field["field"] == "n" for row in found for field in row)


def test_a_budget_has_no_bill_to_compare_with(aws):
    client, name = aws("budgets"), "workshop-test-bill"
    client.create_budget(AccountId=ACCOUNT, Budget={
        "BudgetName": name, "BudgetType": "COST", "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "5", "Unit": "USD"}})
    budget = client.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    client.delete_budget(AccountId=ACCOUNT, BudgetName=name)
    assert float(budget["CalculatedSpend"]["ActualSpend"]["Amount"]) == 0


def test_metric_math_yields_nothing(aws):
    client, now = aws("cloudwatch"), datetime.now(UTC)
    client.put_metric_data(Namespace="workshop-test", MetricData=[{"MetricName": "m", "Value": 1}])
    answer = client.get_metric_data(
        StartTime=now - timedelta(hours=2), EndTime=now + timedelta(hours=2), MetricDataQueries=[
            {"Id": "a", "ReturnData": False, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
                "Namespace": "workshop-test", "MetricName": "m"}}},
            {"Id": "b", "Expression": "a * 2"}])["MetricDataResults"]
    assert [one["Values"] for one in answer if one["Id"] == "b"] in ([], [[]])


def test_an_alarm_runs_no_function(aws, new_function):
    function, client, name = new_function(), aws("cloudwatch"), "workshop-test-runs"
    client.put_metric_alarm(
        AlarmName=name, Namespace="workshop-test", MetricName="x", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[function.arn])
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    time.sleep(2)
    client.delete_alarms(AlarmNames=[name])
    assert function.containers() == []


def test_an_asynchronous_invoke_is_retried_after_seconds(new_function):
    """Lower bounds for the pauses, and a limit for both that AWS's three minutes do not meet."""
    function = new_function()
    function.client.invoke(FunctionName=function.name, InvocationType="Event",
                           Payload=json.dumps({"raise": "no"}))

    def starts():
        try:
            found = function.logs.filter_log_events(
                logGroupName=f"/aws/lambda/{function.name}", filterPattern="START")["events"]
        except function.logs.exceptions.ResourceNotFoundException:
            return []
        return sorted(one["timestamp"] for one in found) if len(found) == 3 else []
    first, second, third = until(starts, "three attempts", 60)
    assert second - first >= 1000 and third - second >= 2000


def test_no_environment_is_kept_ready(new_function):
    function = new_function()
    version = function.client.publish_version(FunctionName=function.name)["Version"]
    function.client.put_provisioned_concurrency_config(
        FunctionName=function.name, Qualifier=version, ProvisionedConcurrentExecutions=1)
    time.sleep(2)
    assert function.containers() == []
    assert "Init Duration" in function.ask(qualifier=version)["log"]
