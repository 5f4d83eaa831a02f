"""What each command of `python3 -m workshop` does, in order. Standard library only."""
import argparse
import os
import subprocess
import sys
import time

from workshop import engine, environment, settings
from workshop.paths import ROOT

# The set-up's start, kept while the command moves into the environment's own Python.
BEGAN = "WORKSHOP_SETUP_BEGAN"
COMMANDS = {
    "lab": "set up, then open JupyterLab on the first lesson",
    "run": "execute the solved lessons (all, or those named: run 02 03) and keep their pages",
    "test": "set up, then run the test suite (further arguments go to pytest)",
    "measure": "measure starts, requests, memory and size of images (measure -h says more)",
    "doctor": "check this machine, name the last failure; each finding with its fix",
    "stop": "stop the local cloud and JupyterLab",
    "clean": "remove all that the workshop made, in the cloud and on this machine",
}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors meant for people have no traceback."""
    settings.tolerate()
    settings.python()
    command, rest = _parse(arguments)
    try:
        if command in ("lab", "run", "test", "measure"):
            _enter_environment(command, rest)
        return globals()[f"_{command}"](rest)
    except (environment.Failed, engine.Missing) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{command}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Deploy Machine Learning Models with AWS Lambda and ONNX",
        epilog="\n".join(f"  {name:8}{text}" for name, text in COMMANDS.items()))
    parser.add_argument("command", choices=COMMANDS)
    # Only the first word is ours: `test -x` is pytest's -x.
    command = parser.parse_args(arguments[:1]).command
    rest = arguments[1:]
    if rest and command in ("doctor", "stop", "clean"):
        parser.error(f"{command} takes no arguments")
    return command, rest


def _enter_environment(command, rest):
    """Make the environment if need be, and go on in its Python."""
    os.environ.setdefault(BEGAN, str(time.time()))
    python = environment.prepare()
    if os.path.abspath(sys.executable) != str(python):
        arguments = [str(python), "-m", "workshop", command, *rest]
        os.environ["PYTHONPATH"] = str(ROOT)
        sys.stdout.flush()
        if os.name == "nt":          # there exec would return to the shell at once
            sys.exit(engine.finish(subprocess.Popen(arguments)))
        os.execv(python, arguments)
    environment.activate()


def _set_up_engine():
    """Docker if it can be had; without it the lessons that need none still run."""
    try:
        engine.ensure()
    except engine.Missing as error:
        print(f"Docker: {error}", flush=True)


def _report_set_up() -> float:
    """Say how long set-up took; seconds."""
    seconds = time.time() - float(os.environ.pop(BEGAN))
    print(f"set-up: {seconds:.1f} s", flush=True)
    return seconds


def _lab(rest) -> int:
    from workshop import lab
    _set_up_engine()
    _report_set_up()
    return lab.main(rest)


def _run(numbers) -> int:
    _set_up_engine()
    _report_set_up()
    from workshop import lessons, site
    status = lessons.run(numbers)
    if status != 2 and (index := site.build()):
        print(f"Pages: {index.relative_to(ROOT)}", flush=True)
    return status


def _test(rest) -> int:
    """Everything that pyproject.toml's testpaths name, or what the arguments select."""
    from workshop import browser
    _set_up_engine()
    browser.ensure()
    set_up = _report_set_up()
    began = time.time()
    # pytest gets a Ctrl-C too; it needs time to stop what its tests have started.
    status = engine.finish(subprocess.Popen(
        [sys.executable, "-m", "pytest", "--nbval-lax", *rest], cwd=ROOT))
    print(f"set-up: {set_up:.1f} s; tests: {time.time() - began:.0f} s", flush=True)
    return status


def _measure(rest) -> int:
    from workshop import measure
    _report_set_up()
    return measure.main(rest)


def _doctor(_) -> int:
    from workshop import doctor
    return doctor.main()


def _stop(_) -> int:
    from workshop import clean
    return clean.stop()


def _clean(_) -> int:
    from workshop import clean
    return clean.main()
