"""`catch_up` in a real kernel, and `level`: what a learner needs to go on in the middle."""
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tiny_lessons import BODY, MAKE, runs, write_lesson
from workshop.course import catch_up, lessons, render

LESSON = BODY.replace("# %% Exercise 1", "# %% [markdown]\n# ### Exercise 1: add `one`\n\n"
                      "# %% Exercise 1") + """
# %% [markdown]
# ## Then the rest

# %%
late = more(3)

# %% [markdown]
# ## And a fault

# %%
1 / 0

# %% [markdown]
# ## Recap
"""


def after(root, upto, *cells):
    """The printed texts of cells that follow a catch_up in a fresh kernel."""
    call = (f"import pathlib, sys\nsys.path.insert(0, {str(lessons.ROOT)!r})\n"
            "from workshop import lessons\n"
            f"lessons.catch_up('00', {upto!r}, root=pathlib.Path({str(root)!r}))")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in (call, *cells)])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    return ["".join(output.text for output in cell.outputs) for cell in book.cells]


def test_the_names_are_there_again_with_the_solutions_and_without_their_output(tmp_path):
    write_lesson(tmp_path, "00_make_it", body=LESSON)
    said, names, prompt = after(tmp_path, "And a fault", "print(late, more(1), Path.__name__)",
                                "print(len(In))")
    assert said == "6 cells executed, with the solutions of the exercises among them.\n"
    assert names == "4 2 Path\n"
    assert prompt == "4\n", "the cells that it executed have no numbers in the notebook"


def test_nothing_below_the_heading_is_executed(tmp_path):
    write_lesson(tmp_path, "00_make_it", body=LESSON)
    assert after(tmp_path, "Exercise 1", "print('more' in globals(), 'Path' in globals())")[1] == (
        "False True\n")


def test_a_cell_that_fails_is_named_with_its_line(tmp_path):
    path = write_lesson(tmp_path, "00_make_it", body=LESSON)
    line = path.read_text().splitlines().index("1 / 0")     # that of the marker above, from 1
    with pytest.raises(CellExecutionError, match=rf"00_make_it.py:{line} failed: ZeroDivision"):
        after(tmp_path, "Recap")


def test_a_heading_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    lesson = render.parse(write_lesson(tmp_path, "00_make_it", body=LESSON))
    with pytest.raises(ValueError, match="begins with 'Exercise 2'; it has: Make it; Exercise 1"):
        catch_up.above(lesson, "Exercise 2")


def test_outside_a_notebook_it_is_refused(tmp_path):
    write_lesson(tmp_path, "00_make_it", body=LESSON)
    with pytest.raises(RuntimeError, match="belongs in a notebook's cell"):
        catch_up.catch_up("00", "Exercise 1", tmp_path)


def test_level_makes_what_a_lesson_needs_once_and_not_the_lesson(tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it", products="build/product.txt", more=MAKE)
    write_lesson(tmp_path, "01_take_it", more='\n# %%\nlessons.require("00")\n1 / 0\n')
    for _ in range(2):
        assert lessons.level(["01"], tmp_path) == 0
        assert re.search("Lesson 01, “Make it”, can start. It needs build/product.txt: there.",
                         capsys.readouterr().out)
    assert runs(tmp_path) == 1


@pytest.mark.parametrize("numbers, status, words", [([], 2, "usage"), (["77"], 1, "no lesson 77")])
def test_level_of_no_lesson_is_refused(tmp_path, capsys, numbers, status, words):
    write_lesson(tmp_path, "00_make_it")
    assert lessons.level(numbers, tmp_path) == status
    assert words in capsys.readouterr().err


def test_level_says_when_docker_is_missing(tmp_path, capsys, monkeypatch):
    path = write_lesson(tmp_path, "00_make_it")
    path.write_text(path.read_text().replace("needs: []", "needs: [docker]"))
    monkeypatch.setattr(lessons.engine, "available", lambda: False)
    assert lessons.level(["00"], tmp_path) == 1
    assert "Lesson 00 needs Docker" in capsys.readouterr().err
