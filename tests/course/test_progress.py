"""Who has done what, from saved notebooks: executed here, damaged, edited, of another version."""
import csv
import json
import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

import axe
import devtools
from tiny_lessons import BODY, write_lesson
from waiting import until
from workshop.commands import browser
from workshop.course import progress, render
from workshop.machine.paths import BUILD, ROOT

SOLVED = "y = x\nreturn y + 1"
EXERCISE = BODY.replace("# # {title}", "# # {title}\n#\n# ### Exercise 1: add `one` (7 minutes)"
                        ).replace('"add one"', '"add one"\nprint("Right.")')


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A clone of three lessons, and a class in it: solved, half done, nothing done."""
    root = tmp_path_factory.mktemp("clone")
    for number, name in enumerate(("make_it", "take_it", "keep_it")):
        write_lesson(root, f"0{number}_{name}", title=name.replace("_", " "), body=EXERCISE,
                     more=f"\n# %%\n# lesson {number}\n")
    first, second, third = render.lessons(root)
    save(root, "anna", *(execute(lesson, SOLVED) for lesson in (first, second, third)))
    save(root, "ben", execute(first, SOLVED), execute(second, "return x"),
         render.notebook(third, learner=True))
    (root / "class" / "cleo").mkdir()
    return root


def execute(lesson, answer):
    """The learner's copy with an answer, run as JupyterLab runs it."""
    book = render.notebook(lesson, learner=True)
    for cell in book.cells:
        cell.source = cell.source.replace(render.OPEN, answer.replace("\n", "\n    "))
    NotebookClient(book, timeout=60).execute()
    return book


def save(root, name, *books):
    for number, book in enumerate(books):
        path = root / "class" / name / f"0{number}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(book, path)


def states(learner, root):
    return [learner.record(one).state for one in progress.exercises(root)]


def change(root, tmp_path, edit, name="anna", number=0):
    """The records of a learner whose notebook was changed: `edit` gets the notebook's dict."""
    book = json.loads((root / "class" / name / f"0{number}.ipynb").read_text(encoding="utf-8"))
    edit(book, next(cell for cell in book["cells"] if "check" in cell["metadata"].get("tags", [])))
    (tmp_path / "changed.ipynb").write_text(json.dumps(book), encoding="utf-8")
    [learner] = progress.learners([tmp_path], root)
    return learner


def test_every_exercise_of_the_lessons_has_a_check_that_progress_knows():
    known = progress.Known()
    titles = {}
    for one in progress.exercises():
        titles.setdefault(one.lesson.name, []).append(one.number)
    assert titles == {name: list(checks.values()) for name, checks in known.checks.items()}


def test_three_learners_from_their_notebooks(course):
    anna, ben, cleo = progress.learners([course / "class"], course)
    assert [anna.name, ben.name, cleo.name] == ["anna", "ben", "cleo"]
    assert states(anna, course) == ["done"] * 3
    assert states(ben, course) == ["done", "not yet", "open"]
    assert states(cleo, course) == ["open"] * 3
    every = progress.exercises(course)
    assert progress.next_exercise(anna, every) is None
    assert progress.next_exercise(ben, every).label == "Lesson 01, exercise 1: add one"


def test_the_command_prints_a_table_and_writes_a_page_and_a_csv(course, capsys):
    assert progress.main([str(course / "class")], course) == 0
    said = capsys.readouterr()
    assert [line.split() for line in said.out.splitlines()[:5]] == [
        ["lesson", "00", "01", "02", "all"], ["exercises", "1", "1", "1", "3"],
        ["anna", "1", "1", "1", "3"], ["ben", "1", "·", "·", "1"], ["cleo", "·", "·", "·", "0"]]
    assert "Nothing prevents" in said.out and said.err == ""
    with open(course / "build/progress/progress.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert [row["state"] for row in rows if row["learner"] == "ben"] == ["done", "not yet", "open"]
    assert rows[0]["task"] == "add one" and rows[0]["minutes"] == "7"


def test_three_folders_make_the_table_of_their_class(course, capsys):
    assert progress.main([str(course / "class" / name) for name in ("anna", "ben", "cleo")],
                         course) == 0
    apart = capsys.readouterr().out
    assert progress.main([str(course / "class")], course) == 0
    assert apart == capsys.readouterr().out


def test_a_learner_without_arguments_sees_what_is_done_and_what_is_next(course, capsys):
    mine = course / "my_notebooks"
    shutil.copytree(course / "class" / "ben", mine)
    try:
        assert progress.main([], course) == 0
    finally:
        shutil.rmtree(mine)
    said = capsys.readouterr().out
    assert re.search(r"^✓ +00 make it\n✗ +01 take it\n· +02 keep it$", said, re.MULTILINE)
    assert "1 of 3 exercises done. Next: Lesson 01, exercise 1: add one (7 minutes)." in said


def test_a_folder_can_be_a_learner_a_clone_or_a_class(course, tmp_path):
    shutil.copytree(course / "class" / "ben", tmp_path / "clones" / "dora" / "my_notebooks")
    for folder in ("notebooks", "solutions", "build"):      # a clone has these; they are not hers
        shutil.copytree(course / "class" / "anna", tmp_path / "clones" / "dora" / folder)
    for folder in (tmp_path / "clones", tmp_path / "clones" / "dora"):
        [dora] = progress.learners([folder], course)
        assert dora.name == "dora" and states(dora, course) == ["done", "not yet", "open"]
    [one] = progress.learners([course / "class" / "anna" / "01.ipynb"], course)
    assert states(one, course) == ["open", "done", "open"]


def test_two_learners_of_one_name_stay_two(course, tmp_path):
    for group in "ab":
        shutil.copytree(course / "class" / "ben", tmp_path / group / "ben")
    found = progress.learners([tmp_path / "a", tmp_path / "b"], course)
    assert [one.name for one in found] == ["a/ben", "b/ben"]


def test_what_is_done_in_a_copy_kept_beside_stays_done(course, tmp_path):
    for name in ("anna", "ben"):
        for path in (course / "class" / name).iterdir():
            shutil.copy(path, tmp_path / f"{name}_{path.name}")
    [learner] = progress.learners([tmp_path], course)
    assert states(learner, course) == ["done"] * 3


def test_cleared_outputs_and_a_cell_that_still_ran_are_open(course, tmp_path):
    assert states(change(course, tmp_path, lambda _, check: check.update(outputs=[])),
                  course)[0] == "open"
    assert states(change(course, tmp_path, lambda _, check: check.update(execution_count=None)),
                  course)[0] == "open"


def test_an_error_after_the_line_is_not_yet(course, tmp_path):
    error = {"output_type": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
    learner = change(course, tmp_path, lambda _, check: check["outputs"].append(error))
    assert states(learner, course)[0] == "not yet"


def test_an_edited_check_is_named(course, tmp_path):
    learner = change(course, tmp_path, lambda _, check: check.update(source="print('Right.')"))
    record = learner.record(progress.exercises(course)[0])
    assert record.state == "done" and record.remark == progress.EDITED
    assert progress.EDITED in progress.one_as_text(learner, progress.exercises(course))


def test_a_notebook_whose_cells_have_other_ids_is_recognised(course, tmp_path):
    def rename(book, _):
        for number, cell in enumerate(book["cells"]):
            cell["id"] = f"cell{number}"
    record = change(course, tmp_path, rename).record(progress.exercises(course)[0])
    assert record == progress.Record("done", "", tmp_path / "changed.ipynb")


def test_a_check_of_another_version_counts_and_is_named(course, tmp_path):
    def older(_, check):
        source = check["source"] = ["assert more(1) == 2\n", "print('Yes.')"]
        check["id"] = render.digest("code", "".join(source)) + "-1"
    record = change(course, tmp_path, older).record(progress.exercises(course)[0])
    assert record.state == "done" and record.remark == progress.ANOTHER


@pytest.mark.parametrize("text, words", [
    ('{"cells": [', "no notebook; it may be damaged"), ("[]", "no cells"),
    ('{"cells": [{"cell_type": "code"}]}', "no cells"), ('{"cells": []}', "no lesson of this"),
    ('{"worksheets": []}', "no cells"), ('{"cells": [1]}', "no cells"),
    (b"\xff\xfe", "no notebook; it may be damaged")])
def test_a_notebook_that_cannot_be_read_is_named_and_the_others_count(
        course, tmp_path, capsys, text, words):
    shutil.copytree(course / "class" / "ben", tmp_path / "ben")
    broken = tmp_path / "ben" / "99.ipynb"
    broken.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert progress.main([str(tmp_path)], course) == 0
    said = capsys.readouterr()
    assert f"progress: {broken}: " in said.err and words in said.err
    assert "1 of 3 exercises done" in said.out
    assert words in (course / "build/progress/progress.html").read_text(encoding="utf-8")


def test_without_notebooks_it_says_so(course, tmp_path, capsys):
    assert progress.main([str(tmp_path)], course) == 1
    assert "no lesson's notebook in" in capsys.readouterr().err
    assert progress.main([], course) == 1
    assert "`python3 -m workshop lab` makes your own notebooks" in capsys.readouterr().err


def test_a_name_is_neither_markup_nor_a_formula(course, tmp_path):
    shutil.copytree(course / "class" / "ben", tmp_path / "=1+1<b>")
    assert progress.main([str(tmp_path)], course) == 0
    assert "<b>" not in (course / "build/progress/progress.html").read_text(encoding="utf-8")
    assert "\n'=1+1<b>," in (course / "build/progress/progress.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser_the_page_loads_nothing_and_can_be_read(course, tmp_path, width):
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")
    path = tmp_path / "progress.html"
    path.write_text(progress.page(progress.learners([course / "class"], course) * 2,
                                  progress.exercises(ROOT)), encoding="utf-8")
    with devtools.page(found, path.as_uri(), tmp_path / "profile") as page:
        page.show(width)
        until(lambda: page.ask("document.readyState") == "complete", "the page is loaded")
        assert page.ask("performance.getEntriesByType('resource').map(e => e.name)") == []
        assert page.ask("document.documentElement.scrollWidth") <= width
        assert page.ask("document.querySelectorAll('table.class tbody tr').length") == 6
        table = "document.querySelector('.wide')"
        assert width < 1280 or page.ask(f"{table}.scrollWidth <= {table}.clientWidth")
        page.ask("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        for dark in (False, True):
            page.show(width, dark)
            assert axe.severe(page) == []
            page.screenshot(BUILD / f"progress-{width}{'-dark' * dark}.png")
