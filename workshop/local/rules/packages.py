"""Lambda: what a function is made of, when it is created or updated: code, role, variables.

Source: "CreateFunction" and "UpdateFunctionCode", API reference; the words are the service's own.
"""
import json
import os
import re

from workshop.local import limits
from workshop.local.addresses import REGION
from workshop.local.permissions import grants
from workshop.local.permissions.actions import function_arn
from workshop.local.rules import versions
from workshop.local.rules.functions import function, invalid
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

INDEX = re.compile(r"image\.index|manifest\.list")  # media types of an image for many platforms


@rule("lambda", "CreateFunction")
def created(asked: dict) -> None:
    """Stacks ask this, too: they make functions past the calls (patches/stacks.py)."""
    settings(asked)
    image((asked.get("Code") or {}).get("ImageUri"))


@rule("lambda", "UpdateFunctionConfiguration")
def configured(asked: dict) -> None:
    settings(asked)
    update_in_progress(asked)


@rule("lambda", "UpdateFunctionCode")
def updated(asked: dict) -> None:
    update_in_progress(asked)
    package(asked)
    image(asked.get("ImageUri"))


def settings(asked: dict) -> None:
    """Variables, runtime and role."""
    from ministack.services import lambda_svc
    environment((asked.get("Environment") or {}).get("Variables") or {})
    known = sorted(lambda_svc._RUNTIME_IMAGE_MAP)
    if asked.get("Runtime") and asked["Runtime"] not in known:
        # MiniStack invents answers for functions with a runtime that there is not.
        raise invalid(f"Value {asked['Runtime']} at 'runtime' failed to satisfy constraint: Member "
                      f"must satisfy enum value set: [{', '.join(known)}] or be a valid ARN")
    if asked.get("Role"):
        of = function_arn(lambda_svc._resolve_name(asked.get("FunctionName") or ""), REGION)
        if not grants.trusts(asked["Role"], "lambda.amazonaws.com", of):
            raise invalid("The role defined for the function cannot be assumed by Lambda.")


def environment(variables: dict) -> None:
    """No name that Lambda sets itself, 4 KB in all."""
    from ministack.services import lambda_svc
    reserved = sorted(set(variables) & set(lambda_svc._RESERVED_RUNTIME_ENV_VARS))
    if reserved:
        raise invalid("Lambda was unable to configure your environment variables because the "
                      "environment variables you have provided contains reserved keys that are "
                      "currently not supported for modification. Reserved keys used in this "
                      f"request: {', '.join(reserved)}")
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > limits.VARIABLES:
        raise invalid("Lambda was unable to configure your environment variables because the "
                      "environment variables you have provided exceeded the 4KB limit. "
                      f"String measured: {json.dumps(variables)[:200]}")


@rule("lambda", "PublishVersion")
def update_in_progress(asked: dict) -> None:
    """A function must be ready, and an update have ended, before the next may begin."""
    config = (function(asked) or {}).get("config") or {}
    is_ready(config)
    if config.get("LastUpdateStatus") == "InProgress":
        raise RefusedError(
            "ResourceConflictException", "The operation cannot be performed at this time. An "
            f"update is in progress for resource: {config['FunctionArn']}", 409)


@rule("lambda", "Invoke")
def invoked_when_ready(asked: dict) -> None:
    record = function(asked)
    if record:
        name = versions.qualifier_of(asked)
        name = record["aliases"].get(name, {}).get("FunctionVersion", name)
        is_ready((record["versions"].get(name) or record)["config"])


def is_ready(config: dict) -> None:
    """Source: Lambda Developer Guide, "Lambda function states"."""
    if config.get("State") == "Pending" and config.get("StateReasonCode") == "Creating":
        raise RefusedError(
            "ResourceConflictException", "The operation cannot be performed at this time. The "
            "function is currently in the following state: Pending", 409)


def package(asked: dict) -> None:
    """A function stays a zip or an image for life (`PackageType` cannot be changed)."""
    kind = ((function(asked) or {}).get("config") or {}).get("PackageType")
    if kind == "Zip" and "ImageUri" in asked:
        raise invalid("Please don't provide ImageUri when updating a function with packageType "
                      "Zip.")
    if kind == "Image" and "ImageUri" not in asked:
        raise invalid("Please provide ImageUri when updating a function with packageType Image.")


def image(uri: str | None) -> None:
    """An image must be in the registry, and be for one platform.

    The second is what `docker buildx` breaks with its attestations, which make an image index.
    """
    if not uri:
        return
    repository, found = in_registry(uri)
    if repository is None:
        raise invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    if found is None:
        raise invalid(f"Source image {uri} does not exist. Provide a valid source image.")
    if INDEX.search(found.get("imageManifestMediaType") or ""):
        raise invalid("The image manifest, config or layer media type for the source image "
                      f"{uri} is not supported.")


def in_registry(uri: str) -> tuple[str | None, dict | None]:
    """(address of an image's repository, what the registry has of it); None for what is not."""
    from ministack.services import ecr
    found = re.fullmatch(rf"(localhost:{os.environ['GATEWAY_PORT']}/([^:@]+))"
                         r"(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?", uri)
    if not found:
        return None, None
    repository, name, tag, digest = found.groups()
    return repository, ecr._find_image(
        name, {"imageDigest": digest, "imageTag": None if digest else tag})
