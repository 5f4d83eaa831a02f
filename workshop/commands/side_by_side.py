"""Test files and lessons side by side, each in a process of its own.

    side_by_side.run_all(side_by_side.test_tasks(), 3)         # the whole suite; the exit status
    side_by_side.run_all(side_by_side.lesson_tasks(None), 3)   # all solved lessons

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

from workshop.course import exercises, lessons, render
from workshop.local import addresses, lifecycle
from workshop.machine import processes
from workshop.machine.paths import BUILD, ROOT

PATIENCE = 60                     # seconds that an interrupted process has for its own cleaning up
SECONDS_A_BYTE = 1 / 1000         # of a test file, roughly
TOGETHER = 30                     # seconds of test files that share a process
NEWS = 30                         # seconds between two lines of progress
GIGABYTES = 3                     # of memory for one place: TensorFlow, a local cloud, a function
MOST = 4                          # more places wait for the one Docker engine
RECORD = BUILD / "side_by_side.json"    # seconds that each task took the last time
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b")
SKIPPED = re.compile(r"(?m)^SKIPPED \[(\d+)\] (.*)$")
JUDGED = re.compile("(?m)^" + re.sub("{.*?}", r"(\\d+)", exercises.JUDGED) + "$")
NOTHING = 5                       # pytest's exit status where it found no test

# What waits may run beside others: only what measures, or needs the machine for itself, may not.
TIME = "it measures time"
ALONE = {
    "lesson 14": TIME, "lesson 16": TIME, "lesson 22": TIME, "tests/test_measure.py": TIME,
    "tests/commands/test_clean_whole.py": "it compares all images of the machine before and after",
    "tests/commands/test_lab.py": "JupyterLab has the first lesson open, and may save it",
    "tests/lambda/test_other_processor.py": "it may pull AWS's base image for another processor, "
                                            "which has the same name",
}

# Of these the learner's copy looks at no figure, and need not be alone.
OPEN_BESIDE = {"lesson 14", "lesson 16"}


class Task(NamedTuple):
    """A process to run: its name, Python's arguments, the tasks that must have ended before, and
    the seconds that it takes, as far as one can tell before anybody has seen it."""

    name: str
    arguments: tuple[str, ...]
    after: frozenset[str] = frozenset()
    guess: float = 60.0


class Place(NamedTuple):
    """Where one task at a time runs: its number, from 0, and its local cloud's port."""

    number: int
    port: int

    def environment(self) -> dict[str, str]:
        """A task's environment variables; the first place has the names that a user's own have."""
        worker = {"WORKSHOP_WORKER": str(self.number)} if self.number else {}
        return {**os.environ, "WORKSHOP_PORT": str(self.port), **worker}


def places(memory: float | None = None) -> int:
    """How many places fit this machine. memory: free bytes, asked of the machine if None."""
    # Much of a lesson is waiting, so that one place more than there are processors has work.
    return max(1, min(MOST, _processors() + 1, int(
        (_free_memory() if memory is None else memory) / 2**30 / GIGABYTES)))


def _processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:                                  # macOS, Windows
        return os.cpu_count() or 1


def _free_memory() -> float:
    """Bytes of memory for new programs; what only keeps copies of files counts as free."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines
                           if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):                        # macOS, Windows
        return MOST * GIGABYTES * 2**30


# --- what there is to do -----------------------------------------------------------------------

def test_tasks(root: Path = ROOT, chosen: Iterable[str] = (),
               options: Iterable[str] = ()) -> list[Task]:
    """A task for each test file, and one for each lesson's solved and open notebook.

    chosen: files, folders and tests (FILE::NAME) as pytest takes them; none of them means all.
    options: further arguments of each pytest.
    """
    options = list(options)
    chosen = [_within(root, word) for word in chosen]
    taught = render.lessons(root)
    files, after, seconds = {}, {}, {}
    for lesson in taught:
        name, book = _name(lesson.number), f"{lesson.name}.ipynb"
        files[name] = [f"solutions/{book}"]
        files.setdefault(f"open {name}" if name in OPEN_BESIDE else name, []).append(
            f"notebooks/{book}")
        seconds |= {file: 60.0 * lesson.execution
                    for file in (f"solutions/{book}", f"notebooks/{book}")}
        after |= dict.fromkeys((name, f"open {name}"), _before(lesson, taught))
    # An executed notebook makes its files anew: meanwhile no test may read them.
    makers = frozenset(_name(lesson.number) for lesson in taught if lesson.products)
    for path in sorted((root / "tests").rglob("test_*.py")):
        file = path.relative_to(root).as_posix()
        uses = "lessons.require(" in path.read_text(encoding="utf-8")
        files[file], after[file] = [file], makers if uses else frozenset()
        seconds[file] = path.stat().st_size * SECONDS_A_BYTE
    tasks, taken = [], set()
    for name, own in files.items():
        words = [word for file in own for word in _selected(file, chosen)]
        taken.update(word for word in chosen
                     if word.partition("::")[0] in own or any(map(_is_in(word), own)))
        if words:
            tasks.append(Task(name, _pytest(*options, *words), after[name],
                              sum(seconds[file] for file in own if _selected(file, chosen))))
    # pytest itself says what is wrong with another file, or runs it.
    return _together(tasks, len(_pytest(*options))) + [
        Task(word, _pytest(*options, word)) for word in chosen if word not in taken]


def _together(tasks: list[Task], begin: int) -> list[Task]:
    """Small test files of one folder share a process: its start takes longer than their tests.

    begin: the position of the first file among a task's arguments.
    """
    made: list[Task] = []
    for task in tasks:
        folder = task.name.rpartition("/")[0]
        for place, other in enumerate(made):
            if (folder and folder == other.name.rpartition("/")[0] and task.after == other.after
                    and not {task.name, other.name} & ALONE.keys()
                    and task.guess + other.guess < TOGETHER):
                made[place] = Task(f"{other.name}, {task.name.rpartition('/')[2]}",
                                   (*other.arguments, *task.arguments[begin:]), task.after,
                                   task.guess + other.guess)
                break
        else:
            made.append(task)
    return made


def _within(root: Path, word: str) -> str:
    """A file, folder or test, with its path as seen from `root`."""
    path, *names = word.split("::")
    return "::".join([Path(os.path.relpath(root / path, root)).as_posix(), *names])


def _is_in(folder: str):
    return lambda file: folder == "." or file == folder or file.startswith(f"{folder}/")


def _selected(file: str, chosen: list[str]) -> list[str]:
    """What pytest shall run of a file: all of it, the tests that were chosen, or nothing."""
    if not chosen or any(_is_in(word)(file) for word in chosen):
        return [file]
    return [word for word in chosen if word.partition("::")[0] == file]


def lesson_tasks(numbers: Iterable[str] | None, root: Path = ROOT) -> list[Task]:
    """A task for each of these lessons. Raises ValueError for a number that no lesson has."""
    chosen = lessons.choose(numbers, root)
    return [Task(_name(lesson.number), ("-m", "workshop.course.lessons", lesson.number),
                 _before(lesson, chosen), 60.0 * lesson.execution) for lesson in chosen]


def _pytest(*words: str) -> tuple[str, ...]:
    return ("-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", *words)


def _name(number: str) -> str:
    return f"lesson {number}"


def _before(lesson: render.Lesson, chosen: Iterable[render.Lesson]) -> frozenset[str]:
    """The tasks of the chosen lessons that make what this one needs."""
    return frozenset(_name(other.number) for other in chosen
                     if {other.number, *other.products} & set(lessons.needs(lesson)))


# --- doing it ----------------------------------------------------------------------------------

def run_all(tasks: list[Task], count: int, talkative: bool = False) -> int:
    """Run the tasks in `count` places, print each one's end and failures, and stop all that they
    have started.

    talkative: print what succeeds as well. Returns 0; 1 after a failure; 5, as pytest does, where
    there was no test. Raises KeyboardInterrupt after Ctrl-C and SIGTERM.
    """
    here = _places(count)
    print(f"{len(tasks)} tasks, {count} side by side (-j N chooses; -j 1: one by one); local "
          f"clouds on ports {', '.join(str(place.port) for place in here)}", flush=True)
    running = {place.port for place in here if _memory(place)}
    before = signal.signal(signal.SIGTERM, _interrupted)
    at_work = {}
    try:
        return _Run(tasks, here, at_work, talkative).to_the_end()
    finally:
        # A second Ctrl-C must not leave containers behind.
        signals = {number: signal.signal(number, signal.SIG_IGN)
                   for number in (signal.SIGINT, signal.SIGTERM)}
        _end(at_work)
        memory = [f"{size / 1e6:.0f}" for place in here if (size := _memory(place))]
        if memory:
            print(f"local clouds: {', '.join(memory)} MB of memory at the end", flush=True)
        for place in here:
            if place.port not in running:
                lifecycle.stop(place.port)
        signal.signal(signal.SIGINT, signals[signal.SIGINT])
        signal.signal(signal.SIGTERM, before)


def _memory(place) -> int | None:
    """Bytes of memory of a place's local cloud; None if it does not run."""
    try:
        return lifecycle.status(place.port)["memory"]
    except addresses.CloudError:            # its tasks will say so
        return None


def _interrupted(*_):
    raise KeyboardInterrupt


def _places(count: int) -> list[Place]:
    """The user's own port, and the free ones after it."""
    first = addresses.port()
    free = (port for port in range(first + 1, 65536)
            if not any(processes.accepts(address, port) for address in ("127.0.0.1", "::1")))
    return [Place(0, first), *(Place(number, next(free)) for number in range(1, count))]


class _Run:
    """Tasks in their order: first those after which most is left to do, alone ones at the end."""

    def __init__(self, tasks, here, at_work, talkative):
        self.seconds = _record()
        self.expected = {task.name: self.seconds.get(_words(task)) or task.guess
                         for task in tasks}
        self.took, self.guessed = 1.0, 1.0      # seconds of the tasks that have ended
        self.open = sorted(tasks, key=lambda task: (
            task.name in ALONE, -self._path(task, tasks)))
        self.total, self.free, self.at_work = len(tasks), list(here), at_work
        self.count, self.counts, self.skipped, self.failed = len(here), Counter(), Counter(), []
        self.talkative, self.empty = talkative, 0
        self.judged = Counter()                 # other answers to exercises, right and wrong
        self.began = self.told = time.monotonic()

    def _path(self, task, tasks) -> float:
        """Seconds of a task and of the longest row of tasks that wait for it, one for the other."""
        return self.expected[task.name] + max(
            (self._path(other, tasks) for other in tasks if task.name in other.after), default=0)

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
        return self._close()

    def _close(self) -> int:
        """Print what was skipped and why, as one pytest does, and the sums; the exit status."""
        for where, number in sorted(self.skipped.items()):
            print(f"SKIPPED [{number}] {where}")
        if self.judged:
            print(exercises.JUDGED.format_map(self.judged))
        figures = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        minutes = (time.monotonic() - self.began) / 60
        print(f"{self.total} tasks in {minutes:.1f} min" + (figures and f": {figures}")
              + (self.failed and f"; failed: {', '.join(self.failed)}" or ""), flush=True)
        return 1 if self.failed else NOTHING if self.empty == self.total else 0

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
        log = BUILD / "side_by_side" / f"{re.sub('[^a-z0-9_]+', '-', task.name)[:100]}.log"
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
        empty = process.returncode == NOTHING and task.arguments[1] == "pytest"
        self.empty += empty
        if process.returncode and not empty:
            self.failed.append(task.name)
            print(f"\n{'=' * 20} {task.name} failed (status {process.returncode})\n{text}")
        else:
            if self.talkative and not empty:
                print(f"\n{'=' * 20} {task.name}\n{text}")
            self.seconds[_words(task)] = round(took, 1)
            RECORD.write_text(json.dumps(self.seconds), encoding="utf-8")
        self.took, self.guessed = self.took + took, self.guessed + self.expected[task.name]
        _end({task: self.at_work[task]})     # what it left running
        del self.at_work[task]
        self.free.append(place)
        self.free.sort()
        # Python may warn after pytest's closing line, so that it need not be the last.
        lines = [line for line in text.splitlines() if line.strip()]
        closing = next((line for line in reversed(lines) if COUNTS.search(line)),
                       lines[-1] if lines else "")
        for number, what in COUNTS.findall(closing):
            self.counts[what.rstrip("s")] += int(number)
        for number, where in SKIPPED.findall(text):
            self.skipped[where] += int(number)
        for right, wrong in JUDGED.findall(text):
            self.judged.update(right=int(right), wrong=int(wrong))
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


def _words(task) -> str:
    """What a task ran: a lesson's notebooks as tests take longer than the lesson alone."""
    return " ".join(task.arguments)


def _record() -> dict[str, float]:
    try:
        return json.loads(RECORD.read_text(encoding="utf-8"))
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
