"""CloudWatch alarms: on a metric, or on other alarms (composite)."""
from workshop.account import calls, ownership

KINDS = ("CompositeAlarm", "MetricAlarm")       # a composite one stands on the others


def find(name):
    """Alarm NAME as CloudWatch describes it, or None."""
    found = calls.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=KINDS)
    return next((one for kind in KINDS for one in found.get(f"{kind}s", [])), None)


def ensure(name, **settings):
    """Make or change the alarm NAME on a metric; settings as put_metric_alarm takes them."""
    check(name)
    calls.client("cloudwatch").put_metric_alarm(AlarmName=name, Tags=ownership.pairs(), **settings)


def tags(alarm):
    return calls.tags("cloudwatch", ResourceARN=alarm["AlarmArn"])


def remove(name):
    calls.client("cloudwatch").delete_alarms(AlarmNames=[name])


def listed(meant):
    for kind in KINDS:
        yield from calls.listed(meant, tags, "cloudwatch", "describe_alarms", f"{kind}s",
                                "AlarmName", "AlarmArn", AlarmTypes=[kind])


check, removals, delete = ownership.verbs("alarm", find, tags, remove)
