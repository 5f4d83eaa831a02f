"""What each command of `python3 -m workshop` does, in order. Standard library only."""
import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from workshop.machine import engine, environment, offline, requirements, settings
from workshop.machine.paths import ROOT
from workshop.pack import use

# The set-up's start, kept while the command moves into the environment's own Python.
BEGAN = "WORKSHOP_SETUP_BEGAN"


class Command(NamedTuple):
    """A command: what its help says, the function that gets its arguments, and what it needs."""

    does: str
    run: Callable[[list[str]], int]
    environment: bool = False       # run by the Python of the environment, which is made first
    arguments: bool = True          # whether it takes any
    groups: list[str] | None = None     # of environment.yml that it waits for; None: all
    packed: bool = False            # whether `--from FOLDER` may come before its arguments
    explains: bool = False          # whether it answers -h itself


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors meant for people have no traceback."""
    settings.tolerate()
    settings.python()
    name, rest = _parse(arguments)
    command = COMMANDS[name]
    try:
        source, rest = _source(rest) if command.packed else ("", rest)
        if source:
            os.environ.setdefault(BEGAN, str(time.time()))
            use.set_up(source)
        if command.environment:
            _enter_environment(name, rest, command.groups, source)
        return command.run(rest)
    except (environment.SetUpError, engine.EngineError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Deploy Machine Learning Models with AWS Lambda and ONNX",
        epilog="\n".join(f"  {name:9}{command.does}" for name, command in COMMANDS.items()))
    parser.add_argument("command", choices=COMMANDS)
    # Only the first word is ours: `test -x` is pytest's -x.
    name = parser.parse_args(arguments[:1]).command
    command, rest = COMMANDS[name], arguments[1:]
    if not command.explains and {"-h", "--help"} & set(rest):
        print(f"python3 -m workshop {name}: {command.does}")
        parser.exit()
    if rest and not command.arguments:
        parser.error(f"{name} takes no arguments")
    return name, rest


def _source(rest) -> tuple[str, list[str]]:
    """What `--from` names, "" without it, and the other arguments."""
    parser = argparse.ArgumentParser(prog="python3 -m workshop lab|run", add_help=False,
                                     allow_abbrev=False)
    parser.add_argument("--from", dest="source", metavar="FOLDER", default="")
    chosen, others = parser.parse_known_args(rest)
    return chosen.source, others


def _enter_environment(command, rest, groups, source=""):
    """Make the environment if need be, at least these groups, and go on in its Python."""
    os.environ.setdefault(BEGAN, str(time.time()))
    python = environment.prepare(offline.groups(groups))
    if source and offline.record():
        use.say_done()
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
    if offline.record() and engine.look().kind == engine.NOT_INSTALLED:
        return      # nothing is downloaded; the set-up said what to do
    try:
        engine.ensure()
    except engine.EngineError as error:
        print(f"Docker: {error}", flush=True)


def _use_packed_wheels():
    """Let this command's image builds have packages from the folder of the set-up, if there was
    one: the local cloud serves them. In a lesson its first cell does that."""
    from workshop import cloud
    if not offline.record() or not cloud.is_local():
        return
    try:
        cloud.use()
    except cloud.CloudError as error:
        print(f"local cloud: not started, so images cannot be built without a network ({error})",
              flush=True)


def _report_set_up() -> float:
    """Say how long set-up took; seconds."""
    seconds = time.time() - float(os.environ.pop(BEGAN))
    print(f"set-up: {seconds:.1f} s", flush=True)
    return seconds


def _lab(rest) -> int:
    from workshop.commands import lab
    from workshop.machine import groups
    _set_up_engine()
    _report_set_up()
    groups.start()
    return lab.main(rest)


def _places(rest) -> tuple[int, list[str]]:
    """N of `-j N`, by default as many as fit this machine, and the other arguments."""
    from workshop.commands import side_by_side
    parser = argparse.ArgumentParser(prog="python3 -m workshop run|test", add_help=False,
                                     allow_abbrev=False)
    parser.add_argument("-j", metavar="N", type=int)
    chosen, others = parser.parse_known_args(rest)
    if chosen.j is None:
        return side_by_side.places(), others
    if chosen.j < 1:
        parser.error("-j takes a number of processes, 1 for one by one")
    return chosen.j, others


def _run(rest) -> int:
    if "--on-aws" in rest:
        return _run_on_aws([one for one in rest if one != "--on-aws"])
    count, numbers = _places(rest)
    _set_up_engine()
    _report_set_up()
    from workshop.course import site
    status = _run_lessons(numbers, count)
    if status != 2 and (index := site.build(whole=False)):
        print(f"Pages: {index.relative_to(ROOT)}", flush=True)
    return status


def _run_lessons(numbers, count) -> int:
    """Side by side, or one by one on AWS, where all share one account, and where there is one."""
    from workshop.commands import side_by_side
    from workshop.course import lessons
    try:
        tasks = side_by_side.lesson_tasks(numbers or None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    count = 1 if os.environ.get("AWS_PROFILE") else min(count, len(tasks))
    return lessons.run(numbers) if count == 1 else side_by_side.run_all(tasks, count)


def _run_on_aws(rest) -> int:
    from workshop.commands import on_aws
    _set_up_engine()
    _report_set_up()
    return on_aws.main(rest)


def _test(rest) -> int:
    """Everything that pyproject.toml's testpaths name, or what the arguments select."""
    from workshop.commands import browser, selection, side_by_side
    count, rest = _places(rest)
    try:
        selected = selection.read(rest)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 4                            # pytest's exit status for wrong arguments
    _set_up_engine()
    browser.ensure()
    set_up = _report_set_up()
    began = time.time()
    tasks = side_by_side.test_tasks(chosen=selected.chosen, options=selected.options)
    count = min(count, len(tasks))
    if selected.whole and count > 1:
        print(f"test: {selected.whole} concerns the whole run: one by one", flush=True)
    if selected.whole or count == 1:
        # pytest gets a Ctrl-C too; it needs time to stop what its tests have started.
        status = engine.finish(subprocess.Popen(
            [sys.executable, "-m", "pytest", "--nbval-lax", *rest], cwd=ROOT))
    else:
        status = side_by_side.run_all(tasks, count, talkative=bool(selected.options))
    print(f"set-up: {set_up:.1f} s; tests: {time.time() - began:.0f} s", flush=True)
    return status


def _site(rest) -> int:
    from workshop.course import site
    return site.main(rest)


def _measure(rest) -> int:
    from workshop import measure
    _report_set_up()
    _use_packed_wheels()
    return measure.main(rest)


def _progress(rest) -> int:
    from workshop.course import progress
    return progress.main(rest)


def _level(rest) -> int:
    from workshop.commands import notebooks
    from workshop.course import lessons
    _set_up_engine()
    _report_set_up()
    notebooks.refresh()
    return lessons.level(rest)


def _reset(rest) -> int:
    from workshop.commands import notebooks
    return notebooks.reset(rest)


def _new(rest) -> int:
    from workshop.bring import folder
    return folder.main(rest)


def _check(rest) -> int:
    from workshop.bring import gate
    _set_up_engine()
    _use_packed_wheels()
    return gate.main(rest)


def _pack(rest) -> int:
    from workshop.pack import make
    return make.main(rest)


def _doctor(_) -> int:
    from workshop.commands import doctor
    return doctor.main()


def _status(_) -> int:
    from workshop.commands import status
    return status.main()


def _stop(_) -> int:
    from workshop.commands import clean
    return clean.stop()


def _clean(_) -> int:
    from workshop.commands import clean
    return clean.main()


def _render(rest) -> int:
    from workshop.course import render
    return render.main(rest)


def _renumber(rest) -> int:
    from workshop.course import renumber
    return renumber.main(rest)


def _pins(rest) -> int:
    from workshop.machine import pins
    return pins.main(rest)


def _newest(rest) -> int:
    from workshop.commands import newest
    return newest.main(rest)


COMMANDS = {
    "lab": Command("set up, then open JupyterLab on the first lesson; --from FOLDER: without a "
                   "network, from what `pack` made", _lab, environment=True,
                   groups=[requirements.FIRST], packed=True),
    "run": Command("execute the solved lessons (all, or those named: run 02 03) and keep their "
                   "pages; -j N: N at a time; --from FOLDER: see lab; --on-aws: in the account of "
                   "AWS_PROFILE (--account NUMBER: where nobody is there to type it)", _run,
                   environment=True, packed=True),
    "site": Command("make build/site/ from the lessons and what of them has been executed "
                    "(--complete: only if all are)", _site, environment=True, explains=True),
    "test": Command("set up, then run the test suite (-j N: N processes at a time; further "
                    "arguments go to pytest)", _test, environment=True),
    "level": Command("make what lesson NN needs, for somebody who missed the lessons before it "
                     "(level NN)", _level, environment=True),
    "reset": Command("give a fresh copy of lesson NN and keep yours beside it (reset NN)", _reset),
    "measure": Command("measure starts, requests, memory and size of images (measure -h says "
                       "more)", _measure, environment=True, explains=True),
    "progress": Command("say which exercises are done: yours, or those of a folder of learners' "
                        "notebooks", _progress, environment=True, groups=[requirements.FIRST],
                        explains=True),
    "new": Command("write the folder of a function for your own ONNX model (new -h says more)",
                   _new, environment=True, explains=True),
    "check": Command("the gate for such a folder: parity, refusals, size, permissions …; exit "
                     "status 1 where one fails", _check, environment=True, explains=True),
    "pack": Command("put all that laptops without a network need into a folder (pack FOLDER "
                    "[--light]; pack -h says more)", _pack, environment=True,
                    groups=[requirements.FIRST], explains=True),
    "doctor": Command("check this machine, name the last failure; each finding with its fix",
                      _doctor, arguments=False),
    "status": Command("say whether the local cloud runs, since when and with how much memory, and "
                      "how far the packages are", _status, arguments=False),
    "stop": Command("stop the local cloud and JupyterLab", _stop, arguments=False),
    "clean": Command("remove all that the workshop made, in the cloud and on this machine",
                     _clean, arguments=False),
    "render": Command("for authors: write the notebooks from solutions/*.py (--check: compare)",
                      _render, environment=True, explains=True),
    "renumber": Command("for authors: give lessons other numbers, everywhere (11=13 12=14 …)",
                        _renumber, environment=True, explains=True),
    "pins": Command("for authors: write environment.lock from environment.yml (--upgrade)", _pins),
    "newest": Command("for the weekly run: move the pins as far as environment.yml allows",
                      _newest),
}
