"""`test -j N` and `run -j N`: what runs when and where, what is printed, and that all ends."""
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tiny_lessons import MAKE, write_lesson
from workshop.commands import side_by_side
from workshop.commands.side_by_side import Task
from workshop.course import render
from workshop.local import addresses, lifecycle
from workshop.machine import engine, processes
from workshop.machine.paths import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "BUILD", tmp_path / "build")
    monkeypatch.setattr(side_by_side, "RECORD", tmp_path / "build/side_by_side.json")
    # At its end a run stops the local clouds of its places: not the one that other tests use.
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("WORKSHOP_PORT", str(free.getsockname()[1]))
    return tmp_path


def task(name, code, after=()):
    return Task(name, ("-c", code), frozenset(after))


def test_every_test_file_and_every_notebook_is_in_one_task():
    named = [word for task in side_by_side.test_tasks() for word in task.arguments
             if word.endswith((".py", ".ipynb"))]
    there = [path.relative_to(ROOT).as_posix() for path in [
        *(ROOT / "tests").rglob("test_*.py"), *(ROOT / "solutions").glob("*.ipynb"),
        *(ROOT / "notebooks").glob("*.ipynb")]]
    assert sorted(named) == sorted(there)


def test_what_is_to_run_alone_exists():
    assert side_by_side.ALONE.keys() <= {task.name for task in side_by_side.test_tasks()}


def test_every_lesson_comes_after_those_that_make_what_it_needs():
    for tasks in (side_by_side.lesson_tasks(None), side_by_side.test_tasks()):
        after = {task.name: task.after for task in tasks if task.name.startswith("lesson")}
        assert list(after) == [f"lesson {lesson.number}" for lesson in render.lessons(ROOT)]
        assert after["lesson 03"] == {"lesson 02"} and after["lesson 10"] == {"lesson 08"}
        assert after["lesson 13"] == {"lesson 03", "lesson 08"} and not after["lesson 07"]


def test_tasks_run_side_by_side_after_what_they_need_and_alone_at_the_end(
        folder, monkeypatch, capfd):
    """Two tasks meet, or neither ends; the third finds what the first has made."""
    monkeypatch.setattr(side_by_side, "ALONE", {"alone": "it measures time"})
    meet = ("import pathlib, time\nmine, other = pathlib.Path({0!r}), pathlib.Path({1!r})\n"
            "mine.touch()\nwhile not other.exists(): time.sleep(.02)\n")
    a, b, c = (str(folder / name) for name in "abc")
    tasks = [task("alone", f"import pathlib; assert pathlib.Path({c!r}).exists()"),
             task("third", f"import pathlib, time; assert pathlib.Path({a!r}).exists(); "
                           f"time.sleep(.5); pathlib.Path({c!r}).touch()", ["first"]),
             task("first", meet.format(a, b)), task("second", meet.format(b, a))]
    assert side_by_side._all(tasks, 2) == 0
    said = capfd.readouterr().out
    assert "[4/4, about 0 min left] alone" in said and "4 tasks in" in said


def test_a_failure_is_told_whole_and_the_others_go_on(capfd):
    tasks = [task("bad", "raise SystemExit('this is why')"),
             task("good", "print('3 passed, 1 skipped in 0.1s')")]
    assert side_by_side._all(tasks, 2) == 1
    said = capfd.readouterr().out
    assert "bad failed (status 1)\nthis is why" in said
    assert "3 passed, 1 skipped; failed: bad" in said.splitlines()[-1]


def test_each_place_has_a_cloud_and_names_of_its_own(folder, capfd):
    code = ("import os, pathlib, time\nfrom workshop.machine import engine\n"
            f"folder = pathlib.Path({str(folder)!r})\n"
            "(folder / os.environ['WORKSHOP_PORT']).write_text(engine.own('churn:v1'))\n"
            "while len(list(folder.glob('[0-9]*'))) < 3: time.sleep(.02)\n")
    assert side_by_side._all([task(name, code) for name in "abc"], 3) == 0
    found = {path.name: path.read_text() for path in folder.glob("[0-9]*")}
    assert found[str(addresses.port())] == engine.own("churn:v1")
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("memory, count", [(0.5, 1), (6, 2), (9, 3), (500, 4)])
def test_places_fit_memory_and_processors(monkeypatch, memory, count):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert side_by_side.places(memory * 2**30) == count
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert side_by_side.places(500 * 2**30) == 2


def test_lessons_run_side_by_side_and_unknown_ones_are_refused(tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it", products="build/product.txt", more=MAKE)
    assert [task.arguments[2:] for task in side_by_side.lesson_tasks(None, tmp_path)] == [("00",)]
    assert side_by_side.run(["77"], 2, tmp_path) == 2
    assert "There is no lesson 77" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals of a process group are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_tasks_and_their_local_clouds(folder, number):
    """A pytest with a local cloud, on a port that is known, is ended; so is a child of its own."""
    suite, ready = folder / "test_long.py", folder / "ready"
    suite.write_text(
        "import os, pathlib, subprocess, time\n"
        "from workshop.local import lifecycle\n"
        "def test_long():\n"
        "    lifecycle.start()\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        f"    (pathlib.Path({str(ready)!r} + os.environ['WORKSHOP_PORT'])).write_text(\n"
        "        f'{os.getpid()} {child.pid} {lifecycle.status()[\"pid\"]}')\n"
        "    time.sleep(600)\n")
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(suite))
    main = ("from pathlib import Path; from workshop.commands import side_by_side as s; "
            f"s.BUILD = Path({str(folder)!r}); "
            f"s._all([s.Task(name, {words!r}) for name in 'ab'], 2)")
    parent = subprocess.Popen([sys.executable, "-c", main], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={
                                  **os.environ, "WORKSHOP_PORT": str(_free_port())})
    deadline = time.monotonic() + 120
    while len(notes := list(folder.glob("ready*"))) < 2 or not all(
            len(note.read_text().split()) == 3 for note in notes):
        assert time.monotonic() < deadline and parent.poll() is None, parent.communicate()[0]
        time.sleep(0.1)
    parent.send_signal(number)
    parent.communicate(timeout=240)
    assert parent.returncode
    for note in notes:
        for pid in note.read_text().split():
            assert not _lives(int(pid)), processes.command(int(pid))
        assert not lifecycle.listening(int(note.name.removeprefix("ready")))


def _lives(pid) -> bool:
    """A process that has ended and whose parent has not asked yet has no command line."""
    return Path(f"/proc/{pid}").exists() and bool(processes.command(pid))


def _free_port() -> int:
    import socket
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
