"""The smallest function in the local cloud, and what lesson 01 says about zip files and the CLI."""
import io
import json
import subprocess
import zipfile

import pytest

from workshop.machine import engine, paths

CODE = (paths.LAMBDA / "hello" / "lambda_function.py").read_text()


def zip_of(code, readable_for_all):
    entry = "lambda_function.py"
    if readable_for_all:
        entry = zipfile.ZipInfo(entry)
        entry.external_attr = 0o644 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, code)
    return buffer.getvalue()


def from_zip(new_function, package):
    return new_function(Runtime="python3.13", Handler="lambda_function.lambda_handler",
                        Code={"ZipFile": package}, Architectures=[engine.architecture()])


@pytest.fixture
def hello(new_function):
    return from_zip(new_function, zip_of(CODE, readable_for_all=True))


def test_greets_and_logs_its_own_request_id(hello):
    answer = hello.ask(name="Ada")
    assert answer["payload"] == {"message": "Hello, Ada!"}
    lines = answer["log"].splitlines()
    request, = [json.loads(line)["request_id"] for line in lines if line.startswith("{")]
    assert f"START RequestId: {request} Version: $LATEST" in lines
    assert f"END RequestId: {request}" in lines


def test_a_file_that_only_its_owner_may_read_fails_at_every_call(new_function):
    function = from_zip(new_function, zip_of(CODE, readable_for_all=False))
    for _ in range(2):
        answer = function.ask(name="Ada")
        assert answer["FunctionError"] == "Unhandled"
        assert answer["payload"]["errorMessage"] == (
            "[Errno 13] Permission denied: '/var/task/lambda_function.py'")


def test_the_command_line_takes_the_event_from_a_file_of_bytes(hello, tmp_path):
    sent, received = tmp_path / "event.json", tmp_path / "answer.json"
    sent.write_text(json.dumps({"name": "Katherine"}))
    subprocess.run(["aws", "lambda", "invoke", "--function-name", hello.name,
                    "--payload", f"fileb://{sent}", str(received)], check=True, capture_output=True)
    assert json.loads(received.read_text()) == {"message": "Hello, Katherine!"}


def test_the_installed_command_line_is_version_1_and_takes_no_binary_format(hello, tmp_path):
    done = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("aws-cli/1.")
    done = subprocess.run(
        ["aws", "lambda", "invoke", "--function-name", hello.name, "--payload", "{}",
         "--cli-binary-format", "raw-in-base64-out", str(tmp_path / "answer.json")],
        capture_output=True, text=True)
    assert done.returncode != 0 and "Unknown options: --cli-binary-format" in done.stderr
