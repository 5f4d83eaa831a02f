"""SQS: what no model says. Source: the API reference of each action."""
import json
import re
import time

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NUMBERS = {     # attribute or parameter: (least, most)
    "DelaySeconds": (0, 900), "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600), "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200), "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "WaitTimeSeconds": (0, 20), "MaxNumberOfMessages": (1, 10)}
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
PURGE = 60                      # seconds between two purges of a queue
_purged: dict[str, float] = {}  # address → when (time.monotonic)


def _queue(asked: dict) -> dict | None:
    from ministack.services import sqs
    name = asked.get("QueueUrl", "").rstrip("/").rpartition("/")[2]
    return sqs._queues.get(sqs._queue_name_to_url.get(name))


def _in_range(name: str, value) -> None:
    least, most = NUMBERS[name]
    if not least <= int(value) <= most:
        raise RefusedError("InvalidParameterValue", f"Value {value} for parameter {name} is "
                           f"invalid. Reason: Must be >= {least} and <= {most}, if provided.", 400)


@rule("sqs", "ReceiveMessage", "SendMessage", "ChangeMessageVisibility")
def numbers(asked: dict) -> None:
    for name in NUMBERS.keys() & asked.keys():
        _in_range(name, asked[name])


@rule("sqs", "CreateQueue", "SetQueueAttributes")
def attributes(asked: dict) -> None:
    given = asked.get("Attributes") or {}
    if given.get("FifoQueue") == "false":
        raise RefusedError("InvalidAttributeName", "Unknown Attribute FifoQueue.", 400)
    for name in NUMBERS.keys() & given.keys():
        try:
            _in_range(name, given[name])
        except (ValueError, RefusedError):
            raise RefusedError("InvalidAttributeValue", f"Invalid value for the parameter {name}.",
                               400) from None


@rule("sqs", "CreateQueue")
def name_of_a_queue(asked: dict) -> None:
    if not NAME.fullmatch(asked["QueueName"]) and not asked["QueueName"].endswith(".fifo"):
        raise RefusedError("InvalidParameterValue", "Can only include alphanumeric characters, "
                           "hyphens, or underscores. 1 to 80 in length", 400)


@rule("sqs", "CreateQueue", "SetQueueAttributes")
def dead_letter_queue(asked: dict) -> None:
    """It must be there. What is no policy at all is refused later, with another code."""
    text = (asked.get("Attributes") or {}).get("RedrivePolicy")
    try:
        target = json.loads(text or "{}")["deadLetterTargetArn"].rpartition(":")[2]
    except (ValueError, LookupError, TypeError, AttributeError):
        return
    if _queue({"QueueUrl": target}) is None:
        raise RefusedError("InvalidParameterValue", f"Value {text} for parameter RedrivePolicy is "
                           "invalid. Reason: Dead letter target does not exist.", 400)


@rule("sqs", "PurgeQueue")
def purged_once_a_minute(asked: dict) -> None:
    queue = _queue(asked)
    if queue is None:
        return
    now = time.monotonic()
    if now - _purged.get(queue["url"], -PURGE) < PURGE:
        raise RefusedError("AWS.SimpleQueueService.PurgeQueueInProgress", "Only one PurgeQueue "
                           f"operation on {queue['name']} is allowed every 60 seconds.", 403)
    _purged[queue["url"]] = now


@rule("sqs", "DeleteQueue")
def purge_is_forgotten(asked: dict) -> None:
    queue = _queue(asked)
    if queue is not None:
        _purged.pop(queue["url"], None)


@rule("sqs", "SendMessage")
def message_of_a_fifo_queue(asked: dict) -> None:
    queue = _queue(asked)
    if queue is None:
        return
    if queue["is_fifo"] and "DelaySeconds" in asked:
        raise RefusedError("InvalidParameterValue", f"Value {asked['DelaySeconds']} for parameter "
                           "DelaySeconds is invalid. Reason: The request include parameter that is "
                           "not valid for this queue type.", 400)


@rule("sqs", "DeleteMessage")
def receipt_of_a_fifo_queue(asked: dict) -> None:
    queue = _queue(asked)
    if queue is None or not queue["is_fifo"]:
        return
    handle = asked["ReceiptHandle"]
    for message in list(queue["messages"]):
        if message["receipt_handle"] == handle and message.get("visible_at", 0) <= time.time():
            raise RefusedError("InvalidParameterValue", f"Value {handle} for parameter "
                               "ReceiptHandle is invalid. Reason: The receipt handle has expired.",
                               400)
