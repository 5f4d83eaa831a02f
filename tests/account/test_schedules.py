"""EventBridge Scheduler's schedules, and their groups."""
import json

import boto3
import pytest

from workshop.account import ownership, schedules

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "scheduler.amazonaws.com"}}]})


@pytest.fixture
def target(name):
    """A function that there is not, and a role that Scheduler may take."""
    iam = boto3.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    yield {"Arn": "arn:aws:lambda:us-east-1:012345678912:function:a", "RoleArn": arn}
    iam.delete_role(RoleName=name)


def meant(name):
    return lambda one, arn="": name in one


def listed(name):
    groups = list(schedules.listed_groups(meant(name)))
    return list(schedules.listed(meant(name), lambda: groups)), groups


def test_a_schedule_and_its_group_are_made_changed_listed_and_deleted(name, target):
    assert schedules.find(name) is None
    schedules.delete(name)
    for expression in ("rate(1 day)", "rate(2 days)"):
        arn = schedules.ensure(name, expression, target)
    found = schedules.find(name)
    assert (found["Arn"], found["ScheduleExpression"]) == (arn, "rate(2 days)")
    assert ownership.is_ours(schedules.tags(found))
    assert listed(name)[0] == [(name, f"{name}/{name}", ownership.tags())]
    schedules.delete(name)
    assert schedules.find(name) is None and listed(name) == ([], [])


def test_a_foreign_group_is_neither_used_nor_deleted(name, target):
    client = boto3.client("scheduler")
    client.create_schedule_group(Name=name)
    with pytest.raises(ownership.NotOursError, match="lacks the tags"):
        schedules.ensure(name, "rate(1 day)", target)
    with pytest.raises(ownership.NotOursError, match="lacks the tags"):
        schedules.delete(name)
    assert [ownership.is_ours(tags) for _, _, tags in listed(name)[1]] == [False]
    client.delete_schedule_group(Name=name)


def test_in_a_group_of_others_the_description_says_whose_a_schedule_is(name, target):
    client = boto3.client("scheduler")
    for number, words in enumerate((ownership.mark(), "somebody else's")):
        client.create_schedule(Name=f"{name}-{number}", Description=words, Target=target,
                               ScheduleExpression="rate(1 day)",
                               FlexibleTimeWindow={"Mode": "OFF"})
    found = {one: ownership.is_ours(tags) for one, _, tags in listed(name)[0]}
    assert found == {f"{name}-0": True, f"{name}-1": False}
    for one in found:
        schedules.remove(f"default/{one}")
    assert listed(name)[0] == []
