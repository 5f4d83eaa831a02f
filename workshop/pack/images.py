"""Base images as archives: `docker save` on the instructor's machine, `docker load` on a laptop.

Only what builds start from is packed. The lessons' own images are built in the lesson, from wheels
that are in the folder too (workshop/local/wheels.py).
"""
import contextlib
import gzip
import os
import shutil
import subprocess
from pathlib import Path

from workshop.machine import base_image, engine
from workshop.pack.contents import STAGE, PackError

FOLDER = "images"


def save(architecture: str, folder: Path, old: list[dict]) -> list[dict]:
    """Write the base image for a processor ("x86_64" or "arm64") into `folder`.

    old: what an earlier run wrote for this processor; the same image is not written again. Returns
    for each image, of which there is one, its file, name and id: it serves for all that builds
    start from. Raises engine.EngineError or base_image.BaseImageError where there is no image to
    be had, PackError and OSError where it cannot be written.
    """
    engine.ensure()
    with _building_for(architecture), same_afterwards(base_image.REAL):
        name = base_image.get()
        now = {"file": f"{FOLDER}/{architecture}-0.tar.gz", "name": name, "id": _id(name)}
        if now not in old or not (folder / now["file"]).is_file():
            _save(name, folder, now["file"])
    return [now]


@contextlib.contextmanager
def _building_for(architecture: str):
    before = os.environ.get("WORKSHOP_ARCHITECTURE")
    os.environ["WORKSHOP_ARCHITECTURE"] = architecture
    try:
        yield
    finally:
        os.environ.pop("WORKSHOP_ARCHITECTURE")
        if before:
            os.environ["WORKSHOP_ARCHITECTURE"] = before


@contextlib.contextmanager
def same_afterwards(image: str):
    """A pull for another processor takes the name from the image that had it: give it back."""
    before = _id(image)
    yield
    if before and _id(image) != before:
        engine.docker("tag", before, image)


def _id(image: str) -> str:
    return engine.docker("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


def _save(image: str, folder: Path, file: str) -> None:
    """Write an image's archive to `file` in the folder. Raises PackError and OSError."""
    target, new = folder / file, folder / STAGE / Path(file).name
    for path in (target, new):
        path.parent.mkdir(exist_ok=True)
    try:
        # Leaving this block closes the pipe, which ends `docker save`, and waits for it.
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving, \
                gzip.open(new, "wb", compresslevel=6) as archive:
            shutil.copyfileobj(saving.stdout, archive, 1 << 20)
        if saving.returncode:
            raise PackError(f"`docker save {image}` failed; is there room on the disk?")
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def load(folder: Path, images: list[dict]) -> None:
    """Load the archives whose images are not on this engine yet. Raises PackError."""
    for one in images:
        before = _id(one["name"])
        if before == one["id"]:
            continue
        try:
            done = engine.docker("load", "--input", str(folder / one["file"]), timeout=900)
        except subprocess.TimeoutExpired:
            raise PackError(f"`docker load` of {folder / one['file']} took more than 15 minutes. "
                            "Restart Docker, and run the same command again.") from None
        if done.returncode:
            raise PackError(f"`docker load` refused {folder / one['file']}: {done.stderr.strip()}")
        if one["name"] == base_image.REAL and not before:
            base_image.remember_pulled(one["name"])     # so that `clean` removes it
        print(f"Docker: {one['name']} loaded", flush=True)
