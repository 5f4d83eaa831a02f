"""SHA256SUMS in the folder, in the form that `sha256sum --check SHA256SUMS` reads."""
import hashlib
from collections.abc import Iterable
from pathlib import Path

FILE = "SHA256SUMS"


def of(path: Path) -> str:
    """A file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> dict[str, str]:
    """The checksums that are written down: path in the folder → SHA-256; {} where none are."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def write(folder: Path, sums: dict[str, str]) -> None:
    """Write the checksums down, in one step."""
    new = folder / f"{FILE}.new"
    new.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())),
                   encoding="utf-8", newline="\n")
    new.replace(folder / FILE)


def wrong(folder: Path, names: Iterable[str], sums: dict[str, str]) -> list[str]:
    """Which of these files are missing, or are not what was written down; what is wrong of each."""
    found = []
    for name in names:
        if not (folder / name).is_file():
            found.append(f"{name} is missing")
        elif name not in sums:
            found.append(f"{name} is not in {FILE}")
        elif (digest := of(folder / name)) != sums[name]:
            found.append(f"{name} has the checksum {digest[:12]}…, not {sums[name][:12]}…")
    return found
