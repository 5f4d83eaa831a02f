"""EventBridge Scheduler's schedules, and the groups that they are in.

A schedule cannot be tagged: its group is, or its description says whose it is.
"""
from workshop.account import calls, ownership
from workshop.machine import tools


def find(name):
    """Schedule NAME of group NAME as Scheduler describes it, or None."""
    return calls.if_there(calls.client("scheduler").get_schedule, GroupName=name, Name=name)


def find_group(name):
    return calls.if_there(calls.client("scheduler").get_schedule_group, Name=name)


def ensure(name, expression, target):
    """Find, make or change schedule NAME in a group of the same name; return its ARN.

    expression: `rate(…)`, `cron(…)` or `at(…)`. target: dict with the ARNs Arn and RoleArn.
    """
    client = calls.client("scheduler")
    if not check_group(name):
        client.create_schedule_group(Name=name, Tags=ownership.pairs())
        tools.say(f"made schedule group {name}")
    call = client.update_schedule if find(name) else client.create_schedule
    return call(Name=name, GroupName=name, ScheduleExpression=expression, Target=target,
                Description=ownership.mark(), FlexibleTimeWindow={"Mode": "OFF"})["ScheduleArn"]


def tags(schedule):
    return ownership.tags() if ownership.has_mark(schedule.get("Description")) else {}


def group_tags(group):
    return calls.tags("scheduler", ResourceArn=group["Arn"])


def remove(number):
    """One schedule, by GROUP/NAME."""
    group, _, name = number.partition("/")
    calls.client("scheduler").delete_schedule(GroupName=group, Name=name)


def remove_group(name):
    """The schedules go before their group: Scheduler takes its time with one that is not empty."""
    for one in list(calls.pages("scheduler", "list_schedules", "Schedules", GroupName=name)):
        calls.if_there(remove, f"{name}/{one['Name']}")
    calls.client("scheduler").delete_schedule_group(Name=name)


def listed(meant, groups):
    ours = {name for name, _, found in groups() if ownership.is_ours(found)}
    for one in calls.pages("scheduler", "list_schedules", "Schedules"):
        group, name = one.get("GroupName", "default"), one["Name"]
        if group in ours or meant(name, one["Arn"]):
            told = calls.client("scheduler").get_schedule(GroupName=group, Name=name)
            yield name, f"{group}/{name}", ownership.tags() if group in ours else tags(told)


def listed_groups(meant):
    return calls.listed(meant, group_tags, "scheduler", "list_schedule_groups", "ScheduleGroups",
                        "Name", "Arn")


# A schedule goes with its group.
check_group, removals, delete = ownership.verbs(
    "schedule group", find_group, group_tags, remove_group)
