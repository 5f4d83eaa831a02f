"""Rendering: what becomes of a source, and how a fault in it is told."""
import json
import re

import nbformat
import pytest

from tiny_lessons import BODY, write_lesson
from workshop.course import render


@pytest.fixture
def root(tmp_path):
    write_lesson(tmp_path, "00_make_it")
    (tmp_path / "README.md").write_text("before\n<!-- lessons -->\nold\n<!-- /lessons -->\nafter\n")
    return tmp_path


def cells(root, folder, name="00_make_it"):
    book = nbformat.read(root / folder / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    return book.cells


def test_the_solved_copy_holds_everything_but_the_markers(root):
    render.write(root)
    text = "\n".join(cell.source for cell in cells(root, "solutions"))
    assert "def more(x):\n    y = x\n    return y + 1" in text
    assert "only in the solved copy" in text
    assert "SOLUTION" not in text


def test_the_learners_copy_leaves_the_exercise_open_at_its_indentation(root):
    render.write(root)
    text = "\n".join(cell.source for cell in cells(root, "notebooks"))
    assert "def more(x):\n    ...  # your code here" in text
    assert "return y" not in text and "only in the solved copy" not in text


@pytest.mark.parametrize("folder, check", [("solutions", ["check"]),
                                           ("notebooks", ["check", "raises-exception"])])
def test_tags_say_what_may_raise_and_what_tests_skip(root, folder, check):
    render.write(root)
    tags = {cell.source.split("\n")[0]: cell.metadata.get("tags") for cell in cells(root, folder)}
    assert tags['assert more(1) == 2, "add one"'] == check
    assert tags["if not more(0):"] == ["aws", "nbval-skip"]
    assert tags["def more(x):"] is None


def test_commands_come_back_and_comments_stay(root):
    render.write(root)
    assert cells(root, "notebooks")[1].source.split("\n")[1:] == [
        "# copy this comment as it stands", "!echo shell"]


def test_notebooks_hold_no_outputs_no_times_and_little_metadata(root):
    render.write(root)
    book = json.loads((root / "solutions" / "00_make_it.ipynb").read_text(encoding="utf-8"))
    assert book["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"}}
    for cell in book["cells"]:
        assert cell.keys() <= {"cell_type", "id", "metadata", "source", "outputs",
                               "execution_count"}
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_a_second_rendering_changes_nothing(root):
    assert len(render.write(root)) == 3
    assert render.write(root) == []
    assert render.main(["--check"], root) == 0


def test_a_change_to_one_cell_keeps_the_other_cells_ids(root):
    render.write(root)
    before = [cell.id for cell in cells(root, "solutions")]
    new = "# %%\nprint('a new cell')\n\n# %% Exercise 1"
    write_lesson(root, "00_make_it", body=BODY.replace("# %% Exercise 1", new))
    render.write(root)
    after = [cell.id for cell in cells(root, "solutions")]
    assert len(set(after)) == len(after) == len(before) + 1
    assert set(before) < set(after)


def test_check_names_what_was_edited_by_hand_and_writes_nothing(root, capsys):
    render.write(root)
    path = root / "notebooks" / "00_make_it.ipynb"
    edited = path.read_text().replace("add one", "add two")
    path.write_text(edited)
    assert render.main(["--check"], root) == 1
    assert "notebooks/00_make_it.ipynb differs" in capsys.readouterr().out
    assert path.read_text() == edited


def test_a_notebook_without_a_source_is_told_and_removed(root, capsys):
    render.write(root)
    orphan = root / "notebooks" / "09_gone.ipynb"
    orphan.write_text("{}")
    assert render.main(["--check"], root) == 1
    assert "notebooks/09_gone.ipynb has no source" in capsys.readouterr().out
    render.write(root)
    assert not orphan.exists()


def test_the_readme_gets_its_table_and_keeps_the_rest(root):
    render.write(root)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "| [00 Make it](notebooks/00_make_it.ipynb) | 3 + 2 | – | free |" in text
    assert "old" not in text


def test_a_readme_without_the_markers_is_a_fault(root):
    (root / "README.md").write_text("no table\n")
    with pytest.raises(render.LessonError, match="<!-- lessons -->"):
        render.write(root)


# What is wrong, what makes it so, the line that must be named, the words that must be said.
FAULTS = {
    "unknown tag": ('tags=["aws"]', 'tags=["asw"]', '# %% tags=["asw"]', "unknown tag asw"),
    "BEGIN without END": ("    # END SOLUTION\n", "", "    # BEGIN SOLUTION",
                          "without `# END SOLUTION`"),
    "END without BEGIN": ("    # BEGIN SOLUTION\n", "", "    # END SOLUTION",
                          "without `# BEGIN SOLUTION`"),
    "BEGIN inside BEGIN": ("    y = x\n", "    # BEGIN SOLUTION\n",
                           "    # BEGIN SOLUTION", "inside another"),
    "check alone": ("# %% Exercise 1\ndef more(x):\n    # BEGIN SOLUTION\n    y = x\n"
                    "    return y + 1\n    # END SOLUTION\n", "", "# %% Check 1", "no exercise"),
    "exercise alone": ("# %% Check 1 tags=[\"check\"]", "# %%", "# %% Exercise 1", "has no check"),
    "another's check": ("# %% Check 1", "# %% Check 2", "# %% Check 2", "no exercise"),
    "title": ("# %% Exercise 1", "# %% exercise one", "# %% exercise one", "# %% Exercise N"),
    "other metadata": ('tags=["aws"]', 'tag=["aws"]', '# %% tag=["aws"]', "title and tags"),
    "text before the cells": ("# %% [markdown]\n# # {title}", "x = 1\n# %% [markdown]", "x = 1",
                              "before the first"),
}


@pytest.mark.parametrize("old, new, line, words", FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_source_is_told_with_its_line(tmp_path, old, new, line, words, capsys):
    assert BODY.count(old) == 1
    path = write_lesson(tmp_path, "00_make_it", body=BODY.replace(old, new))
    assert render.main([], tmp_path) == 1
    said = capsys.readouterr().err
    number = int(re.match(rf"{re.escape(str(path))}:(\d+): ", said)[1])
    assert path.read_text(encoding="utf-8").splitlines()[number - 1].startswith(line)
    assert words in said
    assert not list(tmp_path.rglob("*.ipynb"))


HEADER_FAULTS = {
    "missing key": ("#   cost: \"free\"\n", "", "lacks cost"),
    "unknown key": ("#   cost:", "#   colour: blue\n#   cost:", "unknown keys: colour"),
    "title": ("# title: Make it\n", "", "`title` is missing"),
    "number": ('number: "00"', 'number: "01"', "the file's name says"),
    "number without quotes": ('number: "00"', "number: 00", "a string, in quotes"),
    "minutes": ("reading: 3", "reading: long", "whole minutes"),
    "minutes of a run": ("execution: 1", "execution: 1.5", "whole minutes"),
    "needs": ("needs: []", "needs: [magic]", "known are: docker"),
    "products": ("products: []", "products: one", "give a list"),
    "no YAML": ("# title: Make it", "# title: [", "header:"),
    "no header": ("# ---\n# title", "# title", "no header"),
}


@pytest.mark.parametrize("old, new, words", HEADER_FAULTS.values(), ids=HEADER_FAULTS)
def test_a_fault_in_the_header_is_told(tmp_path, old, new, words):
    path = write_lesson(tmp_path, "00_make_it")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(render.LessonError, match=rf"00_make_it.py:\d+: .*{words}"):
        render.parse(path)


def test_shared_files_are_copied_with_a_line_that_says_where_from(root):
    common = root / "lambda" / "common"
    common.mkdir(parents=True)
    for name in render.COPIES:
        (common / name).write_text('"""Über."""\n', encoding="utf-8")
    changed = render.write(root)
    for name, copies in render.COPIES.items():
        for copy in copies:
            assert root / copy in changed
            assert (root / copy).read_text(encoding="utf-8") == (
                f"# Copied from lambda/common/{name} by python3 -m workshop render: "
                'change it there.\n"""Über."""\n')
    assert render.write(root) == []


def test_a_copy_that_was_changed_by_hand_is_told(root, capsys):
    common = root / "lambda" / "common"
    common.mkdir(parents=True)
    for name in render.COPIES:
        (common / name).write_text("x = 1\n")
    render.write(root)
    (root / "lambda/image/web.py").write_text("x = 2\n")
    assert render.main(["--check"], root) == 1
    assert capsys.readouterr().out.startswith("lambda/image/web.py differs from a rendering")
