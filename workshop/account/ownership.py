"""Names and tags of what the workshop makes in an account, and what goes with them.

One account may serve a whole class, so each name and each tag carries its owner: everything is
named `workshop-OWNER-…` and has the tags `project` and `owner`. The workshop neither changes nor
deletes anything of such a name without these two tags.
"""
import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from workshop.account import calls
from workshop.local.addresses import ACCOUNT as LOCAL_ACCOUNT
from workshop.machine import tools

PROJECT = "lambda-onnx-workshop"
OWNER_LENGTH = 8
# A bucket's name has the tightest limit, 63 characters, and ends with -ACCOUNT-REGION:
# 63 - len("workshop-" + OWNER + "-") - len("-123456789012-ap-southeast-1").
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME_LENGTH = 17


class NotOursError(RuntimeError):
    """Something of this name exists that this owner did not make with the workshop."""


# Owner, names, tags

def owner() -> str:
    """Short name of the person whose things these are: lowercase letters and digits, at most 8.

    WORKSHOP_OWNER, else derived from the caller's identity. Raises ValueError for a WORKSHOP_OWNER
    that does not fit into names.
    """
    chosen = os.environ.get("WORKSHOP_OWNER")
    if not chosen:
        return _derived(*(os.environ.get(name) for name in (
            "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID")))
    if not re.fullmatch(rf"[a-z0-9]{{1,{OWNER_LENGTH}}}", chosen):
        raise ValueError(f"WORKSHOP_OWNER is {chosen!r}: set it to 1 to {OWNER_LENGTH} lowercase "
                         "letters and digits, for example to your initials. All names in the "
                         "account begin with it.")
    return chosen


@cache
def _derived(*_who) -> str:
    """The owner of the current caller; asked once for each identity."""
    return owner_of(calls.client("sts").get_caller_identity()["Arn"])


def owner_of(arn: str) -> str:
    """The owner that a caller's ARN stands for; two callers have two owners.

    An IAM user's name stays as it is where it fits. Every other caller gets the first letters of
    its name and five characters of a hash of its ARN. A session that an AWS tool named after the
    time is its role, because the next session has another name.
    """
    arn = re.sub(r"(:assumed-role/[^/]+)/[\w-]*?-?\d{9,}$", r"\1", arn)
    kind, _, path = arn.split(":", 5)[5].partition("/")
    if (kind, arn.split(":")[4]) == ("root", LOCAL_ACCOUNT):
        return "learner"
    name = path.rpartition("/")[2] or kind
    if kind == "user" and re.fullmatch(rf"[a-z0-9]{{1,{OWNER_LENGTH}}}", name):
        return name
    digest = int(hashlib.sha256(arn.encode()).hexdigest(), 16)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    hashed = "".join(letters[digest // 36 ** place % 36] for place in range(5))
    return re.sub(r"[^a-z0-9]", "", name.lower())[:OWNER_LENGTH - len(hashed)] + hashed


def prefix() -> str:
    """What the owner's names begin with: `workshop-OWNER-`."""
    return f"workshop-{owner()}-"


def name(what: str) -> str:
    """The owner's name for something: `workshop-OWNER-WHAT`.

    what: 1 to 17 lowercase letters, digits and hyphens, so that every name made from it stays
    within AWS's limits. Raises ValueError for another one.
    """
    if not re.fullmatch(rf"[a-z0-9](-?[a-z0-9]){{0,{NAME_LENGTH - 1}}}", what) \
            or len(what) > NAME_LENGTH:
        raise ValueError(f"{what!r}: give 1 to {NAME_LENGTH} lowercase letters and digits, with "
                         "single hyphens between them; the workshop's prefix comes in front.")
    return prefix() + what


def short(name: str) -> str:
    """A name without the owner's prefix."""
    return name.removeprefix(prefix())


def tags() -> dict[str, str]:
    """The tags of everything that this owner makes with the workshop."""
    return {"project": PROJECT, "owner": owner()}


def pairs() -> list[dict[str, str]]:
    """The tags as most services take them: [{"Key": …, "Value": …}]."""
    return [{"Key": key, "Value": value} for key, value in tags().items()]


def mark() -> str:
    """The tags as text, for what has a description and no tags: `project=… owner=…`."""
    return " ".join(f"{key}={value}" for key, value in tags().items())


def has_mark(text: str | None) -> bool:
    """Whether a description begins with this owner's mark."""
    return f"{text or ''} ".startswith(f"{mark()} ")


def is_ours(found):
    """Whether what has the tags `found` (dict of str) was made by this owner with the workshop."""
    return tags().items() <= found.items()


def check(what, found):
    """Raise NotOursError unless `what`, with the tags `found`, was made by this owner."""
    if not is_ours(found):
        raise NotOursError(f"The {what} lacks the tags {mark()}: this owner did not make it with "
                           "the workshop, which leaves it alone. Rename or delete it yourself, or "
                           "choose another WORKSHOP_OWNER.")


def check_name(name):
    """Raise ValueError unless a name begins as this owner's do."""
    if not name.startswith(prefix()):
        raise ValueError(f"{name!r}: names in the cloud begin with {prefix()!r} here, so that "
                         "nothing of others can be meant; deploy.name() makes such a name.")


# Removal

class Removal(NamedTuple):
    """Something that may go: what it is, its tags, and the call that removes it."""
    what: str
    tags: dict
    how: Callable[[], object]


def delete(steps):
    """Carry out the steps, an iterable of Removal, in their order, and say so.

    Raises NotOursError, and nothing is gone, when one of them is not ours.
    """
    steps = list(steps)
    for one in steps:
        check(one.what, one.tags)
    for one in steps:
        calls.if_there(one.how)
        tools.say(f"deleted {one.what}")


def verbs(kind, find, tags, remove):
    """What is alike in all kinds: the functions check, removals and delete of one (kind, in words).

    check(name) gives what find(name) gives, once its tags are seen to be the owner's. remove takes
    what `find` gives where that is text (an ARN, an address), else the name.
    """
    def check_(name):
        """What find(name) gives. Raises NotOursError unless it is the owner's."""
        check_name(name)
        found = find(name)
        if found is not None:
            check(f"{kind} {name}", tags(found))
        return found

    def removals(name):
        """The Removal, in a list, of what there is under this name."""
        found = find(name)
        key = found if isinstance(found, str) else name
        return [] if found is None else [
            Removal(f"{kind} {name}", tags(found), lambda: remove(key))]

    def delete_(name):
        """Delete what there is under this name, with all that hangs on it.

        Raises NotOursError, and deletes nothing, when it is not the owner's.
        """
        check_name(name)
        delete(removals(name))

    return check_, removals, delete_
