"""A function that feeds its own trigger is stopped after 16 rounds, as on AWS."""
import json
import time
import uuid

import pytest

from calls import packed
from workshop.local import lineage
from workshop.local.patches import loops

CODE = """
import json, os
import boto3
def lambda_handler(event, context):
    kind, target = os.environ["FEEDS"], os.environ["TARGET"]
    client = boto3.client(kind)
    if kind == "sqs":
        client.send_message(QueueUrl=target, MessageBody="again")
    elif kind == "sns":
        client.publish(TopicArn=target, Message="again")
    elif kind == "s3":
        client.put_object(Bucket=target, Key="in/" + context.aws_request_id, Body=b"again")
    else:
        return client.invoke(FunctionName=target, InvocationType=os.environ["HOW"],
                             Payload=json.dumps({}))["StatusCode"]
"""


@pytest.fixture
def feeding(new_function, events_role):
    """`feeding(kind, target, **variables)`: a function that sends to this target."""
    def create(kind, target, **variables):
        return new_function(
            Role=events_role, Runtime="python3.13", Handler="index.lambda_handler",
            MemorySize=1769, Timeout=30, Code={"ZipFile": packed(CODE)},
            Environment={"Variables": {"FEEDS": kind, "TARGET": target, **variables}})
    return create


@pytest.fixture
def queue(aws):
    """`queue(name, **attributes)` makes a queue: its address and its ARN."""
    made, client = [], aws("sqs")

    def create(**attributes):
        url = client.create_queue(QueueName=f"workshop-test-{uuid.uuid4().hex[:8]}",
                                  Attributes=attributes)["QueueUrl"]
        made.append(url)
        return url, client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    yield create
    for url in made:
        client.delete_queue(QueueUrl=url)


def total(aws, function, metric) -> float:
    """The sum of a function's metric."""
    now = time.time()
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName=metric, Period=3600, StartTime=now - 3600,
        EndTime=now + 60, Statistics=["Sum"],
        Dimensions=[{"Name": "FunctionName", "Value": function.name}])["Datapoints"]
    return sum(point["Sum"] for point in points)


def settled(aws, function, patience=120) -> tuple[float, float]:
    """(runs, dropped invokes) of a function, once one was dropped and no more run."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and not total(aws, function, "RecursiveInvocationsDropped"):
        time.sleep(0.5)
    time.sleep(3)
    return tuple(total(aws, function, one) for one in ("Invocations",
                                                       "RecursiveInvocationsDropped"))


def test_a_loop_through_sqs_is_stopped_and_its_message_put_aside(aws, feeding, queue):
    dead, dead_arn = queue()
    url, arn = queue(VisibilityTimeout="30", RedrivePolicy=json.dumps(
        {"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1}))
    function = feeding("sqs", url)
    mapping = aws("lambda").create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=arn, BatchSize=1)
    try:
        aws("sqs").send_message(QueueUrl=url, MessageBody="first")
        assert settled(aws, function) == (16, 1)
        deadline = time.monotonic() + 60
        put_aside = []
        while not put_aside and time.monotonic() < deadline:
            aws("sqs").receive_message(QueueUrl=url)    # moves what was received too often
            put_aside = aws("sqs").receive_message(
                QueueUrl=dead, WaitTimeSeconds=1, AttributeNames=["All"]).get("Messages", [])
        assert [message["Body"] for message in put_aside] == ["again"]
        assert "Lineage" not in put_aside[0]["Attributes"]
        aws("sqs").send_message(QueueUrl=url, MessageBody="another chain")
        deadline = time.monotonic() + 120
        while total(aws, function, "Invocations") < 32 and time.monotonic() < deadline:
            time.sleep(0.5)
        assert total(aws, function, "Invocations") == 32
    finally:
        aws("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_loop_through_sns_is_stopped_and_its_destination_told(aws, feeding, queue):
    sns = aws("sns")
    topic = sns.create_topic(Name=f"workshop-test-{uuid.uuid4().hex[:8]}")["TopicArn"]
    url, arn = queue()
    function = feeding("sns", topic)
    function.permit("sns.amazonaws.com", topic)
    aws("lambda").put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnFailure": {"Destination": arn}})
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function.arn)
    try:
        sns.publish(TopicArn=topic, Message="first")
        assert settled(aws, function) == (16, 1)
        message, = aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        told = json.loads(message["Body"])
        assert told["requestPayload"]["Records"][0]["Sns"]["Message"] == "again"
        assert told["responsePayload"]["errorType"] == "RecursiveInvocationException"
    finally:
        sns.delete_topic(TopicArn=topic)


def test_a_loop_through_a_bucket_is_stopped(aws, feeding):
    s3, bucket = aws("s3"), f"workshop-test-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    function = feeding("s3", bucket)
    function.permit("s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function.arn,
                                          "Events": ["s3:ObjectCreated:*"]}]})
    try:
        s3.put_object(Bucket=bucket, Key="in/first", Body=b"")
        assert settled(aws, function) == (16, 1)
    finally:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"])
        s3.delete_bucket(Bucket=bucket)


def test_allow_lets_a_loop_go_on(aws, feeding):
    """Of a function that invokes itself, more than 16 invokes run; then it is stopped again."""
    client = aws("lambda")
    function = feeding("lambda", "later", HOW="Event")
    function.configure(Environment={"Variables": {
        "FEEDS": "lambda", "TARGET": function.name, "HOW": "Event"}})
    assert client.get_function_recursion_config(
        FunctionName=function.name)["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Allow")
    client.invoke(FunctionName=function.name, InvocationType="Event")
    deadline = time.monotonic() + 120
    while total(aws, function, "Invocations") < 20 and time.monotonic() < deadline:
        time.sleep(0.2)
    client.put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Terminate")
    runs, dropped = settled(aws, function)
    assert runs >= 20 and dropped == 1


# Without a function

def test_the_seventeenth_invoke_that_somebody_waits_for_is_an_exception(monkeypatch):
    dropped = []
    monkeypatch.setattr(loops.metrics, "record", lambda *figures: dropped.append(figures))
    with lineage.of({"f": loops.ROUNDS - 1}):
        assert not loops.is_loop("f")
    with lineage.of({"f": loops.ROUNDS, "g": 1}):
        assert loops.is_loop("f") and not loops.is_loop("g")
    assert len(dropped) == 1


def test_an_environments_key_tells_what_its_call_belongs_to():
    with lineage.of({"f": 3}), lineage.carried_by("ASIA1"):
        lineage.enter("ASIA2")
        assert lineage.current.get() == {}
        lineage.enter("ASIA1")
        assert lineage.current.get() == {"f": 3}
    lineage.enter("ASIA1")
    assert lineage.current.get() == {}


def test_a_batch_continues_the_longest_of_its_chains():
    assert lineage.longest([{"f": 2, "g": 1}, {"f": 1, "h": 4}, {}]) == {"f": 2, "g": 1, "h": 4}
