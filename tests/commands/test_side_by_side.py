"""`test` and `run`: what runs when and where, what is printed, and that all ends."""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tiny_lessons import MAKE, write_lesson
from workshop.commands import selection, side_by_side
from workshop.commands.side_by_side import Task
from workshop.course import exercises, render
from workshop.local import addresses, lifecycle
from workshop.machine import engine, processes
from workshop.machine.paths import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "BUILD", tmp_path / "build")
    monkeypatch.setattr(side_by_side, "RECORD", tmp_path / "build/side_by_side.json")
    # The suite itself may run side by side: what runs here begins as a user's own would.
    monkeypatch.delenv("WORKSHOP_WORKER", raising=False)
    # At its end a run stops the local clouds of its places: not the one that other tests use.
    monkeypatch.setenv("WORKSHOP_PORT", str(_free_port()))
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


# Collects the whole suite twice in one process: as one pytest does, and all that the tasks name.
COLLECT = """
import json, sys
import pytest
from workshop.commands import side_by_side
class Items:
    def pytest_collection_modifyitems(self, items):
        self.names = [item.nodeid for item in items]
def collected(*words):
    items, options = Items(), ["--nbval-lax", "--collect-only", "-qq", "-p", "no:cacheprovider"]
    assert pytest.main([*options, *words], plugins=[items]) == 0
    return items.names
words = [word for task in side_by_side.test_tasks() for word in task.arguments
         if word.endswith((".py", ".ipynb"))]
json.dump([collected(), collected(*words)], open(sys.argv[1], "w"))
"""


def test_no_test_is_lost_and_none_runs_twice(folder):
    answer = folder / "collected.json"
    done = subprocess.run([sys.executable, "-c", COLLECT, answer], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    one, many = json.loads(answer.read_text())
    assert len(one) > 4000
    # Without parameters: what is no ASCII in them, the second collection escapes once more.
    assert Counter(name.partition("[")[0] for name in one) == Counter(
        name.partition("[")[0] for name in many)


FILE = "tests/account/test_queues.py"


@pytest.mark.parametrize("chosen, names, ending", [
    ([FILE], [FILE], FILE), ([f"./{FILE}"], [FILE], FILE), ([str(ROOT / FILE)], [FILE], FILE),
    ([f"{FILE}::test_a"], [FILE], f"{FILE}::test_a"),
    ([f"{FILE}::test_a", FILE], [FILE], FILE),
    (["notebooks/00_set_up_and_look_around.ipynb"], ["lesson 00"],
     "notebooks/00_set_up_and_look_around.ipynb"),
    (["solutions/00_set_up_and_look_around.ipynb::Cell 3"], ["lesson 00"],
     "solutions/00_set_up_and_look_around.ipynb::Cell 3"),
    (["../elsewhere/test_x.py"], ["../elsewhere/test_x.py"], "../elsewhere/test_x.py")])
def test_files_and_tests_select_tasks(chosen, names, ending):
    tasks = side_by_side.test_tasks(chosen=chosen, options=["-k", "name"])
    assert [task.name for task in tasks] == names
    assert tasks[0].arguments[-3:] == ("-k", "name", ending)


def words(tasks):
    return {word for task in tasks for word in task.arguments if word.endswith((".py", ".ipynb"))}


def test_a_folder_selects_all_below_it_and_a_part_of_its_name_nothing():
    there = [path.relative_to(ROOT).as_posix() for path in [
        *(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "tests/account").glob("test_*.py")]]
    assert words(side_by_side.test_tasks(chosen=["tests/account/", "notebooks"])) == set(there)
    assert [task.name for task in side_by_side.test_tasks(chosen=["tests/acc"])] == ["tests/acc"]
    assert side_by_side.test_tasks(chosen=["."]) == side_by_side.test_tasks()


def test_small_files_of_a_folder_share_a_process_unless_one_runs_alone():
    tasks = side_by_side.test_tasks()
    together = [task for task in tasks if "," in task.name]
    assert together and len(tasks) < 90
    for task in together:
        assert len({word.rpartition("/")[0] for word in words([task])}) == 1
        assert not words([task]) & side_by_side.ALONE.keys()
    one, = side_by_side.test_tasks(chosen=[f"{FILE}::test_a", f"{FILE}::test_b",
                                           "tests/account/test_topics.py"])
    assert one.arguments[-3:] == (f"{FILE}::test_a", f"{FILE}::test_b",
                                  "tests/account/test_topics.py")


@pytest.mark.parametrize("words, expected", [
    ([], selection.Selection()),
    (["tests/local", "-k", "name"], (("tests/local",), ("-k", "name"), "")),
    (["-k", "a or b", "tests/a.py", "--durations", "5", "tests/b.py::test_c"],
     (("tests/a.py", "tests/b.py::test_c"), ("-k", "a or b", "--durations", "5"), "")),
    (["-x", "tests"], (("tests",), ("-x",), "-x or --maxfail")),
    (["--collect-only", "-q"], ((), ("--collect-only", "-q"), "--collect-only")),
    (["--version"], ((), ("--version",), "--version"))])
def test_pytest_itself_says_what_its_arguments_select(words, expected):
    assert selection.read(words) == expected


def test_an_argument_that_pytest_does_not_know_is_refused():
    with pytest.raises(ValueError, match="unrecognized arguments: --none"):
        selection.read(["--none", "tests"])


def test_a_learners_copy_that_looks_at_no_figure_runs_beside_others():
    tasks = {task.name: task for task in side_by_side.test_tasks()}
    for name in side_by_side.OPEN_BESIDE:
        assert name in side_by_side.ALONE and f"open {name}" not in side_by_side.ALONE
        assert words([tasks[name]]).pop().startswith("solutions/")
        assert words([tasks[f"open {name}"]]).pop().startswith("notebooks/")
        lesson, = (one for one in render.lessons(ROOT) if name.endswith(one.number))
        assert not lesson.products, "two kernels would write them"
        assert tasks[name].after == tasks[f"open {name}"].after


def test_what_is_to_run_alone_exists():
    assert side_by_side.ALONE.keys() <= {task.name for task in side_by_side.test_tasks()}


def test_every_lesson_comes_after_those_that_make_what_it_needs():
    for tasks in (side_by_side.lesson_tasks(None), side_by_side.test_tasks()):
        after = {task.name: task.after for task in tasks if task.name.startswith("lesson")}
        assert list(after) == [f"lesson {lesson.number}" for lesson in render.lessons(ROOT)]
        assert after["lesson 03"] == {"lesson 02"} and after["lesson 11"] == {"lesson 08"}
        assert after["lesson 16"] == {"lesson 03", "lesson 08"} and not after["lesson 07"]


def test_first_comes_the_task_after_which_most_is_left(monkeypatch):
    monkeypatch.setattr(side_by_side, "ALONE", {"alone": "it measures time"})
    tasks = [Task("short", ()), Task("alone", (), guess=900.0), Task("maker", (), guess=20.0),
             Task("user", (), frozenset({"maker"}), 100.0), Task("long", (), guess=110.0)]
    run = side_by_side._Run(tasks, [side_by_side.Place(0, 0)], {}, False)
    assert [task.name for task in run.open] == ["maker", "long", "user", "short", "alone"]


def test_what_nobody_has_seen_is_guessed_from_the_lessons_header():
    minutes = {f"lesson {one.number}": one.execution for one in render.lessons(ROOT)}
    for task in side_by_side.lesson_tasks(None):
        assert task.guess == 60 * minutes[task.name]
    longest = max(render.lessons(ROOT), key=lambda lesson: lesson.execution)
    books = [f"{folder}/{longest.name}.ipynb" for folder in ("solutions", "notebooks")]
    for chosen in (books, books[1:]):
        task, = side_by_side.test_tasks(chosen=chosen)
        assert task.guess == 60 * longest.execution * len(chosen)


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
    assert side_by_side.run_all(tasks, 2) == 0
    said = capfd.readouterr().out
    assert "[4/4, about 0 min left] alone" in said and "4 tasks in" in said


def test_a_failure_is_told_whole_and_the_others_go_on(capfd):
    tasks = [task("bad", "raise SystemExit('this is why')"),
             task("good", "print('3 passed, 1 skipped in 0.1s')")]
    assert side_by_side.run_all(tasks, 2) == 1
    said = capfd.readouterr().out
    assert "bad failed (status 1)\nthis is why" in said
    assert "3 passed, 1 skipped; failed: bad" in said.splitlines()[-1]


def test_skipped_tests_are_listed_once_with_their_reasons(capfd):
    code = "print('SKIPPED [2] a.py:7: no engine\\n1 passed, 2 skipped in 0.1s')"
    assert side_by_side.run_all([task("one", code), task("two", code)], 2) == 0
    *_, skipped, last = capfd.readouterr().out.splitlines()
    assert skipped == "SKIPPED [4] a.py:7: no engine"
    assert "2 passed, 4 skipped" in last and "failed" not in last


def test_how_many_answers_to_exercises_were_judged_is_said_for_all_lessons(capfd):
    code = f"print({exercises.JUDGED.format(right=3, wrong=2)!r} + '\\n4 passed in 0.1s')"
    assert side_by_side.run_all([task("one", code), task("two", code)], 2) == 0
    *_, judged, last = capfd.readouterr().out.splitlines()
    assert judged == exercises.JUDGED.format(right=6, wrong=4) and "8 passed" in last


def test_a_task_without_a_fitting_test_is_no_failure_unless_all_are(folder, capfd):
    (folder / "test_it.py").write_text("def test_name():\n    print('seen')\n")

    def status(*names):
        words = ("-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", str(folder / "test_it.py"))
        return side_by_side.run_all([Task(name, (*words, "-k", name)) for name in names], 2, True)
    assert status("name", "other") == 0
    assert "seen" in capfd.readouterr().out, "with options of pytest, its output is what one wants"
    assert status("none", "other") == 5


def test_a_local_cloud_that_ran_before_goes_on(folder):
    lifecycle.start()
    try:
        assert side_by_side.run_all([task("one", ""), task("two", "")], 2) == 0
        assert lifecycle.status()["running"]
    finally:
        lifecycle.stop()


def test_each_place_has_a_cloud_and_names_of_its_own(folder, capfd):
    code = ("import os, pathlib, time\nfrom workshop.machine import engine\n"
            f"folder = pathlib.Path({str(folder)!r})\n"
            "(folder / os.environ['WORKSHOP_PORT']).write_text(engine.own('churn:v1'))\n"
            "while len(list(folder.glob('[0-9]*'))) < 3: time.sleep(.02)\n")
    assert side_by_side.run_all([task(name, code) for name in "abc"], 3) == 0
    found = {path.name: path.read_text() for path in folder.glob("[0-9]*")}
    assert found[str(addresses.port())] == engine.own("churn:v1")
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("memory, count", [(0.5, 1), (6, 2), (9, 3), (500, 4)])
def test_places_fit_memory_and_processors(monkeypatch, memory, count):
    monkeypatch.setattr(side_by_side, "_processors", lambda: 16)
    assert side_by_side.places(memory * 2**30) == count
    monkeypatch.setattr(side_by_side, "_processors", lambda: 1)
    assert side_by_side.places(500 * 2**30) == 2


def test_a_process_may_use_what_the_machine_has():
    assert 1 <= side_by_side._processors() <= os.cpu_count()
    assert 2**20 < side_by_side._free_memory() <= 2**50


def test_lessons_run_side_by_side_and_unknown_ones_are_refused(tmp_path):
    write_lesson(tmp_path, "00_make_it", products="build/product.txt", more=MAKE)
    assert [task.arguments[2:] for task in side_by_side.lesson_tasks(None, tmp_path)] == [("00",)]
    with pytest.raises(ValueError, match="There is no lesson 77"):
        side_by_side.lesson_tasks(["77"], tmp_path)


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
            f"s.run_all([s.Task(name, {words!r}) for name in 'ab'], 2)")
    parent = subprocess.Popen([sys.executable, "-c", main], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={
                                  **os.environ, "WORKSHOP_PORT": str(_free_port())})
    deadline = time.monotonic() + 120
    while len(notes := list(folder.glob("ready*"))) < 2 or not all(
            len(note.read_text().split()) == 3 for note in notes):
        if time.monotonic() > deadline:
            parent.terminate()
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
    """A port with free ones after it: below those that the system gives to connections."""
    def free(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0
    return next(port for port in random.sample(range(20_000, 30_000), 100)
                if all(free(one) for one in range(port, port + 4)))
