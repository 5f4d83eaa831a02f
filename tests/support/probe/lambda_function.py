"""A function that does what a test asks it to."""
import json
import os
import time
import urllib.request

STARTED = time.time()
print("imported")


def lambda_handler(event, context):
    if isinstance(event.get("body"), str) and event["body"].startswith("{"):
        event = {**event, **json.loads(event["body"])}
    held = b"x" * (event.get("megabytes", 0) * 1024 * 1024)
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    if "answer" in event:       # as a proxy response
        return {"statusCode": 200, "body": json.dumps(event), **event["answer"]}
    if "get" in event:
        with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + event["get"]) as answer:
            return {"status": answer.status}
    if "keys" in event:
        return {name: os.environ[name] for name in (
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    if "write" in event:
        try:
            with open(event["write"], "w") as file:
                file.write("x")
        except OSError as error:
            return {"error": error.strerror}
        return {"error": None}
    if "burn" in event:
        began, used = time.monotonic(), time.process_time()
        while time.process_time() - used < event["burn"]:
            pass
        return {"elapsed": time.monotonic() - began}
    print("asked")
    return {"started": STARTED, "colour": os.environ.get("COLOUR"), "user": os.getuid(),
            "group": os.getgid(), "version": context.function_version,
            "memory": context.memory_limit_in_mb, "stream": context.log_stream_name,
            "arn": context.invoked_function_arn, "request_id": context.aws_request_id,
            "remaining": context.get_remaining_time_in_millis(), "event": event, "held": len(held)}
