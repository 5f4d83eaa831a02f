"""From a file to the tensor that the model was trained on, as the signature's `picture` says."""
import base64

import numpy as np
from PIL import Image

import picture
import rows
import web

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC,
           "lanczos": Image.LANCZOS, "box": Image.BOX}
LARGEST = 4_000_000         # bytes of a file: in base64, a third more, it fits Lambda's 6 MB


class Reader(rows.Reader):
    """Makes the one input of a picture; the others are constants."""

    def __init__(self, signature):
        super().__init__(signature)
        self.given = signature["picture"]
        self.mode = "L" if self.given["colour"] == "L" else "RGB"
        self.mean, self.std = (np.array(self.given[name], np.float32) for name in ("mean", "std"))

    def feed(self, request):
        """Return {input: array}; raises CallerError for a file that is no picture."""
        image = picture.read(decode(request[self.given["field"]], self.given["field"]),
                             self.given["field"], self.mode)
        if image.mode != self.mode:
            image = image.convert(self.mode)
        image = image.resize((self.given["width"], self.given["height"]),
                             FILTERS[self.given["resize"]])
        return self.constants | {self.given["input"]: self.tensor(np.asarray(image))}

    def tensor(self, pixels):
        """The tensor of pixels (height, width, or height, width, channel; 0 to 255)."""
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if self.given["colour"] == "BGR":
            pixels = pixels[..., ::-1]
        values = (pixels * np.float32(self.given["scale"]) - self.mean) / self.std
        if self.given["layout"] == "NCHW":
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values[np.newaxis], rows.DTYPES[self.given["type"]])


def decode(text, field):
    """Return the bytes that base64 stands for, at most LARGEST."""
    if len(text) > LARGEST * 4 // 3 + 4:
        raise web.refusal(413, field, "is too large", {"maximum_bytes": LARGEST})
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise web.refusal(400, field, "is not base64",
                          "base64 without line breaks and without a data: prefix") from None
