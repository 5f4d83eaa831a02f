"""What Lambda, SQS, EventBridge and Scheduler refuse beyond their models, with AWS's words."""
import io
import json
import time
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from waiting import until
from workshop import deploy
from workshop.local import addresses
from workshop.local.rules import cron

ACCOUNT, REGION = addresses.ACCOUNT, addresses.REGION
NAME = "workshop-test-rules"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}"
LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{NAME}"


@pytest.fixture(scope="module")
def ask(local_cloud):
    """`ask("lambda")`: a client that sends what boto3 would not send."""
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return lambda service: boto3.client(service, config=config)


def packed(text="def handler(event, context):\n    return event\n"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def worker(ask):
    """The ARN of a role that functions may take and that may do everything with queues."""
    iam, name = ask("iam"), f"{NAME}-role"
    arn = iam.create_role(RoleName=name,
                          AssumeRolePolicyDocument=deploy.policy("trust"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="queues", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}]}))
    yield arn
    iam.delete_role_policy(RoleName=name, PolicyName="queues")
    iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def world(ask, worker, role):
    """A function with versions 1 and 2 and an alias, two versions of a layer, queues, a rule."""
    lambda_, sqs, events = ask("lambda"), ask("sqs"), ask("events")
    lambda_.create_function(FunctionName=NAME, Role=worker, Runtime="python3.13", Timeout=10,
                            Handler="index.handler", Code={"ZipFile": packed()}, Publish=True)
    lambda_.get_waiter("function_active_v2").wait(FunctionName=NAME)
    lambda_.update_function_code(FunctionName=NAME, ZipFile=packed("handler = print\n"),
                                 Publish=True)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    for _ in range(2):
        lambda_.publish_layer_version(LayerName=NAME, Content={"ZipFile": packed()})
    urls = {name: sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            for name, attributes in {NAME: {"VisibilityTimeout": "30"},
                                     f"{NAME}-short": {"VisibilityTimeout": "5"}}.items()}
    events.put_rule(Name=NAME, EventPattern=json.dumps({"source": ["x"]}))
    yield urls
    lambda_.delete_function(FunctionName=NAME)
    for version in (1, 2):
        lambda_.delete_layer_version(LayerName=NAME, VersionNumber=version)
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)
    events.delete_rule(Name=NAME)


def new(**more):
    return {"FunctionName": f"{NAME}-new",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/workshop-test-role", "Runtime": "python3.13",
            "Handler": "index.handler", "Code": {"ZipFile": packed()}, **more}


def target(**more):
    return {"Rule": NAME, "Targets": [{"Id": "t1", "Arn": ARN, **more}]}


def transformer(template, **paths):
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


def schedule(expression, role=f"arn:aws:iam::{ACCOUNT}:role/workshop-test-role", **more):
    return {"Name": NAME, "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": ARN, "RoleArn": role}, **more}


MAPPING = {"EventSourceArn": QUEUE_ARN, "FunctionName": NAME}
INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
EVENT = {"id": "1", "account": ACCOUNT, "source": "x", "time": "2026-11-29T00:00:00Z",
         "region": REGION, "resources": [], "detail-type": "y", "detail": {}}
# (service, call, parameters, status, code, words of the message)
ROWS = [
    ("lambda", "create_function", new(FunctionName="a" * 65), 400, INVALID, "length less than"),
    ("lambda", "create_function", new(Code={"S3Bucket": "workshop-test-none", "S3Key": "k"}), 400,
     INVALID, "S3 Error Code: NoSuchBucket"),
    ("lambda", "create_function", new(Layers=[f"{LAYER}:1", f"{LAYER}:2"]), 400, INVALID,
     "Two different versions of the same layer"),
    ("lambda", "create_function", new(Layers=[f"{LAYER}:9"]), 400, INVALID, "does not exist"),
    ("lambda", "create_function", new(Handler=None), 400, INVALID, "Handler is mandatory"),
    ("lambda", "create_function", new(Tags={f"k{n}": "v" for n in range(51)}), 400, INVALID,
     "Number of tags exceeds"),
    ("lambda", "create_function", new(DeadLetterConfig={"TargetArn": QUEUE_ARN + "-none"}), 400,
     INVALID, "SendMessage on SQS"),
    ("lambda", "update_function_configuration",
     {"FunctionName": NAME, "Layers": [f"{LAYER}:1", f"{LAYER}:2"]}, 400, INVALID,
     f"{LAYER}:2 and {LAYER}:1 are versions"),
    ("lambda", "publish_version", {"FunctionName": NAME, "RevisionId": "wrong"}, 412,
     "PreconditionFailedException", "does not match the latest"),
    ("lambda", "publish_version", {"FunctionName": NAME, "CodeSha256": "wrong"}, 400, INVALID,
     "is different from current CodeSHA256"),
    ("lambda", "delete_function", {"FunctionName": NAME, "Qualifier": "$LATEST"}, 400, INVALID,
     "cannot be deleted without deleting the function"),
    ("lambda", "create_alias", {"FunctionName": NAME, "Name": "new", "FunctionVersion": "10"}, 404,
     "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ("lambda", "update_alias", {"FunctionName": NAME, "Name": "live", "FunctionVersion": "10"}, 404,
     "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ("lambda", "update_alias", {"FunctionName": NAME, "Name": "live", "RoutingConfig": {
        "AdditionalVersionWeights": {"1": 0.1}}}, 400, INVALID, "already included"),
    ("lambda", "create_alias", {
        "FunctionName": NAME, "Name": "new", "FunctionVersion": "$LATEST", "RoutingConfig": {
            "AdditionalVersionWeights": {"1": 0.1}}}, 400, INVALID, "$LATEST is not supported"),
    ("lambda", "put_function_concurrency",
     {"FunctionName": NAME, "ReservedConcurrentExecutions": 901}, 400, INVALID, "[100]"),
    ("lambda", "put_provisioned_concurrency_config", {
        "FunctionName": NAME, "Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}, 400,
     INVALID, "unpublished function versions"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME}, 400, INVALID,
     "at least one of"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME, "DestinationConfig": {
        "OnFailure": {"Destination": ARN + "-none"}}}, 400, INVALID, f"{ARN}-none is invalid"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME, "DestinationConfig": {
        "OnFailure": {"Destination": QUEUE_ARN + "-none"}}}, 400, INVALID, "-none is invalid"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME, "DestinationConfig": {
        "OnSuccess": {"Destination": ARN}}}, 400, INVALID, "as a destination for itself"),
    ("lambda", "create_event_source_mapping", MAPPING | {"FunctionName": "none"}, 400, INVALID,
     "Function does not exist"),
    ("lambda", "create_event_source_mapping", MAPPING | {"EventSourceArn": QUEUE_ARN + "-none"},
     400, INVALID, "NonExistentQueue"),
    ("lambda", "create_event_source_mapping", MAPPING | {"EventSourceArn": QUEUE_ARN + "-short"},
     400, INVALID, "timeout: 5 seconds is less than Function timeout: 10 seconds"),
    ("lambda", "create_event_source_mapping", MAPPING | {"BatchSize": 100}, 400, INVALID,
     "Maximum batch window in seconds must be greater than 0"),
    ("lambda", "create_event_source_mapping",
     MAPPING | {"FilterCriteria": {"Filters": [{"Pattern": "plain"}]}}, 400, INVALID,
     "Invalid filter pattern"),
    ("lambda", "create_event_source_mapping",
     MAPPING | {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "x"}'}]}}, 400, INVALID,
     "Invalid filter pattern"),
    ("lambda", "create_event_source_mapping", MAPPING | {"StartingPosition": "LATEST"}, 400,
     INVALID, "StartingPosition is not valid"),
    ("lambda", "add_permission", {
        "FunctionName": NAME, "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "*", "Qualifier": "$LATEST"}, 400, INVALID, "policies for $LATEST"),
    ("lambda", "add_permission", {
        "FunctionName": NAME, "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "somebody"}, 400, INVALID, "principal was invalid"),
    ("lambda", "tag_resource", {"Resource": ARN + ":1", "Tags": {"a": "b"}}, 400, INVALID,
     "aliases and versions are not supported"),
    ("lambda", "tag_resource", {"Resource": ARN, "Tags": {f"k{n}": "v" for n in range(51)}}, 400,
     INVALID, "Number of tags exceeds"),
    ("lambda", "tag_resource", {"Resource": ARN, "Tags": {"aws:x": "b"}}, 400, INVALID, "aws:"),
    ("lambda", "invoke", {"FunctionName": NAME, "Payload": b"\x87\x88"}, 400,
     "InvalidRequestContentException", "Could not parse request body into json"),
    ("lambda", "invoke", {"FunctionName": NAME, "Payload": b"hello"}, 400,
     "InvalidRequestContentException", "Could not parse request body into json"),
    ("events", "put_rule", {"Name": NAME + "-x", "ScheduleExpression": "cron(71 8 1 * ? *)"}, 400,
     VALIDATION, "Parameter ScheduleExpression is not valid."),
    ("events", "put_rule", {"Name": NAME + "-x", "ScheduleExpression": "rate(1 minutes)"}, 400,
     VALIDATION, "Parameter ScheduleExpression is not valid."),
    ("events", "put_rule", {"Name": NAME + "-x", "ScheduleExpression": "rate(5 minutes)",
                            "EventBusName": "mine"}, 400, VALIDATION, "default event bus"),
    ("events", "put_rule", {"Name": NAME + "-x"}, 400, VALIDATION, "must be specified"),
    ("events", "put_targets", {"Rule": NAME, "Targets": [{"Id": f"t{n}", "Arn": ARN}
                                                         for n in range(6)]}, 400,
     "LimitExceededException", "exceeds the maximum number"),
    ("events", "put_targets", target(Input="{}", InputPath="$.detail"), 400, VALIDATION,
     "Only one of Input, InputPath, or InputTransformer must be provided for target t1."),
    ("events", "put_targets", target(Input="{"), 400, VALIDATION, "JSON syntax error"),
    ("events", "put_targets", target(**transformer('{"a": <missing>}', there="$.detail")), 400,
     VALIDATION, "contains invalid placeholder missing"),
    ("events", "put_events", {"Entries": [{"Source": "x", "DetailType": "y", "Detail": json.dumps(
        {"a": "b" * 1024 * 1024})}]}, 400, VALIDATION, "Total size of the entries"),
    ("events", "test_event_pattern", {"EventPattern": '{"source": ["x"]}', "Event": "[]"}, 400,
     VALIDATION, "Parameter Event is not valid."),
    ("events", "test_event_pattern", {"EventPattern": '{"source": ["x"]}',
                                      "Event": '{"source": "x"}'}, 400, VALIDATION, "Event"),
    ("scheduler", "create_schedule", schedule("at(2021-12-31T23:59:59Z)"), 400, VALIDATION,
     "Invalid Schedule Expression at(2021-12-31T23:59:59Z)."),
    ("scheduler", "create_schedule", schedule("cron(0 1 * * * *)"), 400, VALIDATION,
     "Invalid Schedule Expression cron(0 1 * * * *)."),
    ("scheduler", "create_schedule", schedule("rate(5 minutes)"), 400, VALIDATION,
     "must allow AWS EventBridge Scheduler to assume the role"),
    ("scheduler", "create_schedule", schedule("rate(5 minutes)",
                                              ScheduleExpressionTimezone="Mars/Olympus"), 400,
     VALIDATION, "Timezone"),
    ("sqs", "receive_message", {"QueueUrl": NAME, "WaitTimeSeconds": 21}, 400,
     "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be "
                              ">= 0 and <= 20, if provided."),
    ("sqs", "receive_message", {"QueueUrl": NAME, "MaxNumberOfMessages": 11}, 400,
     "InvalidParameterValue", "Must be >= 1 and <= 10"),
    ("sqs", "create_queue", {"QueueName": "a b"}, 400, "InvalidParameterValue",
     "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"),
    ("sqs", "create_queue", {"QueueName": NAME + "-x", "Attributes": {"RedrivePolicy": json.dumps({
        "deadLetterTargetArn": QUEUE_ARN + "-nope", "maxReceiveCount": 3})}}, 400,
     "InvalidParameterValue", "Reason: Dead letter target does not exist."),
    ("sqs", "create_queue", {"QueueName": NAME + "-x", "Attributes": {"FifoQueue": "false"}}, 400,
     "InvalidAttributeName", "Unknown Attribute FifoQueue."),
    ("sqs", "create_queue", {"QueueName": NAME + "-x", "Attributes": {"DelaySeconds": "901"}}, 400,
     "InvalidAttributeValue", "DelaySeconds"),
]


@pytest.mark.parametrize("service, call, parameters, status, code, words", ROWS,
                         ids=[f"{call}-{words[:40]}" for _, call, _, _, _, words in ROWS])
def test_a_call_is_refused_as_on_aws(ask, world, service, call, parameters, status, code, words):
    if service == "sqs" and parameters.get("QueueUrl") == NAME:
        parameters = parameters | {"QueueUrl": world[NAME]}
    with pytest.raises(ClientError) as refused:
        getattr(ask(service), call)(**{key: one for key, one in parameters.items()
                                       if one is not None})
    answer = refused.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (status, code)
    assert words in answer["Error"]["Message"]


def test_code_from_a_key_that_is_not_there(ask, world):
    s3 = ask("s3")
    s3.create_bucket(Bucket=NAME)
    try:
        with pytest.raises(ClientError, match="S3 Error Code: NoSuchKey. S3 Error Message: The"):
            ask("lambda").create_function(**new(Code={"S3Bucket": NAME, "S3Key": "none.zip"}))
    finally:
        s3.delete_bucket(Bucket=NAME)


def test_a_mapping_is_being_made_and_is_made_once(ask, world):
    lambda_ = ask("lambda")
    made = lambda_.create_event_source_mapping(**MAPPING)
    try:
        assert made["State"] == "Creating"
        assert lambda_.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"
        with pytest.raises(ClientError, match=f"ResourceConflictException.*{made['UUID']}"):
            lambda_.create_event_source_mapping(**MAPPING)
    finally:
        lambda_.delete_event_source_mapping(UUID=made["UUID"])


def test_what_may_be_reserved_may_be_reserved(ask, world):
    lambda_ = ask("lambda")
    assert lambda_.put_function_concurrency(
        FunctionName=NAME, ReservedConcurrentExecutions=900)["ReservedConcurrentExecutions"] == 900
    lambda_.delete_function_concurrency(FunctionName=NAME)


def test_an_alias_that_is_not_there_can_be_deleted(ask, world):
    answer = ask("lambda").delete_alias(FunctionName=NAME, Name="none")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_all_versions_are_listed_with_their_own_arns(ask, world):
    arns = [one["FunctionArn"] for page in ask("lambda").get_paginator("list_functions").paginate(
                FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
            for one in page["Functions"]]
    assert [one for one in arns if one.startswith(ARN + ":")] == [
        f"{ARN}:$LATEST", f"{ARN}:1", f"{ARN}:2"]


def test_an_entry_that_is_wrong_fails_alone(ask, world):
    good = {"Source": "x", "DetailType": "y", "Detail": "{}"}
    answer = ask("events").put_events(Entries=[
        {"DetailType": "y", "Detail": "{}"}, good, good | {"Detail": "no JSON"},
        {"Source": "x", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 3
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        "InvalidArgument", None, "MalformedDetail", "InvalidArgument"]
    assert answer["Entries"][0]["ErrorMessage"] == (
        "Parameter Source is not valid. Reason: Source is a required argument.")
    assert answer["Entries"][1]["EventId"]


def test_a_queue_is_purged_once_a_minute(ask, world):
    sqs = ask("sqs")
    sqs.purge_queue(QueueUrl=world[NAME])
    with pytest.raises(ClientError) as refused:
        sqs.purge_queue(QueueUrl=world[NAME])
    answer = refused.value.response
    assert answer["Error"]["Code"] == "AWS.SimpleQueueService.PurgeQueueInProgress"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert f"on {NAME} is allowed every 60 seconds." in answer["Error"]["Message"]


def test_a_receipt_of_a_fifo_queue_expires(ask):
    sqs = ask("sqs")
    url = sqs.create_queue(QueueName=f"{NAME}.fifo", Attributes={
        "FifoQueue": "true", "VisibilityTimeout": "1"})["QueueUrl"]
    try:
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g",
                         MessageDeduplicationId="d")
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        time.sleep(1.2)
        with pytest.raises(ClientError, match="Reason: The receipt handle has expired"):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    finally:
        sqs.delete_queue(QueueUrl=url)


REPORTS = {"no itemIdentifier": [{"id": "x"}], "an empty one": [{"itemIdentifier": ""}],
           "one that is not in the batch": [{"itemIdentifier": "none"}]}


@pytest.mark.parametrize("failures", REPORTS.values(), ids=REPORTS)
def test_a_report_that_names_no_message_fails_the_batch(ask, docker_engine, worker, failures):
    lambda_, sqs = ask("lambda"), ask("sqs")
    name = f"{NAME}-batch"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "3", "RedrivePolicy":
        json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"})})["QueueUrl"]
    text = f"def handler(event, context):\n    return {{'batchItemFailures': {failures!r}}}\n"
    lambda_.create_function(**new(FunctionName=name, Role=worker, Code={"ZipFile": packed(text)}))
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    mapping = lambda_.create_event_source_mapping(
        FunctionName=name, EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        FunctionResponseTypes=["ReportBatchItemFailures"])["UUID"]
    try:
        sqs.send_message(QueueUrl=url, MessageBody="x")
        found = until(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"),
                      "the message is in the dead-letter queue")
        assert [one["Body"] for one in found] == ["x"]
    finally:
        lambda_.delete_event_source_mapping(UUID=mapping)
        lambda_.delete_function(FunctionName=name)
        for one in (url, dead):
            sqs.delete_queue(QueueUrl=one)


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
