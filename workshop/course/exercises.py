"""Wrong answers to a lesson's exercises, and whether the learner who gives one is told why.

`tests/exercises/NN.py` holds WRONG: tuples of the exercise's title, the code in place of the
solution, and words that the learner must read.
"""
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

from workshop.course import render
from workshop.machine.paths import ROOT

Answer = tuple[str, str, str]
# Executes code and gives (exception's name, its message), or None when there was no exception.
Run = Callable[[str], tuple[str, str] | None]


def wrong_answers(number: str, root: Path = ROOT) -> list[Answer]:
    """The wrong answers to the exercises of a lesson. Raises FileNotFoundError."""
    path = root / "tests" / "exercises" / f"{number}.py"
    if not path.exists():
        raise FileNotFoundError(f"lesson {number} needs wrong answers to its exercises in {path}")
    return runpy.run_path(str(path))["WRONG"]


def faults(cells: list[render.Cell], index: int, answers: list[Answer], run: Run) -> Iterator[str]:
    """Gives the exercise `cells[index]` each of its wrong answers, with all up to its check.

    Yields what is not as it must be: a check that passes, or that says something else, or a cell
    before the check that does not bear a wrong answer.
    """
    exercise = cells[index]
    check = next(i for i in range(index, len(cells)) if "check" in cells[i].tags)
    between = [cell.source for cell in cells[index + 1:check]
               if cell.kind == "code" and "aws" not in cell.tags]
    for title, code, words in answers:
        if title != exercise.title:
            continue
        answer = f"{title}, with the answer\n{code}\n"
        for source in [render.replace_solution(exercise.source, code), *between]:
            if error := run(source):
                yield f"{answer}a cell before the check raised {': '.join(error)}"
        match run(cells[check].source):
            case None:
                yield f"{answer}the check passed; it should say: {words}"
            case ("AssertionError", said) if words in said:
                pass
            case (name, said):
                yield f"{answer}the check should say: {words}\nit said: {name}: {said}"
