"""What Lambda and EventBridge Scheduler look at before they take a thing and a role for it.

The messages are AWS's where they are known from its documentation or from what others recorded.
"""
import json
import re

from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import callers, decision, grants
from workshop.local.permissions.actions import Need, function_arn
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

LAMBDA = "lambda.amazonaws.com"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
READ = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
# What a role needs to hand something to a destination.
SENDS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction",
         "events": "events:PutEvents"}


def invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParameterValueException", message)


def configuration(name: str) -> dict:
    """A function's configuration; {} where there is none, which Lambda itself will say."""
    from ministack.services import lambda_svc
    short = function_arn(name, "").split(":")[6]
    return (lambda_svc._functions.get(short) or {}).get("config") or {}


@rule("lambda", "CreateEventSourceMapping")
def queue_is_readable(asked: dict) -> None:
    """The function's role must read the queue, and the queue must wait for the function."""
    from ministack.services import sqs
    config, queue = configuration(asked["FunctionName"]), asked.get("EventSourceArn", "")
    if not config or queue.split(":")[2:3] != ["sqs"]:
        return
    for operation in READ:
        if not grants.role_may(config["Role"], f"sqs:{operation}", queue):
            raise invalid("The provided execution role does not have permissions to call "
                          f"{operation} on SQS")
    found = sqs._queue_by_arn(queue)
    visible = int(found["attributes"].get("VisibilityTimeout", 30)) if found else None
    if found and visible < config["Timeout"]:
        raise invalid(f"Queue visibility timeout: {visible} seconds is less than Function timeout: "
                      f"{config['Timeout']} seconds")


@rule("lambda", "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig")
def destinations_are_writable(asked: dict) -> None:
    config = configuration(asked["FunctionName"])
    for one in (asked.get("DestinationConfig") or {}).values():
        target = one.get("Destination")
        if config and target and not may_send(config["Role"], target):
            action = SENDS[target.split(":")[2]].partition(":")[2]
            raise invalid("The function's execution role does not have permissions to call "
                          f"{action} on {target}")


@rule("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def dead_letters_are_writable(asked: dict) -> None:
    target = (asked.get("DeadLetterConfig") or {}).get("TargetArn")
    role = asked.get("Role") or configuration(asked["FunctionName"]).get("Role")
    if target and role and not may_send(role, target):
        service = target.split(":")[2]
        raise invalid("The provided execution role does not have permissions to call "
                      f"{SENDS[service].partition(':')[2]} on {service.upper()}")


@rule("lambda", "CreateFunction", "UpdateFunctionCode")
def image_is_readable(asked: dict) -> None:
    """The repository's policy must let Lambda pull for this function. Lambda adds what is missing
    itself where the caller may change that policy."""
    from ministack.services import ecr
    found = re.fullmatch(r"[^/]+/([^:@]+).*", (asked.get("Code") or asked).get("ImageUri") or "")
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{found.group(1)}" if found else ""
    known = decision.resource_policy(arn) if arn else None
    source = function_arn(asked["FunctionName"], REGION)
    if known is None or all(grants.service_may(LAMBDA, one, arn, known[0], source)
                            for one in PULL):
        return
    caller = callers.principal(decision.asking.get())
    if any(decision.decide(caller, Need(f"ecr:{one}RepositoryPolicy", arn),
                           REGION).decision != "Allow" for one in ("Get", "Set")):
        raise RefusedError("AccessDeniedException", "Lambda does not have permission to access the "
                           "ECR image. Check the ECR permissions.", 403)
    policy = json.loads(known[0] or '{"Version": "2012-10-17", "Statement": []}')
    policy["Statement"].append({
        "Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow", "Action": list(PULL),
        "Principal": {"Service": LAMBDA}, "Condition": {"StringLike": {
            "aws:sourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}}})
    ecr._repo_policies[found.group(1)] = json.dumps(policy)


def may_send(role: str, target: str) -> bool:
    """Whether a role may hand something to a queue, topic, function or bus (an ARN)."""
    action = SENDS.get(target.split(":")[2] if target.startswith("arn:") else "")
    return action is None or grants.role_may(role, action, target)


@rule("scheduler", "CreateSchedule", "UpdateSchedule")
def scheduler_is_trusted(asked: dict) -> None:
    if not grants.trusts(asked["Target"]["RoleArn"], "scheduler.amazonaws.com"):
        raise RefusedError("ValidationException", "The execution role you provide must allow AWS "
                                                  "EventBridge Scheduler to assume the role.")
