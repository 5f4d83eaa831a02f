"""What Lambda and EventBridge Scheduler look at before they take a thing and a role for it.

The messages are AWS's where they are known from its documentation or from what others recorded.
"""
from workshop.local.permissions import grants
from workshop.local.permissions.actions import function_arn
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

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


def may_send(role: str, target: str) -> bool:
    """Whether a role may hand something to a queue, topic, function or bus (an ARN)."""
    action = SENDS.get(target.split(":")[2] if target.startswith("arn:") else "")
    return action is None or grants.role_may(role, action, target)


@rule("scheduler", "CreateSchedule", "UpdateSchedule")
def scheduler_is_trusted(asked: dict) -> None:
    if not grants.trusts(asked["Target"]["RoleArn"], "scheduler.amazonaws.com"):
        raise RefusedError("ValidationException", "The execution role you provide must allow AWS "
                                                  "EventBridge Scheduler to assume the role.")
