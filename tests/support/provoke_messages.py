"""Makes the messages of tests/support/messages.json again, as the installed libraries word them.

    .venv/bin/python tests/support/provoke_messages.py [--write] [WORDS …]

Prints what is recognised now; rows whose name has none of the WORDS are left out. `--write` keeps
messages and versions in the file. A row names its `cause`, a failure of
workshop/course/failures.py, or null and `because`: the real cause, which lesson 23
does not have. How a row is provoked:

- `python`: code that raises or warns, run in an empty folder; `net` (below) is there.
- `cloud`: the same with the local cloud behind boto3.
- `shell`: a command; what it prints is the message.
- `function`: code of a module f, `handler`, and docker's `options`: what Lambda's runtime and its
  emulator answer in the image of the function churn (`workshop.deploy.build` makes it).
- `recorded`: only AWS, or another version, says it; here is where it was read.
"""
import contextlib
import importlib.metadata
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from workshop import cloud
from workshop.course import failures, last_error
from workshop.machine import engine  # noqa: E402, found by the line above

ROOT = Path(__file__).resolve().parents[2]
ROWS = Path(__file__).with_name("messages.json")
ASK = '''
import urllib.request, urllib.error
try:
    with urllib.request.urlopen("http://127.0.0.1:8080/2015-03-31/functions/function/invocations",
                                b"{}", timeout=60) as answer:
        print(answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
'''


def net(shape):
    """An ONNX model whose input `image`, float32, has this shape, e.g. "N, 3, 8, 8"; as bytes."""
    import onnx
    return onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 18]> g (float[{shape}] image) => (float[?] scores) '
        "{ scores = ReduceMean(image) }").SerializeToString()


def provoke(row):
    """The message of a row, made again; None for a recorded one."""
    if "function" in row:
        return from_function(row["function"], row["handler"], row.get("options", []))
    if "shell" in row:
        with tempfile.TemporaryDirectory() as folder:
            beside = str(Path(sys.executable).parent)
            done = subprocess.run(
                ["bash", "-c", row["shell"]], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                env={**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"})
        return done.stdout.strip()
    if "cloud" in row and not os.environ.get("AWS_ENDPOINT_URL"):
        cloud.use()
    code = row.get("python") or row.get("cloud")
    return code and from_python(code)


def from_python(code):
    """What a cell with this code leaves: its exception or its first warning."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as heard, \
            contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("always")
        os.chdir(folder)
        Path("cell.py").write_text(code, encoding="utf-8")      # told() looks at the lines
        try:
            exec(compile(code, str(Path("cell.py").resolve()), "exec"), {"net": net})
        except BaseException as error:
            return last_error.told(error)
        finally:
            os.chdir(before)
    return "\n".join(f"{one.category.__name__}: {one.message}" for one in heard)


def from_function(code, handler, options):
    """What a function answers to one request, as Lambda's Python runtime and emulator word it."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder, "f.py")
        module.write_text(code, encoding="utf-8")
        module.chmod(0o644)
        Path(folder).chmod(0o755)
        mount = f"{module}:/var/task/f.py:ro"
        started = subprocess.run(
            ["docker", "run", "-d", "--rm", "-v", mount, *options, engine.own("churn:v1"), handler],
            capture_output=True, text=True, check=True).stdout.strip()
        try:
            for _ in range(30):
                said = subprocess.run(["docker", "exec", started, "python3", "-c", ASK],
                                      capture_output=True, text=True).stdout.strip()
                if said:
                    return said
                time.sleep(0.5)
            return ""
        finally:
            subprocess.run(["docker", "rm", "-f", started], capture_output=True)


def versions(row):
    """The row's libraries with their installed versions."""
    found = []
    for name in row["library"]:
        package = name.split(" ")[0]
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            name = f"{package} {importlib.metadata.version(package)}"
        found.append(name)
    return found


def plain(message):
    """A message without what differs from one run to the next: folders, addresses, ids."""
    message = message.replace(str(ROOT), "/clone").replace(str(Path.home()), "/home")
    message = re.sub(r"(?:/[\w.-]+)*/tmp\w{8}\b", "/folder", message)
    message = "".join(line for line in message.splitlines(keepends=True)
                      if not line.startswith("Looking in "))      # pip's places
    message = re.sub(r" at 0x[0-9a-f]+", " at 0x0", message)
    message = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                     "00000000-0000-0000-0000-000000000000", message)
    return failures.ANSI.sub("", message).strip()


def main(arguments):
    with contextlib.suppress(ImportError):
        import onnxruntime
        onnxruntime.set_default_logger_severity(4)      # the exception says it, too
    write, words = "--write" in arguments, [one for one in arguments if one != "--write"]
    rows, wrong = json.loads(ROWS.read_text(encoding="utf-8")), 0
    for row in rows:
        if words and not any(word in row["name"] for word in words):
            continue
        try:
            message = provoke(row)
        except Exception as error:      # a tool that is not here: the others are still tried
            print(f"NOT MADE   {row['name']}: {type(error).__name__}: {error}"[:200])
            continue
        text = plain(message) if message else row.get("message", "")
        names = [one.name for one in failures.recognise(text)]
        right = names == [row["cause"]] if row["cause"] else not names
        wrong += not right or not text
        mark = "recorded  " if message is None else "ok        " if right and text else "WRONG     "
        print(f"{mark} {row['name']}: {names or 'not known'}"
              + ("" if right and text else f", not {row['cause']}: {text[:600]!r}"), flush=True)
        if write and text and message is not None:
            row["message"], row["library"] = text[:1500], versions(row)
    if write:
        ROWS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
