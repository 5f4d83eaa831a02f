"""Measures how much memory the image function takes, at the largest pictures that it accepts.

    .venv/bin/python tests/support/picture_memory.py [--all]

prints tables for functions of 512 and 1,024 MB: the highest peak of each kind of picture over all
shapes, and of each filter and shape. --all measures every kind with every filter, which takes long.

A second process loads the function as Lambda does and answers one picture after the other, so what
it keeps from one to the next counts too. Peaks are the kernel's (VmHWM in /proc/self/status).
"""
import io
import itertools
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MEMORIES = 512, 1024                # MB
FILTERS = "nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"
SIDE = 224                          # pixels, of the model's picture
WORST = {"resize": "lanczos", "colour": "RGB", "invert": True}
TURNED = Image.Exif()
TURNED[0x0112] = 6
NOISE = 9_900_000                   # bytes of the largest files


# ---------------------------------------------------------------- pictures

def saved(mode, kind="PNG", **options):
    """A function that makes a file of one colour, of a given size."""
    def make(size):
        buffer = io.BytesIO()
        Image.new(mode, size).save(buffer, kind, **options)
        return buffer.getvalue()
    return make


def chunk(name, data):
    """A piece of a PNG file."""
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(bits, colour, channels, interlaced):
    """A function that makes a black PNG of a sort that Pillow does not write."""
    def make(size):
        packer, rows = zlib.compressobj(1), []
        for width, height in passes(*size) if interlaced else [size]:
            row = bytes(1 + (width * bits * channels + 7) // 8)
            rows += [packer.compress(row) for _ in range(height)]
        head = b"".join(side.to_bytes(4) for side in size) + bytes(
            [bits, colour, 0, 0, interlaced])
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
                + chunk(b"IDAT", b"".join(rows) + packer.flush()) + chunk(b"IEND", b""))
    return make


def passes(width, height):
    """The sizes of the seven small pictures of which an interlaced PNG consists (Adam7)."""
    for x, y, right, down in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
                              (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        size = -((x - width) // right), -((y - height) // down)
        if min(size) > 0:
            yield size


def heavy(make):
    """The same picture in a file of NOISE bytes."""
    def padded(size):
        data = make(size)
        block = b"\xff\xe2\xff\xff" + bytes(65533)
        return data[:2] + block * ((NOISE - len(data)) // len(block)) + data[2:]
    return padded


JPEG = {"kind": "JPEG", "quality": 50, "subsampling": 0}
KINDS = {
    "PNG 1": saved("1"), "PNG L": saved("L"), "PNG LA": saved("LA"), "PNG P": saved("P"),
    "PNG P transparent": saved("P", transparency=bytes([7])), "PNG RGB": saved("RGB"),
    "PNG RGB transparent": saved("RGB", transparency=(0, 0, 0)), "PNG RGBA": saved("RGBA"),
    "PNG I;16": saved("I;16"), "PNG RGB turned": saved("RGB", exif=TURNED),
    "PNG RGBA turned": saved("RGBA", exif=TURNED), "PNG 16 bit RGB": png(16, 2, 3, 0),
    "PNG 16 bit RGBA interlaced": png(16, 6, 4, 1), "PNG L interlaced": png(8, 0, 1, 1),
    "JPEG L": saved("L", **JPEG), "JPEG RGB": saved("RGB", **JPEG),
    "JPEG CMYK": saved("CMYK", **JPEG), "JPEG RGB turned": saved("RGB", exif=TURNED, **JPEG),
    "JPEG L progressive": saved("L", progressive=True, **JPEG),
    "JPEG RGB progressive turned": saved("RGB", progressive=True, exif=TURNED, **JPEG),
    "JPEG CMYK progressive turned": saved("CMYK", progressive=True, exif=TURNED, **JPEG),
    "JPEG CMYK progressive, 9.9 MB": heavy(saved("CMYK", progressive=True, **JPEG)),
    "GIF": saved("P", "GIF", interlace=0), "GIF interlaced": saved("P", "GIF", interlace=1),
    "GIF transparent": saved("P", "GIF", transparency=0, disposal=2),
}

COMPARED = ["PNG L", "JPEG RGB"]    # kinds that are measured with every filter


def shapes(most, longest):
    """The largest pictures of each shape, name → (width, height)."""
    square, short = math.isqrt(most), min(most // longest, longest)
    square = min(square, longest)
    return {"N x 1": (longest, 1), "1 x N": (1, longest), "wide": (longest, short),
            "high": (short, longest), "square": (square, square)}


# ---------------------------------------------------------------- the process that is measured

def serve():
    """Answer lines of JSON on standard input: {"file", "resize", "colour", "invert"}."""
    sys.path.insert(0, str(ROOT / "lambda" / "image"))
    import fetch
    import lambda_function as function

    fetch.fetch = lambda url, hosts: bytes(bytearray(Path(url).read_bytes()))
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                   # the function's own log goes elsewhere
    most, longest = function.picture.Image.MAX_IMAGE_PIXELS, function.picture.MOST_SIDE
    print(json.dumps({"pixels": most, "side": longest, "start": status("VmRSS")}), file=answer,
          flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        given = {**function.signature["input"], "resize": case["resize"],
                 "colour": case["colour"]}
        if case["colour"] == "L":
            given.update(mean=[0.0], std=[1.0])
        make_tensor = function.preprocess.make(given)
        function.to_tensor = lambda image, invert, make=make_tensor: fit(make(image, invert))
        Path("/proc/self/clear_refs").write_text("5")       # VmHWM begins again
        said = function.lambda_handler(request(case), None)
        print(json.dumps({"status": said.get("statusCode", 200), "peak": status("VmHWM")}),
              file=answer, flush=True)


def request(case):
    """An event as the runtime hands it over: large files come by URL, the others in base64."""
    import base64
    data = Path(case["file"]).read_bytes()
    text = json.dumps({"url": case["file"], "invert": case["invert"]} if len(data) > 4_500_000 else
                      {"image": base64.b64encode(data).decode(), "invert": case["invert"]})
    return json.loads(text)


def fit(tensor):
    """The tensor for the model, which takes three channels."""
    return tensor if tensor.shape[1] == 3 else np.repeat(tensor, 3, axis=1)


def status(name):
    """A value of /proc/self/status, in MB (2**20 bytes)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


# ---------------------------------------------------------------- measuring

class Process:
    """The function with `memory` MB; ask() measures one picture."""

    def __init__(self, memory, folder):
        import tiny_image  # here: the measured process must not load the package onnx
        self.folder, self.files = Path(folder), {}
        model = tiny_image.make(self.folder / "model.onnx", tiny_image.changed(
            tiny_image.TORCH_LIKE, "input", width=SIDE, height=SIDE))
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "MODEL_PATH": str(model),
                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)})
        self.limits = json.loads(self.process.stdout.readline())
        self.shapes = shapes(self.limits["pixels"], self.limits["side"])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, kind, size, **settings):
        """Return (status, peak in MB) of one picture."""
        if (kind, size) not in self.files:
            self.files[kind, size] = self.folder / f"{len(self.files)}.picture"
            self.files[kind, size].write_bytes(KINDS[kind](size))
        case = {**WORST, **settings, "file": str(self.files[kind, size])}
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["peak"]


def measure(memory, folder, everything=False):
    """Yield (kind, shape, filter, colour, status, peak in MB), largest pictures only."""
    with Process(memory, folder) as process:
        yield "start", "", "", "", 200, process.limits["start"]
        for kind, shape in itertools.product(KINDS, process.shapes):
            filters = FILTERS if everything else [WORST["resize"]]
            for resize in filters:
                yield kind, shape, resize, "RGB", *process.ask(
                    kind, process.shapes[shape], resize=resize)
        for kind, shape, resize, colour in itertools.product(
                COMPARED, process.shapes, FILTERS, ["L", "RGB"]):
            yield kind, shape, resize, colour, *process.ask(
                kind, process.shapes[shape], resize=resize, colour=colour)


def report(memory, everything):
    """Print the tables of one function."""
    import pandas as pd
    with tempfile.TemporaryDirectory() as folder:
        table = pd.DataFrame(measure(memory, folder, everything), columns=[
            "kind", "shape", "filter", "colour", "status", "peak"])
    start, table = table["peak"][0], table[1:]
    assert set(table["status"]) == {200}, table[table["status"] != 200]
    print(f"\n{memory} MB: {start:.0f} MB when started, at most {table['peak'].max():.0f} MB, "
          f"{table['peak'].max() / memory:.0%}")
    print(table.pivot_table("peak", "kind", "shape", "max", sort=False).round().astype(int)
          .to_string())
    table = table[table["kind"].isin(COMPARED)]     # with every filter
    print(table.pivot_table("peak", "filter", "shape", "max", sort=False).round().astype(int)
          .to_string())


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        for size in MEMORIES:
            report(size, "--all" in sys.argv)
