"""Executing lessons: what is made, what is not taken for made, and what a fault says."""
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tiny_lessons import MAKE, runs, write_lesson
from workshop.course import lessons, site
from workshop.machine import engine

PRODUCT = "build/product.txt"
REQUIRE = "from pathlib import Path; from workshop import lessons; lessons.require('00', Path('.'))"
HALF = """
# %%
Path("../build").mkdir(exist_ok=True)
Path("../build/product.txt").write_text("half")
"""


@pytest.fixture
def root(tmp_path):
    write_lesson(tmp_path, "00_make_it", products=PRODUCT, more=MAKE)
    return tmp_path


def start(root):
    return subprocess.Popen([sys.executable, "-c", REQUIRE.replace("'.'", repr(str(root)))],
                            cwd=lessons.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


@pytest.mark.parametrize("what", ["00", PRODUCT, f"../{PRODUCT}"])
def test_a_missing_product_is_made_once(root, what, capsys):
    lessons.require(what, root)
    assert "Make it" in capsys.readouterr().out
    lessons.require(what, root)
    assert capsys.readouterr().out == ""
    assert (root / PRODUCT).read_text() == "whole" and runs(root) == 1


@pytest.mark.parametrize("what", ["07", "build/nothing.txt"])
def test_what_no_lesson_makes_is_refused(root, what):
    with pytest.raises(ValueError, match="no lesson|No lesson"):
        lessons.require(what, root)


def test_a_fault_names_lesson_cell_and_line_and_its_half_product_does_not_count(root):
    path = write_lesson(root, "00_make_it", products=PRODUCT, more=HALF + "\n# %%\n1 / 0\n")
    with pytest.raises(lessons.LessonRunError) as told:
        lessons.require("00", root)
    line = len(path.read_text().splitlines()) - 1
    assert "Lesson 00, “Make it”: cell 8 of 8" in str(told.value)
    assert f"solutions/00_make_it.py:{line}" in str(told.value)
    assert "ZeroDivisionError" in str(told.value)
    assert (root / PRODUCT).read_text() == "half"
    write_lesson(root, "00_make_it", products=PRODUCT, more=MAKE)
    lessons.require("00", root)
    assert (root / PRODUCT).read_text() == "whole"


# Windows knows one way to end another process.
ENDS = ({"Ctrl-C": signal.SIGINT, "kill -9": signal.SIGKILL} if os.name == "posix" else
        {"end": signal.SIGTERM})


@pytest.mark.parametrize("how", ENDS.values(), ids=ENDS)
def test_what_an_interrupted_run_leaves_is_made_again(root, how):
    slow = HALF + "import time\ntime.sleep(300)\n"
    write_lesson(root, "00_make_it", products=PRODUCT, more=slow)
    process = start(root)
    try:
        deadline = time.monotonic() + 60
        while not (root / PRODUCT).exists():
            assert process.poll() is None and time.monotonic() < deadline, process.stdout.read()
            time.sleep(0.1)
        process.send_signal(how)
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
    write_lesson(root, "00_make_it", products=PRODUCT, more=MAKE)
    lessons.require("00", root)
    assert (root / PRODUCT).read_text() == "whole"


def test_two_processes_that_ask_at_once_execute_once(root):
    both = [start(root), start(root)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert runs(root) == 1


@pytest.mark.parametrize("name, whole, broken", [
    ("a.json", "{}", "{"), ("a.json", "[1]", ""), ("a.csv", "a,b\n1,2\n", "a,b\n1,")])
def test_a_damaged_product_is_made_again_and_kept_aside(root, name, whole, broken, capsys):
    product = f"build/{name}"
    write_lesson(root, "02_make_more", products=product, more=(
        f"\n# %%\nPath('../{product}').write_text({whole!r})\n"))
    lessons.require("02", root)
    (root / product).write_text(broken)
    capsys.readouterr()
    lessons.require("02", root)
    assert f"Damaged: {product}" in capsys.readouterr().out
    assert (root / product).read_text() == whole
    assert (root / f"{product}.damaged").read_text() == broken


def test_a_lesson_can_require_another_while_it_runs(root):
    inner = ("\n# %%\nfrom workshop import lessons\nnumber = '00'\n"
             f"lessons.require(number, Path({str(root)!r}))\n"
             "Path('../build/second.txt').write_text(Path('../build/product.txt').read_text())\n")
    write_lesson(root, "01_take_it", products="build/second.txt", more=inner)
    lessons.require("01", root)
    assert (root / "build" / "second.txt").read_text() == "whole" and runs(root) == 1


def test_a_lesson_that_does_not_make_its_product_is_a_fault(root):
    write_lesson(root, "00_make_it", products="build/other.txt", more=MAKE)
    with pytest.raises(lessons.LessonRunError, match="did not make build/other.txt"):
        lessons.require("00", root)


def test_a_kernel_that_dies_is_told(root):
    write_lesson(root, "00_make_it", products=PRODUCT, more="\n# %%\nimport os; os._exit(1)\n")
    with pytest.raises(lessons.LessonRunError, match="cell 7 of 7.*its Python ended"):
        lessons.require("00", root)


def test_run_makes_what_is_needed_tells_minutes_and_leaves_pages(root, capsys):
    uses = (f"\n# %%\nfrom workshop import lessons\nlessons.require({PRODUCT!r}, "
            f"Path({str(root)!r}))\n")
    write_lesson(root, "01_take_it", title="Take it", more=uses)
    assert lessons.run(["1"], root) == 0
    said = capsys.readouterr().out
    assert re.search(r"^00 Make it +\d+\.\d min$", said, re.MULTILINE)
    assert re.search(r"^01 Take it +\d+\.\d min$", said, re.MULTILINE)
    assert re.search(r"^1 lesson executed in \d+\.\d min$", said, re.MULTILINE)
    assert site.build(root) == root / "build" / "site" / "index.html"
    assert (root / "build" / "site" / "01_take_it.html").exists()


def test_run_stops_at_the_first_fault_and_says_so(root, capsys):
    write_lesson(root, "00_make_it", more="\n# %%\n1 / 0\n")
    write_lesson(root, "01_take_it")
    assert lessons.run(None, root) == 1
    told = capsys.readouterr()
    assert "ZeroDivisionError" in told.err and "cell 7 of 7" in told.err
    assert "0 lessons executed" in told.out


def test_run_refuses_numbers_that_do_not_exist(root, capsys):
    assert lessons.run(["00", "77"], root) == 2
    assert "There is no lesson 77; there are 00." in capsys.readouterr().err
    assert runs(root) == 0


def test_without_docker_run_skips_what_needs_it_and_says_why(root, capsys, monkeypatch):
    monkeypatch.setattr(engine, "available", lambda: False)
    path = write_lesson(root, "01_take_it", title="Take it")
    path.write_text(path.read_text().replace("needs: []", "needs: [docker]"))
    assert lessons.run(["01"], root) == 0
    assert re.search(r"01 Take it +skipped: needs Docker", capsys.readouterr().out)
    with pytest.raises(ValueError, match="makes no product"):
        lessons.require("01", root)
