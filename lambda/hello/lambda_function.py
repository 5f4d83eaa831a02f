"""The smallest useful handler: it greets whoever the event names."""
import json


def lambda_handler(event, context):
    """Return a greeting.

    event: what the caller sent, e.g. {"name": "Ada"}. context: what Lambda says about this call.
    """
    print(json.dumps({"request_id": context.aws_request_id,
                      "milliseconds_left": context.get_remaining_time_in_millis()}))
    return {"message": f"Hello, {event.get('name', 'world')}!"}
