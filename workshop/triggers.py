"""What lessons 17 and 21 do by hand, as functions: what runs a function without anyone who waits.

Every function may be called again. What they make is named and tagged like what
deploy.py makes. Call `cloud.use()` first.
"""
import json
import time

from workshop import cloud, deploy
from workshop.account import calls, functions, ownership, queues, rules
from workshop.account.queues import when_allowed
from workshop.machine import tools
from workshop.machine.waiting import until

__all__ = ["delete", "failures_to", "on_event", "on_file", "on_queue", "plain_queue", "queue",
           "queue_arn", "roll_back_on_alarm", "until", "waiting", "when_allowed"]

RECEIVES = 3            # attempts for a message, before it goes to the dead letters
VISIBILITY = 60         # seconds; AWS advises six times the function's time-out
NAME_FREE_AFTER = 60    # seconds after a queue's deletion (API_CreateQueue)


# Queues

def queue(name, visibility=VISIBILITY, receives=RECEIVES):
    """Find or make queue NAME with its dead-letter queue NAME-dead; return the address of NAME.

    visibility: seconds for which a message that was taken is hidden from others; at least the
    function's time-out. receives: how often a message is taken before it is a dead letter.
    """
    dead = queues.ensure(f"{name}-dead", MessageRetentionPeriod=str(14 * 24 * 3600))
    redrive = {"deadLetterTargetArn": queue_arn(dead), "maxReceiveCount": str(receives)}
    return queues.ensure(name, VisibilityTimeout=str(visibility), RedrivePolicy=json.dumps(redrive))


def plain_queue(name):
    """Find or make queue NAME without dead letters, e.g. for failures; return its address."""
    return queues.ensure(name)


def queue_arn(url):
    """ARN of the queue at an address (url)."""
    return queues.attributes(url, "QueueArn")[0]


def waiting(url):
    """How many messages the queue at `url` holds: (to be taken, taken and hidden), roughly."""
    return tuple(map(int, queues.attributes(
        url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")))


# What runs a function

def on_queue(function, url, batch=10, most=2):
    """Let a queue's messages run a function, `batch` at a time, in `most` environments at once.

    function: its name. url: the queue's. The function names the messages that failed
    (ReportBatchItemFailures); the others are deleted. Returns the event source mapping's id when
    it works.
    """
    arn = queue_arn(url)
    deploy.allow(function, "read_queue", queue=arn.rpartition(":")[2])
    return queues.ensure_mapping(
        function, arn, BatchSize=batch, FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": most})


def on_event(function, rule, pattern=None, schedule=None, paths=None, template=None, constant=None):
    """Let rule RULE of EventBridge run a function; return the rule's ARN.

    pattern: dict of the events that are meant. schedule: `rate(…)` or `cron(…)`, in place of a
    pattern. paths, template: input transformer, {name: JSON path} and text with <name> in it.
    constant: what the function gets in place of the event (a value that JSON can hold).
    """
    arn = rules.ensure(rule, pattern, schedule)
    functions.permit(function, f"rule-{rule}", "events.amazonaws.com", SourceArn=arn)
    target = {"Id": function, "Arn": functions.arn(function)}
    if template:
        target["InputTransformer"] = {"InputPathsMap": paths or {}, "InputTemplate": template}
    elif constant is not None:
        target["Input"] = json.dumps(constant)
    rules.aim(rule, target)
    return arn


def roll_back_on_alarm(rollback, function, alias="live"):
    """Let alarms of a function take the version that they are about out of its alias.

    rollback: name of the function from lambda/rollback that does it, and of the rule that runs it;
    both are made. function: name of the function with the alias; the alarms meant are those whose
    names begin with it and a hyphen. Returns the rule's ARN. `delete` and `deploy.delete` of
    ROLLBACK remove both.
    """
    deploy.zip_function(rollback, memory=512, timeout=20, folder="rollback",
                        environment={"FUNCTION": function, "ALIAS": alias})
    deploy.allow(rollback, "rollback", function=function)
    return on_event(rollback, rollback, pattern={
        "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": f"{function}-"}], "state": {"value": ["ALARM"]}}})


def on_file(function, bucket, prefix, suffix=""):
    """Let each object that appears in a bucket as PREFIX…SUFFIX run a function.

    The function must not write there: it would run itself, for ever. Replaces the bucket's other
    notifications, because S3 keeps one list of them.
    """
    functions.permit(function, f"bucket-{bucket}", "s3.amazonaws.com",
                     SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=calls.where()[0])
    filters = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
    calls.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [{
            "Id": function, "LambdaFunctionArn": functions.arn(function),
            "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": filters}}}]})


def failures_to(function, url, retries=2):
    """Send to the queue at `url` what a function could not do with an event after `retries`.

    function: its name; events are the asynchronous ones.
    """
    arn = queue_arn(url)
    deploy.allow(function, "send_failures", queue=arn.rpartition(":")[2])
    when_allowed(calls.client("lambda").put_function_event_invoke_config,
                 FunctionName=function, MaximumRetryAttempts=retries,
                 DestinationConfig={"OnFailure": {"Destination": arn}})


# Removal

def delete(name, again=False):
    """Delete what runs a function under NAME: rule NAME, queues NAME and NAME-dead with what is in
    them, and the event source mappings of function NAME.

    again: wait until its names may be used again. Raises NotOursError, and deletes nothing, when
    one of them lacks the owner's tags.
    """
    ownership.check_name(name)
    of_queues = [*queues.removals(name), *queues.removals(f"{name}-dead")]
    ownership.delete([*queues.mapping_removals(name), *of_queues, *rules.removals(name)])
    if again and of_queues and not cloud.is_local():
        tools.say(f"SQS gives a queue's name out again after {NAME_FREE_AFTER} s")
        time.sleep(NAME_FREE_AFTER)
