"""The registry: its login, and an image to look at that is never started."""
import base64
import hashlib
import json

import requests

from workshop import cloud

KIND = "application/vnd.docker.distribution.manifest.v2+json"
SETTINGS = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def credentials(ecr) -> tuple[str, str]:
    """(user, password) that ECR's client gives its own identity."""
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    return user, password


def host(uri: str) -> str:
    """Where `docker login` has to go for the repository with this address."""
    return uri.partition("/")[0]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(settings: bytes, *layers: bytes) -> str:
    """An image of settings and layers, as a push sends it."""
    config, *rest = ({"digest": digest_of(one), "size": len(one)} for one in (settings, *layers))
    return json.dumps({"schemaVersion": 2, "mediaType": KIND, "config": {
        "mediaType": SETTINGS, **config}, "layers": [{"mediaType": LAYER, **one} for one in rest]})


def send(ecr, repository: str, content: bytes) -> None:
    """Send settings or a layer to a repository."""
    with requests.Session() as session:
        session.auth, session.trust_env = credentials(ecr), False
        begun = session.post(f"{cloud.url()}/v2/{repository}/blobs/uploads/")
        session.put(f"{cloud.url()}{begun.headers['Location']}", data=content,
                    params={"digest": digest_of(content)}).raise_for_status()


def store(ecr, repository: str, layer: bytes = b"layer", **asked) -> str:
    """Put an image with one layer into a repository; its digest.

    asked: more of PutImage's parameters, such as imageTag.
    """
    for part in (b"{}", layer):
        send(ecr, repository, part)
    return ecr.put_image(repositoryName=repository, imageManifest=manifest(b"{}", layer),
                         **asked)["image"]["imageId"]["imageDigest"]
