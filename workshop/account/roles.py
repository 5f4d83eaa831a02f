"""IAM roles and the policies that they have; IAM has no Region, what uses a role has one."""
import string
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from workshop.account import calls, ownership
from workshop.machine import tools

POLICIES = Path(__file__).parent / "policies"
# What a Region answers to an identity that may do nothing there: it is off, or forbidden.
NOT_THERE = ("UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired",
             "AccessDenied", "AccessDeniedException")


def policy(name, **values):
    """Policy document `policies/NAME.json` as text, filled in.

    ${account}, ${region} and ${owned}, with which the owner's names begin, are known here; VALUES
    gives the others.
    """
    account, region = calls.where()
    text = string.Template((POLICIES / f"{name}.json").read_text(encoding="utf-8"))
    return text.substitute(values, account=account, region=region, owned=ownership.prefix())


def find(name):
    """Role NAME as IAM describes it (dict), or None."""
    found = calls.if_there(calls.client("iam").get_role, RoleName=name)
    return found and found["Role"]


def ensure(name, trust="trust"):
    """Find or make role NAME, which `policies/TRUST.json` lets be assumed; return its ARN."""
    if found := check(name):
        return found["Arn"]
    made = calls.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=policy(trust), Tags=ownership.pairs())
    tools.say(f"made role {name}")
    return made["Role"]["Arn"]


def grant(name, what, **values):
    """Put `policies/WHAT.json`, with VALUES filled in, into role NAME."""
    calls.client("iam").put_role_policy(RoleName=name, PolicyName=what,
                                        PolicyDocument=policy(what, **values))


def tags(role):
    """Tags (dict of str) of a role."""
    return calls.by_key(calls.client("iam").list_role_tags(RoleName=role["RoleName"])["Tags"])


def remove(name):
    """Delete role NAME, whosever it is, once nothing hangs on it and no profile holds it."""
    iam, of = calls.client("iam"), {"RoleName": name}
    for one in list(calls.pages(
            "iam", "list_instance_profiles_for_role", "InstanceProfiles", **of)):
        iam.remove_role_from_instance_profile(
            **of, InstanceProfileName=one["InstanceProfileName"])
    for one in list(calls.pages("iam", "list_role_policies", "PolicyNames", **of)):
        iam.delete_role_policy(**of, PolicyName=one)
    for one in list(calls.pages("iam", "list_attached_role_policies", "AttachedPolicies", **of)):
        iam.detach_role_policy(**of, PolicyArn=one["PolicyArn"])
    iam.delete_role(**of)


def listed(meant):
    """What the inventory lists of the roles that are meant; another Region's use keeps one."""
    users = cache(_users_elsewhere)
    for one in calls.pages("iam", "list_roles", "Roles"):
        if meant(one["RoleName"], one["Arn"]):
            found = tags(one)
            why = users().get(one["Arn"], "") if ownership.is_ours(found) else ""
            yield one["RoleName"], one["Arn"], found, why


# What uses a role in another Region

def _users_elsewhere() -> dict[str, str]:
    """{role's ARN: what uses it there, in words}."""
    here, session = calls.where()[1], boto3.session.Session()
    # Clients one after the other: boto3 makes them in one thread only. Then their calls go at once.
    clients = [(region, look, calls.client(service, region))
               for service, look in (("lambda", _of_functions), ("sagemaker", _of_models))
               for region in session.get_available_regions(service) if region != here]
    with ThreadPoolExecutor(16) as pool:
        return {role: words for found in pool.map(lambda one: _users(*one), clients)
                for role, words in found.items()}


def _users(region, look, client):
    try:
        return {role: f"{what} in {region} uses it" for role, what in look(client)}
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            return {}
        raise


def _of_functions(client):
    """(role's ARN, what uses it) for the functions of a Region."""
    for page in client.get_paginator("list_functions").paginate():
        for one in page["Functions"]:
            yield one["Role"], f"the function {one['FunctionName']}"


def _of_models(client):
    """The same for the owner's SageMaker models."""
    for page in client.get_paginator("list_models").paginate(NameContains=ownership.prefix()):
        for one in page["Models"]:
            name = one["ModelName"]
            yield client.describe_model(ModelName=name)["ExecutionRoleArn"], f"the model {name}"


# Policies of their own

def _policy_tags(policy):
    return calls.by_key(calls.client("iam").list_policy_tags(PolicyArn=policy["Arn"])["Tags"])


def remove_policy(arn):
    """Delete a policy by its ARN (arn), whosever it is; its older versions go before."""
    iam = calls.client("iam")
    for one in list(calls.pages("iam", "list_policy_versions", "Versions", PolicyArn=arn)):
        if not one["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
    iam.delete_policy(PolicyArn=arn)


listed_policies = calls.lister(_policy_tags, "iam", "list_policies", "Policies",
                               "PolicyName", "Arn", Scope="Local")
check, removals, delete = ownership.verbs("role", find, tags, remove)
