"""Files that the lessons make: whether one is whole, and which lesson makes it again.

A disk that was full, or a copy that was stopped, leaves a file of the right name that is of no use.
Opened, it gives a library's message, which names neither the file's lesson nor what to do.
"""
import json
import pickletools
import zipfile
from pathlib import Path

from workshop.course import render
from workshop.machine import paths


class DamagedFileError(ValueError):
    """A model file that cannot be used; the message names it, what is wrong, and what makes it."""


def check(path) -> None:
    """Raise DamagedFileError unless the file at `path` is whole, as far as its kind can be told.

    Nothing of it is executed: a pickle is only read through. Raises FileNotFoundError where there
    is no file.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no model file {path}: {remedy(path)}.")
    if problem := damage(path):
        raise DamagedFileError(f"{path} {problem}: {remedy(path)}.")


def damage(path) -> str | None:
    """What is wrong with a file or folder, such as "is empty"; None when it is whole."""
    path = Path(path)
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        empty = [file for file in files if not file.stat().st_size]
        return ("is an empty folder" if not files else
                f"holds an empty file, {empty[0].relative_to(path)}" if empty else None)
    if not path.stat().st_size:
        return "is empty"
    look = LOOKS.get(path.suffix)
    return look(path) if look else None


def remedy(path, root: Path = paths.ROOT) -> str:
    """What makes the file again, in words that follow a colon."""
    for lesson in render.lessons(root):
        if any(Path(path).resolve() == (root / product).resolve() for product in lesson.products):
            return (f"`python3 -m workshop run {lesson.number}` makes it again (lesson "
                    f"{lesson.number}, “{lesson.title}”)")
    return "export or copy it again, with the lesson or program that made it"


# --- one kind of file each ----------------------------------------------------------------------

def _onnx(path: Path) -> str | None:
    import onnx
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception:       # protobuf's DecodeError, or what the text formats raise
        return f"is not a whole ONNX model ({path.stat().st_size:,} bytes)"
    if not model.graph.node or not model.opset_import:
        return "is no ONNX model, or only the beginning of one"
    return None


def _pickle(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            for _ in pickletools.genops(file):
                pass
    except Exception:       # ValueError mostly; a pickle of random bytes raises others
        return f"is not a whole pickle ({path.stat().st_size:,} bytes)"
    return None


def _zip(path: Path) -> str | None:
    """Keras's .keras and PyTorch's .pt are zip archives with a checksum for each file."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            bad = archive.testzip()
            file.seek(0)
            begins = file.read(2) == b"PK"      # zipfile skips what is before
    except Exception:       # BadZipFile, and zlib.error, EOFError or NotImplementedError inside
        return f"is not a whole archive ({path.stat().st_size:,} bytes)"
    if not begins:
        return "does not begin as an archive"
    return f"is damaged inside, at {bad}" if bad else None


def _csv(path: Path) -> str | None:
    content = path.read_bytes()
    return None if content.endswith(b"\n") and b"\0" not in content else "is cut off, or no CSV"


def _json(path: Path) -> str | None:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return "is not whole JSON"
    return None


LOOKS = {".onnx": _onnx, ".pkl": _pickle, ".keras": _zip, ".pt": _zip, ".npz": _zip, ".csv": _csv,
         ".json": _json}
