"""A function's image is named by its digest: Lambda looks a tag up once.

That is when the function is created or its code is updated. MiniStack would follow a tag that is
moved later.
"""
from workshop.local.rules.packages import in_registry


def apply(_port: int) -> None:
    """Put the digest in place of a tag before MiniStack keeps it."""
    from ministack.services import lambda_svc
    create, update = lambda_svc._create_function, lambda_svc._update_code
    lambda_svc._create_function = lambda asked: create(
        {**asked, "Code": pinned(asked["Code"])} if asked.get("Code") else asked)
    lambda_svc._update_code = lambda name, asked: update(name, pinned(asked))


def pinned(code: dict) -> dict:
    """A function's code with the digest of its image in place of a tag."""
    repository, image = in_registry(code.get("ImageUri") or "")
    return code if image is None else \
        {**code, "ImageUri": f"{repository}@{image['imageDigest']}"}
