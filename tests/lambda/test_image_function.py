"""The image function: its promise to callers, and which models it accepts.

What it may fetch is tested in test_image_fetch.py.
"""
import base64
import io
import json
import random
import struct
import warnings
import zlib

import numpy as np
import onnx
import pytest
from PIL import Image, ImageFile
from test_images import build_command, stage

import picture_memory
import tiny_image
from emulator import AS_LAMBDA, docker, emulator, invoke, json_lines
from function_folder import PRIVATE, call, load
from picture_memory import chunk
from tiny_image import KERAS_LIKE, TORCH_LIKE, changed
from workshop.machine import engine
from workshop.machine.paths import ROOT

EVENTS = ROOT / "tests/support/events"
KINDS = ["direct", "rest", "http", "http_stage", "url", "url_base64"]
OVER_HTTP = KINDS[1:]
PIXELS = np.random.default_rng(seed=1).integers(0, 256, (30, 40, 3)).astype("uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_image.make(folder / "keras.onnx", KERAS_LIKE)
    tiny_image.make(folder / "torch.onnx", TORCH_LIKE)
    return folder


@pytest.fixture
def function(monkeypatch, folder):
    """The function with the model that Keras might have made, freshly imported."""
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    return load(monkeypatch, "image", folder / "keras.onnx")


def file(picture=None, kind="PNG", **options):
    """The bytes of a picture's file."""
    buffer = io.BytesIO()
    (picture or Image.fromarray(PIXELS)).save(buffer, kind, **options)
    return buffer.getvalue()


def text(data):
    return base64.b64encode(data).decode()


def recorded(name, request=None, raw=None, media="image/png", query=None):
    """The recorded event `name` with another JSON request, or a binary body as gateways pass it."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    if name == "direct":
        return request
    names = {header.lower(): header for header in event["headers"]}
    event["headers"][names["content-type"]] = "application/json" if raw is None else media
    event["body"], event["isBase64Encoded"] = json.dumps(request), False
    if raw is not None:
        event["body"], event["isBase64Encoded"] = text(raw), True
    if query is not None:
        event["queryStringParameters"] = query
    return event


def send(function, capsys, data):
    """Send a file in a direct invoke; return (status, content, log)."""
    return call(function, capsys, {"image": text(data)})


def expected(signature, picture, invert=False):
    """The probabilities by class, computed from the signature alone: no code of the function."""
    given = signature["input"]
    filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR}
    picture = picture.convert(given["colour"])
    if invert:
        picture = Image.fromarray(255 - np.asarray(picture))
    picture = picture.resize((given["width"], given["height"]), filters[given["resize"]])
    tensor = np.asarray(picture, dtype="float64").reshape(given["height"], given["width"], -1)
    tensor = (tensor * given["scale"] - given["mean"]) / given["std"]
    if given["layout"] == "NCHW":
        tensor = np.moveaxis(tensor, 2, 0)
    return dict(zip(signature["classes"], tiny_image.probabilities(signature, tensor)))


def answered(content):
    return {entry["label"]: entry["probability"] for entry in content["predictions"]}


# ---------------------------------------------------------------- valid requests

@pytest.mark.parametrize("name, signature", [("keras", KERAS_LIKE), ("torch", TORCH_LIKE)])
def test_same_function_answers_as_each_model_does(monkeypatch, folder, capsys, name, signature):
    function = load(monkeypatch, "image", folder / f"{name}.onnx")
    status, content, _ = call(function, capsys, {"image": text(file()), "top": 4})
    assert status == 200
    assert list(content) == ["predictions", "model", "model_version"]
    assert (content["model"], content["model_version"]) == (signature["model"],
                                                            signature["version"])
    assert answered(content) == pytest.approx(expected(signature, Image.fromarray(PIXELS)),
                                              abs=1e-5)
    values = [entry["probability"] for entry in content["predictions"]]
    assert values == sorted(values, reverse=True) and sum(values) == pytest.approx(1)
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize("resize, colour, layout", [
    ("nearest", "RGB", "NHWC"), ("bilinear", "L", "NCHW"), ("nearest", "L", "NCHW"),
    ("bilinear", "RGB", "NCHW")])
def test_preprocessing_follows_the_signature(monkeypatch, tmp_path, capsys, resize, colour, layout):
    count = 3 if colour == "RGB" else 1
    signature = changed(TORCH_LIKE, "input", resize=resize, colour=colour, layout=layout,
                        scale=1 / 128, mean=[0.9, 0.5, 0.1][:count], std=[0.5, 1.5, 2.5][:count])
    function = load(monkeypatch, "image", tiny_image.make(tmp_path / "m.onnx", signature))
    content = call(function, capsys, {"image": text(file()), "top": 4})[1]
    assert answered(content) == pytest.approx(expected(signature, Image.fromarray(PIXELS)),
                                              abs=1e-5)


@pytest.mark.parametrize("event", KINDS)
def test_base64_in_json_is_answered_whatever_the_event(function, capsys, event):
    status, content, log = call(function, capsys, recorded(event, {"image": text(file())}))
    assert status == 200 and len(content["predictions"]) == 3
    assert log["event"] == event.partition("_")[0]


@pytest.mark.parametrize("event", OVER_HTTP)
@pytest.mark.parametrize("media", ["image/png", "IMAGE/JPEG; x=1", "application/octet-stream",
                                   "binary/octet-stream", "application/x-www-form-urlencoded", ""])
def test_binary_body_is_answered_whatever_the_event(function, capsys, event, media):
    status, content, _ = call(function, capsys, recorded(event, raw=file(), media=media))
    assert status == 200
    assert content == call(function, capsys, {"image": text(file())})[1]


def test_binary_body_takes_its_options_from_the_query_string(function, capsys):
    query = {"top": "1", "invert": "true"}
    content = call(function, capsys, recorded("http", raw=file(), query=query))[1]
    assert content == call(function, capsys, {"image": text(file()), "top": 1, "invert": True})[1]


@pytest.mark.parametrize("name", ["http", "url_base64"])
def test_json_sent_by_curl_without_a_content_type_is_understood(function, capsys, name):
    event = recorded(name, raw=json.dumps({"image": text(file())}).encode(),
                     media="application/x-www-form-urlencoded")
    assert call(function, capsys, event)[0] == 200


@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_json_with_a_byte_order_mark_is_json(function, capsys, encoding, media):
    body = json.dumps({"image": text(file())}).encode(encoding)
    assert call(function, capsys, recorded("http", raw=body, media=media))[0] == 200


@pytest.mark.parametrize("top, count", [(1, 1), (2, 2), (4, 4), (10, 4)])
def test_top_says_how_many_labels(function, capsys, top, count):
    content = call(function, capsys, {"image": text(file()), "top": top})[1]
    assert len(content["predictions"]) == count


def test_invert_turns_black_and_white_around(function, capsys, monkeypatch, tmp_path):
    grey = Image.fromarray(PIXELS[..., 0])
    request = {"image": text(file(grey)), "top": 4}
    turned = pytest.approx(expected(KERAS_LIKE, grey, invert=True), abs=1e-5)
    plain = pytest.approx(expected(KERAS_LIKE, grey), abs=1e-5)
    assert answered(call(function, capsys, {**request, "invert": True})[1]) == turned
    assert answered(call(function, capsys, {**request, "invert": False})[1]) == plain
    inverting = tiny_image.make(tmp_path / "m.onnx", changed(KERAS_LIKE, "input", invert=True))
    function = load(monkeypatch, "image", inverting)
    assert answered(call(function, capsys, request)[1]) == turned
    assert answered(call(function, capsys, {**request, "invert": False})[1]) == plain


def test_large_logits_do_not_overflow(function):
    assert function.softmax(np.array([2000.0, 1000.0])).tolist() == [1, 0]


def test_first_request_is_cold_and_later_ones_are_warm(function, capsys):
    event = {"image": text(file())}
    assert [call(function, capsys, event)[2]["cold"] for _ in range(3)] == [True, False, False]


# ---------------------------------------------------------------- pictures of all sorts

FLAT = Image.new("RGB", (40, 30), (200, 40, 90))


def colour_seen(function, data):
    """The colour (red, green, blue) of the middle, and the size, of what decoding makes of it."""
    picture = function.contract.picture.read(data, "image")
    assert picture.mode in ("L", "RGB")
    seen = picture.convert("RGB")
    return seen.getpixel((picture.width // 2, picture.height // 2)), picture.size


def deep_grey(value):
    """A PNG of 16 bits a pixel, all of one value (0 to 65,535)."""
    return file(Image.fromarray(np.full((30, 40), value, dtype="uint16")))


def on(background, colour):
    picture = Image.new(background, (40, 30), colour)
    return picture


PICTURES = {    # a file, the colour that must be seen
    "PNG": (file(FLAT), (200, 40, 90)),
    "JPEG": (file(FLAT, "JPEG", quality=95), (200, 40, 90)),
    "JPEG, progressive": (file(FLAT, "JPEG", progressive=True), (200, 40, 90)),
    "JPEG, grey": (file(FLAT.convert("L"), "JPEG"), (94, 94, 94)),
    "JPEG, CMYK": (file(FLAT.convert("CMYK"), "JPEG"), (200, 40, 90)),
    "MPO, a phone's JPEG with two pictures": (
        file(FLAT, "MPO", save_all=True, append_images=[on("RGB", "blue")]), (200, 40, 90)),
    "GIF": (file(FLAT, "GIF"), (200, 40, 90)),
    "palette": (file(FLAT.quantize(8)), (200, 40, 90)),
    "palette, transparent": (file(on("P", 0), transparency=0), (255, 255, 255)),
    "palette, half transparent": (file(on("P", 0), transparency=bytes([128])), (127, 127, 127)),
    "RGBA, transparent": (file(on("RGBA", (0, 0, 0, 0))), (255, 255, 255)),
    "RGBA, half transparent": (file(on("RGBA", (0, 0, 0, 128))), (127, 127, 127)),
    "RGBA, opaque": (file(on("RGBA", (200, 40, 90, 255))), (200, 40, 90)),
    "RGB with a transparent colour": (file(FLAT, transparency=(200, 40, 90)), (255, 255, 255)),
    "grey with transparency": (file(on("LA", (0, 0))), (255, 255, 255)),
    "one bit": (file(on("1", 1)), (255, 255, 255)),
    "16 bits, dark": (deep_grey(1), (0, 0, 0)),
    "16 bits, grey": (deep_grey(128 * 256 + 7), (128, 128, 128)),
    "16 bits, white": (deep_grey(65535), (255, 255, 255)),
    "interlaced": (file(FLAT, "GIF", interlace=1), (200, 40, 90)),
}


@pytest.mark.parametrize("case", PICTURES)
def test_picture_is_seen_in_its_colours(function, capsys, case):
    data, colour = PICTURES[case]
    seen, size = colour_seen(function, data)
    assert seen == pytest.approx(colour, abs=4) and size == (40, 30)
    assert send(function, capsys, data)[0] == 200


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_is_turned_as_its_exif_data_say(function, orientation):
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste("red", (0, 0, 20, 15))        # the corner that a viewer shows at the top left
    turns = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM,
             5: Image.TRANSPOSE, 6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}
    stored = picture.transpose(turns[orientation]) if orientation > 1 else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG"):
        seen = function.contract.picture.read(file(stored, kind, exif=exif), "image")
        assert seen.size == (40, 30)
        corners = [seen.getpixel(at) for at in ((5, 5), (35, 5), (5, 25), (35, 25))]
        assert [green > 128 for _, green, _ in corners] == [False, True, True, True]


def png_header(width, height, more=b""):
    """A PNG that is nothing but the claim to have that size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", b"")
            + chunk(b"IEND", b""))


def gif_header(screen, frame):
    """A GIF that claims one size for itself and another for its picture."""
    return (b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0, 0, 0) + b","
            + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x44\x01\x00;")


def scans(count):
    """A JPEG with `count` more scans than it needs."""
    data = file(FLAT, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def segments(*parts):
    """Segments of a JPEG, from their markers and contents."""
    return b"".join(marker + struct.pack(">H", len(content) + 2) + content
                    for marker, content in parts)


def frames(kind):
    return file(FLAT, kind, save_all=True, append_images=[on("RGB", "blue")], duration=100)


PNG, JPEG = file(), file(kind="JPEG")
UNUSABLE = {    # a file, the status, words of the message
    "text": (PRIVATE.encode() * 10, 415, "known format"),
    "HTML": (b"<!doctype html><title>x</title>", 415, "known format"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, "known format"),
    "PDF": (b"%PDF-1.7\n" + bytes(100), 415, "known format"),
    "WebP": (file(kind="WEBP"), 415, "known format"),
    "TIFF": (file(kind="TIFF"), 415, "known format"),
    "BMP": (file(kind="BMP"), 415, "known format"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "known format"),
    "one byte": (b"\x89", 415, "known format"),
    "PNG, its signature only": (PNG[:8], 415, "known format"),
    "PNG, half": (PNG[:len(PNG) // 2], 422, "damaged"),
    "JPEG, half": (JPEG[:len(JPEG) // 2], 422, "damaged"),
    "JPEG, head only": (JPEG[:300], 422, "damaged"),
    "GIF, half": (file(kind="GIF")[:900], 422, "damaged"),
    "PNG, no data": (png_header(8, 6), 422, "damaged"),
    "PNG, broken inside": (PNG[:200] + bytes(50) + PNG[250:], 422, "damaged"),
    "animated GIF": (frames("GIF"), 422, "animated"),
    "animated PNG": (frames("PNG"), 422, "animated"),
    "bomb, a little": (png_header(5001, 5000), 413, "pixels"),
    "bomb": (png_header(50_000, 50_000), 413, "pixels"),
    "bomb, widest": (png_header(2**31 - 1, 2**31 - 1), 413, "pixels"),
    "bomb, one row": (png_header(2**31 - 1, 1), 413, "pixels"),
    "one column of 25,000,000": (png_header(1, 25_000_000), 413, "too wide or too high"),
    "one row of 25,000,000": (png_header(25_000_000, 1), 413, "too wide or too high"),
    "a little too wide": (png_header(16_385, 2), 413, "too wide or too high"),
    "too high, GIF": (file(Image.new("P", (1, 20_000)), "GIF"), 413, "too wide or too high"),
    "too high, JPEG": (file(Image.new("L", (1, 20_000)), "JPEG"), 413, "too wide or too high"),
    "bomb, GIF": (gif_header(65535, 1), 413, "pixels"),
    "bomb, GIF, in the frame": (gif_header(1, 65535), 413, "pixels"),
    "bomb, in a PNG's comment": (
        png_header(8, 6, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))), 422,
        "damaged"),
    "JPEG with endless scans": (scans(900), 422, "scans"),
    "JPEG with a few scans too many": (scans(51), 422, "scans"),
    "JPEG of endless segments": (JPEG[:2] + segments(*[(b"\xff\xe5", b"")] * 2000) + JPEG[2:], 422,
                                 "parts"),
    "JPEG of endless comments": (JPEG[:2] + segments(*[(b"\xff\xfe", b"a")] * 2000) + JPEG[2:], 422,
                                 "parts"),
    "JPEG, a segment without length": (JPEG[:2] + b"\xff\xe5\0\1" + JPEG[2:], 422, "damaged"),
    "JPEG, a segment beyond the end": (JPEG[:2] + b"\xff\xe5\xff\xff" + bytes(9), 422, "damaged"),
    "PNG of endless chunks": (PNG[:33] + chunk(b"prIv", b"") * 25_000 + PNG[33:], 422, "parts"),
    "GIF of endless comment blocks": (file(FLAT, "GIF")[:-1] + b"!\xfe" + b"\2ab" * 60_000 + b"\0;",
                                      422, "parts"),
    "PNG with 3 MB of text": (PNG[:33] + b"".join(
        chunk(b"zTXt", b"%d\0\0" % number + zlib.compress(bytes(1_000_000)))
        for number in range(3)) + PNG[33:], 422, "damaged"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_picture_is_refused(function, capsys, case):
    data, status, words = UNUSABLE[case]
    for event, field in [({"image": text(data)}, "image"),
                         (recorded("http", raw=data), "body")]:
        found, content, _ = call(function, capsys, event)
        problem, = content["problems"]
        assert (found, problem["field"]) == (status, field)
        assert words in problem["message"] and problem["allowed"]


@pytest.mark.parametrize("case", ["bomb", "one column of 25,000,000", "too high, GIF",
                                  "JPEG with endless scans", "PNG of endless chunks"])
def test_what_is_too_large_is_refused_before_it_is_decoded(function, capsys, monkeypatch, case):
    def decode(image):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    data, status, _ = UNUSABLE[case]
    assert send(function, capsys, data)[0] == status


@pytest.mark.parametrize("size", [(5000, 5000), (16_384, 1), (1, 16_384), (16_384, 1525)])
def test_largest_picture_that_is_allowed_is_answered(function, capsys, size):
    assert send(function, capsys, file(Image.new("1", size)))[0] == 200


SCAN = b"\xff\xda"
HARMLESS = {    # what makes a JPEG look as if it had many scans, and is none
    "ICC profile": file(FLAT, "JPEG", icc_profile=SCAN * 40_000),
    "comment": file(FLAT, "JPEG", comment=SCAN * 200),
    "EXIF thumbnail": file(FLAT, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + SCAN * 200),
    "a segment of no known use": JPEG[:2] + segments((b"\xff\xe9", SCAN * 30_000)) + JPEG[2:],
    "behind the end": JPEG + SCAN * 200,
    "a second picture behind the end": (
        file(FLAT, "MPO", save_all=True, append_images=[on("RGB", "blue")]) + scans(100)),
    "padding before a marker": JPEG[:2] + b"\xff" * 300 + JPEG[2:],
    "restart markers": file(Image.fromarray(PIXELS).resize((800, 600)), "JPEG",
                            restart_marker_blocks=1),
    "noise, with stuffed bytes": file(Image.effect_noise((1200, 1200), 200), "JPEG", quality=100),
    "as many scans as are allowed": scans(40),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_jpeg_that_only_looks_as_if_it_had_many_scans_is_answered(function, capsys, case):
    assert send(function, capsys, HARMLESS[case])[0] == 200


@pytest.mark.parametrize("options, count", [
    ({}, 1), ({"progressive": True}, 10), ({"restart_marker_blocks": 1}, 1)])
def test_scans_are_counted(function, options, count):
    check = function.picture.structure.check
    assert check(file(FLAT, "JPEG", **options)) == count
    assert check(PNG) == check(file(kind="GIF")) == check(b"text") == 1


def test_files_of_other_software_have_few_parts(function):
    """Files of 6 to 10 MB, in blocks of the usual size."""
    noise = Image.effect_noise((2800, 2800), 200)
    for data in (file(noise, "JPEG", quality=95), file(noise), file(noise, "GIF")):
        function.picture.structure.check(data)


# ---------------------------------------------------------------- memory

@pytest.mark.parametrize("memory", picture_memory.MEMORIES)
def test_no_picture_takes_more_than_its_share_of_the_memory(tmp_path, memory):
    """The largest pictures that are accepted; picture_memory.py measures them all."""
    with picture_memory.Process(memory, tmp_path) as process:
        few = ["PNG RGBA turned", "JPEG CMYK progressive turned"]
        cases = [(kind, "square", "lanczos")
                 for kind in (picture_memory.KINDS if memory == 512 else few)]
        cases += [(kind, shape, resize) for kind in picture_memory.COMPARED
                  for shape in ("N x 1", "1 x N") for resize in picture_memory.FILTERS]
        cases += [("JPEG CMYK progressive, 9.9 MB", shape, "lanczos") for shape in process.shapes]
        for kind, shape, resize in cases:
            size = process.shapes[shape]
            status, peak = process.ask(kind, size, resize=resize)
            assert status == 200, (kind, size)
            assert peak <= 0.6 * memory, f"{kind} of {size}, {resize}: {peak:.0f} MB"
        beyond = process.limits["pixels"] // 4000 + 1
        assert process.ask("PNG L", (4000, beyond))[0] == 413
        assert process.limits["pixels"] >= 12_200_000, "a phone's photograph must fit"


@pytest.mark.parametrize("memory, most", [(128, 1_000_000), (10_240, 25_000_000), (0, 25_000_000)])
def test_limit_follows_the_memory(function, monkeypatch, memory, most):
    picture = function.picture
    monkeypatch.setattr(picture, "resident", lambda: 80 * 2**20)
    monkeypatch.setattr(picture.Image, "MAX_IMAGE_PIXELS", 0)
    picture.limit(memory, 224)
    assert picture.Image.MAX_IMAGE_PIXELS == most


def test_refusal_says_what_the_limits_are(function, capsys):
    for size in [(1, 20_000), (5001, 5000)]:
        problem, = send(function, capsys, png_header(*size))[1]["problems"]
        assert problem["allowed"] == {"maximum_pixels": 25_000_000, "maximum_width": 16_384,
                                      "maximum_height": 16_384}


def test_damaged_files_of_all_sorts_are_never_a_fault(function, capsys):
    draw = random.Random(7)
    sources = [file(FLAT, "JPEG", exif=b"Exif\0\0II*\0" + bytes(40)), PNG, file(kind="GIF"), JPEG,
               file(FLAT.quantize(8)), deep_grey(77), frames("GIF"), frames("PNG")]
    seen = set()
    for _ in range(600):
        data = bytearray(draw.choice(sources))
        for _ in range(draw.choice([1, 3, 30])):
            data[draw.randrange(min(len(data), 700))] = draw.randrange(256)
        seen.add(send(function, capsys, bytes(data[:draw.choice([None, None, 500])]))[0])
    assert seen >= {200, 415, 422} and seen <= {200, 413, 415, 422}


def test_decoder_that_warns_of_a_file_does_not_write_to_the_log(function, capsys):
    data = file(FLAT, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x01")
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        Image.open(io.BytesIO(data)).getexif()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert send(function, capsys, data)[0] == 200


def test_file_that_is_too_large_is_refused(function, capsys, monkeypatch):
    monkeypatch.setattr(function.fetch, "LARGEST", 1000)
    status, content, _ = send(function, capsys, bytes(1001))
    assert status == 413 and content["problems"][0]["allowed"] == {"maximum_bytes": 1000}


# ---------------------------------------------------------------- mistakes in the request

IMAGE = {"image": text(file())}
MISTAKES = {    # what is sent, the field that must be named, words of the message
    "nothing": ({}, "url", "missing"),
    "a list": ([IMAGE], "url", "not an object"),
    "a string": (PRIVATE, "url", "not an object"),
    "null": (None, "url", "not an object"),
    "both": ({**IMAGE, "url": "https://example.com/"}, "image", "beside a url"),
    "an unknown field": ({**IMAGE, "size": PRIVATE}, "size", "not a known field"),
    "url a number": ({"url": 8472}, "url", "string"),
    "url null": ({"url": None}, "url", "string"),
    "url empty": ({"url": ""}, "url", "string"),
    "image a list": ({"image": [1, 2]}, "image", "string"),
    "image empty": ({"image": ""}, "image", "string"),
    "image no base64": ({"image": PRIVATE + "!"}, "image", "not base64"),
    "a lone surrogate in an image": ({"image": "\ud800"}, "image", "not base64"),
    "a lone surrogate in a URL": ({"url": "http://\udfff/"}, "url", "percent-encode"),
    "a lone surrogate in a field's name": ({**IMAGE, "\udc00": 1}, "?", "not a known field"),
    "image not ASCII": ({"image": "é"}, "image", "not base64"),
    "image as a data: URL": ({"image": "data:image/png;base64," + IMAGE["image"]}, "image",
                             "not base64"),
    "image with line breaks": ({"image": base64.encodebytes(PNG).decode()}, "image", "not base64"),
    "top 0": ({**IMAGE, "top": 0}, "top", "1 to 10"),
    "top 11": ({**IMAGE, "top": 11}, "top", "1 to 10"),
    "top -1": ({**IMAGE, "top": -1}, "top", "1 to 10"),
    "top true": ({**IMAGE, "top": True}, "top", "1 to 10"),
    "top a string": ({**IMAGE, "top": "3"}, "top", "1 to 10"),
    "top 2.5": ({**IMAGE, "top": 2.5}, "top", "1 to 10"),
    "top null": ({**IMAGE, "top": None}, "top", "1 to 10"),
    "invert 1": ({**IMAGE, "invert": 1}, "invert", "true or false"),
    "invert a string": ({**IMAGE, "invert": "yes"}, "invert", "true or false"),
}


@pytest.mark.parametrize("event", KINDS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_with_the_field_and_what_is_allowed(function, capsys, mistake, event):
    request, field, words = MISTAKES[mistake]
    status, content, _ = call(function, capsys, recorded(event, request))
    problem, = content["problems"]
    assert status == 400 and problem["field"] == field
    assert words in problem["message"] and problem["allowed"]


@pytest.mark.parametrize("query, field", [
    ({"top": "11"}, "top"), ({"top": "1,2"}, "top"), ({"top": ""}, "top"), ({"top": "²"}, "top"),
    ({"invert": "yes"}, "invert"), ({"url": "https://example.com/"}, "url"), ({"x": "1"}, "x")])
def test_mistake_in_the_query_of_a_binary_body_is_refused(function, capsys, query, field):
    status, content, _ = call(function, capsys, recorded("http", raw=file(), query=query))
    assert status == 400 and [problem["field"] for problem in content["problems"]] == [field]


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data; boundary=x", "text/html",
                                   "application/xml", "video/mp4"])
def test_other_content_type_is_refused(function, capsys, media):
    status, content, _ = call(function, capsys, recorded("http", raw=file(), media=media))
    assert status == 415
    assert {"application/json", "image/jpeg"} <= set(content["problems"][0]["allowed"])


@pytest.mark.parametrize("event", OVER_HTTP)
def test_binary_body_that_came_as_text_says_what_to_configure(function, capsys, event):
    event = recorded(event, raw=file())
    event.update(body=file().decode("utf-8", "replace"), isBase64Encoded=False)
    status, content, _ = call(function, capsys, event)
    assert status == 400 and "binaryMediaTypes" in content["problems"][0]["allowed"]


@pytest.mark.parametrize("body, encoded, media", [
    ("", False, "application/json"), (None, False, "application/json"), ("{", False, ""),
    ("", True, "image/png"), (None, False, "image/png"), ("%%%", True, "image/png"),
    ("%%%", True, ""), (None, True, ""), ({"x": 1}, True, "image/png"), (PRIVATE, False, ""),
    ("[" * 100_000, False, "application/json")])
def test_unreadable_body_is_refused(function, capsys, body, encoded, media):
    event = recorded("http", {})
    event["headers"]["content-type"] = media
    event.update(body=body, isBase64Encoded=encoded)
    status, content, _ = call(function, capsys, event)
    assert status == 400 and content["problems"][0]["field"] == "body"


@pytest.mark.parametrize("headers", [None, {}, "x", {"Content-Type": None}])
def test_headers_that_are_absent_or_odd_are_no_fault(function, capsys, headers):
    event = recorded("http", {"image": text(file())})
    event["headers"] = headers
    assert call(function, capsys, event)[0] in (200, 415)


def test_other_route_and_method_are_refused(function, capsys):
    event = recorded("http", IMAGE)
    event["rawPath"] = f"/{PRIVATE}"
    assert call(function, capsys, event)[0] == 404
    event = recorded("rest", IMAGE)
    event["httpMethod"] = "GET"
    assert call(function, capsys, event)[0] == 405


@pytest.mark.parametrize("event", KINDS)
def test_fault_tells_the_caller_nothing_and_the_log_where(function, capsys, monkeypatch, event):
    def fail(picture, invert):
        raise ValueError(PRIVATE)

    monkeypatch.setattr(function, "predict", fail)
    status, content, log = call(function, capsys, recorded(event, IMAGE))
    assert status == 500 and content["message"] == "internal error"
    assert log["error"] == "ValueError" and log["stack"][-1].endswith(" fail")


# ---------------------------------------------------------------- models that are refused

def refusal(monkeypatch, path):
    """What importing the function with the model at `path` says."""
    with pytest.raises(ValueError) as error:
        load(monkeypatch, "image", path)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_model_of_one_layout_with_a_signature_of_the_other_stops_at_import(monkeypatch, tmp_path):
    said = changed(KERAS_LIKE, "input", layout="NCHW")
    assert refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, said)) == (
        "the signature says NCHW, 8 wide, 6 high, colour L: the input 'image' gets the shape "
        "[1, 1, 6, 8], but the model takes ['batch', 6, 8, 1]")
    said = changed(TORCH_LIKE, "input", layout="NHWC")
    assert refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", TORCH_LIKE, said)) == (
        "the signature says NHWC, 8 wide, 6 high, colour RGB: the input 'pixels' gets the shape "
        "[1, 6, 8, 3], but the model takes ['batch', 3, 6, 8]")


CONTRADICTIONS = {  # the signature, words of the message
    "width and height": (changed(KERAS_LIKE, "input", width=6, height=8), "[1, 8, 6, 1], but"),
    "colour": (changed(KERAS_LIKE, "input", colour="RGB", mean=[0] * 3, std=[1] * 3),
               "[1, 6, 8, 3], but"),
    "input": (changed(KERAS_LIKE, "input", name="x"), "names the input 'x', the model has"),
    "output": (changed(KERAS_LIKE, "output", name="x"), "names the output 'x', the model has"),
    "classes": (changed(KERAS_LIKE, classes=["a", "b"]), "names 2 classes"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_signature_that_contradicts_the_model_stops_at_import(monkeypatch, tmp_path, case):
    said, words = CONTRADICTIONS[case]
    assert words in refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, said))


def test_logits_that_are_called_probabilities_stop_at_import(monkeypatch, tmp_path):
    said = changed(TORCH_LIKE, "output", kind="probabilities")
    message = refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", TORCH_LIKE, said))
    assert "are they logits?" in message


def test_model_for_a_larger_batch_or_other_numbers_stops_at_import(monkeypatch, tmp_path):
    message = refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, batch=4))
    assert "[1, 6, 8, 1], but the model takes [4, 6, 8, 1]" in message
    path = tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, kind=onnx.TensorProto.UINT8)
    assert "is a tensor(uint8)" in refusal(monkeypatch, path)


def test_model_without_fixed_sides_is_tried_and_stops_at_import(monkeypatch, tmp_path):
    model = onnx.load(tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE,
                                      changed(KERAS_LIKE, "input", width=9)))
    for side in model.graph.input[0].type.tensor_type.shape.dim:
        side.dim_param = "any"
    onnx.save(model, tmp_path / "m.onnx")
    message = refusal(monkeypatch, tmp_path / "m.onnx")
    assert message.startswith("the model cannot take the shape [1, 6, 9, 1] that")


def test_model_for_a_batch_of_one_is_accepted(monkeypatch, tmp_path, capsys):
    function = load(monkeypatch, "image", tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, batch=1))
    assert call(function, capsys, IMAGE)[0] == 200


BAD_SIGNATURES = {
    "none": (None, "signature is missing"),
    "a list": ("[1]", "signature is missing"),
    "no JSON": ("{'model': 1}", "signature is not JSON"),
    "no version": (changed(KERAS_LIKE, version=None), "has no 'version'"),
    "no model": (changed(KERAS_LIKE, model=None), "has no 'model'"),
    "no input": (changed(KERAS_LIKE, input=None), "has no 'input'"),
    "no output": (changed(KERAS_LIKE, output=None), "has no 'output'"),
    "no classes": (changed(KERAS_LIKE, classes=None), "has no 'classes'"),
    "empty classes": (changed(KERAS_LIKE, classes=[]), "names no classes"),
    "classes of numbers": (changed(KERAS_LIKE, classes=[1, 2]), "names no classes"),
    "layout": (changed(KERAS_LIKE, "input", layout="NWHC"), "the layout 'NWHC', not one of"),
    "no layout": (changed(KERAS_LIKE, "input", layout=None), "the layout None, not one of"),
    "colour": (changed(KERAS_LIKE, "input", colour="BGR"), "the colour 'BGR'"),
    "resize": (changed(KERAS_LIKE, "input", resize=["nearest"]), "the resize ['nearest']"),
    "kind": (changed(KERAS_LIKE, "output", kind="scores"), "output the kind 'scores'"),
    "no name": (changed(KERAS_LIKE, "input", name=None), "does not name the model's input"),
    "width": (changed(KERAS_LIKE, "input", width=0), "the width 0"),
    "height": (changed(KERAS_LIKE, "input", height=True), "the height True"),
    "no scale": (changed(KERAS_LIKE, "input", scale=None), "the scale None"),
    "scale NaN": (changed(KERAS_LIKE, "input", scale=float("nan")), "the scale nan"),
    "mean": (changed(KERAS_LIKE, "input", mean=[0, 0, 0]), "one number for each of 1 channels"),
    "std": (changed(KERAS_LIKE, "input", std=0.5), "the std 0.5, not one number"),
    "std 0": (changed(KERAS_LIKE, "input", std=[0]), "a std of 0"),
    "invert": (changed(KERAS_LIKE, "input", invert="no"), "an invert that is not"),
}


@pytest.mark.parametrize("case", BAD_SIGNATURES)
def test_unusable_signature_stops_at_import(monkeypatch, tmp_path, case):
    said, words = BAD_SIGNATURES[case]
    assert words in refusal(monkeypatch, tiny_image.make(tmp_path / "m.onnx", KERAS_LIKE, said))


def test_missing_model_is_named(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="m.onnx: there is no model; put it into"):
        load(monkeypatch, "image", tmp_path / "m.onnx")


def test_session_uses_one_thread_and_does_not_spin(function):
    options = function.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


# ---------------------------------------------------------------- in its image

LARGEST = (5000, 5000)


def with_memory(size):
    """Options for the emulator: a function of `size` MB, as Lambda tells it and as it is."""
    return [*AS_LAMBDA[:AS_LAMBDA.index("--memory")], "--memory", f"{size}m", "--memory-swap",
            f"{size}m", "--env", f"AWS_LAMBDA_FUNCTION_MEMORY_SIZE={size}", "--network", "none"]


@pytest.mark.skipif(not engine.available(), reason="no Docker engine to build with")
def test_image_answers_the_largest_pictures_within_the_limits_of_lambda(folder, tmp_path):
    pictures = [Image.new("RGB", (40, 30)), Image.new("RGBA", LARGEST), Image.new("LA", LARGEST),
                Image.fromarray(np.zeros(LARGEST, dtype="uint16"))]
    events = [{"image": text(file(picture))} for picture in pictures]
    events.append({"image": text(file(Image.new("RGB", LARGEST), "JPEG", progressive=True))})
    refused = ["http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "http://localhost/"]
    docker(*build_command(stage(tmp_path / "image", "image", folder / "keras.onnx"),
                          "workshop-test-image"))
    try:
        with emulator("workshop-test-image", options=with_memory(1024)) as container:
            answers = invoke(container, *events, *({"url": url} for url in refused))
            logged = [line["status"] for line in json_lines(container)]
        with emulator("workshop-test-image", options=with_memory(128)) as container:
            million = {"image": text(file(Image.new("L", (1000, 1000))))}
            small = invoke(container, *events[::4], million)
    finally:
        docker("rmi", "workshop-test-image")
    assert logged == [200] * len(events) + [422, 422]
    assert all(len(answer["predictions"]) == 3 for answer in answers[:len(events)])
    assert [answer["statusCode"] for answer in answers[len(events):]] == [422, 422]
    assert [answer.get("statusCode", 200) for answer in small] == [200, 413, 200]
