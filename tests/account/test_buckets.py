"""S3 buckets."""
import boto3
import pytest
from botocore.exceptions import ClientError

import full_bucket
from workshop import inventory
from workshop.account import buckets, calls, ownership


def test_five_verbs(name, five_verbs):
    s3, bucket = boto3.client("s3"), buckets.full_name(name)

    def foreign():
        s3.create_bucket(Bucket=bucket)
        return lambda: s3.delete_bucket(Bucket=bucket)
    five_verbs(buckets, lambda: buckets.ensure(bucket), foreign, called=bucket)


def test_it_goes_with_every_version_and_half_upload(name):
    s3, bucket = boto3.client("s3"), buckets.ensure(buckets.full_name(name))
    full_bucket.fill(s3, bucket)
    buckets.delete(bucket)
    assert buckets.find(bucket) is None


def test_one_of_another_region_is_kept(name):
    there = boto3.client("s3", region_name="eu-west-1")
    there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there.put_bucket_tagging(Bucket=name, Tagging={"TagSet": ownership.pairs()})
    try:
        kept, = (one for one in inventory.find() if one.name == name)
        assert (kept.whose, kept.why) == (inventory.KEPT, "it is in the Region eu-west-1")
    finally:
        there.delete_bucket(Bucket=name)


@pytest.fixture
def strange(monkeypatch):
    """A bucket whose account is another one than the caller's."""
    plain, name = boto3.client("s3"), "workshop-test-strange"
    plain.create_bucket(Bucket=name)
    with monkeypatch.context() as patched:
        patched.setattr(calls, "where", lambda: ("999999999999", "us-east-1"))
        patched.setattr(calls, "client", lambda service: calls.s3())
        yield name
    plain.delete_bucket(Bucket=name)


@pytest.mark.parametrize("call, arguments", [
    ("put_object", {"Key": "a", "Body": b""}), ("get_object", {"Key": "file"}),
    ("list_objects_v2", {}), ("delete_bucket", {}),
    ("put_bucket_tagging", {"Tagging": {"TagSet": []}})])
def test_the_workshops_client_refuses_a_strangers_bucket(strange, call, arguments):
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(calls.s3(), call)(Bucket=strange, **arguments)


@pytest.mark.parametrize("use", [buckets.ensure, buckets.find, buckets.delete])
def test_a_strangers_bucket_is_neither_used_nor_deleted(strange, use):
    with pytest.raises(ownership.NotOursError, match="another account owns it"):
        use(strange)
