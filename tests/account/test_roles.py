"""IAM roles, and policies."""
import json

import boto3
import pytest
from botocore.exceptions import ClientError

from calls import packed
from workshop import inventory
from workshop.account import ownership, roles


@pytest.fixture
def no_users(monkeypatch):
    """Nothing in another Region uses a role: to ask them all takes its time."""
    monkeypatch.setattr(roles, "_users_elsewhere", dict)


def test_five_verbs(name, no_users, five_verbs):
    iam = boto3.client("iam")

    def foreign():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=roles.policy("trust"))
        return lambda: iam.delete_role(RoleName=name)
    five_verbs(roles, lambda: roles.ensure(name), foreign)


def test_it_goes_with_all_that_hangs_on_it(name):
    iam = boto3.client("iam")
    roles.ensure(name)
    roles.grant(name, "logs", function=name)
    document = roles.policy("logs", function=name)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    roles.delete(name)
    assert roles.find(name) is None
    roles.remove_policy(arn)
    assert not list(roles.listed_policies(lambda one, arn="": one == name))
    iam.delete_instance_profile(InstanceProfileName=name)


def test_a_policy_is_filled_in_with_account_region_and_values(name):
    account = boto3.client("sts").get_caller_identity()["Account"]
    [statement] = json.loads(roles.policy("logs", function=name))["Statement"]
    assert statement["Resource"] == (
        f"arn:aws:logs:us-east-1:{account}:log-group:/aws/lambda/{name}:*")


@pytest.mark.parametrize("region", ["eu-west-1", "ap-south-1"])
def test_what_another_region_uses_stays(name, region):
    functions = boto3.client("lambda", region_name=region)
    functions.create_function(FunctionName=name, Role=roles.ensure(f"{name}-role"), Handler="a.b",
                              Runtime="python3.13", Code={"ZipFile": packed()})
    try:
        kept, = (one for one in inventory.find() if name in one.name)
        assert (kept.kind, kept.whose) == ("role", inventory.KEPT) and region in kept.why
    finally:
        functions.delete_function(FunctionName=name)
        roles.delete(f"{name}-role")


@pytest.mark.parametrize("code, whose", [("UnrecognizedClientException", "ours"),
                                         ("AccessDeniedException", "ours"),
                                         ("ServiceUnavailableException", "cannot be listed")])
def test_a_region_that_is_off_uses_no_role_and_one_that_fails_may(name, monkeypatch, code, whose):
    def refused(client):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "ListFunctions")
    monkeypatch.setattr(roles, "_of_functions", refused)
    roles.ensure(name)
    try:
        assert {one.whose for one in inventory.find() if one.kind == "role"
                and (one.name == name or one.whose == inventory.UNKNOWN)} == {whose}
    finally:
        ownership.delete(roles.removals(name))
