"""What a repository takes, by PutImage and by a push: ECR's codes and words."""
import json
import os

import pytest
import requests

from calls import ACCOUNT, refused
from image_registry import KIND, credentials, digest_of, manifest, send, store
from workshop import cloud

NAME = "workshop-test-images"
INDEX = "application/vnd.oci.image.index.v1+json"
INTO = (f"required for pushing image into repository with name '{NAME}' in the registry with id "
        f"'{ACCOUNT}' do not exist")
FIXED = (f"The image tag 'v1' already exists in the '{NAME}' repository and cannot be overwritten "
         "because the repository is immutable.")


@pytest.fixture
def ecr(aws):
    """ECR's client, and an empty repository."""
    client = aws("ecr")
    client.create_repository(repositoryName=NAME)
    yield client
    client.delete_repository(repositoryName=NAME, force=True)


def put(**asked):
    """(status, code, message) of PutImage, which must be refused."""
    return refused("ecr", "put_image", {"repositoryName": NAME, **asked})


def push(ecr, reference, text, kind=KIND):
    """What the registry answers to a manifest: the status, and the first error if there is one."""
    with requests.Session() as session:
        session.auth, session.trust_env = credentials(ecr), False
        answer = session.put(f"{cloud.url()}/v2/{NAME}/manifests/{reference}", data=text,
                             headers={"Content-Type": kind})
    error = answer.json()["errors"][0] if answer.content else {}
    return answer.status_code, error.get("code"), error.get("message")


def index(*digests):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": KIND, "size": 2, "digest": digest} for digest in digests]})


def test_an_image_needs_its_layers(ecr):
    there, missing = os.urandom(20), os.urandom(20)
    send(ecr, NAME, there)
    assert put(imageManifest=manifest(there, missing)) == (
        400, "LayersNotFoundException", f"Layers with digests '[{digest_of(missing)}]' {INTO}")
    send(ecr, NAME, missing)
    ecr.put_image(repositoryName=NAME, imageManifest=manifest(there, missing))


def test_a_layer_sent_by_ecrs_own_calls_is_not_kept(ecr):
    layer = os.urandom(20)
    upload = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    ecr.upload_layer_part(repositoryName=NAME, uploadId=upload, partFirstByte=0,
                          partLastByte=len(layer) - 1, layerPartBlob=layer)
    ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload,
                              layerDigests=[digest_of(layer)])
    assert put(imageManifest=manifest(layer))[1] == "LayersNotFoundException"


def test_a_digest_is_that_of_the_manifest(ecr):
    wrong = digest_of(b"something else")
    words = (f"The image with digest '{wrong}' in repository '{NAME}' and registry ID '{ACCOUNT}' "
             "does not match the image digest that Amazon ECR has calculated.")
    store(ecr, NAME)
    text = manifest(b"{}", b"layer")
    assert put(imageManifest=text, imageDigest=wrong, imageTag="v1") == (
        400, "ImageDigestDoesNotMatchException", words)
    assert push(ecr, wrong, text) == (400, "MANIFEST_INVALID", words)
    assert push(ecr, digest_of(text.encode()), text)[0] == 201
    ecr.put_image(repositoryName=NAME, imageManifest=text, imageTag="v1",
                  imageDigest=digest_of(text.encode()))


def test_an_index_needs_its_images(ecr):
    there, missing = store(ecr, NAME), digest_of(b"nothing")
    text, words = index(there, missing), f"Images with digests '[{missing}]' {INTO}"
    assert put(imageManifest=text, imageManifestMediaType=INDEX) == (
        400, "ReferencedImagesNotFoundException", words)
    assert push(ecr, "both", text, INDEX) == (404, "MANIFEST_BLOB_UNKNOWN", words)
    assert push(ecr, "both", index(there), INDEX)[0] == 201


def test_an_image_is_put_once_and_takes_further_tags(ecr):
    digest, text = store(ecr, NAME, imageTag="v1"), manifest(b"{}", b"layer")
    there = (f"already exists in the repository with name '{NAME}' in registry with id "
             f"'{ACCOUNT}'")
    assert put(imageManifest=text, imageTag="v1") == (
        400, "ImageAlreadyExistsException", f"Image with digest '{digest}' and tag 'v1' {there}")
    assert put(imageManifest=text) == (
        400, "ImageAlreadyExistsException", f"Image with digest '{digest}' {there}")
    ecr.put_image(repositoryName=NAME, imageManifest=text, imageTag="v2")
    assert push(ecr, "v1", text)[0] == 201          # a push of the same again is none of the kind
    [image] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert sorted(image["imageTags"]) == ["v1", "v2"]


def test_a_tag_moves_unless_the_repository_is_immutable(ecr):
    for layer in (b"first", b"second"):
        last = store(ecr, NAME, layer, imageTag="v1")
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    send(ecr, NAME, b"third")
    assert put(imageManifest=manifest(b"{}", b"third"), imageTag="v1") == (
        400, "ImageTagAlreadyExistsException", FIXED)
    for layer in (b"second", b"third"):             # the same again, too
        assert push(ecr, "v1", manifest(b"{}", layer)) == (400, "TAG_INVALID", FIXED)
    store(ecr, NAME, b"third", imageTag="v2")
    tags = {one["imageDigest"]: one["imageTags"] for one in ecr.describe_images(
        repositoryName=NAME, filter={"tagStatus": "TAGGED"})["imageDetails"]}
    assert tags[last] == ["v1"]
