"""Every IAM policy in the repository passes cfn-lint, wrapped in a template of its kind."""
import ast
import json
import re
import string

import cfnlint.api
import pytest
from samcli.yamlhelper import yaml_parse

from permissions import ACCOUNT, allows, trusts
from workshop.account import roles
from workshop.local.rules.policies import listed
from workshop.machine import paths

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


# ---------------------------------------------------------------- conditions

def statements():
    """(place, statement) of every policy file, filled in, and of the template's roles."""
    for path in POLICIES:
        document = json.loads(string.Template(path.read_text()).substitute(Samples()))
        yield from ((path.name, one) for one in document["Statement"])
    template = yaml_parse((paths.LAMBDA / "template.yaml").read_text())
    for role in template["Resources"].values():
        if role["Type"] == "AWS::IAM::Role":
            text = json.dumps([role["Properties"]["AssumeRolePolicyDocument"],
                               *(one["PolicyDocument"] for one in role["Properties"]["Policies"])])
            text = text.replace('{"Ref": "AWS::AccountId"}', f'"{ACCOUNT}"')
            yield from (("template.yaml", one) for document in json.loads(text)
                        for one in document["Statement"])


STATEMENTS = list(statements())


def of_services(trust):
    """Statements for a service: trust policies, or policies on resources that it uses."""
    found = [(place, one) for place, one in STATEMENTS if "Service" in one.get("Principal", {})]
    return [pytest.param(one, id=f"{place}-{one['Sid']}") for place, one in found
            if ("sts:AssumeRole" in one["Action"]) == trust]


@pytest.mark.parametrize("statement", of_services(trust=True))
def test_a_service_takes_a_role_for_this_account_only(statement):
    document, service = {"Statement": [statement]}, statement["Principal"]["Service"]
    arn = f"arn:aws:{service.partition('.')[0]}:us-east-1:%s:endpoint/x"
    assert trusts(document, service, aws__SourceAccount=ACCOUNT, aws__SourceArn=arn % ACCOUNT)
    for account in ("210987654321", "*", ""):
        assert not trusts(document, service, aws__SourceAccount=account,
                          aws__SourceArn=arn % ACCOUNT)
    assert not trusts(document, service), "the key is not there: nobody knows for whom it works"
    assert not trusts(document, "ec2.amazonaws.com", aws__SourceAccount=ACCOUNT,
                      aws__SourceArn=arn % ACCOUNT)


def test_sagemaker_takes_its_role_for_sagemakers_things_only():
    document = json.loads(string.Template(
        (roles.POLICIES / "trust_sagemaker.json").read_text()).substitute(Samples()))
    for source in (f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i",
                   "arn:aws:sagemaker:us-east-1:210987654321:model/x",
                   f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model/x"):
        assert not trusts(document, "sagemaker.amazonaws.com", aws__SourceAccount=ACCOUNT,
                          aws__SourceArn=source), source


@pytest.mark.parametrize("statement", of_services(trust=False))
def test_a_service_uses_a_resource_for_this_account_only(statement):
    values = [value for keys in statement["Condition"].values() for key, value in keys.items()
              if key.lower() in ("aws:sourcearn", "aws:sourceaccount")]
    assert values and all(f":{ACCOUNT}:" in f":{value}:" for value in values)


def test_metrics_are_put_into_named_namespaces_only():
    found = [one for _, one in STATEMENTS
             if "cloudwatch:PutMetricData" in listed(one.get("Action", []))]
    assert found
    for statement in found:
        document = {"Statement": [statement]}
        for name in ("AWS/Lambda", "AWS/ApiGateway", "workshop/churn", "/aws/sagemaker", "", None):
            keys = {} if name is None else {"cloudwatch__namespace": name}
            assert not allows(document, "cloudwatch:PutMetricData", "*", **keys), name
        assert allows(document, "cloudwatch:PutMetricData", "*",
                      cloudwatch__namespace="/aws/sagemaker/Endpoints")


def test_metrics_are_put_by_no_policy_outside_the_files():
    for path in [*paths.SOLUTIONS.glob("*.py"), *(paths.ROOT / "workshop").rglob("*.py"),
                 paths.LAMBDA / "template.yaml"]:
        assert "cloudwatch:PutMetricData" not in path.read_text(), path


def permits():
    """Each `add_permission` or `functions.permit` for a service, in lessons and the workshop."""
    for path in [*paths.SOLUTIONS.glob("*.py"), *(paths.ROOT / "workshop").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                    ("add_permission", "functions.permit")):
                call = ast.unparse(node)
                if "amazonaws.com" in call or "GATEWAY" in call:
                    yield pytest.param(call, {one.arg for one in node.keywords},
                                       id=f"{path.stem[:12]}-{node.lineno}")


@pytest.mark.parametrize("call, arguments", list(permits()))
def test_a_service_may_call_a_function_for_one_source_only(call, arguments):
    """The source's ARN holds the account, but for S3, whose ARNs hold none."""
    assert "SourceArn" in arguments, call
    assert "SourceAccount" in arguments or "s3.amazonaws.com" not in call, call


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
