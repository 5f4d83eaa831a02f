"""environment.lock: every package of the environment, with its version and its files' hashes.

    python3 -m workshop pins              after a change to environment.yml
    python3 -m workshop pins --upgrade    also moves the packages that environment.yml does not name

uv resolves environment.yml for Linux, macOS and Windows and for every Python that the workshop
runs on. Versions that are in the old lock stay where they can. The deploying job's own lock,
.github/workflows/deploy.lock, is a part of the same versions. Standard library only.
"""
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from workshop.machine import requirements
from workshop.machine.paths import ROOT
from workshop.machine.python_version import OLDEST

LOCK = ROOT / "environment.lock"
DEPLOY_LOCK = ROOT / ".github/workflows/deploy.lock"
DEPLOYS_WITH = ("aws-sam-cli", "awscli")
UV = "uv==0.13.9"
HEAD = """\
# Made from environment.yml by `python3 -m workshop pins`. Do not edit.
# Each package has its version and the SHA-256 of its files on PyPI, for Linux, macOS and Windows
# and Python 3.11, 3.12 and 3.13. %s
"""
# PyTorch comes from different places: PyPI's build needs CUDA on Linux, several GB that nobody here
# uses; PyTorch's own CPU build has other hashes and the version 2.13.0+cpu. One list of hashes
# would force one of the two, so PyTorch is installed in a step of its own, by version alone.
WITHOUT_HASHES = re.compile(r"torch|triton|cuda-[\w-]+|nvidia-[\w-]+")
BLOCK = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^]]*\])?==(?P<version>[^\s;]+)"
                   r"(?: *; *(?P<marker>.*?))?(?: *\\)?$", re.M)

VIA = re.compile(r"(?m)^    #(?: via|  ) ([A-Za-z0-9][\w.-]*)")


class LockError(RuntimeError):
    """The lock cannot be made; the message says what was wrong and what to do."""


def normal(name: str) -> str:
    """A package's name as PyPI compares it: lower case, one dash for each run of ``-_.``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(text: str) -> Iterator[tuple[re.Match, str]]:
    """Each package of a lock: its first line (name, version, marker), and all of its lines."""
    for block in re.split(r"(?m)^(?=[^\s#])", text):
        if first := BLOCK.match(block):
            yield first, block


def has_hashes(entry: str) -> bool:
    """Whether an entry of environment.yml belongs in the lock: all but PyTorch and this clone."""
    return "==" in entry and not WITHOUT_HASHES.fullmatch(normal(entry.partition("==")[0]))


def differences(entries: list[str], text: str) -> list[str]:
    """Where a lock lacks what an entry of environment.yml pins; empty when it agrees."""
    locked = {(normal(first["name"]), first["version"]) for first, _ in blocks(text)}
    asked = [BLOCK.match(entry) for entry in entries if has_hashes(entry)]
    return [f"{pin['name']}=={pin['version']} is not in the lock" for pin in asked
            if (normal(pin["name"]), pin["version"]) not in locked]


def closures(groups: dict[str, list[str]], text: str) -> dict[str, str]:
    """The parts of a lock by group: what its entries need, without what an earlier group has.

    A lock's comments (`# via`) say which package needs which. What no entry leads to is in the
    first part, so that nothing of a lock is left out.
    """
    locked = [(normal(first["name"]), block) for first, block in blocks(text)]
    needed: dict[str, set[str]] = {}
    for name, block in locked:
        for parent in VIA.findall(block):
            needed.setdefault(normal(parent), set()).add(name)
    seen: set[str] = set()
    found = {}
    for group, entries in groups.items():
        new, rest = set(), [normal(entry.partition("==")[0]) for entry in entries]
        while rest:
            if (name := rest.pop()) not in seen | new:
                new.add(name)
                rest += needed.get(name, ())
        seen |= new
        found[group] = new
    first = next(iter(found))
    found[first] |= {name for name, _ in locked} - seen
    return {group: "".join(block for name, block in locked if name in names)
            for group, names in found.items()}


def constraints(text: str) -> str:
    """The versions of a lock without the hashes, as a file for pip's option ``--constraint``."""
    return "".join(f"{first['name']}=={first['version']}"
                   + (f" ; {first['marker']}" if first["marker"] else "") + "\n"
                   for first, _ in blocks(text))


# ---------------------------------------------------------------- making it

def write(prefer: dict[str, str] | None = None, upgrade: bool = False) -> None:
    """Make both locks from environment.yml. Raises LockError.

    prefer: versions by name to keep where they fit, in place of those in the old lock.
    upgrade: keep no version that environment.yml does not pin.
    """
    entries = [entry for entry in requirements.pinned() if entry != "-e ."]
    old = LOCK.read_text(encoding="utf-8") if LOCK.exists() and not upgrade else ""
    if prefer is not None:
        old = "".join(f"{name}=={version}\n" for name, version in prefer.items()
                      if "+" not in version)
    with tempfile.TemporaryDirectory() as folder:
        uv = _install_uv(Path(folder))
        lock = _compile(uv, Path(folder), entries, old)
        (Path(folder) / "versions.txt").write_text(constraints(lock), encoding="utf-8")
        deploys = [entry for entry in entries if entry.partition("==")[0] in DEPLOYS_WITH]
        part = _compile(uv, Path(folder), deploys, "", "--constraint", "versions.txt")
    _replace(LOCK, HEAD % "PyTorch is not here: see workshop/machine/pins.py.", lock)
    _replace(DEPLOY_LOCK, HEAD % "This is what deploy.yml deploys with.", part)


def _install_uv(folder: Path) -> Path:
    """Install uv in a virtual environment in `folder` and return the program's path."""
    venv.create(folder / "tool", with_pip=True)
    scripts = folder / "tool" / ("Scripts" if sys.platform == "win32" else "bin")
    _run([scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
          UV])
    return scripts / "uv"


def _compile(uv: Path, folder: Path, entries: list[str], old: str, *more: str) -> str:
    """Let uv resolve `entries`, near the versions in the lock `old`; the lock without its head."""
    (folder / "in.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
    (folder / "out.lock").write_text(old, encoding="utf-8")
    _run([uv, "pip", "compile", "--quiet", "--no-config", "--universal", "--generate-hashes",
          "--no-header", "--no-emit-index-url", "--python-version", "%d.%d" % OLDEST,
          "--python", sys.executable, "--output-file", "out.lock", *more, "in.txt"], folder)
    text = (folder / "out.lock").read_text(encoding="utf-8")
    return "".join(block for first, block in blocks(text)
                   if not WITHOUT_HASHES.fullmatch(normal(first["name"])))


def _run(command: list, folder: Path | None = None) -> None:
    done = subprocess.run([str(word) for word in command], cwd=folder, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace")
    if done.returncode:
        raise LockError(f"`{Path(command[0]).name} {' '.join(map(str, command[1:4]))} …` failed, "
                        f"and the locks stay as they were:\n{done.stdout.strip()}")


def _replace(path: Path, head: str, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(head + text, encoding="utf-8")
    new.replace(path)


def main(arguments: list[str]) -> int:
    """Make the locks; `--upgrade` moves what environment.yml does not name."""
    if set(arguments) - {"--upgrade"}:
        print("usage: python3 -m workshop pins [--upgrade]", file=sys.stderr)
        return 2
    try:
        write(upgrade="--upgrade" in arguments)
    except LockError as error:
        print(error, file=sys.stderr)
        return 1
    for path in (LOCK, DEPLOY_LOCK):
        number = sum(1 for _ in blocks(path.read_text(encoding="utf-8")))
        print(f"{path.relative_to(ROOT)}: {number} packages")
    return 0
