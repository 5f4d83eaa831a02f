"""Packages that no early lesson needs are installed in the background; who needs one waits for it.

`lab` starts `python -m workshop.machine.groups` and opens the first lesson. `cloud.use()` calls
`watch`: from then on, an import of a package that is not installed yet waits until it is.
"""
import importlib
import subprocess
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

from workshop.machine import environment, offline, pins, requirements
from workshop.machine.paths import BUILD, ROOT, VENV
from workshop.machine.progress import Line

LOG = BUILD / "packages.log"
MODULES = {"aws-sam-cli": "samcli", "scikit-learn": "sklearn",         # named unlike their package
           "tensorflow-cpu": "tensorflow", "xgboost-cpu": "xgboost"}


def start() -> None:
    """Install the groups that are missing, in a process that goes on when this one ends."""
    left = environment.missing()
    if not left or not _is_ours():
        return
    if offline.record():
        print(f"environment: {progress()}", flush=True)
        return
    print(f"environment: {', '.join(left)} follow in the background; a lesson that needs them "
          f"waits. How far they are: python3 -m workshop status, or {LOG.relative_to(ROOT)}",
          flush=True)
    LOG.parent.mkdir(exist_ok=True)
    with open(LOG, "w", encoding="utf-8") as log:
        subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.DEVNULL,
                         stdout=log, stderr=log, start_new_session=True)


def progress() -> str:
    """What the installing process printed last, or why there is none."""
    if why := offline.without(environment.missing()):
        return why
    try:
        return LOG.read_text(encoding="utf-8").splitlines()[-1]
    except (OSError, IndexError):
        return "waiting"


def wait(group: str) -> None:
    """Return when a group is installed; installs it where nobody does. Raises SetUpError."""
    if not _is_ours() or environment.is_ready([group]):
        return
    if why := offline.without([group]):
        raise environment.SetUpError(why)
    with Line(f"waiting for the packages of {group}") as line:
        line.say(progress)
        environment.prepare([group])
    importlib.invalidate_caches()


def need(*modules: str, optional: bool = False) -> None:
    """Wait for the groups that modules belong to, as far as they do. Raises SetUpError.

    optional: whether a group that the folder of the set-up does not hold is only named.
    """
    for group in dict.fromkeys(map(_modules().get, modules)):
        if group and optional and (why := offline.without([group])):
            print(why)
        elif group:
            wait(group)


def watch() -> None:
    """Let every import of this process wait for a package that is still to be installed."""
    if _is_ours() and environment.missing() and not any(
            isinstance(finder, Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, Waiting())


class Waiting(MetaPathFinder):
    """Finds nothing itself. It is asked first, because a half-installed package can be found."""

    def __init__(self):
        self.modules = _modules()

    def find_spec(self, name, path=None, target=None):
        """Wait, if `name` is a package of a group that is not complete; None."""
        if group := self.modules.pop(name, None):
            wait(group)


def _modules() -> dict[str, str]:
    """The modules of all groups but the first, and which group each belongs to."""
    names = {entry.partition("==")[0]: group for group, entries in requirements.groups().items()
             if group != requirements.FIRST for entry in entries}
    return {MODULES.get(name, pins.normal(name).replace("-", "_")): group
            for name, group in names.items()}


def _is_ours() -> bool:
    """Whether this Python is the one of .venv, and not conda's or the learner's own."""
    return Path(sys.prefix) == VENV and not requirements.newest_is_wanted()


def main() -> int:
    """Install what is missing, group by group, so that a waiting lesson gets its own early."""
    try:
        for group in environment.missing():
            environment.prepare([group])
        environment.prepare()
    except environment.SetUpError as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
