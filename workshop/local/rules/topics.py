"""SNS: topics, subscriptions, messages. Source: the API reference of each action."""
import json
import re

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

MESSAGE = 256 * 1024            # bytes of a message ("Publish")
SUBJECT = 100                   # characters ("Publish": fewer than 100 and no line break)
NAME = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
PROTOCOLS = {"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda",
             "firehose"}


def _invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParameter", f"Invalid parameter: {message}", 400)


@rule("sns", "CreateTopic")
def name_of_a_topic(asked: dict) -> None:
    if not NAME.fullmatch(asked["Name"]):
        raise _invalid("Topic Name")


@rule("sns", "Subscribe")
def protocol(asked: dict) -> None:
    if asked["Protocol"] not in PROTOCOLS:
        raise _invalid(f"Amazon SNS does not support this protocol string: {asked['Protocol']}")


@rule("sns", "Publish")
def message(asked: dict) -> None:
    if not asked["Message"]:
        raise _invalid("Empty message")
    if len(asked["Message"].encode()) > MESSAGE:
        raise _invalid("Message too long")
    if len(asked.get("Subject", "")) > SUBJECT or "\n" in asked.get("Subject", ""):
        raise _invalid("Subject")
    if asked.get("MessageStructure") == "json":
        _for_each_protocol(asked["Message"])


def _for_each_protocol(text: str) -> None:
    try:
        texts = json.loads(text)
    except ValueError:
        raise _invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(texts, dict) or "default" not in texts:
        raise _invalid("Message Structure - No default entry in JSON message body")
