"""CloudWatch: data, statistics and alarms. Sources: the operations' API references."""
import json
import math
import re
import time

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

POINTS = 1_440          # of one get_metric_statistics
MISSING = ("breaching", "notBreaching", "ignore", "missing")
DAY, WEEK = 86_400, 604_800
OLDEST, LATEST = 2 * WEEK, 7_200        # seconds of a datum's age (MetricDatum)
STAT = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|IQM|p\d{1,2}(\.\d+)?|p100"
                  r"|(tm|wm|tc|ts|pr)\d{1,2}(\.\d+)?|(TM|WM|PR|TC|TS|IQM)\(.*\)")


def invalid(message: str, kind: str = "Value") -> RefusedError:
    return RefusedError(f"InvalidParameter{kind}", message, 400)


@rule("cloudwatch", "PutMetricData")
def metric_data(asked: dict) -> None:
    if asked["Namespace"].startswith("AWS/"):
        raise invalid("The value AWS/ for parameter Namespace is invalid.")
    for number, datum in enumerate(asked.get("MetricData") or [], 1):
        at = f"MetricData.member.{number}"
        given = [key for key in ("Value", "Values", "StatisticValues") if key in datum]
        if len(given) > 1:
            raise invalid(f"The parameters {at}.{given[0]} and {at}.{given[1]} are mutually "
                          "exclusive and you have specified both.", "Combination")
        if not given:
            raise RefusedError("MissingParameter", "At least one of the parameters "
                               f"{at}.Value, {at}.Values, {at}.StatisticValues must be specified.",
                               400)
        numbers = {"Value": [datum["Value"]] if "Value" in datum else [],
                   "Values": datum.get("Values") or [],
                   "StatisticValues": list((datum.get("StatisticValues") or {}).values())}
        for name, found in numbers.items():
            for number in found:
                if not math.isfinite(number):
                    raise invalid(f"The value {number} for parameter {at}.{name} is invalid."
                                  .replace("nan", "NaN"))
        age = time.time() - datum["Timestamp"].timestamp() if "Timestamp" in datum else 0
        if age > OLDEST or -age > LATEST:
            raise invalid(f"The parameter {at}.Timestamp must specify a time no more than two "
                          "weeks in the past and no more than two hours in the future.")
        if "Counts" in datum and len(datum["Counts"]) != len(datum.get("Values") or []):
            raise invalid(f"The parameters {at}.Values and {at}.Counts must be of the same size.")
        if len(datum.get("Values") or []) > 150:
            raise invalid(f"The collection {at}.Values must not have a size greater than 150.")
        if datum.get("StorageResolution") not in (None, 1, 60):
            raise invalid(f"The value {datum['StorageResolution']} for parameter "
                          f"{at}.StorageResolution is invalid.")


@rule("cloudwatch", "GetMetricStatistics")
def statistics(asked: dict) -> None:
    seconds = (asked["EndTime"] - asked["StartTime"]).total_seconds()
    period = asked["Period"]
    if seconds <= 0:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    whole_period(period)
    if not asked.get("Statistics") and not asked.get("ExtendedStatistics"):
        raise RefusedError("MissingParameter", "At least one of the parameters Statistics and "
                           "ExtendedStatistics must be specified.", 400)
    points = int(-(-seconds // period))
    if points > POINTS:
        raise invalid(f"You have requested up to {points} datapoints, which exceeds the limit of "
                      f"{POINTS}. You may reduce the datapoints requested by increasing Period, "
                      "or decreasing the time range.", "Combination")


@rule("cloudwatch", "GetMetricData")
def data_queries(asked: dict) -> None:
    if asked["StartTime"] >= asked["EndTime"]:
        raise RefusedError("ValidationError", "The parameter StartTime must be less than the "
                           "parameter EndTime.", 400)
    names = [query["Id"] for query in asked["MetricDataQueries"]]
    if len(names) > len(set(names)):
        raise RefusedError("ValidationError", "The values for parameter id in MetricDataQueries "
                           "are not unique.", 400)
    for query in asked["MetricDataQueries"]:
        if ("MetricStat" in query) == ("Expression" in query):
            raise RefusedError("ValidationError", "Exactly one of the elements MetricStat and "
                               f"Expression must be given in the query {query['Id']}.", 400)
    for number, query in enumerate(asked["MetricDataQueries"], 1):
        _query(f"MetricDataQueries.member.{number}", query)


def _query(at: str, query: dict) -> None:
    """The id of a query, and its period and statistic."""
    if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query["Id"]):
        raise RefusedError("ValidationError", f"The value {query['Id']} for parameter {at}.Id is "
                           "not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", 400)
    stat = query.get("MetricStat") or {}
    if not STAT.fullmatch(stat.get("Stat", "Sum")):
        raise RefusedError("ValidationError", f"The value {stat['Stat']} for parameter "
                           f"{at}.MetricStat.Stat is not supported.", 400)
    try:
        whole_period(stat.get("Period", 60))
    except RefusedError as refused:
        raise RefusedError("ValidationError", refused.message, 400) from None


def whole_period(period: int) -> None:
    if period not in (1, 5, 10, 20, 30) and (period < 1 or period % 60):
        raise invalid(f"The value {period} for parameter Period is not valid: it must be 1, 5, 10, "
                      "20, 30 or a multiple of 60.")


@rule("cloudwatch", "PutMetricAlarm")
def alarm(asked: dict) -> None:
    def wrong(message):
        return RefusedError("ValidationError", message, 400)
    if asked.get("TreatMissingData", "missing") not in MISSING:
        raise wrong(f"The value {asked['TreatMissingData']} for parameter TreatMissingData is "
                    f"not valid: valid values are {', '.join(MISSING)}")
    for key in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        for arn in asked.get(key) or []:
            if not arn.startswith("arn:"):
                raise wrong(f"Invalid arn syntax: {arn}")
    period, count = asked.get("Period"), asked.get("EvaluationPeriods", 1)
    if period is not None:
        if period not in (10, 20, 30) and (period < 1 or period % 60):
            raise wrong("Period must be 10, 20, 30 or a multiple of 60")
        longest = WEEK if period >= 3600 else DAY
        if period * count > longest:
            raise wrong(f"Metrics cannot be checked across more than {longest // DAY} day(s) "
                        "(EvaluationPeriods * Period must be <= "
                        f"{longest})")
    if asked.get("DatapointsToAlarm", 1) > count:
        raise wrong("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if "Metrics" in asked:
        if "MetricName" in asked:
            raise wrong("Metrics and MetricName are mutually exclusive")
        return
    for name in ("MetricName", "Namespace", "Period"):
        if name not in asked:
            raise wrong(f"{name} is required when Metrics is not given")
    if ("Statistic" in asked) == ("ExtendedStatistic" in asked):
        raise wrong("Exactly one of Statistic and ExtendedStatistic must be given")
    if "Threshold" not in asked and "ThresholdMetricId" not in asked:
        raise wrong("Threshold is required for an alarm on a static threshold")


@rule("cloudwatch", "PutDashboard")
def dashboard(asked: dict) -> None:
    try:
        found = json.loads(asked["DashboardBody"])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RefusedError("InvalidParameterInput", "The field DashboardBody must be a valid JSON "
                           "object", 400)
