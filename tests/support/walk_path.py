"""Walks a path of TEACHING.md as an instructor does: `walk_path.py "three hours" [block …]`.

    .venv/bin/python tests/support/walk_path.py "three hours" home      # what is done at home
    .venv/bin/python tests/support/walk_path.py "three hours" 1 2       # the first two blocks
    .venv/bin/python tests/support/walk_path.py "three hours"           # all of it
    … --late "three hours" 3        without the parts that may be left out

Each lesson of a day has a kernel of its own, as an open notebook has. In it run the call of
`catch_up` that TEACHING.md names, and then the cells of the block's sections in order; what the
table does not name is not run. Exercises that the table names are solved, others stay open. It
prints how many minutes the cells took beside the minutes that are planned, and ends with 1 at the
first cell that fails.
"""
import argparse
import ast
import builtins
import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from workshop.course import catch_up, lessons, paths, prose, render  # noqa: E402

CELL = 600              # seconds for one cell, as in lessons.run
HOME = "home"


class Visit(NamedTuple):
    """What a block does in one lesson: the heading to prepare up to ("": none), and the cells."""

    lesson: render.Lesson
    prepared: str
    cells: list[render.Cell]
    solved: set[int]            # numbers of the exercises that are done


class WalkError(RuntimeError):
    """A cell failed, or took too long; the message names the lesson and the line."""


# --- from the path to cells --------------------------------------------------------------------

def visits(block: paths.Block, every: list[render.Lesson], late: bool = False,
           opened: set[str] = frozenset()) -> list[Visit]:
    """The lessons of a block, in order, with the cells that run there. Raises PathError.

    late: without what may be left out. opened: numbers of the lessons whose notebook is open
    already, so that their first cells have run.
    """
    parts = {}
    for part in block.parts:
        if part.must or not late:
            parts.setdefault(paths.find(part, every).number, []).append(part)
    return [_visit(paths.find(parts_[0], every), parts_, number in opened)
            for number, parts_ in parts.items()]


def _visit(lesson: render.Lesson, parts: list[paths.Part], opened: bool) -> Visit:
    if not parts[0].sections:
        return Visit(lesson, "", _code(lesson.cells), {
            number for number, _, _ in prose.exercises(lesson.cells)})
    prepared = next((part.prepared for part in parts if part.prepared), "")
    above = {id(cell) for cell in catch_up.above(lesson, prepared)} if prepared else set()
    named = set() if opened or prepared else {""}       # "": the cells above the first heading
    exercises = {number for part in parts for number in part.exercises}
    headings = [*paths.sections(lesson)]
    for part in parts:
        places = [headings.index(one) for one in part.sections]
        named |= {*headings[min(places):max(places) + 1]} if part.between else {*part.sections}
    named |= {one for one in headings
              if any(one.startswith(f"Exercise {number}:") for number in exercises)}
    cells = [cell for heading, found in paths.sections(lesson).items() if heading in named
             for cell in _code(found) if id(cell) not in above]
    return Visit(lesson, prepared, cells, exercises)


def _code(cells) -> list[render.Cell]:
    return [cell for cell in cells if cell.kind == "code"]


# --- names: what can be seen without running anything ------------------------------------------

def unknown(visit: Visit, before: list[render.Cell] = ()) -> list[str]:
    """Names that a visit's cells use and that no cell before them makes, as `NAME (file:line)`.

    before: cells of the lesson that ran in the same kernel earlier.
    """
    known = {*dir(builtins), "__file__", "get_ipython", "In", "Out", "_", "display"}
    done = [*before]
    if visit.prepared:
        done += catch_up.above(visit.lesson, visit.prepared)
    for cell in done:
        known |= _names(cell)[0]
    found = []
    for cell in visit.cells:
        made, used = _names(cell)
        known |= made
        found += [f"{name} ({visit.lesson.path.name}:{cell.line})" for name in sorted(used - known)]
    return found


def _names(cell: render.Cell) -> tuple[set[str], set[str]]:
    """The names that a cell makes in the notebook, and those that it reads from it.

    A name that is local to a function or a comprehension counts as made: too few names are
    reported, never too many.
    """
    from IPython.core.inputtransformer2 import TransformerManager
    tree = ast.parse(TransformerManager().transform_cell(cell.source))
    made, used = set(), set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name):
                made.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                made.add(name)
            case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                made.add(name)
            case ast.alias(name=name, asname=other):
                made.add(other or name.split(".")[0])
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                made.add(name)
    return made, used


# --- running -----------------------------------------------------------------------------------

class Notebook:
    """An open notebook: a kernel that keeps its names until the day is over."""

    def __init__(self, lesson: render.Lesson, stack: contextlib.ExitStack):
        import nbformat
        from nbclient import NotebookClient
        self.lesson, self.new = lesson, nbformat.v4.new_code_cell
        self.book = nbformat.v4.new_notebook()
        self.client = NotebookClient(self.book, timeout=CELL, kernel_name="python3",
                                     resources={"metadata": {"path": str(ROOT / "solutions")}})
        sockets = stack.enter_context(tempfile.TemporaryDirectory(prefix="walk-"))
        self.client.create_kernel_manager()
        self.client.km.transport, self.client.km.ip = "ipc", f"{sockets}/kernel"
        stack.enter_context(self.client.setup_kernel(env=lessons.environment()))

    def run(self, source: str, where: str, may_fail: bool = False) -> float:
        """Seconds that a cell took. Raises WalkError."""
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
        began = time.monotonic()
        self.book.cells.append(self.new(
            source, metadata={"tags": ["raises-exception"] if may_fail else []}))
        try:
            self.client.execute_cell(self.book.cells[-1], len(self.book.cells) - 1)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise WalkError(f"Lesson {self.lesson.number}, “{self.lesson.title}”: {where} failed:"
                            f"\n\n{lessons.ANSI.sub('', str(error))}") from None
        return time.monotonic() - began


def walk(visit: Visit, book: Notebook) -> list[tuple[float, str]]:
    """Run a visit's cells; (seconds, where) of each. Raises WalkError."""
    times = []
    for cell in visit.cells:
        where = f"the cell at {visit.lesson.path.name}:{cell.line}"
        number = cell.title.rpartition(" ")[2]
        is_open = (cell.is_exercise or "check" in cell.tags) and int(number) not in visit.solved
        times.append((book.run(render.replace_solution(cell.source,
                                                       render.OPEN if is_open else None),
                               where, may_fail=is_open), where))
    return times


def prepare(visit: Visit, book: Notebook) -> float:
    """Run what TEACHING.md says to run before the block; its seconds. Raises WalkError."""
    return book.run(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
                    + paths.call(visit.lesson, visit.prepared), f"catch_up({visit.prepared!r})")


def walk_day(day: paths.Day, every, wanted: set[int] | None, late: bool, first: int) -> None:
    """Walk the blocks of a day whose numbers are wanted; `first` is its first block's number."""
    with contextlib.ExitStack() as stack:
        books = {}
        for number, block in enumerate(day.blocks, first):
            if wanted and number not in wanted:
                continue
            times, prepared = [], 0.0
            for visit in visits(block, every, late, {*books}):
                name = visit.lesson.number
                if name not in books:
                    books[name] = Notebook(visit.lesson, stack)
                if visit.prepared:
                    prepared += prepare(visit, books[name])
                times += walk(visit, books[name])
            _report(number, block, every, times, prepared)


def _report(number: int, block: paths.Block, every, times, prepared: float) -> None:
    total, planned = sum(one for one, _ in times), paths.length(block, every)
    longest, where = max(times, default=(0, "none"))
    print(f"{number}. {block.title}: {len(times)} cells ran in {total / 60:.1f} of {planned} "
          f"minutes; the longest, {where}, {longest:.0f} s"
          + (f"; prepared before in {prepared / 60:.1f} min" if prepared else ""), flush=True)
    if total / 60 > planned:
        raise WalkError(f"Block {number}, “{block.title}”: its cells take longer than its "
                        f"{planned} minutes.")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", choices=[one.name for one in paths.PATHS])
    parser.add_argument("blocks", nargs="*", help=f"numbers from 1, or {HOME}; default: all")
    parser.add_argument("--late", action="store_true", help="without what may be left out")
    asked = parser.parse_args(arguments)
    path = next(one for one in paths.PATHS if one.name == asked.path)
    every = render.lessons()
    if HOME in asked.blocks or not asked.blocks:
        numbers = [paths.find(part, every).number for part in path.home]
        if status := lessons.run(numbers):
            return status
    wanted, first = {int(one) for one in asked.blocks if one != HOME}, 1
    try:
        for day in path.days:
            if wanted or not asked.blocks:
                walk_day(day, every, wanted, asked.late, first)
            first += len(day.blocks)
    except (WalkError, paths.PathError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
