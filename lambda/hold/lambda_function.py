"""A stand-in for work: it holds its environment for as long as it is told. There is no model in it.

What is counted with it, concurrency and refusals, needs a duration that is known beforehand.
"""
import base64
import json
import os
import time

LONGEST = 5     # seconds; whoever may call it makes its owner pay for all of them


def lambda_handler(event, context):
    """Hold, and tell when and where.

    event: {"seconds": 0.2}, or a request of payload format 2.0 with that as its body. With
    "stall": [2, 4] whoever comes from the 2nd to the 4th second after the time (Unix, seconds)
    in the header x-run-began waits until the stall is over, and is held then.

    Returns {"began", "ended": Unix time in seconds, "environment": str}; over HTTP as the body of
    a 200, and of a 400 {"message"} for a request that asks for anything else.
    """
    over_http = isinstance(event, dict) and "requestContext" in event
    try:
        seconds, stall, origin = check(*(body(event) if over_http else (event, {})))
    except ValueError as error:
        return answer(over_http, 400, {"message": str(error)})
    began = time.time()
    if stall[0] <= began - origin < stall[1]:
        time.sleep(origin + stall[1] - began)
    time.sleep(seconds)
    return answer(over_http, 200, {
        "began": began, "ended": time.time(),
        "environment": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")})


def body(event):
    """The JSON and the headers that a request brought; ValueError if there is no JSON."""
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        return json.loads(text.removeprefix("\ufeff")), event.get("headers")   # a byte-order mark
    except (ValueError, TypeError, AttributeError):
        raise ValueError("the body is not JSON") from None
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def check(asked, headers):
    """(seconds, [from, until], beginning) of what is asked; ValueError says what was wrong."""
    asked = asked if isinstance(asked, dict) else {}
    seconds, stall = asked.get("seconds"), asked.get("stall", [0, 0])
    if not number(seconds) or not 0 <= seconds <= LONGEST:
        raise ValueError(f'send {{"seconds": a number from 0 to {LONGEST}}}')
    if not (isinstance(stall, list) and len(stall) == 2 and all(map(number, stall))
            and 0 <= stall[1] - stall[0] <= LONGEST):
        raise ValueError(f'"stall" is [from, until] in seconds, at most {LONGEST} apart')
    try:
        return seconds, stall, float((headers or {}).get("x-run-began", 0))
    except (ValueError, TypeError, AttributeError):
        raise ValueError("the header x-run-began is a time in seconds") from None


def number(value):
    """Whether a JSON value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def answer(over_http, status, content):
    """As a proxy response where the request came over HTTP, else as it is."""
    if over_http:
        return {"statusCode": status, "headers": {"content-type": "application/json"},
                "body": json.dumps(content)}
    return content if status == 200 else {"statusCode": status, **content}
