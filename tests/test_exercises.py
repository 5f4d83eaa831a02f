"""Every exercise: its wrong answers get their diagnosis, and the solution passes its check.

A lesson's author keeps wrong answers in exercises/NN.py: WRONG holds tuples of the exercise's
title, the code in place of the solution, and words that the learner must read.
"""
import re
import runpy
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from workshop import lessons, render
from workshop.paths import SOLUTIONS

HERE = Path(__file__).parent / "exercises"
LESSONS = {lesson.number: lesson for lesson in render.lessons()}


def wrong_answers(number):
    path = HERE / f"{number}.py"
    assert path.exists(), f"lesson {number} needs wrong answers to its exercises in {path}"
    return runpy.run_path(str(path))["WRONG"]


@pytest.mark.parametrize("number", LESSONS)
def test_every_exercise_has_at_least_two_wrong_answers(number):
    exercises = {cell.title for cell in LESSONS[number].cells if cell.is_exercise}
    given = Counter(exercise for exercise, _, _ in wrong_answers(number))
    assert given.keys() <= exercises, "wrong answers to exercises that do not exist"
    assert not [exercise for exercise in exercises if given[exercise] < 2]
    assert all(words.strip() for _, _, words in wrong_answers(number))


@pytest.mark.parametrize("number", LESSONS)
def test_wrong_answers_get_their_diagnosis_and_the_solution_passes(number):
    lesson, answers = LESSONS[number], wrong_answers(number)
    if reason := lessons.obstacle(lesson):
        pytest.skip(reason)
    with Kernel() as kernel:
        problems = list(faults(lesson.cells, answers, kernel))
    assert not problems, "\n\n".join(problems)


class Kernel:
    """A kernel in the folder of the solved lessons; `run` gives what went wrong, or None."""

    def __enter__(self):
        self.sockets = tempfile.TemporaryDirectory(prefix="exercises-")
        self.manager = KernelManager(transport="ipc", ip=f"{self.sockets.name}/kernel")
        self.manager.start_kernel(cwd=str(SOLUTIONS), env=lessons.environment())
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        return self

    def run(self, source):
        reply = self.client.execute_interactive(
            source, allow_stdin=False, output_hook=lambda message: None,
            timeout=lessons.CELL_TIMEOUT)["content"]
        return None if reply["status"] == "ok" else (reply["ename"], reply["evalue"])

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.sockets.cleanup()


def faults(cells, answers, kernel):
    """Runs a lesson up to its last check, then its `Clean up`; yields what is not as it must be."""
    cells = [cell for cell in cells if "aws" not in cell.tags]
    last = max(i for i, cell in enumerate(cells) if "check" in cell.tags)
    i = 0
    while i <= last:
        cell = cells[i]
        if cell.is_exercise:
            check = next(j for j in range(i, len(cells)) if "check" in cells[j].tags)
            between = [c.source for c in cells[i + 1:check] if c.kind == "code"]
            yield from exercise_faults(cell, between, cells[check], answers, kernel)
            i = check
        elif cell.kind == "code":
            if error := kernel.run(cell.source):
                yield f"line {cell.line}: the cell raised {': '.join(error)}"
                break                   # what follows rests on it
        i += 1
    for cell in after_heading(cells[last:], "Clean up"):
        kernel.run(cell.source)


def exercise_faults(exercise, between, check, answers, kernel):
    for title, code, words in answers:
        if title != exercise.title:
            continue
        answer = f"{title}, with the answer\n{code}\n"
        for source in [render.replace_solution(exercise.source, code), *between]:
            if error := kernel.run(source):
                yield f"{answer}a cell before the check raised {': '.join(error)}"
        match kernel.run(check.source):
            case None:
                yield f"{answer}the check passed; it should say: {words}"
            case ("AssertionError", said) if words in said:
                pass
            case (name, said):
                yield f"{answer}the check should say: {words}\nit said: {name}: {said}"
    for source in [render.replace_solution(exercise.source, None), *between, check.source]:
        if error := kernel.run(source):
            yield f"{exercise.title}: the solution itself fails: {': '.join(error)}"


def after_heading(cells, words):
    """The code cells under a heading with these words."""
    inside = False
    for cell in cells:
        if cell.kind == "markdown" and (heading := re.search(r"^#+ (.*)", cell.source, re.M)):
            inside = words in heading[1]
        elif cell.kind == "code" and inside:
            yield cell


# --- the harness itself ------------------------------------------------------------------------

CELLS = [
    render.Cell("code", "given = 2", "", (), 1),
    render.Cell("code", "def double(x):\n    # BEGIN SOLUTION\n    return 2 * x\n"
                        "    # END SOLUTION", "Exercise 1", (), 2),
    render.Cell("code", 'assert double(given) is not None, "is it open?"\n'
                        'assert double(given) == 4, "not twice"', "Check 1", ("check",), 3),
    render.Cell("code", "1 / 0", "", (), 4)]


def test_a_right_diagnosis_and_a_right_solution_are_no_fault():
    with Kernel() as kernel:
        answers = [("Exercise 1", "...", "open?"), ("Exercise 1", "return x", "twice")]
        assert list(faults(CELLS, answers, kernel)) == []


def test_a_check_that_passes_or_says_something_else_or_a_broken_cell_is_a_fault():
    with Kernel() as kernel:
        found = list(faults(CELLS, [("Exercise 1", "return 4", "twice"),
                                    ("Exercise 1", "return x", "another thing"),
                                    ("Exercise 1", "return y", "twice")], kernel))
        assert len(found) == 3
        assert "passed" in found[0]
        assert "it said: AssertionError: not twice" in found[1]
        assert "it said: NameError" in found[2]
        broken = [render.Cell("code", "given = nowhere", "", (), 1), *CELLS[1:]]
        assert "NameError" in "".join(faults(broken, [], kernel))
