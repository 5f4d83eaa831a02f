"""How far each pin may move, moving them, and what is told of it."""
import re
import shutil

import pytest

from workshop.commands import newest
from workshop.machine import environment, pins, requirements
from workshop.machine.paths import ROOT

HEAD = "dependencies:\n  - python\n  - pip:\n      - -e .\n"


def derived(*entries):
    return requirements.newest(HEAD + "".join(f"      - {entry}\n" for entry in entries))[1:]


def test_a_pin_moves_as_far_as_its_comment_says():
    assert derived("free==1.2", "below==6.3  # newest: <7, 7 breaks trees",
                   "fixed==1.0.2  # newest: held, its private functions are used",
                   "noted==2.0  # a remark", 'other==1; python_version > "3"',
                   'both==1; os == "x"  # newest: <2, why') == [
        "free>=1.2", "below>=6.3,<7", "fixed==1.0.2", "noted>=2.0",
        'other>=1; python_version > "3"', 'both>=1,<2; os == "x"']


@pytest.mark.parametrize("comment", [
    "newest: <7", "newest: held", "newest: held,", "newest: 7, why", "newest: <=7, why",
    "newest <7, why", "newest: never, why", "newest:<7, why"])
def test_another_form_is_refused_with_its_line_and_the_right_form(comment):
    with pytest.raises(requirements.UnclearPinError) as caught:
        derived("fine==1", f"numpy==2.4  # {comment}")
    assert str(caught.value).startswith("environment.yml:6: ")
    assert "how far numpy may move: write `# newest: <VERSION, why`" in str(caught.value)


def test_environment_yml_says_how_far_each_of_its_pins_may_move():
    entries = requirements.newest(requirements.FILE.read_text(encoding="utf-8"))
    pinned = requirements.pinned()
    assert [re.split("[=>]=", entry)[0] for entry in entries] == [
        entry.partition("==")[0] for entry in pinned]
    assert "ministack==" in str(entries), "its private functions are replaced"
    assert any(re.fullmatch(r"protobuf>=[\d.]+,<7", entry) for entry in entries)


# ------------------------------------------------------------- the environment of newest versions

def test_only_with_the_variable_is_anything_but_the_pins_installed(monkeypatch):
    monkeypatch.delenv(requirements.VARIABLE, raising=False)
    assert requirements.wanted() == requirements.pinned()
    monkeypatch.setenv(requirements.VARIABLE, "0")
    assert requirements.wanted() == requirements.pinned()
    monkeypatch.setenv(requirements.VARIABLE, "1")
    assert requirements.wanted() == requirements.newest(requirements.FILE.read_text())


def test_an_environment_of_newest_versions_is_not_taken_for_one_of_the_pins(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    (tmp_path / "pyvenv.cfg").write_text("version = 3.13.1\n")
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "STAMP", tmp_path / "workshop.json")
    monkeypatch.setattr(environment, "CONTENTS", tmp_path / "workshop.contents")
    for made_with, other in (("1", "0"), ("0", "1")):
        monkeypatch.setenv(requirements.VARIABLE, made_with)
        environment.write_stamp()
        assert environment.is_ready() and environment._can_update()
        monkeypatch.setenv(requirements.VARIABLE, other)
        assert not environment.is_ready() and not environment._can_update()


# ---------------------------------------------------------------- moving

@pytest.fixture
def clone(tmp_path):
    """What of this clone repeats pins."""
    for path in sorted(path for pattern in newest.COPIES for path in ROOT.glob(pattern)):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def lines_with(root, words):
    """{file: how many lines hold the words}."""
    found = {path.relative_to(root).as_posix(): path.read_text().count(words)
             for path in root.rglob("*") if path.is_file()}
    return {path: count for path, count in found.items() if count}


def test_a_pin_moves_wherever_it_is_repeated(clone):
    pin = next(entry for entry in requirements.pinned() if entry.startswith("numpy=="))
    before = lines_with(clone, pin)
    assert {"environment.yml", "lambda/churn/requirements.txt",
            "docker/sagemaker/requirements.txt"} < set(before)
    assert any(path.startswith("solutions/") for path in before)
    old = pin.partition("==")[2]
    assert newest.move({"numpy": "99.1"}, clone) == [("numpy", old, "99.1")]
    assert lines_with(clone, pin) == {} and lines_with(clone, "numpy==99.1") == before
    assert newest.move({"numpy": "99.1"}, clone) == []


def test_only_whole_names_and_versions_move(tmp_path):
    (tmp_path / "environment.yml").write_text(
        HEAD + "      - onnx==1.2\n      - tf2onnx==1.2\n      - Torch==2.1\n")
    function = tmp_path / "lambda" / "a" / "requirements.txt"
    function.parent.mkdir(parents=True)
    function.write_text("onnx==1.2\nonnx==1.2.3\nmy.onnx==1.2\n")
    assert newest.move({"onnx": "1.3", "tf2onnx": "1.2", "torch": "2.1+cpu"}, tmp_path) == [
        ("onnx", "1.2", "1.3")]
    assert function.read_text() == "onnx==1.3\nonnx==1.2.3\nmy.onnx==1.2\n"
    assert "- tf2onnx==1.2\n      - Torch==2.1\n" in (tmp_path / "environment.yml").read_text()


# ---------------------------------------------------------------- telling

def test_the_table_names_what_moved():
    assert "No pin moved" in newest.table([])
    assert newest.table([("numpy", "2.4", "2.5")]).splitlines()[-1] == "| numpy | 2.4 | 2.5 |"


JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_fine"/>
<testcase classname="tests.test_a" name="test_skipped"><skipped message="no"/></testcase>
%s</testsuite></testsuites>"""
FAILED = ('<testcase classname="tests.test_b" name="test_%d"><failure message="assert `1` == 2&#10;'
          'more">trace</failure></testcase>')


def test_a_report_counts_failures_and_names_the_first(tmp_path, capsys):
    file = tmp_path / "junit.xml"
    assert newest.main([str(file)]) == 0
    assert "The tests did not run" in capsys.readouterr().out
    file.write_text("<testsuites><testsuite/></testsuites>")
    assert "The tests did not run" in newest.broken(file)
    file.write_text(JUNIT % "")
    assert newest.broken(file) == "All 2 tests passed."
    many = newest.FIRST + 3
    file.write_text(JUNIT % "".join(FAILED % number for number in range(many)))
    said = newest.broken(file).splitlines()
    assert said[0] == f"{many} of {many + 2} tests failed."
    assert said[1] == "- `tests.test_b::test_0`: `assert '1' == 2`"
    assert said[-1] == "- and 3 more" and len(said) == newest.FIRST + 2


def test_versions_that_cannot_be_had_are_said_where_the_table_would_be(monkeypatch, capsys):
    def fail():
        raise environment.SetUpError("no version of numpy fits")
    monkeypatch.setenv(requirements.VARIABLE, "0")        # put back at the end
    monkeypatch.setattr(environment, "prepare", fail)
    assert newest.main([]) == 1
    assert "cannot be had:\n\n```\nno version of numpy fits\n```" in capsys.readouterr().out


def test_the_pins_move_and_the_environment_counts_as_complete(monkeypatch, capsys, tmp_path):
    done = []
    monkeypatch.setenv(requirements.VARIABLE, "0")
    monkeypatch.setattr(environment, "prepare", lambda: print("ready") or tmp_path)
    monkeypatch.setattr(environment, "write_stamp", lambda: done.append("stamp"))
    monkeypatch.setattr(newest, "_installed", lambda python: {"a": "2"})
    monkeypatch.setattr(newest, "move", lambda installed: done.append("move") or [("a", "1", "2")])
    monkeypatch.setattr(pins, "write", lambda prefer: done.append(prefer))
    monkeypatch.setattr(newest.subprocess, "run", lambda command, **more: type("Done", (), {
        "returncode": 0})())
    assert newest.main([]) == 0
    assert done == ["move", {"a": "2"}, "stamp"]
    said = capsys.readouterr()
    assert said.out.endswith("| a | 1 | 2 |\n") and "ready" not in said.out
