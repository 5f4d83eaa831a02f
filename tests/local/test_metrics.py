"""Metrics and alarms: the embedded metric format, what counts, and who hears of an alarm."""
import contextlib
import io
import json
import time
import uuid

import pytest
import requests

from function_folder import Context, load
from tiny_churn import model  # noqa: F401, a fixture
from workshop.local.patches import filters, metrics
from workshop.machine import paths

NOW = int(time.time() * 1000)
PERIOD = 30      # seconds of the alarms: long enough for three lines on a busy machine


def line(directive=None, about=None, **entries):
    """A line in the embedded metric format, with one part changed."""
    directive = {"Namespace": "Shop", "Dimensions": [["Function", "Version"]],
                 "Metrics": [{"Name": "Faults", "Unit": "Count"}], **(directive or {})}
    about = {"Timestamp": NOW, "CloudWatchMetrics": [directive], **(about or {})}
    return json.dumps({"_aws": about, "Function": "f", "Version": "2", "Faults": 1, **entries})


BOTH = {"Function": "f", "Version": "2"}


@pytest.mark.parametrize("text, found", [
    (line(), [("Shop", "Faults", BOTH, NOW / 1000, "Count", [1], 60)]),
    (line(Faults=[1, 0.5]), [("Shop", "Faults", BOTH, NOW / 1000, "Count", [1, 0.5], 60)]),
    (line({"Metrics": [{"Name": "Faults"}]}),
     [("Shop", "Faults", BOTH, NOW / 1000, "None", [1], 60)]),
    (line({"Metrics": [{"Name": "Faults", "StorageResolution": 1}]}),
     [("Shop", "Faults", BOTH, NOW / 1000, "None", [1], 1)]),
    (line({"Dimensions": [["Version"], []]}),
     [("Shop", "Faults", {"Version": "2"}, NOW / 1000, "Count", [1], 60),
      ("Shop", "Faults", {}, NOW / 1000, "Count", [1], 60)]),
    (line(about={"CloudWatchMetrics": []}), []),
    ("START RequestId: 1", []), ('{"status": 200}', []), ('{"_aws": broken', []),
    ('["_aws"]', [])])
def test_metrics_of_a_log_line(text, found):
    assert metrics.extract(text) == found


@pytest.mark.parametrize("text", [
    line(about={"Timestamp": "now"}), line(about={"CloudWatchMetrics": None}),
    line({"Namespace": ""}), line({"Dimensions": []}), line({"Dimensions": [["Nobody"]]}),
    line(Version=2), line(Faults="1"), line(Faults=True), line(Faults=None),
    line({"Metrics": [{"Name": "Faults", "StorageResolution": 10}]}),
    line({"Metrics": [{"Name": "Nothing"}]}), line(Faults=[1] * 101),
    line({"Metrics": [{"Name": "Faults"}] * 101}),
    line({"Dimensions": [[f"d{number}" for number in range(31)]]},
         **{f"d{number}": "x" for number in range(31)})])
def test_a_line_that_breaks_the_specification_yields_nothing(text):
    with pytest.raises(ValueError):
        metrics.extract(text)
    metrics.publish(text)       # and breaks nothing


def judge(values, before="OK", **settings):
    """State that periods with these values, newest first, give an alarm on 3 or more."""
    return metrics.state({"EvaluationPeriods": len(values), "Threshold": 3, "StateValue": before,
                          "ComparisonOperator": "GreaterThanOrEqualToThreshold", **settings},
                         values)


@pytest.mark.parametrize("values, settings, expected", [
    ([3], {}, "ALARM"), ([2.9], {}, "OK"), ([None], {}, "INSUFFICIENT_DATA"),
    ([None], {"TreatMissingData": "notBreaching"}, "OK"),
    ([None], {"TreatMissingData": "breaching"}, "ALARM"),
    ([None], {"TreatMissingData": "ignore", "before": "ALARM"}, "ALARM"),
    ([5, 5, 0], {"DatapointsToAlarm": 2}, "ALARM"), ([5, 0, 0], {"DatapointsToAlarm": 2}, "OK"),
    ([5, None], {"TreatMissingData": "notBreaching"}, "OK"),
    ([5, None], {}, "OK"), ([5, None], {"before": "ALARM"}, "ALARM"),
    ([0, None], {"before": "ALARM"}, "OK"), ([5, 5, 5], {}, "ALARM"), ([5, 0, 5], {}, "OK"),
    ([2], {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
    ([3], {"ComparisonOperator": "LessThanThreshold"}, "OK"),
    ([3], {"ComparisonOperator": "GreaterThanThreshold"}, "OK"),
    ([3], {"ComparisonOperator": "LessThanOrEqualToThreshold"}, "ALARM")])
def test_state_of_an_alarm(values, settings, expected):
    assert judge(values, **settings) == expected


SAID = json.dumps({"status": 500, "cold": True, "error": None, "event": "http", "at": {"ms": 1.5}})


@pytest.mark.parametrize("pattern, found", [
    ("{ $.status = 500 }", True), ("{$.status=500}", True), ("{ $.status = 400 }", False),
    ("{ $.status != 400 }", True), ("{ $.status >= 500 }", True), ("{ $.status < 500 }", False),
    ('{ $.event = "http" }', True), ("{ $.event = http }", True), ('{ $.event = "h*" }', True),
    ('{ $.event = "h?tp" }', False), ('{ $.event != "rest" }', True), ("{ $.at.ms > 1 }", True),
    ("{ $.cold IS TRUE }", True), ("{ $.cold IS FALSE }", False), ("{ $.error IS NULL }", True),
    ("{ $.gone NOT EXISTS }", True), ("{ $.gone = 1 }", False), ("{ $.gone != 1 }", False),
    ('{ $.status = 500 && $.event = "rest" }', False),
    ('{ ($.status = 500) && ($.event = "http") }', True),
    ('{ $.status = 400 || $.event = "http" }', True), ("{ what }", False), ("{}", False)])
def test_a_pattern_for_json_finds_lines_by_what_they_say(pattern, found):
    assert filters.for_json(pattern)(SAID) is found
    assert filters.for_json(pattern)("START RequestId: 1") is False


# In the local cloud

def test_filter_log_events_reads_patterns_for_json(shop, aws):
    shop.say()
    shop.say(Faults=0)

    def count(pattern):
        return len(aws("logs").filter_log_events(logGroupName=shop.name,
                                                 filterPattern=pattern)["events"])
    assert [count("{ $.Faults = 1 }"), count("{ $.Faults = 2 }"), count("Faults"), count("")] == [
        1, 0, 2, 2]


@pytest.fixture
def shop(aws):
    """A log stream, an alarm on faults of version 2 alone, and a queue that hears of alarms."""
    name = f"workshop-test-{uuid.uuid4().hex[:8]}"
    logs, watch, sqs, events = aws("logs"), aws("cloudwatch"), aws("sqs"), aws("events")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({
        "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn["QueueArn"]}})})
    events.put_rule(Name=name, EventPattern=json.dumps({
        "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": name}]}}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])
    for version in "12":
        watch.put_metric_alarm(
            AlarmName=f"{name}-{version}", Namespace=name, MetricName="Faults", Statistic="Sum",
            Dimensions=[{"Name": "Function", "Value": "f"}, {"Name": "Version", "Value": version}],
            Period=PERIOD, EvaluationPeriods=1, Threshold=3, TreatMissingData="notBreaching",
            ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmDescription="faults")

    class Shop:
        @staticmethod
        def say(**entries):
            now = int(time.time() * 1000)
            text = line({"Namespace": name, "Metrics": [
                {"Name": "Faults", "Unit": "Count", "StorageResolution": 1}]},
                {"Timestamp": now}, **entries)
            logs.put_log_events(logGroupName=name, logStreamName="s",
                                logEvents=[{"timestamp": now, "message": text}])

        @staticmethod
        def state(version):
            found = watch.describe_alarms(AlarmNames=[f"{name}-{version}"])["MetricAlarms"]
            return found[0]["StateValue"]

        @staticmethod
        def heard(value):
            """The events of the queue, until one tells of the state `value`."""
            deadline, found = time.monotonic() + 60, []
            while time.monotonic() < deadline:
                for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10,
                                               WaitTimeSeconds=1).get("Messages", []):
                    found.append(json.loads(one["Body"]))
                if any(one["detail"]["state"]["value"] == value for one in found):
                    return found
            raise AssertionError(f"no event of {value}, only {found}")
    Shop.name = name
    yield Shop
    watch.delete_alarms(AlarmNames=[f"{name}-1", f"{name}-2"])
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=url)
    logs.delete_log_group(logGroupName=name)


def test_log_lines_set_off_the_alarm_of_their_own_dimensions_and_eventbridge_hears(shop):
    for _ in range(3):
        shop.say()
    event = next(one for one in shop.heard("ALARM") if one["detail"]["state"]["value"] == "ALARM")
    assert (event["source"], event["detail-type"]) == (
        "aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:012345678912:alarm:{shop.name}-2"]
    detail = event["detail"]
    assert detail["alarmName"] == f"{shop.name}-2"
    assert detail["previousState"]["value"] == "OK"
    assert detail["state"]["reason"].startswith("Threshold Crossed: 1 datapoint [3.0 (")
    metric = detail["configuration"]["metrics"][0]["metricStat"]
    assert metric["metric"] == {"namespace": shop.name, "name": "Faults", "dimensions": BOTH}
    assert (metric["period"], metric["stat"]) == (PERIOD, "Sum")
    assert (shop.state(1), shop.state(2)) == ("OK", "ALARM")


def test_two_faults_are_no_alarm_and_a_state_set_by_hand_is_told(shop, aws):
    for _ in range(2):
        shop.say()
    shop.say(Version="1")
    aws("cloudwatch").set_alarm_state(AlarmName=f"{shop.name}-1", StateValue="ALARM",
                                      StateReason="by hand")
    reasons = [one["detail"]["state"]["reason"] for one in shop.heard("ALARM")
               if one["detail"]["state"]["value"] == "ALARM"]
    assert reasons == ["by hand"]
    assert shop.state(2) == "OK"


def total(aws, metric, statistic="Sum", namespace="AWS/Lambda", **dimensions):
    """Sum of a metric over the last hour; None where there is none."""
    found = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, Period=3600, Statistics=[statistic],
        StartTime=time.time() - 3600, EndTime=time.time() + 60,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])
    points = found["Datapoints"]
    return sum(one[statistic] for one in points) if points else None


def test_a_function_tells_of_each_run_by_function_alias_and_version(new_function, aws):
    function = new_function()
    for number in (1, 2):
        function.configure(Description=str(number))     # or there is nothing to publish
        function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(
        FunctionName=function.name, Name="live", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.999999}})
    function.ask()
    function.ask("live")
    function.ask("live", **{"raise": "x"})
    alias = {"FunctionName": function.name, "Resource": f"{function.name}:live"}
    assert total(aws, "Invocations", FunctionName=function.name) == 3
    assert total(aws, "Errors", FunctionName=function.name) == 1
    assert total(aws, "Invocations", **alias) == 2
    assert total(aws, "Errors", **alias, ExecutedVersion="2") == 1
    assert total(aws, "Invocations", **alias, ExecutedVersion="1") is None
    assert total(aws, "Duration", "Maximum", FunctionName=function.name) > 0


def test_an_http_api_tells_how_it_answered(probe, aws, local_cloud):
    api, arn = aws("apigatewayv2"), probe.arn
    made = api.create_api(Name=f"workshop-test-{uuid.uuid4().hex[:8]}", ProtocolType="HTTP")
    try:
        target = api.create_integration(
            ApiId=made["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=arn,
            PayloadFormatVersion="2.0")["IntegrationId"]
        api.create_route(ApiId=made["ApiId"], RouteKey="POST /probe",
                         Target=f"integrations/{target}")
        api.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
        probe.permit("apigateway.amazonaws.com",
                     f"arn:aws:execute-api:us-east-1:012345678912:{made['ApiId']}/*/POST/probe")
        statuses = [requests.post(made["ApiEndpoint"] + "/probe", json=body).status_code
                    for body in ({}, {"raise": "x"})]
        assert statuses == [200, 500]
        figures = {name: total(aws, name, namespace="AWS/ApiGateway", ApiId=made["ApiId"],
                               Stage="$default") for name in ("Count", "4xx", "5xx")}
        assert figures == {"Count": 2, "4xx": 0, "5xx": 1}
        assert total(aws, "Latency", namespace="AWS/ApiGateway", ApiId=made["ApiId"]) > 0
    finally:
        api.delete_api(ApiId=made["ApiId"])
        probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


# The churn function's line

def spoken(function, event):
    """The line that the churn function logs for an event."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        function.lambda_handler(event, Context())
    text, = out.getvalue().splitlines()
    return text


@pytest.fixture
def churn(monkeypatch, model):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "workshop-churn")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
    return load(monkeypatch, "churn", model)


REQUEST = json.loads((paths.ROOT / "tests/support/events/direct.json").read_text())


@pytest.mark.parametrize("what, figures", [
    ("answered", {"Requests": 1, "Faults": 0, "Rejected": 0}),
    ("rejected", {"Requests": 1, "Faults": 0, "Rejected": 1}),
    ("fault", {"Requests": 1, "Faults": 1, "Rejected": 0})])
def test_each_request_says_its_metrics_by_aws_specification(churn, monkeypatch, what, figures):
    if what == "fault":
        monkeypatch.setattr(churn, "predict", lambda customer: 1 / 0)
    text = spoken(churn, {"customer": 1} if what == "rejected" else REQUEST)
    found = {name: values[0] for _, name, _, _, _, values, _ in metrics.extract(text)}
    assert {name: found[name] for name in figures} == figures
    assert 0 <= found["Latency"] < 60_000
    assert ("Probability" in found) == (what == "answered")
    for namespace, _, dimensions, seconds, *_ in metrics.extract(text):
        assert namespace == "Workshop/Churn" and abs(seconds - time.time()) < 60
        assert dimensions == {"FunctionName": "workshop-churn", "FunctionVersion": "7"}


def test_values_are_counted_field_by_field_and_told_in_crowds_only(churn):
    churn.signature["spread"] = {"tenure": {"edges": [12, 24]}, "contract": {}}
    changes = [{"tenure": 3}, {"tenure": 12}, {"tenure": 24, "contract": "two_year"}]
    lines = [json.loads(spoken(churn, {"customer": REQUEST["customer"] | changes[number % 3]}))
             for number in range(100)]
    told = [number for number, one in enumerate(lines) if "inputs" in one]
    assert told == [49, 99]
    contract = REQUEST["customer"]["contract"]
    assert contract != "two_year"
    assert lines[49]["inputs"] == {"tenure": {"0": 17, "1": 17, "2": 16},
                                   "contract": {contract: 34, "two_year": 16}}
    assert sum(lines[99]["inputs"]["tenure"].values()) == 50
    for one in lines:
        assert "customer" not in json.dumps(one)


def test_without_a_spread_nothing_is_counted(churn):
    for _ in range(60):
        assert "inputs" not in json.loads(spoken(churn, REQUEST))


# Rollback

class Alias:
    """Stands in for Lambda: an alias with an extra weight, that others may change meanwhile."""

    class exceptions:
        class PreconditionFailedException(Exception):
            pass

    def __init__(self, weights, changes=0):
        self.weights, self.changes, self.revision, self.asked = weights, changes, 0, []

    def get_alias(self, **asked):
        self.asked.append(asked)
        routing = {"RoutingConfig": {"AdditionalVersionWeights": self.weights}}
        return {"RevisionId": str(self.revision), "FunctionVersion": "1",
                **(routing if self.weights else {})}

    def update_alias(self, RevisionId, RoutingConfig, **asked):
        self.asked.append(asked)
        if self.changes:
            self.changes, self.revision = self.changes - 1, self.revision + 1
        if RevisionId != str(self.revision):
            raise self.exceptions.PreconditionFailedException
        self.weights = RoutingConfig["AdditionalVersionWeights"]


@pytest.fixture
def rollback(monkeypatch):
    for name, value in {"FUNCTION": "workshop-x", "ALIAS": "live", "AWS_ACCESS_KEY_ID": "x",
                        "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    return load(monkeypatch, "rollback")


def changed(state="ALARM", **dimensions):
    """CloudWatch's event for an alarm on a metric with these dimensions."""
    return {"detail": {"alarmName": "a", "state": {"value": state}, "configuration": {"metrics": [
        {"id": "m1", "metricStat": {"metric": {"name": "Faults", "dimensions": dimensions}}}]}}}


@pytest.mark.parametrize("event, weights, outcome, after", [
    (changed(FunctionName="workshop-x", FunctionVersion="2"), {"2": 0.1}, "rolled back", {}),
    (changed(), {"2": 0.1}, "rolled back", {}),
    (changed(FunctionVersion="2"), {}, "no canary", {}),
    (changed(FunctionVersion="2"), {"3": 0.1}, "another version", {"3": 0.1}),
    (changed(FunctionName="workshop-y"), {"2": 0.1}, "another function", {"2": 0.1}),
    (changed("OK", FunctionVersion="2"), {"2": 0.1}, "no alarm", {"2": 0.1}),
    ({"detail": {"alarmName": "both", "state": {"value": "ALARM"}, "configuration": {
        "alarmRule": "ALARM(a)"}}}, {"2": 0.1}, "rolled back", {})])
def test_the_guilty_version_goes_and_no_other(rollback, capsys, event, weights, outcome, after):
    rollback.client = Alias(weights)
    assert rollback.lambda_handler(event, Context()) == outcome
    assert rollback.client.weights == after
    assert json.loads(capsys.readouterr().out)["outcome"] == outcome
    assert all(one == {"FunctionName": "workshop-x", "Name": "live"}
               for one in rollback.client.asked)


def test_twice_is_once(rollback):
    rollback.client, event = Alias({"2": 0.1}), changed(FunctionVersion="2")
    assert rollback.lambda_handler(event, Context()) == "rolled back"
    assert rollback.lambda_handler(event, Context()) == "no canary"


def test_an_alias_that_changes_meanwhile_is_looked_at_again(rollback):
    rollback.client = Alias({"2": 0.1}, changes=2)
    assert rollback.lambda_handler(changed(FunctionVersion="2"), Context()) == "rolled back"
    rollback.client = Alias({"2": 0.1}, changes=99)
    with pytest.raises(RuntimeError, match="changed 5 times"):
        rollback.lambda_handler(changed(FunctionVersion="2"), Context())


@pytest.mark.parametrize("event", [{}, {"detail": {}}, {"Records": []}])
def test_what_is_no_alarm_is_an_error_so_that_lambda_tells(rollback, event):
    with pytest.raises(KeyError):
        rollback.lambda_handler(event, Context())
