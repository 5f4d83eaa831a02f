"""Times a handler and the `session.run` within it, in turn, inside its image: `… '{JSON}'`.

Standard library only. Prints {"handler_ms": [...], "session_run_ms": [...] or null}. `session.run`
is called with the very arguments that the handler gave it; there is none to time where the
handler's module has no ONNX Runtime session of that name.
"""
import importlib
import json
import os
import sys
import time
from types import SimpleNamespace

CONTEXT = SimpleNamespace(aws_request_id="measure", get_remaining_time_in_millis=lambda: 60_000)


class Recorder:
    """Stands in for a session, and remembers what `run` was called with."""

    def __init__(self, session):
        self.session, self.given = session, None

    def run(self, *arguments, **named):
        self.given = arguments, named
        return self.session.run(*arguments, **named)

    def __getattr__(self, name):
        return getattr(self.session, name)


def raw_run(module, handler, event):
    """A function without arguments that runs the model as the handler does, or None."""
    session = getattr(module, "session", None)
    if not type(session).__module__.startswith("onnxruntime."):
        return None
    module.session = recorder = Recorder(session)
    handler(event, CONTEXT)
    module.session = session
    if recorder.given is None:
        return None
    arguments, named = recorder.given
    return lambda: session.run(*arguments, **named)


def measure(handler, event, times):
    file, _, name = handler.rpartition(".")
    module = importlib.import_module(file)
    handler = getattr(module, name)
    raw = raw_run(module, handler, event)
    handler_ms, raw_ms = [], []
    for _ in range(times):
        began = time.perf_counter_ns()
        handler(event, CONTEXT)
        between = time.perf_counter_ns()
        handler_ms.append((between - began) / 1e6)
        if raw:
            raw()
            raw_ms.append((time.perf_counter_ns() - between) / 1e6)
    return {"handler_ms": handler_ms, "session_run_ms": raw_ms or None}


if __name__ == "__main__":
    # The handler logs to standard output, as in Lambda: a pipe there, nothing here.
    with os.fdopen(os.dup(1), "w") as results:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        json.dump(measure(**json.loads(sys.argv[1])), results)
