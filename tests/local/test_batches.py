"""Batches of an SQS mapping with a window."""
import json
import time
import uuid

import pytest

from calls import packed
from workshop.local import limits
from workshop.local.patches import batches

CODE = """
def lambda_handler(event, context):
    print("batch of", len(event["Records"]))
"""


@pytest.fixture
def mapped(new_function, events_role, aws):
    """`mapped(size, window)`: the address of a queue and a function that reads it so."""
    made, sqs, client = [], aws("sqs"), aws("lambda")

    def create(size, window):
        function = new_function(Role=events_role, Runtime="python3.13", Timeout=10,
                                Handler="index.lambda_handler",
                                Code={"ZipFile": packed(CODE)})
        function.ask(Records=[])        # warm: only the window is waited for
        url = sqs.create_queue(QueueName=f"workshop-test-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        mapping = client.create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=arn["QueueArn"], BatchSize=size,
            MaximumBatchingWindowInSeconds=window)
        made.append((url, mapping["UUID"]))
        return url, function
    yield create
    for url, number in made:
        client.delete_event_source_mapping(UUID=number)
        sqs.delete_queue(QueueUrl=url)


def send(aws, url, number):
    for start in range(0, number, 10):
        aws("sqs").send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(one), "MessageBody": json.dumps(one)}
            for one in range(start, min(start + 10, number))])


def sizes(aws, function, number, patience=90):
    """The sizes of a function's batches, once they hold so many messages."""
    deadline = time.monotonic() + patience
    while True:
        events = aws("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{function.name}", filterPattern="batch")["events"]
        found = [int(event["message"].split()[-1]) for event in events]
        if sum(found) >= number or time.monotonic() > deadline:
            return [one for one in found if one]
        time.sleep(0.2)


def test_a_window_gathers_more_than_ten_messages(aws, mapped):
    url, function = mapped(100, 6)
    began = time.monotonic()
    send(aws, url, 25)
    assert sizes(aws, function, 25) == [25]
    assert time.monotonic() - began > 6


def test_a_full_batch_does_not_wait_for_its_window(aws, mapped):
    url, function = mapped(20, 300)
    send(aws, url, 40)
    assert sizes(aws, function, 40) == [20, 20]


def test_messages_that_wait_for_a_window_are_visible(aws, mapped):
    url, _function = mapped(10, 300)
    send(aws, url, 3)
    time.sleep(2)
    counted = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "3"
    assert counted["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_batch_is_no_larger_than_a_request():
    large = {"body": "x" * (limits.REQUEST // 4)}
    assert batches.fitting([large] * 5) == 3
    assert batches.fitting([{"body": "x" * 2 * limits.REQUEST}]) == 1
    assert batches.fitting([{"body": "x"}] * 50) == 50
