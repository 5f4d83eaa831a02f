"""CloudWatch alarms: on a metric, or on other alarms (composite)."""
from workshop.account import calls, ownership

KINDS = ("CompositeAlarm", "MetricAlarm")       # a composite one stands on the others


def find(name):
    """Alarm NAME as CloudWatch describes it (dict), or None."""
    found = calls.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=KINDS)
    return next((one for kind in KINDS for one in found.get(f"{kind}s", [])), None)


def ensure(name, **settings):
    """Make or change the alarm NAME on a metric; settings as put_metric_alarm takes them."""
    check(name)
    calls.client("cloudwatch").put_metric_alarm(AlarmName=name, Tags=ownership.pairs(), **settings)


def listed(meant):
    """What the inventory lists of the alarms that are meant; composite ones first."""
    for kind in KINDS:
        yield from calls.lister(tags, "cloudwatch", "describe_alarms", f"{kind}s",
                                "AlarmName", "AlarmArn", AlarmTypes=[kind])(meant)


tags = calls.tagger("cloudwatch", lambda alarm: {"ResourceARN": alarm["AlarmArn"]})
remove = calls.remover("cloudwatch", "delete_alarms", lambda name: {"AlarmNames": [name]})
check, removals, delete = ownership.verbs("alarm", find, tags, remove)
