"""What SNS refuses beyond its model, with AWS's words."""
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

NAME = "workshop-test-rules-topic"


@pytest.fixture(scope="module")
def sns(local_cloud):
    return boto3.client("sns", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(scope="module")
def topic(sns):
    arn = sns.create_topic(Name=NAME)["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.mark.parametrize(("call", "asked", "words"), [
    ("create_topic", {"Name": "no spaces"}, "Topic Name"),
    ("create_topic", {"Name": "a" * 257}, "Topic Name"),
    ("subscribe", {"Protocol": "pigeon", "Endpoint": "x"}, "this protocol string: pigeon"),
    ("publish", {"Message": ""}, "Empty message"),
    ("publish", {"Message": "a" * (256 * 1024 + 1)}, "Message too long"),
    ("publish", {"Message": "a", "Subject": "a" * 101}, "Subject"),
    ("publish", {"Message": "a", "MessageStructure": "json"}, "failed to parse"),
    ("publish", {"Message": "{}", "MessageStructure": "json"}, "No default entry"),
])
def test_sns_refuses(sns, topic, call, asked, words):
    if call != "create_topic":
        asked = {"TopicArn": topic, **asked}
    with pytest.raises(ClientError) as caught:
        getattr(sns, call)(**asked)
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"
    assert words in caught.value.response["Error"]["Message"]


def test_sns_takes_what_fits(sns, topic):
    assert sns.publish(TopicArn=topic, Message='{"default": "a"}', MessageStructure="json",
                       Subject="s" * 100)["MessageId"]
