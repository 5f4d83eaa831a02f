"""The server in docker/sagemaker, asked as WSGI asks it: no container, no port."""
import importlib
import io
import json
import re
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

import tiny_churn
from workshop.machine.paths import DOCKER, ROOT

FOLDER = DOCKER / "sagemaker"


@pytest.fixture(scope="module")
def code():
    """The modules (model, server) of the container."""
    names = [path.stem for path in FOLDER.glob("*.py")]
    for name in names:      # a function of lambda/ may have its own of that name
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("model"), importlib.import_module("server")
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def churn(code, tmp_path_factory):
    """The tiny churn model as the server loads it."""
    folder = tmp_path_factory.mktemp("model")
    tiny_churn.make(folder)
    return code[0].Model(folder / "model.onnx")


@pytest.fixture(scope="module")
def rows():
    customers = tiny_churn.table().drop(columns="churn").head(5)
    return json.loads(customers.to_json(orient="records"))


@pytest.fixture
def ask(code, churn):
    """`ask(body)`: (status, headers, answer) of a request."""
    def ask(body=b"", method="POST", path="/invocations", kind="application/json", model=churn):
        told = {}
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        parts = code[1].application(model)(
            {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_TYPE": kind,
             "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)},
            lambda status, headers: told.update(status=int(status[:3]), headers=dict(headers)))
        content = b"".join(parts)
        return told["status"], told["headers"], json.loads(content) if content else None
    return ask


def test_ping_answers_and_writes_nothing(ask, capsys):
    assert ask(method="GET", path="/ping")[0] == 200
    assert capsys.readouterr().out == ""


def test_predictions_come_in_the_order_of_the_instances(ask, churn, rows):
    status, headers, answer = ask({"instances": rows})
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert answer["model_version"] == "1"
    one_by_one = [ask({"instances": [row]})[2]["predictions"][0] for row in rows]
    assert answer["predictions"] == pytest.approx(one_by_one, abs=1e-7)
    assert len(set(one_by_one)) == len(rows) and all(0 <= value <= 1 for value in one_by_one)


@pytest.mark.parametrize("change, field, message", [
    ({"contract": "forever"}, "contract", "is not one of the allowed values"),
    ({"contract": None}, "contract", "must be a string"),
    ({"tenure": "12"}, "tenure", "must be a whole number"),
    ({"tenure": True}, "tenure", "must be a whole number"),
    ({"tenure": 1.5}, "tenure", "must be a whole number"),
    ({"tenure": -1}, "tenure", "is out of range"),
    ({"monthlycharges": 10 ** 400}, "monthlycharges", "is out of range"),
    ({"monthlycharges": float("nan")}, "monthlycharges", "must be a finite number"),
    ({"shoe_size": 42}, "shoe_size", "is not a known field"),
])
def test_a_bad_field_is_named_with_what_is_allowed(ask, rows, capsys, change, field, message):
    status, _, answer = ask({"instances": [rows[0], {**rows[1], **change}]})
    assert status == 400
    problem, = answer["problems"]
    assert (problem["instance"], problem["field"], problem["message"]) == (1, field, message)
    assert problem["allowed"]
    assert "forever" not in json.dumps(answer) + capsys.readouterr().out


def test_a_missing_field_and_a_thing_that_is_no_instance_are_named(ask, rows):
    del rows[0]["tenure"]
    problems = ask({"instances": [rows[0], 7]})[2]["problems"]
    assert [(problem["instance"], problem["field"], problem["message"]) for problem in problems] \
        == [(0, "tenure", "is missing"), (1, None, "must be an object")]


def test_thousands_of_problems_are_not_all_told(ask):
    assert len(ask({"instances": [{}] * 3000})[2]["problems"]) == 20


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"{}", b'"instances"',
                                  {"instances": {}}, {"instances": []},
                                  {"instances": [{}], "other": 1}])
def test_a_body_that_is_no_request_is_a_400(ask, body):
    status, _, answer = ask(body)
    assert status == 400 and "instances" in answer["message"]


@pytest.mark.parametrize("request_line, status", [
    ({"kind": "text/csv"}, 415), ({"path": "/"}, 404), ({"method": "GET"}, 405),
    ({"method": "POST", "path": "/ping"}, 405)])
def test_a_wrong_request_is_told_what_to_use(ask, request_line, status):
    assert ask(b"{}", **request_line)[0] == status


def test_a_fault_is_a_500_without_internals_and_its_place_is_in_the_log(ask, capsys):
    class Broken:
        signature = {"version": "1"}

        def problems(self, instances):
            raise ValueError(f"secret {instances}")
    status, _, answer = ask({"instances": [{"name": "Ada"}]}, model=Broken())
    assert (status, answer) == (500, {"message": "internal error"})
    line = json.loads(capsys.readouterr().out)
    assert line["error"] == "ValueError" and any("problems" in place for place in line["stack"])
    assert "Ada" not in json.dumps(line)


def matrix_model(path, columns=3, signature=True):
    """An ONNX model with one matrix input: each row's sum."""
    names = [f"f{number}" for number in range(3)]
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["features", "axes"], ["sum"], keepdims=1)], "sums",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if signature:
        helper.set_model_props(model, {"signature": json.dumps({
            "model": "sums", "version": "7",
            "inputs": [{"name": name, "type": "number"} for name in names]})})
    onnx.save(model, path)
    return path


def test_a_model_of_one_matrix_takes_its_fields_in_the_signatures_order(code, tmp_path, ask):
    model = code[0].Model(matrix_model(tmp_path / "model.onnx"))
    answer = ask({"instances": [{"f2": 4, "f0": 1, "f1": 2.5}, {"f0": 0, "f1": 0, "f2": -1}]},
                 model=model)[2]
    assert answer == {"predictions": [[7.5], [-1.0]], "model_version": "7"}


def test_a_number_without_a_range_may_be_any_that_float32_has(code, tmp_path, ask):
    model = code[0].Model(matrix_model(tmp_path / "model.onnx"))
    largest = float(np.finfo(np.float32).max)
    assert ask({"instances": [{"f0": largest, "f1": 0, "f2": 0}]}, model=model)[0] == 200
    status, _, answer = ask({"instances": [{"f0": 2 * largest, "f1": 0, "f2": 0}]}, model=model)
    assert (status, answer["problems"]) == (400, [
        {"instance": 0, "field": "f0", "message": "is out of range", "allowed": {}}])


@pytest.mark.parametrize("change, words", [
    ({"signature": False}, "no signature"), ({"columns": 4}, "names the inputs")])
def test_a_model_that_contradicts_its_signature_is_not_served(code, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        code[0].Model(matrix_model(tmp_path / "model.onnx", **change))


def test_a_server_without_a_model_or_an_argument_says_so(code, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", type(sys)("waitress"))
    sys.modules["waitress"].serve = lambda *arguments, **options: None
    monkeypatch.setattr(code[1], "MODEL", tmp_path / "model.onnx")
    with pytest.raises(SystemExit, match="model.onnx: there is no model"):
        code[1].main(["serve"])
    with pytest.raises(SystemExit, match="argument: serve"):
        code[1].main(["train"])


@pytest.mark.parametrize("content", [b"", b"PK no model", b"\x08\x0a:"])
def test_a_damaged_model_is_named_with_what_makes_it_again(code, tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model.onnx: .* Export it again.*\(lesson 18"):
        code[0].Model(path)


def test_requirements_are_pinned_as_in_the_environment():
    def pins(text):
        return dict(re.findall(r"^[\s-]*([\w-]+)==([\w.]+)", text, re.MULTILINE))
    environment = pins((ROOT / "environment.yml").read_text())
    text = (FOLDER / "requirements.txt").read_text()
    server = pins(text)
    assert len(server) == len(text.split()), "everything is pinned"
    assert server == {name: environment.get(name, pin) for name, pin in server.items()}


def test_the_dockerfile_takes_another_base_and_runs_as_nobody():
    text = (FOLDER / "Dockerfile").read_text()
    instructions = [line for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    assert instructions[:2] == [
        "ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim", "FROM ${BASE_IMAGE}"]
    assert "USER 65534:65534" in instructions and "LABEL workshop=lambda-onnx" in instructions


def test_the_model_runs_on_one_thread_and_does_not_spin(code):
    options = code[0].options()
    assert isinstance(options, ort.SessionOptions) and options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
