"""Packages beside the environment's: a list with hashes, put into a folder of build/."""
import subprocess
import sys
from pathlib import Path

from workshop.machine.lock import one_at_a_time


def install(listing: Path, folder: Path) -> Path:
    """Put the packages that the file `listing` names into `folder`, and return it.

    Only what the list names is installed, and only files with a hash from it. A folder that was
    made from the same list stays as it is. Raises RuntimeError with pip's last lines, for instance
    when a file has another hash, or there is no network.
    """
    with one_at_a_time(folder.name):
        whole = folder / "whole.txt"
        if not whole.is_file() or whole.read_bytes() != listing.read_bytes():
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--no-deps", "--require-hashes", "--upgrade", "--target", folder,
                 "--requirement", listing], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{listing.name} could not be installed into {folder}:\n"
                                   + "\n".join(done.stderr.splitlines()[-5:]))
            whole.write_bytes(listing.read_bytes())
    return folder
