"""Runs inside the helper container of `scratch`: makes an empty disk of a given size.

`python3 - MEGABYTES` prints the name of a block device with a file system in it, /dev/loop7, and
returns. The device is held until it is mounted, 10 minutes at most. Nobody has to give it back: the
kernel detaches it when the mount ends, and its file has no name.

Standard library only: it runs in whatever image the helper has.
"""
import errno
import os
import stat
import struct
import sys
import time

BLOCK = 4096                    # bytes
IN_GROUP = 8 * BLOCK            # blocks of a group: its bitmap is one block
INODES, INODE = 8192, 256       # of a group; bytes of one
TABLE = INODES * INODE // BLOCK             # blocks of a group's table of inodes
OWN = 4 + TABLE                 # blocks of a group that hold no data; in front of the table are the
#                                 superblock, the groups' descriptors and two bitmaps
RESERVED, ROOT = 10, 2          # inodes that are used from the start, and the root folder's
CONTROL, MAJOR = "/dev/loop-control", 7
GET_FREE, CONFIGURE = 0x4C82, 0x4C0A        # ioctl (linux/loop.h), Linux 5.8
AUTOCLEAR, DIRECT_IO = 4, 16
FILES = "/files"                # a volume: files there are the engine's own, not in layers
PATIENCE = 600                  # seconds


def blocks_of(megabytes: int) -> int:
    """Blocks of a file system that has room for so many MB of files, one large file included."""
    data = megabytes * 2**20 // BLOCK
    data += data // 512 + 16    # a large file's lists of blocks
    return data + OWN * -(-data // (IN_GROUP - OWN))


def format_ext2(file: int, blocks: int) -> None:
    """Write an empty ext2 file system into a file of zeros (its descriptor).

    Its root folder is open to all, as /tmp is. Source: docs.kernel.org, "ext4 Data Structures and
    Algorithms"; ext2 is its oldest form, which the same driver mounts.
    """
    groups = -(-blocks // IN_GROUP)
    sizes = [min(IN_GROUP, blocks - number * IN_GROUP) for number in range(groups)]
    used = [OWN + (number == 0) for number in range(groups)]    # the root folder has one block
    descriptors = b"".join(
        struct.pack("<3I3H14x", first + 2, first + 3, first + 4, size - taken,
                    INODES - RESERVED * (first == 0), first == 0)
        for first, size, taken in zip(range(0, blocks, IN_GROUP), sizes, used))
    now = int(time.time())
    superblock = struct.pack(
        "<13I6H4I2HI2H3I16s", INODES * groups, blocks, 0, sum(sizes) - sum(used),
        INODES * groups - RESERVED, 0, 2, 2, IN_GROUP, IN_GROUP, INODES, 0, now,
        0, 0xFFFF, 0xEF53, 1, 1, 0, now, 0, 0, 1, 0, 0, RESERVED + 1, INODE, 0, 0, 2, 0,
        os.urandom(16))
    os.pwrite(file, superblock, 1024)
    os.pwrite(file, descriptors, BLOCK)
    for number, (size, taken) in enumerate(zip(sizes, used)):
        start = number * IN_GROUP * BLOCK
        os.pwrite(file, bitmap(taken, size), start + 2 * BLOCK)
        os.pwrite(file, bitmap(RESERVED * (number == 0), INODES), start + 3 * BLOCK)
    folder = struct.pack("<HHIIIIIHHII4xI", stat.S_IFDIR | 0o1777, 0, BLOCK, now, now, now, 0, 0, 2,
                         BLOCK // 512, 0, OWN)
    os.pwrite(file, folder, 4 * BLOCK + (ROOT - 1) * INODE)
    entries = struct.pack("<IHBB4sIHBB4s", ROOT, 12, 1, 2, b".", ROOT, BLOCK - 12, 2, 2, b"..")
    os.pwrite(file, entries, OWN * BLOCK)


def bitmap(used: int, size: int) -> bytes:
    """A block of bits: the first `used` are set, and all from `size` on, which do not exist."""
    bits = (1 << IN_GROUP) - (1 << size) | (1 << used) - 1
    return bits.to_bytes(BLOCK, "little")


def attached(file: int) -> tuple[str, int]:
    """A free loop device, with the file behind it: its name, and its open descriptor."""
    import fcntl  # not above: Windows has none, and reads this module's text

    control = os.open(CONTROL, os.O_RDWR)
    while True:
        number = fcntl.ioctl(control, GET_FREE)
        name = f"/dev/loop{number}"
        if not os.path.exists(name):
            os.mknod(name, stat.S_IFBLK | 0o600, os.makedev(MAJOR, number))
        device = os.open(name, os.O_RDWR)
        settings = struct.pack("<II40x3II232x", file, BLOCK, 0, 0, 0, AUTOCLEAR | DIRECT_IO)
        try:
            fcntl.ioctl(device, CONFIGURE, settings.ljust(304, b"\0"))
            return name, device
        except OSError as error:
            os.close(device)
            if error.errno != errno.EBUSY:      # another process was faster: take the next one
                raise


def is_mounted(name: str) -> bool:
    """Whether a device is in use: then nobody else may open it for himself alone."""
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def main() -> None:
    blocks = blocks_of(int(sys.argv[1]))
    file = os.open(FILES, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.truncate(file, blocks * BLOCK)
    format_ext2(file, blocks)
    name, _device = attached(file)
    print(name, flush=True)
    if os.fork():
        os._exit(0)             # whoever asked has the name; the other process holds the device
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not is_mounted(name):
        time.sleep(0.2)


if __name__ == "__main__":
    main()
