"""Whether the engine runs programs for another processor: tried, not guessed.

The kernel that the engine runs on hands a program of another processor to an emulator that is
registered with it (binfmt_misc). Where that kernel is, and what is registered, differs: Docker
Desktop's is in a virtual machine. So the smallest program there can be is run in a container.
"""
import functools
import os
import struct
import subprocess
import tarfile
import tempfile
from pathlib import Path

from workshop.machine import engine, image_archive, labels

HOW = ("Docker Desktop brings emulation of other processors. On Linux, one command installs it: "
       "`docker run --privileged --rm tonistiigi/binfmt --install all`, or on Debian and Ubuntu "
       "`sudo apt-get install qemu-user-static binfmt-support`.")

# For each architecture: its number in a program's header, and the instructions of `exit(0)`.
EXIT = {"x86_64": (62, bytes.fromhex("b83c000000 31ff 0f05")),
        "arm64": (183, bytes.fromhex("a80b80d2 000080d2 010000d4"))}
ADDRESS, HEADERS = 0x400000, 64 + 56        # bytes: the file's header, and its one segment's


@functools.cache
def ready(architecture: str) -> bool:
    """Whether the engine runs programs for `architecture` (Lambda's word), emulated or not.

    Found out once for each process, in about a second. False where no engine answers, or where it
    refuses the image or hangs: `doctor` asks on such machines, too.
    """
    if not engine.available():
        return False
    name = engine.own(f"workshop-emulation:{architecture}-{os.getpid()}")
    word, _, value = labels.OURS.partition("=")
    try:
        with tempfile.TemporaryDirectory() as folder:
            layer = Path(folder) / "layer.tar"
            with tarfile.open(layer, "w") as archive:
                image_archive.add(archive, "exit", program(architecture), mode=0o755)
            image_archive.load(name, architecture, layer, "a program that ends",
                               Cmd=["/exit"], Labels={word: value})
        try:
            return engine.docker("run", "--rm", "--network", "none", "--platform",
                                 f"linux/{engine.DOCKER_NAMES[architecture]}", name).returncode == 0
        finally:
            engine.docker("rmi", "--force", name)
    except (engine.EngineError, OSError, subprocess.TimeoutExpired):    # an engine in trouble
        return False


def program(architecture: str) -> bytes:
    """A Linux program that ends at once with status 0: an ELF file of one segment (man 5 elf)."""
    machine, code = EXIT[architecture]
    size = HEADERS + len(code)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1,
                         ADDRESS + HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x10000)
    return header + segment + code
