"""The learner's policies: within IAM's limits, enough for every lesson, and nothing beyond."""
import copy
import json
import re
import string
from pathlib import Path

import cfnlint.data.AdditionalSpecs as specs
import pytest

from learner_calls import FILE, REFUSED, allows, compact, differences, merged, recorded, written
from workshop import permissions
from workshop.course import render
from workshop.local import identities
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import learner
from workshop.local.permissions.actions import Need
from workshop.local.rules.policies import listed
from workshop.machine import paths

# IAM User Guide, "IAM and AWS STS quotas": characters of a managed policy without white space;
# managed policies that a user may have.
CHARACTERS, POLICIES = 6144, 10
LONGEST = {"account": ACCOUNT, "region": "ap-southeast-1", "owner": "abcdefgh",
           "owned": "workshop-abcdefgh-"}
FILES = {path.stem: path for path in sorted(permissions.POLICIES.glob("*.json"))}
DOCUMENTS = {stage: json.loads(string.Template(path.read_text(encoding="utf-8")).substitute(
    account=ACCOUNT, region=REGION, owner="learner", owned="workshop-learner-"))
    for stage, path in FILES.items()}
NEEDS = [(need, lessons) for needs in recorded().values() for need, lessons in needs]


# ---------------------------------------------------------------- IAM's limits

def test_there_is_a_policy_for_each_stage():
    assert set(FILES) == set(permissions.STAGES) == {
        "ship", "open", "events", "sagemaker", "stacks", "operate"}
    assert len(FILES) <= POLICIES


@pytest.mark.parametrize("stage", FILES)
def test_a_policy_is_within_iams_size(stage):
    text = string.Template(FILES[stage].read_text(encoding="utf-8")).substitute(LONGEST)
    assert len(re.sub(r"\s", "", text)) <= CHARACTERS


@pytest.mark.parametrize("stage", FILES)
def test_a_policy_names_its_actions_and_no_resource_of_others(stage):
    for statement in DOCUMENTS[stage]["Statement"]:
        assert statement["Effect"] == "Allow" and set(statement) <= {
            "Sid", "Effect", "Action", "Resource", "Condition"}
        assert not any("*" in action for action in listed(statement["Action"]))
        if "Condition" in statement:
            continue
        for resource in listed(statement["Resource"]):
            if resource == "*":
                reads = re.compile(r"\w+:(List|Get|Describe|View|Test)\w+|logs:PutResourcePolicy"
                                   r"|logs:\w+Log(Delivery|Deliveries)")
                assert all(reads.fullmatch(one) for one in listed(statement["Action"])), statement


# A change set names a macro beside its stack (CloudFormation User Guide, "Control access").
TRANSFORM = f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31"
SERVICES = json.loads((Path(specs.__file__).parent / "Policies.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", FILES)
def test_each_action_takes_the_resource_that_it_is_given(stage):
    """By AWS's Service Authorization Reference, of which cfn-lint has a copy: an action that takes
    no resource is allowed for `*` only, and others for an ARN of a kind that they take."""
    for statement in DOCUMENTS[stage]["Statement"]:
        for action in listed(statement["Action"]):
            service, _, name = action.partition(":")
            kinds = SERVICES[service]["Actions"][name.lower()].get("Resources", [])
            formats = [re.sub(r"\$\{\w+\}", "[^:]*", one) for kind in kinds for one in
                       SERVICES[service]["Resources"][kind.lower()]["ARNFormats"]]
            fits = [one for one in listed(statement["Resource"]) if one in ("*", TRANSFORM) or any(
                re.fullmatch(form, one.replace("*", "x")) for form in formats)]
            assert fits and (kinds or fits == ["*"]), action


@pytest.mark.parametrize("stage, statement", [
    pytest.param(stage, one, id=f"{stage}-{one['Sid']}") for stage, document in DOCUMENTS.items()
    for one in document["Statement"] if "iam:PassRole" in one["Action"]])
def test_a_role_is_passed_to_one_service(stage, statement):
    assert statement["Action"] == "iam:PassRole"
    assert statement["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/workshop-learner-*"
    assert list(statement["Condition"]["StringEquals"]) == ["iam:PassedToService"]
    assert isinstance(statement["Condition"]["StringEquals"]["iam:PassedToService"], str)


# ---------------------------------------------------------------- enough

# Lessons that ask the cloud for nothing that IAM decides.
OFFLINE = {"02", "03", "04", "07", "08", "09", "11", "13", "16"}


def test_every_lesson_was_recorded():
    assert {number for _, lessons in NEEDS for number in lessons} == {
        one.number for one in render.lessons(paths.ROOT)} - OFFLINE


def test_a_refusal_that_a_lesson_shows_is_one():
    for action in REFUSED:
        assert action not in recorded() and not allows(DOCUMENTS.values(), Need(action, "*"))


def test_cells_for_aws_only_are_in_the_list():
    calls = re.compile(r"\b(?:client|lambda_|boto3\.client\(\"\w+\"\))\.([a-z]+(?:_[a-z]+)+)\(")
    known = {action.partition(":")[2].lower() for action in recorded()} | {
        "describebudgets", "getwaiter"}
    for lesson in render.lessons(paths.ROOT):
        for cell in lesson.cells:
            if "aws" in cell.tags:
                made = {one.replace("_", "") for one in calls.findall(cell.source)}
                assert made and made <= known, lesson.name


@pytest.mark.parametrize("action", recorded())
def test_what_the_lessons_do_is_allowed(action):
    refused = [(need.resource, lessons) for need, lessons in recorded()[action]
               if not allows(DOCUMENTS.values(), need)]
    assert not refused


# ---------------------------------------------------------------- nothing beyond

def parts():
    """Each action of each statement, and each resource: (stage, place, key, value)."""
    for stage, document in DOCUMENTS.items():
        for place, statement in enumerate(document["Statement"]):
            for key in ("Action", "Resource"):
                for value in listed(statement[key]):
                    yield pytest.param(stage, place, key, value,
                                       id=f"{stage}-{statement['Sid']}-{value}")


@pytest.mark.parametrize("stage, place, key, value", list(parts()))
def test_a_lesson_fails_without(stage, place, key, value):
    """With this one action or resource taken away, a call that a lesson makes is refused."""
    documents = copy.deepcopy(DOCUMENTS)
    statement = documents[stage]["Statement"][place]
    actions = set(listed(statement["Action"]))
    statement[key] = [one for one in listed(statement[key]) if one != value]
    if not statement[key]:
        del documents[stage]["Statement"][place]
    refused = [need for action in actions if key == "Resource" or action == value
               for need, _ in recorded()[action] if not allows(documents.values(), need)]
    assert refused, f"no lesson needs {value}: take it out of {stage}.json"


OTHERS = {"function": "lambda:{here}:function:workshop-other-churn",
          "role": "iam::{account}:role/workshop-other-churn-role",
          "user": "iam::{account}:user/eve",
          "queue": "sqs:{here}:workshop-other-events", "repository":
          "ecr:{here}:repository/workshop-other-churn", "bucket": "s3:::workshop-other-x",
          "object": "s3:::workshop-other-x/a", "rule": "events:{here}:rule/workshop-other-x",
          "stack": "cloudformation:{here}:stack/workshop-other-x/1",
          "endpoint": "sagemaker:{here}:endpoint/workshop-other-x",
          "alarm": "cloudwatch:{here}:alarm:workshop-other-x",
          "log": "logs:{here}:log-group:/aws/lambda/workshop-other-x:log-stream:"}
CHANGES = re.compile(r":(?!List|Get|Describe|View|Test|Search|Simulate|Start|BatchCheck)")


@pytest.mark.parametrize("kind", OTHERS)
def test_another_owners_things_are_not_changed(kind):
    resource = "arn:aws:" + OTHERS[kind].format(here=f"{REGION}:{ACCOUNT}", account=ACCOUNT)
    by_services = {"aws:requesttag/project": "lambda-onnx-workshop",
                   "aws:requesttag/owner": "learner"}
    service = resource.split(":")[2]
    for action in recorded():
        for to in ("lambda.amazonaws.com", "sagemaker.amazonaws.com", "scheduler.amazonaws.com"):
            if action.startswith(f"{service}:") and CHANGES.search(action) \
                    and action not in FOR_ALL:
                assert not allows(DOCUMENTS.values(), Need(action, resource, {
                    **by_services, "iam:PassedToService": to})), action


# These take no resource, so the statement is for all.
FOR_ALL = {"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:UpdateLogDelivery",
           "logs:PutResourcePolicy"}


@pytest.mark.parametrize("action, keys", [
    ("iam:CreateRole", {}), ("lambda:CreateFunction", {}),
    ("iam:CreateRole", {"aws:requesttag/project": "lambda-onnx-workshop",
                        "aws:requesttag/owner": "other"})])
def test_what_is_made_must_carry_the_owners_tags(action, keys):
    need = next(need for need, _ in recorded()[action])
    assert allows(DOCUMENTS.values(), need)
    assert not allows(DOCUMENTS.values(), Need(action, need.resource, keys))


# ---------------------------------------------------------------- one source

def test_the_local_cloud_has_the_same_policies(monkeypatch):
    monkeypatch.delenv("WORKSHOP_OWNER")
    by_name = [DOCUMENTS[stage] for stage in sorted(DOCUMENTS)]
    assert learner.policies() == by_name and identities.LEARNER == learner.OWNER
    monkeypatch.setenv("WORKSHOP_OWNER", "ada")
    assert learner.policies()[:6] == by_name
    assert "workshop-ada-" in json.dumps(learner.policies()[6:])


# ---------------------------------------------------------------- the recorder

def line(action, resource, **keys):
    return json.dumps([action, resource, keys])


def test_what_differs_from_run_to_run_is_not_recorded():
    one, two = (compact([json.dumps("14"), line(
        "apigateway:GET", f"arn:aws:apigateway:us-east-1::/apis/{number}/routes/{number}", a="b")])
        for number in ("abcdef0123", "ghijkl4567"))
    assert one == two == {"apigateway:GET": [
        ["arn:aws:apigateway:us-east-1::/apis/ID/routes/ID", {}, ["14"]]]}


def test_a_list_out_of_date_says_what_is_new_and_what_is_gone():
    before = compact([json.dumps("01"), line("s3:GetObject", "r"), line("s3:PutObject", "r"),
                      json.dumps("02"), line("s3:PutObject", "r")])
    after = merged(before, compact([json.dumps("01"), line("sqs:SendMessage", "q")]), ["01"])
    assert after == {"s3:PutObject": [["r", {}, ["02"]]], "sqs:SendMessage": [["q", {}, ["01"]]]}
    assert differences(before, after) == ["- s3:GetObject on r", "+ sqs:SendMessage on q"]
    assert json.loads(written(after)) == after


def test_the_recorded_list_is_as_the_recorder_writes_it():
    text = FILE.read_text(encoding="utf-8")
    assert written(json.loads(text)) == text
