"""How pytest runs the notebooks: pyproject.toml loads this beside nbval.

A solved notebook has its source beside it. There, each exercise first gets other right answers and
wrong ones, in the notebook's own kernel: a lesson need not be executed a third time to see that its
checks accept what the text allows, and tell a learner what is wrong.

A learner's copy is executed to see that it reaches the bottom with its exercises open. Nobody looks
at its figures, so what it measures, it measures a few times only.
"""
import os
from collections import Counter
from functools import cache

import pytest

from workshop.course import exercises, lessons, render
from workshop.machine.paths import ROOT

FEW = {"WORKSHOP_STARTS": "2"}    # what workshop.measure reads, for a learner's copy
# What a notebook finds; tests/conftest.py sets its own.
OWN = {name: os.environ.get(name) for name in ("WORKSHOP_OWNER", "WORKSHOP_USER")}
_failed = set()                   # notebooks with a failed cell
_judged = Counter()               # other answers to exercises, right and wrong


def pytest_configure(config):
    os.environ["PATH"] = lessons.environment()["PATH"]


_lesson = cache(render.parse)     # asked for every cell of a notebook


@cache
def _obstacle(name: str) -> str | None:
    """Why the lesson of a notebook cannot run on this machine, or None."""
    source = ROOT / "solutions" / f"{name}.py"
    return lessons.obstacle(_lesson(source)) if source.exists() else None


def _is_notebook_cell(item) -> bool:
    return item.path.suffix == ".ipynb"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for name, value in FEW.items():                 # before the notebook's kernel starts
        os.environ.pop(name, None)
        if _is_notebook_cell(item) and not item.path.with_suffix(".py").exists():
            os.environ[name] = value
    if not _is_notebook_cell(item):
        return
    for name, value in OWN.items():
        os.environ.pop(name, None)
        if value:
            os.environ[name] = value
    if reason := _obstacle(item.path.stem):
        pytest.skip(reason)
    if item.options["skip"]:
        pytest.skip("a cell for AWS only")
    if item.path in _failed:
        pytest.skip("an earlier cell of this notebook failed: that failure is the one to read")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    """The other answers to an exercise, before its solution."""
    source = item.path.with_suffix(".py")
    if not _is_notebook_cell(item) or not source.exists():
        return
    lesson = _lesson(source)
    places = [i for i, cell in enumerate(lesson.cells) if cell.kind == "code"]
    index = places[item.cell_num]
    if not lesson.cells[index].is_exercise:
        return
    answers = exercises.answers(lesson.number, source.parent.parent)

    def run(code):
        reply = item.parent.kernel.kc.execute_interactive(
            code, allow_stdin=False, output_hook=lambda message: None,
            timeout=lessons.CELL_TIMEOUT)["content"]
        return None if reply["status"] == "ok" else (reply["ename"], reply["evalue"])

    found = list(exercises.faults(lesson.cells, index, answers, run))
    assert not found, "\n\n".join(found)
    _judged.update("wrong" if words else "right" for title, _, *words in answers
                   if title == lesson.cells[index].title)


def pytest_terminal_summary(terminalreporter):
    if _judged:
        terminalreporter.write_line(exercises.JUDGED.format_map(_judged))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and _is_notebook_cell(item):
        _failed.add(item.path)
    return report
