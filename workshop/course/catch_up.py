"""After a kernel restart in the middle of a lesson: one call, and the notebook is there again."""
import re
from pathlib import Path

from workshop.course import render
from workshop.course.lessons import LessonRunError, choose
from workshop.machine import progress
from workshop.machine.paths import ROOT


def catch_up(number: str, upto: str, root: Path = ROOT) -> None:
    """Execute, in this notebook, the solved cells of a lesson above a heading, without output.

    number: the lesson's, as "06". upto: how the heading begins, as "Exercise 2".

    Every cell above it is executed, from the first, because many change the cloud: a name such as
    `api_id` is worth something only with the API that its cell made. A lesson's first cells remove
    what an earlier run has left, so nothing is made twice.

    Raises ValueError for a lesson or a heading that does not exist, RuntimeError outside a
    notebook, LessonRunError when a cell fails.
    """
    from IPython import get_ipython
    from IPython.utils.capture import capture_output
    [lesson] = choose([number], root)
    cells = above(lesson, upto)
    if (shell := get_ipython()) is None:
        raise RuntimeError("catch_up belongs in a notebook's cell: it gives names to that notebook")
    with progress.Line(f"Lesson {lesson.number}, up to “{upto}”") as line:
        for count, cell in enumerate(cells, 1):
            line.say(f"cell {count} of {len(cells)}")
            with capture_output():
                done = shell.run_cell(render.replace_solution(cell.source, None),
                                      store_history=False)
            if error := done.error_before_exec or done.error_in_exec:
                raise LessonRunError(f"The cell at {lesson.path.name}:{cell.line} failed: "
                                     f"{type(error).__name__}: {error}") from error
    print(f"{len(cells)} cells executed, with the solutions of the exercises among them.")


def above(lesson: render.Lesson, upto: str) -> list[render.Cell]:
    """The lesson's code cells above the heading that begins so. Raises ValueError."""
    headings = []
    for place, cell in enumerate(lesson.cells):
        if cell.kind == "markdown":
            found = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            if any(heading.startswith(upto) for heading in found):
                return [one for one in lesson.cells[:place] if one.kind == "code"]
            headings += found
    raise ValueError(f"Lesson {lesson.number} has no heading that begins with {upto!r}; it has: "
                     f"{'; '.join(headings)}")
