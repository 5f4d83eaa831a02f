"""The policies of a caller: what its identity allows, and what limits that."""
from functools import cache

from ministack.core import iam_evaluator as iam

from workshop.local import identities
from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import learner
from workshop.local.signatures import Caller

ADMINISTRATOR = {"Version": "2012-10-17",
                 "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# The two users of the account, by ARN, and the policy documents that each has.
USERS = {identities.user_arn(ACCOUNT): learner.policies,
         identities.user_arn(ACCOUNT, identities.ADMINISTRATOR): lambda: [ADMINISTRATOR]}


def principal(caller: Caller) -> iam.PrincipalInfo:
    """Who signed a request, with its policies (`policies`) and its boundary and session policies
    (`limits`), each parsed."""
    found = iam.resolve_principal(caller.access_key, ACCOUNT)
    if caller.arn in USERS:
        found.policies = of_user(caller.arn)
    return found


@cache
def of_user(arn: str) -> list:
    """The parsed policies of one of USERS."""
    return [iam.parse_policy_document(one) for one in USERS[arn]()]


def role(arn: str) -> iam.PrincipalInfo:
    """A role as a service takes it: what the role may do, without a session's policies."""
    from ministack.services import iam as roles
    name = arn.rpartition("/")[2]
    return iam.PrincipalInfo(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/service", "AssumedRole", ACCOUNT,
        iam._gather_role_policies(name, ACCOUNT),
        limits=iam._permissions_boundary(roles._roles, name, ACCOUNT))
