"""The local cloud's short pauses between two looks at whether a thing is ready."""
import os

import boto3
import pytest

from workshop.local import waiters


@pytest.fixture(autouse=True)
def variable(monkeypatch, tmp_path):
    """The learner's own folder is in the variable, and is put back after the test."""
    monkeypatch.setenv(waiters.VARIABLE, str(tmp_path))
    monkeypatch.setattr(waiters, "FOLDER", tmp_path / "waiters")
    return str(tmp_path)


def delays(*names):
    """(pause, how long in all) of boto3's waiters, in seconds."""
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test",
                                    region_name="us-east-1")
    for service, name in names:
        config = session.client(service, endpoint_url="http://localhost:1").get_waiter(name).config
        yield config.delay, round(config.delay * config.max_attempts)


WAITERS = [("lambda", "function_updated_v2"), ("cloudformation", "stack_create_complete")]


def test_boto3_looks_often_and_gives_up_as_late_as_usual():
    usual = dict(zip(WAITERS, delays(*WAITERS)))
    waiters.look_often()
    for name, (pause, patience) in zip(WAITERS, delays(*WAITERS)):
        assert pause == waiters.PAUSE < usual[name][0]
        assert patience == usual[name][1]


def test_it_is_taken_back_and_other_folders_stay(variable):
    waiters.look_often()
    waiters.look_often()
    assert os.environ[waiters.VARIABLE].split(os.pathsep)[1:] == [variable]
    waiters.look_as_usual()
    assert os.environ[waiters.VARIABLE] == variable
    assert all(pause >= 1 for pause, _ in delays(*WAITERS))
