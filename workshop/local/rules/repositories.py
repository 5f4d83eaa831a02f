"""ECR: life cycles, repository policies, images that are named."""
import json

from workshop.local.rules import policies
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError


def invalid(parameter: str, message: str) -> RefusedError:
    return RefusedError("InvalidParameterException", f"Invalid parameter at '{parameter}' failed "
                        f"to satisfy constraint: '{message}'", 400)


@rule("ecr", "PutLifecyclePolicy", "StartLifecyclePolicyPreview")
def lifecycle_policy(asked: dict) -> None:
    text = asked.get("lifecyclePolicyText")
    if text is None:
        return

    def wrong(message):
        return invalid("LifecyclePolicyText", "Lifecycle policy validation failure: " + message)
    try:
        rules = json.loads(text)["rules"]
        assert rules and all(isinstance(one, dict) for one in rules)
    except (ValueError, KeyError, TypeError, AssertionError):
        raise wrong("the text is no JSON object with a list of rules") from None
    for one in rules:
        lacking = [key for key in ("rulePriority", "selection", "action") if key not in one]
        if lacking:
            raise wrong(f"object has missing required properties {lacking}")
        fault = _selection(one["selection"])
        if fault:
            raise wrong(fault)
        if one["action"] != {"type": "expire"}:
            raise wrong("the action's type must be expire")
    numbers = [one["rulePriority"] for one in rules]
    if len(numbers) > len(set(numbers)):
        raise wrong("rulePriority must be unique")
    if any(one["selection"]["tagStatus"] == "any" and one["rulePriority"] < max(numbers)
           for one in rules):
        raise wrong("a rule for any tagStatus must have the highest rulePriority")


def _selection(selection: dict) -> str | None:
    """What is wrong with a rule's selection, in words; None where all is right."""
    status, kind = selection.get("tagStatus"), selection.get("countType")
    if status not in ("tagged", "untagged", "any"):
        return f"instance value ({status!r}) not found in enum tagged, untagged, any"
    if kind not in ("imageCountMoreThan", "sinceImagePushed"):
        return f"instance value ({kind!r}) not found in enum imageCountMoreThan, sinceImagePushed"
    if not isinstance(selection.get("countNumber"), int) or selection["countNumber"] < 1:
        return "countNumber must be an integer of 1 or more"
    if (kind == "sinceImagePushed") != (selection.get("countUnit") == "days") \
            or kind == "imageCountMoreThan" and "countUnit" in selection:
        return "countUnit must be days for sinceImagePushed, and must not be set otherwise"
    tagged = bool(selection.get("tagPrefixList")) + bool(selection.get("tagPatternList"))
    if tagged != (status == "tagged"):
        return "tagPrefixList or tagPatternList goes with tagStatus tagged, and with no other"
    return None


@rule("ecr", "SetRepositoryPolicy")
def repository_policy(asked: dict) -> None:
    policies.check(asked["policyText"], "InvalidParameterException", principal=True, resource=False,
                   words="Invalid parameter at 'PolicyText' failed to satisfy constraint: "
                         "'Invalid repository policy provided: {}'")


@rule("ecr", "DescribeImages")
def images_that_are_there(asked: dict) -> None:
    from ministack.services import ecr
    name = asked["repositoryName"]
    if name not in ecr._repositories:
        return
    for image in asked.get("imageIds") or []:
        if ecr._find_image(name, image) is None:
            raise RefusedError(
                "ImageNotFoundException",
                f"The image with imageId {{imageDigest:'{image.get('imageDigest', 'null')}', "
                f"imageTag:'{image.get('imageTag', 'null')}'}} does not exist within the "
                f"repository with name '{name}' in the registry with id '{_registry(asked)}'", 400)


def _registry(asked: dict) -> str:
    from workshop.local.addresses import ACCOUNT
    return asked.get("registryId") or ACCOUNT
