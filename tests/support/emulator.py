"""Runs an image under the Runtime Interface Emulator, with the limits that Lambda sets."""
import json
import subprocess
import uuid
from contextlib import contextmanager

from workshop.machine.engine import NO_PROXY

# Runs inside the container, which has no network but its own: POSTs each event of a JSON list.
POST = """
import json, sys, time, urllib.error, urllib.request
PATIENCE = int(sys.argv[1])
url = "http://localhost:8080/2015-03-31/functions/function/invocations"

def post(event, attempts=100):
    try:
        return json.load(urllib.request.urlopen(url, json.dumps(event).encode(), timeout=PATIENCE))
    except urllib.error.HTTPError as error:
        return json.load(error)         # a function that cannot start answers 502 and why
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError) or not attempts:
            raise
        time.sleep(0.1)                 # the emulator is starting
        return post(event, attempts - 1)

json.dump([post(event) for event in json.load(sys.stdin)], sys.stdout)
"""
# As in Lambda: read-only but /tmp, an unprivileged user without capabilities, no shared memory,
# capped memory.
AS_LAMBDA = ["--read-only", "--tmpfs", "/tmp:size=512m", "--user", "993:990", "--cap-drop", "ALL",
             "--security-opt", "no-new-privileges", "--memory", "512m", "--network", "none",
             "--ipc", "none"]


def docker(*arguments, input=None):
    """Run `docker …`; returns what it printed, AssertionError with its words when it fails."""
    done = subprocess.run(["docker", *map(str, arguments)], input=input, capture_output=True,
                          text=True)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}{done.stdout}"
    return done.stdout


@contextmanager
def emulator(image, *arguments, options=AS_LAMBDA):
    """Start `image`; yields the container's name. Removed at the end."""
    name = f"workshop-test-{uuid.uuid4().hex[:8]}"
    try:
        docker("run", "--detach", "--name", name, "--label", "workshop=lambda-onnx", *NO_PROXY,
               *options, image, *arguments)
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True)


def invoke(container, *events, patience=60):
    """Send events to the function in `container`, one after the other; return the answers.

    patience: seconds that one answer may take, INIT included.
    """
    return json.loads(docker("exec", "-i", container, "python3", "-c", POST, patience,
                             input=json.dumps(events)))


def json_lines(container):
    """What the function logged, one object a line."""
    return [json.loads(line) for line in docker("logs", container).splitlines()
            if line.startswith("{")]
