"""pack.json: what is in the folder, for which platforms and Pythons, and from which commit."""
import hashlib
import json
import platform as host
import re
import sys
from pathlib import Path
from typing import NamedTuple

from workshop.machine import pins, requirements
from workshop.machine.environment import SetUpError

FORMAT = 1
FILE = "pack.json"
CODE = "workshop.zip"
PAGE = "README.txt"
WHEELS = "wheels"           # for laptops
FUNCTIONS = "functions"     # for image builds, layers and zips: Lambda's machine and Python
# The files of the parts, as paths in the folder. pack.json may come from anybody's web server, and
# a name with ".." or a drive would lead out of the folder.
NAMES = re.compile(rf"({WHEELS}|{FUNCTIONS})/[^/\\:]+\.whl|images/[^/\\:]+\.tar\.gz")
LIGHT = ("00", "01", "02", "03", "04", "05", "06")
# What these lessons use: AWS SAM holds the emulator of image functions, and the tests' group draws
# models. What is left out is most of the bytes: trees, PyTorch, Keras.
LIGHT_GROUPS = (requirements.FIRST, "scikit-learn", "AWS SAM and load", "tests")
STAGE = ".partial"      # where files of the folder are until they are complete
BESIDE = "beside"       # wheels that belong to no group: workshop/machine/beside.py


class PackError(SetUpError):
    """The folder cannot be made or used; the message says what was wrong and what to do."""


class Platform(NamedTuple):
    """A kind of laptop: its wheels' names, its markers (PEP 508), its functions' processor."""

    tags: tuple[str, ...]
    markers: dict[str, str]
    architecture: str


def _linux(machine: str, architecture: str) -> Platform:
    # glibc 2.28 and older: Debian 10, Ubuntu 20.04 and newer have that.
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1)]
    return Platform((*tags, f"manylinux2014_{machine}", f"linux_{machine}"), {
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
        "platform_machine": machine}, architecture)


PLATFORMS = {
    "linux-x86_64": _linux("x86_64", "x86_64"),
    "linux-aarch64": _linux("aarch64", "arm64"),
    # macOS 14, as README.md says; pip takes what was built for older ones too.
    "macos-arm64": Platform(("macosx_14_0_arm64",), {
        "sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix",
        "platform_machine": "arm64"}, "arm64"),
    "windows": Platform(("win_amd64",), {
        "sys_platform": "win32", "platform_system": "Windows", "os_name": "nt",
        "platform_machine": "AMD64"}, "x86_64"),
}


def this_platform() -> str:
    """The name in PLATFORMS of the machine that this runs on. Raises PackError."""
    here = (sys.platform, host.machine().lower())
    for name, one in PLATFORMS.items():
        if here == (one.markers["sys_platform"], one.markers["platform_machine"].lower()):
            return name
    raise PackError(f"this machine is {' '.join(here)}; there are wheels for "
                    f"{', '.join(PLATFORMS)} only")


def this_python() -> str:
    """Major and minor version of the Python that runs this, as "3.13"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def part(platform: str, python: str) -> str:
    """The name in pack.json of the wheels for a platform and a Python."""
    return f"{platform}, Python {python}"


def version() -> dict[str, str]:
    """What wheels are made from: the hashes of environment.yml and environment.lock."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (requirements.FILE, pins.LOCK)}


def empty() -> dict:
    """The contents of a new folder."""
    return {"format": FORMAT, "complete": False, "full": False, "commit": "", "date": "",
            "version": version(), "parts": {}, "functions": {}, "images": {}, "missing": []}


def read(folder: Path) -> dict | None:
    """What pack.json says; None where there is none. Raises PackError for another format."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PackError(f"{folder / FILE} cannot be read ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise PackError(f"{folder / FILE} has another format than this version of the workshop "
                        f"reads; use the {CODE} that is in the folder")
    return found


def write(folder: Path, contents: dict) -> None:
    """Write pack.json, in one step."""
    new = folder / f"{FILE}.new"
    new.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
    new.replace(folder / FILE)
