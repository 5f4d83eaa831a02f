"""S3 buckets: for layers on their way, for models, for what functions read and write."""
from botocore.exceptions import ClientError

from workshop.account import calls, ownership
from workshop.machine import tools


def full_name(name):
    """NAME-ACCOUNT-REGION: a bucket's name is unique in the world."""
    return "-".join((name, *calls.where()))


def find(name):
    """The bucket's name, or None. Raises NotOursError as tags() does."""
    return None if tags(name) is None else name


def ensure(name):
    """Find or make bucket NAME in this Region and return its name."""
    if check(name):
        return name
    s3, region = calls.client("s3"), calls.where()[1]
    place = {} if region == "us-east-1" else {
        "CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": ownership.pairs()})
    tools.say(f"made bucket {name}")
    return name


def tags(name):
    """Tags (dict of str) of bucket NAME, or None where there is no such bucket.

    Raises NotOursError where S3 refuses it: a stranger may have taken the name.
    """
    try:
        return calls.by_key(calls.client("s3").get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            raise ownership.NotOursError(
                f"S3 refuses the bucket {name}: another account owns it, or your permissions do "
                "not include it. Nothing was read or written. Ask who manages your account, or "
                "choose another WORKSHOP_OWNER.") from error
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        if calls.is_missing(error):
            return None
        raise


def remove(name):
    """Delete bucket NAME, whosever it is, with every version, deletion marker, half upload."""
    s3 = calls.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        old = [{"Key": one["Key"], "VersionId": one["VersionId"]}
               for one in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if old:
            s3.delete_objects(Bucket=name, Delete={"Objects": old, "Quiet": True})
    for one in list(calls.pages("s3", "list_multipart_uploads", "Uploads", Bucket=name)):
        s3.abort_multipart_upload(Bucket=name, Key=one["Key"], UploadId=one["UploadId"])
    s3.delete_bucket(Bucket=name)


def listed(meant):
    """What the inventory lists of the buckets that are meant; it keeps those of another Region."""
    s3, here = calls.client("s3"), calls.where()[1]
    for one in calls.pages("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 1000}):
        if meant(one["Name"], f"arn:aws:s3:::{one['Name']}"):
            # The listing has the buckets of all Regions.
            region = one.get("BucketRegion") or s3.head_bucket(Bucket=one["Name"])["BucketRegion"]
            yield one["Name"], one["Name"], tags(one["Name"]) or {}, \
                "" if region == here else f"it is in the Region {region}"


check, removals, delete = ownership.verbs("bucket", find, tags, remove)
