"""ECR: what must hold of an image that comes into a repository, by PutImage or by a push.

The words are ECR's, as users report them: of a layer in github.com/oras-project/oras-py/issues/54,
of a digest in github.com/google/go-containerregistry/issues/1568, of an immutable tag in
github.com/moby/buildkit/issues/3776, of an image that is there in
github.com/CircleCI-Public/aws-ecr-orb/issues/261. Those of an index are by analogy.
"""
import json

from workshop.local.addresses import ACCOUNT
from workshop.local.rules.repositories import invalid
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError


def layers(manifest: bytes | str) -> list[str]:
    """The digests of the settings and the layers that an image consists of; none of an index."""
    content = _content(manifest)
    parts = [content.get("config"), *_listed(content, "layers")]
    return [str(part["digest"]) for part in parts if isinstance(part, dict) and "digest" in part]


def members(manifest: bytes | str) -> list[str]:
    """The digests of the images that an index lists; none of an image."""
    return [str(one["digest"]) for one in _listed(_content(manifest), "manifests")
            if isinstance(one, dict) and "digest" in one]


def _content(manifest: bytes | str) -> dict:
    try:
        content = json.loads(manifest)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _listed(content: dict, key: str) -> list:
    found = content.get(key)
    return found if isinstance(found, list) else []


def lacking(what: str, digests: list[str], name: str) -> str | None:
    """The words for Layers or Images that repository `name` does not have; None for no digests."""
    if not digests:
        return None
    return (f"{what} with digests '[{', '.join(digests)}]' required for pushing image into "
            f"repository with name '{name}' in the registry with id '{ACCOUNT}' do not exist")


def lacking_members(manifest: bytes | str, name: str) -> str | None:
    """The words for an index with images that repository `name` does not have, or None."""
    from ministack.services import ecr
    return lacking("Images", [digest for digest in members(manifest)
                              if not ecr._find_image(name, {"imageDigest": digest})], name)


def wrong_digest(manifest: bytes | str, digest: str | None, name: str) -> str | None:
    """The words for a digest that is not the manifest's, or None."""
    from ministack.services import ecr
    if digest in (None, ecr._image_digest(manifest)):
        return None
    return (f"The image with digest '{digest}' in repository '{name}' and registry ID '{ACCOUNT}' "
            "does not match the image digest that Amazon ECR has calculated.")


def taken(name: str, tag: str | None) -> str | None:
    """The words for a tag that an image of repository `name` has for good, or None."""
    from ministack.services import ecr
    if ecr._repositories[name].get("imageTagMutability") == "IMMUTABLE" \
            and ecr._find_image(name, {"imageTag": tag}):
        return (f"The image tag '{tag}' already exists in the '{name}' repository and cannot be "
                "overwritten because the repository is immutable.")
    return None


def _there(manifest: str, tag: str | None, name: str) -> str | None:
    """The words for an image that repository `name` has already, with this tag, or None."""
    from ministack.services import ecr
    digest = ecr._image_digest(manifest)
    found = ecr._find_image(name, {"imageDigest": digest})
    if not found or tag and tag not in found.get("imageTags", []):
        return None
    tagged = f" and tag '{tag}'" if tag else ""
    return (f"Image with digest '{digest}'{tagged} already exists in the repository with name "
            f"'{name}' in registry with id '{ACCOUNT}'")


@rule("ecr", "PutImage")
def image(asked: dict) -> None:
    from ministack.services import ecr
    name, manifest, tag = asked["repositoryName"], asked["imageManifest"], asked.get("imageTag")
    try:
        json.loads(manifest)
    except ValueError:
        raise invalid("ImageManifest", "Invalid JSON syntax") from None
    if name not in ecr._repositories:               # MiniStack says so
        return
    held = ecr._layer_blobs.get(name, {})
    missing = [digest for digest in layers(manifest) if digest not in held]
    for code, words in (
            ("ImageDigestDoesNotMatchException",
             wrong_digest(manifest, asked.get("imageDigest"), name)),
            ("LayersNotFoundException", lacking("Layers", missing, name)),
            ("ReferencedImagesNotFoundException", lacking_members(manifest, name)),
            ("ImageAlreadyExistsException", _there(manifest, tag, name)),
            ("ImageTagAlreadyExistsException", taken(name, tag))):
        if words:
            raise RefusedError(code, words, 400)
