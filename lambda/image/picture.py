"""Turns a file that a stranger sent into a picture, or refuses it.

Decoders are C code, and a small file can name a huge picture: few formats are accepted, and parts,
sides and pixels are checked before anything is decoded.

415: the file is of another format. 413: it is too large. 422: it is damaged, or moves.
"""
import io
import os
import warnings

from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

import structure
from web import CallerError, refusal

FORMATS = ["JPEG", "PNG", "GIF"]
MOST_PIXELS = 25_000_000    # a good camera's
LEAST_PIXELS = 1_000_000    # are accepted however little memory there is
MOST_SIDE = 16_384          # pixels; resizing needs memory for each row and column, too
SHARE = 0.6                 # of the function's memory: more than that is never used
# Bytes for each pixel at the worst moment: a progressive JPEG in CMYK has 8 of coefficients and 4
# of picture. All else (turned, made opaque, another colour mode, inverted) has at most 10.
# tests/support/picture_memory.py measures it.
BYTES_PER_PIXEL = 13
FILE_BYTES = 30_000_000     # the file's own copies: event, text, bytes, what Pillow keeps of it

Image.preinit()             # Pillow would load its decoders with the first request
PngImagePlugin.MAX_TEXT_MEMORY = 2 * PngImagePlugin.MAX_TEXT_CHUNK     # 2 MB; Pillow allows 64


def limit(memory, width):
    """Set the most pixels of a picture, to fit the memory; call it when all else is loaded.

    memory: the function's in MB, or 0 where there is no limit (not on Lambda).
    width: of the model's picture in pixels. Resizing makes one row of it for each row there was.
    """
    most = MOST_PIXELS
    if memory:
        free = SHARE * memory * 2**20 - resident() - FILE_BYTES - width * MOST_SIDE * 4
        most = max(LEAST_PIXELS, min(MOST_PIXELS, int(free / BYTES_PER_PIXEL)))
    Image.MAX_IMAGE_PIXELS = most   # beyond it Pillow warns, which read() makes an error


def resident():
    """Return the bytes of memory that this process has now (resident set size)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


limit(memory=0, width=0)


def read(data, field, colour="RGB"):
    """Return the picture in `data` (bytes), upright, in Pillow's mode "L" or "RGB".

    field: of the request that the picture came by, for the CallerError of one that is refused.
    colour: "L" when the picture's grey will do. Transparent parts are on white.
    """
    try:
        with warnings.catch_warnings():     # Pillow's are about the caller's file: not for our log
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return flatten(decode(data, field, colour))
    except (CallerError, MemoryError):
        raise
    except structure.TooManyPartsError:
        raise refusal(422, field, "has too many parts or scans", {
            "maximum_scans": structure.MOST_SCANS, "maximum_parts": structure.MOST_PARTS}) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_large(field, "has too many pixels for this function's memory") from None
    except UnidentifiedImageError:
        raise refusal(415, field, "is not a picture of a known format", FORMATS) from None
    except Exception:   # decoders raise whatever a damaged file makes them stumble over
        raise refusal(422, field, "is damaged or incomplete", FORMATS) from None


def too_large(field, message):
    return refusal(413, field, message, {
        "maximum_pixels": Image.MAX_IMAGE_PIXELS, "maximum_width": MOST_SIDE,
        "maximum_height": MOST_SIDE})


def decode(data, field, colour):
    """Return the picture, turned as its EXIF data say; raises what Pillow raises.

    colour: the mode that will do. A JPEG keeps grey apart from colours, so where "L" will do, its
    decoder skips the rest. It could also shrink the picture, but not as the model's training did.
    """
    structure.check(data)
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if max(image.size) > MOST_SIDE:
        raise too_large(field, "is too wide or too high")
    # Many phones write MPO, a JPEG with a second picture behind it: the first is the photograph.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise refusal(422, field, "is animated", "one picture")
    image.draft(colour, None)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def flatten(image):
    """Return the picture in mode "L" or "RGB", 8 bits a channel."""
    if image.mode.startswith("I;16"):   # Pillow's own conversion would cut values at 255
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image)
        return opaque
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
