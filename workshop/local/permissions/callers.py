"""The policies of a caller: what its identity allows, and what limits that."""
from ministack.core import iam_evaluator as iam

from workshop.local import identities
from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import learner
from workshop.local.signatures import Caller


def principal(caller: Caller) -> iam.PrincipalInfo:
    """Who signed a request, with its policies (`policies`) and its boundary and session policies
    (`limits`), each parsed."""
    found = iam.resolve_principal(caller.access_key, ACCOUNT)
    if caller.arn == identities.learner_arn(ACCOUNT):
        found.policies = [iam.parse_policy_document(one) for one in learner.policies()]
    return found


def role(arn: str) -> iam.PrincipalInfo:
    """A role as a service takes it: what the role may do, without a session's policies."""
    from ministack.services import iam as roles
    name = arn.rpartition("/")[2]
    return iam.PrincipalInfo(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/service", "AssumedRole", ACCOUNT,
        iam._gather_role_policies(name, ACCOUNT),
        limits=iam._permissions_boundary(roles._roles, name, ACCOUNT))
