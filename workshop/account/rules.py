"""EventBridge rules, which run a function for each event of a pattern, or by a clock."""
import json

from workshop.account import calls, ownership


def find(name):
    """Rule NAME as EventBridge describes it (dict), or None."""
    return calls.if_there(calls.client("events").describe_rule, Name=name)


def ensure(name, pattern=None, schedule=None):
    """Find, make or change rule NAME and return its ARN.

    pattern: dict of the events that are meant. schedule: `rate(…)` or `cron(…)`, in its place.
    """
    events = calls.client("events")
    check(name)
    what = {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": schedule}
    arn = events.put_rule(Name=name, State="ENABLED", **what)["RuleArn"]
    events.tag_resource(ResourceARN=arn, Tags=ownership.pairs())    # put_rule tags new ones only
    return arn


def aim(name, target):
    """Give rule NAME a target (dict, as put_targets takes it). RuntimeError if it is refused."""
    refused = calls.client("events").put_targets(Rule=name, Targets=[target])["FailedEntries"]
    if refused:
        raise RuntimeError(f"EventBridge refuses the target: {refused[0]['ErrorMessage']}")


def remove(name):
    """Delete rule NAME, whosever it is; it can go only when it has no targets."""
    events = calls.client("events")
    ids = [one["Id"] for one in calls.pages("events", "list_targets_by_rule", "Targets", Rule=name)]
    if ids:
        events.remove_targets(Rule=name, Ids=ids)
    events.delete_rule(Name=name)


def listed(meant):
    """What the inventory lists of the rules that are meant, but for those of AWS's services."""
    for one in calls.pages("events", "list_rules", "Rules"):
        if meant(one["Name"], one["Arn"]) and not one.get("ManagedBy"):
            yield one["Name"], one["Arn"], tags(one)


tags = calls.tagger("events", lambda rule: {"ResourceARN": rule["Arn"]})
check, removals, delete = ownership.verbs("rule", find, tags, remove)
