"""Layers of pushed images and objects of S3 are files of the local cloud, not in its memory."""
import os
import shutil
import socket
from contextlib import suppress

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from image_registry import KIND, credentials, digest_of, manifest
from waiting import until
from workshop import cloud
from workshop.local import lifecycle
from workshop.local.addresses import ACCOUNT, state_folder
from workshop.local.patches import blobs

NAME = "workshop-test-blobs"
SIZE = 150_000_000      # bytes


@pytest.fixture
def registry(aws):
    """An empty repository: its address, and the login."""
    ecr = aws("ecr")
    ecr.create_repository(repositoryName=NAME)
    with requests.Session() as session:
        session.auth = credentials(ecr)
        session.trust_env = False
        yield session
    if NAME in str(ecr.describe_repositories()):
        ecr.delete_repository(repositoryName=NAME, force=True)


def upload(session, *pieces, digest):
    """Push a layer in pieces, as Docker does; the last answer."""
    host = f"http://localhost:{cloud.port()}"
    place = host + session.post(f"{host}/v2/{NAME}/blobs/uploads/").headers["Location"]
    sent = 0
    for piece in pieces:
        answer = session.patch(place, data=piece)
        sent += len(piece)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{sent - 1}")
    assert session.get(place).headers["Range"] == f"0-{sent - 1}"
    return session.put(f"{place}?digest={digest}")


def files():
    found = []
    for path in (state_folder() / "tmp" / "blobs").iterdir():
        with suppress(FileNotFoundError):       # removed since: what nobody needs goes by itself
            found.append(path.read_bytes())
    return found


def test_a_layer_goes_to_a_file_and_comes_back_whole_while_memory_stays(registry):
    before = lifecycle.status()["memory"]
    content = os.urandom(SIZE)
    digest = digest_of(content)
    pushed = upload(registry, content[:100], content[100:], digest=digest)
    assert pushed.status_code == 201, pushed.text
    assert content in files()
    place = address(NAME, f"blobs/{digest}")
    assert registry.head(place).headers["Content-Length"] == str(SIZE)
    assert registry.get(place).content == content
    assert lifecycle.status()["memory"] - before < SIZE / 2


def address(repository, place):
    return f"http://localhost:{cloud.port()}/v2/{repository}/{place}"


def test_a_layer_of_a_deleted_repository_need_not_be_compressed_and_sent_again(registry, aws):
    settings, layer = os.urandom(20), os.urandom(30)
    for content in (settings, layer):
        assert upload(registry, content, digest=digest_of(content)).status_code == 201
    aws("ecr").delete_repository(repositoryName=NAME, force=True)
    assert registry.head(address(NAME, f"blobs/{digest_of(layer)}")).status_code == 404
    aws("ecr").create_repository(repositoryName=NAME)
    answer = registry.head(address(NAME, f"blobs/{digest_of(layer)}"))
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "30")
    assert registry.head(address(NAME, f"blobs/{digest_of(b'other')}")).status_code == 404
    assert registry.get(address(NAME, f"blobs/{digest_of(layer)}")).status_code == 404
    pushed = registry.put(address(NAME, "manifests/v1"), data=manifest(settings, layer),
                          headers={"Content-Type": KIND})
    assert pushed.status_code == 201, pushed.text
    for content in (settings, layer):
        assert registry.get(address(NAME, f"blobs/{digest_of(content)}")).content == content


def test_a_layer_is_not_there_for_somebody_who_has_not_sent_it(registry, aws, learner):
    layer, own = os.urandom(30), "workshop-learner-blobs"
    assert upload(registry, layer, digest=digest_of(layer)).status_code == 201
    aws("ecr").create_repository(repositoryName=own)
    try:
        login = credentials(learner.client("ecr"))
        place = address(own, f"blobs/{digest_of(layer)}")
        assert registry.head(place).status_code == 200
        assert requests.head(place, auth=login).status_code == 404
        pushed = requests.put(address(own, "manifests/v1"), data=manifest(b"", layer), auth=login,
                              headers={"Content-Type": KIND})
        assert pushed.status_code == 404, pushed.text
        assert requests.get(place, auth=login).status_code == 404
    finally:
        aws("ecr").delete_repository(repositoryName=own, force=True)


@pytest.mark.parametrize("content", [b"", b"layer"])
def test_an_image_takes_a_layer_that_another_has_sent_to_its_repository(
        registry, aws, learner, content):
    own = "workshop-learner-blobs"
    aws("ecr").create_repository(repositoryName=own)
    try:
        host = f"http://localhost:{cloud.port()}"
        begun = host + registry.post(address(NAME, "blobs/uploads/")).headers["Location"]
        assert registry.put(f"{begun}?digest={digest_of(content)}", data=content).status_code == 201
        mount = address(own, f"blobs/uploads/?mount={digest_of(content)}&from={NAME}")
        assert registry.post(mount).status_code == 201
        login = credentials(learner.client("ecr"))
        pushed = requests.put(address(own, "manifests/v1"), data=manifest(content, content),
                              auth=login, headers={"Content-Type": KIND})
        assert pushed.status_code == 201, pushed.text
    finally:
        aws("ecr").delete_repository(repositoryName=own, force=True)


def test_an_image_without_one_of_its_layers_is_refused(registry):
    settings, missing = os.urandom(20), os.urandom(30)
    assert upload(registry, settings, digest=digest_of(settings)).status_code == 201
    place = address(NAME, "manifests/v1")
    pushed = registry.put(place, data=manifest(settings, missing), headers={"Content-Type": KIND})
    [error] = pushed.json()["errors"]
    assert (pushed.status_code, error["code"]) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert error["message"] == (
        f"Layers with digests '[{digest_of(missing)}]' required for pushing image into repository "
        f"with name '{NAME}' in the registry with id '{ACCOUNT}' do not exist")
    assert registry.get(place).status_code == 404


def test_only_the_latest_layers_are_kept_and_the_files_of_others_go(tmp_path):
    kept = blobs.Kept(most=10)
    for name in ("a", "b", "c", "b"):
        made = blobs.Blob(tmp_path)
        made.extend(name.encode() * 4)
        made.close()
        kept.add(name, made)
    del made
    assert [name for name in "abc" if kept.get(name)] == ["b", "c"]
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"bbbb", b"cccc"]


def test_other_bytes_than_the_digest_names_are_refused_and_not_kept(registry):
    refused = upload(registry, b"changed", digest=digest_of(b"layer"))
    assert refused.status_code == 400 and "DIGEST_INVALID" in refused.text
    assert b"changed" not in files()


def test_an_unknown_upload_is_refused(registry):
    place = f"http://localhost:{cloud.port()}/v2/{NAME}/blobs/uploads/unknown"
    for answer in (registry.patch(place, data=b"x"), registry.put(f"{place}?digest=sha256:0")):
        assert answer.status_code == 404 and "BLOB_UPLOAD_UNKNOWN" in answer.text


def test_an_object_goes_to_a_file_and_comes_back_whole_while_memory_stays(aws):
    s3, before = aws("s3"), lifecycle.status()["memory"]
    content = os.urandom(SIZE)
    s3.create_bucket(Bucket=NAME)
    try:
        s3.put_object(Bucket=NAME, Key="large", Body=content)
        assert s3.get_object(Bucket=NAME, Key="large")["Body"].read() == content
        assert SIZE in sizes()
        s3.delete_object(Bucket=NAME, Key="large")
        assert SIZE not in sizes()
    finally:
        s3.delete_object(Bucket=NAME, Key="large")
        s3.delete_bucket(Bucket=NAME)
    until(lambda: lifecycle.status()["memory"] - before < SIZE / 2, "the request is forgotten", 90)


def sizes():
    return [path.stat().st_size for path in (state_folder() / "tmp" / "s3").rglob("*")
            if path.is_file()]


@pytest.fixture
def own_cloud(monkeypatch):
    """A local cloud that nobody has asked yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("WORKSHOP_PORT", str(port))
    try:
        yield cloud.use()
    finally:
        lifecycle.stop()
        shutil.rmtree(state_folder(), ignore_errors=True)


def test_at_the_end_no_object_is_left(own_cloud):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=NAME)
    s3.put_object(Bucket=NAME, Key="secret", Body=b"secret")
    assert len(b"secret") in sizes()
    lifecycle.stop()
    assert not sizes()


LISTINGS = {
    "apigateway": "get_rest_apis", "apigatewayv2": "get_apis", "cloudformation": "list_stacks",
    "cloudwatch": "list_metrics", "ecr": "describe_repositories", "events": "list_rules",
    "iam": "list_roles", "lambda": "list_functions", "logs": "describe_log_groups",
    "resourcegroupstaggingapi": "get_resources", "s3": "list_buckets",
    "sagemaker": "list_endpoints", "scheduler": "list_schedules", "sns": "list_topics",
    "sqs": "list_queues", "sts": "get_caller_identity"}


def test_a_local_cloud_that_has_answered_for_every_service_is_small(own_cloud):
    """MiniStack alone would load the models of all of AWS to know SageMaker's name: 450 MB."""
    before = lifecycle.status()["memory"]
    for service, listing in LISTINGS.items():
        getattr(boto3.client(service), listing)()
    with pytest.raises(ClientError, match="has no service"):
        boto3.client("textract").list_adapters()
    assert lifecycle.status()["memory"] - before < 120e6
