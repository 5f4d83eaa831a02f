"""How often boto3, `aws` and `sam` look whether a thing is ready.

For AWS they wait between one second and two minutes from one look to the next; in the local cloud
a thing is ready in less. They read these pauses from files, and first from the folders in
AWS_DATA_PATH, where the local cloud puts a copy of them with shorter ones. (Standard library only:
botocore itself is not imported.)
"""
import importlib.metadata
import importlib.util
import json
import os
import shutil
from pathlib import Path

from workshop.machine.paths import BUILD

PAUSE = 0.1         # seconds
VARIABLE = "AWS_DATA_PATH"
FOLDER = BUILD / "waiters"


def look_often() -> None:
    """Let this process, and what it starts, look every PAUSE seconds."""
    look_as_usual()
    folder = _shortened()
    rest = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = f"{folder}{os.pathsep}{rest}" if rest else str(folder)


def look_as_usual() -> None:
    """Take `look_often` back; other folders in the variable stay."""
    rest = [one for one in os.environ.get(VARIABLE, "").split(os.pathsep)
            if one and Path(one).parent != FOLDER]
    os.environ.pop(VARIABLE, None)
    if rest:
        os.environ[VARIABLE] = os.pathsep.join(rest)


def _shortened() -> Path:
    """A folder with botocore's waiters that wait as long in all, in short pauses; made once."""
    folder = FOLDER / importlib.metadata.version("botocore")
    if folder.is_dir():
        return folder
    data = Path(importlib.util.find_spec("botocore").origin).parent / "data"
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    for source in data.glob("*/*/waiters-2.json"):
        described = json.loads(source.read_text(encoding="utf-8"))
        for one in described["waiters"].values():
            one["maxAttempts"] = round(one["maxAttempts"] * one["delay"] / PAUSE)
            one["delay"] = PAUSE
        copy = part / source.relative_to(data)
        copy.parent.mkdir(parents=True)
        copy.write_text(json.dumps(described), encoding="utf-8")
    try:
        part.rename(folder)
    except OSError:         # another process was first
        shutil.rmtree(part)
    return folder
