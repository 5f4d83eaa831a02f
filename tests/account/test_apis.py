"""HTTP APIs and REST APIs."""
import json

import boto3
import pytest

from workshop.account import apis, functions, ownership

ARN = "arn:aws:lambda:us-east-1:000000000000:function:workshop-test-none"


def test_five_verbs(name, five_verbs):
    client = boto3.client("apigatewayv2")

    def foreign():
        made = client.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        return lambda: client.delete_api(ApiId=made)
    five_verbs(apis, lambda: apis.ensure(name, ARN, "POST /predict")["ApiId"], foreign)


def test_an_api_has_one_route_one_integration_one_stage(name):
    client = boto3.client("apigatewayv2")
    for arn in (ARN, ARN, f"{ARN}-2"):
        made = apis.ensure(name, arn, "POST /predict")["ApiId"]
    [route] = client.get_routes(ApiId=made)["Items"]
    integrations = client.get_integrations(ApiId=made)["Items"]
    assert [one["PayloadFormatVersion"] for one in integrations] == ["2.0", "2.0"]
    now = next(one for one in integrations if one["IntegrationUri"] == f"{ARN}-2")
    assert route["Target"] == f"integrations/{now['IntegrationId']}"
    assert [one["StageName"] for one in client.get_stages(ApiId=made)["Items"]] == ["$default"]
    apis.delete(name)


@pytest.mark.parametrize("route, path", [("POST /predict", "POST/predict"), ("ANY /a", "*/a"),
                                         ("GET /shop/{id}", "GET/shop/*")])
def test_it_may_invoke_a_function_for_one_route_alone(name, trusted, image, route, path):
    functions.ensure(name, {"ImageUri": image}, {"PackageType": "Image"}, Role=trusted,
                     MemorySize=128, Timeout=3)
    for _ in range(2):
        apis.permit("a1b2", name, route)
    [statement] = functions.statements(name)
    assert json.dumps(statement["Condition"]).count(f":a1b2/*/{path}\"") == 1
    functions.delete(name)


def test_rest_apis_are_listed_and_removed(name):
    client = boto3.client("apigateway")
    made = client.create_rest_api(name=name, tags=ownership.tags())["id"]

    def meant(one, arn=""):
        return one == name
    assert list(apis.listed_rest(meant)) == [(name, made, ownership.tags())]
    apis.remove_rest(made)
    assert list(apis.listed_rest(meant)) == []
