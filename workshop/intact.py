"""Whether a file that a lesson made is whole; standard library only, and nothing in it is run.

A full disk, a killed copy or a broken download leaves half a file, or one of zeros. Each kind of
file has a form that shows it.
"""
import json
import pickletools
import zipfile
from pathlib import Path


class Damaged(ValueError):
    """A file is damaged; the message names it, says why, and what makes it again."""


def check(path, made_by: str = "the lesson that makes it") -> None:
    """Raise Damaged for a file or folder that is not whole; `made_by` says what to run again."""
    if why := fault(Path(path)):
        raise Damaged(f"{path} is damaged: {why}. Delete it, and run {made_by} again.")


def fault(path: Path) -> str:
    """Why a file or folder is not whole, in a few words; "" where nothing is wrong with it."""
    if path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file()]
        return next((f"{one.relative_to(path)} {why}" for one in found if (why := fault(one))),
                    "" if found else "the folder is empty")
    check_form = FORMS.get(path.suffix)
    if check_form is None:
        return ""       # an empty file may be as it should be
    if not path.stat().st_size:
        return "it is empty"
    try:
        return check_form(path)
    except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        return f"it cannot be read ({error or type(error).__name__})"


def _protobuf(path: Path) -> str:
    """A message is fields, each with its number, kind and length; they must end with the file."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if not tag >> 3 or kind not in (0, 1, 2, 5):
            return "it is no ONNX file, or its middle is missing"
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            length, at = _varint(data, at)
            at += length
        else:
            at += 8 if kind == 1 else 4
    return "" if at == len(data) else "its end is missing"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("its end is missing")
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _pickle(path: Path) -> str:
    """Read to the last instruction; none is carried out."""
    with open(path, "rb") as file:
        for _ in pickletools.genops(file):
            pass
        return "something follows its end" if file.read(1) else ""


def _zip(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
    return f"{bad} in it has a wrong checksum" if bad else ""


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return "" if text.endswith("\n") else "it ends in the middle of a line"


def _json(path: Path) -> str:
    json.loads(path.read_text(encoding="utf-8"))
    return ""


FORMS = {".onnx": _protobuf, ".pb": _protobuf, ".pkl": _pickle, ".keras": _zip, ".pt": _zip,
         ".npz": _zip, ".csv": _text, ".json": _json}
