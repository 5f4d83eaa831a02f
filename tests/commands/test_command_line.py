"""`python3 -m workshop`: its commands, its refusals and its exit status."""
import ast
import os
import re
import socket
import subprocess
import sys

import pytest

from workshop.commands import command_line
from workshop.machine import engine, environment
from workshop.machine.paths import ROOT
from workshop.machine.python_version import check_python


def workshop(*arguments, python=(sys.executable,), environment=()):
    return subprocess.run([*python, "-m", "workshop", *arguments], cwd=ROOT, text=True,
                          capture_output=True, timeout=300,
                          env={**os.environ, **dict(environment)})


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 7), (3, 13, 9)])
def test_these_pythons_are_served(version):
    assert check_python(version) is None


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 9, 6), (3, 14, 0)])
def test_other_pythons_are_refused_with_a_way_out(version):
    refusal = check_python(version)
    assert f"this is Python 3.{version[1]};" in refusal
    assert "https://www.python.org/downloads/" in refusal and "conda env create" in refusal


def test_a_fitting_python_beside_the_wrong_one_is_named():
    refusal = check_python((3, 14, 0), lambda name: name == "python3.12")
    assert "Type this instead: python3.12 -m workshop" in refusal


@pytest.mark.parametrize("module", ["__main__", "__init__"])
def test_an_old_python_can_read_far_enough_to_refuse(module):
    ast.parse((ROOT / f"workshop/{module}.py").read_text(), feature_version=(3, 6))


def test_nothing_but_the_standard_library_is_needed_to_begin():
    """-S: no site-packages, as in a fresh clone."""
    base = getattr(sys, "_base_executable", sys.executable)
    imports = "from workshop.commands import browser, clean, command_line, doctor, lab"
    answer = subprocess.run([base, "-S", "-c", imports], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    answer = workshop("doctor", python=(base, "-S"))
    assert answer.stderr == "" and "Python 3." in answer.stdout


def test_help_names_every_command():
    answer = workshop("--help")
    assert answer.returncode == 0
    for command in command_line.COMMANDS:
        assert f"\n  {command} " in answer.stdout


@pytest.mark.parametrize("command", command_line.COMMANDS)
@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_every_command_says_what_it_does(command, asked):
    answer = workshop(command, asked)
    assert answer.returncode == 0 and command in answer.stdout and answer.stderr == "", answer


@pytest.mark.parametrize("command", [name for name, command in command_line.COMMANDS.items()
                                     if not command.does.startswith("for ")])
def test_the_readme_has_a_row_for_each_command_but_those_for_authors(command):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{command}\b", readme, re.MULTILINE)


@pytest.mark.parametrize("arguments", [(), ("lessons",), ("clean", "all"), ("doctor", "-v")])
def test_what_is_no_command_is_refused_with_the_usage(arguments):
    answer = workshop(*arguments)
    assert answer.returncode == 2 and "usage: python3 -m workshop" in answer.stderr


@pytest.mark.parametrize("body, status", [("assert True", 0), ("assert False", 1)])
def test_test_passes_arguments_and_exit_status_on_and_reports_times(tmp_path, body, status):
    file = tmp_path / "test_one.py"
    file.write_text(f"def test_one():\n    {body}\n")
    answer = workshop("test", "-q", "-p", "no:cacheprovider", str(file))
    assert answer.returncode == status, answer.stdout + answer.stderr
    last = answer.stdout.splitlines()[-1]
    assert last.startswith("set-up: ") and "; tests: " in last


@pytest.mark.parametrize("arguments, status, words", [
    (("test", "-j", "2", "--none"), 4, "unrecognized arguments: --none"),
    (("run", "-j", "2", "77"), 2, "There is no lesson 77"),
    (("run", "-j", "0"), 2, "-j takes a number of processes"),
    (("run", "-j", "many"), 2, "argument -j: invalid int value: 'many'")])
def test_what_cannot_run_side_by_side_is_refused(arguments, status, words):
    answer = workshop(*arguments)
    assert answer.returncode == status and words in answer.stderr


@pytest.mark.parametrize("body, status", [("assert True", 0), ("assert False, 'why'", 1)])
def test_test_runs_files_side_by_side_and_hands_each_pytest_its_options(tmp_path, body, status):
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(
            f"def test_this():\n    {body}\n\n\ndef test_other():\n    pass\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    answer = workshop("test", "-j", "2", "-k", "this", str(tmp_path / "test_a.py"),
                      str(tmp_path / "test_b.py"), environment={"WORKSHOP_PORT": port})
    assert answer.returncode == status, answer.stdout + answer.stderr
    *_, closing, times = answer.stdout.splitlines()
    assert f"2 deselected, 2 {'failed' if status else 'passed'}" in closing
    assert times.startswith("set-up: ") and "; tests: " in times
    assert ("why" in answer.stdout) == bool(status)


def test_a_lesson_that_does_not_exist_is_refused():
    answer = workshop("run", "99")
    assert answer.returncode == 2 and "There is no lesson 99" in answer.stderr


@pytest.mark.parametrize("error", [environment.SetUpError("no disk"),
                                   engine.EngineError("no engine")])
def test_an_error_for_people_has_no_traceback(monkeypatch, capsys, error):
    def fail(*_):
        raise error
    monkeypatch.setattr(command_line, "_enter_environment", fail)
    assert command_line.main(["run"]) == 1
    assert capsys.readouterr().err == f"run: {error}\n"


def test_ctrl_c_ends_with_130_and_says_that_the_command_can_be_repeated(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(command_line, "_enter_environment", interrupt)
    assert command_line.main(["test"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_ci_runs_the_test_command_and_nothing_else():
    script = ROOT / ".ci/run"
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash" and lines[-1] == "python3 -m workshop test"
    assert len(lines) == 4 and os.access(script, os.X_OK)


def test_level_makes_the_learners_copies_and_then_what_the_lesson_needs(monkeypatch):
    from workshop.commands import notebooks
    from workshop.course import lessons
    done = []
    monkeypatch.setattr(command_line, "_set_up_engine", lambda: done.append("engine"))
    monkeypatch.setattr(command_line, "_report_set_up", lambda: 0.0)
    monkeypatch.setattr(notebooks, "refresh", lambda: done.append("copies"))
    monkeypatch.setattr(lessons, "level", lambda rest: done.append(rest) or 0)
    assert command_line.COMMANDS["level"].run(["06"]) == 0
    assert done == ["engine", "copies", ["06"]]
