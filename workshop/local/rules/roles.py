"""IAM and STS: policy documents, and the policies that a call names."""
import re

from workshop.local.addresses import ACCOUNT
from workshop.local.rules import policies, principals
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

MALFORMED = "MalformedPolicyDocument"
INLINE = {"Role": 10_240, "User": 2_048, "Group": 5_120}    # characters of all, no white space
MANAGED = 6_144         # IAM and STS quotas
ATTACHED = 10           # managed policies of one role
ARN = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/.+")


@rule("iam", "CreateRole", "UpdateAssumeRolePolicy")
def trust_policy(asked: dict) -> None:
    text = asked.get("AssumeRolePolicyDocument", asked.get("PolicyDocument", ""))
    found = policies.check(text, MALFORMED, principal=True, resource=False)
    for statement in found:
        for action in policies.listed(statement.get("Action", [])):
            if not re.fullmatch(r"\*|sts:.*", action, re.IGNORECASE):
                raise RefusedError(MALFORMED, "AssumeRole policy may only specify STS AssumeRole "
                                   "actions.", 400)
    if len(re.sub(r"\s", "", text)) > 2_048:
        raise RefusedError("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409)


@rule("iam", "CreateRole", "UpdateAssumeRolePolicy")
def principals_are_there(asked: dict) -> None:
    """What a trust policy names must exist: a service, a user or role of this account."""
    from ministack.services import iam
    text = asked.get("AssumeRolePolicyDocument", asked.get("PolicyDocument", ""))
    for statement in policies.statements(text, principal=True, resource=False):
        for name in _named(statement, "Service"):
            if not principals.is_service(name):
                raise RefusedError(MALFORMED, f'Invalid principal in policy: "SERVICE":"{name}"',
                                   400)
        for name in _named(statement, "AWS"):
            found = re.fullmatch(rf"arn:aws:iam::{ACCOUNT}:(role|user)/(?:.*/)?([^/]+)", name)
            if found and found[2] not in (iam._roles if found[1] == "role" else iam._users):
                raise RefusedError(MALFORMED, f'Invalid principal in policy: "AWS":"{name}"', 400)


def _named(statement: dict, kind: str) -> list[str]:
    """The principals of a kind, "AWS" or "Service", that a statement names."""
    principal = statement.get("Principal")
    return policies.listed(principal.get(kind, [])) if isinstance(principal, dict) else []


@rule("iam", "DeletePolicy")
def versions_go_first(asked: dict) -> None:
    from ministack.services import iam
    policy = iam._policies.get(asked["PolicyArn"]) or {}
    if len(policy.get("Versions") or []) > 1:
        raise RefusedError("DeleteConflict", "This policy has more than one version. Before you "
                           "delete a policy, you must delete the policy's versions. The default "
                           "version is deleted with the policy.", 409)


@rule("iam", "PutRolePolicy", "PutUserPolicy", "PutGroupPolicy", "CreatePolicy",
      "CreatePolicyVersion")
def identity_policy(asked: dict) -> None:
    text = asked["PolicyDocument"]
    found = policies.check(text, MALFORMED, principal=False)
    if not all(re.fullmatch("[0-9A-Za-z]*", str(statement.get("Sid", ""))) for statement in found):
        raise RefusedError(MALFORMED, "Statement IDs (SID) must be alpha-numeric. Check that your "
                           "input satisfies the regular expression [0-9A-Za-z]*", 400)
    size = len(re.sub(r"\s", "", text))
    kind = next((kind for kind in INLINE if f"{kind}Name" in asked), None)
    if kind and size > INLINE[kind]:
        raise RefusedError("LimitExceeded", f"Maximum policy size of {INLINE[kind]} bytes exceeded "
                           f"for {kind.lower()} {asked[f'{kind}Name']}", 409)
    if not kind and size > MANAGED:
        raise RefusedError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED}", 409)


@rule("iam", "AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")
def policy_to_attach(asked: dict) -> None:
    from ministack.services import iam
    arn = asked["PolicyArn"]
    if not arn.startswith("arn:"):
        raise RefusedError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)
    found = ARN.fullmatch(arn)
    if not found:
        raise RefusedError("InvalidInput", f"ARN {arn} is not valid.", 400)
    if found[1] != "aws" and arn not in iam._policies:
        raise RefusedError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.",
                           404)
    attached = (iam._roles.get(asked.get("RoleName")) or {}).get("AttachedPolicies") or []
    if len(attached) >= ATTACHED and arn not in attached:
        raise RefusedError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}",
                           409)


@rule("iam", "CreateRole", "TagRole")
def tags(asked: dict) -> None:
    keys = [tag["Key"] for tag in asked.get("Tags") or []]
    if any(key.lower().startswith("aws:") for key in keys):
        raise RefusedError("InvalidInput", "System tags (starting with aws:) cannot be changed.",
                           400)
    if len({key.lower() for key in keys}) < len(keys):
        raise RefusedError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys "
                           "are case insensitive.", 400)


@rule("sts", "AssumeRole")
def role_to_assume(asked: dict) -> None:
    arn = asked["RoleArn"]
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", arn):
        raise RefusedError("ValidationError", f"{arn} is invalid", 400)
    from ministack.services import iam
    role = iam._roles.get(arn.rpartition("/")[2]) or {}
    longest = int(role.get("MaxSessionDuration") or 3600)
    if asked.get("DurationSeconds", 0) > longest:
        raise RefusedError("ValidationError", "The requested DurationSeconds exceeds the "
                           "MaxSessionDuration set for this role.", 400)
