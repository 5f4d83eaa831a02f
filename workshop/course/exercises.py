"""Answers to a lesson's exercises other than its solution, and whether its checks judge them right.

`tests/exercises/NN.py` holds RIGHT, tuples of the exercise's title and code in place of the
solution that the text allows too; and WRONG, tuples with a third part, words that the learner must
read.
"""
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

from workshop.course import render
from workshop.machine.paths import ROOT

# What a run says at its end.
JUDGED = "exercises: {right} other right answers accepted, {wrong} wrong ones diagnosed"

Answer = tuple[str, str] | tuple[str, str, str]      # title, code; words of the diagnosis
# Executes code and gives (exception's name, its message), or None when there was no exception.
Run = Callable[[str], tuple[str, str] | None]


def answers(number: str, root: Path = ROOT) -> list[Answer]:
    """The wrong and the right answers to the exercises of a lesson. Raises FileNotFoundError."""
    path = root / "tests" / "exercises" / f"{number}.py"
    if not path.exists():
        raise FileNotFoundError(f"lesson {number} needs answers to its exercises in {path}")
    found = runpy.run_path(str(path))
    # The wrong ones first: what a right one does in a cloud stays done, as after a solution.
    return [*found["WRONG"], *found["RIGHT"]]


def faults(cells: list[render.Cell], index: int, answers: list[Answer], run: Run) -> Iterator[str]:
    """Gives the exercise `cells[index]` each of its answers, with all up to its check.

    Yields what is not as it must be: a check that refuses a right answer, that passes a wrong one
    or says something else, or a cell before the check that does not bear an answer.
    """
    exercise = cells[index]
    check = next(i for i in range(index, len(cells)) if "check" in cells[i].tags)
    between = [cell.source for cell in cells[index + 1:check]
               if cell.kind == "code" and "aws" not in cell.tags]
    for title, code, *words in answers:
        if title != exercise.title:
            continue
        answer = f"{title}, with the answer\n{code}\n"
        for source in [render.replace_solution(exercise.source, code), *between]:
            if error := run(source):
                yield f"{answer}a cell before the check raised {': '.join(error)}"
        if fault := _misjudged(run(cells[check].source), *words):
            yield answer + fault


def _misjudged(error: tuple[str, str] | None, words: str = "") -> str:
    """What is wrong with a check's judgement, "" if nothing; without words, the answer is right."""
    match error:
        case None:
            return words and f"the check passed; it should say: {words}"
        case ("AssertionError", message) if words and words in message:
            return ""
        case (name, message):
            should = f"the check should say: {words}" if words else "this is right"
            return f"{should}\nit said: {name}: {message}"
