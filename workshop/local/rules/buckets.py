"""S3: names, conditional requests, notifications, bucket policies, tags and life cycles."""
import ipaddress
import re
from urllib.parse import parse_qsl, unquote

from workshop.local.models.wording import MALFORMED_XML
from workshop.local.rules import policies
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NOT_IMPLEMENTED = ("NotImplemented", "A header you provided implies functionality that is not "
                                     "implemented", 501)

# How IAM's words for a fault of a policy begin → S3's.
POLICY = {"This policy contains invalid Json":
          "Policies must be valid JSON and the first byte must be '{'",
          "Invalid principal": "Invalid principal in policy",
          "Actions/Conditions": "Policy has invalid action",
          "Resource ": "Policy has invalid resource"}
LEAST_PART = 5 * 2**20      # bytes, of all parts but the last
ACTIONS = {"Expiration", "Transitions", "NoncurrentVersionExpiration",
           "NoncurrentVersionTransitions", "AbortIncompleteMultipartUpload"}


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


@rule("s3", "CompleteMultipartUpload")
def size_of_parts(asked: dict) -> None:
    """Source: S3 User Guide, "Amazon S3 multipart upload limits"."""
    from ministack.services import s3
    stored = (s3._multipart_uploads.get(asked["UploadId"]) or {}).get("parts") or {}
    named = sorted(part["PartNumber"] for part in
                   (asked.get("MultipartUpload") or {}).get("Parts") or [] if "PartNumber" in part)
    if any(number in stored and stored[number]["size"] < LEAST_PART for number in named[:-1]):
        raise RefusedError("EntityTooSmall", "Your proposed upload is smaller than the minimum "
                           "allowed size", 400)


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
    try:
        statements = policies.statements(text, principal=True)
    except policies.PolicyError as error:
        raise RefusedError("MalformedPolicy", next(
            (words for begin, words in POLICY.items() if str(error).startswith(begin)),
            str(error)), 400) from None
    for statement in statements:
        actions = policies.listed(statement.get("Action", []))
        if any(not re.match(r"(?i)s3:|\*$", one) for one in actions):
            raise RefusedError("MalformedPolicy", "Policy has invalid action", 400)
        for resource in policies.listed(statement.get("Resource", [])):
            if resource != arn and not resource.startswith(arn + "/") \
                    and not resource.startswith(arn + "*"):
                raise RefusedError("MalformedPolicy", "Policy has invalid resource", 400)


@rule("s3", "CopyObject")
def copy_to_itself(asked: dict) -> None:
    source = asked["CopySource"]
    source = source if isinstance(source, str) else f"{source['Bucket']}/{source['Key']}"
    changes = asked.keys() & {"StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption"}
    if unquote(source).lstrip("/") == f"{asked['Bucket']}/{asked['Key']}" and not changes \
            and asked.get("MetadataDirective") != "REPLACE":
        raise RefusedError("InvalidRequest", "This copy request is illegal because it is trying to "
                           "copy an object to itself without changing the object's metadata, "
                           "storage class, website redirect location or encryption attributes.",
                           400)


@rule("s3", "PutObject", "CopyObject", "CreateMultipartUpload")
def tags_in_a_header(asked: dict) -> None:
    keys = [key for key, _ in parse_qsl(asked.get("Tagging") or "", keep_blank_values=True)]
    if len(keys) > len(set(keys)):
        raise RefusedError("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as "
                           "UTF-8 then URLEncoded URL query parameters without tag name "
                           "duplicates.", 400)


@rule("s3", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")
def number_of_keys(asked: dict) -> None:
    for name in ("MaxKeys", "MaxUploads"):
        if asked.get(name, 0) < 0:
            raise RefusedError("InvalidArgument", f"Argument {name[0].lower()}{name[1:]} must be "
                               "an integer between 0 and 2147483647", 400)


@rule("s3", "PutBucketLifecycleConfiguration")
def life_cycle(asked: dict) -> None:
    rules = (asked.get("LifecycleConfiguration") or {}).get("Rules") or []
    if any("Filter" not in one and "Prefix" not in one for one in rules):
        raise RefusedError(*MALFORMED_XML)
    names = [one["ID"] for one in rules if one.get("ID")]
    if len(names) > len(set(names)):
        raise RefusedError("InvalidArgument", "Rule ID must be unique. Found same ID for more than "
                           "one rule", 400)
    for one in rules:
        if not one.keys() & ACTIONS:
            raise RefusedError("InvalidRequest", "At least one action needs to be specified in a "
                               "rule", 400)


@rule("s3", "PutBucketCors")
def cors(asked: dict) -> None:
    for one in (asked.get("CORSConfiguration") or {}).get("CORSRules") or []:
        for method in one.get("AllowedMethods") or []:
            if method not in ("GET", "PUT", "POST", "DELETE", "HEAD"):
                raise RefusedError("InvalidRequest", "Found unsupported HTTP method in CORS "
                                   f"config. Unsupported method is {method}", 400)


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
        raise RefusedError(*MALFORMED_XML)
