"""Lambda layers."""
import io
import zipfile

import boto3
import pytest

from workshop.account import buckets, layers, ownership


def packages_zip(content="x = 1\n"):
    """A tiny layer, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("python/x.py"), content)
    return buffer.getvalue()


@pytest.fixture
def bucket(name):
    yield buckets.full_name(name)
    buckets.delete(buckets.full_name(name))


def listed(name):
    return [(one, ownership.is_ours(tags)) for one, _, tags in
            layers.listed(lambda layer, arn="": layer == name)]


def test_another_layer_is_another_version_and_the_same_is_found_again(name, bucket):
    first, second = (layers.ensure(name, packages_zip(text), bucket) for text in ("1", "2"))
    assert first != second
    assert layers.ensure(name, packages_zip("1"), bucket) == first
    assert layers.find(name)["LayerVersionArn"] == second
    assert ownership.is_ours(layers.tags(layers.find(name)))
    assert sorted(listed(name)) == [(f"{name}:1", True), (f"{name}:2", True)]
    objects = boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    assert objects == [], "Lambda has its own copy: what was uploaded must not stay, and cost"
    layers.delete(name)
    layers.delete(name)
    assert layers.find(name) is None and listed(name) == []


def test_a_foreign_version_is_not_used_and_keeps_ours(name, bucket):
    client = boto3.client("lambda")
    theirs = client.publish_layer_version(LayerName=name, Description="somebody else's",
                                          Content={"ZipFile": packages_zip()})
    assert layers.ensure(name, packages_zip(), bucket) != theirs["LayerVersionArn"]
    with pytest.raises(ownership.NotOursError, match="lacks the tags"):
        layers.delete(name)
    assert sorted(listed(name)) == [(f"{name}:1", False), (f"{name}:2", True)]
    layers.remove(theirs["LayerVersionArn"])
    layers.delete(name)


def test_a_name_of_others_is_refused(name):
    with pytest.raises(ValueError, match="begin with 'workshop-test-'"):
        layers.ensure("churn", b"", name)
