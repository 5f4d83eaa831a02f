"""SQS queues, and the event source mappings that let their messages run functions."""
from workshop.account import calls, functions, ownership
from workshop.machine import tools
from workshop.machine.waiting import until


def find(name):
    """Address (URL) of queue NAME, or None."""
    found = calls.if_there(calls.client("sqs").get_queue_url, QueueName=name)
    return found and found["QueueUrl"]


def ensure(name, **attributes):
    """Find or make queue NAME with these attributes (values: str); return its address."""
    sqs, url = calls.client("sqs"), check(name)
    if url:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return url
    tools.say(f"making queue {name}")
    return sqs.create_queue(QueueName=name, Attributes=attributes,
                            tags=ownership.tags())["QueueUrl"]


def attributes(url, *names):
    """Attributes (str each) of the queue at an address (url), in this order."""
    found = calls.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
    return [found["Attributes"][name] for name in names]


def tags(url):
    """Tags (dict of str) of the queue at an address (url)."""
    return calls.client("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})


def listed(meant):
    """What the inventory lists of the queues that are meant."""
    account, region = calls.where()
    for url in calls.pages("sqs", "list_queues", "QueueUrls", PaginationConfig={"PageSize": 1000}):
        name = url.rpartition("/")[2]
        if meant(name, f"arn:aws:sqs:{region}:{account}:{name}"):
            yield name, url, tags(url)


# Event source mappings: such a thing has no name, and is ours when its function is.

def ensure_mapping(function, arn, **settings):
    """Let what comes from a queue (arn) run a function; return the mapping's id once it works.

    settings: as create_event_source_mapping takes them. TimeoutError when it does not start.
    """
    client = calls.client("lambda")
    functions.check(function)
    found = client.list_event_source_mappings(FunctionName=function, EventSourceArn=arn)
    if found["EventSourceMappings"]:
        mapping = found["EventSourceMappings"][0]["UUID"]
        client.update_event_source_mapping(UUID=mapping, Enabled=True, **settings)
    else:
        mapping = when_allowed(
            client.create_event_source_mapping, FunctionName=function, EventSourceArn=arn,
            Tags=ownership.tags(), **settings)["UUID"]
    until(lambda: client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled",
          f"the event source mapping of {function} is not enabled")
    return mapping


def when_allowed(call, patience=calls.ROLE_PATIENCE, pause=3, **arguments):
    """Make a call of Lambda's, again while IAM has not told Lambda of a role's new right yet.

    call: a method of its client. patience, pause: seconds; then Lambda's refusal is raised.
    """
    def unknown(error):
        return (error["Code"] == "InvalidParameterValueException"
                and "permission" in error["Message"])
    return calls.when_known(call, unknown, patience, pause, **arguments)


def mapping_removals(function):
    """Removals of what feeds a function (its name); it is ours when the function is."""
    if found := functions.find(function):
        for one in calls.pages("lambda", "list_event_source_mappings", "EventSourceMappings",
                               FunctionName=function):
            yield ownership.Removal(f"event source mapping of {function}", functions.tags(found),
                                    lambda mapping=one["UUID"]: remove_mapping(mapping))


def remove_mapping(mapping):
    """Delete an event source mapping (its id), whosever it is, and wait until it is gone."""
    client = calls.client("lambda")
    client.delete_event_source_mapping(UUID=mapping)
    until(lambda: not calls.if_there(client.get_event_source_mapping, UUID=mapping),
          f"the event source mapping {mapping} is still there")


def listed_mappings(meant, functions):
    """What the inventory lists: mappings of our functions (a listing), and what else is meant."""
    ours = {arn for _, arn, tags, *_ in functions() if ownership.is_ours(tags)}
    for one in calls.pages("lambda", "list_event_source_mappings", "EventSourceMappings"):
        arn = ":".join(one["FunctionArn"].split(":")[:7])
        name = arn.rpartition(":")[2]
        if arn in ours or meant(name, one.get("EventSourceMappingArn")):
            source = one.get("EventSourceArn", "").rpartition(":")[2]
            yield f"{source} to {name}", one["UUID"], ownership.tags() if arn in ours else {}


remove = calls.remover("sqs", "delete_queue", lambda url: {"QueueUrl": url})
check, removals, delete = ownership.verbs("queue", find, tags, remove)
