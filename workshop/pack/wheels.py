"""Python packages as wheels: for laptops of any platform and Python, and for image builds.

environment.lock says which, for all platforms; pip downloads them. Nothing is built: a package
that has no wheel for a platform is left out there and named.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from workshop import packages
from workshop.machine import environment, offline, paths, pins, requirements
from workshop.pack.contents import PLATFORMS, PackError

NOT_FOUND = re.compile(r"No matching distribution found for ([\w.-]+)(\S*)")
# pip's log says of each index that does not answer. One that answers 404 does not have the package.
NO_ANSWER = re.compile(r"Could not fetch URL (?!.*: 404 ).*")
AGAIN = "Is the network there? Run the same command again: what is complete is kept."
RELEASES = range(30)        # of one Python: 3.11.0, 3.11.1 …
HASH = re.compile(r"--hash=\S+")
LIST_BESIDE = paths.ROOT / "workshop/minilm.txt"


class NoAnswer(PackError):
    """A package index cannot be reached."""


def for_environment(group: str, platform: str, python: str) -> tuple[list[str], list[str]]:
    """What a group of environment.yml needs on a platform: (with hashes, PyTorch without)."""
    groups, text = requirements.groups(), pins.LOCK.read_text(encoding="utf-8")
    torch = [entry for entry in groups[group] if "==" in entry and not pins.has_hashes(entry)]
    return _locked(pins.closures(groups, text)[group], platform, python), torch


def for_lesson_on_text(platform: str, python: str) -> list[str]:
    """What lesson 12 puts into a folder of its own."""
    return _locked(LIST_BESIDE.read_text(encoding="utf-8"), platform, python)


def _locked(text: str, platform: str, python: str) -> list[str]:
    """A lock's lines for one platform: pip would compare the markers with this machine.

    Some markers name a bug-fix release, as 3.11.5. A laptop may have any: all of them get theirs.
    """
    from packaging.markers import Marker
    there = {**PLATFORMS[platform].markers, "python_version": python,
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    releases = [there | {"python_full_version": f"{python}.{release}"} for release in RELEASES]
    return [" ".join([f"{first['name']}{first['extras'] or ''}=={first['version']}",
                      *HASH.findall(block)])
            for first, block in pins.blocks(text)
            if not first["marker"] or any(map(Marker(first["marker"]).evaluate, releases))]


def options(platform: str, python: str) -> list[str]:
    """pip's options for wheels of another platform and Python.

    pip reads "3.11" as 3.11.0, and passes over what needs 3.11.5: hence its last release.
    """
    return ["--only-binary=:all:", "--implementation", "cp",
            "--python-version", f"{python}.{RELEASES[-1]}",
            *(f"--platform={tag}" for tag in PLATFORMS[platform].tags)]


def download_for(group: str, platform: str, python: str, folder: Path) -> list[str]:
    """Put a group's wheels into `folder`; return what could not be had, a line each."""
    locked, torch = for_environment(group, platform, python)
    chosen = ["--no-deps", *options(platform, python)]
    missing = _download(locked, folder, ["--require-hashes", *chosen])
    if not torch or not platform.startswith("linux"):
        return missing + _download(torch, folder, chosen)
    index = ["--index-url", environment.CPU_INDEX, "--retries", "1", "--timeout", "15"]
    try:        # PyPI's builds for Linux bring CUDA
        lacking = _download(torch, folder, [*chosen, *index])
    except NoAnswer:        # a network may have PyPI and not this index
        lacking = torch
    return missing + [f"{one} (asked {environment.CPU_INDEX})" for one in lacking]


def download_beside(platform: str, python: str, folder: Path) -> list[str]:
    """Put what lesson 12 needs besides into `folder`; return what could not be had."""
    return _download(for_lesson_on_text(platform, python), folder,
                     ["--require-hashes", "--no-deps", *options(platform, python)])


def functions_of(lessons: list[str] | None) -> list[Path]:
    """The requirements of the functions that lessons (None: all) deploy, as files."""
    found = sorted(paths.LAMBDA.glob("*/requirements.txt"))
    if lessons is None:
        return [*found, paths.DOCKER / "sagemaker/requirements.txt"]
    text = "".join(path.read_text(encoding="utf-8") for number in lessons
                   for path in paths.SOLUTIONS.glob(f"{number}_*.py"))
    return [path for path in found
            if re.search(rf'build\("{path.parent.name}"|lambda/{path.parent.name}\b', text)]


def download_functions(lessons: list[str] | None, architecture: str, folder: Path) -> list[str]:
    """Put what the lessons' functions need into `folder`; return what could not be had."""
    chosen, missing = packages.wheel_options(architecture), []
    for path in functions_of(lessons):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines()
                 if line.partition("#")[0].strip()]
        missing += _download(lines, folder, chosen)
    return sorted(set(missing))


def _download(lines: list[str], folder: Path, chosen: list[str]) -> list[str]:
    """Let pip download what the lines name; return the names of what no index has as a wheel.

    pip keeps what is in the folder already, where its hash is right, and refuses two versions of a
    package: the second is asked for apart. Raises NoAnswer when an index cannot be reached, and
    PackError with pip's last lines when anything else goes wrong.
    """
    first = list({_name(line): line for line in reversed(lines)}.values())[::-1]
    rest = [line for line in lines if line not in first]
    return _download_once(first, folder, chosen) + (_download(rest, folder, chosen) if rest else [])


def _name(line: str) -> str:
    return pins.normal(re.split(r"[\[=<>!~ ;]", line)[0])


def _download_once(lines: list[str], folder: Path, chosen: list[str]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    wanted, missing = folder / "wanted.txt", []
    while lines:
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done, log = _pip(wanted, folder, chosen)
        if done.returncode == 0:
            break
        refused = NOT_FOUND.search(done.stderr)
        if refused and (silent := NO_ANSWER.search(log)):
            raise NoAnswer(f"{silent[0]}\n{AGAIN}")
        left = [line for line in lines
                if refused and _name(line) != pins.normal(refused[1])]
        if not refused or len(left) == len(lines):
            last = "\n".join(done.stderr.strip().splitlines()[-6:])
            raise PackError(f"pip could not download packages; its last words:\n{last}\n{AGAIN}")
        missing.append(refused[1] + refused[2])
        lines = left
    wanted.unlink(missing_ok=True)
    return missing


def _pip(wanted: Path, folder: Path, chosen: list[str]) -> tuple[subprocess.CompletedProcess, str]:
    """Let pip download once, from the internet whatever this checkout uses; with pip's own log."""
    log = folder / "pip.log"
    log.unlink(missing_ok=True)         # pip would go on in it
    environ = dict(os.environ)
    offline.free_pip(environ)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--log", str(log),
         "--disable-pip-version-check", *chosen, "--dest", str(folder),
         "--requirement", str(wanted)],
        capture_output=True, text=True, errors="replace", env=environ)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    log.unlink(missing_ok=True)
    return done, said


def collect(staged: Path, folder: Path) -> list[str]:
    """Move wheels out of the folder they were downloaded to; their names, sorted."""
    folder.mkdir(exist_ok=True)
    names = sorted(path.name for path in staged.glob("*.whl"))
    for name in names:
        (staged / name).replace(folder / name)
    shutil.rmtree(staged, ignore_errors=True)     # not there where nothing was asked for
    return names
