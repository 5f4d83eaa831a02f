"""Executes the solved lessons: one because another needs its product, or all from the shell.

    lessons.require("02")          # in a lesson: make what lesson 02 makes, if it is missing
    lessons.run(["05", "06"])      # these, and first what they need
    lessons.level(["06"])          # only what it needs

Notes on each lesson stand in build/lessons/: its executed notebook, and a mark for as long as an
execution has not reached the bottom, so that a half-made product is never taken for done.
"""
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from workshop.course import last_error, model_files, render
from workshop.machine import engine, progress
from workshop.machine.lock import one_at_a_time
from workshop.machine.paths import ROOT

CELL_TIMEOUT = 600                # seconds for one cell, the longest being an image built anew
REQUIRES = re.compile(r"lessons\.require\(\s*[\"']([^\"']+)[\"']")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LessonRunError(RuntimeError):
    """A lesson could not be executed; the message names the lesson, the cell and the fault.

    said: the cell's exception alone, without the source around it.
    """

    def __init__(self, message: str, said: str = ""):
        super().__init__(message)
        self.said = said


def require(what: str, root: Path = ROOT) -> None:
    """Makes what a lesson makes, by executing its solution, unless that is there and whole.

    `what` is a lesson's number ("02") or one of its products ("build/models/churn.pkl").
    Safe when several processes ask at once: one executes, the others wait.
    Raises ValueError when no lesson makes it, LessonRunError when the execution fails.
    """
    lesson = _find(str(what), root)
    if not (missing := _missing(lesson, root)):
        return
    with one_at_a_time(f"lesson-{lesson.number}"):
        if not (missing := _missing(lesson, root)):
            return                # another process made it while this one waited
        damaged = _put_damaged_aside(lesson, root)
        print(f"{'Damaged' if damaged else 'Not there yet'}: {', '.join(damaged or missing)}. "
              f"Executing lesson {lesson.number}, “{lesson.title}”, which makes it.", flush=True)
        _execute(lesson, root)


def run(numbers: Iterable[str] | None = None, root: Path = ROOT) -> int:
    """Executes the solved lessons with these numbers (all, if None) and first what they need.

    Prints minutes per lesson and in total, and returns the exit status: 0; 1 after a lesson
    failed; 2 for a number that no lesson has; 130 after Ctrl-C. Without Docker, lessons that need
    it are skipped.
    """
    try:
        chosen = choose(numbers, root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    started, count, status = time.monotonic(), 0, 0
    for lesson in chosen:
        if reason := obstacle(lesson):
            print(f"{_label(lesson)}  skipped: {reason}", flush=True)
            continue
        try:
            for needed in needs(lesson):
                require(needed, root)
            with one_at_a_time(f"lesson-{lesson.number}"):
                _execute(lesson, root)
        except (LessonRunError, ValueError) as error:
            print(f"\n{error}", file=sys.stderr, flush=True)
            last_error.keep(getattr(error, "said", ""), f"lesson {lesson.number}")
            status = 1
            break                 # what follows may rest on this one; the first fault says most
        except KeyboardInterrupt:
            print("Interrupted. What this lesson makes counts as missing until it has run again.")
            return 130
        last_error.clear(f"lesson {lesson.number}")
        count += 1
    print(f"{count} lesson{'s' * (count != 1)} executed in {_minutes(time.monotonic() - started)}",
          flush=True)
    return status


def level(numbers: list[str], root: Path = ROOT) -> int:
    """Makes what the lessons with these numbers need of earlier ones; prints it; an exit status.

    What a lesson needs in the cloud (functions, APIs, queues), its own first cells make.
    """
    try:
        chosen = choose(numbers, root) if numbers else []
        for lesson in chosen:
            if reason := obstacle(lesson):
                raise LessonRunError(f"Lesson {lesson.number} {reason}")
            for needed in needs(lesson):
                require(needed, root)
            products = [product for needed in dict.fromkeys(needs(lesson))
                        for product in _find(needed, root).products]
            print(f"Lesson {lesson.number}, “{lesson.title}”, can start. It needs "
                  + (f"{', '.join(products)}: there." if products else "no earlier lesson.")
                  + (" What it needs in the cloud, its first cells make."
                     if "docker" in lesson.needs else ""), flush=True)
    except (LessonRunError, ValueError) as error:
        print(f"level: {error}", file=sys.stderr)
        return 1
    if not chosen:
        print("usage: python3 -m workshop level NN [NN …]", file=sys.stderr)
    return 0 if chosen else 2


# --- which -------------------------------------------------------------------------------------

def _find(what: str, root: Path) -> render.Lesson:
    """The lesson with this number, or the one that makes this product. Raises ValueError."""
    if re.fullmatch(r"\d\d", what):
        for path in (root / "solutions").glob(f"{what}_*.py"):
            lesson = render.parse(path)
            if not lesson.products:
                raise ValueError(f"Lesson {what} makes no product that another could need.")
            return lesson
        raise ValueError(f"There is no lesson {what}.")
    products = {}
    for lesson in render.lessons(root):
        products |= dict.fromkeys(lesson.products, lesson)
    try:
        return products[what.removeprefix("../")]
    except KeyError:
        raise ValueError(f"No lesson makes {what!r}. Lessons make: "
                         f"{', '.join(products) or 'nothing'}.") from None


def choose(numbers: Iterable[str] | None, root: Path) -> list[render.Lesson]:
    """The lessons with these numbers, in order. Raises ValueError."""
    found = {lesson.number: lesson for lesson in render.lessons(root)}
    wanted = [number.zfill(2) for number in numbers or found]
    if unknown := [number for number in wanted if number not in found]:
        raise ValueError(f"There is no lesson {', '.join(unknown)}; there are {', '.join(found)}.")
    return [found[number] for number in sorted(set(wanted))]


def needs(lesson: render.Lesson) -> list[str]:
    """What the lesson requires in its own cells, so that a run makes it before, in sight."""
    text = "\n".join(cell.source for cell in lesson.cells if cell.kind == "code")
    return REQUIRES.findall(text)


def _missing(lesson: render.Lesson, root: Path) -> list[str]:
    """The lesson's products that are not there, or damaged; all after an unfinished execution."""
    if _mark(lesson, root).exists():
        return list(lesson.products)
    return [product for product in lesson.products
            if not (root / product).exists() or model_files.damage(root / product)]


def _put_damaged_aside(lesson: render.Lesson, root: Path) -> list[str]:
    """Rename damaged products to NAME.damaged, and say which; nothing is thrown away."""
    said = []
    for path in (root / product for product in lesson.products):
        if path.exists() and (why := model_files.damage(path)):
            aside = path.with_name(f"{path.name}.damaged")
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)
            path.rename(aside)
            said.append(f"{path.relative_to(root)} ({why}; kept as {aside.name})")
    return said


def obstacle(lesson: render.Lesson) -> str | None:
    """Why the lesson cannot be executed on this machine, or None."""
    if "docker" in lesson.needs and not engine.available():
        return "needs Docker, which does not answer; `python3 -m workshop doctor` says what to do"
    return None


# --- one execution -----------------------------------------------------------------------------

def _notes(lesson: render.Lesson, root: Path) -> Path:
    folder = root / "build" / "lessons"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / lesson.name


def _mark(lesson: render.Lesson, root: Path) -> Path:
    return _notes(lesson, root).with_suffix(".unfinished")


def executed(lesson: render.Lesson, root: Path = ROOT) -> Path:
    """Where the lesson's executed notebook stands, if it has been executed."""
    return _notes(lesson, root).with_suffix(".ipynb")


def _execute(lesson: render.Lesson, root: Path) -> None:
    """Executes the solved lesson in a kernel of its own. Raises LessonRunError."""
    import nbformat
    if reason := obstacle(lesson):
        raise LessonRunError(f"Lesson {lesson.number}, “{lesson.title}”: {reason}")
    book = render.notebook(lesson, learner=False)
    mark = _mark(lesson, root)
    # A product that this execution leaves half-made is missing for as long as the mark stands.
    mark.touch()
    began = time.monotonic()
    with progress.Line(_label(lesson).rstrip()) as line:
        _run_cells(lesson, book, root, line)
    if missing := [product for product in lesson.products if not (root / product).exists()]:
        raise LessonRunError(f"Lesson {lesson.number} ran to the bottom and did not make "
                             f"{', '.join(missing)}, which its header names under `products`.")
    nbformat.write(book, executed(lesson, root))
    mark.unlink()
    print(f"{_label(lesson)}  {_minutes(time.monotonic() - began)}", flush=True)


def _run_cells(lesson: render.Lesson, book, root: Path, line: progress.Line) -> None:
    """Runs every cell of `book` in place. Raises LessonRunError, KeyboardInterrupt."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    current = [0]

    def on_cell_start(cell, cell_index):
        current[0] = cell_index
        line.say(_bar(cell_index, len(book.cells)))

    client = NotebookClient(book, timeout=CELL_TIMEOUT, kernel_name="python3",
                            resources={"metadata": {"path": str(root / "solutions")}},
                            on_cell_start=on_cell_start)
    outcome = []

    def work():
        try:
            with tempfile.TemporaryDirectory(prefix="lesson-") as sockets:
                client.create_kernel_manager()
                if os.name == "posix":      # no port is opened, so none can be taken by another
                    client.km.transport, client.km.ip = "ipc", f"{sockets}/kernel"
                client.execute(env=environment())
        except BaseException as error:      # told to the thread that waits
            outcome.append(error)

    # In a thread: inside a lesson this runs in a kernel, whose main thread has its own event loop.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        _interrupt(client, thread)
        raise
    if not outcome:
        return
    where = _where(lesson, current[0], root)
    match outcome[0]:
        case CellTimeoutError():
            raise LessonRunError(f"{where} ran for more than {CELL_TIMEOUT} s") from None
        case CellExecutionError() as error:
            raise LessonRunError(f"{where} failed:\n\n{_plain(str(error))}",
                                 f"{error.ename}: {error.evalue}") from None
        case DeadKernelError():
            raise LessonRunError(f"{where}: its Python ended; is there enough memory?") from None
        case error:
            raise LessonRunError(f"{where}: {type(error).__name__}: {error}") from error


def _interrupt(client, thread: threading.Thread) -> None:
    """Interrupts the running cell as Ctrl-C would, and ends a kernel that does not give in."""
    process = getattr(getattr(client.km, "provisioner", None), "process", None)
    if process is None:
        return
    process.send_signal(signal.SIGINT)
    thread.join(timeout=10)
    if thread.is_alive():
        process.kill()
        thread.join(timeout=10)


def environment() -> dict[str, str]:
    """The kernel's environment: `!aws` and its like are those installed beside this Python."""
    beside = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])}


def _where(lesson: render.Lesson, index: int, root: Path) -> str:
    """Names a cell by lesson and line; the solved notebook has the source's cells, one to one."""
    where = f"{lesson.path.relative_to(root)}:{lesson.cells[index].line}"
    return (f"Lesson {lesson.number}, “{lesson.title}”: cell {index + 1} of {len(lesson.cells)} "
            f"({where})")


# --- what is printed ---------------------------------------------------------------------------

def _label(lesson: render.Lesson) -> str:
    return f"{lesson.number} {lesson.title}".ljust(36)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def _plain(text: str) -> str:
    return text if sys.stderr.isatty() else ANSI.sub("", text)


def _bar(done: int, total: int) -> str:
    filled = 20 * done // total
    return f"{'█' * filled}{'░' * (20 - filled)} cell {done + 1} of {total}"


if __name__ == "__main__":      # one process of `run -j N`
    sys.exit(run(sys.argv[1:]))
