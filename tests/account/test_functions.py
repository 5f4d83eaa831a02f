"""Lambda functions; what the local cloud cannot reproduce is played by a Stubber."""
import json

import boto3
import pytest
from botocore.stub import Stubber

from workshop.account import calls, functions, ownership
from workshop.machine import engine

NAME = "workshop-test-kind"
ROLE = "arn:aws:iam::123456789012:role/workshop-test-kind-role"
IMAGE = f"localhost/none@sha256:{'a' * 64}"     # where no call is meant to be made
FIXED = {"PackageType": "Image"}


def test_five_verbs(name, trusted, image, five_verbs):
    client, code = boto3.client("lambda"), {"ImageUri": image}

    def foreign():
        client.create_function(FunctionName=name, PackageType="Image", Role=trusted, Code=code)
        return lambda: client.delete_function(FunctionName=name)
    five_verbs(functions, lambda: functions.ensure(
        name, code, FIXED, Role=trusted, MemorySize=512, Timeout=10), foreign)


@pytest.fixture
def made(name, trusted, image):
    """A function of ours; gone afterwards."""
    functions.ensure(name, {"ImageUri": image}, FIXED, Role=trusted, MemorySize=128, Timeout=3)
    yield name
    functions.delete(name)


def test_its_addresses_go_with_it_those_of_aliases_too(made):
    client = boto3.client("lambda")
    functions.publish(made)
    for qualifier in ({}, {"Qualifier": "live"}):
        client.create_function_url_config(FunctionName=made, AuthType="AWS_IAM", **qualifier)
    ours = [(made, "arn", ownership.tags())]
    urls = list(functions.listed_urls(lambda: ours))
    assert len(urls) == 2 and {one[2]["owner"] for one in urls} == {"test"}
    functions.remove_urls(urls[0][1])       # by an ARN, as the inventory has it
    assert list(functions.listed_urls(lambda: ours)) == []


def test_a_service_may_invoke_it_until_it_is_closed(made):
    for service in ("apigateway.amazonaws.com", "events.amazonaws.com"):
        for _ in range(2):
            functions.permit(made, service.split(".")[0], service,
                             SourceArn="arn:aws:x:us-east-1:123456789012:y")
    assert [one["Sid"] for one in functions.statements(made)] == ["apigateway", "events"]
    boto3.client("lambda").put_function_concurrency(
        FunctionName=made, ReservedConcurrentExecutions=0)
    functions.close(made, "apigateway.amazonaws.com")
    assert [one["Sid"] for one in functions.statements(made)] == ["events"]
    assert "ReservedConcurrentExecutions" not in boto3.client(
        "lambda").get_function_concurrency(FunctionName=made)
    assert "SourceArn" in json.dumps(functions.statements(made))


# A role that Lambda does not know yet, a function that fails

def stubbed_lambda(monkeypatch):
    client = boto3.client("lambda")
    monkeypatch.setattr(calls.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(calls, "client", lambda service: client)
    return client, Stubber(client)


CREATE = {"FunctionName": NAME, "Role": ROLE, "Code": {"ImageUri": IMAGE}}
UNKNOWN_ROLE = "The role defined for the function cannot be assumed by Lambda."
ENSURE = {"MemorySize": 128, "Timeout": 3, "Role": ROLE}
ASKED = CREATE | ENSURE | {"PackageType": "Image", "Architectures": [engine.architecture()],
                           "Tags": {"project": "lambda-onnx-workshop", "owner": "test"}}


def ensure(stub):
    """functions.ensure where there is no such function yet, up to the first wait."""
    return functions.ensure(NAME, CREATE["Code"], FIXED, **ENSURE)


def not_there(stub):
    stub.add_client_error("get_function", "ResourceNotFoundException")


def test_create_is_tried_again_until_the_role_is_known(monkeypatch, capsys):
    client, stub = stubbed_lambda(monkeypatch)
    not_there(stub)
    for _ in range(2):
        stub.add_client_error("create_function", "InvalidParameterValueException", UNKNOWN_ROLE)
    stub.add_response("create_function", {"FunctionArn": "arn:made"}, ASKED)
    stub.add_response("get_function", {"Configuration": {"State": "Active"}})
    with stub:
        assert ensure(stub) == "arn:made"
    assert capsys.readouterr().out.count("waiting until a new role or right is known") == 2


def test_create_gives_up_on_a_role_that_stays_unknown(monkeypatch):
    client, stub = stubbed_lambda(monkeypatch)
    stub.add_client_error("create_function", "InvalidParameterValueException", UNKNOWN_ROLE)
    with stub, pytest.raises(RuntimeError, match="cannot assume .*trust policy"):
        functions._create_when_role_is_known(patience=0, **CREATE)


def test_another_invalid_value_is_not_tried_again(monkeypatch):
    client, stub = stubbed_lambda(monkeypatch)
    not_there(stub)
    stub.add_client_error("create_function", "InvalidParameterValueException",
                          "Source image does not exist")
    with stub, pytest.raises(client.exceptions.InvalidParameterValueException,
                             match="Source image does not exist"):
        ensure(stub)


def test_a_failed_function_is_reported_with_its_reason(monkeypatch):
    client, stub = stubbed_lambda(monkeypatch)
    failed = {"State": "Failed", "StateReason": "Lambda does not have permission to access it"}
    not_there(stub)
    stub.add_response("create_function", {"FunctionArn": "arn:made"}, ASKED)
    stub.add_response("get_function", {"Configuration": failed})
    stub.add_response("get_function_configuration", failed)
    with stub, pytest.raises(RuntimeError, match="Failed.*Lambda does not have permission"):
        ensure(stub)
