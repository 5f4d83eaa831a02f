"""Failures are recognised by what learners read, kept without secrets, and named by `doctor`."""
import pickle
import subprocess
import sys

import pytest

from tiny_lessons import write_lesson
from workshop.commands import doctor
from workshop.course import failures, last_error, lessons, render
from workshop.machine import paths

LESSON = next(paths.SOLUTIONS.glob("*_break_it.py"))


def refusal(code, operation, message):
    """A ClientError as boto3 words it."""
    return f"An error occurred ({code}) when calling the {operation} operation: {message}"


# Each failure with messages as they are read: boto3's errors, docker's output, lines of a log.
MESSAGES = {
    "An image for many platforms": [
        refusal("InvalidParameterValueException", "CreateFunction",
                "The image manifest, config or layer media type for the source image 123456789012"
                ".dkr.ecr.us-east-1.amazonaws.com/churn:v1 is not supported."),
        "Resource handler returned message: \"The image manifest, config or layer media type for "
        "the source image\n 123456789012.dkr.ecr.eu-west-1.amazonaws.com/a@sha256:0123 is not "
        "supported. (Service: Lambda, Status Code: 400)\""],
    "An image for another processor": [
        "RequestId: 0 Error: fork/exec /lambda-entrypoint.sh: exec format error "
        "Runtime.InvalidEntrypoint",
        "exec /usr/local/bin/python3.13: exec format error",
        "WARNING: The requested image's platform (linux/arm64/v8) does not match the detected host "
        "platform (linux/amd64/v3) and no specific platform was requested exec /app: exec format "
        "error",
        "no match for platform in manifest: not found"],
    "A registry login that is missing or expired": [
        "`docker push` failed:\ndenied: Your authorization token has expired. Reauthenticate and "
        "try again.",
        "denied: Your Authorization Token has expired. Please run 'aws ecr get-login' to fetch a "
        "new one.",
        "Error response from daemon: no basic auth credentials"],
    "A role that cannot be assumed": [
        refusal("InvalidParameterValueException", "CreateFunction",
                "The role defined for the function cannot be assumed by Lambda.")],
    "No permission to read the image": [
        refusal("AccessDeniedException", "CreateFunction", "Lambda does not have permission to "
                "access the ECR image. Check the ECR permissions.")],
    "An update during an update": [
        refusal("ResourceConflictException", "UpdateFunctionConfiguration",
                "The operation cannot be performed at this time. An update is in progress for "
                "resource: arn:aws:lambda:us-east-1:123456789012:function:churn"),
        refusal("ResourceConflictException", "Invoke", "The operation cannot be performed at this "
                "time. The function is currently in the following state: Pending")],
    "Not found in this Region": [
        refusal("ResourceNotFoundException", "Invoke",
                "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:churn"),
        'EndpointConnectionError: Could not connect to the endpoint URL: '
        '"https://lambda.us-est-1.amazonaws.com/2015-03-31/functions/churn/invocations"',
        refusal("InvalidParameterValueException", "CreateFunction", "Source image 123456789012.dkr."
                "ecr.eu-west-1.amazonaws.com/churn:v1 is not valid. Provide a valid source "
                "image.")],
    "No such module, no such handler": [
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'lambda_function': No module "
        "named 'onnxruntime'",
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'lambda_function': No module "
        "named 'sklearn'",
        "Runtime.HandlerNotFound: Handler 'handler' missing on module 'lambda_function'",
        "Runtime.HandlerNotFound: index.handler is undefined or not exported"],
    "A number that JSON does not know": [
        "[ERROR] Runtime.MarshalError: Unable to marshal response: Object of type float32 is not "
        "JSON serializable",
        "TypeError: Object of type ndarray is not JSON serializable"],
    "A malformed proxy response": [
        '502 {"message": "Internal server error"}',
        "Execution failed due to configuration error: Malformed Lambda proxy response"],
    "A path that is not there": [
        '403 {"message":"Missing Authentication Token"}', '404 {"message":"Not Found"}'],
    "Out of time": [
        "Sandbox.Timedout: RequestId: 0 Error: Task timed out after 3.00 seconds",
        "2026-11-22T03:34:23Z ee780921-d098 Task timed out after 10.01 seconds"],
    "Out of memory": [
        "Runtime.ExitError: RequestId: 0 Error: Runtime exited with error: signal: killed",
        "RequestId: 0 Error: Runtime exited with error: signal: killed Runtime.OutOfMemory"],
    "A disk that cannot be written": [
        "OSError: [Errno 30] Read-only file system: 'result.txt'"],
    "More than fits into a request": [
        refusal("RequestTooLargeException", "Invoke",
                "Request must be smaller than 6291456 bytes for the InvokeFunction operation"),
        "Function.ResponseSizeTooLarge: Response payload size exceeded maximum allowed payload "
        "size (6291556 bytes).",
        '{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."}'],
    "The payload of the command line": ['Invalid base64: "{"customer": {"tenure": 3}}"'],
    "A slow import": ["INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout"],
    "Weights left behind": [
        "Fail: [ONNXRuntimeError] : 1 : FAIL : External data path validation failed for "
        "initializer: weights. Error: External data path does not exist: \"/var/task/m.onnx.data\"",
        "ValidationError: Data of TensorProto ( tensor name: weights) should be stored in "
        "m.onnx.data, but it doesn't exist or is not accessible.",
        "FileNotFoundError: [Errno 2] No such file or directory: '/var/task/m.onnx.data'"],
    "Channels first or channels last": [
        "InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for "
        "input: image for the following indices\n index: 1 Got: 224 Expected: 3\n index: 3 Got: 3 "
        "Expected: 224",
        "RuntimeError: Given groups=1, weight of size [8, 3, 3, 3], expected input[1, 224, 224, 3] "
        "to have 3 channels, but got 224 channels instead"],
    "A pickle of another version": [
        "InconsistentVersionWarning: Trying to unpickle estimator LogisticRegression from version "
        "1.2.2 when using version 1.8.0.",
        f"ModuleNotFoundError: No module named 'sklearn.x' {failures.UNPICKLING}",
        "line 3, in load\n    model = joblib.load(path)\nModuleNotFoundError: No module named "
        "'sklearn.ensemble.forest'",
        "AttributeError: 'SimpleImputer' object has no attribute '_fill_dtype'"],
    "A category that nobody knows": [
        "Fail: [ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running "
        "OneHotEncoder node. Name:'OneHotEncoder12' Status Message: Unknown Category and zeros = "
        "0."],
    "A repository that is not empty": [
        refusal("RepositoryNotEmptyException", "DeleteRepository",
                "The repository with name 'churn' is not empty"),
        refusal("BucketNotEmpty", "DeleteBucket", "The bucket you tried to delete is not empty"),
        refusal("DeleteConflict", "DeleteRole",
                "Cannot delete entity, must delete policies first.")],
}
ALL = [(name, message) for name, messages in MESSAGES.items() for message in messages]

NORMAL = [
    "", "done", '{"churn_probability": 0.31, "churn": true, "model_version": "1"}',
    "START RequestId: c0e27886 Version: $LATEST", "END RequestId: c0e27886",
    "REPORT RequestId: c0e27886\tDuration: 6.79 ms\tBilled Duration: 242 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 21 MB\tInit Duration: 234.82 ms",
    "INIT_START Runtime Version: python:3.13.v1",
    '{"request_id": "0", "event": "http", "status": 404, "milliseconds": 0.1, "cold": false}',
    '{"statusCode": 400, "message": "the request is not valid", "problems": [{"field": "contract", '
    '"message": "is not one of the allowed values", "allowed": ["two_year"]}]}',
    "The push refers to repository [localhost:4566/workshop-churn]\n1d: Layer already exists\n"
    "v1: digest: sha256:23f2ecbd size: 2625", "Login Succeeded", "Successfully tagged churn:v1",
    "local cloud, free (http://localhost:4566)", "AWS account 123456789012, region eu-west-1: this "
    "costs money", "waiting until Lambda may assume the new role",
    "made repository workshop-churn", "creating function workshop-churn, 512 MB, 10 s",
    "AssertionError: the pattern is still empty", "NameError: name 'client' is not defined",
    "KeyError: 'image'", "ModuleNotFoundError: No module named 'torch'",
    "FileNotFoundError: [Errno 2] No such file or directory: '../build/models/churn.onnx'",
    "TypeError: the JSON object must be str, bytes or bytearray, not dict", "KeyboardInterrupt",
    refusal("RequestEntityTooLargeException", "CreateFunction",
            "Request must be smaller than 69905067 bytes for the CreateFunction operation"),
    refusal("ResourceConflictException", "CreateFunction", "Function already exist: churn"),
    refusal("ResourceNotFoundException", "GetLogEvents", "The specified log group does not exist."),
    "[INFO] image for another processor? no: linux/amd64",
    "docker: memory 512 MB, timeout 3 s, read-only but /tmp",
]


@pytest.fixture
def last(tmp_path, monkeypatch):
    """The file of the last failure, at a place of the test's own."""
    monkeypatch.setattr(last_error, "FILE", tmp_path / "build" / "last_error.txt")
    return last_error.FILE


# ---------------------------------------------------------------- recognising

def test_every_failure_has_a_message_here():
    assert list(MESSAGES) == [failure.name for failure in failures.FAILURES]


@pytest.mark.parametrize("name, message", ALL)
def test_a_message_is_recognised_as_its_failure_and_no_other(name, message):
    for text in (message, f"\x1b[31mClientError\x1b[0m: {message}\n", message.replace(" ", "\n ")):
        assert [failure.name for failure in failures.recognise(text)] == [name]


@pytest.mark.parametrize("text", NORMAL)
def test_what_is_normal_is_no_failure(text):
    assert failures.recognise(text) == []


def test_several_failures_in_one_log_are_all_named():
    log = "\n".join(messages[0] for messages in MESSAGES.values())
    assert failures.recognise(log) == list(failures.FAILURES)


def test_cause_and_mend_are_sentences_of_one_line():
    for failure in failures.FAILURES:
        assert failure.cause and failure.fix and failure.cause.endswith((".", ")"))
        assert "\n" not in failure.cause + failure.fix


def test_every_failure_is_a_section_of_lesson_22_and_met_there():
    lesson = render.parse(LESSON)
    headings = {line.removeprefix("### ") for cell in lesson.cells if cell.kind == "markdown"
                for line in cell.source.splitlines() if line.startswith("### ")}
    code = "\n".join(cell.source for cell in lesson.cells if cell.kind == "code")
    for failure in failures.FAILURES:
        assert failure.name in headings
        assert f'meet("{failure.name}"' in code


# ---------------------------------------------------------------- keeping

SECRETS = ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
           "eyJwYXlsb2FkIjoiSGVsbG8ifQ==", "X-Amz-Signature=0123abcd", "Month-to-Month-Customer",
           "hunter2"]


@pytest.mark.parametrize("name, message", ALL)
def test_secrets_around_a_message_are_not_kept(last, name, message):
    around = (f"AWS_ACCESS_KEY_ID={SECRETS[0]} aws_secret_access_key = {SECRETS[1]} "
              f"Authorization: Basic {SECRETS[2]} https://u:{SECRETS[5]}@host/?{SECRETS[3]} "
              f'{{"customer": {{"contract": "{SECRETS[4]}"}}}} password={SECRETS[5]}')
    last_error.keep(f"{around}\n{message}\n{around}", "cell 1")
    text = last.read_text()
    assert name in text and not [secret for secret in SECRETS if secret in text], text


@pytest.mark.parametrize("message", [
    'Could not connect to the endpoint URL: "https://lambda.us-est-1.amazonaws.com/?{0}"',
    "Function not found: arn:aws:lambda:us-east-1:123456789012:function:a?{0}",
    'Invalid base64: "{{"customer": "{0}"}}"', "Source image https://u:{0}@h/a is not valid. "
    "Provide a valid source image.", "Source image h/a?X-Amz-Signature={0} is not valid. Provide a "
    "valid source image."])
def test_secrets_inside_a_message_are_not_kept(last, message):
    last_error.keep(message.format("hunter2"), "cell 1")
    assert last.exists() and "hunter2" not in last.read_text()


def test_of_what_is_not_recognised_only_the_place_is_kept(last):
    last_error.keep(MESSAGES["Out of time"][0], "cell 1")
    last_error.keep("ValueError: could not convert 'Ada Lovelace'", "cell 2")
    assert last_error.read() == ("cell 2", []) and last.read_text() == "cell 2\n"
    assert [file.name for file in last.parent.iterdir()] == [last.name]


@pytest.mark.parametrize("message", ["AssertionError: the pattern is still empty",
                                     "KeyboardInterrupt"])
def test_an_open_exercise_and_an_interrupt_are_no_failures(last, message):
    last_error.keep(MESSAGES["Out of time"][0], "cell 1")
    last_error.keep(message, "cell 2")
    assert last_error.read()[0] == "cell 1"


@pytest.mark.parametrize("message, words", [
    ("ValueError: Found unknown categories ['Ada Lovelace'] in column 0 during transform",
     "Found unknown categories"),
    ("pickle.load(file)  # Ada Lovelace\nModuleNotFoundError: No module named 'sklearn.x'",
     "No module named 'sklearn.x'"),
    ('Invalid base64: "{\\"name\\": \\"Ada Lovelace\\"}"', "Invalid base64:")])
def test_only_the_words_of_a_sign_are_kept(last, message, words):
    last_error.keep(message.replace("\\", ""), "cell 1")
    assert last_error.read()[1][0][1].strip() == words and "Ada" not in last.read_text()


def test_success_at_the_same_place_clears_and_elsewhere_does_not(last):
    last_error.keep(MESSAGES["Out of time"][0], "lesson 05")
    last_error.clear("lesson 06")
    assert last_error.read() == ("lesson 05", [("Out of time",
                                                "Task timed out after 3.00 seconds")])
    last_error.clear("lesson 05")
    assert last_error.read() == ("", []) and not last.exists()


def test_an_exceptions_causes_are_told():
    try:
        try:
            raise OSError(30, "Read-only file system")
        except OSError as error:
            raise RuntimeError("no cache") from error
    except RuntimeError as error:
        assert last_error.told(error) == ("RuntimeError: no cache\nOSError: [Errno 30] Read-only "
                                          "file system")


def test_an_exception_out_of_a_pickle_is_told_as_such():
    def told(call):
        try:
            call()
        except Exception as error:
            return last_error.told(error)

    module = b"csklearn.gone\nx\n."
    assert failures.UNPICKLING in told(lambda: pickle.loads(module))
    assert failures.UNPICKLING not in told(lambda: __import__("sklearn.gone"))
    assert failures.recognise(told(lambda: __import__("sklearn.gone"))) == []


NOTEBOOK = '''
import sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from workshop.course import last_error
last_error.FILE = Path(sys.argv[1])
shell = InteractiveShell.instance()

def run(code, cell):
    print("said", shell.run_cell(code, cell_id=cell).success, last_error.read())

run("from workshop.course import last_error; last_error.watch(); last_error.watch()", "a")
run("raise OSError(30, 'Read-only file system')", "b")
run("1 + 1", "c")
run("raise KeyError('customer')", "b")
run("1 + 1", "b")
run("!echo no basic auth credentials", "d")
run("!echo no basic auth credentials; exit 3", "d")
run("!true", "d")
'''


def test_a_notebook_keeps_what_fails_until_the_same_cell_succeeds(tmp_path):
    done = subprocess.run([sys.executable, "-c", NOTEBOOK, str(tmp_path / "last_error.txt")],
                          cwd=paths.ROOT, capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("said")]
    unknown = "('cell b', [])"
    disk = "('cell b', [('A disk that cannot be written', '[Errno 30] Read-only file system')])"
    login = ("('cell d', [('A registry login that is missing or expired', "
             "'no basic auth credentials')])")
    none = "('', [])"
    assert said == [f"said True {none}", f"said False {disk}", f"said True {disk}",
                    f"said False {unknown}", f"said True {none}", f"said True {none}",
                    f"said True {login}", f"said True {none}"], done.stderr
    assert done.stdout.count("\nno basic auth credentials") == 2, "what is heard is still printed"


def test_run_keeps_what_a_lesson_said_not_its_source_until_it_goes_well(last, tmp_path):
    fails = ("\n# %%\n# Task timed out after 3.00 seconds\n"
             "raise OSError(30, 'Read-only file system')\n")
    write_lesson(tmp_path, "00_make_it", more=fails)
    assert lessons.run(["00"], tmp_path) == 1
    assert last_error.read() == ("lesson 00", [("A disk that cannot be written",
                                                "[Errno 30] Read-only file system")])
    write_lesson(tmp_path, "00_make_it")
    assert lessons.run(["00"], tmp_path) == 0
    assert last_error.read() == ("", [])


# ---------------------------------------------------------------- naming

def test_doctor_says_what_was_seen_cause_mend_and_section(last):
    last_error.keep(f"boom\n{MESSAGES['Out of memory'][0]}", "lesson 05")
    finding, = doctor.last_failure(*last_error.read())
    failure = next(one for one in failures.FAILURES if one.name == "Out of memory")
    assert (finding.level, finding.what, finding.fix) == (
        doctor.WARNING, "lesson 05 failed: “Error: Runtime exited with error: signal: killed”. "
        f"Out of memory: {failure.cause}",
        f"{failure.fix} (lesson 23, “Out of memory”)")
    assert "\n" not in str(finding)
    last_error.keep(MESSAGES["Out of memory"][0], "cell 0123-4567")
    finding, = doctor.last_failure(*last_error.read())
    assert finding.what.startswith("a notebook's cell failed: “")


@pytest.mark.parametrize("content", ["cell 1\n", "cell 1\nof another version: x\n"])
def test_doctor_says_when_the_cause_is_not_known(last, content):
    last.parent.mkdir()
    last.write_text(content)
    finding, = doctor.last_failure(*last_error.read())
    assert (finding.level, finding.what) == (
        doctor.WARNING, "a notebook's cell failed; the cause is not known")
    assert "lesson 23" in finding.fix


@pytest.mark.parametrize("content", [None, "", "\x00\xff"])
def test_doctor_says_nothing_of_what_is_not_there_or_not_readable(last, content):
    last.parent.mkdir()
    if content is not None:
        last.write_text(content, encoding="latin-1")
    assert doctor.last_failure(*last_error.read()) == []
