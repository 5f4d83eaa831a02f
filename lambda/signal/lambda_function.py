"""A day's bars become a decision, and an order for a paper account: hold the index, or hold cash.

EventBridge invokes it and nobody waits for the answer, so whatever ends without a decision is
raised: Lambda tries again twice, then puts the event aside. No order is better than a wrong one.

There is at most one decision for each symbol and day (see ledger.py). Its order is sent at least
once, always under the same id; the queue drops a second one within 5 minutes. An order names the
position to hold, not a change to it, so that carrying it out twice changes nothing.
"""
import json
import os
import time
from datetime import UTC, datetime

import boto3
from botocore.config import Config

import ledger
import market
import model
from features import features
from market import NoDecisionError

THRESHOLD = float(os.environ.get("THRESHOLD", "0.5"))   # hold when a rise is as likely as this
REPLAY = os.environ.get("CLOCK") == "event"     # the time is the one at which an event was sent
queue = os.environ["ORDERS_QUEUE"]
sqs = boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=5))


def lambda_handler(event, context):
    """Handle an event of EventBridge; return "ordered", "duplicate" or "late".

    Raises NoDecisionError for an event that is not right, stale or from the future, and when the
    endpoint does not answer.
    """
    began, line = time.perf_counter(), {}
    try:
        line["outcome"] = handle(event, context, line)
    except NoDecisionError as error:
        line |= {"outcome": "none", "reason": str(error)}
        raise
    except Exception as error:
        line |= {"outcome": "none", "reason": f"{type(error).__name__} in our own code"}
        raise
    finally:
        line["milliseconds"] = round((time.perf_counter() - began) * 1000, 3)
        print(json.dumps({"request_id": context.aws_request_id, **line}), flush=True)
    return line["outcome"]


def handle(event, context, line):
    """Decide and order; what is learnt on the way goes into `line`, for the log."""
    detail = event.get("detail") if isinstance(event, dict) else None
    symbol, day, bars = market.read(detail, now=None if REPLAY else datetime.now(UTC))
    line |= {"symbol": symbol, "day": day}
    decided = ledger.decision(symbol, day)
    if decided and ledger.is_ordered(symbol, day):
        return "duplicate"
    if ledger.has_later(symbol, day):   # a later day has been decided: this position is history
        return "late"
    if decided is None:
        decided = ledger.keep_decision(decide(symbol, day, bars, context, line))
    order(decided)
    ledger.mark_ordered(symbol, day)
    return "ordered"


def decide(symbol, day, bars, context, line):
    """Return the decision for a day, after asking the model."""
    began = time.perf_counter()
    try:
        probability, version = model.ask(
            features(bars), lambda: context.get_remaining_time_in_millis() / 1000)
    finally:
        line["endpoint_milliseconds"] = round((time.perf_counter() - began) * 1000, 3)
    return {"id": f"{symbol}-{day}", "symbol": symbol, "day": day,
            "target": 1 if probability >= THRESHOLD else 0, "probability": probability,
            "model_version": version, "data_until": bars[-1]["date"]}


def order(decided):
    """Send the order: in its symbol's order of days, and once within the queue's 5 minutes."""
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(decided),
                     MessageGroupId=decided["symbol"], MessageDeduplicationId=decided["id"])
