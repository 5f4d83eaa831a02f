"""Who has done which exercise, from saved notebooks: `python3 -m workshop progress [FOLDER …]`.

A check that passes prints a line, and Jupyter saves it in the notebook. So a notebook is its own
record: an executed check without an error is a solved exercise. Nothing is sent anywhere. Nothing
prevents a learner from writing such an output by hand: this shows where a class is, it is no exam.

Without FOLDER it reads your own notebooks. A FOLDER is a learner's folder with notebooks, a
learner's clone, or a folder with one such folder for each learner.
"""
import argparse
import csv
import html
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from workshop.course import prose, render
from workshop.machine.paths import MINE, ROOT

DONE, NOT_YET, OPEN = "done", "not yet", "open"
MARKS = {DONE: "✓", NOT_YET: "✗", OPEN: "·"}
MEANING = {DONE: "the check passed", NOT_YET: "the check ran and failed",
           OPEN: "the check has not run"}
EDITED = "the check was edited"
ANOTHER = "from another version of the lesson"
# Folders of a clone whose notebooks are no learner's work.
NOBODYS = {"build", "solutions"}
TAMPERING = ("This comes from the saved outputs alone. Nothing prevents somebody from writing "
             "an output by hand.")


class Exercise(NamedTuple):
    """An exercise of a lesson; `minutes` is the time that its heading gives."""

    lesson: render.Lesson
    number: int
    title: str
    minutes: int

    @property
    def label(self) -> str:
        return f"Lesson {self.lesson.number}, exercise {self.number}: {self.title}"


class Record(NamedTuple):
    """What a saved check says: a state, a remark ("" for none) and the notebook it is from."""

    state: str
    remark: str = ""
    path: Path | None = None


class Learner(NamedTuple):
    """A learner's records, and a sentence for each notebook that could not be read."""

    name: str
    records: dict[tuple[str, int], Record]      # by the lesson's name and the exercise's number
    problems: list[str]

    def record(self, exercise: Exercise) -> Record:
        return self.records.get((exercise.lesson.name, exercise.number), Record(OPEN))


# --- reading -----------------------------------------------------------------------------------

def exercises(root: Path = ROOT) -> list[Exercise]:
    """Every exercise of the clone's lessons, in order. Raises LessonError."""
    return [Exercise(lesson, number, title.replace("`", ""), minutes)
            for lesson in render.lessons(root)
            for number, title, minutes in prose.exercises(lesson.cells)]


def learners(folders: Iterable[Path], root: Path = ROOT) -> list[Learner]:
    """The learners found in these folders. Raises FileNotFoundError for a folder that is missing.
    """
    known = Known(root)
    found = {}
    for folder in folders:
        if not folder.exists():
            raise FileNotFoundError(f"There is no {folder}.")
        found |= _notebooks(folder.resolve())
    names = [place.name for place in found]
    return [_learner(place.name if names.count(place.name) == 1
                     else f"{place.parent.name}/{place.name}", paths, known)
            for place, paths in found.items()]


def _notebooks(folder: Path) -> dict[Path, list[Path]]:
    """Each learner's folder below `folder`, or `folder` itself, with its notebooks."""
    if folder.is_file():
        return {folder.parent: [folder]}
    if (folder / MINE.name).is_dir() or folder.name == MINE.name or [*folder.glob("*.ipynb")]:
        return {folder: _below(folder)}
    inside = [place for place in sorted(folder.iterdir())
              if place.is_dir() and not place.name.startswith(".")]
    # An empty folder is a learner who has handed in nothing, and stays in the table.
    return {place: _below(place) for place in inside or [folder]}


def _below(folder: Path) -> list[Path]:
    """A learner's notebooks: of a clone, those that the learner works in."""
    if (folder / MINE.name).is_dir():
        folder = folder / MINE.name
    found = [path for path in folder.rglob("*.ipynb") if path.is_file()]
    return sorted(path for path in found if not any(
        part in NOBODYS or part.startswith(".") for part in path.relative_to(folder).parts))


class Known:
    """The cells of this clone's lessons, to recognise a notebook by, whatever its file's name."""

    def __init__(self, root: Path = ROOT):
        self.cells, self.checks = {}, {}
        for lesson in render.lessons(root):
            digests = [render.digest(cell.kind, cell.source) for cell in lesson.cells]
            self.cells[lesson.name] = set(digests)
            checks = [one for one, cell in zip(digests, lesson.cells) if "check" in cell.tags]
            self.checks[lesson.name] = {one: number for number, one in enumerate(checks, 1)}

    def lesson(self, digests: set[str]) -> str | None:
        """The lesson that shares most cells with these; None if no lesson shares any."""
        name = max(self.cells, key=lambda name: len(digests & self.cells[name]), default=None)
        return name if name and digests & self.cells[name] else None


def _learner(name: str, paths: list[Path], known: Known) -> Learner:
    records, problems = {}, []
    for path in paths:
        try:
            found = _read(path, known)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        for exercise, record in found.items():
            # A copy that was kept beside the present one counts too: what is done stays done.
            if _rank(record) > _rank(records.get(exercise)):
                records[exercise] = record
    return Learner(name, records, problems)


def _rank(record: Record | None) -> tuple[int, bool]:
    """How much a record says: done before not yet before open, without a remark before with one."""
    if record is None:
        return -1, False
    return [OPEN, NOT_YET, DONE].index(record.state), not record.remark


def _read(path: Path, known: Known) -> dict[tuple[str, int], Record]:
    """The records of one notebook. Raises ValueError with what is wrong with it."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        if lesson := known.lesson({one for cell in cells for one in _digests(cell)}):
            return dict(_records(cells, lesson, known.checks[lesson], path))
    except (OSError, ValueError):
        raise ValueError("this file is no notebook; it may be damaged") from None
    except (KeyError, TypeError, AttributeError):
        raise ValueError("this notebook has no cells that can be read") from None
    raise ValueError("this notebook is no lesson of this workshop, or of a version too old")


def _digests(cell: dict) -> tuple[str, str]:
    """Of a cell's text as it was rendered, which its id begins with, and as it is now.

    Some editors give cells other ids, and a learner may change a text: one of both stays.
    """
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    return cell.get("id", "").partition("-")[0], render.digest(cell["cell_type"], source)


def _records(cells: list[dict], lesson: str, numbers: dict[str, int],
             path: Path) -> Iterator[tuple[tuple[str, int], Record]]:
    checks = [cell for cell in cells if cell["cell_type"] == "code"
              and "check" in cell["metadata"].get("tags", [])]
    for place, cell in enumerate(checks, 1):
        rendered, now = _digests(cell)
        remark = "" if now in numbers else EDITED if rendered in numbers else ANOTHER
        number = numbers.get(now) or numbers.get(rendered) or place
        yield (lesson, number), Record(_state(cell), remark, path)


def _state(cell: dict) -> str:
    """What a check's saved outputs say. A cell that was still running has no execution count."""
    outputs = cell.get("outputs") or []
    if any(output.get("output_type") == "error" for output in outputs):
        return NOT_YET
    printed = any(output.get("output_type") == "stream" for output in outputs)
    return DONE if printed and cell.get("execution_count") else OPEN


# --- showing -----------------------------------------------------------------------------------

def next_exercise(learner: Learner, every: list[Exercise]) -> Exercise | None:
    """The first exercise that is not done; None when all are."""
    return next((one for one in every if learner.record(one).state != DONE), None)


def _count(learner: Learner, every: list[Exercise]) -> int:
    return sum(learner.record(one).state == DONE for one in every)


def _by_lesson(every: list[Exercise]) -> dict[str, list[Exercise]]:
    groups = {}
    for one in every:
        groups.setdefault(one.lesson.name, []).append(one)
    return groups


def _summary(learner: Learner, every: list[Exercise]) -> str:
    coming = next_exercise(learner, every)
    return (f"{_count(learner, every)} of {len(every)} exercises done. "
            + (f"Next: {coming.label} ({coming.minutes} minutes)." if coming
               else "Nothing is left."))


def one_as_text(learner: Learner, every: list[Exercise]) -> str:
    """A learner's own view: each lesson with the marks of its exercises, and what is next."""
    lines = []
    for exercises_ in _by_lesson(every).values():
        lesson = exercises_[0].lesson
        records = [learner.record(one) for one in exercises_]
        remarks = sorted({record.remark for record in records if record.remark})
        lines.append(f"{' '.join(MARKS[record.state] for record in records):8}"
                     f"{lesson.number} {lesson.title}"
                     + (f" ({'; '.join(remarks)})" if remarks else ""))
    return "\n".join([*lines, "", _summary(learner, every)])


def all_as_text(found: list[Learner], every: list[Exercise]) -> str:
    """A row for each learner: how many exercises of each lesson are done, and of all."""
    groups = _by_lesson(every)
    wide = max(len("exercises"), *(len(one.name) for one in found))
    rows = [("lesson", [group[0].lesson.number for group in groups.values()], "all"),
            ("exercises", [len(group) for group in groups.values()], len(every))]
    rows += [(learner.name, [_count(learner, group) or "·" for group in groups.values()],
              _count(learner, every)) for learner in found]
    return "\n".join(f"{name:{wide}}  {' '.join(f'{one:>2}' for one in cells)}  {total:>3}"
                     for name, cells, total in rows)


def write_csv(path: Path, found: list[Learner], every: list[Exercise]) -> None:
    """A row for each learner and exercise."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["learner", "lesson", "title", "exercise", "task", "minutes", "state",
                       "remark"])
        for learner in found:
            for one in every:
                record = learner.record(one)
                rows.writerow([_cell(learner.name), one.lesson.number, one.lesson.title,
                               one.number, one.title, one.minutes, record.state, record.remark])


def _cell(text: str) -> str:
    """A folder's name as a spreadsheet must not take it for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text


CSS = """
:root { color-scheme: light dark; --page: #fff; --text: #1a1a1a; --line: #ccc; --quiet: #595959;
  --done: #00614a; --not-yet: #a33c00; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --text: #e6e6e6; --line: #4a4f57;
  --quiet: #b0b0b0; --done: #5fd3b0; --not-yet: #ffb27a; } }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page); color: var(--text);
  font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  line-height: 1.5; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; }
.class td, .class th { padding: .25rem .1rem; text-align: center; white-space: nowrap; }
.class th:first-child { position: sticky; left: 0; min-width: 6.5rem; max-width: 12rem;
  padding: .25rem; background: var(--page); text-align: left; white-space: normal;
  overflow-wrap: anywhere; }
.class td:nth-child(2) { padding: .25rem .4rem; }
.class td span { font-size: .8rem; }
.state { white-space: nowrap; }
.done { color: var(--done); font-weight: bold; }
.not-yet { color: var(--not-yet); font-weight: bold; }
.open { color: var(--quiet); font-weight: bold; }
summary { cursor: pointer; padding: .25rem 0; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Progress</title><style>{css}</style></head>
<body><main>
<h1>Progress</h1>
<p>{legend}. {tampering}</p>
{body}
</main></body></html>
"""


def page(found: list[Learner], every: list[Exercise]) -> str:
    """The progress as HTML that loads nothing: one learner in full, or a table of all of them."""
    legend = ", ".join(f"{_mark(state)} {words}" for state, words in MEANING.items())
    if len(found) == 1:
        body = f"<h2>{html.escape(found[0].name)}</h2>{_in_full(found[0], every)}"
    else:
        body = _class(found, every) + "<h2>Learner by learner</h2>" + "".join(
            f"<details><summary>{html.escape(learner.name)}: {_count(learner, every)} of "
            f"{len(every)}</summary>{_in_full(learner, every)}</details>" for learner in found)
    return PAGE.format(css=CSS, legend=legend, tampering=TAMPERING, body=body)


def _mark(state: str) -> str:
    return (f'<span class="{state.replace(" ", "-")}" role="img" aria-label="{state}">'
            f"{MARKS[state]}</span>")


def _class(found: list[Learner], every: list[Exercise]) -> str:
    groups = _by_lesson(every)
    head = "".join(f'<th scope="col" title="{html.escape(group[0].lesson.title, quote=True)}">'
                   f"{group[0].lesson.number}</th>" for group in groups.values())
    rows = "".join(
        f'<tr><th scope="row">{html.escape(learner.name)}</th>'
        f"<td>{_count(learner, every)} of {len(every)}</td>" + "".join(
            "<td>" + "".join(_mark(learner.record(one).state) for one in group) + "</td>"
            for group in groups.values()) + "</tr>" for learner in found)
    return (f'<div class="wide" tabindex="0" role="region" aria-label="All learners">'
            f'<table class="class"><thead><tr><th scope="col">'
            f'Learner</th><th scope="col">All</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
            "</div><p>A column is a lesson, a mark is an exercise.</p>")


def _in_full(learner: Learner, every: list[Exercise]) -> str:
    rows = []
    for group in _by_lesson(every).values():
        lesson = group[0].lesson
        for one in group:
            record = learner.record(one)
            first = (f'<th scope="row" rowspan="{len(group)}">{lesson.number} '
                     f"{html.escape(lesson.title)}</th>" if one is group[0] else "")
            rows.append(f"<tr>{first}<td>{one.number}. {html.escape(one.title)} ({one.minutes} "
                        f"minutes)</td><td><span class=\"state\">{_mark(record.state)} "
                        f"{record.state}</span>"
                        + (f" ({record.remark})" if record.remark else "") + "</td></tr>")
    problems = "".join(f"<li>{html.escape(one)}</li>" for one in learner.problems)
    return (f"<p>{html.escape(_summary(learner, every))}</p>"
            + (f"<p>Not read:</p><ul>{problems}</ul>" if problems else "")
            + f'<div class="wide" tabindex="0" role="region" aria-label="Exercises of '
              f'{html.escape(learner.name, quote=True)}"><table><thead><tr>'
              '<th scope="col">Lesson</th><th scope="col">Exercise</th>'
              '<th scope="col">State</th></tr></thead>'
              f"<tbody>{''.join(rows)}</tbody></table></div>")


# --- the command -------------------------------------------------------------------------------

def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the progress and write it as HTML and CSV; 1 if no notebook was found."""
    parser = argparse.ArgumentParser(prog="python3 -m workshop progress", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", type=Path, help="default: your own notebooks")
    folders = parser.parse_args(arguments).folder or [root / MINE.name]
    every = exercises(root)
    try:
        found = learners(folders, root)
    except FileNotFoundError as error:
        print(f"progress: {error} `python3 -m workshop lab` makes your own notebooks; or name a "
              "folder that holds the learners' notebooks.", file=sys.stderr)
        return 1
    problems = [problem for learner in found for problem in learner.problems]
    for problem in problems:
        print(f"progress: {problem}", file=sys.stderr)
    if not any(learner.records for learner in found):
        print(f"progress: no lesson's notebook in {', '.join(map(str, folders))}",
              file=sys.stderr)
        return 1
    print(one_as_text(found[0], every) if len(found) == 1 else all_as_text(found, every))
    target = root / "build" / "progress"
    target.mkdir(parents=True, exist_ok=True)
    (target / "progress.html").write_text(page(found, every), encoding="utf-8")
    write_csv(target / "progress.csv", found, every)
    print(f"\n{TAMPERING}\nAs a page and a table: build/progress/progress.html, progress.csv")
    return 0
