"""The churn function behind its two front doors, an HTTP API and a function URL."""
import hashlib
import importlib.util
import json
import math
from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import requests

from deployed import public_url
from waiting import until
from workshop import cloud, deploy
from workshop.course import lessons
from workshop.machine import engine, paths

pytestmark = pytest.mark.skipif(not engine.available(), reason="needs a Docker engine")

NAME = "workshop-test-http"
BROKEN = "workshop-test-broken"
ZIPS = [deploy.name("probe"), deploy.name("authorizer")]
PROBE, AUTHORIZER = ZIPS
PAGE = "https://shop.example"
DOORS = ["HTTP API", "function URL"]
JSON = {"content-type": "application/json"}
MODEL = paths.MODELS / "churn.onnx"


@pytest.fixture(scope="module", autouse=True)
def local():
    patch = pytest.MonkeyPatch()
    patch.delenv("AWS_PROFILE", raising=False)
    cloud.use()
    assert cloud.is_local()
    yield
    patch.undo()


@pytest.fixture(scope="module")
def image(local):
    lessons.require("03")
    for name in [NAME, BROKEN, *ZIPS]:
        deploy.delete(name)
    yield deploy.push(deploy.build("churn", model=MODEL), NAME)
    for name in [NAME, BROKEN, *ZIPS]:
        deploy.delete(name)


@pytest.fixture(scope="module")
def doors(image):
    """Front door -> its address; both lead to one function."""
    deploy.function(NAME, image, memory=1024, timeout=10)
    return open_doors(NAME)


def open_doors(name):
    """An HTTP API and a public function URL for a function, both with CORS for PAGE."""
    gateway = boto3.client("apigatewayv2")
    api = deploy.http_api(name, name)
    gateway.update_api(ApiId=api_id(name), CorsConfiguration={
        "AllowOrigins": [PAGE], "AllowMethods": ["POST"], "AllowHeaders": ["content-type"]})
    url = public_url(boto3.client("lambda"), name, Cors={
        "AllowOrigins": [PAGE], "AllowMethods": ["POST"], "AllowHeaders": ["content-type"]})
    return {"HTTP API": api, "function URL": url.rstrip("/")}


def api_id(name):
    [api] = [one for one in boto3.client("apigatewayv2").get_apis()["Items"]
             if one["Name"] == name]
    return api["ApiId"]


@pytest.fixture(params=DOORS)
def door(request, doors):
    return doors[request.param]


@pytest.fixture(scope="module")
def customers(local):
    """Test rows as requests hold them: Python's own numbers and strings."""
    lessons.require("02")
    table = pd.read_csv(paths.MODELS / "churn_test.csv").drop(columns="churn")
    return json.loads(table.to_json(orient="records"))


def probability(customer):
    """The model's own answer for one customer."""
    session = onnxruntime.InferenceSession(MODEL)
    feed = {one.name: np.array([[customer[one.name]]],
                               dtype=object if "string" in one.type else np.float32)
            for one in session.get_inputs()}
    return float(session.run(["probabilities"], feed)[0][0, 1])


def post(door, body, headers=JSON):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return requests.post(f"{door}/predict", data=data, headers=headers, timeout=60)


# Right requests

def test_a_valid_request_gets_the_models_answer(door, customers):
    for customer in customers[:5]:
        answer = post(door, {"customer": customer})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        came = answer.json()
        assert set(came) == {"churn_probability", "churn", "model_version"}
        assert math.isclose(came["churn_probability"], probability(customer), abs_tol=1e-6)


def test_fifty_parallel_requests_all_get_their_own_answer(doors, customers):
    asked = customers[:50]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda c: post(doors["HTTP API"], {"customer": c}), asked))
    assert [answer.status_code for answer in answers] == [200] * 50
    wanted = [probability(customer) for customer in asked]
    assert len(set(wanted)) > 25, "customers too alike to tell answers apart"
    np.testing.assert_allclose([a.json()["churn_probability"] for a in answers], wanted, atol=1e-6)


def test_a_body_that_arrives_as_base64_is_decoded(door, customers):
    answer = post(door, {"customer": customers[0]}, {"content-type": "application/octet-stream"})
    assert answer.status_code == 200, answer.text


def test_a_body_without_a_content_type_is_read(door, customers):
    answer = requests.post(f"{door}/predict", timeout=60,
                           data=json.dumps({"customer": customers[0]}).encode())
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 200, answer.text


# Wrong requests

def changed(**fields):
    return lambda customer: {"customer": customer | fields}


WRONG_BODIES = {
    "unknown category": (changed(contract="forever"), "contract"),
    "utf-8 in a value": (changed(contract="für immer"), "contract"),
    "wrong type": (changed(tenure="one"), "tenure"),
    "negative tenure": (changed(tenure=-1), "tenure"),
    "null": (changed(monthlycharges=None), "monthlycharges"),
    "unknown field": (changed(shoe_size=43), "shoe_size"),
    "1 MB string": (changed(gender="f" * 1_000_000), "gender"),
    "missing field": (
        lambda customer: {"customer": {k: v for k, v in customer.items() if k != "tenure"}},
        "tenure"),
    "no customer": (lambda customer: {}, "customer"),
    "a list": (lambda customer: [customer], None),
    "not JSON": (lambda customer: "tenure=1", None),
    "not utf-8": (lambda customer: b'{"customer": "\xff"}', None),
    "empty": (lambda customer: "", None),
}


@pytest.mark.parametrize("what", WRONG_BODIES)
def test_a_wrong_body_is_a_400_that_says_what(what, door, customers):
    make, field = WRONG_BODIES[what]
    answer = post(door, make(customers[0]))
    assert answer.status_code == 400, answer.text[:300]
    content = answer.json()
    assert content["message"]
    if field:
        assert field in json.dumps(content)
    for sent in ["forever", "für immer", "f\\u00fcr", "ffff"]:
        assert sent not in answer.text, "the answer repeats what was sent"


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/predict", 404, None), ("POST", "/predcit", 404, None), ("POST", "/", 404, None),
    ("POST", "/prod/predict", 404, None)])
def test_what_no_route_fits_the_http_api_answers_itself(doors, method, path, status, allow):
    answer = requests.request(method, doors["HTTP API"] + path, timeout=60)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/predict", 405), ("DELETE", "/predict", 405), ("POST", "/predcit", 404),
    ("GET", "/", 404)])
def test_behind_a_function_url_the_handler_answers_everything(doors, method, path, status):
    answer = requests.request(method, doors["function URL"] + path, timeout=60)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


def test_a_body_over_lambdas_limit_is_refused_before_the_function(door, customers):
    answer = post(door, {"customer": customers[0], "padding": "x" * (6 * 1024 * 1024)})
    assert answer.status_code == 413, answer.text[:300]
    assert "Traceback" not in answer.text


# Faults

def test_a_fault_is_a_5xx_without_internals_and_with_its_story_in_the_log(image, doors):
    deploy.function(BROKEN, image, memory=1024, timeout=10,
                    environment={"MODEL_PATH": "/var/task/lambda_function.py"})
    for door in open_doors(BROKEN).values():
        answer = post(door, {"customer": {}})
        assert answer.status_code in (500, 502), answer.text
        for internal in ["Traceback", "lambda_function", "/var/task", "onnx", "stackTrace"]:
            assert internal not in answer.text
    until(lambda: "/var/task/lambda_function.py" in log_of(BROKEN), "the log names the file")


def log_of(name):
    events = boto3.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return "\n".join(event["message"] for event in events)


def test_the_log_holds_nothing_of_the_customer(doors, customers):
    name = "a-name-that-nobody-has"
    refusal = '"status": 400'
    before = log_of(NAME).count(refusal)
    post(doors["HTTP API"], {"customer": customers[0] | {"contract": name}})
    until(lambda: log_of(NAME).count(refusal) > before, "the request left its line")
    lines = log_of(NAME)
    for private in [name, "electronic_check", "customer\":"]:
        assert private not in lines


# Browsers

def preflight(door, origin):
    return requests.options(f"{door}/predict", timeout=60, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})


def test_a_preflight_names_the_allowed_origin_and_no_other(door):
    answer = preflight(door, PAGE)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in preflight(door, "https://other.example").headers


def test_the_answer_itself_names_the_allowed_origin(door, customers):
    for origin, named in [(PAGE, PAGE), ("https://other.example", None)]:
        answer = post(door, {"customer": customers[0]}, JSON | {"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers.get("access-control-allow-origin") == named


# The lesson's small functions, the probe and the authorizer

@pytest.fixture(scope="module")
def probe(doors):
    """The probe's address behind an API of its own, up to {what}."""
    deploy.zip_function(PROBE)
    return deploy.http_api(PROBE, PROBE, route="ANY /probe/{what}") + "/probe"


def test_the_probe_shows_its_event(probe):
    event = requests.put(f"{probe}/event?a=1&a=2", data="é".encode(), timeout=60,
                         headers={"content-type": "text/plain"}).json()
    assert event["version"] == "2.0" and event["routeKey"] == "ANY /probe/{what}"
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["queryStringParameters"] == {"a": "1,2"}
    assert (event["body"], event["isBase64Encoded"]) == ("é", False)


@pytest.mark.parametrize("what", ["raise", "malformed"])
def test_behind_an_http_api_a_faulty_answer_is_500_without_internals(probe, what):
    answer = requests.get(f"{probe}/{what}", timeout=60)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_an_answer_without_a_status_code_is_the_body(probe):
    answer = requests.get(f"{probe}/bare", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"no": "statusCode"})


def test_the_permission_is_for_the_route_alone(probe):
    policy = boto3.client("lambda").get_policy(FunctionName=PROBE)["Policy"]
    [statement] = json.loads(policy)["Statement"]
    arn = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    assert arn.endswith(f":{api_id(PROBE)}/*/*/probe/*")


def test_the_authorizer_stands_before_its_route(probe):
    arn = deploy.zip_function(AUTHORIZER, environment={
        "TOKEN_SHA256": hashlib.sha256(b"right").hexdigest()})
    gateway, api = boto3.client("apigatewayv2"), api_id(PROBE)
    authorizer = gateway.create_authorizer(
        ApiId=api, Name="token", AuthorizerType="REQUEST",
        IdentitySource=["$request.header.Authorization"], AuthorizerResultTtlInSeconds=0,
        AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
        AuthorizerUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                      f"{arn}/invocations")["AuthorizerId"]
    boto3.client("lambda").add_permission(
        FunctionName=AUTHORIZER, StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{arn.split(':')[4]}:{api}"
                  f"/authorizers/{authorizer}")
    [route] = gateway.get_routes(ApiId=api)["Items"]
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="CUSTOM",
                         AuthorizerId=authorizer)
    try:
        for headers, status in [({}, 401), ({"Authorization": "Bearer wrong"}, 403),
                                ({"Authorization": "Bearer right"}, 200)]:
            answer = requests.get(f"{probe}/event", headers=headers, timeout=60)
            assert answer.status_code == status, headers
    finally:
        gateway.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="NONE")


def load(folder):
    spec = importlib.util.spec_from_file_location(
        f"{folder}_function", paths.LAMBDA / folder / "lambda_function.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# deploy's part in it

def test_http_api_again_leaves_the_doorkeeper_in_place(doors):
    gateway, api = boto3.client("apigatewayv2"), api_id(NAME)
    [route] = gateway.get_routes(ApiId=api)["Items"]
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    try:
        assert deploy.http_api(NAME, NAME) == doors["HTTP API"]
        [after] = gateway.get_routes(ApiId=api)["Items"]
        assert after["AuthorizationType"] == "AWS_IAM"
        assert post(doors["HTTP API"], {}).status_code == 403
    finally:
        gateway.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="NONE")


def test_deleting_a_function_takes_its_url_along(image):
    deploy.function(BROKEN, image)
    client = boto3.client("lambda")
    if not client.list_function_url_configs(FunctionName=BROKEN)["FunctionUrlConfigs"]:
        client.create_function_url_config(FunctionName=BROKEN, AuthType="NONE")
    deploy.delete(BROKEN)
    deploy.function(BROKEN, image)
    assert client.list_function_url_configs(FunctionName=BROKEN)["FunctionUrlConfigs"] == []
    deploy.delete(BROKEN)


def test_close_takes_every_door_away_and_leaves_the_function(image):
    deploy.delete(BROKEN)
    arn = deploy.function(BROKEN, image)
    open_doors(BROKEN)
    client = boto3.client("lambda")
    client.put_function_concurrency(FunctionName=BROKEN, ReservedConcurrentExecutions=0)
    deploy.close(BROKEN)
    deploy.close(BROKEN)
    assert BROKEN not in [one["Name"] for one in boto3.client("apigatewayv2").get_apis()["Items"]]
    assert client.list_function_url_configs(FunctionName=BROKEN)["FunctionUrlConfigs"] == []
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(
        FunctionName=BROKEN)
    try:
        policy = json.loads(client.get_policy(FunctionName=BROKEN)["Policy"])
    except client.exceptions.ResourceNotFoundException:     # so on AWS
        policy = {"Statement": []}
    assert policy["Statement"] == []
    assert client.get_function(FunctionName=BROKEN)["Configuration"]["FunctionArn"] == arn
    deploy.delete(BROKEN)
