"""Real messages of libraries, tools and AWS: the right cause, or none, and never a wrong one."""
import json
import re

import pytest

import provoke_messages
from workshop.course import failures

ROWS = json.loads(provoke_messages.ROWS.read_text(encoding="utf-8"))
SLOW = {"torch", "keras", "aws-sam-cli", "nbval", "awscli"}      # seconds each: the script has them


def ids(rows):
    return [row["name"] for row in rows]


def recognised(text):
    return [one.name for one in failures.recognise(text)]


@pytest.mark.parametrize("row", ROWS, ids=ids(ROWS))
def test_a_message_has_its_cause_or_none(row):
    wanted = [row["cause"]] if row["cause"] else []
    message = row["message"]
    for text in (message, f"\x1b[31mERROR\x1b[0m  {message}\n", message.replace(" ", "\n  ")):
        assert recognised(text) == wanted, row.get("because")


def test_a_row_says_what_it_is_and_how_it_is_made_again():
    assert len(ids(ROWS)) == len(set(ids(ROWS)))
    for row in ROWS:
        assert row["message"] and row["library"], row["name"]
        assert bool(row["cause"]) != bool(row.get("because")), row["name"]
        ways = {"python", "cloud", "shell", "function", "recorded"} & row.keys()
        assert len(ways) == 1, row["name"]


def test_there_are_enough_of_each_kind():
    """At least 60 messages, 25 of them without a cause here; every failure has its own."""
    assert len(ROWS) >= 60 and sum(row["cause"] is None for row in ROWS) >= 25
    assert sum("recorded" not in row for row in ROWS) >= 60
    assert {row["cause"] for row in ROWS} - {None} == {one.name for one in failures.FAILURES}


def test_every_sign_is_needed():
    texts = [" ".join(row["message"].split()) for row in ROWS]
    for failure in failures.FAILURES:
        for sign in failure.signs:
            assert any(re.search(sign, text) for text in texts), f"no message has {sign!r}"


def test_the_place_of_the_clone_is_in_no_message():
    text = provoke_messages.ROWS.read_text(encoding="utf-8")
    assert str(provoke_messages.ROOT) not in text and "/tmp/tmp" not in text


def words(message):
    """What says which failure it is: the first 60 letters, without numbers and places."""
    return re.sub(r"[^A-Za-z]+", " ", re.sub(r"/\S+|\.cc:\d+|\d+", "", message))[:60]


PYTHON = [row for row in ROWS if "python" in row
          and not SLOW & {one.split(" ")[0] for one in row["library"]}]
CLOUD = [row for row in ROWS if "cloud" in row]
SHELL = [row for row in ROWS if "shell" in row and row["library"][0].startswith(("docker", "pip"))]


def check(row):
    text = provoke_messages.plain(provoke_messages.provoke(row))
    assert recognised(text) == ([row["cause"]] if row["cause"] else []), text
    return text


@pytest.mark.parametrize("row", PYTHON, ids=ids(PYTHON))
def test_a_library_says_it_so_today(row):
    assert words(check(row)) == words(row["message"])


@pytest.mark.parametrize("row", CLOUD, ids=ids(CLOUD))
def test_the_local_cloud_says_it_so(row, local_cloud):
    assert words(check(row)) == words(row["message"])


@pytest.mark.parametrize("row", SHELL, ids=ids(SHELL))
def test_a_tool_means_the_same_today(row, docker_engine):
    check(row)      # its words differ from version to version
