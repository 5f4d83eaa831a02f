"""What every lesson must be: the shape, the links, the cells, and that notebooks are rendered."""
import ast
import json
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from workshop.course import lessons, render
from workshop.machine.paths import NOTEBOOKS, ROOT, SOLUTIONS

LESSONS = render.lessons()
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]*`")
FOLDERS = [SOLUTIONS, NOTEBOOKS]

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])


def prose(lesson):
    """The lesson's Markdown without code blocks, cell after cell."""
    cells = [cell.source for cell in lesson.cells if cell.kind == "markdown"]
    return FENCE.sub("", "\n\n".join(cells))


def code(lesson):
    """The lesson's code cells."""
    return [cell for cell in lesson.cells if cell.kind == "code"]


def headings(text):
    """(level, words) of each heading."""
    return [(len(marks), words) for marks, words in re.findall(r"^(#+) (.+)$", text, re.MULTILINE)]


def label(words, text):
    """Where a part begins, as a heading or as words in bold or italics; -1 if nowhere."""
    found = re.search(rf"^(?:#+ |\*\*|\*){words}\b", text, re.MULTILINE)
    found = found or re.search(rf"(?:\*\*|\*){words}(?:\*\*|\*)", text)
    return found.start() if found else -1


def test_the_notebooks_and_the_table_equal_a_fresh_rendering():
    stale = [str(path.relative_to(ROOT)) for path in render.differences()]
    assert not stale, f"run `python3 -m workshop render`; these differ: {', '.join(stale)}"


def test_there_is_a_lesson_for_each_number():
    assert [lesson.number for lesson in LESSONS] == [f"{i:02}" for i in range(len(LESSONS))]


@every_lesson
def test_the_parts_stand_in_order(lesson):
    text = prose(lesson)
    places = [label(words, text) for words in ("You will", "You need", "Time", "Cost")]
    assert -1 not in places, "You will, You need, Time and Cost open a lesson"
    assert places == sorted(places)
    assert label("Recap", text) < label("Next", text), "a Recap, then what is Next"
    assert label("Recap", text) > places[-1]


@every_lesson
def test_what_was_made_in_the_cloud_is_cleaned_up(lesson):
    text = prose(lesson)
    makes = re.search(r"\.create_\w+\(|deploy\.\w+\(", "\n".join(c.source for c in code(lesson)))
    if makes:
        assert -1 < label("Clean up", text) < label("Next", text), f"it calls {makes[0]}…)"


@every_lesson
def test_one_title_and_no_heading_skips_a_level(lesson):
    levels = headings(prose(lesson))
    titles = [words for level, words in levels if level == 1]
    assert len(titles) == 1 and titles[0].endswith(lesson.title)
    assert levels[0][0] == 1
    for (before, _), (level, words) in zip(levels, levels[1:]):
        assert level <= before + 1, f"{words!r} skips a level"


@every_lesson
def test_minutes_and_cost_are_those_of_the_header(lesson):
    text = " ".join(prose(lesson).replace("\\$", "$").split())
    assert re.search(rf"Time\*+ {lesson.reading} min(utes)? reading, "
                     rf"{lesson.exercises} min(utes)? exercises", text)
    figure = lesson.cost.split()[-1]                # "free", or dollars
    assert re.search(rf"Cost\*+ .{{0,80}}{re.escape(figure)}", text), lesson.cost


@every_lesson
def test_exercises_are_numbered_and_have_hints_that_unfold(lesson):
    exercises = [cell for cell in lesson.cells if cell.is_exercise]
    assert 2 <= len(exercises) <= 4
    assert [cell.title for cell in exercises] == [
        f"Exercise {i}" for i in range(1, len(exercises) + 1)]
    told = ""
    for cell in lesson.cells:
        if cell.kind == "markdown":
            told += "\n" + cell.source
        elif cell.is_exercise:
            task = told[told.rfind(f" {cell.title}"):]
            assert f" {cell.title}" in told, f"{cell.title} has no heading"
            assert task.count("<details>") == task.count("</details>") >= 1, cell.title


@every_lesson
def test_the_first_code_cell_is_the_cloud_switch(lesson):
    cells = code(lesson)
    switch = next(i for i, cell in enumerate(cells) if "cloud.use()" in cell.source)
    assert "from workshop import cloud" in cells[switch].source
    # Lesson 00 first shows what a cell is; nothing there may reach for a cloud.
    assert switch == 0 or lesson.number == "00"
    assert not re.search(r"boto3|^!|workshop", "\n".join(c.source for c in cells[:switch]), re.M)


@every_lesson
def test_cells_for_aws_do_nothing_on_the_local_cloud_and_say_so(lesson):
    told = ""
    for cell in lesson.cells:
        if cell.kind == "markdown":
            told = cell.source if headings(cell.source) else told
        if "aws" in cell.tags:
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
            guards = [ast.unparse(part.test) if isinstance(part, ast.If) else ast.unparse(part)
                      for part in tree.body]
            assert set(guards) == {"not cloud.is_local()"}, f"line {cell.line}"
            assert "AWS" in headings(told)[-1][1], f"line {cell.line}: the heading names AWS"


@every_lesson
def test_what_another_lesson_makes_is_required(lesson):
    text = "\n".join(cell.source for cell in code(lesson))
    required = lessons.needs(lesson)
    for other in LESSONS:
        for product in other.products:
            if other != lesson and product.rpartition("/")[2] in text:
                assert {other.number, product} & set(required), (
                    f"it uses {product}: say lessons.require({other.number!r})")


@every_lesson
def test_nothing_to_fill_in_and_no_path_of_a_machine(lesson):
    text = "\n".join(cell.source for cell in code(lesson))
    # The all-zero account is the local cloud's, 1234… the one of AWS's own examples.
    assert set(re.findall(r"(?<!\d)\d{12}(?!\d)", text)) <= {"000000000000", "123456789012"}
    assert not re.findall(r"<your|YOUR[_-]|your-bucket|CHANGE[_ ]?ME|TODO", text)
    everywhere = "\n".join(cell.source for cell in lesson.cells)
    assert not re.findall(r"/root/|/home/\w|/Users/\w|[A-Z]:\\Users", everywhere)


@every_lesson
def test_every_picture_has_a_text_alternative(lesson):
    text = prose(lesson)
    assert not re.findall(r"!\[\s*\]\(", text)
    assert all(re.search(r'alt="[^"]+"', tag) for tag in re.findall(r"<img[^>]*>", text))


@every_lesson
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_link_leads_to_a_file(lesson, folder):
    targets = re.findall(r"\]\(([^)\s]+)\)", CODE_SPAN.sub("", prose(lesson)))
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    missing = [target for target in local if target and not (folder / target).exists()]
    assert not missing


@every_lesson
def test_dollars_are_not_taken_for_formulas(lesson):
    """JupyterLab sets what stands between two dollars of a paragraph as a formula."""
    for paragraph in re.split(r"\n\s*\n", prose(lesson)):
        dollars = re.findall(r"(?<!\\)\$", CODE_SPAN.sub("", paragraph))
        assert len(dollars) < 2, f"write \\$ in: {paragraph}"


@every_lesson
def test_the_learners_copy_holds_no_solution(lesson):
    copy = json.loads((NOTEBOOKS / f"{lesson.name}.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in copy["cells"]]
    assert not [source for source in sources if "SOLUTION" in source]
    assert sum(source.count(render.OPEN) for source in sources) == len(
        [cell for cell in lesson.cells if cell.is_exercise])
    for cell in lesson.cells:
        if "solution" in cell.tags:
            assert cell.source not in sources
        if cell.is_exercise:
            solution = cell.source.partition(render.BEGIN)[2].partition(render.END)[0].strip()
            assert not [source for source in sources if solution in source], cell.title


@every_lesson
def test_committed_notebooks_have_no_outputs_and_only_checks_may_raise(lesson):
    for folder in FOLDERS:
        book = json.loads((folder / f"{lesson.name}.ipynb").read_text(encoding="utf-8"))
        for cell in book["cells"]:
            assert not cell.get("outputs") and cell.get("execution_count") is None
            tags = cell["metadata"].get("tags", [])
            if "raises-exception" in tags:
                assert folder == NOTEBOOKS and "check" in tags
