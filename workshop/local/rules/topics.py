"""SNS: topics, subscriptions, messages. Source: the API reference of each action."""
import json
import re

from workshop.local.rules import policies
from workshop.local.rules.queues import fault_of_attribute
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

MESSAGE = 256 * 1024            # bytes of a message ("Publish")
SUBJECT = 100                   # characters ("Publish": fewer than 100 and no line break)
NAME = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
PROTOCOLS = {"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda",
             "firehose"}

# Attributes that may be set, of a topic and of a subscription ("SetTopicAttributes", "Subscribe").
TOPIC = re.compile(
    r"DeliveryPolicy|DisplayName|Policy|TracingConfig|KmsMasterKeyId|SignatureVersion|ArchivePolicy"
    r"|ContentBasedDeduplication|FifoThroughputScope|FifoTopic|DataProtectionPolicy"
    r"|(HTTP|Firehose|Lambda|Application|SQS)(Success|Failure)Feedback(RoleArn|SampleRate)")
SUBSCRIPTION = re.compile(r"DeliveryPolicy|FilterPolicy|FilterPolicyScope|RawMessageDelivery"
                          r"|RedrivePolicy|SubscriptionRoleArn|ReplayPolicy|ReplayStatus")
JSON = {"Policy", "DeliveryPolicy", "FilterPolicy", "RedrivePolicy"}


def _invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParameter", f"Invalid parameter: {message}", 400)


@rule("sns", "CreateTopic")
def name_of_a_topic(asked: dict) -> None:
    fifo = (asked.get("Attributes") or {}).get("FifoTopic") == "true"
    if not NAME.fullmatch(asked["Name"]) or asked["Name"].endswith(".fifo") and not fifo:
        raise _invalid("Topic Name")


@rule("sns", "CreateTopic")
def tags_stay(asked: dict) -> None:
    from ministack.services import sns
    there = [topic for topic in sns._topics.values() if topic["name"] == asked["Name"]]
    wanted = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    if there and wanted and wanted != there[0]["tags"]:
        raise _invalid("Tags Reason: Topic already exists with different tags")


@rule("sns", "SetTopicAttributes", "SetSubscriptionAttributes", "Subscribe")
def attributes(asked: dict) -> None:
    known = TOPIC if "TopicArn" in asked and "Protocol" not in asked else SUBSCRIPTION
    given = asked.get("Attributes") or {}
    if "AttributeName" in asked:
        given = {asked["AttributeName"]: asked.get("AttributeValue", "")}
    for name, value in given.items():
        if not known.fullmatch(name):
            raise _invalid("AttributeName")
        if name in JSON and value:
            _parsed(name, value)


def _parsed(name: str, text: str) -> None:
    """An attribute that is a JSON object; a policy keeps to the grammar too."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _invalid(f"{name}: failed to parse JSON.")
    if name == "Policy":
        policies.check(text, "InvalidParameter", principal=True, resource=None,
                       words="Invalid parameter: Policy Error: {}")


@rule("sns", "Unsubscribe", "Publish", "Subscribe")
def arns(asked: dict) -> None:
    for name in ("SubscriptionArn", "TopicArn"):
        parts = asked.get(name, "::::::").split(":")
        if len(parts) < 6:
            raise _invalid(f"{name} Reason: An ARN must have at least 6 elements, not {len(parts)}")


@rule("sns", "Subscribe")
def protocol(asked: dict) -> None:
    if asked["Protocol"] not in PROTOCOLS:
        raise _invalid(f"Amazon SNS does not support this protocol string: {asked['Protocol']}")
    kind, to = asked["Protocol"], asked.get("Endpoint", "")
    if kind.startswith("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", to):
        raise _invalid("Email address")
    if kind in ("http", "https") and not to.startswith(f"{kind}://"):
        raise _invalid("Endpoint must match the specified protocol")
    if kind == "sqs" and to.endswith(".fifo") and not asked["TopicArn"].endswith(".fifo"):
        raise _invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed "
                       "to standard SNS topics")


@rule("sns", "Publish")
def message(asked: dict) -> None:
    if not asked["Message"]:
        raise _invalid("Empty message")
    if len(asked["Message"].encode()) > MESSAGE:
        raise _invalid("Message too long")
    if len(asked.get("Subject", "")) > SUBJECT or "\n" in asked.get("Subject", ""):
        raise _invalid("Subject")
    if "MessageDeduplicationId" in asked and not asked.get("TopicArn", "").endswith(".fifo"):
        raise _invalid("MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
                       "parameter that is not valid for this topic type")
    for name, value in (asked.get("MessageAttributes") or {}).items():
        fault = fault_of_attribute(name, value)
        if fault:
            raise RefusedError("InvalidParameterValue", fault, 400)
    if asked.get("MessageStructure") == "json":
        _for_each_protocol(asked["Message"])


@rule("sns", "PublishBatch")
def batch(asked: dict) -> None:
    if not asked["PublishBatchRequestEntries"]:
        raise RefusedError("EmptyBatchRequest", "The batch request doesn't contain any entries.",
                           400)


def _for_each_protocol(text: str) -> None:
    try:
        texts = json.loads(text)
    except ValueError:
        raise _invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or "default" not in texts:
        raise _invalid("Message Structure - No default entry in JSON message body")
