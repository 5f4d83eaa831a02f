"""A function to look through: it shows its event, and answers wrongly when asked to."""
import json


def lambda_handler(event, context):
    """Route `ANY /probe/{what}`: what is `event`, `raise`, `malformed` or `bare`."""
    what = event["pathParameters"]["what"]
    if what == "raise":
        return 1 / 0
    if what == "malformed":
        return {"statusCode": 200, "body": {"a dict": "where a string belongs"}}
    if what == "bare":
        return {"no": "statusCode"}
    return {"statusCode": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps(event)}
