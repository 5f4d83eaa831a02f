"""What a policy allows, asked of an evaluator of IAM policies that MiniStack brings (MIT)."""
import json
import string

from ministack.core import iam_evaluator as iam

from workshop.account import roles

ACCOUNT, REGION = "123456789012", "eu-central-1"


def document(file, **values):
    """A policy file as a dict, with account, region and `values` filled in."""
    text = (roles.POLICIES / f"{file}.json").read_text(encoding="utf-8")
    return json.loads(string.Template(text).substitute(values, account=ACCOUNT, region=REGION))


def allows(policy, action, resource, boundary=None, **keys):
    """Whether an identity policy, within a boundary, allows an action on a resource.

    keys: condition keys of the request; `iam__PassedToService` stands for iam:PassedToService.
    """
    request = _request(action, resource, keys)
    limits = [[iam.parse_policy_document(boundary)]] if boundary else []
    answer = iam.evaluate(request, [iam.parse_policy_document(policy)], *limits)
    return answer.decision == "Allow"


def trusts(policy, caller, action="sts:AssumeRole", claims=None, **keys):
    """Whether a trust policy lets a caller, a provider's ARN or a service, take the role."""
    request = _request(action, "*", keys | (claims or {}))
    if not caller.startswith("arn:"):        # the evaluator knows no services: put their names in
        policy = {**policy, "Statement": [one | {"Principal": {"AWS": one["Principal"]["Service"]}}
                                          for one in policy["Statement"]]}
    return iam.evaluate_trust_policy(policy, caller, request)


def _request(action, resource, keys):
    known = {name.replace("__", ":").lower(): value for name, value in keys.items()}
    return iam.EvalContext(principal_arn=f"arn:aws:iam::{ACCOUNT}:role/someone",
                           principal_type="AssumedRole", principal_account=ACCOUNT, action=action,
                           resource_arn=resource, region=REGION, service_context=known)
