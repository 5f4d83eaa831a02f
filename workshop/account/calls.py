"""Calls of AWS: clients, whole listings, and how a service says `not there` and `not yet`."""
import os
import time
from functools import cache

import boto3
from botocore.exceptions import ClientError

from workshop.machine import tools

HOMES = {"budgets": "us-east-1"}    # services that have one home, whatever Region is in use
ROLE_PATIENCE = 120  # seconds; a new role or right may not be known for seconds to minutes
# What services answer for a thing that is not there: words in the error's code; or in the message
# of a CloudFormation stack (ValidationError) and of SageMaker (ValidationException).
MISSING = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")
MISSING_IN_MESSAGE = ("does not exist", "Could not find")


def client(service, region=None):
    """A boto3 client of a service, in a region; S3's is that of s3().

    Each is made once, because that takes longer than most calls.
    """
    boto3.DEFAULT_SESSION or boto3.setup_default_session()      # cloud.use() asks for a new one
    return _made(service, region or HOMES.get(service), boto3.DEFAULT_SESSION,
                 os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_REGION"))


@cache
def _made(service, region, session, *_where):
    return s3() if service == "s3" else session.client(service, region_name=region)


def s3():
    """An S3 client that uses a bucket only while the caller's account owns it.

    Names of buckets are the world's, and those of the workshop are easy to guess. A bucket that
    another account made under such a name is refused: every call carries ExpectedBucketOwner, and
    S3 answers AccessDenied (403).
    """
    made, account = boto3.client("s3"), where()[0]

    def expect(params, model, **_):
        members = model.input_shape.members if model.input_shape else {}
        if "ExpectedBucketOwner" in members:
            params.setdefault("ExpectedBucketOwner", account)
    made.meta.events.register("provide-client-params.s3", expect)
    return made


def where():
    """Account and Region that the clients talk to, (str, str)."""
    account = client("sts").get_caller_identity()["Account"]
    return account, boto3.session.Session().region_name


def pages(service, operation, key, **arguments):
    """Every entry of a listing, page after page: of the service's operation, under this key."""
    for page in client(service).get_paginator(operation).paginate(**arguments):
        yield from page.get(key) or []


# Verbs of a kind (see __init__.py) that are one call

def remover(service, operation, arguments):
    """The verb `remove`: one operation of a service.

    arguments: gives the operation's, a dict, for a name, address or ARN.
    """
    return lambda key: getattr(client(service), operation)(**arguments(key))


def tagger(service, arguments):
    """The verb `tags`, at a service that lists tags by ARN. arguments: gives {name: ARN}."""
    def tags(thing):
        found = client(service).list_tags_for_resource(**arguments(thing))
        pairs = next(found[key] for key in ("Tags", "tags", "ResourceTags") if key in found)
        return pairs if isinstance(pairs, dict) else by_key(pairs)
    return tags


def lister(tags, service, operation, key, name, arn, **arguments):
    """The verb `listed`: one listing of a service; operation, key and arguments as for pages().

    tags: the kind's verb. name, arn: where an entry has them (str).
    """
    def listed(meant):
        for one in pages(service, operation, key, **arguments):
            if meant(one[name], one[arn]):
                yield one[name], one[arn], tags(one)
    return listed


def by_key(tags):
    """The tags (list of keys and values), as most services give them, as a dict; {} for None."""
    return {one.get("Key", one.get("key")): one.get("Value", one.get("value"))
            for one in tags or []}


# Not there, not yet

def if_there(call, *arguments, **named):
    """The call's answer, or None where the thing that it is about is not there."""
    try:
        return call(*arguments, **named)
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def is_missing(error) -> bool:
    """Whether an error (an exception) says that a thing is not there."""
    if not isinstance(error, ClientError):
        return False
    refusal = error.response["Error"]
    return (any(word in refusal.get("Code", "") for word in MISSING)
            or refusal.get("Code", "").startswith("Validation")
            and any(words in refusal.get("Message", "") for words in MISSING_IN_MESSAGE))


def reason(error) -> str:
    """One line of an error."""
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        return f"{refusal.get('Code')}: {refusal.get('Message')}"
    return str(error).splitlines()[0]


def when_known(call, unknown, patience=ROLE_PATIENCE, pause=3, **arguments):
    """Make a call, again while IAM has not told its service of a new role or right yet.

    unknown: whether a refusal, {"Code": …, "Message": …}, says so. patience, pause: seconds.
    Raises the refusal when it is another one, or when patience is over.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return call(**arguments)
        except ClientError as error:
            if not unknown(error.response["Error"]) or time.monotonic() >= deadline:
                raise
        tools.say("waiting until a new role or right is known (seconds, at times minutes)")
        time.sleep(pause)
