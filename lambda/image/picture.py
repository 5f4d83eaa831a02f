"""Turns a file that a stranger sent into a picture, or refuses it.

Decoders are C code, and a small file can name a huge picture: few formats are accepted, and the
size is checked before anything is decoded.

415: the file is of another format. 413: it is too large. 422: it is damaged, or moves.
"""
import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from web import CallerError, refusal

FORMATS = ["JPEG", "PNG", "GIF"]
MOST_PIXELS = 25_000_000    # a good camera's; at worst (progressive CMYK) it needs 350 MB
MOST_SCANS = 50             # of a progressive JPEG; each one costs a pass over the whole picture

Image.MAX_IMAGE_PIXELS = MOST_PIXELS    # beyond it Pillow warns, which read() makes an error


def read(data, field):
    """Return the picture in `data` (bytes), upright, in Pillow's mode "L" or "RGB".

    field: of the request that the picture came by, for the CallerError of one that is refused.
    Transparent parts are on white.
    """
    try:
        with warnings.catch_warnings():     # Pillow's are about the caller's file: not for our log
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return flatten(decode(data, field))
    except (CallerError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise refusal(413, field, "has too many pixels",
                      {"maximum_pixels": MOST_PIXELS}) from None
    except UnidentifiedImageError:
        raise refusal(415, field, "is not a picture of a known format", FORMATS) from None
    except Exception:   # decoders raise whatever a damaged file makes them stumble over
        raise refusal(422, field, "is damaged or incomplete", FORMATS) from None


def decode(data, field):
    """Return the picture, turned as its EXIF data say; raises what Pillow raises."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    # Many phones write MPO, a JPEG with a second picture behind it: the first is the photograph.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise refusal(422, field, "is animated", "one picture")
    # In the data of a JPEG, FF DA is nothing but the begin of a scan.
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > MOST_SCANS:
        raise refusal(422, field, "has too many scans", {"maximum_scans": MOST_SCANS})
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def flatten(image):
    """Return the picture in mode "L" or "RGB", 8 bits a channel."""
    if image.mode.startswith("I;16"):   # Pillow's own conversion would cut values at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        opaque = Image.new("RGB", image.size, "white")
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        opaque.paste(image, mask=image)
        return opaque
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
