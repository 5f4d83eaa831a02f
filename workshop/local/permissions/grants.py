"""What a service may do to a thing, by the thing's own policy, and what a role may do by itself.

A service is a principal such as `events.amazonaws.com`, and says on whose behalf it acts: the
condition keys aws:SourceArn and aws:SourceAccount.
"""
from ministack.core import iam_evaluator as iam

from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import actions, callers, decision, propagation
from workshop.local.permissions.actions import Need

GATEWAY = "apigateway.amazonaws.com"    # not documented to send aws:SourceAccount


def service_may(service: str, action: str, resource: str, policy, source: str, **keys) -> bool:
    """Whether a policy lets a service act on its resource, for `source` (an ARN).

    service: a principal's name; `*` is somebody whom nobody knows. policy: a dict or JSON.
    keys: further condition keys, `lambda__FunctionUrlAuthType` for lambda:FunctionUrlAuthType.
    """
    known = {"aws:sourcearn": source} if source else {}
    if service not in (GATEWAY, "*"):
        known["aws:sourceaccount"] = ACCOUNT
    known |= {name.replace("__", ":").lower(): value for name, value in keys.items()}
    asked = iam.EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action=action,
        resource_arn=resource, region=region_of(resource), service_context=known)
    return iam.evaluate_resource_policy(policy, asked, service=service).decision == "Allow"


def may_invoke(service: str, function: str, source: str) -> bool:
    """Whether a function's policy (`add_permission`) lets a service invoke it.

    function: its ARN; with a qualifier, the version's or alias's own permissions count.
    """
    found = decision.resource_policy(function)
    return found is not None and service_may(service, "lambda:InvokeFunction", function, found[0],
                                             source)


def role_may(role: str, action: str, resource: str) -> bool:
    """Whether a role's policies, or the resource's, let it act when a service has taken it."""
    return decision.decide(callers.role(role), Need(action, resource),
                           region_of(resource)).decision == "Allow"


def region_of(arn: str) -> str:
    return (arn.split(":") + [""] * 4)[3]


def trusts(role: str, service: str, source: str = "") -> bool:
    """Whether a role is there and lets a service take it, for `source` (an ARN, where known)."""
    from ministack.services import iam as roles
    name = role.rpartition("/")[2]
    found, trust = roles._roles.get(name), propagation.trust_policy(name)
    if found is None or trust is None or found["Arn"] != role:
        return False
    policy = actions.with_resource(trust, role)
    return service_may(service, "sts:AssumeRole", role, policy, source)
