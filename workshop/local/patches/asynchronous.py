"""Asynchronous invokes: attempts, what becomes of an event afterwards, and who invokes this way.

MiniStack tries once what EventBridge and SNS send to a function, sends nothing to an `OnSuccess`
destination, and takes a throttled attempt for a failed one.
"""
import contextvars
import json
import re
import threading
import time
from datetime import datetime, timezone

from workshop.local.permissions import passed

RETRIES, LONGEST = 2, 21_600    # attempts after the first, and seconds (API_EventInvokeConfig)
FIRST_PAUSE, LONGEST_PAUSE = 1, 30      # seconds; AWS waits one minute, then two


def apply(port: int) -> None:
    """Replace MiniStack's asynchronous invoke, and let EventBridge and SNS use it."""
    from ministack.services import eventbridge, lambda_svc, sns
    lambda_svc.invoke_async_with_retry = invoke
    eventbridge._dispatch_to_lambda = dispatch
    sns._deliver_to_lambda = from_topic


def dispatch(arn: str, payload: str) -> None:
    """Invoke the function that a rule or topic sends to, asynchronously as on AWS."""
    from ministack.services import lambda_svc
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        lambda_svc.logger.warning("there is no function %s", name)
        return
    invoke(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


def from_topic(arn: str, envelope: str, _topic: str, subscription: str, *_rest) -> None:
    """Invoke the function that subscribes to a topic."""
    dispatch(arn, json.dumps({"Records": [{
        "EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns",
        "Sns": json.loads(envelope)}]}))


def invoke(function: dict, event) -> None:
    """Start to deliver an event to a function, and return at once."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(deliver, function, event), daemon=True,
                     name="workshop-async").start()


def deliver(function: dict, event) -> None:
    """Run a function on an event until it succeeds, its attempts are spent or it is too old."""
    from ministack.services import lambda_svc
    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    lambda_svc._request_account_id.set(account)
    lambda_svc._request_region.set(region)
    settings = (function.get("event_invoke_config")
                or (function.get("event_invoke_configs") or {}).get("$LATEST") or {})
    retries = settings.get("MaximumRetryAttempts", RETRIES)
    oldest = settings.get("MaximumEventAgeInSeconds", LONGEST)
    began, attempts, pause = time.time(), 0, FIRST_PAUSE
    while True:
        now = lambda_svc._functions.get(config["FunctionName"]) or {}
        result = lambda_svc._execute_function(
            {**function, "concurrency": now.get("concurrency")}, event)
        attempts += not result.get("throttle")      # waiting for its turn is no attempt
        if not result.get("error"):
            condition = "Success"
        elif attempts > retries or result.get("loop"):
            condition = "RetriesExhausted"
        elif time.time() - began + pause > oldest:
            condition = "EventAgeExceeded"
        else:
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            continue
        break
    destinations = settings.get("DestinationConfig") or {}
    target = destinations.get("OnSuccess" if condition == "Success" else "OnFailure") or {}
    if target.get("Destination"):
        send(target["Destination"], record(config, event, result, condition, attempts),
             config["Role"])
    dead = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead and condition != "Success":
        send(dead, event, config["Role"])


def record(config: dict, event, result: dict, condition: str, attempts: int) -> dict:
    """What a destination is told ("Capturing records of asynchronous invocations")."""
    request = re.search(r"^START RequestId: (\S+)", result.get("log") or "", re.MULTILINE)
    version = config.get("Version", "$LATEST")
    response = {"statusCode": 200, "executedVersion": version}
    if result.get("error"):
        response["functionError"] = result.get("function_error") or "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z",
        "requestContext": {
            "requestId": request.group(1) if request else None,
            "functionArn": f"{config['FunctionArn']}:{version}", "condition": condition,
            "approximateInvokeCount": attempts},
        "requestPayload": event, "responseContext": response,
        "responsePayload": result.get("body")}


def send(arn: str, content, role: str) -> None:
    """Send JSON to a queue, a topic or a function, as the function's role may.

    A failure here must never break an invoke.
    """
    from ministack.services import lambda_svc, sns, sqs
    try:
        if not passed.may_send(role, arn):
            return lambda_svc.logger.warning("%s may send nothing to %s", role, arn)
        service, body = arn.split(":")[2], json.dumps(content)
        if service == "sqs":
            name = arn.rpartition(":")[2]
            sqs._act_send_message({"MessageBody": body}, sqs._queue_url(name))
            lambda_svc.esm_wake.set()
        elif service == "sns":
            sns._fanout(arn, lambda_svc.new_uuid(), body, "", "", {})
        else:
            dispatch(arn, body)
    except Exception as failed:
        lambda_svc.logger.warning("nothing sent to %s: %s", arn, failed)
