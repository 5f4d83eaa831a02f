"""CloudWatch Logs: batches of events, retention, time ranges."""
import re

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

BATCH, OVERHEAD, DAY = 1_048_576, 26, 86_400_000   # bytes; bytes of each event; milliseconds

COMMANDS = set("fields display filter filterindex stats sort limit parse dedup pattern diff unmask "
               "anomaly unnest source join lookup cluster".split())


def invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParameterException", message, 400)


@rule("logs", "PutLogEvents")
def batch(asked: dict) -> None:
    events = asked["logEvents"]
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times and times[-1] - times[0] > DAY:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more "
                      "than 24 hours.")
    size = sum(len(event["message"].encode()) + OVERHEAD for event in events)
    if size > BATCH:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH}")


@rule("logs", "CreateLogGroup")
def reserved_name(asked: dict) -> None:
    if asked["logGroupName"].lower().startswith("aws/"):
        raise invalid("Log groups starting with AWS/ are reserved for AWS.")


@rule("logs", "PutRetentionPolicy")
def retention(asked: dict) -> None:
    """Source: API reference of PutRetentionPolicy."""
    allowed = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
               2557, 2922, 3288, 3653)
    if asked["retentionInDays"] not in allowed:
        raise invalid("1 validation error detected: Value "
                      f"'{asked['retentionInDays']}' at 'retentionInDays' failed to satisfy "
                      "constraint: Member must satisfy enum value set: "
                      f"[{', '.join(map(str, allowed))}]")


@rule("logs", "FilterLogEvents")
def streams(asked: dict) -> None:
    if asked.get("logStreamNames") and asked.get("logStreamNamePrefix"):
        raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    if "logGroupName" not in asked and "logGroupIdentifier" not in asked:
        raise invalid("Either logGroupName or logGroupIdentifier must be specified.")


@rule("logs", "DescribeLogStreams")
def order_of_streams(asked: dict) -> None:
    if asked.get("orderBy") == "LastEventTime" and asked.get("logStreamNamePrefix"):
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")


@rule("logs", "FilterLogEvents", "PutMetricFilter", "PutSubscriptionFilter")
def filter_pattern(asked: dict) -> None:
    """Braces and quotation marks of a pattern must close."""
    pattern = (asked.get("filterPattern") or "").strip()
    if pattern.count('"') % 2 or pattern.startswith("{") != pattern.endswith("}") \
            or pattern.startswith("{") and not pattern.strip("{} "):
        kind = "metric filter" if "metricTransformations" in asked else "filter"
        raise invalid(f"Invalid {kind} pattern")


@rule("logs", "PutSubscriptionFilter")
def function_of_a_filter(asked: dict) -> None:
    from ministack.services import lambda_svc
    arn = asked["destinationArn"]
    if ":lambda:" in arn and lambda_svc._resolve_name(arn) not in lambda_svc._functions:
        raise invalid("Could not execute the lambda function. Make sure you have given CloudWatch "
                      "Logs permission to execute your function.")


@rule("logs", "StartQuery")
def commands(asked: dict) -> None:
    """Source: "CloudWatch Logs Insights language query syntax"."""
    if asked.get("queryLanguage", "CWLI") != "CWLI":
        return
    text = re.sub(r"#.*|\"[^\"]*\"|'[^']*'|/(?:[^/\\\n]|\\.)+/", "", asked["queryString"])
    for command in text.split("|"):
        word = command.split()[0] if command.split() else "<EOF>"
        if word.lower() not in COMMANDS:
            raise RefusedError("MalformedQueryException", f"unexpected symbol found {word}", 400)


@rule("logs", "StartQuery")
def query(asked: dict) -> None:
    if asked["startTime"] > asked["endTime"]:
        raise invalid("End time should not be less than start time.")
