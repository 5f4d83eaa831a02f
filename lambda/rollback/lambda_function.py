"""Takes a bad version out of an alias when an alarm goes off.

EventBridge invokes it with CloudWatch's event "CloudWatch Alarm State Change"; nobody waits, so it
raises when it cannot do its work, and Lambda tries again. It may run twice for one alarm, or late:
it takes out the version that the alarm is about and no other, and doing that again changes nothing.
"""
import json
import os

import boto3
from botocore.config import Config

FUNCTION, ALIAS = os.environ["FUNCTION"], os.environ["ALIAS"]
ATTEMPTS = 5            # somebody else may change the alias between our reading and our writing
client = boto3.client("lambda", config=Config(connect_timeout=2, read_timeout=10))


def lambda_handler(event, context):
    """Set the alias's extra weight to nothing, if the alarm is about the version that has it.

    Returns the outcome, which the log says as well: "rolled back", "no alarm", "another function",
    "no canary" or "another version". Raises KeyError for an event that is not an alarm's, and what
    Lambda refuses.
    """
    alarm, state = event["detail"]["alarmName"], event["detail"]["state"]["value"]
    dimensions = about(event)
    if state != "ALARM":
        outcome, version = "no alarm", None
    elif dimensions.get("FunctionName", FUNCTION) != FUNCTION:
        outcome, version = "another function", None
    else:
        outcome, version = roll_back(dimensions.get("FunctionVersion"))
    print(json.dumps({"request_id": context.aws_request_id, "alarm": alarm, "state": state,
                      "function": FUNCTION, "alias": ALIAS, "outcome": outcome,
                      "version": version}), flush=True)
    return outcome


def about(event):
    """Return the dimensions of the alarm's metric: what the alarm is about."""
    metrics = event["detail"].get("configuration", {}).get("metrics", [])
    return next((one["metricStat"]["metric"].get("dimensions", {}) for one in metrics
                 if "metricStat" in one), {})


def roll_back(guilty):
    """Take the version with the extra weight out of the alias; return (outcome, version).

    guilty: version that the alarm is about; None takes out whichever there is.
    """
    for attempt in range(ATTEMPTS):
        alias = client.get_alias(FunctionName=FUNCTION, Name=ALIAS)
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        canary = next(iter(weights), None)      # an alias has one extra version at most
        if canary is None:
            return "no canary", None
        if guilty not in (None, canary):
            return "another version", canary    # a later release: the alarm is of an earlier one
        try:
            client.update_alias(FunctionName=FUNCTION, Name=ALIAS, RevisionId=alias["RevisionId"],
                                RoutingConfig={"AdditionalVersionWeights": {}})
        except client.exceptions.PreconditionFailedException:
            continue                            # changed meanwhile: look again
        return "rolled back", canary
    raise RuntimeError(f"{FUNCTION}:{ALIAS} changed {ATTEMPTS} times while we looked")
