"""What a stack's resources need: CloudFormation acts as whoever deploys, or as the stack's role.

Which actions a type takes is told by CloudFormation's own description of it (the `handlers` of its
schema). Those for properties that nobody set are left out. Of a type that is not here, the caller
needs the action by which things of its kind are made.
"""
import re
from dataclasses import dataclass

from ministack.core.responses import get_region

from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import actions, callers, decision
from workshop.local.permissions.actions import Need
from workshop.local.rules.rule import rule

_roles: dict[str, str] = {}     # stack's name → ARN of the role that it was given


@dataclass(frozen=True)
class Type:
    """How a type of resource is made, changed and deleted.

    resource: its ARN behind `arn:aws:`, with {region}, {account}, {name}, and {id}, which is empty
    until there is one. create, update, delete: the actions; behind a `?` the property that one is
    for. read: what each step takes besides. name: the property with the name.
    """
    resource: str
    create: str
    update: str
    delete: str
    read: str = ""
    name: str = ""

    def needs(self, step: str, properties: dict, name: str, number: str) -> list[Need]:
        """What a step needs. step: create, update or delete. number: the resource's physical id."""
        arn = "arn:aws:" + self.resource.format(
            region=get_region(), account=ACCOUNT, id=f"/{number}" if number else "",
            name=str(properties.get(self.name) or name).rpartition(":")[2])
        asked = [one.partition("?") for one in f"{getattr(self, step)} {self.read}".split()]
        given = {**properties, "Tags": own_tags(properties)}
        return [Need(action, arn, keys_of(properties)) for action, _, of in asked
                if not of or given.get(of)]


API = {"create": "apigateway:POST", "update": "apigateway:PATCH", "delete": "apigateway:DELETE",
       "read": "apigateway:GET"}
TYPES = {
    "AWS::Lambda::Function": Type(
        "lambda:{region}:{account}:function:{name}",
        "lambda:CreateFunction lambda:TagResource?Tags "
        "lambda:PutFunctionConcurrency?ReservedConcurrentExecutions",
        "lambda:UpdateFunctionConfiguration lambda:UpdateFunctionCode lambda:TagResource?Tags "
        "lambda:PutFunctionConcurrency?ReservedConcurrentExecutions",
        "lambda:DeleteFunction", "lambda:GetFunction", "FunctionName"),
    "AWS::Lambda::Permission": Type(
        "lambda:{region}:{account}:function:{name}", "lambda:AddPermission", "lambda:AddPermission",
        "lambda:RemovePermission", "lambda:GetPolicy", "FunctionName"),
    "AWS::IAM::Role": Type(
        "iam::{account}:role/{name}",
        "iam:CreateRole iam:PutRolePolicy?Policies iam:AttachRolePolicy?ManagedPolicyArns "
        "iam:TagRole?Tags",
        "iam:UpdateRole iam:UpdateAssumeRolePolicy iam:PutRolePolicy?Policies "
        "iam:DeleteRolePolicy?Policies iam:AttachRolePolicy?ManagedPolicyArns iam:TagRole?Tags "
        "iam:PutRolePermissionsBoundary?PermissionsBoundary",
        "iam:DeleteRole iam:DeleteRolePolicy?Policies iam:DetachRolePolicy?ManagedPolicyArns",
        "iam:GetRole iam:ListRolePolicies iam:ListAttachedRolePolicies", "RoleName"),
    "AWS::Logs::LogGroup": Type(
        "logs:{region}:{account}:log-group:{name}:log-stream:",
        "logs:CreateLogGroup logs:PutRetentionPolicy?RetentionInDays logs:TagResource?Tags",
        "logs:PutRetentionPolicy?RetentionInDays logs:TagResource?Tags", "logs:DeleteLogGroup",
        "logs:DescribeLogGroups", "LogGroupName"),
    "AWS::ApiGatewayV2::Api": Type("apigateway:{region}::/apis{id}", **API),
    "AWS::ApiGatewayV2::Integration": Type(
        "apigateway:{region}::/apis/{name}/integrations{id}", **API, name="ApiId"),
    "AWS::ApiGatewayV2::Route": Type(
        "apigateway:{region}::/apis/{name}/routes{id}", **API, name="ApiId"),
    "AWS::ApiGatewayV2::Stage": Type(
        "apigateway:{region}::/apis/{name}/stages{id}", **API, name="ApiId"),
    "AWS::SNS::Topic": Type(
        "sns:{region}:{account}:{name}",
        "sns:CreateTopic sns:Subscribe?Subscription sns:TagResource?Tags",
        "sns:SetTopicAttributes sns:TagResource?Tags", "sns:DeleteTopic", "sns:GetTopicAttributes",
        "TopicName"),
    "AWS::CloudWatch::Alarm": Type(
        "cloudwatch:{region}:{account}:alarm:{name}",
        "cloudwatch:PutMetricAlarm cloudwatch:TagResource?Tags",
        "cloudwatch:PutMetricAlarm cloudwatch:TagResource?Tags",
        "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "AlarmName"),
    "AWS::SQS::Queue": Type(
        "sqs:{region}:{account}:{name}", "sqs:CreateQueue sqs:TagQueue?Tags",
        "sqs:SetQueueAttributes sqs:TagQueue?Tags", "sqs:DeleteQueue", "sqs:GetQueueAttributes",
        "QueueName"),
    "AWS::S3::Bucket": Type(
        "s3:::{name}", "s3:CreateBucket s3:PutBucketTagging?Tags "
        "s3:PutLifecycleConfiguration?LifecycleConfiguration "
        "s3:PutBucketNotification?NotificationConfiguration",
        "s3:PutBucketTagging?Tags s3:PutLifecycleConfiguration?LifecycleConfiguration "
        "s3:PutBucketNotification?NotificationConfiguration", "s3:DeleteBucket", name="BucketName"),
    "AWS::Lambda::Version": Type(
        "lambda:{region}:{account}:function:{name}", "lambda:PublishVersion", "",
        "lambda:DeleteFunction", name="FunctionName"),
    "AWS::Lambda::Alias": Type(
        "lambda:{region}:{account}:function:{name}", "lambda:CreateAlias", "lambda:UpdateAlias",
        "lambda:DeleteAlias", "lambda:GetAlias", "FunctionName"),
    "AWS::Lambda::Url": Type(
        "lambda:{region}:{account}:function:{name}", "lambda:CreateFunctionUrlConfig",
        "lambda:UpdateFunctionUrlConfig", "lambda:DeleteFunctionUrlConfig",
        "lambda:GetFunctionUrlConfig", "TargetFunctionArn"),
    "AWS::Events::Rule": Type(
        "events:{region}:{account}:rule/{name}", "events:PutRule events:PutTargets?Targets",
        "events:PutRule events:PutTargets?Targets",
        "events:DeleteRule events:RemoveTargets?Targets", "events:DescribeRule", "Name"),
}


def own_tags(properties: dict) -> dict[str, str]:
    """The tags of a resource and its stack, without those that CloudFormation adds."""
    return {name: text for name, text in (actions.tags_in(properties) or {}).items()
            if not name.startswith("aws:")}


def keys_of(properties: dict) -> dict:
    """The condition keys that a resource's properties set."""
    tags = own_tags(properties)
    keys = {f"aws:RequestTag/{name}": text for name, text in tags.items()}
    keys["aws:TagKeys"] = list(tags) or None
    if properties.get("PermissionsBoundary"):
        keys["iam:PermissionsBoundary"] = properties["PermissionsBoundary"]
    return keys


def needed(step: str, kind: str, properties: dict, name: str, number: str = "") -> list[Need]:
    """What making, changing or deleting a resource needs.

    step: create, update or delete. kind: AWS::SERVICE::THING. name: the one that CloudFormation
    gives where the properties have none. number: the physical id, if there is one.
    """
    if kind in TYPES:
        needs = TYPES[kind].needs(step, properties, number or name, number)
    elif found := re.fullmatch(r"AWS::(?!CloudFormation::)(\w+)::(\w+)", kind):
        needs = [Need(f"{found.group(1).lower()}:{step.title()}{found.group(2)}", "*",
                      keys_of(properties))]
    else:
        needs = []      # a custom resource, or one of CloudFormation's own, makes nothing itself
    if kind == "AWS::ApiGatewayV2::Stage" and properties.get("AccessLogSettings"):
        needs += [Need(one, "*") for one in actions.LOG_DELIVERY]
    if kind == "AWS::Lambda::Function" and step != "delete" and properties.get("Role"):
        needs.append(Need("iam:PassRole", properties["Role"],
                          {"iam:PassedToService": "lambda.amazonaws.com"}))
    return needs


def check(stack: str | None, step: str, kind: str, *asked) -> None:
    """Refuse a step of a stack that its caller, or its role, may not take; arguments as `needed`.

    Raises:
        ValueError: with the reason, as CloudFormation words it in the stack's events.
    """
    caller = decision.asking.get()
    who = callers.role(_roles[stack]) if stack in _roles else callers.principal(caller)
    for need in needed(step, kind, *asked):
        words = decision.refusal(who, need, get_region())
        if words:
            raise ValueError(f'Resource handler returned message: "{words} (Service: '
                             f'{kind.split("::")[1]}, Status Code: 403)" (HandlerErrorCode: '
                             'AccessDenied)')


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet", "DeleteStack")
def keep_role(asked: dict) -> None:
    """From now on the stack acts with its role, whoever asks (API reference, CreateStack)."""
    name = asked["StackName"].partition(":stack/")[2].partition("/")[0] or asked["StackName"]
    if asked.get("RoleARN"):
        _roles[name] = asked["RoleARN"]
    elif not stack_is_there(name):
        _roles.pop(name, None)


def stack_is_there(name: str) -> bool:
    from ministack.services.cloudformation import _stacks
    return (_stacks.get(name) or {}).get("StackStatus", "DELETE_COMPLETE") != "DELETE_COMPLETE"
