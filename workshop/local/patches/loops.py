"""A function that feeds its own trigger is stopped, unless its `RecursiveLoop` is `Allow`.

Followed through Lambda, SQS, SNS and S3, as on AWS; not through EventBridge or an API. Source: "Use
Lambda recursive loop detection to prevent infinite loops", Lambda developer guide. MiniStack counts
only a header that none of its containers sends.
"""
from workshop.local import lineage
from workshop.local.patches import metrics

ROUNDS = 16         # invokes of one function in a chain; the next one is dropped
STOPPED = "RecursiveInvocationException"


def apply(_port: int) -> None:
    """Count invokes, and let messages and events carry what was counted."""
    from ministack.services import eventbridge, lambda_svc, sqs
    lambda_svc._execute_function_dispatch = stopping(lambda_svc._execute_function_dispatch)
    lambda_svc._invoke = refusing(lambda_svc._invoke)
    lambda_svc._run_sqs_batch = following(lambda_svc._run_sqs_batch)
    sqs._build_send_sys_attrs = marking(sqs._build_send_sys_attrs)
    sqs._ensure_msg_fields = marking_message(sqs._ensure_msg_fields)
    eventbridge._invoke_target = forgetting(eventbridge._invoke_target)


def is_loop(name: str) -> bool:
    """Whether the next invoke of a function has to be dropped; if so, it is counted as dropped."""
    from ministack.services import lambda_svc
    function = lambda_svc._functions.get(name) or {}
    if lineage.current.get().get(name, 0) < ROUNDS or function.get("recursive_loop") == "Allow":
        return False
    metrics.record("AWS/Lambda", [{"FunctionName": name}],
                   [("RecursiveInvocationsDropped", 1, "Count")])
    return True


def words(arn: str) -> str:
    return ("Lambda has detected your function being invoked in a recursive loop with other Amazon "
            f"Web Services resources and stopped your function's invocation: {arn}")


def stopping(execute):
    """Every invoke passes here, whoever asked for it."""
    def execute_unless_loop(func, config, *arguments):
        name, chain = config["FunctionName"], lineage.current.get()
        if is_loop(name):
            return {"error": True, "loop": True, "function_error": "Unhandled", "log": "", "body": {
                "errorType": STOPPED, "errorMessage": words(config["FunctionArn"])}}
        with lineage.of({**chain, name: chain.get(name, 0) + 1}):
            return execute(func, config, *arguments)
    return execute_unless_loop


def refusing(invoke):
    """Who waits for the answer to an invoke gets an exception."""
    from ministack.core.responses import error_response_json

    async def invoke_unless_loop(name, event, headers, *arguments):
        from ministack.services import lambda_svc
        if headers.get("x-amz-invocation-type") in (None, "RequestResponse") \
                and name in lambda_svc._functions and is_loop(name):
            return error_response_json(STOPPED, words(lambda_svc._func_arn(name)), 400)
        return await invoke(name, event, headers, *arguments)
    return invoke_unless_loop


def following(run_batch):
    """A batch of messages continues their chains."""
    def run(esm, function, event, batch, *arguments):
        chains = [message.get("sys", {}).get("Lineage") or {} for message in batch]
        with lineage.of(lineage.longest(chains)):
            return run_batch(esm, function, event, batch, *arguments)
    return run


def marking(attributes):
    """A message that is sent carries its chain; no receiver sees it."""
    def with_lineage(*arguments):
        return {**attributes(*arguments), "Lineage": lineage.current.get()}
    return with_lineage


def marking_message(complete):
    """The same for what a topic or a bucket puts into a queue."""
    def completed(message):
        is_new = "sys" not in message
        complete(message)
        if is_new:
            message["sys"]["Lineage"] = lineage.current.get()
    return completed


def forgetting(invoke_target):
    """What EventBridge hands on begins a chain of its own."""
    def invoke(*arguments, **options):
        with lineage.of({}):
            return invoke_target(*arguments, **options)
    return invoke
