"""Whether a caller may make a call, and AWS's words where it may not.

Sources: "Policy evaluation logic" and "Troubleshoot access denied error messages", IAM User Guide.
"""
import contextvars

from ministack.core import iam_evaluator as iam
from ministack.core import responses

from workshop.local.models import Call
from workshop.local.permissions import actions, callers, propagation
from workshop.local.permissions.actions import Need
from workshop.local.signatures import Caller, RefusedError, Request

ALWAYS = {"sts:GetCallerIdentity", "sts:GetSessionToken"}   # allowed whatever policies say


asking: contextvars.ContextVar[Caller] = contextvars.ContextVar("asking")  # whose call it is


def check(caller: Caller, call: Call, request: Request) -> None:
    """Refuse a call that the caller's policies, or those of what it asks for, do not allow.

    Raises:
        RefusedError: code, status and message as the service has them.
    """
    asking.set(caller)
    responses.set_request_region(caller.region)     # whose tables are looked at
    principal = None
    for need in actions.needed(call, request, caller.region):
        if need.action in ALWAYS:
            continue
        principal = principal or callers.principal(caller)
        result = decide(principal, need, caller.region)
        if result.decision != "Allow":
            raise refused(call, request, principal.arn, need, result)


def decide(principal: iam.PrincipalInfo, need: Need, region: str) -> iam.EvalResult:
    """IAM's answer for one action of a principal: by its own policies and the resource's."""
    asked = context(principal, need, region)
    result = iam.evaluate(asked, principal.policies, *principal.limits)
    found = resource_policy(need.resource)
    if found is not None:
        return iam.combine_resource_policy(result, asked, *found, limits=principal.limits)
    if need.action == "sts:AssumeRole" and result.decision != "Deny":
        return by_trust(result, asked)
    return result


def by_policies(principal: iam.PrincipalInfo, need: Need, region: str) -> iam.EvalResult:
    """The same without the resource's policy, as the simulator looks at it."""
    return iam.evaluate(context(principal, need, region), principal.policies, *principal.limits)


def context(principal: iam.PrincipalInfo, need: Need, region: str) -> iam.EvalContext:
    """What policies are asked: the action, its resource, and the condition keys."""
    keys = {name.lower(): value for name, value in need.context.items()}
    keys.setdefault("aws:tagkeys", None)
    if iam._names_condition_key(principal.policies, "aws:resourcetag/"):
        keys |= {f"aws:resourcetag/{name}".lower(): value
                 for name, value in actions.resource_tags(need.resource).items()}
    return iam.EvalContext(
        principal_arn=principal.arn, principal_type=principal.type,
        principal_account=principal.account, action=need.action, resource_arn=need.resource,
        region=region, service_context=keys, principal_keys=principal.keys)


def resource_policy(arn: str) -> tuple | None:
    """(policy, owner's account) of what an ARN names; None where its kind has no policy."""
    service = (arn.split(":") + [""] * 2)[2]
    return iam._resource_policy("apigateway" if service == "execute-api" else service, arn)


def by_trust(identity: iam.EvalResult, asked: iam.EvalContext) -> iam.EvalResult:
    """Whether a role may be taken: its trust policy must say so. One that names the account leaves
    it to the caller's policies; one that names the caller is enough (same account)."""
    trust = propagation.trust_policy(asked.resource_arn.rpartition("/")[2])
    if trust is None or not iam.evaluate_trust_policy(trust, asked.principal_arn, asked):
        return iam.EvalResult("ImplicitDeny", asked.principal_arn)
    named = iam.evaluate_resource_policy(actions.with_resource(trust, asked.resource_arn), asked,
                                         named_only=True)
    return named if named.decision == "Allow" else identity


def refused(call: Call, request: Request, arn: str, need: Need,
            result: iam.EvalResult) -> RefusedError:
    """The refusal in the form of the call's service."""
    resource = f'"{need.resource}"' if call.service == "s3" else need.resource
    text = f"User: {arn} is not authorized to perform: {need.action} on resource: {resource} "
    if result.decision == "Deny":
        kind = "a resource-based" if result.resource_policy_arn else "an identity-based"
        text += f"with an explicit deny in {kind} policy"
    elif need.action == "sts:AssumeRole":
        text = text.rstrip()
    else:
        text += f"because no identity-based policy allows the {need.action} action"
    code = "AuthorizationError" if call.service == "sns" else "AccessDenied"
    # JSON services that are called by a target have 400 for every error of the caller's; SQS, which
    # was a Query service, has 403.
    targeted = "x-amz-target" in request.headers and call.service != "sqs"
    return RefusedError(code, text, 400 if targeted else 403)

