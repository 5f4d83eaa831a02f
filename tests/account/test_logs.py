"""CloudWatch log groups."""
import boto3
import pytest

from workshop.account import logs, ownership


@pytest.fixture
def group(name):
    return logs.LAMBDA + name


def none():
    return []


def test_five_verbs(name, group, five_verbs):
    client = boto3.client("logs")

    def foreign():
        client.create_log_group(logGroupName=group)
        return lambda: client.delete_log_group(logGroupName=group)
    five_verbs(logs, lambda: logs.ensure(group), foreign, called=group,
               listed=lambda meant: logs.listed(meant, none, none))


def test_a_group_forgets_after_a_week(group):
    logs.ensure(group)
    assert logs.find(group)["retentionInDays"] == 7
    logs.delete(group)


def test_what_a_service_made_for_a_thing_of_ours_is_ours(name, group):
    client = boto3.client("logs")
    client.create_log_group(logGroupName=group)

    def meant(one, arn=""):
        return one == name

    def functions():
        return [(name, "arn", ownership.tags())]
    assert [tags for _, _, tags in logs.listed(meant, functions, none)] == [ownership.tags()]
    logs.ensure(group, owned=True)
    assert logs.find(group)["retentionInDays"] == 7
    logs.delete(group, owned=True)
    assert logs.find(group) is None


def test_a_name_that_only_begins_alike_is_another_group(group):
    logs.ensure(f"{group}-more")
    assert logs.find(group) is None
    logs.delete(f"{group}-more")
