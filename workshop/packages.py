"""What lesson 15 does by hand: packages for Lambda's machine in a folder, a folder as a zip.

A function of lambda/ names its packages in requirements.txt, and in leave_out.txt (if there is one)
what of them it never uses.
"""
import io
import shutil
import sys
import zipfile
from pathlib import Path

from workshop.machine import base_image, engine, labels, modes, paths, tools
from workshop.machine.lock import one_at_a_time

PYTHON = "3.13"
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}     # Lambda's word: the word in a wheel's name
GLIBC = ("manylinux2014", "manylinux_2_27", "manylinux_2_28")   # Lambda's Python 3.13 has 2.34


def install(name):
    """Install what lambda/NAME requires as a layer wants it; return the layer's folder.

    The folder is build/layers/NAME and holds `python/`: packages for Lambda's machine and Python,
    without what leave_out.txt names, with bytecode. It is made anew when one of these has changed.
    Raises FileNotFoundError when there is no such function, RuntimeError with pip's or Docker's
    last lines.
    """
    source, layer = paths.LAMBDA / name, paths.BUILD / "layers" / name
    if not (source / "requirements.txt").is_file():
        raise FileNotFoundError(f"There is no {source / 'requirements.txt'}.")
    with one_at_a_time(f"layer-{name}"):
        return _install(source, layer)


def _install(source, layer):
    recipe, made_by = _recipe(source), layer.with_suffix(".recipe")
    if layer.is_dir() and made_by.is_file() and made_by.read_text(encoding="utf-8") == recipe:
        return layer
    made_by.unlink(missing_ok=True)         # written again when all is there
    shutil.rmtree(layer, ignore_errors=True)
    tools.run(sys.executable, "-m", "pip", "install", *pip_options(),
              "--target", layer / "python", "--requirement", source / "requirements.txt")
    leave_out(layer / "python", source / "leave_out.txt")
    modes.settle(layer)
    compile_bytecode(layer / "python")
    made_by.write_text(recipe, encoding="utf-8")
    return layer


def _recipe(source):
    """All that an installation of a function's packages depends on, as text."""
    files = [source / "requirements.txt", source / "leave_out.txt"]
    return "\n".join([*pip_options(), base_image.get(),
                      *(path.read_text(encoding="utf-8") for path in files if path.is_file())])


def pip_options():
    """pip's options for wheels that fit Lambda, whatever machine pip itself runs on."""
    return ["--quiet", "--disable-pip-version-check", "--no-compile",
            *wheel_options(engine.architecture())]


def wheel_options(architecture):
    """pip's options that choose wheels for a function's architecture, in Lambda's word."""
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON,
            *(f"--platform={glibc}_{MACHINES[architecture]}" for glibc in GLIBC)]


def leave_out(packages: Path, patterns: Path) -> None:
    """Delete from the folder `packages` what the file `patterns` names, if there is that file.

    Raises ValueError for a pattern that leads out of the folder.
    """
    if not patterns.is_file():
        return
    for line in patterns.read_text(encoding="utf-8-sig").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            if pattern.startswith(("/", "\\")) or ".." in Path(pattern).parts:
                raise ValueError(f"{patterns}: {pattern!r} leads out of the packages' folder.")
            for path in list(packages.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def compile_bytecode(packages: Path) -> None:
    """Compile a folder with Lambda's own Python: another minor version's bytecode is ignored.

    unchecked-hash: valid whatever dates the files get in a zip.
    """
    container = tools.run(
        "docker", "create", "--label", labels.WORKSHOP, "--label", labels.OURS,
        "--network", "none",
        "--entrypoint", "python3", base_image.get(), "-m", "compileall", "-q",
        "--invalidation-mode", "unchecked-hash",
        "-s", "/packages", "-p", "/opt/python", "/packages").strip()
    try:
        tools.run("docker", "cp", f"{packages}/.", f"{container}:/packages")
        tools.run("docker", "start", "--attach", container)
        tools.run("docker", "cp", f"{container}:/packages/.", packages)
    finally:
        tools.run("docker", "rm", "--force", "--volumes", container)


def zipped(folder: str | Path, pattern="**/*") -> bytes:
    """The files of a folder that fit a pattern, as a zip; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in Path(folder).glob(pattern) if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())    # no time of day in it
            entry.external_attr = 0o644 << 16       # Lambda's user must be able to read it
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
