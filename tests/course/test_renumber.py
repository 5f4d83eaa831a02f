"""Other numbers for lessons: in names, headers, links and texts, and nowhere else."""
import subprocess

import pytest

from tiny_lessons import write_lesson
from workshop.course import render, renumber


@pytest.fixture
def root(tmp_path):
    for name in ("00_make_it", "01_take_it"):
        write_lesson(tmp_path, name)
    answers = tmp_path / "tests" / "exercises"
    answers.mkdir(parents=True)
    for number in ("00", "01"):
        (answers / f"{number}.py").write_text(f'"""Of lesson {number}."""\n')
    render.write(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def test_all_of_a_lesson_moves_and_the_others_stay(root):
    assert renumber.main(["01=03"], root) == 0
    assert [one.name for one in render.lessons(root)] == ["00_make_it", "03_take_it"]
    assert "(03_take_it.ipynb)" in (root / "solutions/00_make_it.py").read_text()
    assert (root / "tests/exercises/03.py").read_text() == '"""Of lesson 03."""\n'
    assert sorted(path.name for path in (root / "notebooks").iterdir()) == [
        "00_make_it.ipynb", "03_take_it.ipynb"]
    assert not render.differences(root)


def test_two_lessons_change_places(root):
    assert renumber.main(["00=01", "01=00"], root) == 0
    assert [one.name for one in render.lessons(root)] == ["00_take_it", "01_make_it"]
    assert (root / "tests/exercises/00.py").read_text() == '"""Of lesson 00."""\n'


@pytest.mark.parametrize("before, after", [
    ("lessons 04, 11 and 12", "lessons 04, 13 and 14"), ("Lessons 05 to 11", "Lessons 05 to 13"),
    ("lesson 08 or 11)", "lesson 08 or 13)"), ("of lesson\n# 12, too", "of lesson\n# 14, too"),
    ("in lesson 12, and 11 MB", "in lesson 14, and 11 MB"), ("lesson 11's", "lesson 13's"),
    ('lessons.require("11")', 'lessons.require("13")'),
    ('lessons.catch_up("11", "Exercise 2")', 'lessons.catch_up("13", "Exercise 2")'),
    ("11 lessons", "11 lessons"),
    ("python3 -m workshop run 11`", "python3 -m workshop run 13`"),
    ("python3 -m workshop run 02 11 12 and 11 MB", "python3 -m workshop run 02 13 14 and 11 MB"),
    ("WORKSHOP_STARTS=11 python3 -m workshop run 12",
     "WORKSHOP_STARTS=11 python3 -m workshop run 14"),
    ("python3 -m workshop run -j 2 12", "python3 -m workshop run -j 2 14"),
    ("python3 -m workshop level 11", "python3 -m workshop level 13"),
    ("python3 -m workshop reset 11", "python3 -m workshop reset 13"),
    ('lessons.run(["11", "12"])', 'lessons.run(["13", "14"])'),
    ('lessons.catch_up("11", "A part")', 'lessons.catch_up("13", "A part")'),
    ("onnx -. 11 .-> function -->|12| https", "onnx -. 13 .-> function -->|14| https"),
    ('engine.own("workshop-11")', 'engine.own("workshop-13")'),
    ("--label workshop.lesson=12 --publish", "--label workshop.lesson=14 --publish"),
    ("[it](../notebooks/11_x.ipynb)", "[it](../notebooks/13_x.ipynb)"),
])
def test_a_number_changes_where_it_is_a_lessons(before, after):
    assert renumber.changed(before, {"11_x": "13_x"}, {"11": "13", "12": "14"}) == after


def test_strings_that_may_be_numbers_are_shown(root, capsys):
    (root / "tests/number.py").write_text('OFFLINE = {"01", "02"}\n')
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    assert renumber.main(["01=03"], root) == 0
    assert 'tests/number.py:1: OFFLINE = {"01", "02"}' in capsys.readouterr().out


@pytest.mark.parametrize("moves, words", [
    (["01"], "OLD=NEW"), (["05=06"], "no lesson 05"), (["01=00"], "two lessons"),
    (["01=02", "01=03"], "OLD once")])
def test_what_cannot_be_is_refused_and_nothing_changes(root, moves, words, capsys):
    before = sorted(root.rglob("*"))
    assert renumber.main(moves, root) == 2
    assert words in capsys.readouterr().err
    assert sorted(root.rglob("*")) == before
