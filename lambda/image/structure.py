"""Counts the parts that a picture's file is made of, before a decoder sees the file.

A decoder keeps what it finds in each part, and a part may have four bytes: so a small file could
take much memory, or much time. A JPEG's scans each cost a pass over the whole picture.
"""
import contextlib
import re

MOST_SCANS = 50         # of a JPEG; progressive ones have about 10
# JPEG: segments of 64 KB, so the largest colour profile in 10 MB has 160. PNG: libpng writes chunks
# of 8 KB. GIF: blocks have at most 255 bytes, so 10 MB have 40,000.
MOST_PARTS = {"JPEG": 1_000, "PNG": 20_000, "GIF": 50_000}

# In the data of a scan, FF 00 stands for FF, and FF D0 to FF D7 are restart markers. Bytes of FF
# before a marker are padding. So this finds the next marker as libjpeg's next_marker() does.
MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
SOF, SOI, EOI, SOS = 0xC0, 0xD8, 0xD9, 0xDA


class TooManyPartsError(ValueError):
    """A file with more parts, or more scans, than any honest one."""


def check(data):
    """Return the number of scans of a JPEG in `data` (bytes), 1 for the other formats.

    A file of no known format passes, and so does one that is cut off: Pillow refuses them. Raises
    TooManyPartsError, or ValueError for a segment that cannot be.
    """
    if data.startswith(b"\xff\xd8"):
        return count_scans(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        check_png(data)
    elif data.startswith((b"GIF87a", b"GIF89a")):
        check_gif(data)
    return 1


def count_scans(data):
    """Return how many scans a JPEG has. What comes behind its end (EOI) does not count."""
    position, scans = 2, 0
    for _ in range(MOST_PARTS["JPEG"]):
        found = MARKER.search(data, position)
        if not found or found[1][0] in (SOI, EOI):  # at a second SOI, libjpeg gives up
            return scans
        position = found.end()
        if found[1][0] < SOF:                   # reserved, or TEM: these have no length
            continue
        length = int.from_bytes(data[position:position + 2])
        if length < 2 or position + length > len(data):
            raise ValueError("a segment has a length that cannot be")
        position += length
        scans += found[1][0] == SOS
        if scans > MOST_SCANS:
            raise TooManyPartsError(f"more than {MOST_SCANS} scans")
    raise TooManyPartsError(f"more than {MOST_PARTS['JPEG']} segments")


def check_png(data):
    """Raise TooManyPartsError for a PNG of too many chunks."""
    position = 8
    for _ in range(MOST_PARTS["PNG"]):
        if position >= len(data) or data[position + 4:position + 8] == b"IEND":
            return
        position += 12 + int.from_bytes(data[position:position + 4])
    raise TooManyPartsError(f"more than {MOST_PARTS['PNG']} chunks")


def check_gif(data):
    """Raise TooManyPartsError for a GIF of too many blocks."""
    left = MOST_PARTS["GIF"]
    with contextlib.suppress(IndexError):       # the file is cut off
        position = 13 + colour_table(data[10])
        while position < len(data) and (kind := data[position:position + 1]) != b";":
            position += 1
            if kind == b"!":                    # an extension: label, blocks
                position += 1
            elif kind == b",":                  # a picture: place and size, colours, blocks
                position += 10 + colour_table(data[position + 8])
            if kind in b"!,":
                while data[position] and left:
                    position, left = position + 1 + data[position], left - 1
            left -= 1
            if left < 0:
                raise TooManyPartsError(f"more than {MOST_PARTS['GIF']} blocks")


def colour_table(flags):
    """Return the size in bytes of the colour table that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0
