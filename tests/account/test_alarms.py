"""CloudWatch alarms."""
import boto3

from workshop.account import alarms

SETTINGS = {"Namespace": "test", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}


def test_five_verbs(name, five_verbs):
    watch = boto3.client("cloudwatch")

    def foreign():
        watch.put_metric_alarm(AlarmName=name, **SETTINGS)
        return lambda: watch.delete_alarms(AlarmNames=[name])
    five_verbs(alarms, lambda: alarms.ensure(name, **SETTINGS), foreign)


def test_a_change_is_taken_over(name):
    alarms.ensure(name, **SETTINGS)
    alarms.ensure(name, **SETTINGS | {"Threshold": 5})
    assert alarms.find(name)["Threshold"] == 5
    alarms.delete(name)
