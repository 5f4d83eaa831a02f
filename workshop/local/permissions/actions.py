"""From a call to what it needs: IAM actions, each on a resource, with the call's condition keys.

An action is named as the operation, after the service's prefix; what is otherwise stands in the
tables here. Source: "Actions, resources, and condition keys for AWS services", Service
Authorization Reference.
"""
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from workshop.local.addresses import ACCOUNT
from workshop.local.models import Call
from workshop.local.signatures import Request

PREFIXES = {"sagemaker-runtime": "sagemaker", "resourcegroupstaggingapi": "tag",
            "apigatewayv2": "apigateway"}
# Operation → action, where the names differ.
ACTIONS = {
    "lambda": {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction",
               "InvokeWithResponseStream": "InvokeFunction",
               "GetLayerVersionByArn": "GetLayerVersion"},
    "s3": {"HeadObject": "GetObject", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket",
           "HeadBucket": "ListBucket", "ListBuckets": "ListAllMyBuckets",
           "ListObjectVersions": "ListBucketVersions", "CopyObject": "PutObject",
           "ListMultipartUploads": "ListBucketMultipartUploads",
           "ListParts": "ListMultipartUploadParts", "CreateMultipartUpload": "PutObject",
           "UploadPart": "PutObject", "UploadPartCopy": "PutObject",
           "CompleteMultipartUpload": "PutObject", "DeleteObjects": "DeleteObject",
           "GetBucketNotificationConfiguration": "GetBucketNotification",
           "PutBucketNotificationConfiguration": "PutBucketNotification",
           "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
           "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
           "DeleteBucketLifecycle": "PutLifecycleConfiguration",
           "GetBucketEncryption": "GetEncryptionConfiguration",
           "PutBucketEncryption": "PutEncryptionConfiguration",
           "DeleteBucketEncryption": "PutEncryptionConfiguration",
           "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
           "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
           "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
           "DeleteBucketTagging": "PutBucketTagging", "DeleteBucketCors": "PutBucketCORS"},
    "sqs": {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage",
            "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"},
    "sns": {"PublishBatch": "Publish"},
}
# (service, operation) → the service that a role in its parameters is handed to.
TAKERS = {
    ("lambda", "CreateFunction"): "lambda", ("lambda", "UpdateFunctionConfiguration"): "lambda",
    ("sagemaker", "CreateModel"): "sagemaker", ("events", "PutTargets"): "events",
    ("scheduler", "CreateSchedule"): "scheduler", ("scheduler", "UpdateSchedule"): "scheduler",
    ("cloudformation", "CreateStack"): "cloudformation",
    ("cloudformation", "UpdateStack"): "cloudformation",
    ("cloudformation", "CreateChangeSet"): "cloudformation",
}
# (service, beginning of an operation) → the action that it takes besides when it gives tags.
TAGGERS = {("lambda", "Create"): "lambda:TagResource", ("iam", "CreateRole"): "iam:TagRole",
           ("iam", "CreatePolicy"): "iam:TagPolicy",
           ("iam", "CreateOpenIDConnectProvider"): "iam:TagOpenIDConnectProvider",
           ("sqs", "CreateQueue"): "sqs:TagQueue", ("sns", "CreateTopic"): "sns:TagResource",
           ("events", "PutRule"): "events:TagResource", ("ecr", "Create"): "ecr:TagResource",
           ("scheduler", "Create"): "scheduler:TagResource",
           ("logs", "CreateLogGroup"): "logs:TagResource",
           ("cloudwatch", "PutMetricAlarm"): "cloudwatch:TagResource",
           ("cloudwatch", "PutDashboard"): "cloudwatch:TagResource",
           ("budgets", "CreateBudget"): "budgets:TagResource",
           ("sagemaker", "Create"): "sagemaker:AddTags"}
# What a stage with access logs takes besides (API Gateway developer guide, "Configure logging for
# HTTP APIs").
LOG_DELIVERY = tuple(f"logs:{name}" for name in (
    "CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies",
    "GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"))
ROLE_KEYS = ("Role", "RoleArn", "RoleARN", "ExecutionRoleArn")


@dataclass(frozen=True)
class Need:
    """One action that a call needs. context: condition keys of the request → text or list."""
    action: str
    resource: str
    context: dict = field(default_factory=dict)


def needed(call: Call, request: Request, region: str) -> list[Need]:
    """What a call needs, in the order in which AWS looks."""
    asked, operation = call.parameters, call.operation.name
    prefix = PREFIXES.get(call.service, call.service)
    context = condition_keys(call, region)
    if prefix == "apigateway":
        path = request.path.removeprefix("/v2")
        return [Need(f"apigateway:{request.method}", f"arn:aws:apigateway:{region}::{path}",
                     context)] + [Need(one, "*") for one in (
                         LOG_DELIVERY if asked.get("AccessLogSettings") else ())]
    name = ACTIONS.get(call.service, {}).get(operation, operation)
    if prefix == "budgets" and "Resource" not in operation:     # …TagsForResource, …TagResource
        name = "ViewBudget" if operation.startswith(("Describe", "List")) else "ModifyBudget"
    if call.service == "s3" and name in ("GetObject", "DeleteObject") and asked.get("VersionId"):
        name += "Version"
    resources = RESOURCES.get(prefix, lambda *_: "*")(operation, asked, region)
    needs = [Need(f"{prefix}:{name}", one, context)
             for one in ([resources] if isinstance(resources, str) else resources)]
    if operation == "DeleteObjects":
        objects = asked.get("Delete", {}).get("Objects", [])
        needs = [Need(one.action + ("Version" if given.get("VersionId") else ""), one.resource)
                 for one, given in zip(needs, objects, strict=True)]
    needs += besides(call, needs, region)
    if call.service == "s3" and "CopySource" in asked:
        source = re.sub(r"\?versionId=.*", "", str(asked["CopySource"])).lstrip("/")
        needs.insert(0, Need("s3:GetObject", f"arn:aws:s3:::{source}", context))
    if operation in ("GetObject", "HeadObject") and missing(asked):
        # Only who may list a bucket learns that an object is not there (S3 API reference).
        needs.append(Need("s3:ListBucket", f"arn:aws:s3:::{asked['Bucket']}", context))
    taker = TAKERS.get((call.service, operation))
    needs += [Need("iam:PassRole", arn, {"iam:PassedToService": f"{taker}.amazonaws.com"})
              for arn in (roles_in(asked) if taker else ())]
    return needs


def besides(call: Call, needs: list[Need], region: str) -> list[Need]:
    """What a call takes at the thing itself or at other things: tags that it gives, code and layers
    of a function, an endpoint's configuration, a template's transform."""
    asked, operation, found = call.parameters, call.operation.name, []
    if tags_in(asked):
        mapping = f"arn:aws:lambda:{region}:{ACCOUNT}:event-source-mapping:*"   # it has no id yet
        found += [Need(action, mapping if one.resource == "*" else one.resource, one.context)
                  for (service, beginning), action in TAGGERS.items() for one in needs
                  if service == call.service and operation.startswith(beginning)]
    if call.service == "lambda":
        code = asked.get("Code") or asked.get("Content") or asked
        if isinstance(code, dict) and code.get("S3Bucket") and code.get("S3Key"):
            found.append(Need("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}"))
        found += [Need("lambda:GetLayerVersion", layer) for layer in asked.get("Layers") or ()]
    if call.service == "sagemaker" and operation in ("CreateEndpoint", "UpdateEndpoint"):
        found += [Need(one.action, of_sagemaker(
            operation, {"EndpointConfigName": asked["EndpointConfigName"]}, region), one.context)
            for one in needs]
    if operation == "CreateChangeSet" and "AWS::Serverless-2016-10-31" in (
            asked.get("TemplateBody") or ""):
        found.append(Need("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{region}:aws:"
                          "transform/Serverless-2016-10-31"))
    return found


def missing(asked: dict) -> bool:
    """Whether a bucket is there without the object that is asked for."""
    from ministack.services import s3
    bucket = s3._buckets.get(asked["Bucket"])
    return bucket is not None and asked["Key"] not in bucket["objects"]


def roles_in(value) -> list[str]:
    """ARNs of the roles that are handed on in a call's parameters."""
    if isinstance(value, list):
        return [arn for part in value for arn in roles_in(part)]
    if not isinstance(value, dict):
        return []
    own = [part for key, part in value.items() if key in ROLE_KEYS and isinstance(part, str)]
    return own + [arn for part in value.values() for arn in roles_in(part)]


# ---------------------------------------------------------------- condition keys

def condition_keys(call: Call, region: str) -> dict:
    """The condition keys that a call's parameters set."""
    asked, keys = call.parameters, {}
    given = tags_in(asked)
    if given is not None:
        keys["aws:TagKeys"] = list(given) or None
        keys |= {f"aws:RequestTag/{name}": text for name, text in given.items()}
    elif "TagKeys" in asked or "tagKeys" in asked:
        keys["aws:TagKeys"] = asked.get("TagKeys") or asked.get("tagKeys")
    if call.service == "cloudwatch" and "Namespace" in asked:
        keys["cloudwatch:namespace"] = asked["Namespace"]
    if call.service == "iam":
        keys |= iam_keys(call)
    if call.service == "lambda":
        if "EventSourceMapping" in call.operation.name:
            keys["lambda:FunctionArn"] = mapped_function(asked, region)
        keys |= {f"lambda:{name}": asked[name] for name in ("Principal", "FunctionUrlAuthType")
                 if name in asked}
        if "AuthType" in asked:
            keys["lambda:FunctionUrlAuthType"] = asked["AuthType"]
    if call.service == "s3":
        keys |= {f"s3:{name.lower()}": asked[name] for name in ("Prefix", "Delimiter")
                 if name in asked}
    if call.service == "sts":
        keys |= {key: asked[name] for key, name in (
            ("sts:ExternalId", "ExternalId"), ("sts:RoleSessionName", "RoleSessionName"))
            if name in asked}
    return keys


def iam_keys(call: Call) -> dict:
    """IAM's own keys: the boundary that a role will have or has, the policy that is attached."""
    from ministack.services import iam
    asked, keys = call.parameters, {}
    boundary = asked.get("PermissionsBoundary") or (
        iam._roles.get(asked.get("RoleName", "")) or {}).get("PermissionsBoundary")
    if boundary:
        keys["iam:PermissionsBoundary"] = boundary
    if call.operation.name.startswith(("Attach", "Detach")):
        keys["iam:PolicyARN"] = asked.get("PolicyArn")
    return keys


def tags_in(asked: dict) -> dict[str, str] | None:
    """The tags that a call gives, however its service writes them; None: it has no such thing."""
    found = next((asked[name] for name in ("Tags", "tags", "TagList", "ResourceTags")
                  if name in asked), None)
    if isinstance(found, dict):
        return found
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return {str(one.get("Key", one.get("key"))): str(one.get("Value", one.get("value", "")))
                for one in found}
    return None


def resource_tags(arn: str) -> dict[str, str]:
    """The tags of what an ARN names; {} where it is not there."""
    from ministack.services import tagging
    return tagging.resource_tags(arn) or {}


def with_resource(policy, arn: str) -> dict:
    """A trust policy, which names no resource, as a policy of the role itself."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    return {"Statement": [{**one, "Resource": arn} for one in (
        statements if isinstance(statements, list) else [statements])]}


# ---------------------------------------------------------------- resources

def function_arn(name: str, region: str, qualifier: str | None = None) -> str:
    """ARN of a function by its name, partial ARN or ARN, any with a qualifier behind it."""
    short, _, behind = re.sub(r"^(arn:aws:lambda:[^:]*:)?(\d{12}:)?(function:)?", "",
                              name).partition(":")
    qualifier = qualifier or behind
    return (f"arn:aws:lambda:{region}:{ACCOUNT}:function:{short}"
            + (f":{qualifier}" if qualifier else ""))


def mapped_function(asked: dict, region: str) -> str | None:
    """ARN of the function of an event source mapping that is made, changed or asked for."""
    from ministack.services import lambda_svc
    name = asked.get("FunctionName") or (
        lambda_svc._esms.get(asked.get("UUID", "")) or {}).get("FunctionArn")
    return function_arn(name, region) if name else None


def of_lambda(operation: str, asked: dict, region: str) -> str:
    here = f"arn:aws:lambda:{region}:{ACCOUNT}:"
    if "EventSourceMapping" in operation:
        return f"{here}event-source-mapping:{asked['UUID']}" if "UUID" in asked else "*"
    if operation == "ListLayerVersions":        # takes no resource
        return "*"
    if "LayerName" in asked:
        version = asked.get("VersionNumber")
        return f"{here}layer:{asked['LayerName']}" + (f":{version}" if version else "")
    if "FunctionName" in asked:     # the others take the function itself, whatever is behind it
        exact = "Invoke" in operation or "ProvisionedConcurrency" in operation
        arn = function_arn(asked["FunctionName"], region, asked.get("Qualifier"))
        return arn if exact else function_arn(asked["FunctionName"].partition(":")[0] if not
                                              asked["FunctionName"].startswith("arn:")
                                              else ":".join(arn.split(":")[:7]), region)
    return asked.get("Resource") or asked.get("Arn") or "*"


def of_s3(operation: str, asked: dict, region: str) -> str | list[str]:
    if "Bucket" not in asked:
        return "*"
    bucket = f"arn:aws:s3:::{asked['Bucket']}"
    if operation == "DeleteObjects":
        return [f"{bucket}/{one['Key']}" for one in asked.get("Delete", {}).get("Objects", [])]
    return f"{bucket}/{asked['Key']}" if "Key" in asked else bucket


def of_sqs(operation: str, asked: dict, region: str) -> str:
    name = asked.get("QueueName") or asked.get("QueueUrl", "").rpartition("/")[2]
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}" if name else "*"


def of_sns(operation: str, asked: dict, region: str) -> str:
    if "Name" in asked:
        return f"arn:aws:sns:{region}:{ACCOUNT}:{asked['Name']}"
    arn = asked.get("TopicArn") or asked.get("TargetArn") or asked.get("ResourceArn")
    if not arn and "SubscriptionArn" in asked:      # …:TOPIC:ID
        arn = ":".join(asked["SubscriptionArn"].split(":")[:6])
    return arn or "*"


def of_events(operation: str, asked: dict, region: str) -> str | list[str]:
    here = f"arn:aws:events:{region}:{ACCOUNT}:"
    if operation == "PutEvents":
        buses = {one.get("EventBusName", "default") for one in asked.get("Entries", [])}
        return sorted(bus if bus.startswith("arn:") else f"{here}event-bus/{bus}" for bus in buses)
    bus = asked.get("EventBusName", "default").rpartition("/")[2]
    name = asked.get("Rule") or (asked.get("Name") if "Rule" in operation else None)
    if name:
        return f"{here}rule/{name}" if bus == "default" else f"{here}rule/{bus}/{name}"
    if operation == "ListRules":
        return f"{here}rule/*"
    if "EventBus" in operation and asked.get("Name"):
        return f"{here}event-bus/{asked['Name']}"
    return asked.get("ResourceARN") or "*"


def of_scheduler(operation: str, asked: dict, region: str) -> str:
    here, group = f"arn:aws:scheduler:{region}:{ACCOUNT}:", asked.get("GroupName", "default")
    if "ResourceArn" in asked:
        return asked["ResourceArn"]
    if operation == "ListSchedules":
        return f"{here}schedule/{group if 'GroupName' in asked else '*'}/*"
    if operation.endswith("Group"):
        return f"{here}schedule-group/{asked.get('Name', '*')}"
    return f"{here}schedule/{group}/{asked['Name']}" if "Name" in asked else "*"


def of_logs(operation: str, asked: dict, region: str) -> str:
    """A group's ARN ends with `:*` in policies: what is asked for is a stream of it, or none."""
    if "resourceArn" in asked:
        return asked["resourceArn"]
    group = asked.get("logGroupName") or asked.get("logGroupIdentifier") or ""
    if not group and operation not in ("DescribeLogGroups", "DescribeLogStreams"):
        return "*"
    group = re.sub(r":\*$", "", group).partition(":log-group:")[2] or group
    return (f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}"
            f":log-stream:{asked.get('logStreamName', '')}")


def of_cloudwatch(operation: str, asked: dict, region: str) -> str | list[str]:
    names = asked.get("AlarmNames") or ([asked["AlarmName"]] if "AlarmName" in asked else [])
    if names or operation == "DescribeAlarms":
        return [f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{one}" for one in names or ["*"]]
    boards = asked.get("DashboardNames") or (
        [asked["DashboardName"]] if "DashboardName" in asked else [])
    if boards:
        return [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{one}" for one in boards]
    return asked.get("ResourceARN") or "*"


def of_ecr(operation: str, asked: dict, region: str) -> str | list[str]:
    here = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/"
    if "repositoryName" in asked:
        return here + asked["repositoryName"]
    if operation == "DescribeRepositories":
        return [here + one for one in asked.get("repositoryNames") or ["*"]]
    return asked.get("resourceArn") or "*"


def of_iam(operation: str, asked: dict, region: str) -> str:
    here = f"arn:aws:iam::{ACCOUNT}:"
    for key, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"),
                      ("InstanceProfileName", "instance-profile")):
        if key in asked:
            return f"{here}{kind}{asked.get('Path', '/')}{asked[key]}"
    if operation == "CreatePolicy":
        return f"{here}policy{asked.get('Path', '/')}{asked['PolicyName']}"
    if operation == "CreateOpenIDConnectProvider":
        return f"{here}oidc-provider/{asked['Url'].partition('://')[2]}"
    arn = next((asked[key] for key in ("PolicyArn", "PolicySourceArn", "OpenIDConnectProviderArn")
                if key in asked), None)
    return arn or {"ListRoles": f"{here}role/", "ListPolicies": f"{here}policy/",
                   "ListUsers": f"{here}user/"}.get(operation, "*")


def of_cloudformation(operation: str, asked: dict, region: str) -> str:
    from ministack.services import cloudformation
    # A change set's ARN goes before the name of a stack, and what is needed is its stack's.
    change = cloudformation._change_sets.get(asked.get("ChangeSetName", "")) or {}
    name = change.get("StackId") or asked.get("StackName") or ""
    if not name:
        return "*"
    return name if name.startswith("arn:") else \
        f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{name}/{stack_id(name)}"


def stack_id(name: str) -> str:
    """The last part of a stack's ARN; `*` stands for a stack that is not there."""
    from ministack.services import cloudformation
    found = cloudformation._stacks.get(name) or {}
    return found.get("StackId", "*").rpartition("/")[2]


def of_sagemaker(operation: str, asked: dict, region: str) -> str:
    here = f"arn:aws:sagemaker:{region}:{ACCOUNT}:"
    for key, kind in (("ModelName", "model"), ("EndpointName", "endpoint"),
                      ("EndpointConfigName", "endpoint-config")):
        if key in asked:
            return f"{here}{kind}/{asked[key].lower()}"
    return asked.get("ResourceArn") or "*"


RESOURCES: dict[str, Callable] = {
    "lambda": of_lambda, "s3": of_s3, "sqs": of_sqs, "sns": of_sns, "events": of_events,
    "scheduler": of_scheduler, "logs": of_logs, "cloudwatch": of_cloudwatch, "ecr": of_ecr,
    "iam": of_iam, "cloudformation": of_cloudformation, "sagemaker": of_sagemaker,
    "sts": lambda operation, asked, region: asked.get("RoleArn", "*"),
    "budgets": lambda operation, asked, region: f"arn:aws:budgets::{ACCOUNT}:budget/" + (
        asked.get("ResourceARN", "").rpartition("/")[2] or asked.get("BudgetName")
        or asked.get("Budget", {}).get("BudgetName") or "*"),
}
