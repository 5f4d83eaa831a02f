"""`--from FOLDER`: set this checkout up from a folder that `pack` made, without a network.

First everything is compared: version, platform, Python, checksums. Only then something is changed.
FOLDER may be the address of a web server in the room. Standard library only.
"""
import http.client
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

from workshop.machine import engine, offline, pins, requirements
from workshop.machine.progress import Line
from workshop.pack import checksums, contents, images
from workshop.pack.contents import FUNCTIONS, WHEELS, PackError

FETCHED = offline.FOLDER / "pack"       # of a web server: what this laptop needs
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))   # it is in this room


def set_up(source: str) -> None:
    """Load images and let pip install from `source` from now on; `internet` ends that.

    source: a folder's path, or an address that begins with http:// or https://. Raises PackError,
    and changes nothing, where the folder does not fit this checkout or is damaged.
    """
    if source == offline.INTERNET:
        offline.forget()
        print("set-up: packages come from the internet. Execute the first cell of an open lesson "
              "again", flush=True)
        return
    web = source.startswith(("http://", "https://"))
    folder = _fetch(source) if web else Path(source).expanduser().absolute()
    packed, part, images_, names = _open(folder, source)
    with Line("set-up") as line:
        line.say(f"comparing {len(names)} checksums")
        wrong = checksums.wrong(folder, names, checksums.read(folder))
    if wrong:
        raise PackError(f"{source} is damaged: {'; '.join(wrong[:3])}"
                        f"{f'; and {len(wrong) - 3} more' if len(wrong) > 3 else ''}. Nothing was "
                        "installed. Copy the folder again, or run `pack` on it again.")
    print(f"set-up: {source} has what this laptop needs: {len(names)} files, "
          f"{sum((folder / name).stat().st_size for name in names) / 1e6:.0f} MB, checksums right",
          flush=True)
    base = _load(folder, images_)
    _copy_wheels(folder, packed, part)
    offline.write(source if web else str(folder), folder, _complete(part), base)


def say_done() -> None:
    """After the set-up: the folder may go, and what it did not hold.

    So does the copy of a web server's, unless Docker has to load an image of it another time.
    """
    packed = offline.record()
    if packed["base"] or Path(packed["folder"]) != FETCHED:
        shutil.rmtree(FETCHED, ignore_errors=True)
    print(f"set-up: complete; {packed['source']} is not needed any more", flush=True)
    if why := offline.without(list(requirements.groups())):
        print(f"set-up: {why}", flush=True)


# ---------------------------------------------------------------- what is in the folder

def _open(folder: Path, source: str):
    """The contents, the wheels' part, the images and the names of files for this laptop."""
    packed = contents.read(folder)
    if packed is None:
        raise PackError(f"{source} is not a folder that `python3 -m workshop pack` made: it has no "
                        f"{contents.FILE}. Is the stick there, and the path right?")
    if not packed["complete"]:
        raise PackError(f"{source} is not complete: `pack` was interrupted. Run it again there.")
    here = contents.version()
    if packed["version"] != here:
        lock = pins.LOCK.name
        raise PackError(
            f"{source} was made for another version of the workshop (commit "
            f"{packed['commit'][:12]}, {lock} {packed['version'][lock][:12]}…); this copy has "
            f"{lock} {here[lock][:12]}…. Unpack {contents.CODE} of that folder and run this "
            "command there, or run `pack` again with this version.")
    part = _part(packed, source)
    # The engine's processor is asked for when Docker is looked at; a Mac's is its own.
    architecture = contents.PLATFORMS[contents.this_platform()].architecture
    images_ = packed["images"].get(architecture, [])
    names = {f"{WHEELS}/{file}" for group in part.values() for file in group["files"]}
    names |= {f"{FUNCTIONS}/{file}" for file in _functions(packed, architecture)}
    if requirements.FIRST not in _complete(part):
        raise PackError(f"{source} lacks {', '.join(part[requirements.FIRST]['missing'])}, which "
                        f"every lesson needs. {contents.PAGE} says what else is missing.")
    names |= {one["file"] for one in images_}
    if wrong := [name for name in names if not contents.NAMES.fullmatch(name)]:
        raise PackError(f"{source} was not made by `pack`: {contents.FILE} names {wrong[0]!r}")
    return packed, part, images_, sorted(names)


def _part(packed: dict, source: str) -> dict:
    platform, python = contents.this_platform(), contents.this_python()
    part = packed["parts"].get(contents.part(platform, python))
    if part is None:
        raise PackError(
            f"{source} has no wheels for {contents.part(platform, python)}, which this is. It has: "
            f"{'; '.join(packed['parts'])}. Use such a Python, for example python3.13 -m workshop "
            f"lab --from …, or add yours to the folder: python3 -m workshop pack FOLDER "
            f"--platform {platform} --python {python}")
    return part


def _complete(part: dict) -> list[str]:
    """The groups of packages of which no wheel is missing, in the order of environment.yml."""
    return [group for group in requirements.groups()
            if group in part and not part[group]["missing"]]


def _functions(packed: dict, architecture: str) -> list[str]:
    return packed["functions"].get(architecture, {"files": []})["files"]


# ---------------------------------------------------------------- setting up

def _load(folder: Path, images_: list[dict]) -> str | None:
    """Load the images into Docker, if it is there; the name of the base image."""
    state = engine.look()
    if state.kind == engine.NOT_INSTALLED:
        print(f"Docker: {engine.advice(state)}\nIt is not in the folder. Once it runs, type this "
              "command again; until then, the lessons that need no Docker run.", flush=True)
        return None
    try:
        engine.ensure()
    except engine.EngineError as error:
        print(f"Docker: {error}\nOnce it runs, type this command again.", flush=True)
        return None
    if not images_:
        print("Docker: the folder holds no base image for this processor, so images cannot be "
              "built without a network", flush=True)
        return None
    images.load(folder, images_)
    return images_[0]["name"]


def _copy_wheels(folder: Path, packed: dict, part: dict) -> None:
    """Copy what lessons install later, so that the stick may go; an old copy is replaced.

    Raises PackError where that fails, with the old copy as it was.
    """
    architecture = contents.PLATFORMS[contents.this_platform()].architecture
    files = [folder / FUNCTIONS / file for file in _functions(packed, architecture)]
    files += [folder / WHEELS / file
              for file in part.get(contents.BESIDE, {"files": []})["files"]]
    new = offline.WHEELS.with_name("wheels.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, new / file.name)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise PackError(f"{folder} cannot be copied to {offline.WHEELS}: {error}") from None
    shutil.rmtree(offline.WHEELS, ignore_errors=True)
    new.rename(offline.WHEELS)


# ---------------------------------------------------------------- from a web server

def _fetch(address: str) -> Path:
    """Download what this laptop needs into FETCHED; files with the right checksum are kept."""
    FETCHED.mkdir(parents=True, exist_ok=True)
    base = address.rstrip("/") + "/"
    for name in (contents.FILE, checksums.FILE):
        _get(base, name)
    *_, names = _open(FETCHED, address)
    sums = checksums.read(FETCHED)
    with Line("set-up") as line:
        for count, name in enumerate(names, 1):
            line.say(f"downloading {count} of {len(names)} files from {address}")
            if checksums.wrong(FETCHED, [name], sums):
                _get(base, name)
    return FETCHED


def _get(base: str, name: str) -> None:
    target = FETCHED / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with DIRECT.open(base + urllib.parse.quote(name), timeout=30) as answer, \
                open(target, "wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
    except (OSError, http.client.HTTPException, ValueError) as error:   # ValueError: no address
        raise PackError(f"{base}{name} cannot be downloaded: {error}. Is this the address of a "
                        "folder that `pack` made, and is the server on?") from None
