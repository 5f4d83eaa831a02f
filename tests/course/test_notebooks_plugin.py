"""Notebooks under pytest: which cells run, and what a fault in one looks like."""
import nbformat
import pytest

from tiny_lessons import write_lesson
from workshop.course import exercises, pytest_plugin, render
from workshop.machine import engine
from workshop.machine.paths import ROOT
from workshop.measure import runs

pytest_plugins = ["pytester"]


@pytest.fixture
def folder(pytester):
    """A folder of the test's own, with a notebook of four cells whose third fails."""
    cells = [("x = 1", []), ("raise OSError('left open')", ["raises-exception"]),
             ("assert x == 2, 'x is one'", []), ("y = x", [])]
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {
        "display_name": "Python 3", "language": "python", "name": "python3"}})
    book.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags})
                  for source, tags in cells]
    nbformat.write(book, pytester.path / "90_fails.ipynb")
    copies = pytester.mkdir(".ipynb_checkpoints")
    nbformat.write(book, copies / "90_fails-checkpoint.ipynb")
    return pytester


def test_the_first_fault_is_told_and_the_cells_after_it_are_skipped(folder):
    result = folder.runpytest_subprocess("-p", "workshop.course.pytest_plugin", "--nbval-lax",
                                         "-rs")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*x is one*", "SKIPPED*an earlier cell of this notebook failed*"])
    assert "checkpoint" not in result.stdout.str()


def test_the_projects_own_runs_use_the_plugin():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "-p workshop.course.pytest_plugin" in project


@pytest.mark.parametrize("answers", [True, False])
def test_notebooks_that_need_docker_are_skipped_only_without_it(monkeypatch, answers):
    monkeypatch.setattr(engine, "available", lambda: answers)
    pytest_plugin._obstacle.cache_clear()
    found = {lesson.name: pytest_plugin._obstacle(lesson.name) for lesson in render.lessons()}
    pytest_plugin._obstacle.cache_clear()
    for lesson in render.lessons():
        reason = found[lesson.name]
        assert bool(reason) == ("docker" in lesson.needs and not answers)
        assert not reason or "needs Docker" in reason


@pytest.fixture
def lesson(pytester):
    """`lesson(answer)` runs a lesson's notebook whose exercise has this wrong answer."""
    source = write_lesson(pytester.path, "90_make_it")
    render.write(pytester.path)
    answers = pytester.path / "tests" / "exercises" / "90.py"
    answers.parent.mkdir(parents=True)

    def run(folder, answer):
        answers.write_text(
            f"WRONG = [('Exercise 1', {answer!r}, 'add one')]\nRIGHT = []\n")
        return pytester.runpytest_subprocess(
            "-p", "workshop.course.pytest_plugin", "--nbval-lax",
            pytester.path / folder / f"{source.stem}.ipynb")
    return run


def test_a_solved_lesson_passes_when_its_wrong_answers_get_their_diagnosis(lesson):
    result = lesson("solutions", "return x")
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines([exercises.JUDGED.format(right=0, wrong=1)])


def test_a_wrong_answer_that_passes_the_check_fails_the_exercise(lesson):
    result = lesson("solutions", "return x + 1")
    result.assert_outcomes(passed=2, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["*the check passed; it should say: add one*"])


def test_a_learners_copy_is_run_as_it_is(lesson):
    lesson("notebooks", "return x + 1").assert_outcomes(passed=3, skipped=1)


def test_a_learners_copy_measures_a_few_times_only(pytester):
    look = f"import os; assert os.environ.get({runs.AT_MOST!r}) == "
    few = pytest_plugin.FEW[runs.AT_MOST]
    for name, source in (("copy", repr(few)), ("90_solved", "None"), ("third", repr(few))):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(look + source)])
        nbformat.write(book, pytester.path / f"{name}.ipynb")
    write_lesson(pytester.path, "90_make_it").rename(pytester.path / "90_solved.py")
    result = pytester.runpytest_subprocess("-p", "workshop.course.pytest_plugin", "--nbval-lax")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("most, starts", [(None, 30), ("2", 2), ("40", 30)])
def test_measure_starts_no_more_often_than_it_may(monkeypatch, most, starts):
    monkeypatch.delenv(runs.AT_MOST, raising=False)
    if most:
        monkeypatch.setenv(runs.AT_MOST, most)
    assert runs._at_most(30) == starts
