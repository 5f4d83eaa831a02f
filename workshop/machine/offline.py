"""What this checkout was set up from, where that was a folder and not the internet.

`lab --from FOLDER` writes the record (workshop/pack/use.py). While it is there, pip looks into that
folder and into WHEELS, and nowhere else: in a room with a weak network, nobody downloads by
accident. `lab --from internet` removes it. Standard library only.
"""
import json
import os
import shutil
from pathlib import Path

from workshop.machine.paths import BUILD

FOLDER = BUILD / "offline"
RECORD = FOLDER / "record.json"
WHEELS = FOLDER / "wheels"      # what lessons and image builds install; stays when the stick goes
INTERNET = "internet"           # the word for --from that ends this
WAY_OUT = f"With a good network: python3 -m workshop lab --from {INTERNET}"


def record() -> dict | None:
    """What was set up: `source` (what --from named), `folder` (where that is, or its copy),
    `groups` (of packages), `base` (an image's name or None); None where the internet is used."""
    try:
        return json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write(source: str, folder: Path, groups: list[str], base: str | None) -> None:
    """From now on, install from `folder`, which holds these groups of packages.

    source: the path or the address that a learner knows it by.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps({"source": source, "folder": str(folder), "groups": groups,
                               "base": base}, indent=1), encoding="utf-8")
    new.replace(RECORD)


def forget() -> None:
    """Install from the internet again."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def groups(otherwise: list[str] | None) -> list[str] | None:
    """The groups that a command can wait for: those of the folder, if there was one."""
    packed = record()
    return packed["groups"] if packed else otherwise


def without(wanted: list[str]) -> str:
    """Why groups of packages are not installed and not waited for; "" where all can be."""
    packed = record()
    left_out = [group for group in wanted if packed and group not in packed["groups"]]
    return left_out and (
        f"the packages of {', '.join(left_out)} are not here: this copy was set up from "
        f"{packed['source']}, which does not hold them. {WAY_OUT}") or ""


def gone() -> str:
    """Why nothing can be installed now, where the folder is no longer there; else ""."""
    packed = record()
    if packed is None or Path(packed["folder"]).is_dir():
        return ""
    return (f"packages are missing, and {packed['source']}, from which this copy was set up, is "
            f"needed again: python3 -m workshop lab --from {packed['source']}. {WAY_OUT}")


def pip_options() -> list[str]:
    """pip's options for the set-up; [] where the internet is used."""
    packed = record()
    if packed is None:
        return []
    return ["--no-index", "--find-links", str(Path(packed["folder"]) / "wheels")]


def let_pip(environ=os.environ) -> None:
    """Let every pip that gets these variables find WHEELS and nothing else, if that is meant.

    As an address: pip would take a path with a space in it for two. The learner's own indexes stay
    in `environ`: pip passes over them as long as it has PIP_NO_INDEX.
    """
    if record() is None:
        free_pip(environ)
    else:
        environ.update({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS.as_uri()})


def free_pip(environ) -> None:
    """Take back what `let_pip` set, here or in a parent process."""
    if environ.get("PIP_FIND_LINKS") == WHEELS.as_uri():
        del environ["PIP_FIND_LINKS"]
        environ.pop("PIP_NO_INDEX", None)
