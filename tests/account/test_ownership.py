"""Whose is it: an owner's names and tags, and that one owner never touches another's things."""
import ast
import re
from types import SimpleNamespace

import boto3
import pytest

from calls import packed
from workshop import cloud, deploy, inventory, triggers
from workshop.account import buckets, calls, ownership
from workshop.course import render
from workshop.local.addresses import ACCOUNT
from workshop.machine import paths

LONGEST_OWNER, LONGEST_REGION = "abcdefgh", "ap-southeast-1"
USER, ROLE = "arn:aws:iam::123456789012:user", "arn:aws:sts::123456789012:assumed-role"


# The owner

@pytest.mark.parametrize("chosen", ["Ada", "ada lovelace", "ada-b", "a" * 9, "ä", "ada\n", "../x"])
def test_an_owner_that_does_not_fit_into_names_is_refused(monkeypatch, chosen):
    monkeypatch.setenv("WORKSHOP_OWNER", chosen)
    with pytest.raises(ValueError, match="WORKSHOP_OWNER is .*1 to 8 lowercase letters and digits"):
        deploy.name("churn")


def test_the_chosen_owner_stands_in_names_and_tags(monkeypatch):
    monkeypatch.setenv("WORKSHOP_OWNER", "ada7")
    assert deploy.name("churn") == "workshop-ada7-churn"
    assert deploy.tags() == {"project": "lambda-onnx-workshop", "owner": "ada7"}


def test_on_the_local_cloud_the_owner_is_the_learner(local_cloud, monkeypatch):
    monkeypatch.delenv("WORKSHOP_OWNER")
    monkeypatch.delenv("WORKSHOP_USER")
    cloud.use()
    assert ownership.owner() == "learner"


@pytest.mark.parametrize("arn, owner", [
    (f"arn:aws:iam::{ACCOUNT}:root", "learner"),
    (f"arn:aws:iam::{ACCOUNT}:user/learner", "learner"),
    (f"{USER}/ada", "ada"), (f"{USER}/team/x/grace", "grace"),
    ("arn:aws-cn:iam::123456789012:user/li", "li")])
def test_a_short_users_name_is_the_owner(arn, owner):
    assert ownership.owner_of(arn) == owner


CALLERS = [
    f"{USER}/ada", f"{USER}/Ada", f"{USER}/ada.lovelace", f"{USER}/ada.lovely", f"{USER}/===",
    f"{USER}/+++", f"{USER}/adalovelace", f"{USER}/adalovelac", f"{USER}/root", f"{USER}/ünü",
    f"{ROLE}/Admin/ada", f"{ROLE}/Admin/ada@example.com", f"{ROLE}/Reader/ada@example.com",
    f"{ROLE}/Admin", f"{ROLE}/Admin/i-0123456789abcdef0",
    f"{ROLE}/Reader/botocore-session-1700000001",
    "arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/ada",
    "arn:aws:iam::999999999999:root"]


def test_two_callers_have_two_owners_that_fit():
    owners = [ownership.owner_of(arn) for arn in CALLERS]
    assert len(set(owners)) == len(CALLERS)
    assert all(re.fullmatch("[a-z0-9]{1,8}", one) for one in owners)


@pytest.mark.parametrize("tool", ["botocore-session-", "aws-sdk-js-", "aws-go-sdk-", "AWSCLI-"])
def test_a_session_that_a_tool_names_after_the_time_keeps_its_owner(tool):
    """Else nobody would find tomorrow what they made today."""
    monday, tuesday = (ownership.owner_of(f"{ROLE}/Admin/{tool}{time}")
                       for time in ("1700000001", "1700086401555"))
    assert monday == tuesday != ownership.owner_of(f"{ROLE}/Reader/{tool}1700000001")


# Names

@pytest.mark.parametrize("what", ["", "Churn", "a_b", "-a", "a-", "a--b", "a" * 18, "a/b", "a\n"])
def test_what_cannot_be_part_of_every_name_is_refused(what):
    with pytest.raises(ValueError, match="1 to 17 lowercase"):
        deploy.name(what)


def literals(source):
    """The arguments of every call of `deploy.name` or `ownership.name` in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "deploy.name", "ownership.name"):
            argument, = node.args
            assert isinstance(argument, ast.Constant), ast.unparse(node)
            yield argument.value


LESSONS = {lesson.number: lesson.path.read_text() for lesson in render.lessons()}


def test_lessons_name_what_they_make_with_the_owners_prefix():
    using = {number for number, text in LESSONS.items() if list(literals(text))}
    assert using >= {"00", "01", "05", "06", "10", "11", "14", "15", "17", "18", "19", "20", "21",
                     "22", "23", "24"}
    for number, text in LESSONS.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and number != "00":
                assert not re.match(r"workshop-[a-z]", node.value), f"lesson {number}: {node.value}"


@pytest.mark.parametrize("number", LESSONS)
def test_at_the_longest_owner_every_name_stays_within_its_limit(number, monkeypatch):
    """64 characters for functions, roles, rules, schedules; 63 for SageMaker and buckets."""
    monkeypatch.setenv("WORKSHOP_OWNER", LONGEST_OWNER)
    monkeypatch.setattr(calls, "where", lambda: (ACCOUNT, LONGEST_REGION))
    endings = {"-role", "-dead", "-0123abcd", *re.findall(
        r"\{(?:NAME|MODEL|FUNCTION|STACK|ROLLBACK|CHURN|EVENTS|FILES|QUEUE)\}(-[a-z-]+)",
        LESSONS[number])} | ({"-churn-role", "-throttles"} if number == "20" else set())
    for what in literals(LESSONS[number]):
        name = ownership.name(what)
        assert len(buckets.full_name(name)) <= 63, name
        for ending in endings:
            assert len(f"{name}{ending}-role") <= 63, f"{name}{ending}-role"


def test_a_repositorys_policy_lets_the_owners_functions_pull_alone(monkeypatch, local_cloud):
    monkeypatch.setenv("WORKSHOP_OWNER", "ada")
    assert f"{ACCOUNT}:function:workshop-ada-*" in deploy.policy("repository")


@pytest.mark.parametrize("text, mine", [
    ("project=lambda-onnx-workshop owner=ada", True),
    ("project=lambda-onnx-workshop owner=ada sha256=1", True),
    ("project=lambda-onnx-workshop owner=adab", False),
    ("project=lambda-onnx-workshop", False), ("", False), (None, False),
    ("not project=lambda-onnx-workshop owner=ada", False)])
def test_a_description_names_its_owner(monkeypatch, text, mine):
    monkeypatch.setenv("WORKSHOP_OWNER", "ada")
    assert ownership.has_mark(text) == mine


# Two owners in one account

def furnish(what):
    """What a lesson makes, by the names and tags of the present owner; its name."""
    name = deploy.name(what)
    deploy.zip_function(name, folder="hello")
    deploy.http_api(name, name)
    triggers.on_event(name, name, schedule="rate(1 day)")
    triggers.queue(name)
    deploy.image_repository(name)
    calls.s3().put_object(Bucket=deploy.bucket(name), Key="file", Body=b"1")
    boto3.client("lambda").publish_layer_version(
        LayerName=name, Description=ownership.mark(),
        Content={"ZipFile": packed()})
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="test", MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, Tags=ownership.pairs(),
        ComparisonOperator="GreaterThanThreshold")
    return name


@pytest.fixture
def class_(local_cloud, monkeypatch):
    """Ada and Bob have the same lesson's things in one account; `be(owner)` changes places."""
    def be(owner):
        monkeypatch.setenv("WORKSHOP_OWNER", owner)

    def mine():
        return {one for one in inventory.find() if one.whose == inventory.OURS}
    names = {}
    for owner in ("ada", "adab"):           # one begins as the other does
        be(owner)
        names[owner] = furnish("twin")
    yield SimpleNamespace(be=be, mine=mine, names=names)
    for owner in names:
        be(owner)
        inventory.remove(mine(), say=lambda _: None)
        assert mine() == set()


def test_one_owners_clean_leaves_the_others_things(class_):
    class_.be("adab")
    before = class_.mine()
    assert len(before) >= 10 and all("workshop-adab-" in one.name + one.id for one in before)
    class_.be("ada")
    listed = inventory.find()
    assert not [one for one in listed if "adab" in one.name + one.id], "not even listed"
    assert inventory.main(["--remove"]) == 0
    assert class_.mine() == set()
    class_.be("adab")
    assert class_.mine() == before


def test_one_owners_lesson_start_leaves_the_others_things(class_):
    class_.be("adab")
    before = class_.mine()
    class_.be("ada")
    triggers.delete(deploy.name("twin"))
    deploy.delete(deploy.name("twin"))
    class_.be("adab")
    assert class_.mine() == before


@pytest.mark.parametrize("call", [
    deploy.delete, deploy.close, deploy.bucket, deploy.image_repository, deploy.ensure_role,
    triggers.delete, deploy.delete_stack, deploy.layer, triggers.plain_queue],
    ids=lambda call: call.__name__)
def test_another_owners_name_is_refused(local_cloud, monkeypatch, call):
    monkeypatch.setenv("WORKSHOP_OWNER", "ada")
    with pytest.raises(ValueError, match="begin with 'workshop-ada-'"):
        call("workshop-adab-twin")


@pytest.mark.parametrize("tags", [{"project": "lambda-onnx-workshop"},
                                  {"project": "lambda-onnx-workshop", "owner": "adab"},
                                  {"owner": "ada"}, {}])
def test_a_thing_of_our_name_with_anothers_tags_is_left_alone(local_cloud, monkeypatch, tags):
    monkeypatch.setenv("WORKSHOP_OWNER", "ada")
    sqs, name = boto3.client("sqs"), deploy.name("stray")
    url = sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"]
    try:
        with pytest.raises(deploy.NotOursError, match="owner=ada"):
            triggers.delete(name)
        with pytest.raises(deploy.NotOursError, match="owner=ada"):
            triggers.queue(name)
        assert {one.whose for one in inventory.find() if one.name == name} == {inventory.NOT_OURS}
    finally:
        sqs.delete_queue(QueueUrl=url)


# Buckets

S3_CALLS = re.compile(r"\bs3\.(?:get|put|head|delete|copy|list_object|upload|download)\w*\(|"
                      r"\bclient\.get_object\(")


@pytest.mark.parametrize("path", [
    *(paths.LAMBDA / name for name in ("churn/model_store.py", "churn/batch.py",
                                       "signal/ledger.py"))], ids=lambda path: path.stem)
def test_every_call_of_a_function_names_the_account_that_must_own_the_bucket(path):
    calls = [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Call) and S3_CALLS.match(ast.unparse(node).removeprefix(
                 "self."))]
    assert len(calls) >= 2
    assert not [one for one in calls if not re.search(r"\*\*(where|self\.where|OWNED)", one)]


def test_every_bucket_of_a_lesson_and_of_the_workshop_has_its_owner_named():
    """A plain client is for calls with ExpectedBucketOwner, and for those that cannot have it."""
    free = ("create_bucket", "list_buckets", "generate_presigned_url", "meta", "exceptions",
            "get_paginator", "Config")
    sources = {**{f"lesson {number}": text for number, text in LESSONS.items()},
               **{str(path.relative_to(paths.ROOT / "workshop")): path.read_text() for path in (
                   *paths.ROOT.glob("workshop/*.py"), *paths.ROOT.glob("workshop/account/*.py"))}}
    plain = re.compile(r"(?<!calls\.)client\(.s3.\)\.(?!list_buckets|generate_presi)")
    for where, text in sources.items():
        if where != "account/calls.py":     # which makes the client that names the owner
            assert not plain.search(text), where
            assert 'resource("s3")' not in text, where
        if re.search(r"\bs3\(\)|calls\.client\(.s3.\)", text):
            continue        # its client names the owner in every call
        for call in re.findall(r"\bs3\.(\w+)\((?!\*\*(?:owned|OWNED))[^)]*", text):
            if call == "upload_file":
                assert "ExpectedBucketOwner" in text, where
            else:
                assert call in free, f"{where}: s3.{call}"
