"""Layers of pushed images and objects of S3 are files of the local cloud, not in its memory."""
import base64
import hashlib
import os
import shutil
import socket
from contextlib import suppress

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from waiting import until
from workshop import cloud
from workshop.local import lifecycle
from workshop.local.addresses import state_folder

NAME = "workshop-test-blobs"
SIZE = 150_000_000      # bytes


@pytest.fixture
def registry(aws):
    """An empty repository: its address, and the login."""
    ecr = aws("ecr")
    ecr.create_repository(repositoryName=NAME)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    with requests.Session() as session:
        session.auth = tuple(base64.b64decode(token).decode().split(":"))
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
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    pushed = upload(registry, content[:100], content[100:], digest=digest)
    assert pushed.status_code == 201, pushed.text
    assert content in files()
    address = f"http://localhost:{cloud.port()}/v2/{NAME}/blobs/{digest}"
    assert registry.head(address).headers["Content-Length"] == str(SIZE)
    assert registry.get(address).content == content
    assert lifecycle.status()["memory"] - before < SIZE / 2


def test_the_file_goes_with_its_repository(registry, aws):
    digest = "sha256:" + hashlib.sha256(b"layer").hexdigest()
    assert upload(registry, b"layer", digest=digest).status_code == 201
    assert b"layer" in files()
    aws("ecr").delete_repository(repositoryName=NAME, force=True)
    assert b"layer" not in files()


def test_other_bytes_than_the_digest_names_are_refused_and_not_kept(registry):
    refused = upload(registry, b"changed", digest="sha256:" + hashlib.sha256(b"layer").hexdigest())
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
