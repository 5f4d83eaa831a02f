"""The learner's own notebooks: copies in my_notebooks/, which git ignores and nobody overwrites.

notebooks/ stays as it was cloned, so that `git pull` never meets a learner's change. The copies lie
beside it, as deep as it is: links and paths such as ../build lead to the same files. Standard
library only.
"""
import datetime
import hashlib
import json
import sys
from pathlib import Path

from workshop.machine.paths import MINE, NOTEBOOKS, ROOT

RECORD = ".copied.json"         # the SHA-256 of each copy when it was made


def refresh(root: Path = ROOT) -> Path:
    """Copy what is missing, renew what nobody has changed, name what has a newer version.

    Returns the folder of the copies.
    """
    mine, record = root / MINE.name, _record(root)
    mine.mkdir(exist_ok=True)
    newer = []
    for source in sorted((root / NOTEBOOKS.name).glob("*.ipynb")):
        copy, name = mine / source.name, source.name
        if not copy.exists() or _hash(copy) in (record.get(name), _hash(source)):
            record[name] = _copy(source, copy)
        elif record.get(name) != _hash(source):
            newer.append(name[:2])
    _remove_renamed(root, record)
    _keep(root, record)
    if newer:
        print(f"There is a newer version of lesson {', '.join(newer)}, which you have begun. "
              f"Yours stays; `python3 -m workshop reset {' '.join(newer)}` opens the new one "
              "beside it.", flush=True)
    return mine


def reset(arguments: list[str], root: Path = ROOT) -> int:
    """Give a fresh copy of the lessons with these numbers; an exit status.

    What the learner has is renamed, by date, and never overwritten.
    """
    sources = {path.name[:2]: path for path in sorted((root / NOTEBOOKS.name).glob("*.ipynb"))}
    numbers = [number.zfill(2) for number in arguments]
    if unknown := [number for number in numbers if number not in sources]:
        print(f"reset: there is no lesson {', '.join(unknown)}; there are {', '.join(sources)}",
              file=sys.stderr)
    if unknown or not numbers:
        print("usage: python3 -m workshop reset NN [NN …]", file=sys.stderr)
        return 2
    mine, record = root / MINE.name, _record(root)
    mine.mkdir(exist_ok=True)
    for source in (sources[number] for number in numbers):
        copy = mine / source.name
        if copy.exists() and _hash(copy) != _hash(source):
            aside = _free_name(copy)
            copy.rename(aside)
            print(f"Yours is kept: {MINE.name}/{aside.name}")
        record[source.name] = _copy(source, copy)
        print(f"Fresh: {MINE.name}/{source.name} (if it is open, close its tab without saving and "
              "open it again)")
    _keep(root, record)
    return 0


def _free_name(copy: Path) -> Path:
    """NAME.DATE.ipynb, with a number where that is taken."""
    today = datetime.date.today().isoformat()
    names = (copy.with_name(f"{copy.stem}.{today}{number}.ipynb")
             for number in ["", *(f"-{count}" for count in range(2, 1000))])
    return next(name for name in names if not name.exists())


def _remove_renamed(root: Path, record: dict[str, str]) -> None:
    """A copy without a lesson, as after a renumbering, goes unless the learner has changed it."""
    for name in [name for name in record if not (root / NOTEBOOKS.name / name).exists()]:
        copy = root / MINE.name / name
        if copy.exists() and _hash(copy) == record[name]:
            copy.unlink()
        record.pop(name)


def _copy(source: Path, copy: Path) -> str:
    """The copy's hash; a copy that is equal already keeps its time, which JupyterLab looks at."""
    if not copy.exists() or _hash(copy) != _hash(source):
        copy.write_bytes(source.read_bytes())
    return _hash(copy)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(root: Path) -> dict[str, str]:
    try:
        return json.loads((root / MINE.name / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):       # then every copy that differs counts as changed
        return {}


def _keep(root: Path, record: dict[str, str]) -> None:
    (root / MINE.name / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
