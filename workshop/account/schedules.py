"""EventBridge Scheduler's schedules, and the groups that they are in.

A schedule cannot be tagged: its group is, or its description says whose it is.
"""
from workshop.account import calls, ownership
from workshop.machine import tools


def find(name):
    """Schedule NAME of group NAME as Scheduler describes it (dict), or None."""
    return calls.if_there(calls.client("scheduler").get_schedule, GroupName=name, Name=name)


def find_group(name):
    """Schedule group NAME as Scheduler describes it (dict), or None."""
    return calls.if_there(calls.client("scheduler").get_schedule_group, Name=name)


def ensure(name, expression, target):
    """Find, make or change schedule NAME in a group of the same name; return its ARN.

    expression: `rate(…)`, `cron(…)` or `at(…)`. target: dict with the ARNs Arn and RoleArn. A role
    that is new is waited for.
    """
    client = calls.client("scheduler")
    if not check_group(name):
        client.create_schedule_group(Name=name, Tags=ownership.pairs())
        tools.say(f"made schedule group {name}")
    call = client.update_schedule if find(name) else client.create_schedule
    return calls.when_known(
        call, lambda error: "assume the role" in error["Message"],
        Name=name, GroupName=name, ScheduleExpression=expression, Target=target,
        Description=ownership.mark(), FlexibleTimeWindow={"Mode": "OFF"})["ScheduleArn"]


def tags(schedule):
    """The owner's tags where a schedule's description says so, else {}."""
    return ownership.tags() if ownership.has_mark(schedule.get("Description")) else {}


def remove(number):
    """Delete one schedule, whosever it is. number: GROUP/NAME."""
    group, _, name = number.partition("/")
    calls.client("scheduler").delete_schedule(GroupName=group, Name=name)


def remove_group(name):
    """Delete group NAME, whosever it is; Scheduler takes its time with one that is not empty."""
    for one in list(calls.pages("scheduler", "list_schedules", "Schedules", GroupName=name)):
        calls.if_there(remove, f"{name}/{one['Name']}")
    calls.client("scheduler").delete_schedule_group(Name=name)


def listed(meant, groups):
    """What the inventory lists: schedules in our groups (a listing), and what else is meant."""
    ours = {name for name, _, found in groups() if ownership.is_ours(found)}
    for one in calls.pages("scheduler", "list_schedules", "Schedules"):
        group, name = one.get("GroupName", "default"), one["Name"]
        if group in ours or meant(name, one["Arn"]):
            described = calls.client("scheduler").get_schedule(GroupName=group, Name=name)
            yield name, f"{group}/{name}", ownership.tags() if group in ours else tags(described)


# A schedule goes with its group.
group_tags = calls.tagger("scheduler", lambda group: {"ResourceArn": group["Arn"]})
listed_groups = calls.lister(group_tags, "scheduler", "list_schedule_groups", "ScheduleGroups",
                             "Name", "Arn")
check_group, removals, delete = ownership.verbs(
    "schedule group", find_group, group_tags, remove_group)
