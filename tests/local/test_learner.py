"""The identity that the lessons act as: what no lesson needs is refused, in AWS's words."""
import json
import uuid

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

import image_registry
from waiting import until
from workshop import cloud
from workshop.local import addresses

ACCOUNT, REGION = addresses.ACCOUNT, addresses.REGION
USER = f"arn:aws:iam::{ACCOUNT}:user/learner"
OTHER = "workshop-other-x"
ROLE = {"RoleName": OTHER, "AssumeRolePolicyDocument": json.dumps({
    "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"}}]})}


@pytest.fixture
def name():
    return f"workshop-learner-{uuid.uuid4().hex[:8]}"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def words(session, service, operation, **asked):
    """The message of a call that is refused; None where it is not refused for want of a right."""
    try:
        getattr(session.client(service), operation)(**asked)
    except ClientError as error:
        if error.response["Error"]["Code"] in (
                "AccessDenied", "AccessDeniedException", "AuthorizationError", "403"):
            return error.response["Error"]["Message"]
    return None


@pytest.mark.parametrize("service, operation, asked, action, resource", [
    ("iam", "create_user", {"UserName": "eve"}, "iam:CreateUser",
     "arn:aws:iam::{account}:user/eve"),
    ("iam", "create_access_key", {"UserName": "administrator"}, "iam:CreateAccessKey",
     "arn:aws:iam::{account}:user/administrator"),
    ("iam", "attach_user_policy", {"UserName": "learner", "PolicyArn":
                                   "arn:aws:iam::aws:policy/AdministratorAccess"},
     "iam:AttachUserPolicy", USER),
    ("iam", "create_role", ROLE, "iam:CreateRole", f"arn:aws:iam::{{account}}:role/{OTHER}"),
    ("lambda", "delete_function", {"FunctionName": OTHER}, "lambda:DeleteFunction",
     f"arn:aws:lambda:us-east-1:{{account}}:function:{OTHER}"),
    ("s3", "list_objects_v2", {"Bucket": OTHER}, "s3:ListBucket", f'"arn:aws:s3:::{OTHER}"'),
    ("s3", "put_bucket_policy", {"Bucket": "workshop-learner-x", "Policy": "{}"},
     "s3:PutBucketPolicy", '"arn:aws:s3:::workshop-learner-x"'),
    ("ecr", "delete_repository", {"repositoryName": OTHER}, "ecr:DeleteRepository",
     f"arn:aws:ecr:us-east-1:{{account}}:repository/{OTHER}"),
    ("sqs", "purge_queue", {"QueueUrl": f"http://localhost/{ACCOUNT}/{OTHER}"}, "sqs:PurgeQueue",
     f"arn:aws:sqs:us-east-1:{{account}}:{OTHER}"),
    ("sagemaker", "delete_endpoint", {"EndpointName": OTHER}, "sagemaker:DeleteEndpoint",
     f"arn:aws:sagemaker:us-east-1:{{account}}:endpoint/{OTHER}"),
    ("cloudformation", "delete_stack", {"StackName": OTHER}, "cloudformation:DeleteStack",
     f"arn:aws:cloudformation:us-east-1:{{account}}:stack/{OTHER}/*"),
])
def test_what_no_lesson_needs_is_refused(learner, service, operation, asked, action, resource):
    refused = words(learner, service, operation, **asked)
    assert refused == (
        f"User: {USER} is not authorized to perform: {action} on resource: "
        f"{resource.format(account=ACCOUNT)} because no identity-based policy allows the {action} "
        "action")


def test_the_same_calls_reach_their_service_as_the_administrator(aws):
    for service, operation, asked in (("iam", "get_user", {"UserName": "eve"}),
                                      ("lambda", "delete_function", {"FunctionName": OTHER}),
                                      ("ecr", "delete_repository", {"repositoryName": OTHER})):
        with pytest.raises(ClientError) as refused:
            getattr(aws(service), operation)(**asked)
        assert "Denied" not in refused.value.response["Error"]["Code"]


@pytest.mark.parametrize("service", ["ec2", "events", "cloudformation"])
def test_a_role_is_passed_only_to_services_of_the_lessons(learner, aws, name, service):
    simulated = aws("iam").simulate_principal_policy(
        PolicySourceArn=USER, ActionNames=["iam:PassRole"],
        ResourceArns=[f"arn:aws:iam::{ACCOUNT}:role/{name}"], ContextEntries=[{
            "ContextKeyName": "iam:PassedToService", "ContextKeyType": "string",
            "ContextKeyValues": [f"{service}.amazonaws.com"]}])["EvaluationResults"]
    assert [one["EvalDecision"] for one in simulated] == ["implicitDeny"]


def test_who_else_is_chosen_than_the_two_users_is_an_error(monkeypatch):
    monkeypatch.setenv("WORKSHOP_USER", "root")
    with pytest.raises(cloud.CloudError, match="WORKSHOP_USER is 'root': set it to learner or"):
        cloud.use()


def test_cells_act_as_the_learner_unless_the_administrator_is_chosen(local_cloud, monkeypatch):
    for user in ("learner", "administrator"):
        monkeypatch.setenv("WORKSHOP_USER", user)
        cloud.use()
        assert boto3.client("sts").get_caller_identity()["Arn"].endswith(f":user/{user}")
    monkeypatch.delenv("WORKSHOP_USER")
    cloud.use()
    assert boto3.client("sts").get_caller_identity()["Arn"] == USER


# ---------------------------------------------------------------- stacks

def template(**resources):
    return json.dumps({"Resources": resources})


def deploy(session, stack, body, **asked):
    """Create a stack and wait for its end: its status, and the reasons of what failed."""
    client = session.client("cloudformation")
    change = {"ChangeSetName": client.create_change_set(
        StackName=stack, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body,
        **asked)["Id"]}
    client.get_waiter("change_set_create_complete").wait(**change, WaiterConfig={"Delay": 1})
    client.execute_change_set(**change)
    until(lambda: not status(client, stack).endswith("IN_PROGRESS"), f"{stack} ends", 20)
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    return status(client, stack), [one["ResourceStatusReason"] for one in events
                                   if one["ResourceStatus"] == "CREATE_FAILED"]


def status(client, stack):
    return client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]


@pytest.mark.parametrize("kind, properties, action, resource", [
    ("AWS::SQS::Queue", {"QueueName": OTHER}, "sqs:CreateQueue",
     f"arn:aws:sqs:{REGION}:{ACCOUNT}:{OTHER}"),
    ("AWS::Logs::LogGroup", {"LogGroupName": "/other"}, "logs:CreateLogGroup",
     f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/other:log-stream:"),
    ("AWS::DynamoDB::Table", {"TableName": OTHER, "BillingMode": "PAY_PER_REQUEST",
                              "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
                              "AttributeDefinitions": [{"AttributeName": "a",
                                                        "AttributeType": "S"}]},
     "dynamodb:CreateTable", "*"),
])
def test_a_stack_makes_only_what_its_caller_may_make(learner, aws, name, kind, properties, action,
                                                     resource):
    good = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{name}"}}
    bad = {"Type": kind, "Properties": properties, "DependsOn": "Good"}
    try:
        ended, reasons = deploy(learner, name, template(Good=good, Bad=bad))
        assert ended == "ROLLBACK_COMPLETE"
        assert reasons[-1] == (
            f'Resource handler returned message: "User: {USER} is not authorized to perform: '
            f"{action} on resource: {resource} because no identity-based policy allows the "
            f'{action} action (Service: {kind.split("::")[1]}, Status Code: 403)" '
            "(HandlerErrorCode: AccessDenied)")
        assert not aws("logs").describe_log_groups(
            logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"], "the stack went back"
    finally:
        aws("cloudformation").delete_stack(StackName=name)


def test_a_stack_with_a_role_may_what_the_role_may(learner, aws, name):
    """CloudFormation takes the role for every step, whoever asks for it."""
    iam, group = aws("iam"), f"/other/{name}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "cloudformation.amazonaws.com"}}]}))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [allow(
            ["logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:DeleteLogGroup"])]}))
    body = template(Log={"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": group}})
    role, admin = f"arn:aws:iam::{ACCOUNT}:role/{name}", boto3.Session()
    try:
        with pytest.raises(ClientError, match=f"iam:PassRole on resource: {role}"):
            deploy(learner, name, body, RoleARN=role)
        assert deploy(admin, name, body, RoleARN=role) == ("CREATE_COMPLETE", [])
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [allow("logs:DescribeLogGroups")]}))
        client = aws("cloudformation")
        client.delete_stack(StackName=name)
        until(lambda: status(client, name) == "DELETE_FAILED", "the role may not delete", 20)
    finally:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [allow("logs:*")]}))
        aws("cloudformation").delete_stack(StackName=name)
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        iam.delete_role(RoleName=name)


# ---------------------------------------------------------------- the registry

REQUESTS = [("POST", "blobs/uploads/", "InitiateLayerUpload"),
            ("PATCH", "blobs/uploads/x", "UploadLayerPart"),
            ("PUT", "blobs/uploads/x?digest=sha256:0", "CompleteLayerUpload"),
            ("HEAD", "blobs/sha256:0", "BatchCheckLayerAvailability"),
            ("GET", "blobs/sha256:0", "GetDownloadUrlForLayer"),
            ("PUT", "manifests/v1", "PutImage"), ("GET", "manifests/v1", "BatchGetImage"),
            ("DELETE", "manifests/v1", "BatchDeleteImage"), ("GET", "tags/list", "ListImages")]


@pytest.mark.parametrize("method, path, action", REQUESTS)
def test_the_registry_asks_for_ecrs_actions(learner, aws, name, method, path, action):
    """Of another's repository the learner gets and changes nothing; the administrator may."""
    ecr, other = aws("ecr"), f"workshop-other-{name[-8:]}"
    ecr.create_repository(repositoryName=other)
    try:
        url = f"{cloud.url()}/v2/{other}/{path}"
        refused = requests.request(
            method, url, auth=image_registry.credentials(learner.client("ecr")))
        assert refused.status_code == 403
        if method != "HEAD":
            assert refused.json() == {"errors": [{"code": "DENIED", "message": (
                f"User: {USER} is not authorized to perform: ecr:{action} on resource: "
                f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{other} because no identity-based "
                f"policy allows the ecr:{action} action")}]}
        allowed = requests.request(method, url, auth=image_registry.credentials(ecr))
        assert allowed.status_code != 403
    finally:
        ecr.delete_repository(repositoryName=other, force=True)


def test_a_layer_is_not_copied_out_of_anothers_repository(learner, aws, name):
    ecr, other = aws("ecr"), f"workshop-other-{name[-8:]}"
    for one in (name, other):
        ecr.create_repository(repositoryName=one)
    try:
        url = f"{cloud.url()}/v2/{name}/blobs/uploads/?mount=sha256:0&from="
        login = image_registry.credentials(learner.client("ecr"))
        mine, theirs = (requests.post(url + one, auth=login) for one in (name, other))
        assert mine.status_code != 403 and theirs.status_code == 403
        assert f"repository/{other}" in theirs.json()["errors"][0]["message"]
    finally:
        for one in (name, other):
            ecr.delete_repository(repositoryName=one, force=True)
