"""EventBridge rules."""
import boto3
import pytest

from workshop.account import rules


def test_five_verbs(name, five_verbs):
    events = boto3.client("events")

    def foreign():
        events.put_rule(Name=name, ScheduleExpression="rate(1 hour)")
        return lambda: events.delete_rule(Name=name)
    five_verbs(rules, lambda: rules.ensure(name, schedule="rate(1 day)"), foreign)


def test_it_goes_with_its_targets(name):
    rules.ensure(name, pattern={"source": ["a"]})
    rules.aim(name, {"Id": "a", "Arn": "arn:aws:lambda:us-east-1:012345678912:function:a"})
    rules.delete(name)
    assert rules.find(name) is None


def test_a_refused_target_is_an_error(name, monkeypatch):
    class Refusing:
        def put_targets(self, **_):
            return {"FailedEntries": [{"ErrorMessage": "no such function"}]}
    monkeypatch.setattr(rules.calls, "client", lambda service: Refusing())
    with pytest.raises(RuntimeError, match="refuses the target: no such function"):
        rules.aim(name, {"Id": "a", "Arn": "b"})
