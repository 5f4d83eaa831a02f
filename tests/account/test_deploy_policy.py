"""The pipeline's role: it may do what deploying the stack takes, and nothing else."""
import json
import re
from pathlib import Path

import cfnlint
import pytest
import yaml
from samcli.yamlhelper import yaml_parse

from permissions import ACCOUNT, REGION, allows, document, trusts
from workshop.account import roles
from workshop.machine import paths

STACK = "shop-churn"
POLICY = document("deploy", stack=STACK)
BOUNDARY = document("boundary", stack=STACK)
BOUNDARY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-boundary"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-churn-role"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-churn"
TEMPLATE = yaml_parse((paths.LAMBDA / "template.yaml").read_text(encoding="utf-8"))
KEYS = {"iam__PermissionsBoundary": BOUNDARY_ARN, "iam__PassedToService": "lambda.amazonaws.com"}


def arn(service, rest, account=ACCOUNT, region=REGION):
    return f"arn:aws:{service}:{region}:{account}:{rest}"


# The ARNs of the template's resources, by type, for a stack of that name.
ARNS = {
    "AWS::IAM::Role": [ROLE],
    "AWS::Lambda::Function": [FUNCTION],
    "AWS::Lambda::Permission": [FUNCTION],
    "AWS::Logs::LogGroup": [arn("logs", f"log-group:/aws/lambda/{STACK}-churn"),
                            arn("logs", f"log-group:/aws/apigateway/{STACK}")],
    "AWS::ApiGatewayV2::Api": [arn("apigateway", "/apis", account=""),
                               arn("apigateway", "/apis/a1b2c3", account="")],
    "AWS::ApiGatewayV2::Integration": [arn("apigateway", "/apis/a1b2c3/integrations/i1", "")],
    "AWS::ApiGatewayV2::Route": [arn("apigateway", "/apis/a1b2c3/routes/r1", account="")],
    "AWS::ApiGatewayV2::Stage": [arn("apigateway", "/apis/a1b2c3/stages/$default", account="")],
    "AWS::SNS::Topic": [arn("sns", f"{STACK}-alarms")],
    "AWS::CloudWatch::Alarm": [arn("cloudwatch", f"alarm:{STACK}-{name}")
                               for name in ("errors", "throttles", "slow", "faults")],
}
# These take no resource: the statement must be for "*".
FOR_ALL = {"logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:CreateLogDelivery",
           "logs:PutResourcePolicy"}
# What CloudFormation's description of a type lists for properties that this template has not.
UNUSED = {
    "AWS::IAM::Role": {"iam:AttachRolePolicy", "iam:DetachRolePolicy",     # managed policies
                       "iam:DeleteRolePermissionsBoundary"},                # would open the door
    "AWS::Lambda::Function": {
        "s3:GetObject", "s3:GetObjectVersion", "lambda:GetLayerVersion",    # zip files, layers
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        "ec2:DescribeNetworkInterfaces",                                    # private networks
        "elasticfilesystem:DescribeMountTargets", "s3files:ListMountTargets",
        "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
        "lambda:GetCodeSigningConfig", "lambda:PutFunctionCodeSigningConfig",
        "lambda:DeleteFunctionCodeSigningConfig", "lambda:PutRuntimeManagementConfig",
        "lambda:PutFunctionScalingConfig", "lambda:PassCapacityProvider", "lambda:PublishVersion"},
    "AWS::Logs::LogGroup": {
        "logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy", "logs:PutIndexPolicy",
        "logs:DeleteIndexPolicy", "logs:AssociateKmsKey", "logs:DisassociateKmsKey",
        "logs:PutBearerTokenAuthentication", "logs:PutLogGroupDeletionProtection",
        "logs:DeleteResourcePolicy", "s3:REST.PUT.OBJECT", "firehose:TagDeliveryStream"},
    "AWS::ApiGatewayV2::Api": {"s3:getObject"},                             # OpenAPI files
    "AWS::ApiGatewayV2::Integration": {"iam:PassRole"},                     # credentials of its own
    "AWS::ApiGatewayV2::Stage": {"apigateway:TagResource", "apigateway:UntagResource"},   # no such
    "AWS::SNS::Topic": {"sns:Subscribe", "sns:Unsubscribe", "sns:PutDataProtectionPolicy",
                        "iam:GetRole", "iam:PassRole"},                     # logs of deliveries
}


def described():
    """{type: actions} from CloudFormation's own descriptions, which cfn-lint brings."""
    found = {}
    for path in Path(cfnlint.__file__).parent.glob("data/schemas/resources/*.json"):
        text = path.read_text(encoding="utf-8")
        kind = re.search(r'"typeName": ?"([^"]+)"', text)[1]
        if kind in ARNS:
            schema = json.loads(text)
            lists = [schema["handlers"][step]["permissions"]
                     for step in ("create", "read", "update", "delete")
                     if step in schema["handlers"]]
            found[kind] = set().union(schema["tagging"].get("permissions", []), *lists)
    return found


DESCRIBED = described()


def test_every_type_in_the_template_is_looked_at():
    types = {one["Type"] for one in TEMPLATE["Resources"].values()}
    assert {kind.replace("Serverless", "Lambda") for kind in types} == set(ARNS) == set(DESCRIBED)


@pytest.mark.parametrize("kind", ARNS)
def test_the_role_may_create_change_and_delete_each_resource(kind):
    needed = DESCRIBED[kind] - UNUSED.get(kind, set())
    assert needed
    for action in needed:
        for resource in ["*"] if action in FOR_ALL else [
                ROLE if action == "iam:PassRole" else one for one in ARNS[kind]]:
            assert allows(POLICY, action, resource, **KEYS), f"{action} on {resource}"


@pytest.mark.parametrize("kind", UNUSED)
def test_what_the_template_does_not_use_is_not_allowed(kind):
    assert UNUSED[kind] <= DESCRIBED[kind], "no longer listed by CloudFormation"
    for action in UNUSED[kind]:
        assert not any(allows(POLICY, action, resource, **KEYS) for resource in ARNS[kind]), action


# What `docker push` takes (ECR user guide, "IAM permissions for pushing an image").
PUSH = {"ecr:" + name for name in (
    "GetAuthorizationToken", "BatchGetImage", "BatchCheckLayerAvailability", "CompleteLayerUpload",
    "InitiateLayerUpload", "PutImage", "UploadLayerPart")}
# Lambda reads the image (GetDownloadUrlForLayer); a stage with a log takes log deliveries (API
# Gateway developer guide, "permissions to enable HTTP API logging").
BY_GUIDES = PUSH | {"ecr:GetDownloadUrlForLayer"} | {"logs:" + name for name in (
    "CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies",
    "GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery")}
# What sam and the pipeline call themselves: tests/test_template.py records it. Besides: to read why
# a deploy failed, and to delete a change set that nobody wants.
BY_SAM = {"cloudformation:" + name for name in (
    "CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents",
    "DescribeStacks", "ExecuteChangeSet", "GetTemplate", "GetTemplateSummary")} | {
    "ecr:BatchDeleteImage", "ecr:DescribeRepositories"}


def test_an_image_can_be_pushed_to_the_one_repository():
    assert allows(POLICY, "ecr:GetAuthorizationToken", "*")
    for action in PUSH - {"ecr:GetAuthorizationToken"}:
        assert allows(POLICY, action, arn("ecr", f"repository/{STACK}"))
        for other in (f"repository/{STACK}2", "repository/shop", f"repository/x/{STACK}"):
            assert not allows(POLICY, action, arn("ecr", other)), other


def test_the_policy_allows_nothing_that_nothing_needs():
    needed = set().union(BY_GUIDES, BY_SAM, *(actions - UNUSED.get(kind, set())
                                              for kind, actions in DESCRIBED.items()))
    allowed = {action for one in POLICY["Statement"] for action in (
        [one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    assert allowed == allowed & needed, allowed - needed
    assert len({one["Sid"] for one in POLICY["Statement"]}) == len(POLICY["Statement"])


def test_it_fits_into_one_managed_policy():
    longest = json.dumps(document("deploy", stack="s" * 40), separators=(",", ":"))
    assert len(longest) < 6144, "IAM's limit for a managed policy, without white space"


# ---------------------------------------------------------------- what it must not do

OTHER = "someone-else"
FORBIDDEN = [   # action, resource
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
    ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/eve"),
    ("iam:CreatePolicyVersion", BOUNDARY_ARN),
    ("iam:SetDefaultPolicyVersion", BOUNDARY_ARN),
    ("iam:DeletePolicy", BOUNDARY_ARN),
    ("iam:AttachRolePolicy", ROLE),
    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{OTHER}"),
    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-churn-role2"),
    ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-deploy"),
    ("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-deploy"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Administrator"),
    ("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/{STACK}"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Administrator"),
    ("cloudformation:CreateChangeSet", arn("cloudformation", f"stack/{OTHER}/1")),
    ("cloudformation:ExecuteChangeSet", arn("cloudformation", f"stack/{STACK}-2/1")),
    ("cloudformation:DeleteStack", arn("cloudformation", f"stack/x-{STACK}/1")),
    ("cloudformation:DeleteStack", arn("cloudformation", f"stack/{STACK}/1", "210987654321")),
    ("cloudformation:DeleteStack", arn("cloudformation", f"stack/{STACK}/1", region="us-west-2")),
    ("cloudformation:DeleteStack", arn("cloudformation", f"stack/{STACK}-a-CompanionStack/1")),
    ("cloudformation:CreateChangeSet", arn("cloudformation", "transform/Include", "aws")),
    ("lambda:UpdateFunctionCode", arn("lambda", f"function:{OTHER}")),
    ("lambda:UpdateFunctionCode", f"{FUNCTION}-2"),
    ("lambda:InvokeFunction", FUNCTION),
    ("lambda:CreateFunctionUrlConfig", FUNCTION),
    ("s3:GetObject", f"arn:aws:s3:::{STACK}/model.onnx"),
    ("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default/x"),
    ("s3:ListAllMyBuckets", "*"),
    ("ecr:PutImage", arn("ecr", f"repository/{OTHER}")),
    ("ecr:DeleteRepository", arn("ecr", f"repository/{STACK}")),
    ("ecr:SetRepositoryPolicy", arn("ecr", f"repository/{STACK}")),
    ("logs:GetLogEvents", arn("logs", f"log-group:/aws/lambda/{STACK}-churn:log-stream:x")),
    ("logs:DeleteLogGroup", arn("logs", f"log-group:/aws/lambda/{STACK}-churn2")),
    ("logs:DeleteLogGroup", arn("logs", f"log-group:/aws/lambda/{OTHER}")),
    ("sns:Publish", arn("sns", f"{STACK}-alarms")),
    ("sns:DeleteTopic", arn("sns", f"{OTHER}-alarms")),
    ("cloudwatch:DeleteAlarms", arn("cloudwatch", f"alarm:{STACK}-2-errors")),
    ("cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:billing")),
    ("apigateway:DELETE", arn("apigateway", "/restapis/a1", account="")),
    ("apigateway:POST", arn("apigateway", "/domainnames", account="")),
    ("apigateway:PATCH", arn("apigateway", "/account", account="")),
    ("ec2:RunInstances", "*"), ("kms:Decrypt", "*"), ("secretsmanager:GetSecretValue", "*"),
]


@pytest.mark.parametrize("action, resource", FORBIDDEN)
def test_what_deploying_does_not_take_is_refused(action, resource):
    assert not allows(POLICY, action, resource, **KEYS)


@pytest.mark.parametrize("boundary", [
    None, "arn:aws:iam::aws:policy/AdministratorAccess", BOUNDARY_ARN + "2",
    f"arn:aws:iam::210987654321:policy/{STACK}-boundary"])
@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy",
                                    "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"])
def test_a_role_without_the_boundary_can_get_no_permission(action, boundary):
    keys = {"iam__PermissionsBoundary": boundary} if boundary else {}
    assert not allows(POLICY, action, ROLE, **keys)
    assert allows(POLICY, action, ROLE, iam__PermissionsBoundary=BOUNDARY_ARN)


@pytest.mark.parametrize("service", [
    "ec2.amazonaws.com", "sagemaker.amazonaws.com", "cloudformation.amazonaws.com",
    "lambda.amazonaws.com.cn", None])
def test_the_role_is_passed_to_lambda_only(service):
    keys = {"iam__PassedToService": service} if service else {}
    assert not allows(POLICY, "iam:PassRole", ROLE, **keys)


STREAM = arn("logs", f"log-group:/aws/lambda/{STACK}-churn:log-stream:a")
EVERYTHING = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.mark.parametrize("action, resource, allowed", [
    ("logs:PutLogEvents", STREAM, True), ("logs:CreateLogStream", STREAM, True),
    ("logs:PutLogEvents", arn("logs", f"log-group:/aws/lambda/{OTHER}:log-stream:a"), False),
    ("logs:DeleteLogGroup", arn("logs", f"log-group:/aws/lambda/{STACK}-churn:x"), False),
    ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve", False),
    ("s3:GetObject", "arn:aws:s3:::payroll/x", False)])
def test_a_role_that_is_given_everything_may_do_what_the_boundary_says(action, resource, allowed):
    assert allows(EVERYTHING, action, resource, BOUNDARY) == allowed


def test_the_templates_role_needs_no_more_than_the_boundary():
    rights = document("logs", function=f"{STACK}-churn")
    for one in rights["Statement"]:
        for action in one["Action"]:
            assert allows(rights, action, one["Resource"].replace(":*", ":log-stream:a"), BOUNDARY)


# ---------------------------------------------------------------- who may take it

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
ISSUER = "token.actions.githubusercontent.com"
AWS = "sts.amazonaws.com"
TRUST = document("trust_github", owner="shop", owner_id="41", repository="churn",
                 repository_id="1701", environment="production")
SUBJECTS = [    # sub, aud, whether it may
    ("repo:shop/churn:environment:production", AWS, True),
    ("repo:shop@41/churn@1701:environment:production", AWS, True),
    ("repo:shop/churn:ref:refs/heads/main", AWS, False),
    ("repo:shop@41/churn@1701:ref:refs/heads/main", AWS, False),
    ("repo:shop/churn:pull_request", AWS, False),
    ("repo:shop@41/churn@1701:pull_request", AWS, False),
    ("repo:shop/churn:environment:staging", AWS, False),
    ("repo:shop/churn:environment:production2", AWS, False),
    ("repo:shop@41/churn@1701:environment:Production", AWS, False),
    ("repo:shop/churn:environment:production:x", AWS, False),
    ("repo:shop/churn2:environment:production", AWS, False),
    ("repo:shop/churn-fork:environment:production", AWS, False),
    ("repo:myshop/churn:environment:production", AWS, False),
    ("repo:stranger/churn:environment:production", AWS, False),
    ("repo:shop@42/churn@1701:environment:production", AWS, False),    # the name, another owner
    ("repo:shop@41/churn@1702:environment:production", AWS, False),    # the name, made again
    ("repo:shop@41/churn:environment:production", AWS, False),
    ("repo:shop@411/churn@1701:environment:production", AWS, False),
    ("repo:stranger@9/churn@1701:environment:production", AWS, False),
    ("repo:shop/churn:ref:refs/heads/environment:production", AWS, False),
    ("repo:SHOP/churn:environment:production", AWS, False),
    ("", AWS, False), (None, AWS, False),
    ("repo:shop/churn:environment:production", "https://github.com/shop", False),
    ("repo:shop@41/churn@1701:environment:production", "sts.amazonaws.com.evil.example", False),
    ("repo:shop/churn:environment:production", None, False),
]


@pytest.mark.parametrize("sub, aud, may", SUBJECTS)
def test_one_environment_of_one_repository_may_take_the_role(sub, aud, may):
    claims = {f"{ISSUER}:sub": sub, f"{ISSUER}:aud": aud}
    claims = {key: value for key, value in claims.items() if value is not None}
    assert trusts(TRUST, PROVIDER, "sts:AssumeRoleWithWebIdentity", claims) == may


@pytest.mark.parametrize("provider, action", [
    (f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com", "sts:AssumeRoleWithWebIdentity"),
    (PROVIDER.replace(ACCOUNT, "210987654321"), "sts:AssumeRoleWithWebIdentity"),
    (PROVIDER, "sts:TagSession"), (PROVIDER, "sts:AssumeRole")])
def test_another_provider_or_another_call_is_refused(provider, action):
    claims = {f"{ISSUER}:sub": SUBJECTS[0][0], f"{ISSUER}:aud": AWS}
    assert not trusts(TRUST, provider, action, claims)


def test_the_trust_policy_has_no_wildcard():
    assert "*" not in json.dumps(TRUST) and "StringLike" not in json.dumps(TRUST)


def test_the_pipelines_jobs_are_in_the_environment_that_is_trusted():
    file = paths.ROOT / ".github/workflows/deploy.yml"
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    asking = [job for job in jobs.values() if "id-token" in job["permissions"]]
    assert len(asking) == 2 and all(job["environment"] == "production" for job in asking)
    lesson = (paths.SOLUTIONS / "20_deploy_as_code.py").read_text(encoding="utf-8")
    assert 'environment="production"' in lesson


def test_every_policy_file_is_used_or_taught():
    text = "".join(path.read_text(encoding="utf-8") for folder in ("workshop", "solutions")
                   for path in (paths.ROOT / folder).glob("*.py"))
    unused = [path.stem for path in roles.POLICIES.glob("*.json")
              if f'"{path.stem}"' not in text and f"{path.name}" not in text]
    assert unused == []
