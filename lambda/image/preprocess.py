"""From a picture to the tensor that the model was trained on, as the model's signature says.

keras-image-helper does it: it makes an array and a batch, with functions of ours before and after.
It needs only NumPy and Pillow, no framework.
"""
import math

import numpy as np
from keras_image_helper.base import BasePreprocessor
from PIL import Image, ImageOps

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC,
           "lanczos": Image.LANCZOS, "box": Image.BOX, "hamming": Image.HAMMING}
CHANNELS = {"L": 1, "RGB": 3}
LAYOUTS = ("NHWC", "NCHW")
KINDS = ("probabilities", "logits")


class Preprocessor(BasePreprocessor):
    """keras-image-helper's preprocessor, by the rules of a signature's "input", `given`.

    Its own steps resize with nearest only, and make a grey picture RGB before that.
    """

    def __init__(self, given):
        super().__init__(target_size=(given["width"], given["height"]))
        self.filter, self.layout = FILTERS[given["resize"]], given["layout"]
        self.shape = (1, given["height"], given["width"], CHANNELS[given["colour"]])
        self.scale = np.float32(given["scale"])
        self.mean, self.std = (np.array(given[name], dtype=np.float32) for name in ("mean", "std"))

    def resize_image(self, picture):
        return picture.resize(self.target_size, self.filter)

    def image_to_array(self, picture):  # np.array(picture) asks the picture more than we must know
        return np.frombuffer(picture.tobytes(), np.uint8).astype(np.float32)

    def preprocess(self, pixels):       # 0 to 255, a batch of one; ours alone, so changed in place
        values = pixels.reshape(self.shape)
        values *= self.scale
        values -= self.mean
        values /= self.std
        return values if self.layout == "NHWC" else values.transpose(0, 3, 1, 2).copy()


def make(given):
    """Return a function (picture, invert) → float32 tensor with a batch of one.

    given: the signature's "input". invert: black for white before anything else, or None for
    what the signature says.
    """
    helper = Preprocessor(given)

    def preprocess(picture, invert=None):
        if picture.mode != given["colour"]:     # convert() copies even where it changes nothing
            picture = picture.convert(given["colour"])
        if given.get("invert", False) if invert is None else invert:
            picture = ImageOps.invert(picture)
        return helper.convert_to_tensor(picture)

    return preprocess


def shape(given):
    """Return the shape of the tensor that a signature's "input" describes, e.g. (1, 28, 28, 1)."""
    sides = {"N": 1, "H": given["height"], "W": given["width"], "C": CHANNELS[given["colour"]]}
    return tuple(sides[axis] for axis in given["layout"])


def check_signature(signature, source):
    """Raise ValueError, naming the model file `source`, unless the signature says all we need."""
    def ensure(condition, what):
        if not condition:
            raise ValueError(f"{source}: the model's signature {what}")

    def ensure_one_of(part, key, values):
        found = signature[part].get(key)
        ensure(isinstance(found, str) and found in values,
               f"gives {part} the {key} {found!r}, not one of {list(values)}")

    ensure(isinstance(signature, dict), "is missing: export the model again, with its metadata")
    for key, kind in (("model", str), ("version", str), ("input", dict), ("output", dict),
                      ("classes", list)):
        ensure(isinstance(signature.get(key), kind), f"has no {key!r}, or a wrong one")
    given, made = signature["input"], signature["output"]
    for key, values in (("layout", LAYOUTS), ("colour", CHANNELS), ("resize", FILTERS)):
        ensure_one_of("input", key, values)
    ensure_one_of("output", "kind", KINDS)
    ensure(isinstance(given.get("name"), str) and isinstance(made.get("name"), str),
           "does not name the model's input and output")
    for side in ("width", "height"):
        ensure(type(given.get(side)) is int and given[side] > 0, f"gives the {side} "
               f"{given.get(side)!r}, not a number of pixels")
    ensure(is_number(given.get("scale")), f"gives the scale {given.get('scale')!r}, not a number")
    count = CHANNELS[given["colour"]]
    for key in ("mean", "std"):
        values = given.get(key)
        ensure(isinstance(values, list) and len(values) == count and all(map(is_number, values)),
               f"gives the {key} {values!r}, not one number for each of {count} channels")
    ensure(all(given["std"]), "gives a std of 0")
    ensure(type(given.get("invert", False)) is bool, "gives an invert that is not true or false")
    ensure(signature["classes"] and all(isinstance(name, str) for name in signature["classes"]),
           "names no classes")


def is_number(value):
    return type(value) in (int, float) and math.isfinite(value)
