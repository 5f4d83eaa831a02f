"""Whose is it? Names and tags of what the workshop makes in an account, and what goes with them.

Everything it makes there is named `workshop-…` and carries TAGS. It neither changes nor deletes
anything of such a name without the tag.
"""
import boto3
from botocore.exceptions import ClientError

from workshop import tools

TAGS = {"project": "lambda-onnx-workshop"}


class NotOurs(RuntimeError):
    """Something of this name exists that the workshop did not make."""


def pairs():
    """TAGS as most services take them: [{"Key": …, "Value": …}]."""
    return [{"Key": key, "Value": value} for key, value in TAGS.items()]


def by_key(tags):
    """Tags as most services give them, a list of keys and values, as a dict; {} for None."""
    return {one.get("Key", one.get("key")): one.get("Value", one.get("value"))
            for one in tags or []}


def is_ours(tags):
    """Whether a thing with these tags (dict of str) was made by the workshop."""
    return TAGS.items() <= tags.items()


def check(what, tags):
    """Raise NotOurs unless `what`, a thing with these tags, was made by the workshop."""
    if not is_ours(tags):
        raise NotOurs(f"The {what} lacks the tag project={TAGS['project']}: the workshop did not "
                      "make it and leaves it alone. Rename or delete it yourself.")


def check_name(name):
    """Raise ValueError unless a name begins as the workshop's do."""
    if not name.startswith("workshop-"):
        raise ValueError(f"{name!r}: names in the cloud begin with 'workshop-' here, "
                         "so that nothing of yours can be meant.")


def delete(steps):
    """Delete what `steps`, (what, tags, how) each, name, and say so.

    Raises NotOurs, and nothing is gone, when one of them is not ours.
    """
    for what, tags, _ in steps:
        check(what, tags)
    for what, _, how in steps:
        how()
        tools.say(f"deleted {what}")


def find(call, missing, **arguments):
    """The call's answer, or None when it fails with the error code MISSING."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] == missing:
            return None
        raise


def where():
    """Account and Region that the clients talk to."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return account, boto3.session.Session().region_name
