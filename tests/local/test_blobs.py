"""Layers of pushed images are files of the local cloud, and not in its memory."""
import base64
import hashlib
import os

import pytest
import requests

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
    return [path.read_bytes() for path in (state_folder() / "tmp" / "blobs").iterdir()]


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
