"""Test files and lessons side by side, each in a process of its own.

    side_by_side.test(3)           # the whole suite; 0, 1 after a failure, 130 after Ctrl-C
    side_by_side.run(None, 3)      # all solved lessons

Up to N processes work at once. Each place among the N has a local cloud on a port of its own, and
names of its own in Docker (engine.own). The notebooks of one lesson stay in one process, in order.
What a lesson makes for others is made first. What measures time, or touches a thing that the whole
machine has once, runs alone, at the end.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workshop.course import lessons, render
from workshop.local import addresses, lifecycle
from workshop.machine import processes
from workshop.machine.paths import BUILD, ROOT

PATIENCE = 60                     # seconds that an interrupted process has for its own cleaning up
NEWS = 30                         # seconds between two lines of progress
GIGABYTES = 3                     # of memory for one place: TensorFlow, a local cloud, a function
MOST = 4                          # more places wait for the one Docker engine
RECORD = BUILD / "side_by_side.json"    # seconds that each task took the last time
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b")

TIME = "it measures time"
MACHINE = "it touches what this machine has once: ports, the engine, the environment, images"
ALONE = {
    "lesson 04": "it builds in build/images/churn by hand, where deploy.build works as well",
    "lesson 11": TIME, "lesson 13": TIME, "lesson 19": TIME,
    "lesson 21": MACHINE,
    "tests/test_template.py": "it builds in build/sam-cli, where lesson 17 builds as well",
    "tests/commands/test_clean.py": MACHINE,
    "tests/commands/test_clean_whole.py": MACHINE,
    "tests/commands/test_doctor.py": MACHINE,
    "tests/commands/test_lab.py": MACHINE,
    "tests/commands/test_newest.py": MACHINE,
    "tests/commands/test_command_line.py": MACHINE,
    "tests/commands/test_side_by_side.py": MACHINE,
    "tests/lambda/test_functions_start.py": TIME,
    "tests/lambda/test_ladder.py": TIME,
    "tests/local/test_metrics.py": TIME,
    "tests/local/test_neighbours.py": MACHINE,
    "tests/local/test_patches.py": TIME,
    "tests/local/test_sandbox.py": TIME,
    "tests/machine/test_base_image.py": MACHINE,
    "tests/machine/test_engine.py": MACHINE,
    "tests/machine/test_environment.py": MACHINE,
    "tests/test_cloud.py": MACHINE,
    "tests/test_load.py": TIME,
    "tests/test_measure.py": TIME,
}


class Task(NamedTuple):
    """A process to run: its name, Python's arguments, and the tasks that must have ended before."""

    name: str
    arguments: tuple[str, ...]
    after: frozenset[str] = frozenset()


class Place(NamedTuple):
    """Where one task at a time runs: its number, from 0, and its local cloud's port."""

    number: int
    port: int

    def environment(self) -> dict[str, str]:
        """A task's environment variables; the first place has the names that a user's own have."""
        worker = {"WORKSHOP_WORKER": str(self.number)} if self.number else {}
        return {**os.environ, "WORKSHOP_PORT": str(self.port), **worker}


def test(count: int, root: Path = ROOT) -> int:
    """Run the whole test suite in `count` places; the exit status."""
    return _all(test_tasks(root), count)


def run(numbers: Iterable[str] | None, count: int, root: Path = ROOT) -> int:
    """Run solved lessons, and first what they need, in `count` places; the exit status."""
    try:
        tasks = lesson_tasks(numbers, root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return _all(tasks, count)


def places(memory: float | None = None) -> int:
    """How many places fit this machine. memory: free bytes, asked of the machine if None."""
    if memory is None:
        try:
            memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):       # macOS, Windows
            memory = 4 * GIGABYTES * 2**30
    # Much of a lesson is waiting, so that one place more than there are processors has work.
    return max(1, min(MOST, (os.cpu_count() or 1) + 1, int(memory / 2**30 / GIGABYTES)))


# --- what there is to do -----------------------------------------------------------------------

def test_tasks(root: Path = ROOT) -> list[Task]:
    """A task for each test file, and one for each lesson's solved and open notebook."""
    taught = render.lessons(root)
    tasks = [Task(_name(lesson.number),
                  _pytest(f"solutions/{lesson.name}.ipynb", f"notebooks/{lesson.name}.ipynb"),
                  _before(lesson, taught)) for lesson in taught]
    # An executed notebook makes its files anew: meanwhile no test may read them.
    makers = frozenset(_name(lesson.number) for lesson in taught if lesson.products)
    for path in sorted((root / "tests").rglob("test_*.py")):
        file = path.relative_to(root).as_posix()
        uses = "lessons.require(" in path.read_text(encoding="utf-8")
        tasks.append(Task(file, _pytest(file), makers if uses else frozenset()))
    return tasks


def lesson_tasks(numbers: Iterable[str] | None, root: Path = ROOT) -> list[Task]:
    """A task for each of these lessons. Raises ValueError for a number that no lesson has."""
    chosen = lessons.choose(numbers, root)
    return [Task(_name(lesson.number), ("-m", "workshop.course.lessons", lesson.number),
                 _before(lesson, chosen)) for lesson in chosen]


def _pytest(*files: str) -> tuple[str, ...]:
    return ("-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", *files)


def _name(number: str) -> str:
    return f"lesson {number}"


def _before(lesson: render.Lesson, chosen: Iterable[render.Lesson]) -> frozenset[str]:
    """The tasks of the chosen lessons that make what this one needs."""
    return frozenset(_name(other.number) for other in chosen
                     if {other.number, *other.products} & set(lessons.needs(lesson)))


# --- doing it ----------------------------------------------------------------------------------

def _all(tasks: list[Task], count: int) -> int:
    """Run the tasks, print each one's end and failures, and stop all that they have started."""
    here = _places(count)
    print(f"{len(tasks)} tasks, {count} side by side (-j N chooses; -j 1: one by one); local "
          f"clouds on ports {', '.join(str(place.port) for place in here)}", flush=True)
    before = signal.signal(signal.SIGTERM, _interrupted)
    at_work = {}
    try:
        return _Run(tasks, here, at_work).to_the_end()
    finally:
        # A second Ctrl-C must not leave containers behind.
        signals = {number: signal.signal(number, signal.SIG_IGN)
                   for number in (signal.SIGINT, signal.SIGTERM)}
        _end(at_work)
        for place in here:
            lifecycle.stop(place.port)
        signal.signal(signal.SIGINT, signals[signal.SIGINT])
        signal.signal(signal.SIGTERM, before)


def _interrupted(*_):
    raise KeyboardInterrupt


def _places(count: int) -> list[Place]:
    """The user's own port, and the free ones after it."""
    first = addresses.port()
    free = (port for port in range(first + 1, 65536)
            if not any(processes.accepts(address, port) for address in ("127.0.0.1", "::1")))
    return [Place(0, first), *(Place(number, next(free)) for number in range(1, count))]


class _Run:
    """Tasks in their order: the longest first, those alone at the end."""

    def __init__(self, tasks, here, at_work):
        self.seconds = _record()
        self.expected = {task.name: self.seconds.get(task.name) or _guess(task) for task in tasks}
        self.took, self.guessed = 1.0, 1.0      # seconds of the tasks that have ended
        self.open = sorted(tasks, key=lambda task: (task.name in ALONE, not self._needed(
            task, tasks), -self.expected[task.name]))
        self.total, self.free, self.at_work = len(tasks), list(here), at_work
        self.count, self.counts, self.failed = len(here), Counter(), []
        self.began = self.told = time.monotonic()

    @staticmethod
    def _needed(task, tasks):
        return any(task.name in other.after for other in tasks)

    def to_the_end(self) -> int:
        while self.open or self.at_work:
            while self.free and (task := self._next()):
                self._start(task)
            for task in [task for task, (process, *_) in self.at_work.items()
                         if process.poll() is not None]:
                self._ended(task)
            if time.monotonic() - self.told > NEWS:
                self._say("at work: " + ", ".join(task.name for task in self.at_work))
            time.sleep(0.1)
        figures = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        minutes = (time.monotonic() - self.began) / 60
        print(f"{self.total} tasks in {minutes:.1f} min" + (figures and f": {figures}")
              + (self.failed and f"; failed: {', '.join(self.failed)}" or ""), flush=True)
        return 1 if self.failed else 0

    def _next(self) -> Task | None:
        """The first task that may begin now."""
        waiting = {task.name for task in (*self.open, *self.at_work)}
        if any(task.name in ALONE for task in self.at_work):
            return None
        for task in self.open:
            if task.name in ALONE and (self.at_work or any(
                    other.name not in ALONE for other in self.open)):
                continue
            if not task.after & waiting - {task.name}:
                return task
        return None

    def _start(self, task):
        self.open.remove(task)
        place = self.free.pop(0)
        log = BUILD / "side_by_side" / f"{re.sub('[^a-z0-9_]+', '-', task.name)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, *task.arguments], cwd=ROOT, env=place.environment(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.at_work[task] = process, place, log, time.monotonic()

    def _ended(self, task):
        process, place, log, began = self.at_work[task]
        text, took = log.read_text(encoding="utf-8", errors="replace"), time.monotonic() - began
        if process.returncode:
            self.failed.append(task.name)
            print(f"\n{'=' * 20} {task.name} failed (status {process.returncode})\n{text}")
        else:
            self.seconds[task.name] = round(took, 1)
            RECORD.write_text(json.dumps(self.seconds))
        self.took, self.guessed = self.took + took, self.guessed + self.expected[task.name]
        _end({task: self.at_work[task]})     # what it left running
        del self.at_work[task]
        self.free.append(place)
        self.free.sort()
        closing = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        for number, what in COUNTS.findall(closing):
            self.counts[what.rstrip("s")] += int(number)
        for line in text.splitlines():
            if line.startswith("SKIPPED"):
                print(line)
        self._say(f"{task.name}: {closing.strip('= ')} ({took:.0f} s)")

    def _say(self, words):
        """A line of progress. What is left is estimated from what each task took the last time, or
        from a guess, and corrected by what the tasks took so far."""
        self.told = time.monotonic()
        left = sum(self.expected[task.name] for task in self.open) + sum(
            max(0, self.expected[task.name] - (self.told - began))
            for task, (*_, began) in self.at_work.items())
        alone = sum(self.expected[task.name] for task in self.open if task.name in ALONE)
        minutes = (alone + (left - alone) / self.count) * self.took / self.guessed / 60
        done = self.total - len(self.open) - len(self.at_work)
        print(f"[{done}/{self.total}, about {minutes:.0f} min left] {words}", flush=True)


def _guess(task) -> float:
    """Seconds that a task takes where nobody has seen it: a notebook a minute, else less."""
    return 60.0 * max(0.3, sum(word.endswith(".ipynb") for word in task.arguments))


def _record() -> dict[str, float]:
    try:
        return json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return {}


def _end(at_work: dict) -> None:
    """Interrupt the tasks' processes, as Ctrl-C would, and kill what does not end."""
    for process, *_ in at_work.values():
        _signal(process, signal.SIGINT if process.poll() is None else signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    for process, *_ in at_work.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _signal(process, number) -> None:
    """Send a signal to a task's process and all in its group; some may have gone."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.terminate()
    except ProcessLookupError:
        pass
