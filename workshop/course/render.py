"""Renders the lessons: solutions/NN_*.py → solutions/NN_*.ipynb, notebooks/NN_*.ipynb, tables.

A lesson's source is Python in jupytext's percent format under a YAML header, the only form that
is written by hand. The solved notebook holds all of it; in the learner's copy the exercises are
open. `python3 -m workshop render` writes both, and `--check` says what differs from a rendering.
The tables of README.md and TEACHING.md are written from the lessons' headers.
In both, the first use of a term is a link to the glossary, which it writes as well.

It also copies what several functions share, lambda/common/*.py, into the folder of each: a folder
is all that goes into a function's image.
"""
import argparse
import hashlib
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from workshop.course import glossary, paths
from workshop.machine.paths import ROOT

# jsonschema, which nbformat imports, would spend two seconds on a grammar of internationalised
# addresses; no notebook has any, and without the grammar jsonschema leaves out that check alone.
# (jupytext and nbformat are imported where they are used: most processes need neither.)
sys.modules.setdefault("rfc3987_syntax", None)

TAGS = {"solution", "check", "aws"}
HEADER_KEYS = {"number", "needs", "reading", "exercises", "execution", "cost", "products"}
NEEDS = {"docker"}
OPEN = "...  # your code here"
BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
TABLE_START, TABLE_END = "<!-- lessons -->", "<!-- /lessons -->"
# Comments are kept as they stand: jupytext's own rule would turn `# copy the file` into a command.
FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
LAYOUT = {"cell_marker", "lines_to_next_cell"}    # jupytext's notes on how the source is laid out
CHURN = tuple(f"lambda/{name}" for name in (
    "churn", "churn_capi", "churn_plain", "churn_sklearn", "churn_tiny"))
COMMON = "lambda/common"            # no function: what is written here goes into those that need it
BY_C_API = ("lambda/churn_capi", "lambda/churn_tiny")
COPIES = {                          # each file there, and the files that are its copies
    "web.py": [f"{one}/web.py"
               for one in (*CHURN, "lambda/image", "lambda/text", "docker/sagemaker")],
    "contract.py": [f"{one}/contract.py" for one in (*CHURN, "docker/sagemaker")],
    "onnx_c_api.py": [f"{one}/onnx_c_api.py" for one in BY_C_API],
    "c_api_function.py": [f"{one}/lambda_function.py" for one in BY_C_API]}
COPIED = "# Copied from {source} by python3 -m workshop render: change it there.\n"
MAGIC_COMMENT = re.compile(r"^(\s*)# ((?:\w+ = )?(?:!\S|%%?[a-z]).*)$")


class LessonError(ValueError):
    """A lesson's source breaks a rule; the message begins with file:line."""


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson's source. `line` is that of its `# %%` marker, from 1."""
    kind: str                     # "markdown" or "code"
    source: str
    title: str
    tags: tuple[str, ...]
    line: int

    @property
    def is_exercise(self) -> bool:
        return self.kind == "code" and BEGIN in self.source


@dataclass(frozen=True)
class Lesson:
    """A lesson as its source says it: times in minutes, products as paths from the root.

    execution: what `run` takes for it on two processors, beside other lessons.
    """
    path: Path
    title: str
    number: str
    needs: tuple[str, ...]
    reading: int
    exercises: int
    execution: int
    cost: str
    products: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The file name without its ending, e.g. `02_train_churn_model`."""
        return self.path.stem


# --- source ------------------------------------------------------------------------------------

def lessons(root: Path = ROOT) -> list[Lesson]:
    """Every lesson of the clone, in order. Raises LessonError."""
    return [parse(path) for path in sorted((root / "solutions").glob("[0-9][0-9]_*.py"))]


def parse(path: Path) -> Lesson:
    """Reads a lesson's source. Raises LessonError with file:line where it breaks a rule."""
    return _parsed(path, path.read_text(encoding="utf-8"))


@cache                            # of all lessons it takes two seconds, and a command asks again
def _parsed(path: Path, text: str) -> Lesson:
    header, body, offset = _split_header(path, text)
    cells = _cells(path, body, offset)
    _check_exercises(path, cells)
    return Lesson(path=path, cells=tuple(cells), **_checked_header(path, header))


def _split_header(path: Path, text: str) -> tuple[dict, str, int]:
    """The YAML header as a dict, the text after it, and the number of lines before that text."""
    lines = text.splitlines(keepends=True)
    ends = [i for i, line in enumerate(lines) if line.rstrip() == "# ---"]
    if len(ends) < 2 or ends[0] != 0:
        raise LessonError(f"{path}:1: no header; begin with `# ---`, its YAML, `# ---`")
    source = "".join(re.sub("^# ?", "", line) for line in lines[1:ends[1]])
    try:
        header = yaml.safe_load(source) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise LessonError(f"{path}:{mark.line + 2 if mark else 1}: header: {error}") from None
    start = ends[1] + 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    return header, "".join(lines[start:]), start


def _checked_header(path: Path, header: dict) -> dict:
    """The header's values as Lesson's fields. Raises LessonError."""
    def wrong(what: str) -> LessonError:
        return LessonError(f"{path}:1: header: {what}")

    values = header.get("workshop")
    if not isinstance(header.get("title"), str):
        raise wrong("`title` is missing")
    if not isinstance(values, dict):
        raise wrong("`workshop` is missing")
    if missing := sorted(HEADER_KEYS - values.keys()):
        raise wrong(f"`workshop` lacks {', '.join(missing)}")
    if unknown := sorted(values.keys() - HEADER_KEYS):
        raise wrong(f"`workshop` has unknown keys: {', '.join(unknown)}")
    if values["number"] != path.name[:2]:
        raise wrong(f"`number` is {values['number']!r}; the file's name says \"{path.name[:2]}\" "
                    "(a string, in quotes)")
    for key in ("reading", "exercises", "execution"):
        if type(values[key]) is not int or values[key] < 0:
            raise wrong(f"`{key}` is {values[key]!r}; give whole minutes")
    if not isinstance(values["cost"], str):
        raise wrong(f"`cost` is {values['cost']!r}; give words, such as \"free\"")
    for key in ("needs", "products"):
        if not isinstance(values[key], list) or not all(isinstance(v, str) for v in values[key]):
            raise wrong(f"`{key}` is {values[key]!r}; give a list, [] for nothing")
    if unknown := sorted(set(values["needs"]) - NEEDS):
        raise wrong(f"`needs` has {', '.join(unknown)}; known are: {', '.join(sorted(NEEDS))}")
    lists = {key: tuple(values[key]) for key in ("needs", "products")}
    return {**values, **lists, "title": header["title"]}


def _cells(path: Path, body: str, offset: int) -> list[Cell]:
    """The cells of the text after the header, each with its line in the file."""
    import jupytext
    found = jupytext.reads(body, fmt=FORMAT).cells
    numbers = [i for i, line in enumerate(body.splitlines(), offset + 1)
               if re.match(r"# %%(\s|$)", line)]
    if len(found) != len(numbers):
        raise LessonError(f"{path}:{offset + 1}: text before the first `# %%`")
    cells = []
    for cell, line in zip(found, numbers):
        metadata = {key: value for key, value in cell.metadata.items() if key not in LAYOUT}
        tags, title = metadata.pop("tags", []), metadata.pop("title", "")
        if unknown := sorted(set(tags) - TAGS):
            raise LessonError(f"{path}:{line}: unknown tag {', '.join(unknown)}; "
                              f"the tags are {', '.join(sorted(TAGS))}")
        if metadata or cell.cell_type not in ("markdown", "code"):
            raise LessonError(f"{path}:{line}: a cell may have a title and tags and nothing else; "
                              f"found {', '.join(metadata) or cell.cell_type}")
        source = cell.source if cell.cell_type == "markdown" else _with_magics(cell.source)
        cells.append(Cell(cell.cell_type, source, title, tuple(tags), line))
        _solution_blocks(path, cells[-1])
    return cells


def _with_magics(source: str) -> str:
    """`# !ls`, `# %pip` and `# x = !ls` become commands; under `# %%bash`, every line does."""
    if re.match(r"# %%\w", source):
        return re.sub("^# ?", "", source, flags=re.MULTILINE)
    return "\n".join(MAGIC_COMMENT.sub(r"\1\2", line) for line in source.split("\n"))


# --- exercises ---------------------------------------------------------------------------------

def _solution_blocks(path: Path, cell: Cell) -> list[tuple[int, int]]:
    """First and last line of each BEGIN … END block, counted from 0 within the cell's source."""
    blocks, begin = [], None
    for i, line in enumerate(cell.source.split("\n")):
        where = f"{path}:{cell.line + i + 1}"
        if line.strip() == BEGIN:
            if begin is not None:
                raise LessonError(f"{where}: `{BEGIN}` inside another; first say `{END}`")
            begin = i
        elif line.strip() == END:
            if begin is None:
                raise LessonError(f"{where}: `{END}` without `{BEGIN}`")
            blocks.append((begin, i))
            begin = None
    if begin is not None:
        raise LessonError(f"{path}:{cell.line + begin + 1}: `{BEGIN}` without `{END}`")
    return blocks


def _check_exercises(path: Path, cells: list[Cell]) -> None:
    """Each `Exercise N` is followed by its `Check N`, and no check stands alone."""
    pending, titles = None, set()     # pending: the exercise that waits for its check
    for cell in cells:
        if cell.is_exercise:
            if cell.title in titles:
                raise LessonError(f"{path}:{cell.line}: a second {cell.title}")
            titles.add(cell.title)
            if pending:
                raise LessonError(f"{path}:{pending.line}: {pending.title} has no check")
            if not re.fullmatch(r"Exercise \d+", cell.title):
                raise LessonError(f"{path}:{cell.line}: a cell with `{BEGIN}` is titled "
                                  f"`# %% Exercise N`; found {cell.title!r}")
            if len(_solution_blocks(path, cell)) > 1:
                raise LessonError(f"{path}:{cell.line}: {cell.title} has two solution blocks; "
                                  "make it one block or two exercises")
            pending = cell
        if "check" in cell.tags:
            number = cell.title.removeprefix("Check ")
            if not pending or f"Exercise {number}" != pending.title:
                raise LessonError(f"{path}:{cell.line}: the check {cell.title!r} has no exercise "
                                  "before it: `# %% Exercise N`, then `# %% Check N`")
            pending = None
    if pending:
        raise LessonError(f"{path}:{pending.line}: {pending.title} has no check")


def replace_solution(source: str, code: str | None) -> str:
    """An exercise's source with `code` in place of its solution; None keeps the solution itself.

    `code` takes the indentation of the BEGIN line.
    """
    lines, out, inside = source.split("\n"), [], False
    for line in lines:
        if line.strip() == BEGIN:
            inside = True
            if code is not None:
                indent = line[:len(line) - len(line.lstrip())]
                out += [indent + new if new else new for new in code.split("\n")]
        elif line.strip() == END:
            inside = False
        elif not inside or code is None:
            out.append(line)
    return "\n".join(out)


# --- notebooks ---------------------------------------------------------------------------------

def digest(kind: str, source: str) -> str:
    """What a cell's id begins with: 12 hexadecimal digits of its text's SHA-256."""
    return hashlib.sha256(f"{kind}\n{source}".encode()).hexdigest()[:12]


def _prose(lesson: Lesson) -> list[str]:
    """The lesson's Markdown cells."""
    return [cell.source for cell in lesson.cells if cell.kind == "markdown"]


def notebook(lesson: Lesson, *, learner: bool):
    """The lesson as a notebook of nbformat's without outputs: the learner's copy, or the solved
    one."""
    import nbformat
    page = Path(glossary.PAGE)
    texts = iter(glossary.linked(_prose(lesson), glossary.read(lesson.path.parents[1]),
                                 page.name if learner else f"../{page}"))
    cells, seen = [], {}
    for cell in lesson.cells:
        source = next(texts) if cell.kind == "markdown" else cell.source
        # The id comes from the text, so that a change to one cell leaves the others' ids alone.
        name = digest(cell.kind, cell.source)
        seen[name] = seen.get(name, 0) + 1
        if learner and "solution" in cell.tags:
            continue
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        new = make(replace_solution(source, OPEN if learner else None),
                   id=f"{name}-{seen[name]}")
        tags = list(cell.tags)
        if "check" in tags and learner:
            tags.append("raises-exception")
        if "aws" in tags:
            tags.append("nbval-skip")
        if tags:
            new.metadata["tags"] = tags
        cells.append(new)
    book = nbformat.v4.new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"}})
    book.nbformat_minor = 5
    nbformat.validate(book)
    return book


def table(found: list[Lesson]) -> str:
    """The README's table of lessons, in Markdown."""
    rows = ["| Lesson | Minutes | Needs | Cost |", "|---|---|---|---|"]
    for lesson in found:
        link = f"[{lesson.number} {lesson.title}](notebooks/{lesson.name}.ipynb)"
        needs = ", ".join(need.capitalize() for need in lesson.needs) or "–"
        minutes = f"{lesson.reading} + {lesson.exercises}"
        rows.append(f"| {link} | {minutes} | {needs} | {lesson.cost} |")
    reading, exercises = (sum(getattr(lesson, key) for lesson in found)
                          for key in ("reading", "exercises"))
    rows.append(f"| In all | {reading} + {exercises} | | |")
    return "\n".join(rows)


def _with_table(readme: Path, found: list[Lesson]) -> str:
    text = readme.read_text(encoding="utf-8")
    if text.count(TABLE_START) != 1 or text.count(TABLE_END) != 1:
        raise LessonError(f"{readme}:1: needs one `{TABLE_START}` and one `{TABLE_END}`; "
                          "the table of lessons goes between them")
    before, rest = text.split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    return f"{before}{TABLE_START}\n{table(found)}\n{TABLE_END}{after}"


# --- files -------------------------------------------------------------------------------------

def rendered(root: Path = ROOT) -> dict[Path, str]:
    """Every file that rendering writes, with its text. Raises LessonError, GlossaryError."""
    import nbformat
    found = lessons(root)
    texts = {}
    for lesson in found:
        for folder, learner in (("solutions", False), ("notebooks", True)):
            book = notebook(lesson, learner=learner)
            path = root / folder / f"{lesson.name}.ipynb"
            texts[path] = nbformat.writes(book, version=nbformat.NO_CONVERT) + "\n"
    if (readme := root / "README.md").exists():
        texts[readme] = _with_table(readme, found)
    if (teaching := root / "TEACHING.md").exists():
        try:
            texts[teaching] = paths.filled(teaching.read_text(encoding="utf-8"), found)
        except paths.PathError as error:
            raise LessonError(f"{teaching}:1: {error}") from None
    if terms := glossary.read(root):
        texts[root / glossary.PAGE] = glossary.page(
            terms, {lesson.name: _prose(lesson) for lesson in found})
    return texts | _copies(root)


def _copies(root: Path) -> dict[Path, str]:
    """Every copy of a file in lambda/common, with its text."""
    return {root / copy: COPIED.format(source=f"{COMMON}/{name}")
            + (root / COMMON / name).read_text(encoding="utf-8")
            for name, copies in COPIES.items() if (root / COMMON).is_dir() for copy in copies}


def differences(root: Path = ROOT) -> dict[Path, str | None]:
    """The files that differ from a rendering, with the right text; None: has no source."""
    texts = rendered(root)
    changed = {path: text for path, text in texts.items()
               if not path.exists() or path.read_text(encoding="utf-8") != text}
    for folder in ("solutions", "notebooks"):
        orphans = set((root / folder).glob("*.ipynb")) - texts.keys()
        changed |= dict.fromkeys(orphans)
    return dict(sorted(changed.items()))


def write(root: Path = ROOT) -> list[Path]:
    """Brings every rendered file up to date; returns those it changed."""
    changed = differences(root)
    for path, text in changed.items():
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")      # an interruption leaves the old file whole
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return list(changed)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m workshop render", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true",
                        help="write nothing; say what differs, and exit with 1 if anything does")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            for path in write(root):
                print(f"rendered {path.relative_to(root)}" if path.exists()
                      else f"removed {path.relative_to(root)}: it has no source")
            return 0
        for path, text in (changed := differences(root)).items():
            print(f"{path.relative_to(root)} " + ("has no source" if text is None else
                  "differs from a rendering: run `python3 -m workshop render`"))
        return 1 if changed else 0
    except (LessonError, glossary.GlossaryError) as error:
        print(error, file=sys.stderr)
        return 1
