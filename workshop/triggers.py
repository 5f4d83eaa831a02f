"""What lesson 14 does by hand, as functions: what runs a function without anyone who waits.

Every function may be called again. What they make is named and tagged like what
deploy.py makes. Call `cloud.use()` first.
"""
import json
import time

import boto3

from workshop import cloud, deploy
from workshop.account import ownership
from workshop.machine import tools

RECEIVES = 3            # attempts for a message, before it goes to the dead letters
VISIBILITY = 60         # seconds; AWS advises six times the function's time-out
NAME_FREE_AFTER = 60    # seconds after a queue's deletion (API_CreateQueue)
PATIENCE = 120          # seconds for an event source mapping to start, or to go


# Queues

def queue(name, visibility=VISIBILITY, receives=RECEIVES):
    """Find or make queue NAME with its dead-letter queue NAME-dead; return the address of NAME.

    visibility: seconds for which a message that was taken is hidden from others; at least the
    function's time-out. receives: how often a message is taken before it is a dead letter.
    """
    dead = _queue(f"{name}-dead", {"MessageRetentionPeriod": str(14 * 24 * 3600)})
    redrive = {"deadLetterTargetArn": queue_arn(dead), "maxReceiveCount": str(receives)}
    return _queue(name, {"VisibilityTimeout": str(visibility),
                         "RedrivePolicy": json.dumps(redrive)})


def plain_queue(name):
    """Find or make queue NAME without dead letters, e.g. for failures; return its address."""
    return _queue(name, {})


def _queue(name, attributes):
    ownership.check_name(name)
    sqs = boto3.client("sqs")
    url = _find_queue(sqs, name)
    if url:
        ownership.check(f"queue {name}", queue_tags(sqs, url))
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return url
    tools.say(f"making queue {name}")
    return sqs.create_queue(QueueName=name, Attributes=attributes, tags=deploy.tags())["QueueUrl"]


def _find_queue(sqs, name):
    """Address of queue NAME, or None."""
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None


def queue_tags(sqs, url):
    return sqs.list_queue_tags(QueueUrl=url).get("Tags", {})


def queue_arn(url):
    """ARN of the queue at an address."""
    return boto3.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def waiting(url):
    """How many messages a queue holds: (to be taken, taken and hidden). Both are approximate."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return tuple(int(found["Attributes"][name]) for name in names)


# What runs a function

def on_queue(function, url, batch=10, most=2):
    """Let a queue's messages run a function, `batch` at a time, in `most` environments at once.

    The function names the messages that failed (ReportBatchItemFailures); the others are deleted.
    Returns the event source mapping's id when it works.
    """
    client, arn = boto3.client("lambda"), queue_arn(url)
    deploy.allow(function, "read_queue", queue=arn.rpartition(":")[2])
    settings = {"BatchSize": batch, "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": most}}
    found = client.list_event_source_mappings(FunctionName=function, EventSourceArn=arn)
    if found["EventSourceMappings"]:
        mapping = found["EventSourceMappings"][0]["UUID"]
        client.update_event_source_mapping(UUID=mapping, Enabled=True, **settings)
    else:
        mapping = when_allowed(
            client.create_event_source_mapping, FunctionName=function, EventSourceArn=arn,
            Tags=deploy.tags(), **settings)["UUID"]
    until(lambda: client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled",
          f"the event source mapping of {function} is not enabled")
    return mapping


def on_event(function, rule, pattern=None, schedule=None, paths=None, template=None, constant=None):
    """Let rule RULE of EventBridge run a function; return the rule's ARN.

    pattern: dict of the events that are meant. schedule: `rate(…)` or `cron(…)`, in place of a
    pattern. paths, template: input transformer, {name: JSON path} and text with <name> in it.
    constant: what the function gets in place of the event (a value that JSON can hold).
    """
    ownership.check_name(rule)
    events, client = boto3.client("events"), boto3.client("lambda")
    if _find_rule(events, rule):
        ownership.check(f"rule {rule}", _rule_tags(events, rule))
    what = {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": schedule}
    arn = events.put_rule(Name=rule, State="ENABLED", **what)["RuleArn"]
    events.tag_resource(ResourceARN=arn, Tags=ownership.pairs())
    _permit(client, function, f"rule-{rule}", "events.amazonaws.com", SourceArn=arn)
    target = {"Id": function, "Arn": _arn(client, function)}
    if template:
        target["InputTransformer"] = {"InputPathsMap": paths or {}, "InputTemplate": template}
    elif constant is not None:
        target["Input"] = json.dumps(constant)
    refused = events.put_targets(Rule=rule, Targets=[target])["FailedEntries"]
    if refused:
        raise RuntimeError(f"EventBridge refuses the target: {refused[0]['ErrorMessage']}")
    return arn


def on_file(function, bucket, prefix, suffix=""):
    """Let each object that appears in a bucket as PREFIX…SUFFIX run a function.

    The function must not write there: it would run itself, for ever. Replaces the bucket's other
    notifications, because S3 keeps one list of them.
    """
    client, (account, _) = boto3.client("lambda"), ownership.where()
    _permit(client, function, f"bucket-{bucket}", "s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=account)
    rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
    ownership.s3().put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [{
            "Id": function, "LambdaFunctionArn": _arn(client, function),
            "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}]})


def failures_to(function, url, retries=2):
    """Send to a queue what a function could not do with an asynchronous event after `retries`."""
    arn = queue_arn(url)
    deploy.allow(function, "send_failures", queue=arn.rpartition(":")[2])
    when_allowed(boto3.client("lambda").put_function_event_invoke_config,
                 FunctionName=function, MaximumRetryAttempts=retries,
                 DestinationConfig={"OnFailure": {"Destination": arn}})


def when_allowed(call, patience=PATIENCE, pause=3, **arguments):
    """Make a call of Lambda's, again while IAM has not told Lambda of a role's new right yet."""
    def unknown(error):
        return (error["Code"] == "InvalidParameterValueException"
                and "permission" in error["Message"])
    return deploy.when_known(call, unknown, patience, pause, **arguments)


def _arn(client, function):
    return client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]


def _permit(client, function, statement, service, **source):
    """Let a service run a function, on behalf of this source alone."""
    try:
        client.add_permission(FunctionName=function, StatementId=statement, Principal=service,
                              Action="lambda:InvokeFunction", **source)
    except client.exceptions.ResourceConflictException:
        pass  # it stands already


def until(true, otherwise, patience=PATIENCE):
    """Ask until it is true; RuntimeError with `otherwise` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"After {patience} s {otherwise}.")
        time.sleep(1)


# Removal

def delete(name, again=False):
    """Delete what runs a function under NAME: rule NAME, queues NAME and NAME-dead with what is in
    them, and the event source mappings of function NAME.

    again: wait until its names may be used again. Raises NotOurs, and deletes nothing, when rule or
    queue lacks the workshop's tag.
    """
    ownership.check_name(name)
    steps = [*_mappings_of(name), *_queues_of(name), *_rule_of(name)]
    ownership.delete(steps)
    if again and any(what.startswith("queue") for what, _, _ in steps) and not cloud.is_local():
        tools.say(f"SQS gives a queue's name out again after {NAME_FREE_AFTER} s")
        time.sleep(NAME_FREE_AFTER)


def _mappings_of(function):
    """A mapping has no name: what feeds a function of our name is ours."""
    client = boto3.client("lambda")
    for _ in deploy.function_of(function):
        pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
        for mapping in [one["UUID"] for page in pages for one in page["EventSourceMappings"]]:
            yield (f"event source mapping of {function}", ownership.tags(),
                   lambda mapping=mapping: delete_mapping(client, mapping))


def delete_mapping(client, mapping):
    """Delete an event source mapping, and wait until it is gone."""
    client.delete_event_source_mapping(UUID=mapping)
    until(lambda: ownership.find(client.get_event_source_mapping, "ResourceNotFoundException",
                                 UUID=mapping) is None,
          f"the event source mapping {mapping} is still there")


def _queues_of(name):
    sqs = boto3.client("sqs")
    for one in (name, f"{name}-dead"):
        url = _find_queue(sqs, one)
        if url:
            yield (f"queue {one}", queue_tags(sqs, url),
                   lambda url=url: sqs.delete_queue(QueueUrl=url))


def _rule_of(name):
    events = boto3.client("events")
    if _find_rule(events, name):
        yield f"rule {name}", _rule_tags(events, name), lambda: delete_rule(events, name)


def _find_rule(events, name):
    return ownership.find(events.describe_rule, "ResourceNotFoundException", Name=name)


def _rule_tags(events, name):
    arn = events.describe_rule(Name=name)["Arn"]
    return ownership.by_key(events.list_tags_for_resource(ResourceARN=arn)["Tags"])


def delete_rule(events, name):
    """A rule can go only when it has no targets."""
    ids = [one["Id"] for one in events.list_targets_by_rule(Rule=name)["Targets"]]
    if ids:
        events.remove_targets(Rule=name, Ids=ids)
    events.delete_rule(Name=name)
