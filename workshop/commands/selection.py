"""What the arguments of `test` select: which tests, and what is handed to each pytest.

    selection.read(["tests/local", "-k", "name"])
    # Selection(chosen=("tests/local",), options=("-k", "name"), whole="")

pytest itself reads them: only pytest, with its plugins, knows which option takes a value.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from workshop.machine.paths import ROOT

# Options about a run as a whole, which several pytests cannot share: their name among pytest's
# settings, and in the command line.
WHOLE = {"collectonly": "--collect-only", "help": "--help", "version": "--version",
         "showfixtures": "--fixtures", "show_fixtures_per_test": "--fixtures-per-test",
         "markers": "--markers", "cacheshow": "--cache-show", "setuponly": "--setup-only",
         "setupplan": "--setup-plan", "maxfail": "-x or --maxfail", "usepdb": "--pdb",
         "trace": "--trace", "lf": "--last-failed", "failedfirst": "--failed-first",
         "newfirst": "--new-first", "stepwise": "--stepwise", "xmlpath": "--junitxml"}


class Selection(NamedTuple):
    """Files, folders and tests as typed (none: all); other words; an option about all, or ""."""

    chosen: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    whole: str = ""


def read(arguments: list[str]) -> Selection:
    """What pytest's arguments select. Raises ValueError with pytest's words for what it refuses."""
    if not arguments:
        return Selection()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        done = subprocess.run([sys.executable, "-m", __name__, str(answer), *arguments], cwd=ROOT,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise ValueError((done.stderr or done.stdout).strip())
        # pytest answers some options, such as --version, before it has read all.
        chosen, whole = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else (
            [], " ".join(arguments))
    left, options = list(chosen), []
    for word in arguments:
        (left.remove if word in left else options.append)(word)
    return Selection(tuple(chosen), tuple(options), whole)


class _Reader:
    """A plugin of pytest that writes down what was read, in place of running tests."""

    def __init__(self, answer: Path):
        self.answer = answer

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config):
        option = vars(config.option)
        whole = [name for key, name in WHOLE.items() if option.get(key)]
        self.answer.write_text(json.dumps([option.get("file_or_dir", []), " ".join(whole)]),
                               encoding="utf-8")
        return 0


if __name__ == "__main__":
    sys.exit(pytest.main(["--nbval-lax", *sys.argv[2:]], plugins=[_Reader(Path(sys.argv[1]))]))
