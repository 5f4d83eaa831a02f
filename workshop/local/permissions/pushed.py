"""What a request to the registry needs: ECR's actions stand behind Docker's protocol.

Sources: "IAM permissions for pushing an image", "Private registry authentication", ECR user guide.
"""
from ministack.core import iam_evaluator as iam

from workshop.local import identities
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import callers, decision
from workshop.local.permissions.actions import Need
from workshop.local.signatures import Caller, RefusedError

# What is asked for, as MiniStack reads a path → HTTP method → the action.
ACTIONS = {
    "blob_uploads": {"POST": "InitiateLayerUpload"},
    "blob_upload_session": {"PATCH": "UploadLayerPart", "GET": "UploadLayerPart",
                            "DELETE": "UploadLayerPart", "PUT": "CompleteLayerUpload"},
    "blob": {"HEAD": "BatchCheckLayerAvailability", "GET": "GetDownloadUrlForLayer",
             "DELETE": "BatchDeleteImage"},
    "manifest": {"GET": "BatchGetImage", "HEAD": "BatchGetImage", "PUT": "PutImage",
                 "DELETE": "BatchDeleteImage"},
    "tags_list": {"GET": "ListImages"},
    "catalog": {"GET": "DescribeRepositories"},
}


def needed(method: str, path: str, parameters: dict[str, list[str]]) -> list[Need]:
    """What a request to the registry needs. path: /v2/…; parameters: those of its query."""
    from ministack.services import ecr
    kind, name, _ = ecr._parse_v2_path(path) or ("", "", "")
    action, here = ACTIONS.get(kind, {}).get(method), f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/"
    if action is None:
        return []
    needs = [Need(f"ecr:{action}", here + (name or "*"))]
    for source in parameters.get("from", []) if kind == "blob_uploads" else ():
        needs.append(Need("ecr:GetDownloadUrlForLayer", here + source))     # a layer is copied
    return needs


def check(caller: Caller | str, method: str, path: str, parameters: dict[str, list[str]]) -> None:
    """Refuse a request to the registry that a caller may not make; arguments as `needed`.

    caller: whose login it is (identities.registry_caller).

    Raises:
        RefusedError: with ECR's words.
    """
    if caller == identities.SERVICE:
        return
    decision.asking.set(caller)
    who = callers.principal(caller)
    for need in needed(method, path, parameters):
        words = "The security token included in the request is invalid." \
            if isinstance(who, iam.AuthError) else decision.refusal(who, need, REGION)
        if words:
            raise RefusedError("DENIED", words, 403)
