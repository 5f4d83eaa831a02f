"""The paths of TEACHING.md, resolved to cells: what `tests/support/walk_path.py` runs."""
import contextlib

import pytest

import walk_path
from tiny_lessons import BODY, write_lesson
from workshop.course import catch_up, paths, render

LESSONS = render.lessons()
NAMED = BODY.replace("# # {title}", "# # {title}\n#\n# ## First").replace(
    "# %% Exercise 1", "# %% [markdown]\n# ### Exercise 1: add `one` (7 minutes)\n\n"
    "# %% Exercise 1") + """
# %% [markdown]
# ## Second

# %%
late = 3

# %% [markdown]
# ## Third

# %%
last = late, more(1)
"""


def day(path, number, late=False):
    """(visit, cells of its lesson that ran before) of each visit of a day, as an open kernel has.
    """
    before = {}
    for block in path.days[number].blocks:
        for visit in walk_path.visits(block, LESSONS, late, {*before}):
            done = before.setdefault(visit.lesson.number, [])
            yield visit, [*done]
            done += [*(catch_up.above(visit.lesson, visit.prepared) if visit.prepared else []),
                     *visit.cells]


DAYS = [(path, number, late) for path in paths.PATHS for number in range(len(path.days))
        for late in (False, True)]


@pytest.mark.parametrize("path, number, late", DAYS, ids=[
    f"{path.name}-{number + 1}{'-late' * late}" for path, number, late in DAYS])
def test_every_cell_of_a_path_finds_the_names_that_it_needs(path, number, late):
    found = [*day(path, number, late)]
    assert found
    for visit, before in found:
        assert visit.cells == sorted(visit.cells, key=lambda cell: cell.line)
        assert walk_path.unknown(visit, before) == [], (
            f"lesson {visit.lesson.number}: add the section that makes it to the path, or set "
            "`prepared` or `between`")


@pytest.fixture
def course(tmp_path):
    write_lesson(tmp_path, "00_make_it", body=NAMED)
    return render.lessons(tmp_path)


def visit(course, *parts, opened=()):
    [found] = walk_path.visits(paths.Block("b", tuple(
        paths.Part("make_it", *one[:2], **one[2]) for one in parts), "seen"), course, opened=opened)
    return found, [name.split(" ")[0] for name in walk_path.unknown(found)]


def test_a_section_that_is_passed_over_is_missed_by_name(course):
    _, missed = visit(course, (("First", "Third"), (1,), {}))
    assert missed == ["late"]
    _, missed = visit(course, (("First", "Third"), (), {}))
    assert missed == ["late", "more"]


@pytest.mark.parametrize("part", [
    (("First", "Third"), (), {"between": True}), (("Third",), (), {"prepared": "Third"}),
    (("First", "Second", "Third"), (1,), {})])
def test_what_makes_the_names_is_enough(course, part):
    found, missed = visit(course, part)
    assert missed == []
    assert [cell.source for cell in found.cells][-1] == "last = late, more(1)"


def test_cells_that_were_prepared_are_not_run_again(course):
    found, _ = visit(course, (("First", "Third"), (), {"prepared": "Third"}))
    assert [cell.source for cell in found.cells] == ["last = late, more(1)"]


def test_a_block_walks_a_lesson_once_and_in_its_order(course):
    found, missed = visit(course, (("Third",), (), {}), (("First", "Second"), (1,), {}))
    assert missed == [] and found.solved == {1}


def test_a_cell_that_fails_is_named(course, tmp_path):
    source = course[0].path
    source.write_text(source.read_text().replace("late = 3", "1 / 0"))
    [lesson] = render.lessons(tmp_path)
    found, _ = visit([lesson], (("First", "Second"), (), {}))
    with contextlib.ExitStack() as stack, pytest.raises(
            walk_path.WalkError, match=r"(?s)00, “Make it”: the cell at 00_make_it.py:\d+ failed:"
                                       r".*ZeroDivisionError"):
        walk_path.walk(found, walk_path.Notebook(lesson, stack))


def test_a_lesson_that_is_open_is_prepared_again_and_a_block_may_have_no_cells(
        course, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(walk_path, "Notebook", lambda lesson, stack: lesson)
    monkeypatch.setattr(walk_path, "prepare", lambda visit, _: ran.append(visit.prepared) or 1)
    monkeypatch.setattr(walk_path, "walk", lambda visit, _: [])
    parts = (paths.Part("make_it", ("First",)), paths.Part("make_it", ("Third",), prepared="Third"))
    day = paths.Day(0, 0, tuple(paths.Block("b", (part,), "seen") for part in parts))
    walk_path.walk_day(day, course, None, False, 1)
    assert ran == ["Third"]
    assert "0 cells ran" in capsys.readouterr().out
