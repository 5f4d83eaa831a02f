"""SQS queues, and event source mappings."""
import boto3
import pytest
from botocore.exceptions import ClientError

from calls import packed
from workshop.account import functions, ownership, queues

FIXED = {"PackageType": "Zip", "Runtime": "python3.13", "Handler": "a.b"}


def test_five_verbs(name, five_verbs):
    sqs = boto3.client("sqs")

    def foreign():
        url = sqs.create_queue(QueueName=name, tags={"owner": "somebody else"})["QueueUrl"]
        return lambda: sqs.delete_queue(QueueUrl=url)
    five_verbs(queues, lambda: queues.ensure(name, VisibilityTimeout="30"), foreign)


def test_a_change_is_taken_over(name):
    for seconds in ("30", "40"):
        url = queues.ensure(name, VisibilityTimeout=seconds)
    assert queues.attributes(url, "VisibilityTimeout") == ["40"]
    queues.delete(name)


def test_a_mapping_is_its_functions(name, trusted):
    functions.ensure(name, {"ZipFile": packed()}, FIXED, Role=trusted, MemorySize=128, Timeout=3)
    arn, = queues.attributes(queues.ensure(name), "QueueArn")
    boto3.client("iam").put_role_policy(
        RoleName=f"{name}-role", PolicyName="read", PolicyDocument='{"Version": "2012-10-17", '
        '"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}')
    number = queues.ensure_mapping(name, arn, BatchSize=5)
    assert queues.ensure_mapping(name, arn, BatchSize=7) == number

    def listed():
        ours = list(functions.listed(lambda one, arn="": one == name))
        return list(queues.listed_mappings(lambda one, arn="": one == name, lambda: ours))
    assert listed() == [(f"{name} to {name}", number, ownership.tags())]
    ownership.delete(queues.mapping_removals(name))
    assert listed() == []
    functions.delete(name)
    queues.delete(name)


def refusing(times, code="InvalidParameterValueException"):
    """A call that Lambda refuses so many times, because the role's right is not known yet."""
    told = "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    refusals = [ClientError({"Error": {"Code": code, "Message": told}}, "Create")] * times

    def call(**arguments):
        if refusals:
            raise refusals.pop()
        return arguments
    return call


def test_a_right_that_is_not_known_yet_is_waited_for():
    assert queues.when_allowed(refusing(2), pause=0, a=1) == {"a": 1}
    with pytest.raises(ClientError):
        queues.when_allowed(refusing(2), patience=-1, pause=0)
    with pytest.raises(ClientError):
        queues.when_allowed(refusing(1, code="ResourceNotFoundException"), pause=0)
