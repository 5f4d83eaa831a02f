"""What Lambda adds to a container from outside: code, layers, and the emulator; none is writable.

Copied into volumes, not mounted from folders: the engine may be in a virtual machine and not see
this machine's files. Archives are made from zip files without a folder in between, so that
permissions never depend on this machine or on the umask.
"""
import contextlib
import functools
import io
import stat
import tarfile
import time
import zipfile

CODE, LAYERS = "/var/task", "/opt"
EMULATOR_FOLDER = "/var/rapid"          # where Lambda has its own process that serves the runtime
EMULATOR = f"{EMULATOR_FOLDER}/aws-lambda-rie"
MACHINES = {"x86_64": 62, "arm64": 183}     # Lambda's word → `e_machine` in a compiled (ELF) file
MACHINE = slice(18, 20)                     # where that is; every machine here is little-endian


def unzipped(blob: bytes, architecture: str) -> bytes:
    """A zip file's content as a tar archive of root's, for a function of this architecture.

    Permissions stay those in the zip file: as on AWS, code that only its owner may read is refused
    by Python with "Permission denied".
    """
    buffer = io.BytesIO()
    with (zipfile.ZipFile(io.BytesIO(blob)) as source,
          tarfile.open(fileobj=buffer, mode="w") as archive):
        for entry in source.infolist():
            _add(archive, entry, loadable(source.read(entry), MACHINES[architecture]))
    return buffer.getvalue()


def loadable(content: bytes, machine: int) -> bytes:
    """A file as a function's machine takes it: a program for another machine is one for none.

    A zip function runs on this computer, whatever its architecture. So what is compiled for this
    computer, and not for the function, would work here and fail on AWS.
    """
    if not content.startswith(b"\x7fELF") \
            or content[MACHINE] == machine.to_bytes(2, "little"):
        return content
    return content[:MACHINE.start] + bytes(2) + content[MACHINE.stop:]


def _add(archive: tarfile.TarFile, entry: zipfile.ZipInfo, content: bytes) -> None:
    """Add one entry of a zip file to a tar archive, under a name that stays in its folder."""
    name = "/".join(part for part in entry.filename.split("/") if part not in ("", ".", ".."))
    if not name:
        return
    member = tarfile.TarInfo(name)
    unix = entry.external_attr >> 16    # 0 where the zip was made on Windows
    member.mode = unix & 0o777 or (0o755 if entry.is_dir() else 0o644)
    member.mtime = int(time.time())
    if entry.is_dir():
        member.type = tarfile.DIRTYPE
        content = b""
    elif stat.S_ISLNK(unix):
        member.type, member.linkname = tarfile.SYMTYPE, content.decode()
        content = b""
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@functools.cache
def emulator(architecture: str) -> bytes:
    """The Runtime Interface Emulator for an architecture (Lambda's word), as a tar archive."""
    from workshop.machine import base_image
    program = base_image.emulator(architecture)
    member = tarfile.TarInfo(EMULATOR.rpartition("/")[2])
    member.mode, member.size = 0o755, program.stat().st_size
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive, open(program, "rb") as file:
        archive.addfile(member, file)
    return buffer.getvalue()


def create(client, contents: list[tuple[str, bytes | None]], given: dict):
    """Create a container with the arguments `given`, in which `contents` cannot be written to.

    contents: (folder, tar archive) pairs, in order; None for what the image has in the folder.

    Nothing can be copied into a read-only volume. So a second container, which never starts, is
    given writable volumes, is filled, lends its volumes read-only, and goes.
    """
    if not contents:
        return client.containers.create(**given)
    lender = client.containers.create(given["image"], labels=given["labels"],
                                      command=["-"],    # an image may have none
                                      volumes=sorted({folder for folder, _ in contents}))
    borrower = None
    try:
        for folder, archive in contents:
            if archive:
                lender.put_archive(folder, archive)
        borrower = client.containers.create(**given, volumes_from=[f"{lender.id}:ro"])
        return borrower
    finally:
        with contextlib.suppress(Exception):    # the local cloud stops, and has removed it
            lender.remove(v=not borrower)       # lent volumes go with the borrower
