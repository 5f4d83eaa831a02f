"""Each action of policies/deploy.json is taken away in turn from the role of a pipeline: it makes,
changes and deletes the stack of lambda/template.yaml, and what it lacks is in the stack's events,
in AWS's words."""
import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse

from acting import as_role_with
from waiting import until
from workshop.account import roles
from workshop.local.addresses import ACCOUNT
from workshop.local.rules.policies import listed
from workshop.machine import paths

STACK = "workshop-test-pipeline"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-boundary"
SERVICES = ("apigateway", "cloudwatch", "iam", "lambda", "logs", "sns")     # of its resources
GONE = "DELETE_COMPLETE"

# CloudFormation asks for these besides, by its own descriptions of the types, with which
# tests/account/test_deploy_policy.py compares the policy. The local cloud does without.
ONLY_ON_AWS = set("""
apigateway:PUT
cloudwatch:ListTagsForResource cloudwatch:UntagResource
iam:GetRolePolicy iam:ListRoleTags iam:UntagRole iam:UpdateRoleDescription
lambda:DeleteFunctionConcurrency lambda:GetFunctionCodeSigningConfig
lambda:GetFunctionRecursionConfig lambda:GetFunctionScalingConfig
lambda:GetRuntimeManagementConfig lambda:ListTags lambda:PutFunctionConcurrency
lambda:PutFunctionRecursionConfig lambda:UntagResource
logs:DeleteRetentionPolicy logs:DescribeIndexPolicies logs:GetDataProtectionPolicy
logs:ListTagsForResource logs:UntagResource
sns:GetDataProtectionPolicy sns:ListSubscriptionsByTopic sns:ListTagsForResource
sns:UntagResource""".split())


ACTIONS = {action for one in json.loads((roles.POLICIES / "deploy.json").read_text())["Statement"]
           for action in listed(one["Action"]) if action.startswith(SERVICES)}


def template(word: str) -> str:
    """lambda/template.yaml; another word changes the properties of its resources that may change.

    A zip of one line is in the place of the image, which would have to be built first.
    """
    body = yaml_parse((paths.LAMBDA / "template.yaml").read_text(encoding="utf-8"))
    changing = {"AWS::CloudWatch::Alarm": "AlarmDescription", "AWS::ApiGatewayV2::Api":
                "Description", "AWS::SNS::Topic": "DisplayName", "AWS::IAM::Role": "Description"}
    for resource in body["Resources"].values():
        if resource["Type"] in changing:
            resource["Properties"][changing[resource["Type"]]] = word
    function = body["Resources"]["Churn"]
    del function["Metadata"], function["Properties"]["PackageType"]
    del function["Properties"]["ImageUri"]
    function["Properties"] |= {"Runtime": "python3.13", "Handler": "index.handler", "InlineCode":
                               "def handler(event, context):\n    return 1\n", "Description": word}
    return json.dumps(body)


# ---------------------------------------------------------------- what is seen of the stack

def state() -> str:
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return found["StackStatus"]
    except ClientError:
        return GONE


def events() -> dict[str, str]:
    """Of all events so far: id → the reason, where something failed."""
    try:
        found = boto3.client("cloudformation").describe_stack_events(StackName=STACK)
    except ClientError:
        return {}
    return {one["EventId"]: one.get("ResourceStatusReason", "") for one in found["StackEvents"]
            if one["ResourceStatus"].endswith("FAILED")}


def failed(call, **asked) -> str:
    """Call, wait until the stack rests, and return the reasons of what failed."""
    before = events()
    call(StackName=STACK, **asked)
    until(lambda: not state().endswith("IN_PROGRESS"), f"{STACK} rests", 30)
    return " ".join(reason for event, reason in events().items() if event not in before)


def deployed(client, word: str) -> str:
    """Propose a change set and execute it; returns the reasons of what failed."""
    change = {"StackName": STACK, "ChangeSetName": f"c{uuid.uuid4().hex[:8]}"}
    client.create_change_set(
        **change, ChangeSetType="CREATE" if state() == GONE else "UPDATE",
        TemplateBody=template(word), Tags=[{"Key": "owner", "Value": "pipeline"}],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": "Boundary", "ParameterValue": BOUNDARY}])
    client.get_waiter("change_set_create_complete").wait(**change, WaiterConfig={"Delay": 1})
    return failed(client.execute_change_set, ChangeSetName=change["ChangeSetName"])


def lived(*lacking: str) -> str:
    """What fails first in the life of the stack, by a pipeline whose role lacks these actions."""
    kept = [{**one, "Action": [action for action in listed(one["Action"]) if action not in lacking]}
            for one in json.loads(roles.policy("deploy", stack=STACK))["Statement"]]
    session = as_role_with(f"{STACK}-role", [one for one in kept if one["Action"]])
    client = session.client("cloudformation")
    return (deployed(client, "first") or deployed(client, "second")
            or failed(client.delete_stack))


@pytest.fixture(scope="module", autouse=True)
def boundary(local_cloud):
    boto3.client("iam").create_policy(PolicyName=f"{STACK}-boundary",
                                      PolicyDocument=roles.policy("boundary", stack=STACK))
    yield
    boto3.client("iam").delete_policy(PolicyArn=BOUNDARY)
    roles.remove(f"{STACK}-role")


@pytest.fixture(autouse=True)
def no_stack(boundary):
    yield
    if state() != GONE:
        failed(boto3.client("cloudformation").delete_stack)
    assert state() == GONE


def test_nothing_fails_when_nothing_is_taken_away():
    assert lived() == "" and state() == GONE


@pytest.mark.parametrize("action", sorted(ACTIONS - ONLY_ON_AWS))
def test_an_action_that_is_taken_away_is_missed(action):
    assert f"is not authorized to perform: {action} on resource: " in lived(action)


def test_the_local_cloud_does_without_the_others():
    """If it asks for one of them one day, that one belongs to the test above."""
    assert ONLY_ON_AWS <= ACTIONS
    assert lived(*ONLY_ON_AWS) == ""
