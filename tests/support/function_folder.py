"""Loads a folder of lambda/ as Lambda does: its own modules, its model, and nothing else."""
import copy
import gc
import importlib
import json
import sys

from workshop.machine.paths import LAMBDA

PRIVATE = "Zaphod-8472"     # in no message and in no log


class Context:
    """What Lambda tells a handler about the call."""
    aws_request_id = "11112222-3333-4444-5555-666677778888"
    function_name = "workshop-test"
    memory_limit_in_mb = "512"

    def get_remaining_time_in_millis(self):
        return 3000


def load(monkeypatch, name, model=None):
    """Import lambda/NAME/lambda_function.py afresh, with MODEL_PATH set to `model`."""
    if model is not None:
        monkeypatch.setenv("MODEL_PATH", str(model))
    for module in {path.stem for path in LAMBDA.glob("*/*.py")}:    # a name is in many folders
        monkeypatch.delitem(sys.modules, module, raising=False)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(LAMBDA / name))
        try:
            return importlib.import_module("lambda_function")
        finally:
            gc.enable()     # a function that cannot start leaves it off


def call(function, capsys, event):
    """Give `event` to the function; return (status, content, the line in the log)."""
    answer = function.lambda_handler(copy.deepcopy(event), Context())
    printed = capsys.readouterr()
    line, = printed.out.splitlines()
    assert printed.err == "", "nothing but the one line goes to the log"
    log = json.loads(line)
    assert list(log)[:6] == ["request_id", "event", "status", "milliseconds", "model_version",
                             "cold"]
    status, content = answer.get("statusCode", 200), answer
    if "body" in answer:
        assert answer["headers"]["Content-Type"] == "application/json"
        content = json.loads(answer["body"])
    assert log["status"] == status
    assert PRIVATE not in line + json.dumps(content)
    return status, content, log
