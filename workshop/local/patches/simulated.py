"""`simulate_principal_policy` and `simulate_custom_policy` answer as the gate would decide.

MiniStack's answers know no boundary, one resource and no condition keys.
"""
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator as iam

from workshop.local import identities
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import callers, decision
from workshop.local.permissions.actions import Need

DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}


def apply(port: int) -> None:
    """Put these in the place of MiniStack's two."""
    from ministack.services import iam as service
    service._IAM_HANDLERS |= {"SimulatePrincipalPolicy": of_principal,
                              "SimulateCustomPolicy": of_documents}


def of_principal(asked):
    """What a user or role may do, with policies that are given added to its own."""
    from ministack.services import iam as service
    arn = service._p(asked, "PolicySourceArn")
    kind, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    known = service._roles if kind == "role" else service._users
    if arn in callers.USERS:
        principal = iam.PrincipalInfo(arn, "User", ACCOUNT, callers.of_user(arn))
    elif kind not in ("role", "user") or name not in known:
        return service._error(404, "NoSuchEntity", f"The entity with name {name} cannot be found.",
                              ns="iam")
    elif kind == "role":
        principal = callers.role(arn)
    else:
        principal = iam.PrincipalInfo(arn, "User", ACCOUNT,
                                      iam._gather_user_policies(name, ACCOUNT),
                                      limits=iam._permissions_boundary(known, name, ACCOUNT))
    if kind == "user":
        principal.keys["aws:username"] = name
    principal.policies = principal.policies + documents(asked, "PolicyInputList")
    return answer(service, asked, "SimulatePrincipalPolicy", principal)


def of_documents(asked):
    """What policies allow that nobody has yet."""
    from ministack.services import iam as service
    return answer(service, asked, "SimulateCustomPolicy", iam.PrincipalInfo(
        service._p(asked, "CallerArn") or identities.user_arn(ACCOUNT), "User", ACCOUNT,
        documents(asked, "PolicyInputList")))


def documents(asked, name: str) -> list:
    return [iam.parse_policy_document(one) for one in members(asked, name)]


def members(asked, name: str) -> list[str]:
    """The entries of a list in a form, `NAME.member.1` and on."""
    from ministack.services import iam as service
    found = []
    while text := service._p(asked, f"{name}.member.{len(found) + 1}"):
        found.append(text)
    return found


def context(asked) -> dict:
    """The condition keys that the caller gives (ContextEntries)."""
    from ministack.services import iam as service
    keys, number = {}, 1
    while name := service._p(asked, f"ContextEntries.member.{number}.ContextKeyName"):
        here = f"ContextEntries.member.{number}"
        values = members(asked, f"{here}.ContextKeyValues")
        many = (service._p(asked, f"{here}.ContextKeyType") or "").endswith("List")
        keys[name] = values if many else next(iter(values), None)
        number += 1
    return keys


def answer(service, asked, operation: str, principal: iam.PrincipalInfo):
    """One result for each action on each resource."""
    boundary = documents(asked, "PermissionsBoundaryPolicyInputList")
    if boundary:
        principal.limits = [boundary]
    keys, results = context(asked), []
    for action in members(asked, "ActionNames"):
        for resource in members(asked, "ResourceArns") or ["*"]:
            result = decision.by_policies(principal, Need(action, resource, keys), REGION)
            results.append(
                f"<member><EvalActionName>{escape(action)}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
                f"<EvalDecision>{DECISIONS[result.decision]}</EvalDecision>"
                "<MatchedStatements/><MissingContextValues/></member>")
    return service._xml(200, f"{operation}Response",
                        f"<{operation}Result><EvaluationResults>{''.join(results)}"
                        "</EvaluationResults><IsTruncated>false</IsTruncated>"
                        f"</{operation}Result>", ns="iam")
