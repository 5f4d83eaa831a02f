"""`run --on-aws`: the guard, the order, and a clean account at the end. A local cloud plays AWS."""
import os
import signal
import subprocess
import sys
import time
import uuid

import boto3
import pytest

from workshop import cloud, inventory
from workshop.account import ownership
from workshop.commands import on_aws
from workshop.local import addresses, identities
from workshop.machine.paths import ROOT

NUMBER = addresses.ACCOUNT


@pytest.fixture
def aws_account(local_cloud, tmp_path):
    """A profile whose AWS is the local cloud, and an owner of its own in it.

    Comes first in a test: what the test replaces is back in its place when this one clears up.
    """
    keys = identities.user_keys(addresses.state_folder(), identities.ADMINISTRATOR)
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(f"[profile mine]\nregion = us-east-1\nendpoint_url = {cloud.url()}\n")
    credentials.write_text(f"[mine]\naws_access_key_id = {keys['access_key']}\n"
                           f"aws_secret_access_key = {keys['secret_key']}\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(config))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
        patch.setenv("AWS_PROFILE", "mine")
        patch.setenv("WORKSHOP_OWNER", f"t{uuid.uuid4().hex[:6]}")
        patch.setattr(on_aws.site, "build", lambda **_: None)
        cloud._fresh_session()
        yield
        inventory.remove(one for one in inventory.find() if one.whose == inventory.OURS)
    cloud._fresh_session()


@pytest.fixture
def a_budget(aws_account):
    """`a_budget(limit)`: a monthly budget of somebody else's in the account."""
    client, made = boto3.client("budgets"), []

    def make(limit=5.0):
        made.append(name := f"theirs-{uuid.uuid4().hex[:8]}")
        client.create_budget(AccountId=NUMBER, Budget={
            "BudgetName": name, "TimeUnit": "MONTHLY", "BudgetType": "COST",
            "BudgetLimit": {"Amount": str(limit), "Unit": "USD"}})
        return name
    yield make
    for name in made:
        client.delete_budget(AccountId=NUMBER, BudgetName=name)


@pytest.fixture
def executed(monkeypatch):
    """What the lessons are asked to do; `executed.then` is called in their place."""
    class Executed(list):
        then = staticmethod(lambda: 0)

        def __call__(self, numbers):
            self.append(numbers)
            return self.then()
    monkeypatch.setattr(on_aws.lessons, "run", calls_made := Executed())
    return calls_made


def queue():
    """A queue as a lesson makes it."""
    name = ownership.name("events")
    boto3.client("sqs").create_queue(QueueName=name, tags=ownership.tags())
    return name


def queues():
    """Queues of this test's owner."""
    return boto3.client("sqs").list_queues(
        QueueNamePrefix=ownership.prefix()).get("QueueUrls", [])


# The guard: nothing runs

def test_without_a_profile_no_account_is_meant(monkeypatch, executed, capsys):
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert on_aws.main(["05"]) == 2 and executed == []
    assert "AWS_PROFILE is not set" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["", "yes", "123456789012", NUMBER[:-1]])
def test_another_number_than_the_accounts_runs_nothing(aws_account, a_budget, executed, typed,
                                                       capsys):
    a_budget()
    assert on_aws.main(["--account", typed]) == 2 and executed == []
    assert "not the account's number" in capsys.readouterr().err


def test_where_nobody_is_at_a_terminal_the_number_is_needed(aws_account, executed, monkeypatch,
                                                            capsys):
    monkeypatch.setattr(inventory.sys, "stdin", open(os.devnull))
    assert on_aws.main([]) == 2 and executed == []
    assert NUMBER in capsys.readouterr().err


def test_without_a_budget_nothing_runs(aws_account, executed, capsys, monkeypatch):
    monkeypatch.setattr(on_aws.calls, "pages", lambda *_, **__: iter(()))
    assert on_aws.main(["--account", NUMBER]) == 2 and executed == []
    assert "has no budget" in capsys.readouterr().err


@pytest.mark.parametrize("spent, runs", [("4.99", True), ("5.0", False), ("7", False)])
def test_a_spent_budget_runs_nothing(aws_account, executed, capsys, monkeypatch, spent, runs):
    # The local cloud has no bill, so the service's answer is written here, in its form.
    answer = [{"BudgetName": "five", "BudgetType": "COST", "TimeUnit": "MONTHLY",
               "BudgetLimit": {"Amount": "5", "Unit": "USD"},
               "CalculatedSpend": {"ActualSpend": {"Amount": spent, "Unit": "USD"}}}]
    monkeypatch.setattr(on_aws.calls, "pages", lambda *_, **__: iter(answer))
    monkeypatch.setattr(on_aws.inventory, "find", lambda: [])
    assert on_aws.main(["--account", NUMBER]) == (0 if runs else 2)
    assert len(executed) == runs
    assert runs or "budget five is spent" in capsys.readouterr().err


def test_what_the_owner_has_already_is_not_put_at_risk(aws_account, a_budget, executed, capsys):
    a_budget()
    queue()
    assert on_aws.main(["--account", NUMBER]) == 2 and executed == [] and len(queues()) == 1
    said = capsys.readouterr()
    assert "WORKSHOP_OWNER" in said.err and ownership.name("events") in said.out


# The order, and the end

def test_lessons_run_and_what_they_made_is_removed(aws_account, a_budget, executed, capsys):
    a_budget()
    executed.then = lambda: queue() and 0
    assert on_aws.main(["--account", NUMBER, "05", "06"]) == 0
    assert executed == [["05", "06"]] and queues() == []
    said = capsys.readouterr().out
    assert said.count("US dollars spent this month") == 2       # before and after
    assert "nothing is there" in said


def fails():
    queue()
    return 1


def breaks():
    queue()
    raise OSError("the disk is full")


def is_interrupted():
    queue()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    return 0


@pytest.mark.parametrize("then, ends", [(fails, 1), (breaks, OSError),
                                        (is_interrupted, KeyboardInterrupt)])
def test_the_account_is_clean_after_a_failure(aws_account, a_budget, executed, then, ends):
    a_budget()
    executed.then = then
    if ends == 1:
        assert on_aws.main(["--account", NUMBER]) == 1
    else:
        with pytest.raises(ends):
            on_aws.main(["--account", NUMBER])
    assert len(executed) == 1 and queues() == []


@pytest.mark.parametrize("what", ["build", "second find"])
def test_a_failure_after_the_lessons_is_told_and_the_rest_is_removed(
        aws_account, a_budget, executed, monkeypatch, capsys, what):
    a_budget()
    executed.then = lambda: queue() and 0
    if what == "build":
        monkeypatch.setattr(on_aws.site, "build", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            on_aws.main(["--account", NUMBER])
    else:
        find, asked = inventory.find, []

        def fail_at_the_end():
            asked.append(1)
            if len(asked) == 4:     # before; what to remove, and once more; what is left
                raise RuntimeError("throttled")
            return find()
        monkeypatch.setattr(on_aws.inventory, "find", fail_at_the_end)
        assert on_aws.main(["--account", NUMBER]) == 1
        said = capsys.readouterr().err
        assert "could not be cleaned: throttled" in said and "workshop clean" in said
    assert queues() == []


def test_what_does_not_go_is_told(aws_account, a_budget, executed, monkeypatch, capsys):
    a_budget()
    executed.then = lambda: queue() and 0
    monkeypatch.setattr(on_aws.inventory, "remove", lambda things: list(things))
    assert on_aws.main(["--account", NUMBER]) == 1
    said = capsys.readouterr()
    assert ownership.name("events") in said.out and "tries again" in said.err


def test_ctrl_c_does_not_stop_the_removal(aws_account, a_budget, executed, monkeypatch, capsys):
    a_budget()
    executed.then = lambda: queue() and 0
    remove = inventory.remove

    def interrupted(things):
        os.kill(os.getpid(), signal.SIGINT)
        return remove(things)
    monkeypatch.setattr(on_aws.inventory, "remove", interrupted)
    assert on_aws.main(["--account", NUMBER]) == 0 and queues() == []
    assert "being cleaned" in capsys.readouterr().out


def test_the_command_runs_a_real_lesson_so(aws_account, a_budget):
    a_budget()
    done = subprocess.run([sys.executable, "-m", "workshop", "run", "--on-aws", "--account", NUMBER,
                           "00"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    places = [said.index(words) for words in (
        "this costs money", "US dollars spent", "00 Set up and look around", "Left in the account:",
        "nothing is there")]
    assert places == sorted(places), said
