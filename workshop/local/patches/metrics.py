"""Metrics and alarms: what functions, HTTP APIs and log lines tell CloudWatch, and who hears of it.

MiniStack counts only the invokes that somebody waits for, takes lines in the embedded metric format
(EMF) for mere text, and looks at an alarm only when a metric is put, and then at every metric of
that name, whatever its dimensions. EventBridge hears nothing of an alarm.
"""
import contextlib
import functools
import json
import logging
import math
import threading
import time
from datetime import datetime, timezone

from workshop.local.patches import invoke, reports

LOOK_EVERY = 1          # seconds between two looks at the alarms; AWS looks every 10 or 60
MOST_METRICS, MOST_VALUES, MOST_DIMENSIONS = 100, 100, 30   # EMF specification
CREATED = "Unchecked: Initial alarm creation"
logger = logging.getLogger(__name__)

_points = threading.RLock()     # MiniStack drops old points while invokes add new ones
_states = threading.RLock()     # one look at an alarm at a time, or its change would be told twice
_by_the_second: set[tuple[str, str, str]] = set()   # keys of metrics of high resolution
_told: dict[str, dict] = {}     # alarm's ARN → the state that EventBridge was told last


def apply(port: int) -> None:
    """Count what happens, read the log's lines, and keep looking at the alarms."""
    from ministack.services import apigateway, cloudwatch, cloudwatch_logs, lambda_svc
    for name in ("record_metric", "_store_datum", "_evict_old_metrics"):
        setattr(cloudwatch, name, one_at_a_time(getattr(cloudwatch, name)))
    cloudwatch._dims_from_list = exactly(cloudwatch._dims_from_list)
    cloudwatch._put_metric_data = resolved(cloudwatch._put_metric_data)
    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._dispatch_alarm_actions = telling(cloudwatch._dispatch_alarm_actions)
    cloudwatch_logs._append_log_events = reading(cloudwatch_logs._append_log_events)
    lambda_svc._emit_lambda_metrics = throttled
    lambda_svc._execute_function_dispatch = counted(lambda_svc._execute_function_dispatch)
    apigateway._handle_execute_in_scope = counted_api(apigateway._handle_execute_in_scope)
    threading.Thread(target=watch, daemon=True, name="workshop-alarms").start()


def one_at_a_time(call):
    """No point is lost between MiniStack's reading of a list of points and its replacing it."""
    @functools.wraps(call)
    def locked(*arguments, **options):
        with _points:
            return call(*arguments, **options)
    return locked


class Exactly(dict):
    """Dimensions that are asked for: none at all is also a set of dimensions."""

    def __bool__(self) -> bool:
        return True


def exactly(dimensions_of):
    """A metric without dimensions has only what was published without (MiniStack: everything)."""
    def found(dimensions):
        return Exactly(dimensions_of(dimensions))
    return found


def resolved(put_metric_data):
    """Remember which metrics are kept by the second."""
    def put(params, asked, *arguments, **options):
        for one in (asked or {}).get("MetricData") or []:
            if one.get("StorageResolution") == 1:
                dimensions = {each["Name"]: each["Value"] for each in one.get("Dimensions") or []}
                kept_by_the_second(asked["Namespace"], one["MetricName"], dimensions)
        return put_metric_data(params, asked, *arguments, **options)
    return put


def kept_by_the_second(namespace: str, name: str, dimensions: dict) -> None:
    """An alarm may look at this metric in periods below a minute (StorageResolution 1)."""
    _by_the_second.add(metric_key(namespace, name, dimensions))


def metric_key(namespace: str, name: str, dimensions: dict) -> tuple[str, str, str]:
    """The key under which MiniStack keeps a metric's points."""
    from ministack.services import cloudwatch
    return namespace, name, cloudwatch._dims_key(dimensions)


# What functions and APIs tell

def counted(execute):
    """AWS/Lambda's metrics for every run of a function, whoever started it."""
    def execute_and_count(func, config, event, request_id, started):
        result = execute(func, config, event, request_id, started)
        figures = [("Invocations", 1, "Count"), ("Errors", int(bool(result.get("error"))), "Count")]
        measured = reports.DURATION.search(result.get("log") or "")
        if measured:
            figures.append(("Duration", float(measured.group(1)), "Milliseconds"))
        record("AWS/Lambda", lambda_dimensions(config), figures)
        return result
    return execute_and_count


def throttled(function: str, duration_ms: float, error: bool, throttle: bool) -> None:
    """A refused invoke; in place of MiniStack's metrics, which say it a second time with a time."""
    if throttle and not duration_ms:
        record("AWS/Lambda", [{}, {"FunctionName": function}], [("Throttles", 1, "Count")])


def lambda_dimensions(config: dict) -> list[dict]:
    """Sets of dimensions of a run's metrics: none; function; with the qualifier that was asked for;
    and where that is an alias with weights, with the version that ran ("Types of metrics for Lambda
    functions")."""
    name = config["FunctionName"]
    sets = [{}, {"FunctionName": name}]
    function, qualifier, is_weighted = invoke.asked.get() or (None, None, False)
    if function == name and qualifier:
        sets.append({**sets[1], "Resource": f"{name}:{qualifier}"})
        if is_weighted:
            sets.append({**sets[2], "ExecutedVersion": config.get("Version", "$LATEST")})
    return sets


def counted_api(execute):
    """AWS/ApiGateway's metrics for every request to an HTTP API."""
    async def execute_and_count(api_id, stage, *arguments, **options):
        began = time.monotonic()
        answer = await execute(api_id, stage, *arguments, **options)
        status = answer[0]
        record("AWS/ApiGateway", [{"ApiId": api_id}, {"ApiId": api_id, "Stage": stage}], [
            ("Count", 1, "Count"), ("4xx", int(400 <= status < 500), "Count"),
            ("5xx", int(status >= 500), "Count"),
            ("Latency", (time.monotonic() - began) * 1000, "Milliseconds")])
        return answer
    return execute_and_count


def record(namespace: str, dimension_sets: list[dict], figures: list[tuple]) -> None:
    """Publish figures, (name, value, unit), under each set of dimensions."""
    from ministack.services import cloudwatch
    for dimensions in dimension_sets:
        for name, value, unit in figures:
            cloudwatch.record_metric(namespace, name, value, unit, dimensions)


# Metrics in log lines

def reading(append):
    """Whatever comes into a log, from a function or by PutLogEvents, is looked through."""
    def append_and_read(stream, events):
        result = append(stream, events)
        for event in events:
            publish(event.get("message", ""))
        return result
    return append_and_read


def publish(line: str) -> None:
    """Publish the metrics in one line. A line that is wrong must never break an invoke."""
    from ministack.services import cloudwatch
    try:
        for namespace, name, dimensions, seconds, unit, values, resolution in extract(line):
            if resolution == 1:
                kept_by_the_second(namespace, name, dimensions)
            cloudwatch._store_datum(namespace, name, dimensions, seconds, unit, None, values, None,
                                    None)
    except ValueError as error:     # AWS counts these as AWS/Logs EMFValidationErrors
        logger.warning("no metrics from a line in the embedded metric format: %s", error)


def extract(line: str) -> list[tuple]:
    """Metrics of one log line: (namespace, name, dimensions, seconds, unit, values, resolution).

    By AWS's "Specification: Embedded metric format". A line that is not JSON, or has no `_aws`, has
    none; raises ValueError for one that breaks the specification, which yields none at all.
    """
    root = None
    if '"_aws"' in line:
        with contextlib.suppress(ValueError):
            root = json.loads(line)
    if not isinstance(root, dict) or "_aws" not in root:
        return []
    about = root["_aws"]
    if not (isinstance(about, dict) and is_number(about.get("Timestamp"))
            and isinstance(about.get("CloudWatchMetrics"), list)):
        raise ValueError("_aws must have Timestamp (milliseconds) and CloudWatchMetrics (a list)")
    return [metric for directive in about["CloudWatchMetrics"]
            for metric in of_directive(directive, root, about["Timestamp"] / 1000)]


def of_directive(directive: dict, root: dict, seconds: float):
    """Metrics that one directive of `_aws` names, once for each of its sets of dimensions."""
    namespace, sets, metrics = (directive.get(key) for key in
                                ("Namespace", "Dimensions", "Metrics"))
    if not isinstance(namespace, str) or not namespace or not isinstance(sets, list) or not sets:
        raise ValueError("a directive must have a Namespace and Dimensions, a list of lists")
    if not isinstance(metrics, list) or len(metrics) > MOST_METRICS:
        raise ValueError(f"Metrics must be a list of at most {MOST_METRICS}")
    for names in sets:
        dimensions = {name: root.get(name) for name in names}
        if len(names) > MOST_DIMENSIONS:
            raise ValueError(f"a metric has at most {MOST_DIMENSIONS} dimensions")
        if not all(isinstance(value, str) and value for value in dimensions.values()):
            raise ValueError(f"each of the dimensions {names} must be a text in the same line")
        for metric in metrics:
            yield (namespace, metric["Name"], dimensions, seconds, metric.get("Unit", "None"),
                   values_of(root, metric), metric.get("StorageResolution", 60))


def values_of(root: dict, metric: dict) -> list[float]:
    """The values that a metric names: one number, or a list of them."""
    if metric.get("StorageResolution", 60) not in (1, 60):
        raise ValueError("StorageResolution is 1 or 60 (seconds)")
    found = root.get(metric["Name"])
    values = found if isinstance(found, list) else [found]
    if len(values) > MOST_VALUES or not all(map(is_number, values)):
        raise ValueError(f"{metric['Name']} must be a number, or at most {MOST_VALUES} of them")
    return values


def is_number(value) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


# Alarms

def watch() -> None:
    """Look at every alarm again and again: time alone can change its state."""
    from ministack.services import cloudwatch
    while True:
        time.sleep(LOOK_EVERY)
        cloudwatch._evaluate_all_alarms()


def evaluate(alarm: dict) -> None:
    """Look at an alarm's own metric in its sliding window, and change its state if need be.

    An alarm on a metric math expression stays as it is: MiniStack does not keep its `Metrics`.
    """
    from ministack.services import cloudwatch
    if not alarm.get("MetricName"):
        return
    with _states:
        if cloudwatch._alarms.get(alarm["AlarmName"]) is not alarm:
            return      # deleted or replaced meanwhile
        points = datapoints(alarm, time.time())
        new, old = state(alarm, [value for _, value in points]), alarm["StateValue"]
        if new == old:
            return
        reason = explain(alarm, points, new)
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
        cloudwatch._evaluate_parent_alarms(alarm)


def datapoints(alarm: dict, now: float) -> list[tuple[float, float | None]]:
    """(begin, value) of each period that the alarm looks at, newest first; None: no data.

    The window slides: the newest period ends now ("Alarm evaluation window", SlidingWindow). In
    periods below a minute, a metric that is kept by the minute has no data.
    """
    from ministack.services import cloudwatch
    key = metric_key(alarm["Namespace"], alarm["MetricName"],
                     cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    period, found = alarm["Period"], []
    fine = period >= 60 or key in _by_the_second
    with _points:
        points = [one for one in cloudwatch._metrics.get(key) or []
                  if fine and (not alarm.get("Unit") or one["Unit"] == alarm["Unit"])]
    for number in range(alarm["EvaluationPeriods"]):
        end = now - number * period
        within = [one for one in points if end - period < one["Timestamp"] <= end]
        figures = cloudwatch._calc_stats(within)
        found.append((end - period, cloudwatch._stat_value(
            figures, alarm.get("ExtendedStatistic") or alarm["Statistic"], within)
            if figures else None))
    return found


BREACHES = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def state(alarm: dict, values: list[float | None]) -> str:
    """The state that an alarm's periods give it: ALARM when DatapointsToAlarm of them breach.

    Periods without data count as TreatMissingData says ("Configuring how CloudWatch alarms treat
    missing data"); AWS looks a little further back for data than this does.
    """
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    missing = alarm.get("TreatMissingData") or "missing"
    breach = BREACHES.get(alarm["ComparisonOperator"])
    if breach is None:
        return alarm["StateValue"]      # an anomaly detection band: not here
    if missing in ("breaching", "notBreaching"):
        judged = [missing == "breaching" if value is None else breach(value, alarm["Threshold"])
                  for value in values]
    else:
        judged = [breach(value, alarm["Threshold"]) for value in values if value is not None]
        if not judged:
            return alarm["StateValue"] if missing == "ignore" else "INSUFFICIENT_DATA"
    if sum(judged) >= needed:
        return "ALARM"
    undecided = sum(judged) and sum(judged) + len(values) - len(judged) >= needed
    return alarm["StateValue"] if undecided else "OK"


def explain(alarm: dict, points: list[tuple], new: str) -> str:
    """The reason for a state, in AWS's words."""
    known = [(begin, value) for begin, value in points if value is not None]
    many = len(known)
    if not known:
        gone = len(points)
        if new == "INSUFFICIENT_DATA":
            return f"Insufficient Data: {counted_words(gone, 'datapoint')} unknown."
        return (f"Threshold Crossed: no datapoints were received for {gone} period"
                f"{'s' * (gone > 1)} and {counted_words(gone, 'missing datapoint')} treated as "
                f"[{'Breaching' if new == 'ALARM' else 'NonBreaching'}].")
    values = ", ".join(f"{value} ({clock(begin, '%d/%m/%y %H:%M:%S')})" for begin, value in known)
    words = {"GreaterThanThreshold": "greater than",
             "GreaterThanOrEqualToThreshold": "greater than or equal to",
             "LessThanThreshold": "less than",
             "LessThanOrEqualToThreshold": "less than or equal to"}[alarm["ComparisonOperator"]]
    noun, were = counted_words(many, "datapoint").rsplit(" ", 1)
    return (f"Threshold Crossed: {noun} [{values}] {were} "
            f"{'' if new == 'ALARM' else 'not '}{words} the threshold ({alarm['Threshold']}).")


def counted_words(many: int, noun: str) -> str:
    """E.g. "1 datapoint was", "2 datapoints were"."""
    return f"{many} {noun}{'s were' if many > 1 else ' was'}"


def clock(seconds: float, form: str) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(form)


# Who hears of an alarm

def telling(dispatch):
    """EventBridge hears of every change of an alarm's state, whether its actions are on or not."""
    def dispatch_and_tell(alarm, old, new, reason):
        from ministack.services import eventbridge
        dispatch(alarm, old, new, reason)
        now = {"value": new, "reason": reason,
               "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds")
               .replace("+00:00", "+0000")}
        before = _told.get(alarm["AlarmArn"])
        if not before or before["value"] != old:
            before = {"value": old, "reason": CREATED, "timestamp": now["timestamp"]}
        _told[alarm["AlarmArn"]] = now
        eventbridge._put_events({"Entries": [{
            "Source": "aws.cloudwatch", "DetailType": "CloudWatch Alarm State Change",
            "Resources": [alarm["AlarmArn"]], "Detail": json.dumps({
                "alarmName": alarm["AlarmName"], "configuration": configuration(alarm),
                "previousState": before, "state": now})}]}, allow_aws_source=True)
    return dispatch_and_tell


def configuration(alarm: dict) -> dict:
    """What an event says of an alarm: its metric, or the rule of a composite alarm."""
    about = {"description": alarm["AlarmDescription"]} if alarm.get("AlarmDescription") else {}
    if not alarm.get("MetricName"):
        return {**about, "alarmRule": alarm.get("AlarmRule", "")}
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    return {**about, "metrics": [{
        "id": "m1", "returnData": True, "metricStat": {
            "metric": {"namespace": alarm["Namespace"], "name": alarm["MetricName"],
                       "dimensions": dimensions},
            "period": alarm["Period"],
            "stat": alarm.get("ExtendedStatistic") or alarm["Statistic"]}}]}
