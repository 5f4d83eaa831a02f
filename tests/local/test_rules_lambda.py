"""What Lambda, SQS, EventBridge and Scheduler refuse beyond their models, with AWS's words.

Refusals that others recorded on AWS are in `test_aws_answers.py`; these are their siblings.
"""
import pytest

from calls import (
    ACCOUNT,
    ARN,
    LAYER,
    MAPPING,
    NAME,
    QUEUE_ARN,
    REGION,
    Of,
    expect,
    known,
    new,
    schedule,
    target,
)
from workshop.local.rules import cron

INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
EVENT = {"id": "1", "account": ACCOUNT, "source": "x", "time": "2026-11-29T00:00:00Z",
         "region": REGION, "resources": [], "detail-type": "y", "detail": {}}
# (service, call, parameters, status, code, words of the message)
ROWS = [
    ("lambda", "create_function", new(Code={"S3Bucket": "workshop-test-none", "S3Key": "k"}), 400,
     INVALID, "S3 Error Code: NoSuchBucket"),
    ("lambda", "create_function", new(Layers=[Of("layer 1"), Of("layer 2")]), 400, INVALID,
     rf"{LAYER}:\d+ and {LAYER}:\d+ are versions"),
    ("lambda", "create_function", new(Layers=[f"{LAYER}:99"]), 400, INVALID, "does not exist"),
    ("lambda", "create_function", new(Handler=None), 400, INVALID, "Handler is mandatory"),
    ("lambda", "create_function", new(Tags={f"k{n}": "v" for n in range(51)}), 400, INVALID,
     "Number of tags exceeds"),
    ("lambda", "create_function", new(DeadLetterConfig={"TargetArn": QUEUE_ARN + "-none"}), 400,
     INVALID, "SendMessage on SQS"),
    ("lambda", "publish_version", {"FunctionName": NAME, "CodeSha256": "wrong"}, 400, INVALID,
     "is different from current CodeSHA256"),
    ("lambda", "update_alias", {"FunctionName": NAME, "Name": "live", "FunctionVersion": "10"}, 404,
     "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ("lambda", "update_alias", {"FunctionName": NAME, "Name": "live", "RoutingConfig": {
        "AdditionalVersionWeights": {"1": 0.1}}}, 400, INVALID, "already included"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME, "DestinationConfig": {
        "OnFailure": {"Destination": QUEUE_ARN + "-none"}}}, 400, INVALID, "-none is invalid"),
    ("lambda", "create_event_source_mapping", MAPPING | {"EventSourceArn": QUEUE_ARN + "-none"},
     400, INVALID, "NonExistentQueue"),
    ("lambda", "create_event_source_mapping", MAPPING | {"BatchSize": 100}, 400, INVALID,
     "Maximum batch window in seconds must be greater than 0"),
    ("lambda", "create_event_source_mapping",
     MAPPING | {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "x"}'}]}}, 400, INVALID,
     "Invalid filter pattern"),
    ("lambda", "create_event_source_mapping", MAPPING | {"StartingPosition": "LATEST"}, 400,
     INVALID, "StartingPosition is not valid"),
    ("lambda", "tag_resource", {"Resource": ARN, "Tags": {"aws:x": "b"}}, 400, INVALID, "aws:"),
    ("events", "put_rule", {"Name": NAME + "-x"}, 400, VALIDATION, "must be specified"),
    ("events", "put_targets", target(Input="{"), 400, VALIDATION, "JSON syntax error"),
    ("events", "test_event_pattern", {"EventPattern": '{"source": ["x"]}',
                                      "Event": '{"source": "x"}'}, 400, VALIDATION, "Event"),
    ("scheduler", "create_schedule", schedule("rate(5 minutes)",
                                              ScheduleExpressionTimezone="Mars/Olympus"), 400,
     VALIDATION, "Timezone"),
    ("sqs", "create_queue", {"QueueName": "a b"}, 400, "InvalidParameterValue",
     "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"),
    ("sqs", "create_queue", {"QueueName": NAME + "-x", "Attributes": {"DelaySeconds": "901"}}, 400,
     "InvalidAttributeValue", "DelaySeconds"),
]


@pytest.mark.parametrize("service, call, parameters, status, code, words", ROWS,
                         ids=[f"{call}-{words[:40]}" for _, call, _, _, _, words in ROWS])
def test_a_call_is_refused_as_on_aws(world, service, call, parameters, status, code, words):
    expect(service, call, known(parameters, world), code, status, words)


def test_what_may_be_reserved_may_be_reserved(ask, world):
    lambda_ = ask("lambda")
    assert lambda_.put_function_concurrency(
        FunctionName=NAME, ReservedConcurrentExecutions=900)["ReservedConcurrentExecutions"] == 900
    lambda_.delete_function_concurrency(FunctionName=NAME)


# Schedule expressions, from AWS's user guides and against them

@pytest.mark.parametrize("text", [
    "cron(0 10 * * ? *)", "cron(15 12 * * ? *)", "cron(0 18 ? * MON-FRI *)",
    "cron(0 8 1 * ? *)", "cron(0/15 * * * ? *)", "cron(0/10 * ? * MON-FRI *)",
    "cron(0/5 8-17 ? * MON-FRI *)", "cron(0 9 ? * 2#1 *)", "cron(15 10 ? * 6L 2026-2030)",
    "cron(0 0 L * ? *)", "cron(0 0 LW * ? *)", "cron(0 0 3W * ? *)",
    "cron(0,30 * ? JAN,jul SUN *)"])
def test_a_cron_expression(text):
    assert cron.is_cron(text)


@pytest.mark.parametrize("text", [
    "cron(71 8 1 * ? *)", "cron(0 1 * * * *)", "cron(0 1 ? * ? *)", "cron(0 24 * * ? *)",
    "cron(0 8 32 * ? *)", "cron(0 8 * 13 ? *)", "cron(0 8 ? * 8 *)", "cron(0 8 * * ?)",
    "cron(0 8 * * ? 1969)", "cron(0/0 8 * * ? *)", "cron(a 8 * * ? *)", "0 8 * * ? *", "cron()"])
def test_no_cron_expression(text):
    assert not cron.is_cron(text)


@pytest.mark.parametrize("text, right", [
    ("rate(1 minute)", True), ("rate(5 minutes)", True), ("rate(12 hours)", True),
    ("rate(1 minutes)", False), ("rate(5 minute)", False), ("rate(0 minutes)", False),
    ("rate(5 weeks)", False), ("rate(-1 days)", False), ("every 5 minutes", False)])
def test_a_rate(text, right):
    assert cron.is_rate(text) == right
