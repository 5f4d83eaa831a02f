"""SQS: what no model says. Source: the API reference of each action."""
import json
import os
import re
import time

from workshop.local.rules import policies
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NUMBERS = {     # attribute or parameter: (least, most)
    "DelaySeconds": (0, 900), "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600), "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200), "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "WaitTimeSeconds": (0, 20), "MaxNumberOfMessages": (1, 10)}
FIFO_ONLY = {"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
ATTRIBUTES = 10                 # of a message
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
PURGE = 60                      # seconds between two purges of a queue
_purged: dict[str, float] = {}  # address → when (time.monotonic)
_deleted: dict[tuple[str, str], float] = {}     # (Region, name) → when


def _queue(asked: dict) -> dict | None:
    from ministack.services import sqs
    name = asked.get("QueueUrl", "").rstrip("/").rpartition("/")[2]
    return sqs._queues.get(sqs._queue_name_to_url.get(name))


def _invalid(parameter: str, value, reason: str) -> RefusedError:
    return RefusedError("InvalidParameterValue", f"Value {value} for parameter {parameter} is "
                        f"invalid. Reason: {reason}", 400)


def _in_range(name: str, value) -> None:
    least, most = NUMBERS[name]
    if not least <= int(value) <= most:
        raise _invalid(name, value, f"Must be >= {least} and <= {most}, if provided.")


@rule("sqs", "ReceiveMessage", "SendMessage", "ChangeMessageVisibility")
def numbers(asked: dict) -> None:
    for name in NUMBERS.keys() & asked.keys():
        _in_range(name, asked[name])


@rule("sqs", "CreateQueue", "SetQueueAttributes")
def attributes(asked: dict) -> None:
    given = asked.get("Attributes") or {}
    if given.get("FifoQueue") == "false":
        raise RefusedError("InvalidAttributeName", "Unknown Attribute FifoQueue.", 400)
    name = asked.get("QueueName") or asked["QueueUrl"]
    for one in FIFO_ONLY & given.keys():
        if given.get("FifoQueue") != "true" and not name.endswith(".fifo"):
            raise RefusedError("InvalidAttributeName", f"Unknown Attribute {one}.", 400)
    if given.get("Policy"):
        policies.check(given["Policy"], "InvalidAttributeValue", principal=True, resource=None,
                       words="Invalid value for the parameter Policy.")
    for name in NUMBERS.keys() & given.keys():
        try:
            _in_range(name, given[name])
        except (ValueError, RefusedError):
            raise RefusedError("InvalidAttributeValue", f"Invalid value for the parameter {name}.",
                               400) from None


@rule("sqs", "CreateQueue")
def name_of_a_queue(asked: dict) -> None:
    if (asked.get("Attributes") or {}).get("FifoQueue") == "true":
        return              # MiniStack looks at the names of FIFO queues
    if not NAME.fullmatch(asked["QueueName"]):
        raise RefusedError("InvalidParameterValue", "Can only include alphanumeric characters, "
                           "hyphens, or underscores. 1 to 80 in length", 400)


@rule("sqs", "CreateQueue", "SetQueueAttributes")
def dead_letter_queue(asked: dict) -> None:
    text = (asked.get("Attributes") or {}).get("RedrivePolicy")
    if not text:
        return
    fault = _fault_of_redrive(text, asked.get("QueueName") or asked["QueueUrl"])
    if fault:
        raise _invalid("RedrivePolicy", text, fault)


def _fault_of_redrive(text: str, name: str) -> str | None:
    """What is wrong with the RedrivePolicy of a queue, in SQS's words."""
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        return "Redrive policy is not a valid JSON map."
    for key in ("deadLetterTargetArn", "maxReceiveCount"):
        if key not in policy:
            return f"Redrive policy does not contain mandatory attribute: {key}."
    count, target = str(policy["maxReceiveCount"]), str(policy["deadLetterTargetArn"])
    if not re.fullmatch(r"\d{1,9}", count) or not 1 <= int(count) <= 1000:
        return (f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both "
                "inclusive.")
    if _queue({"QueueUrl": target.rpartition(":")[2]}) is None:
        return "Dead letter target does not exist."
    if target.endswith(".fifo") != name.endswith(".fifo"):
        return "Dead-letter queue must be same type of queue as the source."
    return None


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
def name_is_kept(asked: dict) -> None:
    """A queue's name is taken for a while, and its purges are forgotten."""
    queue = _queue(asked)
    if queue is not None:
        _purged.pop(queue["url"], None)
        _deleted[_region(), queue["name"]] = time.monotonic()


def _region() -> str:
    from ministack.core.responses import get_region
    return get_region()


@rule("sqs", "CreateQueue")
def name_is_free(asked: dict) -> None:
    """AWS keeps it for 60 seconds; here WORKSHOP_QUEUE_WAIT does, so that a lesson can be run
    again at once."""
    wait = int(os.environ.get("WORKSHOP_QUEUE_WAIT", "0"))
    then = _deleted.get((_region(), asked["QueueName"]))
    if then is not None and time.monotonic() - then < wait:
        raise RefusedError("AWS.SimpleQueueService.QueueDeletedRecently", "You must wait 60 "
                           "seconds after deleting a queue before you can create another with the "
                           "same name.", 400)


@rule("sqs", "SendMessage")
def message_of_a_fifo_queue(asked: dict) -> None:
    queue = _queue(asked)
    if queue is None:
        return
    wrong = "DelaySeconds" if queue["is_fifo"] else "MessageDeduplicationId"
    if wrong in asked:
        raise _invalid(wrong, asked[wrong], "The request include parameter that is not valid for "
                       "this queue type.")


@rule("sqs", "SendMessage", "SendMessageBatch")
def message_attributes(asked: dict) -> None:
    """Source: "Amazon SQS message metadata", developer guide."""
    for entry in asked.get("Entries", [asked]):
        found = entry.get("MessageAttributes") or {}
        if len(found) > ATTRIBUTES:
            raise RefusedError("InvalidParameterValue", "Number of message attributes "
                               f"[{len(found)}] exceeds the allowed maximum [{ATTRIBUTES}].", 400)
        for name, value in found.items():
            fault = fault_of_attribute(name, value)
            if fault:
                raise RefusedError("InvalidParameterValue", fault, 400)


def fault_of_attribute(name: str, value: dict) -> str | None:
    """What is wrong with a message's attribute, in SQS's and SNS's words."""
    kind = str(value.get("DataType")).partition(".")[0]
    if kind not in ("Binary", "Number", "String"):
        return (f"The message attribute '{name}' has an invalid message attribute type, the set of "
                "supported type prefixes is Binary, Number, and String.")
    text = value.get("BinaryValue" if kind == "Binary" else "StringValue")
    if not text:
        return (f"The message attribute '{name}' must contain non-empty message attribute value "
                f"for message attribute type '{value['DataType']}'.")
    if kind == "Number":
        try:
            float(text)
        except ValueError:
            return f"Can't cast the value of message (user) attribute '{name}' to a number."
    return None


@rule("sqs", "DeleteMessage")
def receipt_of_a_fifo_queue(asked: dict) -> None:
    queue = _queue(asked)
    if queue is None or not queue["is_fifo"]:
        return
    handle = asked["ReceiptHandle"]
    for message in list(queue["messages"]):
        if message["receipt_handle"] == handle and message.get("visible_at", 0) <= time.time():
            raise _invalid("ReceiptHandle", handle, "The receipt handle has expired.")
