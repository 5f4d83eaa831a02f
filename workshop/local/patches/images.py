"""A function's image is known by its digest: Lambda looks a tag up once.

That is when the function is created or its code is updated. MiniStack would follow a tag that is
moved later.
"""
import json

from workshop.local.rules.packages import in_registry

# (function, its image by digest) → the image as the caller named it, by a tag
_given: dict[tuple[str, str], str] = {}


def apply(_port: int) -> None:
    """Put the digest in place of a tag before MiniStack keeps it, and the name back for callers."""
    from ministack.services import lambda_svc
    create, update = lambda_svc._create_function, lambda_svc._update_code
    lambda_svc._create_function = lambda asked: create(
        {**asked, "Code": pinned(asked["FunctionName"], asked["Code"])} if asked.get("Code")
        else asked)
    lambda_svc._update_code = lambda name, asked: update(name, pinned(name, asked))
    lambda_svc._get_function = as_given(lambda_svc._get_function)


def pinned(function: str, code: dict) -> dict:
    """A function's code with the digest of its image in place of a tag."""
    from ministack.services import lambda_svc
    digest = by_digest(code.get("ImageUri") or "")
    if digest is None:
        return code
    remember(lambda_svc._resolve_name(function), digest, code["ImageUri"])
    return {**code, "ImageUri": digest}


def by_digest(uri: str) -> str | None:
    """An image's name with its digest; None for one that the registry has not."""
    repository, image = in_registry(uri)
    return image and f"{repository}@{image['imageDigest']}"


def remember(function: str, digest: str, given: str) -> None:
    """Keep how a caller named an image that is known by its digest from now on."""
    _given[function, digest] = given


def as_given(get_function):
    """GetFunction names an image as it was given; the digest is in ResolvedImageUri."""
    def get(name, *arguments, **options):
        status, headers, body = get_function(name, *arguments, **options)
        if status == 200 and b"ResolvedImageUri" in body:
            answer = json.loads(body)
            code = answer["Code"]
            code["ImageUri"] = _given.get((name, code["ResolvedImageUri"]), code["ImageUri"])
            body = json.dumps(answer).encode()
        return status, headers, body
    return get
