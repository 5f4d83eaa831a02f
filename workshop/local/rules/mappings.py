"""Lambda's event source mappings for SQS. Source: "CreateEventSourceMapping", API reference."""
import json

from workshop.local.rules.functions import function, invalid
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

BATCH = (10, 10_000)            # messages: without a window, with one; a FIFO queue: always 10


@rule("lambda", "CreateEventSourceMapping")
def its_function(asked: dict) -> None:
    if function(asked) is None:
        raise invalid("Function does not exist")


@rule("lambda", "CreateEventSourceMapping")
def its_source(asked: dict) -> None:
    """What its function's role must be allowed, and how long it may run: permissions/passed.py."""
    from ministack.services import lambda_svc, sqs
    arn = asked.get("EventSourceArn")
    if not arn:
        raise invalid("Unrecognized event source.")
    if ":sqs:" not in arn:
        return
    if arn.rpartition(":")[2] not in sqs._queue_name_to_url:
        raise invalid("Error occurred while ReceiveMessage. SQS Error Code: "
                      "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified "
                      "queue does not exist.")
    name = lambda_svc._resolve_name(asked["FunctionName"])
    for one in lambda_svc._esms.values():
        if one["EventSourceArn"] == arn and one["FunctionName"] == name:
            raise RefusedError(
                "ResourceConflictException", f'An event source mapping with SQS arn (" {arn} ") '
                f'and function (" {name} ") already exists. Please update or delete the existing '
                f"mapping with UUID {one['UUID']}", 409)


@rule("lambda", "CreateEventSourceMapping", "UpdateEventSourceMapping")
def its_batch(asked: dict) -> None:
    from ministack.services import lambda_svc
    there = lambda_svc._esms.get(asked.get("UUID")) or {}
    arn = asked.get("EventSourceArn") or there.get("EventSourceArn") or ""
    if ":sqs:" not in arn:
        return
    fifo = arn.endswith(".fifo")
    window = asked.get("MaximumBatchingWindowInSeconds",
                       there.get("MaximumBatchingWindowInSeconds", 0))
    size = asked.get("BatchSize", there.get("BatchSize", 10))
    if fifo and window:
        raise invalid("Batching window is not supported for FIFO queues")
    if size > (BATCH[0] if fifo else BATCH[1]):
        raise invalid(f"BatchSize must be at most {BATCH[0] if fifo else BATCH[1]} for this queue.")
    if size > BATCH[0] and not window:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch "
                      "size is greater than 10")
    for key in ("StartingPosition", "ParallelizationFactor", "BisectBatchOnFunctionError",
                "MaximumRecordAgeInSeconds", "MaximumRetryAttempts"):
        if key in asked:
            raise invalid(f"{key} is not valid for SQS event sources.")


@rule("lambda", "CreateEventSourceMapping", "UpdateEventSourceMapping")
def its_filters(asked: dict) -> None:
    for one in (asked.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            pattern = json.loads(one.get("Pattern") or "{}")
        except ValueError:
            pattern = None
        if not isinstance(pattern, dict) or not _is_pattern(pattern):
            raise invalid("Invalid filter pattern definition.")


def _is_pattern(pattern: dict) -> bool:
    """Whether every value is a list of what may match, or again a pattern."""
    return all(isinstance(value, list) and value
               or isinstance(value, dict) and value and _is_pattern(value)
               for value in pattern.values())
