"""Who may read a file, set on purpose: never what the learner's umask, or that of a clone, says.

Lambda runs a function as another user than the one who built its package. Under `umask 077` a
file belongs to its maker alone, and such a function ends with "Permission denied" or
"No module named …".
"""
import contextlib
import os
import shutil
from pathlib import Path

FOLDER, FILE, PROGRAM = 0o755, 0o644, 0o755
UMASK = 0o022


def settle(folder: Path) -> None:
    """Let everyone read a folder and all in it, and run what its owner can run; links stay.

    A file of another user's, which cannot be changed, is left as it is.
    """
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(OSError):
            if not path.is_symlink():
                set_mode(path)


def set_mode(path: Path) -> None:
    now = path.stat().st_mode & 0o777
    wanted = FOLDER if path.is_dir() else PROGRAM if now & 0o100 else FILE
    if now != wanted:
        path.chmod(wanted)


def copy(source: Path, target: Path) -> None:
    """Copy a folder, which must not be there yet, without Python's caches."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    settle(target)


def usual_umask() -> None:
    """From now on, let everyone read what this process, and what it starts, writes.

    What is secret gets its own mode when it is made.
    """
    if os.name == "posix":
        os.umask(UMASK)
