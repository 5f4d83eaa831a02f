"""How long a change in IAM takes to reach the services that look at roles.

On AWS that is seconds, at times minutes. Here it is no time, unless WORKSHOP_ROLE_DELAY says how
many seconds, before the local cloud starts: until then, a service sees a role as it was. What a
stack makes is known at once: CloudFormation itself waits for its roles.

Source: "Changes that I make are not always immediately visible", IAM User Guide.
"""
import os
import time
from collections import defaultdict

from ministack.core import iam_evaluator as iam

from workshop.local.addresses import ACCOUNT
from workshop.local.rules.rule import rule

DELAY = float(os.environ.get("WORKSHOP_ROLE_DELAY") or 0)       # seconds
# (role's name, what) → (when it was changed, in s; what it was before), the oldest first.
_before: dict[tuple[str, str], list[tuple[float, object]]] = defaultdict(list)
_policies = iam._gather_role_policies


def apply() -> None:
    """Let everybody who asks for a role's policies get those that are known."""
    iam._gather_role_policies = lambda name, account: known(name, "policies",
                                                            _policies(name, account))


def trust_policy(name: str) -> str | dict | None:
    """The trust policy of a role as services know it; None: they know no such role."""
    return known(name, "trust", _trust(name))


def known(name: str, what: str, now):
    """What services know of a role, where `now` is what IAM has."""
    since = time.monotonic() - DELAY
    return next((before for changed, before in _before[name, what] if changed > since), now)


@rule("iam", "CreateRole", "UpdateAssumeRolePolicy")
def trust_changes(asked: dict) -> None:
    remember(asked["RoleName"], "trust", _trust(asked["RoleName"]))


@rule("iam", "PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy")
def policies_change(asked: dict) -> None:
    remember(asked["RoleName"], "policies", _policies(asked["RoleName"], ACCOUNT))


def remember(name: str, what: str, before) -> None:
    """Note what a role is before a change, for as long as a service may still see it so."""
    now, kept = time.monotonic(), _before[name, what]
    kept[:] = [*(one for one in kept if one[0] > now - DELAY), (now, before)] if DELAY else []


def _trust(name: str) -> str | dict | None:
    from ministack.services import iam as roles
    return (roles._roles.get(name) or {}).get("AssumeRolePolicyDocument")
