"""The last failure that a notebook's cell or `workshop run` met, kept for `doctor`.

Little is kept: where it was, the names of failures.py, and the words by which each was recognised.
Never the message as a whole, because it may quote keys, tokens or customers; of an error that is
not recognised, only where it was. Standard library only.
"""
import contextlib
import hashlib
import io
import linecache
import os
import re
import sys

from workshop.course import failures
from workshop.machine.paths import BUILD

FILE = BUILD / "last_error.txt"
# No sign of failures.py asks for any of these; should one take them along, they go.
SECRET = re.compile(r"\b(?:AKIA|ASIA)\w{12,}|(?i:password|secret|token|signature)\S{0,20}[=:]\S+"
                    r"|\?\S+=\S+|://\S+@")
OPENS_PICKLE = re.compile(r"\b(?:pickle|joblib|cloudpickle|dill)\.loads?\(|\bread_pickle\(")
NO_FAILURE = ("AssertionError", "KeyboardInterrupt")    # an exercise's check; Ctrl-C


def keep(text: str, where: str) -> None:
    """Remember the failures that are recognised in the text; `where` names the cell or lesson.

    What is not recognised replaces what was before: the cause of the last failure is not known.
    """
    seen = [f"{one.name}: {SECRET.sub('…', one.seen_in(text))}"
            for one in failures.recognise(text)]
    if not seen and text.startswith(NO_FAILURE):
        return
    with contextlib.suppress(OSError):      # a full disk is not to be made worse
        FILE.parent.mkdir(exist_ok=True)
        new = FILE.with_suffix(f".{os.getpid()}")
        new.write_text("\n".join([where, *seen, ""]), encoding="utf-8")
        new.replace(FILE)


def read() -> tuple[str, list[tuple[str, str]]]:
    """(where, [(name of the failure, words that were read), …]); ("", []) for none.

    (where, []): something failed there that is not recognised.
    """
    try:
        where, *lines = FILE.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return "", []
    return where, [tuple(line.split(": ", 1)) for line in lines if ": " in line]


def clear(where: str) -> None:
    """Forget what was met there: it has gone well now."""
    if read()[0] == where:
        FILE.unlink(missing_ok=True)


def told(error: BaseException) -> str:
    """Type and message of an exception, and of those that led to it."""
    lines = []
    while error is not None and len(lines) < 10:
        opens = f" {failures.UNPICKLING}" if _opens_pickle(error.__traceback__) else ""
        lines.append(f"{type(error).__name__}: {error}{opens}")
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def _opens_pickle(traceback) -> bool:
    """Whether the exception came out of a line that opens a pickle."""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if OPENS_PICKLE.search(linecache.getline(file, traceback.tb_lineno)):
            return True
        traceback = traceback.tb_next
    return False


# In a notebook

def watch() -> None:
    """From now on, keep what makes a cell fail. Outside a notebook, do nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and not hasattr(shell, "_workshop_watch"):
        shell._workshop_watch = Watch(shell)


class Watch:
    """Looks at each cell of a notebook: what it raised, and what its `!commands` said."""

    def __init__(self, shell):
        self.shell, self.run, self.cell, self.failed = shell, shell.system, "", False
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)
        shell.system = self.system

    def before(self, info):
        self.cell, self.failed = name_of(info), False

    def after(self, result):
        if result.error_in_exec is not None:
            keep(told(result.error_in_exec), name_of(result.info))
        elif result.success and not self.failed:
            clear(name_of(result.info))

    def system(self, command):
        """Run a `!command` as before; IPython raises nothing when one fails, so listen."""
        with contextlib.redirect_stdout(Ear(sys.stdout)) as ear:
            answer = self.run(command)
        if self.shell.user_ns.get("_exit_code"):
            self.failed = True
            keep(ear.heard.getvalue(), self.cell)
        return answer


class Ear:
    """A stream that passes everything on, and remembers it."""

    def __init__(self, stream):
        self.stream, self.heard = stream, io.StringIO()

    def write(self, text):
        self.heard.write(text)
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


def name_of(info) -> str:
    """A cell's name: its id, which stays when its text changes; else made from its text."""
    chosen = getattr(info, "cell_id", None)
    return f"cell {chosen or hashlib.sha256((info.raw_cell or '').encode()).hexdigest()[:12]}"
