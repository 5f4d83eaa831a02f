"""S3: names, conditional requests, notifications, bucket policies, tags and life cycles."""
import ipaddress
import re

from workshop.local.rules import policies
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NOT_IMPLEMENTED = ("NotImplemented", "A header you provided implies functionality that is not "
                                     "implemented", 501)


@rule("s3", "CreateBucket")
def bucket_name(asked: dict) -> None:
    """Source: S3 User Guide, "General purpose bucket naming rules"."""
    name = asked["Bucket"]
    try:
        address = bool(ipaddress.IPv4Address(name))
    except ValueError:
        address = False
    if address or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) or ".." in name \
            or name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) \
            or name.endswith(("-s3alias", "--ol-s3", "--x-s3", ".mrap", "--table-s3")):
        raise RefusedError("InvalidBucketName", "The specified bucket is not valid.", 400)


@rule("s3", "PutObject", "CompleteMultipartUpload")
def conditions_of_a_write(asked: dict) -> None:
    if asked.get("IfMatch") and asked.get("IfNoneMatch") or asked.get("IfMatch") == "*" \
            or asked.get("IfNoneMatch") not in (None, "*"):
        raise RefusedError(*NOT_IMPLEMENTED)


@rule("s3", "PutObject", "CreateMultipartUpload", "CopyObject")
def object_key(asked: dict) -> None:
    if len(asked["Key"].encode()) > 1024:
        raise RefusedError("KeyTooLongError", "Your key is too long", 400)
    size = sum(len(name.encode()) + len(str(text).encode())
               for name, text in (asked.get("Metadata") or {}).items())
    if size > 2048:
        raise RefusedError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed "
                           "metadata size", 400)


@rule("s3", "PutBucketNotificationConfiguration")
def notification(asked: dict) -> None:
    """That S3 may invoke the functions, which must be there, is looked at in patches/granted.py."""
    found = asked.get("NotificationConfiguration") or {}
    all_of_them = [one for key, ones in found.items() if key.endswith("Configurations")
                   for one in ones]
    identifiers = [one["Id"] for one in all_of_them if one.get("Id")]
    if len(identifiers) > len(set(identifiers)):
        raise RefusedError("InvalidArgument", "Same ID used for multiple configurations. IDs must "
                           "be unique", 400)
    filters = [(set(one.get("Events") or []), _filter(one)) for one in all_of_them]
    for at, (events, (prefix, suffix)) in enumerate(filters):
        for others, (prefix2, suffix2) in filters[:at]:
            if _meet(events, others) and _begin(prefix, prefix2) \
                    and _begin(suffix[::-1], suffix2[::-1]):
                raise RefusedError("InvalidArgument", "Configurations overlap. Configurations on "
                                   "the same bucket cannot share a common event type.", 400)


def _filter(configuration: dict) -> tuple[str, str]:
    """(prefix, suffix) of a notification. Raises RefusedError where one is there twice."""
    rules = ((configuration.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    names = [one.get("Name", "").lower() for one in rules]
    if len(names) > len(set(names)):
        raise RefusedError("InvalidArgument", f"Cannot specify more than one {names[0]} rule in a "
                           "filter.", 400)
    values = {one.get("Name", "").lower(): one.get("Value") or "" for one in rules}
    return values.get("prefix", ""), values.get("suffix", "")


def _begin(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _meet(events: set[str], others: set[str]) -> bool:
    return any(_begin(one.rstrip("*"), other.rstrip("*")) if "*" in one + other else one == other
               for one in events for other in others)


@rule("s3", "PutBucketPolicy")
def bucket_policy(asked: dict) -> None:
    text = asked["Policy"]
    text = text.decode() if isinstance(text, bytes) else text
    arn = f"arn:aws:s3:::{asked['Bucket']}"
    for statement in policies.check(text, "MalformedPolicy", principal=True):
        for resource in policies.listed(statement.get("Resource", [])):
            if resource != arn and not resource.startswith(arn + "/") \
                    and not resource.startswith(arn + "*"):
                raise RefusedError("MalformedPolicy", "Policy has invalid resource", 400)


@rule("s3", "PutBucketTagging", "PutObjectTagging")
def tags(asked: dict) -> None:
    keys = [tag["Key"] for tag in (asked.get("Tagging") or {}).get("TagSet") or []]
    most = 10 if "Key" in asked else 50
    if len(keys) > most:
        kind = "Object" if "Key" in asked else "Bucket"
        raise RefusedError("BadRequest", f"{kind} tags cannot be greater than {most}", 400)
    if len(keys) > len(set(keys)):
        raise RefusedError("InvalidTag", "Cannot provide multiple Tags with the same key", 400)
    if any(key.startswith("aws:") for key in keys):
        raise RefusedError("InvalidTag", "System tags cannot be added/updated by requester", 400)


@rule("s3", "DeleteObjects")
def objects_to_delete(asked: dict) -> None:
    if not 1 <= len((asked.get("Delete") or {}).get("Objects") or []) <= 1000:
        raise RefusedError("MalformedXML", "The XML you provided was not well-formed or did not "
                           "validate against our published schema", 400)
