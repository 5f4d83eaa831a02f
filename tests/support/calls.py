"""Calls that are right, for tests that change one thing in them and look at AWS's refusal.

Each function returns (service, call, parameters) unless it says otherwise.
"""
import io
import json
import re
import time
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from workshop.local import addresses

ACCOUNT, REGION = addresses.ACCOUNT, addresses.REGION
NAME = "workshop-test-rules"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
NOT_THERE = ARN + "-not-there"
URI = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{NOT_THERE}/invocations"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}"
LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{NAME}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/workshop-test-role"     # of the fixture `role`
NOW = 1_767_225_600     # seconds, 2026-01-01


class Of(str):
    """In parameters: what the fixture `world` has under this name."""


def known(value, world: dict):
    """Parameters with the world's things in place of their names; None leaves a member out."""
    if isinstance(value, Of):
        return world[value]
    if isinstance(value, dict):
        return {key: known(part, world) for key, part in value.items() if part is not None}
    return [known(part, world) for part in value] if isinstance(value, list) else value


def client(service: str):
    """A client that sends once, also what boto3 itself would refuse."""
    return boto3.client(service, config=Config(parameter_validation=False,
                                               retries={"total_max_attempts": 1}))


def refused(service: str, call: str, parameters: dict) -> tuple[int, str, str]:
    """(status, code, message) of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        getattr(client(service), call)(**parameters)
    answer = caught.value.response
    return (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"],
            answer["Error"].get("Message", ""))


def like(message: str, found: str) -> bool:
    """Whether a message is the one that is awaited; `…` in it stands for any text."""
    return bool(re.fullmatch(".*".join(map(re.escape, message.split("…"))), found, re.DOTALL))


def expect(service, call, parameters, code, status, words):
    """The call is refused so; words: a regular expression that is found in the message."""
    found = refused(service, call, parameters)
    assert found[:2] == (status, code), found
    assert re.search(words, found[2], re.DOTALL), found[2]


# ---------------------------------------------------------------- Lambda and events

def packed(text="def handler(event, context):\n    return event\n") -> bytes:
    """A zip file with `index.py`, which every user may read."""
    buffer, entry = io.BytesIO(), zipfile.ZipInfo("index.py")
    entry.external_attr = 0o644 << 16
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, text)
    return buffer.getvalue()


def new(**more) -> dict:
    """Parameters of `create_function`."""
    return {"FunctionName": f"{NAME}-new", "Role": ROLE, "Runtime": "python3.13",
            "Handler": "index.handler", "Code": {"ZipFile": packed()}, **more}


def target(**more) -> dict:
    """Parameters of `put_targets`."""
    return {"Rule": NAME, "Targets": [{"Id": "t1", "Arn": ARN, **more}]}


def transformer(template, **paths) -> dict:
    """A part of a target."""
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


def schedule(expression, role=ROLE, **more) -> dict:
    """Parameters of `create_schedule`."""
    return {"Name": NAME, "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": ARN, "RoleArn": role}, **more}


MAPPING = {"EventSourceArn": QUEUE_ARN + "-free", "FunctionName": NAME}


# ---------------------------------------------------------------- policies

def policy(**change) -> str:
    """A policy document of one statement; None leaves an element out."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **change}
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {key: value for key, value in statement.items() if value is not None}]})


TRUST = policy(Action="sts:AssumeRole", Resource=None,
               Principal={"Service": "lambda.amazonaws.com"})


def role(text, call="create_role") -> dict:
    """Parameters of `create_role` or `put_role_policy`."""
    key = "AssumeRolePolicyDocument" if call == "create_role" else "PolicyDocument"
    own = {} if call == "create_role" else {"PolicyName": "p"}
    return {"RoleName": f"{NAME}-new" if call == "create_role" else NAME, key: text, **own}


def inline(**change):
    return ("iam", "put_role_policy", role(policy(**change), "put_role_policy"))


def trust(**change):
    return ("iam", "create_role", role(json.dumps(
        {"Version": "2012-10-17", "Statement": [{**json.loads(TRUST)["Statement"][0], **change}]})))


# ---------------------------------------------------------------- CloudWatch, Logs, stacks, ECR, S3

ALARM = {"AlarmName": NAME, "EvaluationPeriods": 1, "Period": 60, "Threshold": 1.0,
         "ComparisonOperator": "GreaterThanThreshold", "Namespace": "N", "MetricName": "m",
         "Statistic": "Sum"}
HOUR = {"Namespace": "N", "MetricName": "m", "Statistics": ["Sum"], "StartTime": NOW,
        "EndTime": NOW + 3600, "Period": 60}
TOPIC = {"Type": "AWS::SNS::Topic"}
STACK_ROLE = {"Type": "AWS::IAM::Role",
              "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)}}


def datum(**values):
    return ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [
        {"MetricName": "m", **values}]})


def alarm(**change):
    return ("cloudwatch", "put_metric_alarm", {**ALARM, **change})


def statistics(**change):
    return ("cloudwatch", "get_metric_statistics", {**HOUR, **change})


def logged(*events):
    return ("logs", "put_log_events", {"logGroupName": NAME, "logStreamName": "s", "logEvents": [
        {"timestamp": when, "message": text} for when, text in events]})


def stack(resources, call="create_stack", **more):
    return ("cloudformation", call, {"StackName": f"{NAME}-new", "TemplateBody": json.dumps(
        {**({"Resources": resources} if resources is not None else {}), **more})})


def expire(**selection):
    rule = {"rulePriority": 1, "action": {"type": "expire"}, "selection": {
        "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1, **selection}}
    return ("ecr", "put_lifecycle_policy", {
        "repositoryName": NAME, "lifecyclePolicyText": json.dumps({"rules": [rule]})})


def written(**more):
    return ("s3", "put_object", {"Bucket": NAME, "Key": "k", "Body": b"", **more})


def noticed(*configurations):
    return ("s3", "put_bucket_notification_configuration", {
        "Bucket": NAME, "NotificationConfiguration": {"LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": NOT_THERE, "Events": ["s3:ObjectCreated:*"], **one}
            for one in configurations]}})


def milliseconds(days=0) -> int:
    """A time of a log event, `days` ago."""
    return int((time.time() - days * 86_400) * 1000)
