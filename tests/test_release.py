"""A bad version behind an alias: how many requests it gets, and that an alarm takes it out."""
import json
import time

import boto3
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import tiny_churn
from waiting import until
from workshop import deploy, triggers
from workshop.machine import engine, paths

NAME, ROLLBACK = "workshop-test-release", "workshop-test-release-rollback"
WEIGHT, REQUESTS, AFTER = 0.1, 200, 40
CHANCE = 1e-9           # how seldom chance alone may fail this test
PATIENCE = 120          # seconds
CUSTOMER = json.loads((paths.ROOT / "tests/support/events/direct.json").read_text())["customer"]


def most(count, weight, chance):
    """The number that a binomial variable exceeds with at most probability `chance`."""
    from scipy.stats import binom
    return int(binom.ppf(1 - chance, count, weight))


def with_columns(model, columns, path):
    """Save a model with other columns of its probabilities."""
    last = next(node for node in model.graph.node if "probabilities" in node.output)
    last.output[list(last.output).index("probabilities")] = "inner"
    model.graph.initializer.append(
        numpy_helper.from_array(np.array(columns, dtype=np.int64), "columns"))
    model.graph.node.append(
        helper.make_node("Gather", ["inner", "columns"], ["probabilities"], axis=1))
    out = next(one for one in model.graph.output if one.name == "probabilities")
    out.type.tensor_type.shape.dim[1].dim_value = len(columns)
    onnx.save(model, path)
    return path


def remove():
    watch = boto3.client("cloudwatch")
    names = [one["AlarmName"]
             for one in watch.describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]]
    if names:
        watch.delete_alarms(AlarmNames=names)
    triggers.delete(ROLLBACK)
    deploy.delete(ROLLBACK)
    deploy.delete(NAME)


@pytest.fixture(scope="module")
def versions(local_cloud, docker_engine, tmp_path_factory):
    """{what the model does: version}, with the alias `live` on the good one, and the rollback."""
    folder, client, made, images = tmp_path_factory.mktemp("models"), boto3.client("lambda"), {}, []
    tiny_churn.make(folder)
    remove()
    for kind, columns in (("good", None), ("fails", [1]), ("wrong", [1, 0])):
        path = folder / "model.onnx"
        if columns:
            path = with_columns(onnx.load(path), columns, folder / f"{kind}.onnx")
        images.append(deploy.build("churn", path, f"release-test-{kind}"))
        deploy.function(NAME, deploy.push(images[-1], NAME), memory=1769, timeout=10)
        made[kind] = client.publish_version(FunctionName=NAME)["Version"]
    client.create_alias(FunctionName=NAME, Name="live", FunctionVersion=made["good"])
    triggers.roll_back_on_alarm(ROLLBACK, NAME)
    yield made
    remove()
    engine.docker("image", "rm", "-f", *images)


def ask(qualifier, client=None):
    """(version that ran, status, probability) of one request."""
    said = (client or boto3.client("lambda")).invoke(
        FunctionName=NAME, Qualifier=qualifier, Payload=json.dumps({"customer": CUSTOMER}))
    assert "FunctionError" not in said
    answer = json.load(said["Payload"])
    return said["ExecutedVersion"], answer.get("statusCode", 200), answer.get("churn_probability")


def alarm(version, metric, **settings):
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{NAME}-{version}-{metric}", Namespace="Workshop/Churn", MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": NAME},
                    {"Name": "FunctionVersion", "Value": version}],
        **{"Period": 10, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
           "TreatMissingData": "notBreaching", **settings})


def weights(client=None):
    return (client or boto3.client("lambda")).get_alias(FunctionName=NAME, Name="live").get(
        "RoutingConfig", {}).get("AdditionalVersionWeights", {})


def canary(version):
    """Give a version its share, and send requests until it is gone and AFTER more have come.

    Returns the answers to the first REQUESTS, and those after it was gone.
    """
    client = boto3.client("lambda")
    client.update_alias(FunctionName=NAME, Name="live",
                        RoutingConfig={"AdditionalVersionWeights": {version: WEIGHT}})
    answers, after, gone, deadline = [], [], False, time.monotonic() + PATIENCE
    while len(answers) < REQUESTS or len(after) < AFTER:
        assert time.monotonic() < deadline, f"version {version} still gets requests"
        answers.append(ask("live", client))
        if gone:
            after.append(answers[-1])
        gone = gone or not weights(client)
    return answers[:REQUESTS], after


def judge(version, answers, after):
    """At most the canary's share of the requests, whatever chance does; none after the rollback.

    A rollback can only lower the number of requests that a version gets of a number of them that
    was fixed before: it is at most a binomial variable.
    """
    bad = sum(ran == version for ran, _, _ in answers)
    assert 0 < bad <= most(REQUESTS, WEIGHT, CHANCE)
    assert not any(ran == version for ran, _, _ in after)


def test_a_version_that_faults_is_rolled_back_though_lambda_counts_no_error(versions):
    alarm(versions["fails"], "Faults", Statistic="Sum", Threshold=3, EvaluationPeriods=1)
    answers, after = canary(versions["fails"])
    judge(versions["fails"], answers, after)
    assert all((status == 500) == (ran == versions["fails"]) for ran, status, _ in answers)
    errors = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="Errors", Statistics=["Sum"], Period=3600,
        StartTime=time.time() - 3600, EndTime=time.time() + 60,
        Dimensions=[{"Name": "FunctionName", "Value": NAME}])["Datapoints"]
    assert sum(one["Sum"] for one in errors) == 0


def test_a_version_that_answers_wrongly_is_rolled_back_by_its_mean_probability(versions):
    expected = ask(versions["good"])[2]
    beyond = "GreaterThanThreshold" if expected < 0.5 else "LessThanThreshold"
    alarm(versions["wrong"], "Faults", Statistic="Sum", Threshold=3, EvaluationPeriods=1)
    alarm(versions["wrong"], "Probability", Statistic="Average", EvaluationPeriods=1, Threshold=0.5,
          ComparisonOperator=beyond)
    answers, after = canary(versions["wrong"])
    judge(versions["wrong"], answers, after)
    assert {status for _, status, _ in answers} == {200}
    assert {round(probability, 4) for ran, _, probability in answers
            if ran == versions["wrong"]} == {round(1 - expected, 4)}


def test_an_alarm_of_an_earlier_version_leaves_the_canary_alone(versions):
    client, watch = boto3.client("lambda"), boto3.client("cloudwatch")
    # A metric that is quiet: an alarm that is on already would not change.
    name = f"{NAME}-{versions['fails']}-Rejected"
    alarm(versions["fails"], "Rejected", Statistic="Sum", Threshold=3, EvaluationPeriods=1)
    client.update_alias(FunctionName=NAME, Name="live", RoutingConfig={
        "AdditionalVersionWeights": {versions["wrong"]: WEIGHT}})
    began = int(time.time() * 1000)
    watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="late")
    logs = boto3.client("logs")
    found = until(lambda: logs.filter_log_events(
        logGroupName=f"/aws/lambda/{ROLLBACK}", startTime=began,
        filterPattern=f'{{ $.alarm = "{name}" }}')["events"], "the alarm is judged")
    assert json.loads(found[0]["message"])["outcome"] == "another version"
    assert weights() == {versions["wrong"]: WEIGHT}
