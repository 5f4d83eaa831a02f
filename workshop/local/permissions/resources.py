"""Who may deploy a stack: CloudFormation makes each resource with the permissions of the caller.

Here are the calls that make, change and delete what the workshop's templates have. Those that only
read or tag are left out. Source: the handlers in the schema of each resource type, CloudFormation
registry.
"""
import re
from dataclasses import dataclass

from workshop.local.models import Call, protocols
from workshop.local.permissions import actions, callers, decision
from workshop.local.permissions.actions import Need
from workshop.local.signatures import Request

CREATE, UPDATE, DELETE = "create", "update", "delete"


@dataclass(frozen=True)
class Step:
    """One call for a resource. when: the property without which it is not made; "": always."""
    operation: str
    when: str = ""


# Type → service, the parameter that is the resource's name, the property with it, its calls.
NAMED = {
    "AWS::IAM::Role": ("iam", "RoleName", "RoleName", {
        CREATE: [Step("CreateRole"), Step("PutRolePolicy", "Policies"),
                 Step("AttachRolePolicy", "ManagedPolicyArns")],
        UPDATE: [Step("PutRolePolicy", "Policies"), Step("UpdateAssumeRolePolicy")],
        DELETE: [Step("DeleteRolePolicy", "Policies"), Step("DeleteRole")]}),
    "AWS::Lambda::Function": ("lambda", "FunctionName", "FunctionName", {
        CREATE: [Step("CreateFunction"),
                 Step("PutFunctionConcurrency", "ReservedConcurrentExecutions")],
        UPDATE: [Step("UpdateFunctionConfiguration"), Step("UpdateFunctionCode")],
        DELETE: [Step("DeleteFunction")]}),
    "AWS::Lambda::Permission": ("lambda", "FunctionName", "FunctionName", {
        CREATE: [Step("AddPermission")], DELETE: [Step("RemovePermission")]}),
    "AWS::Logs::LogGroup": ("logs", "logGroupName", "LogGroupName", {
        CREATE: [Step("CreateLogGroup"), Step("PutRetentionPolicy", "RetentionInDays")],
        UPDATE: [Step("PutRetentionPolicy", "RetentionInDays")],
        DELETE: [Step("DeleteLogGroup")]}),
    "AWS::SNS::Topic": ("sns", "Name", "TopicName", {
        CREATE: [Step("CreateTopic")], UPDATE: [Step("SetTopicAttributes")],
        DELETE: [Step("DeleteTopic")]}),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "AlarmName", "AlarmName", {
        CREATE: [Step("PutMetricAlarm")], UPDATE: [Step("PutMetricAlarm")],
        DELETE: [Step("DeleteAlarms")]}),
}
# API Gateway's actions are HTTP's methods, its resources are paths.
PATHS = {"AWS::ApiGatewayV2::Api": "/apis", **{
    f"AWS::ApiGatewayV2::{kind}": f"/apis/{{}}/{kind.lower()}s"
    for kind in ("Integration", "Route", "Stage")}}
METHODS = {CREATE: "POST", UPDATE: "PATCH", DELETE: "DELETE"}
KEYS = ("PermissionsBoundary", "Role", "Principal")     # properties that are condition keys, too


def refusal(kind: str, step: str, physical_id: str, properties: dict, region: str) -> str | None:
    """Why the caller may not create, update or delete a resource of a stack, in AWS's words."""
    caller = decision.asking.get(None)
    if caller is None:
        return None
    principal = callers.principal(caller)
    for need in needs(kind, step, physical_id, properties, region):
        result = decision.decide(principal, need, region)
        if result.decision != "Allow":
            return decision.words(principal.arn, need, result)
    return None


def needs(kind: str, step: str, physical_id: str, properties: dict, region: str) -> list[Need]:
    """What a resource needs. physical_id: its name or id; that of a new one is made up."""
    if kind in PATHS:
        path = PATHS[kind].format(properties.get("ApiId"))
        return [Need(f"apigateway:{METHODS[step]}", f"arn:aws:apigateway:{region}::{path}"
                     + ("" if step == CREATE else f"/{physical_id}"))]
    if kind not in NAMED:
        return []
    service, parameter, named, steps = NAMED[kind]
    name = str(properties.get(named) or re.sub(r".*:", "", physical_id))
    asked = {parameter: name} | {key: properties[key] for key in KEYS if properties.get(key)}
    return [need for one in steps.get(step, []) if not one.when or properties.get(one.when)
            for need in actions.needed(
                Call(service, protocols.model(service).operation_model(one.operation), asked),
                Request("POST", "/", "", {}, {}, b""), region)]
