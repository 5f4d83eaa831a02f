"""What a request's line in the log says in figures: metrics, and at times how inputs are spread.

CloudWatch makes metrics of a line in its embedded metric format (EMF): `_aws` in the line names
which of the other entries are metrics, and by what they are told apart. Nothing is sent, nothing
waited for. A metric for each version of the function tells a new version from the one before.

To see inputs drift, each environment counts how many customers fell into which bin of each field,
and after EVERY of them puts the counts into the line, one field apart from the other: how the
fields of one customer go together is in no log. The counts of a smaller crowd are never written.
"""
import bisect
import os
import time

NAMESPACE = "Workshop/Churn"
DIMENSIONS = {"FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "none",
              "FunctionVersion": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION") or "none"}
UNITS = {"Requests": "Count", "Faults": "Count", "Rejected": "Count", "Latency": "Milliseconds",
         "Probability": "None"}
# StorageResolution 1: kept by the second, so that an alarm may look at ten seconds.
METRICS = [{"Name": name, "Unit": unit, "StorageResolution": 1} for name, unit in UNITS.items()]
ANSWERED, UNANSWERED = ([{"Namespace": NAMESPACE, "Dimensions": [list(DIMENSIONS)],
                          "Metrics": metrics}] for metrics in (METRICS, METRICS[:-1]))
EVERY = 50      # customers

counts, counted = {}, 0


def of_call(call):
    """Return what an answered call's line says besides: metrics, and counts when it is time."""
    status, answered = call.status, "churn_probability" in call.content
    figures = {**DIMENSIONS, "Requests": 1, "Faults": 1 if status >= 500 else 0,
               "Rejected": 1 if 400 <= status < 500 else 0, "Latency": call.milliseconds}
    if answered:
        figures["Probability"] = call.content["churn_probability"]
    if counted >= EVERY:
        figures["inputs"] = take_counts()
    figures["_aws"] = {"Timestamp": int(time.time() * 1000),
                       "CloudWatchMetrics": ANSWERED if answered else UNANSWERED}
    return figures


def count(customer, spread):
    """Count a checked customer's values, field by field.

    spread: how the training data were spread, {field: {"edges": […]} for numbers, else {}}, or
    None, which counts nothing. A number's bin is its place among the edges: 0 below the first.
    """
    global counted
    if not spread:
        return
    counted += 1
    for name, entry in spread.items():
        value = customer[name]
        bins = counts.setdefault(name, {})
        key = str(bisect.bisect_right(entry["edges"], value)) if "edges" in entry else str(value)
        bins[key] = bins.get(key, 0) + 1


def take_counts():
    """Return {field: {bin: customers}}, and begin anew."""
    global counts, counted
    taken, counts, counted = counts, {}, 0
    return taken
