"""Every IAM policy in the repository passes cfn-lint, wrapped in a template of its kind."""
import json
import re
import string

import cfnlint.api
import pytest

from workshop import paths

POLICIES = sorted(path for path in paths.ROOT.rglob("*.json")
                  if not {".venv", "build"} & set(path.relative_to(paths.ROOT).parts)
                  and '"Statement"' in path.read_text())
LAMBDA = {"Service": "lambda.amazonaws.com"}


class Samples(dict):
    """A value for every placeholder."""
    def __missing__(self, key):
        return {"account": "123456789012", "region": "us-east-1"}.get(key, "workshop-sample")


def wrap(document):
    """A template whose one resource takes a policy of this kind: trust, repository or identity."""
    statement = document["Statement"][0]
    actions = json.dumps([one["Action"] for one in document["Statement"]])
    if "Principal" in statement and "sts:" in actions:
        resource = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    elif "Principal" in statement:
        resource = {"Type": "AWS::ECR::Repository",
                    "Properties": {"RepositoryPolicyText": document}}
    else:
        resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Policy": resource}}


def lint(document):
    """cfn-lint's findings for one policy document, warnings included."""
    return [f"{found.rule.id} {found.message}"
            for found in cfnlint.api.lint(json.dumps(wrap(document)),
                                          config={"regions": ["us-east-1"]})]


def test_there_are_policies_to_check():
    assert {"trust.json", "logs.json", "repository.json"} <= {path.name for path in POLICIES}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_policy_passes_the_linter(path):
    document = json.loads(string.Template(path.read_text()).substitute(Samples()))
    assert lint(document) == []


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_policy_never_allows_everything(path):
    for statement in json.loads(path.read_text())["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+\*?", action), f"{action} is too wide"


ALLOW = {"Effect": "Allow"}
WRONG = {
    "an action that does not exist": ALLOW | {"Action": "logs:PutLogLines", "Resource": "*"},
    "a service that does not exist": ALLOW | {"Action": "ecrr:BatchGetImage", "Resource": "*"},
    "no resource": ALLOW | {"Action": "logs:PutLogEvents"},
    "an effect that does not exist": {"Effect": "Permit", "Action": "logs:PutLogEvents",
                                      "Resource": "*"},
    "a trust policy with a resource": ALLOW | {"Principal": LAMBDA, "Action": "sts:AssumeRole",
                                               "Resource": "*"},
    "a condition operator that does not exist": ALLOW | {
        "Principal": LAMBDA, "Action": "ecr:BatchGetImage",
        "Condition": {"StringLooksLike": {"aws:sourceArn": "*"}}},
}


@pytest.mark.parametrize("statement", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_policy_fails_the_linter(statement):
    assert lint({"Version": "2012-10-17", "Statement": [statement]}) != []
