"""An image from one archive of files, without a builder.

Docker 20.10's builder marks an image that begins `FROM scratch` as one for the host's processor,
whatever `--platform` says, and so does `docker import`. `docker load` keeps what the image says.
"""
import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

from workshop.machine import engine

MANIFEST, CONFIG, LAYER = "manifest.json", "config.json", "layer.tar"


def load(name: str, architecture: str, layer: Path, made_by: str, **config) -> None:
    """Give the engine the files in `layer`, a tar archive, as the image `name`, NAME:TAG.

    architecture: Lambda's word. made_by: what `docker history` prints of the layer; without a line
    for each layer it gives a layer's size to the line before. config: `Labels`, `Cmd` and so on, as
    `docker image inspect` prints them. Raises EngineError with Docker's words when the engine
    refuses the image. The form is the one of `docker save`:
    github.com/moby/docker-image-spec (v1.2).
    """
    with open(layer, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    texts = {MANIFEST: [{"Config": CONFIG, "RepoTags": [name], "Layers": [LAYER]}],
             CONFIG: {"os": "linux", "architecture": engine.DOCKER_NAMES[architecture],
                      "config": config, "history": [{"created_by": made_by}],
                      "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}}
    with tempfile.TemporaryDirectory(dir=layer.parent) as folder:
        whole = Path(folder) / "image.tar"
        with tarfile.open(whole, "w") as archive:
            for part, content in texts.items():
                add(archive, part, json.dumps(content).encode())
            archive.add(layer, LAYER)
        done = engine.docker("load", "--quiet", "--input", str(whole), timeout=300)
    if done.returncode:
        raise engine.EngineError(f"`docker load` refused {name}: {done.stderr.strip()}")


def add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Put a file of root's into an archive that is open for writing."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
