"""Every exercise has wrong and right answers; their checks are tested where the notebooks run."""
import traceback
from collections import Counter

import pytest

from workshop.course import exercises, render

LESSONS = {lesson.number: lesson for lesson in render.lessons()}


@pytest.mark.parametrize("number", LESSONS)
def test_every_exercise_has_at_least_two_wrong_answers(number):
    titles = {cell.title for cell in LESSONS[number].cells if cell.is_exercise}
    wrong = [one for one in exercises.answers(number) if len(one) == 3]
    given = Counter(title for title, _, _ in wrong)
    assert given.keys() <= titles, "wrong answers to exercises that do not exist"
    assert not [title for title in titles if given[title] < 2]
    assert all(words.strip() for _, _, words in wrong)


@pytest.mark.parametrize("number", LESSONS)
def test_every_exercise_has_at_least_three_other_right_answers(number):
    titles = {cell.title for cell in LESSONS[number].cells if cell.is_exercise}
    right = Counter(one[0] for one in exercises.answers(number) if len(one) == 2)
    assert right.keys() <= titles, "answers to exercises that do not exist"
    assert not [title for title in titles if right[title] < 3]


CELLS = [
    render.Cell("code", "def double(x):\n    # BEGIN SOLUTION\n    return 2 * x\n"
                        "    # END SOLUTION", "Exercise 1", (), 1),
    render.Cell("markdown", "Words between.", "", (), 2),
    render.Cell("code", "result = double(2)", "", (), 3),
    render.Cell("code", "1 / 0", "", ("aws",), 4),
    render.Cell("code", 'assert result is not None, "is it open?"\n'
                        'assert result == 4, "not twice"', "Check 1", ("check",), 5)]


def faults(*answers):
    """What is wrong with these (code, words)."""
    names = {}

    def run(code):
        try:
            exec(code, names)
        except Exception as error:
            return type(error).__name__, traceback.format_exception_only(error)[-1]
    return list(exercises.faults(CELLS, 0, [("Exercise 1", *one) for one in answers], run))


def test_a_wrong_answer_with_the_right_diagnosis_is_no_fault():
    assert faults(("...", "open?"), ("return x", "twice")) == []


def test_a_right_answer_in_another_form_is_no_fault():
    assert faults(("return x + x",), ("return sum([x, x])",)) == []


def test_a_check_that_refuses_a_right_answer_is_a_fault():
    [fault] = faults(("return 2.5 * x",))
    assert "this is right\nit said: AssertionError: AssertionError: not twice" in fault


@pytest.mark.parametrize("code, words, fault", [
    ("return 4", "twice", "the check passed; it should say: twice"),
    ("return x", "another thing", "it said: AssertionError: AssertionError: not twice"),
    ("return y", "twice", "a cell before the check raised NameError")])
def test_a_check_that_passes_or_says_something_else_is_a_fault(code, words, fault):
    assert fault in "".join(faults((code, words)))


def test_answers_to_other_exercises_are_not_given():
    assert list(exercises.faults(CELLS, 0, [("Exercise 2", "return 4", "twice")], print)) == []


def test_a_lesson_without_answers_is_told_where_they_belong(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"exercises.90\.py"):
        exercises.answers("90", tmp_path)
