"""The promise of the churn functions to their callers, for both functions and all events.

The requests are the same for both, and both must answer alike: a caller cannot tell which one
stands behind the address.
"""
import base64
import copy
import json
import math

import pytest

import tiny_churn
from function_folder import Context, load
from workshop.machine.paths import ROOT

FUNCTIONS = {"churn": "model.onnx", "churn_sklearn": "model.pkl"}
EVENTS = ROOT / "tests/support/events"
KINDS = {"direct": "direct", "rest": "rest", "http": "http", "http_stage": "http", "url": "url",
         "url_base64": "url"}       # the recorded event, and what the log calls its kind
OVER_HTTP = [name for name in KINDS if name != "direct"]
PRIVATE = "Zaphod-8472"     # in no message and in no log
CUSTOMER = json.loads((EVENTS / "direct.json").read_text())["customer"]
FIELDS = list(CUSTOMER)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_churn.make(folder)
    return folder


@pytest.fixture
def functions(monkeypatch, models):
    """Both functions, freshly imported, by name."""
    return {name: load(monkeypatch, name, models / file) for name, file in FUNCTIONS.items()}


def recorded(name, request=None, body=None):
    """The recorded event `name`; with another request, or another text as the body."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    if request is not None and name == "direct":
        return request
    if request is not None:
        body = json.dumps(request)
    if body is not None:
        event["body"] = body
        if event["isBase64Encoded"]:
            event["body"] = base64.b64encode(body.encode()).decode()
    return event


def call(functions, capsys, event):
    """Give `event` to both functions; return their common (status, content, headers) and logs."""
    answers = []
    for name, function in functions.items():
        answer = function.lambda_handler(copy.deepcopy(event), Context())
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1, f"{name} must log one line for a request"
        answers.append((answer, json.loads(lines[0])))
    (first, log), (second, other_log) = answers
    assert log.keys() >= {"request_id", "event", "status", "milliseconds", "model_version", "cold"}
    assert log["request_id"] == Context.aws_request_id
    assert log["status"] == other_log["status"] and log["event"] == other_log["event"]
    if log["status"] != 200:
        assert first == second, "both functions must refuse alike"
    return (*unpack(first), [log, other_log])


def unpack(answer):
    """(status, content, headers) of a direct answer or a proxy response."""
    if "body" in answer:
        assert answer["isBase64Encoded"] is False
        assert answer["headers"]["Content-Type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]
    return answer.get("statusCode", 200), answer, {}


# ---------------------------------------------------------------- valid requests

@pytest.mark.parametrize("event", KINDS)
def test_valid_request_is_answered_by_the_model(functions, capsys, event):
    expected = float(functions["churn"].predict(CUSTOMER))
    for function in functions.values():
        answer = function.lambda_handler(recorded(event), Context())
        status, content, _ = unpack(answer)
        log = json.loads(capsys.readouterr().out)
        assert status == 200
        assert list(content) == ["churn_probability", "churn", "model_version"]
        assert content["churn_probability"] == pytest.approx(expected, abs=1e-5)
        assert content["churn"] is (content["churn_probability"] >= 0.3)
        assert content["model_version"] == "1"
        assert log["event"] == KINDS[event] and log["status"] == 200


def test_answer_is_made_of_plain_python_values(functions):
    for function in functions.values():
        answer = function.lambda_handler({"customer": CUSTOMER}, Context())
        assert [type(value) for value in answer.values()] == [float, bool, str]
        json.dumps(answer, allow_nan=False)


def test_both_functions_agree_on_real_customers(functions):
    table = tiny_churn.table().drop(columns="churn").iloc[::50]
    rows = json.loads(table.to_json(orient="records"))
    assert len(rows) > 100
    for row in rows:
        one, two = (function.lambda_handler({"customer": row}, Context())["churn_probability"]
                    for function in functions.values())
        assert one == pytest.approx(two, abs=1e-5)


@pytest.mark.parametrize("probability, churn", [
    (0.3, True), (0.2999, False), (0, False), (1, True)])
def test_threshold_itself_counts_as_churn(functions, monkeypatch, probability, churn):
    for function in functions.values():
        monkeypatch.setattr(function, "predict", lambda customer: probability)
        assert function.lambda_handler({"customer": CUSTOMER}, Context())["churn"] is churn


@pytest.mark.parametrize("field, value", [
    ("tenure", 0), ("tenure", 120), ("tenure", 7.0), ("monthlycharges", 0),
    ("totalcharges", 120_000), ("monthlycharges", 70), ("seniorcitizen", 1)])
def test_ends_of_ranges_and_whole_numbers_are_allowed(functions, capsys, field, value):
    request = {"customer": {**CUSTOMER, field: value}}
    assert call(functions, capsys, request)[0] == 200


def test_first_request_is_cold_and_later_ones_are_warm(functions, capsys):
    event = {"customer": CUSTOMER}
    assert [log["cold"] for log in call(functions, capsys, event)[3]] == [True, True]
    assert [log["cold"] for log in call(functions, capsys, event)[3]] == [False, False]


# ---------------------------------------------------------------- mistakes in the customer

def customer(**changes):
    return {"customer": {**CUSTOMER, **changes}}


def without(field):
    return {"customer": {name: value for name, value in CUSTOMER.items() if name != field}}


CONTRACTS = ["month-to-month", "one_year", "two_year"]
MONTHS = {"minimum": 0, "maximum": 120}
DOLLARS = {"minimum": 0, "maximum": 1000}
MISTAKES = {    # what is sent, the field that must be named, words of the message, what is allowed
    "missing category": (without("contract"), "contract", "missing", CONTRACTS),
    "missing number": (without("tenure"), "tenure", "missing", MONTHS),
    "unknown field": (customer(shoe_size=PRIVATE), "shoe_size", "not a known field", FIELDS),
    "unknown category": (customer(contract=PRIVATE), "contract", "not one of", CONTRACTS),
    "category in capitals": (customer(contract="Two_Year"), "contract", "not one of", CONTRACTS),
    "empty category": (customer(contract=""), "contract", "not one of", CONTRACTS),
    "number for a category": (customer(contract=8472), "contract", "string", CONTRACTS),
    "null for a category": (customer(contract=None), "contract", "string", CONTRACTS),
    "list for a category": (customer(contract=[PRIVATE]), "contract", "string", CONTRACTS),
    "object for a category": (customer(contract={PRIVATE: 1}), "contract", "string", CONTRACTS),
    "string for a number": (customer(tenure="12"), "tenure", "whole number", MONTHS),
    "null for a number": (customer(tenure=None), "tenure", "whole number", MONTHS),
    "list for a number": (customer(tenure=[12]), "tenure", "whole number", MONTHS),
    "bool for a whole number": (customer(tenure=True), "tenure", "whole number", MONTHS),
    "bool for a 0/1 number": (customer(seniorcitizen=True), "seniorcitizen", "whole", [0, 1]),
    "yes for a 0/1 number": (customer(seniorcitizen="yes"), "seniorcitizen", "whole", [0, 1]),
    "2 for a 0/1 number": (customer(seniorcitizen=2), "seniorcitizen", "not one of", [0, 1]),
    "bool for a number": (customer(monthlycharges=False), "monthlycharges", "number", DOLLARS),
    "half a month": (customer(tenure=1.5), "tenure", "whole number", MONTHS),
    "negative": (customer(tenure=-1), "tenure", "range", MONTHS),
    "too large": (customer(tenure=8472), "tenure", "range", MONTHS),
    "huge whole number": (customer(tenure=10**400), "tenure", "range", MONTHS),
    "huge amount": (customer(monthlycharges=10**400), "monthlycharges", "range", DOLLARS),
    "NaN": (customer(monthlycharges=math.nan), "monthlycharges", "finite", DOLLARS),
    "NaN months": (customer(tenure=math.nan), "tenure", "finite", MONTHS),
    "Infinity": (customer(monthlycharges=math.inf), "monthlycharges", "finite", DOLLARS),
    "-Infinity": (customer(monthlycharges=-math.inf), "monthlycharges", "finite", DOLLARS),
    "NaN as text": (customer(monthlycharges="NaN"), "monthlycharges", "number", DOLLARS),
    "Infinity as text": (customer(monthlycharges="Infinity"), "monthlycharges", "number", DOLLARS),
    "a megabyte": (customer(gender=PRIVATE * 100_000), "gender", "not one of", ["female", "male"]),
    "deep nesting": (customer(gender=json.loads("[" * 200 + "]" * 200)), "gender", "string",
                     ["female", "male"]),
    "no customer": ({}, "customer", "missing", FIELDS),
    "customer flat": (CUSTOMER, "customer", "missing", FIELDS),
    "customer null": ({"customer": None}, "customer", "object", FIELDS),
    "customer a list": ({"customer": [CUSTOMER]}, "customer", "object", FIELDS),
    "customer a string": ({"customer": PRIVATE}, "customer", "object", FIELDS),
    "something beside the customer": ({"customer": CUSTOMER, "debug": PRIVATE}, "debug",
                                      "not a known field", ["customer"]),
    "list for a request": ([{"customer": CUSTOMER}], "customer", "not an object", FIELDS),
    "string for a request": (PRIVATE, "customer", "not an object", FIELDS),
    "number for a request": (8472, "customer", "not an object", FIELDS),
}


@pytest.mark.parametrize("event", KINDS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_with_the_field_and_what_is_allowed(functions, capsys, mistake, event):
    request, field, words, allowed = MISTAKES[mistake]
    status, content, _, logs = call(functions, capsys, recorded(event, request))
    assert status == 400 and logs[0]["status"] == 400
    named = {problem["field"]: problem for problem in content["problems"]}
    assert words in named[field]["message"]
    assert named[field]["allowed"] == allowed
    sent_back, logged = json.dumps(content), json.dumps(logs)
    for text in (sent_back, logged):
        assert PRIVATE not in text and "Traceback" not in text
    assert "8472" not in sent_back
    assert len(sent_back) < 20_000


@pytest.mark.parametrize("event", KINDS)
def test_null_request_is_refused(functions, capsys, event):
    event = None if event == "direct" else recorded(event, body="null")
    status, content, _, _ = call(functions, capsys, event)
    assert status == 400 and content["problems"][0]["field"] == "customer"


def test_every_problem_is_named_at_once(functions, capsys):
    request = customer(tenure=-1, contract="weekly", shoe_size=43)
    del request["customer"]["gender"]
    content = call(functions, capsys, request)[1]
    assert [problem["field"] for problem in content["problems"]] == [
        "gender", "contract", "tenure", "shoe_size"]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_required_and_checked(functions, capsys, field):
    for request in (without(field), customer(**{field: {}})):
        status, content, _, _ = call(functions, capsys, request)
        assert status == 400 and [p["field"] for p in content["problems"]] == [field]


def test_names_of_unknown_fields_are_few_and_short_in_the_answer(functions, capsys):
    unknown = {f"{number}{'x' * 1000}": 1 for number in range(10_000)}
    content = call(functions, capsys, customer(**unknown))[1]
    assert len(content["problems"]) == 20
    assert len(json.dumps(content)) < 20_000


# ---------------------------------------------------------------- mistakes in body and route

BODIES = {
    "empty": ("", "empty"), "blank": (" ", "valid JSON"), "text": (PRIVATE, "valid JSON"),
    "half": ('{"customer": {"gender": "' + PRIVATE, "valid JSON"),
    "quotes": ("{'customer': {}}", "valid JSON"), "two values": ("{} {}", "valid JSON"),
    "endless nesting": ('{"customer":' * 100_000, "nested too deeply"),
    "lists in lists": ('{"customer": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "a mark and no value": ("\ufeff", "valid JSON"), "two marks": ("\ufeff\ufeff{}", "valid JSON"),
    "a mark behind": ("{}\ufeff", "valid JSON"),
    "endless number": ('{"customer": ' + "1" * 10_000 + "}", "valid JSON"),
}


@pytest.mark.parametrize("event", OVER_HTTP)
@pytest.mark.parametrize("body", BODIES)
def test_unreadable_body_is_refused(functions, capsys, event, body):
    text, words = BODIES[body]
    status, content, _, logs = call(functions, capsys, recorded(event, body=text))
    assert status == 400
    problem, = content["problems"]
    assert problem["field"] == "body" and words in problem["message"]
    assert "customer" in problem["allowed"]
    assert PRIVATE not in json.dumps([content, logs])


@pytest.mark.parametrize("event", OVER_HTTP)
def test_body_that_is_absent_is_refused(functions, capsys, event):
    event = recorded(event)
    del event["body"]
    status, content, _, _ = call(functions, capsys, event)
    assert status == 400 and "empty" in content["problems"][0]["message"]


@pytest.mark.parametrize("event", OVER_HTTP)
def test_body_with_a_byte_order_mark_is_read(functions, capsys, event):
    body = "\ufeff" + json.dumps({"customer": CUSTOMER})
    assert call(functions, capsys, recorded(event, body=body))[0] == 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("media", ["application/json; charset=utf-16", "application/octet-stream"])
def test_mark_says_how_a_body_in_base64_is_encoded(functions, capsys, encoding, media):
    event = recorded("url_base64")
    event["headers"]["content-type"] = media        # RFC 8259: a charset changes nothing
    data = json.dumps({"customer": CUSTOMER}).encode(encoding)
    event["body"] = base64.b64encode(data).decode()
    assert call(functions, capsys, event)[0] == 200


@pytest.mark.parametrize("body", ["%%%", "/w==", "é", "//4A"],
                         ids=["no base64", "no UTF-8", "no ASCII", "half of UTF-16"])
def test_body_that_is_not_base64_of_text_is_refused(functions, capsys, body):
    event = recorded("url_base64")
    event["body"] = body
    status, content, _, _ = call(functions, capsys, event)
    assert status == 400
    problem, = content["problems"]
    assert problem["field"] == "body" and "base64" in problem["message"]


def route(event, method, path):
    """The recorded event with another method and path, its stage kept in front of the path."""
    event = recorded(event)
    around = event["requestContext"]
    if "http" in around:
        stage = "" if around["stage"] == "$default" else f"/{around['stage']}"
        event["rawPath"] = around["http"]["path"] = stage + path
        around["http"]["method"] = method
    else:
        event.update(httpMethod=method, path=path)
    return event


@pytest.mark.parametrize("event", OVER_HTTP)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "post", None])
def test_other_method_is_told_which_one_is_allowed(functions, capsys, event, method):
    status, content, headers, _ = call(functions, capsys, route(event, method, "/predict"))
    assert status == 405 and headers["Allow"] == "POST"
    assert "POST /predict" in content["message"]


@pytest.mark.parametrize("event", OVER_HTTP)
@pytest.mark.parametrize("path", [
    "/", "", "/predict/", "/Predict", "/predict/1", "/..", f"/{PRIVATE}"])
def test_other_path_is_not_found(functions, capsys, event, path):
    status, content, _, logs = call(functions, capsys, route(event, "POST", path))
    assert status == 404 and "POST /predict" in content["message"]
    assert PRIVATE not in json.dumps([content, logs])


def mapped(event, **changes):
    """The recorded event, changed; `requestContext` by keys, all else as a whole."""
    event = recorded(event)
    around = changes.pop("around", {})
    event["requestContext"].update(around)
    return {**event, **changes}


SHOP = {"domainName": "api.shop.example", "domainPrefix": "api"}
MAPPED = {
    "REST, base path": mapped("rest", path="/v1/predict", around=SHOP),
    "REST, base path of two": mapped("rest", path="/models/churn/predict", around=SHOP),
    "REST, base path, greedy route": mapped("rest", path="/v1/predict", resource="/{proxy+}",
                                            pathParameters={"proxy": "predict"}, around=SHOP),
    "REST, the route in parts": mapped("rest", path="/v1/predict", resource="/{what}",
                                       pathParameters={"what": "predict"}, around=SHOP),
    "HTTP API, payload 1.0, stage": mapped("rest", path="/prod/predict", resource="$default",
                                           version="1.0"),
    "HTTP API, payload 1.0, stage and route": mapped("rest", path="/prod/predict",
                                                     resource="POST /predict", version="1.0"),
    "HTTP API, base path": mapped("http", rawPath="/v1/predict", around=SHOP),
    "HTTP API, stage and base path": mapped("http_stage", rawPath="/v1/dev/predict", around=SHOP),
    "HTTP API, greedy route": mapped("http", rawPath="/v1/predict", routeKey="ANY /{path+}",
                                     pathParameters={"path": "predict"}, around=SHOP),
    "HTTP API, $default": mapped("http", rawPath="/v1/predict", routeKey="$default", around=SHOP),
    "a stage named as the route": mapped("http_stage", rawPath="/predict/predict",
                                         around={"stage": "predict"}),
    "REST, a stage named as the route": mapped("rest", around={"stage": "predict"}),
}
NOT_MAPPED = {
    "REST, another route": mapped("rest", path="/v1/predict", resource="/v1/{proxy+}",
                                  pathParameters={"proxy": "predict"}),
    "REST, another stage": mapped("rest", path="/dev/predict", resource="$default"),
    "REST, a longer name": mapped("rest", path="/v1/repredict", around=SHOP),
    "HTTP API, another route": mapped("http", rawPath="/v1/predict", routeKey="POST /v1/predict"),
    "HTTP API, $default of its own address": mapped("http", rawPath="/v1/predict",
                                                    routeKey="$default"),
    "function URL": mapped("url", rawPath="/v1/predict"),
    "no path": mapped("rest", path=None),
    "a path that is a list": mapped("rest", path=["/predict"]),
    "parameters of no known kind": mapped("http", rawPath="/v1/predict", routeKey=None,
                                          pathParameters=[1], around={"stage": None}),
}


@pytest.mark.parametrize("case", MAPPED)
def test_base_path_of_a_custom_domain_and_a_stage_lead_to_the_route(functions, capsys, case):
    assert call(functions, capsys, MAPPED[case])[0] == 200


@pytest.mark.parametrize("case", NOT_MAPPED)
def test_path_that_only_ends_as_the_route_is_not_found(functions, capsys, case):
    assert call(functions, capsys, NOT_MAPPED[case])[0] == 404


@pytest.mark.parametrize("name", ["\ud800", "shoe\udfffsize", "\ude00\ud83d"])
def test_lone_surrogate_is_refused_with_an_answer_that_can_be_sent(functions, capsys, name):
    for request in [customer(**{name: 1}), customer(gender=name), {name: 1}, {"customer": name}]:
        for event in KINDS:
            status, content, _, _ = call(functions, capsys, recorded(event, request))
            assert status == 400
            json.dumps(content, ensure_ascii=False).encode()    # as Lambda's runtime does it


@pytest.mark.parametrize("event", [
    {"requestContext": None}, {"requestContext": {"http": "POST"}}, {"httpMethod": "POST"},
    {"requestContext": {}}, {"requestContext": {"http": {}}}, {"body": "{}"}])
def test_event_of_no_known_kind_is_refused_and_not_a_fault(functions, capsys, event):
    assert call(functions, capsys, event)[0] in (400, 404)


# ---------------------------------------------------------------- faults

@pytest.mark.parametrize("event", KINDS)
def test_fault_tells_the_caller_nothing_and_the_log_where(functions, capsys, monkeypatch, event):
    def fail(customer):
        raise ValueError(f"could not convert string to float: {PRIVATE!r}")

    for function in functions.values():
        monkeypatch.setattr(function, "predict", fail)
    status, content, _, logs = call(functions, capsys, recorded(event))
    assert status == 500
    message = {"message": "internal error", "request_id": Context.aws_request_id}
    assert {name: content[name] for name in message} == message
    assert content.keys() - message.keys() <= {"statusCode"}
    assert logs[0]["error"] == "ValueError" and logs[0]["stack"][-1].endswith(" fail")
    assert PRIVATE not in json.dumps([content, logs])


@pytest.mark.parametrize("probability", [math.nan, math.inf, -0.1, 1.1])
def test_answer_that_is_no_probability_is_a_fault(functions, capsys, monkeypatch, probability):
    for function in functions.values():
        monkeypatch.setattr(function, "predict", lambda customer: probability)
    assert call(functions, capsys, {"customer": CUSTOMER})[0] == 500
