"""The smallest handler."""
import json

from function_folder import Context, load


def test_greets_whom_the_event_names(monkeypatch):
    hello = load(monkeypatch, "hello")
    assert hello.lambda_handler({"name": "Ada"}, Context()) == {"message": "Hello, Ada!"}


def test_greets_the_world_without_a_name(monkeypatch):
    hello = load(monkeypatch, "hello")
    assert hello.lambda_handler({}, Context()) == {"message": "Hello, world!"}


def test_logs_one_json_line_without_the_name(monkeypatch, capsys):
    load(monkeypatch, "hello").lambda_handler({"name": "Ada"}, Context())
    line, = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"request_id": Context.aws_request_id, "milliseconds_left": 3000}
