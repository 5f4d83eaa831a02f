"""The learner's own notebooks: made, renewed, kept, and never in the way of `git pull`."""
import datetime
import os
import subprocess

import pytest

from workshop.commands import notebooks
from workshop.machine.paths import MINE, NOTEBOOKS, ROOT

FIRST, SECOND = "00_look.ipynb", "01_write.ipynb"


@pytest.fixture
def clone(tmp_path):
    for name in (FIRST, SECOND):
        publish(tmp_path, name, f"{name}, first version")
    return tmp_path


def publish(root, name, text):
    path = root / "notebooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def mine(root):
    return {path.name: path.read_text() for path in (root / "my_notebooks").glob("*.ipynb")}


def test_git_ignores_the_copies_and_they_lie_as_deep_as_the_notebooks():
    name = f"{MINE.name}/{FIRST}"
    done = subprocess.run(["git", "check-ignore", name], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == name
    assert MINE.parent == NOTEBOOKS.parent


def test_what_is_missing_is_copied_and_what_nobody_changed_is_renewed(clone, capsys):
    assert notebooks.refresh(clone) == clone / "my_notebooks"
    assert mine(clone) == {name: f"{name}, first version" for name in (FIRST, SECOND)}
    publish(clone, FIRST, "second version")
    notebooks.refresh(clone)
    assert mine(clone)[FIRST] == "second version"
    assert capsys.readouterr().out == ""


def test_what_the_learner_changed_stays_and_the_newer_version_is_named(clone, capsys):
    notebooks.refresh(clone)
    (clone / "my_notebooks" / FIRST).write_text("my answers")
    notebooks.refresh(clone)
    assert capsys.readouterr().out == "", "there is no newer version yet"
    publish(clone, FIRST, "second version")
    notebooks.refresh(clone)
    assert mine(clone)[FIRST] == "my answers"
    assert "newer version of lesson 00" in (said := capsys.readouterr().out)
    assert "reset 00" in said


def test_without_its_record_no_changed_copy_is_overwritten(clone):
    notebooks.refresh(clone)
    (clone / "my_notebooks" / FIRST).write_text("my answers")
    (clone / "my_notebooks" / notebooks.RECORD).write_text("{damaged")
    publish(clone, SECOND, "second version")
    notebooks.refresh(clone)
    assert mine(clone) == {FIRST: "my answers", SECOND: f"{SECOND}, first version"}


def test_after_a_renumbering_a_changed_copy_stays_and_an_untouched_one_goes(clone):
    notebooks.refresh(clone)
    (clone / "my_notebooks" / FIRST).write_text("my answers")
    for name in (FIRST, SECOND):
        (clone / "notebooks" / name).rename(clone / "notebooks" / f"5{name}")
    notebooks.refresh(clone)
    assert sorted(mine(clone)) == [FIRST, f"5{FIRST}", f"5{SECOND}"]
    assert mine(clone)[FIRST] == "my answers"


def test_reset_keeps_the_learners_copy_by_date_and_overwrites_none(clone, capsys):
    notebooks.refresh(clone)
    today = datetime.date.today().isoformat()
    for text in ("first answers", "second answers"):
        (clone / "my_notebooks" / FIRST).write_text(text)
        assert notebooks.reset(["0"], clone) == 0
    assert mine(clone) == {FIRST: f"{FIRST}, first version", SECOND: f"{SECOND}, first version",
                           f"00_look.{today}.ipynb": "first answers",
                           f"00_look.{today}-2.ipynb": "second answers"}
    assert f"Yours is kept: my_notebooks/00_look.{today}-2.ipynb" in capsys.readouterr().out


def test_reset_of_an_untouched_copy_keeps_nothing_beside_it(clone):
    assert notebooks.reset(["00", "01"], clone) == 0
    assert notebooks.reset(["00"], clone) == 0
    assert sorted(mine(clone)) == [FIRST, SECOND]


@pytest.mark.parametrize("arguments, words", [([], "usage"), (["07"], "no lesson 07"),
                                              (["00", "x"], "no lesson 0x")])
def test_reset_of_no_lesson_is_refused_and_changes_nothing(clone, capsys, arguments, words):
    assert notebooks.reset(arguments, clone) == 2
    assert words in capsys.readouterr().err and not (clone / "my_notebooks").exists()


def test_a_pull_never_meets_a_learners_answers(tmp_path):
    """With real git: the learner works and resets, the author publishes, the learner pulls."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(folder, *arguments):
        done = subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com",
                               *arguments], cwd=folder, capture_output=True, text=True,
                              env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    author = tmp_path / "author"
    publish(author, FIRST, "first version")
    (author / ".gitignore").write_text((ROOT / ".gitignore").read_text(encoding="utf-8"))
    git(author, "init", "-q")
    git(author, "add", ".")
    git(author, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", "author", "learner")
    learner = tmp_path / "learner"
    notebooks.refresh(learner)
    (learner / "my_notebooks" / FIRST).write_text("my answers")
    publish(author, FIRST, "second version")
    git(author, "commit", "-qam", "second")
    git(learner, "pull", "-q", "--ff-only")
    notebooks.refresh(learner)
    assert mine(learner) == {FIRST: "my answers"}
    assert notebooks.reset(["00"], learner) == 0
    assert mine(learner)[FIRST] == "second version" and "my answers" in mine(learner).values()
    assert git(learner, "status", "--porcelain") == ""
