"""How a service says `not there` and `not yet`, and waiting for it."""
import os
import time

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from workshop.account import calls
from workshop.machine.waiting import busy, until


def refusal(code, message=""):
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@pytest.mark.parametrize("error, missing", [
    (refusal("ResourceNotFoundException"), True), (refusal("NoSuchEntity"), True),
    (refusal("RepositoryNotFoundException"), True), (refusal("NoSuchBucket"), True),
    (refusal("AWS.SimpleQueueService.NonExistentQueue"), True),
    (refusal("QueueDoesNotExist"), True), (refusal("NotFound"), True),
    (refusal("ValidationError", "Stack with id a does not exist"), True),
    (refusal("ValidationException", 'Could not find endpoint "a"'), True),
    (refusal("ValidationError", "Stack a is in DELETE_IN_PROGRESS state"), False),
    (refusal("AccessDenied", "policy a does not exist or denies it"), False),
    (refusal("ThrottlingException"), False),
    (EndpointConnectionError(endpoint_url="https://a"), False)])
def test_one_rule_says_that_a_thing_is_not_there(error, missing):
    def call():
        raise error
    assert calls.is_missing(error) == missing
    if missing:
        assert calls.if_there(call) is None
    else:
        with pytest.raises(type(error)):
            calls.if_there(call)


def test_a_client_is_made_once_for_each_session_and_region(monkeypatch):
    first = calls.client("sqs")
    assert calls.client("sqs") is first
    assert calls.client("sqs", "eu-west-1") is not first
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)     # as cloud.use() does
    assert calls.client("sqs") is not first


def test_until_returns_the_first_answer_that_is_true():
    answers = iter([0, [], "there"])
    assert until(lambda: next(answers), pause=0) == "there"


@pytest.mark.parametrize("otherwise, words", [("it is not there", "After 0 s it is not there"),
                                              ("", r"After 0 s still \[\]")])
def test_until_gives_up_and_says_what_is_wrong(otherwise, words):
    with pytest.raises(TimeoutError, match=words):
        until(list, otherwise, patience=0, pause=0.01)


@pytest.mark.parametrize("load, times", [(0.1, 1), (6, 3), (400, 8)])
def test_patience_grows_with_a_busy_machine(monkeypatch, load, times):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0, 0), raising=False)
    assert busy() == times
    clock = iter([0, *range(100)])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with pytest.raises(TimeoutError, match=f"After {5 * times} s"):
        until(list, patience=5, pause=0)
