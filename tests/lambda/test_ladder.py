"""The gate of the ladder: however an image is built, it answers as the model does, and alike."""
import json
import math
import os
import subprocess

import pandas as pd
import pytest
from test_churn_contract import BODIES, CUSTOMER, MISTAKES, PRIVATE, recorded

from emulator import AS_LAMBDA, docker, emulator, invoke, json_lines
from function_folder import Context, load
from workshop.course import lessons
from workshop.machine import engine
from workshop.machine.paths import MODELS
from workshop.measure import variants

pytestmark = pytest.mark.skipif(not engine.available(), reason="no Docker engine to build with")

RUNGS = {one.name: one for one in variants.LADDER if one.name != variants.EMPTY}
BY_C_API = ["capi", "tiny"]
# The probabilities of a list of customers, one process, no emulator: quick enough for all of them.
ANSWER_ALL = """
import json, sys
from types import SimpleNamespace
sys.path.insert(0, "/var/task")
from lambda_function import lambda_handler
print(json.dumps([lambda_handler({"customer": one}, SimpleNamespace(aws_request_id="1"))
                  for one in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def images():
    """{rung: its image}."""
    return {name: variants.build(one) for name, one in RUNGS.items()}


@pytest.fixture(scope="module")
def test_set():
    """The customers that lesson 02 put aside, as JSON brings them."""
    lessons.require("02")
    table = pd.read_csv(MODELS / "churn_test.csv").drop(columns="churn")
    return json.loads(table.to_json(orient="records"))


@pytest.fixture
def model(monkeypatch):
    """The model itself, asked without an image: lambda/churn with the exported model."""
    lessons.require("03")
    return load(monkeypatch, "churn", MODELS / "churn.onnx")


def hostile():
    """Requests that must be refused, by name: every mistake directly and over HTTP, bad bodies."""
    events = {}
    for name, (request, *_) in MISTAKES.items():
        events[f"{name}, http"] = recorded("http", request)
        if is_json(request):        # else Lambda itself refuses the event
            events[name] = request
    for name, (body, _) in BODIES.items():
        events[f"body: {name}"] = recorded("url_base64", body=body)
    events["GET"] = recorded("http")
    events["GET"]["requestContext"]["http"]["method"] = "GET"
    events["elsewhere"] = recorded("rest") | {"path": "/admin"}
    return events


def is_json(request):
    try:
        return bool(json.dumps(request, allow_nan=False))
    except ValueError:      # NaN and Infinity are not in JSON's grammar
        return False


def test_ladder_has_the_rungs_of_the_lesson_and_says_what_each_buys_and_costs():
    assert list(RUNGS) == ["sklearn", "onnx", "lean", "default", "capi", "tiny"]
    for one in RUNGS.values():
        assert one.bought and one.costs, one.name


@pytest.mark.parametrize("rung", RUNGS)
def test_rung_answers_the_whole_test_set_as_the_model(images, model, test_set, rung):
    printed = docker("run", "--rm", "-i", *AS_LAMBDA, "--entrypoint", "python3", images[rung],
                     "-c", ANSWER_ALL, input=json.dumps(test_set))
    answers = json.loads(printed.splitlines()[-1])
    expected = [float(model.predict(customer)) for customer in test_set]
    assert len(expected) > 1000
    assert [answer["churn_probability"] for answer in answers] == pytest.approx(expected, abs=1e-5)
    threshold = model.signature["threshold"]
    assert [answer["churn"] for answer in answers] == [
        answer["churn_probability"] >= threshold for answer in answers]


@pytest.mark.parametrize("rung", RUNGS)
def test_rung_keeps_the_contract_for_good_and_hostile_requests(images, model, capsys, rung):
    refused = hostile()
    good = {kind: recorded(kind) for kind in ("direct", "rest", "http", "url", "url_base64")}
    with emulator(images[rung]) as container:
        answers = dict(zip([*refused, *good], invoke(container, *refused.values(),
                                                     *good.values())))
        logged, words = json_lines(container), docker("logs", container)
    for name, event in refused.items():
        assert answers[name] == model.lambda_handler(event, Context()), name
        assert answers[name]["statusCode"] in (400, 404, 405), name
    for kind in good:
        content = answers[kind] if kind == "direct" else json.loads(answers[kind]["body"])
        assert content["churn_probability"] == pytest.approx(model.predict(CUSTOMER), abs=1e-5)
    lines = [line for line in logged if "milliseconds" in line]
    assert len(lines) == len(answers)
    assert [line["cold"] for line in lines] == [True] + [False] * (len(lines) - 1)
    assert all(len(line["request_id"]) == 36 for line in lines)
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert PRIVATE not in json.dumps(answers) + words and "Traceback" not in words


COUNT_THREADS = """
import re, sys
sys.path.insert(0, "/var/task")
import lambda_function
print(re.search(r"^Threads:\\s+(\\d+)", open("/proc/self/status").read(), re.M)[1])
"""


@pytest.mark.skipif(os.cpu_count() < 2, reason="a machine with one processor")
@pytest.mark.parametrize("rung, options, threads", [
    ("default", [], 1), ("tiny", [], 1), ("default", ["--env", "OPENBLAS_NUM_THREADS=2"], 2)],
    ids=["default", "tiny", "without the recipe's setting"])
def test_a_start_that_sees_two_processors_makes_no_further_threads(images, rung, options, threads):
    printed = docker("run", "--rm", *AS_LAMBDA, "--cpuset-cpus", "0,1", *options,
                     "--entrypoint", "python3", images[rung], "-c", COUNT_THREADS)
    assert int(printed) == threads


# ---------------------------------------------------------------- what the last rungs do by hand

@pytest.mark.parametrize("rung", BY_C_API)
@pytest.mark.parametrize("path, words", [
    ("/var/task/none.onnx", "there is no model"), ("/var/task/web.py", "CreateSession: ")])
def test_unusable_model_is_told_when_the_function_starts(images, rung, path, words):
    with emulator(images[rung], options=[*AS_LAMBDA, "--env", f"MODEL_PATH={path}"]) as container:
        answer, = invoke(container, {"customer": CUSTOMER})
    assert words in answer["errorMessage"]


# Runs inside the container: POSTs each text of a JSON list as it is.
POST_TEXT = """
import json, sys, time, urllib.error, urllib.request
url = "http://localhost:8080/2015-03-31/functions/function/invocations"
for text in json.load(sys.stdin):
    try:
        print(urllib.request.urlopen(url, text.encode(), timeout=60).read().decode())
    except urllib.error.HTTPError as error:
        print(error.read().decode())
"""


def test_small_runtime_answers_on_after_events_that_are_no_json(images):
    valid = json.dumps({"customer": CUSTOMER})
    texts = ["{", "{} {}", '{"a": ' * 100_000, "1" * 10_000, '"\ud83d\ude00"', valid]
    with emulator(images["tiny"]) as container:
        invoke(container, {})           # the emulator answers from now on
        printed = docker("exec", "-i", container, "python3", "-c", POST_TEXT,
                         input=json.dumps(texts)).splitlines()
    answers = [json.loads(line) for line in printed]
    assert [answer.get("errorType") for answer in answers] == [
        "JSONDecodeError", "JSONDecodeError", "RecursionError", "ValueError", None, None]
    assert answers[4]["statusCode"] == 400 and "churn_probability" in answers[5]


SMALL_AND_STANDARD = """
import json, math, sys
sys.path.insert(0, "/var/task")
import small_json
sys.modules["json"] = sys.modules["json.decoder"] = small_json
texts, values = eval(sys.stdin.read())
def outcome(function, given):
    try:
        return repr(function(given))
    except (ValueError, TypeError, RecursionError) as error:
        return "refused"
for given in texts:
    assert outcome(small_json.loads, given) == outcome(json.loads, given), given[:40]
for given in values:
    assert outcome(small_json.dumps, given) == outcome(json.dumps, given), repr(given)[:40]
print("alike")
"""


def test_small_json_reads_and_writes_as_the_standard_library(images):
    texts = ["", " ", "null", " [1, 2.5, -3e2] ", '{"a": {"b": [true, false]}}', "NaN",
             "-Infinity", "[1,]", "{} x", "'a'", '"\\ud83d\\ude00 \\n"', '"open', "1" * 5000,
             "[" * 100_000, "\ufeff{}", '{"a": 1, "a": 2}', b'{"name": "Zo\xc3\xab"}', b"\xff"]
    values = [None, {"a": [1, 2.5, "Zoë\n\"\u2028"], "b": True}, math.nan, "text", 1e300,
              {"a": {1, 2}}, object, {1: 2}, []]
    values = repr(values).replace("nan", "math.nan").replace("<class 'object'>", "object")
    done = subprocess.run(["docker", "run", "--rm", "-i", "--network", "none", "--entrypoint",
                           "python3", images["tiny"], "-I", "-c", SMALL_AND_STANDARD],
                          input=f"({texts!r}, {values})", capture_output=True, text=True)
    assert done.stdout == "alike\n", done.stderr
