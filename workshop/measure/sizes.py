"""Bytes of an image: unpacked, as pushed, and those of its dependencies."""
import json
import os
import subprocess
import tarfile
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from workshop.machine.paths import BUILD
from workshop.measure.container import MeasureError, inspect

LAYERS = BUILD / "measure" / "layers.json"
GZIP_HEAD_AND_TAIL = 20     # bytes
WINDOW = 2 ** 15            # bytes that gzip looks back
FOLDERS = ("/var/task", "/opt")     # where packages and layers are; below them, Lambda's own


def pushed(images: list[str]) -> dict[str, int]:
    """Bytes that a push of each image sends to an empty registry: its layers, compressed.

    A layer counts as gzip at its usual level makes it, which is what `docker push` does. Layers
    are known by their digest, and each is compressed once.
    """
    layers = {image: inspect(image)["RootFS"]["Layers"] for image in images}
    known = json.loads(LAYERS.read_text(encoding="utf-8")) if LAYERS.is_file() else {}
    missing = [image for image in images if not set(layers[image]) <= known.keys()]
    if missing:
        known |= _compressed(missing, layers)
        LAYERS.parent.mkdir(parents=True, exist_ok=True)
        LAYERS.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {image: sum(known[layer] for layer in layers[image]) for image in images}


def _compressed(images, layers):
    """{layer's digest: compressed bytes} of all layers of these images, from `docker save`."""
    sizes, manifest = {}, []
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                if member.name == "manifest.json":
                    manifest = json.load(archive.extractfile(member))
                elif member.isfile():
                    sizes[member.name] = _gzip_size(archive.extractfile(member))
                elif member.issym():    # the same layer under another name
                    target = PurePosixPath(member.name).parent / member.linkname
                    sizes[member.name] = str(target)
    if process.returncode:
        raise MeasureError(f"`docker save {' '.join(images)}` failed")
    digests = {name: layers[name] for name in images}
    found = {}
    for entry in manifest:
        image = next(tag for tag in entry["RepoTags"] if tag in digests)
        for digest, path in zip(digests[image], entry["Layers"], strict=True):
            found[digest] = _follow(sizes, path)
    return found


def _gzip_size(file) -> int:
    """Bytes of a file once compressed; a file that is compressed already counts as it is."""
    first = file.read(2)
    if first == b"\x1f\x8b":
        return 2 + sum(map(len, iter(lambda: file.read(2 ** 20), b"")))
    size, before, under_way = GZIP_HEAD_AND_TAIL, b"", deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for piece in iter(lambda: file.read(2 ** 20), b""):
            under_way.append(pool.submit(_deflated, first + piece, before))
            first, before = b"", piece[-WINDOW:]
            if len(under_way) > 2 * os.cpu_count():         # no more in memory than are at work
                size += under_way.popleft().result()
        return size + sum(one.result() for one in under_way)


def _deflated(piece, before):
    """Bytes of one piece of a file, compressed as pigz does, knowing what stands before it."""
    packer = zlib.compressobj(wbits=-15, **({"zdict": before} if before else {}))
    return len(packer.compress(piece)) + len(packer.flush(zlib.Z_SYNC_FLUSH))


def _follow(sizes, path):
    """The size under a name, through the links that older engines make for equal layers."""
    while isinstance(sizes[path], str):
        parts = []
        for part in PurePosixPath(sizes[path]).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        path = "/".join(parts)
    return sizes[path]


def dependencies(files: list, own: set[str]) -> int:
    """Bytes of a function's files without its own: those whose name, without ending, is in `own`.

    files: (path, size) of what is in /var/task and /opt. Bytecode counts with its source.
    """
    total = 0
    for path, size in files:
        below = PurePosixPath(path)
        near = below.parent.name == "__pycache__" and below.parent.parent or below.parent
        is_own = str(near) == "/var/task" and below.name.split(".")[0] in own
        total += 0 if is_own else size
    return total
