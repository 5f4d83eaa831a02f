"""What somebody may do whom nobody knows: read the objects that a bucket's policy opens to all.

Nothing else: no list, no version, no property of an object, and no page of another origin (the gate
turns those away before). Source: "Blocking public access to your Amazon S3 storage", S3 User Guide.
"""
from ministack.core import iam_evaluator as iam

from workshop.local import models
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import actions, decision
from workshop.local.signatures import RefusedError, Request, is_signed

READS = {"GetObject", "HeadObject"}


def may_read(request: Request) -> bool:
    """Whether a request to S3 without any signature reads an object that is public.

    The bucket's policy must allow it to everyone, and RestrictPublicBuckets must be off. A query or
    a header of AWS's (x-amz-…) asks for more than the object, and is not answered; nor is any
    other kind of `Authorization`.
    """
    if is_signed(request) or request.method not in ("GET", "HEAD") or request.query \
            or any(name.startswith(("x-amz-", "authorization")) for name in request.headers):
        return False
    try:
        call = models.check("s3", request)
    except RefusedError:
        return False
    return call is not None and call.operation.name in READS \
        and not is_restricted(call.parameters["Bucket"]) \
        and all(is_open(need) for need in actions.needed(call, request, REGION))


def is_restricted(bucket: str) -> bool:
    from ministack.services import s3
    return s3._public_access_blocked(ACCOUNT, bucket, "RestrictPublicBuckets")


def is_open(need: actions.Need) -> bool:
    """Whether a bucket's policy allows an action to everyone."""
    policy = (decision.resource_policy(need.resource) or [None])[0]
    keys = {name.lower(): value for name, value in need.context.items()}
    asked = iam.EvalContext(
        principal_arn="*", principal_type="Anonymous", principal_account="", action=need.action,
        resource_arn=need.resource, region=REGION, service_context=keys)
    return bool(policy) and iam.evaluate_resource_policy(policy, asked).decision == "Allow"
