"""Metrics of a request, in the one line that the function logs.

CloudWatch makes metrics of a line in its embedded metric format (EMF). Nothing is sent, and nothing
waited for. A metric for each version of the function tells a new version from the one before.
"""
import os
import time

NAMESPACE = "my-model"
DIMENSIONS = {"FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "none",
              "FunctionVersion": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION") or "none"}
# StorageResolution 1: kept by the second, so that an alarm may look at ten seconds.
METRICS = [{"Namespace": NAMESPACE, "Dimensions": [list(DIMENSIONS)], "Metrics": [
    {"Name": name, "Unit": unit, "StorageResolution": 1} for name, unit in (
        ("Requests", "Count"), ("Faults", "Count"), ("Rejected", "Count"),
        ("Latency", "Milliseconds"))]}]


def of_call(call):
    """Return what the line about an answered call says besides. call: a web.Call."""
    return {**DIMENSIONS, "Requests": 1, "Faults": int(call.status >= 500),
            "Rejected": int(400 <= call.status < 500), "Latency": call.milliseconds,
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": METRICS}}
