"""Batches of an SQS mapping with a window: Lambda waits for more messages, up to 10,000.

Until the batch is full, the window is over, or the messages fill a request. Source: "Configuring
scaling behavior" and "Batching behavior", Lambda developer guide. MiniStack takes what is there, 10
messages at most. While Lambda waits, its messages are in flight on AWS, and in the queue here.
"""
import time

from workshop.local import limits

ENVELOPE = 1024         # bytes of a message in a function's event, besides its body
_since: dict[str, float] = {}       # a queue's address → since when a message waits (monotonic)


def apply(_port: int) -> None:
    """Let a mapping be polled when its batch is complete, and take all of the batch."""
    from ministack.services import lambda_svc, sqs
    lambda_svc._iter_all_esms = complete_ones(lambda_svc._iter_all_esms)
    sqs._receive_messages_for_esm = receiving(sqs._receive_messages_for_esm)


def complete_ones(mappings):
    def complete():
        for account, region, one in mappings():
            if not one.get("MaximumBatchingWindowInSeconds") or is_complete(one):
                yield account, region, one
    return complete


def is_complete(mapping: dict) -> bool:
    """Whether the next batch of a mapping with a window is handed to its function now."""
    from ministack.services import sqs
    queue = sqs._queue_by_arn(mapping.get("EventSourceArn", ""))
    if queue is None:
        return True             # MiniStack's to pass over
    waiting = visible(queue)
    if not waiting or not mapping.get("Enabled", True):
        _since.pop(queue["url"], None)
        return False
    began = _since.setdefault(queue["url"], time.monotonic())
    return (len(waiting) >= mapping["BatchSize"] or fitting(waiting) < len(waiting)
            or time.monotonic() - began >= mapping["MaximumBatchingWindowInSeconds"])


def visible(queue: dict) -> list[dict]:
    """The messages of a queue that may be received now."""
    now = time.time()
    return [one for one in list(queue["messages"]) if one.get("visible_at", 0) <= now]


def fitting(messages: list[dict]) -> int:
    """How many of the messages fit into one request to a function (6 MB); at least one."""
    room = limits.REQUEST
    for number, message in enumerate(messages):
        room -= len(message["body"].encode()) + ENVELOPE
        if room < 0:
            return max(number, 1)
    return len(messages)


def receiving(receive):
    """More than 10 messages, where the mapping has a larger batch. MiniStack's limit is SQS's."""
    def receive_for_mapping(address: str, number: int):
        from ministack.services import sqs
        _since.pop(address, None)       # what is left waits for the next window
        if number <= 10:
            return receive(address, number)
        with sqs._queues_lock:
            queue = sqs._get_q(address)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            hidden = int(queue["attributes"].get("VisibilityTimeout", "30"))
            return sqs._collect_msgs(queue, min(number, fitting(visible(queue))), hidden)
    return receive_for_mapping
