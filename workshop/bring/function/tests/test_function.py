"""The function my-model, without Docker: `python -m pytest tests` in its folder."""
import copy
import importlib
import json
import sys
from pathlib import Path

import pytest

import reference

FOLDER = Path(__file__).resolve().parents[1]
SIGNATURE = json.loads((FOLDER / "signature.json").read_text(encoding="utf-8"))
EXAMPLE = SIGNATURE["example"]
FIELDS = [entry["name"] for entry in SIGNATURE["fields"]]


@pytest.fixture(scope="module")
def function():
    """lambda_function.py, imported as Lambda does: with this folder's modules and no others."""
    names = {path.stem for path in FOLDER.glob("*.py")}
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("lambda_function")
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def over_http(request):
    """The event that an HTTP API sends for a request."""
    return {"rawPath": "/predict", "requestContext": {"http": {"method": "POST"}},
            "body": request if isinstance(request, str) else json.dumps(request)}


def test_the_example_is_answered_with_every_output(function):
    answer = function.lambda_handler(copy.deepcopy(EXAMPLE), None)
    assert set(answer["outputs"]) == {entry["name"] for entry in SIGNATURE["outputs"]}
    assert answer["model_version"] == SIGNATURE["version"]


def test_the_same_answer_comes_over_http(function):
    answer = function.lambda_handler(over_http(EXAMPLE), None)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == function.lambda_handler(copy.deepcopy(EXAMPLE), None)


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_named(function, name):
    request = {key: value for key, value in EXAMPLE.items() if key != name}
    answer = function.lambda_handler(request, None)
    assert answer["statusCode"] == 400
    assert {"field": name, "message": "is missing"}.items() <= answer["problems"][0].items()


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_a_wrong_type_is_refused(function, name):
    answer = function.lambda_handler({**EXAMPLE, name: {"of": "a wrong type"}}, None)
    assert answer["statusCode"] == 400
    assert [problem["field"] for problem in answer["problems"]] == [name]


def test_an_unknown_field_is_refused(function):
    answer = function.lambda_handler({**EXAMPLE, "no such field": 1}, None)
    assert answer["problems"][0]["field"] == "no such field"


@pytest.mark.parametrize("body", ["", "no JSON", "[1]"])
def test_a_body_that_is_no_request_is_refused(function, body):
    assert function.lambda_handler(over_http(body), None)["statusCode"] == 400


@pytest.mark.skipif(not (FOLDER / "reference.csv").is_file(),
                    reason="there is no reference.csv: README.md says how to make it")
def test_the_answers_are_those_of_reference_csv(function):
    for request, expected in reference.read(FOLDER / "reference.csv", SIGNATURE):
        assert not reference.differences(function.lambda_handler(request, None), expected)
