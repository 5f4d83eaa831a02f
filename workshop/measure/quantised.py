"""How long models with 8-bit weights take, as multiples of the same model with 32-bit floats."""
import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

SIDE = 14               # pixels: the inner size of the network of lesson 07


def relative_times(asks: Sequence[Callable[[], object]], rounds: int) -> np.ndarray:
    """Call each of `asks` in turn; return their median times as multiples of the first one's."""
    seconds = np.empty((rounds, len(asks)))
    for row in seconds:
        for column, ask in enumerate(asks):
            start = time.perf_counter()
            ask()
            row[column] = time.perf_counter() - start
    medians = np.median(seconds, axis=0)
    return medians / medians[0]


def int8_times(widths: Iterable[int], rounds: int = 80) -> np.ndarray:
    """Times of static and dynamic int8, 32-bit floats being 1; a row for each number of channels.

    The model is two 3 × 3 convolutions on 14 × 14 pixels with random weights, because speed does
    not depend on the values. One picture at a time, one thread.
    """
    return np.array([_times(channels, rounds) for channels in widths])


def _times(channels: int, rounds: int) -> np.ndarray:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static
    picture = np.random.default_rng(channels).normal(size=(1, channels, SIDE, SIDE))
    feed = {"image": picture.astype(np.float32)}
    with tempfile.TemporaryDirectory() as folder, _quiet():
        floats, static, dynamic = (Path(folder, f"{name}.onnx")
                                   for name in ("floats", "static", "dynamic"))
        onnx.save(_two_convolutions(channels), floats)
        quantize_static(floats, static, _calibration(feed), per_channel=True)
        quantize_dynamic(floats, dynamic, weight_type=QuantType.QUInt8)
        asks = [partial(_session(path).run, None, feed) for path in (floats, static, dynamic)]
    return relative_times(asks, rounds)[1:]


def _two_convolutions(channels: int):
    """An onnx.ModelProto of two convolutions in a row, with random weights."""
    import onnx
    c, draw = channels, np.random.default_rng(8)
    model = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["": 18]>
        two (float[1, {c}, {SIDE}, {SIDE}] image) => (float[1, {c}, {SIDE}, {SIDE}] answer) {{
            first = Conv <pads = [1, 1, 1, 1]> (image, v)
            bent = Relu (first)
            second = Conv <pads = [1, 1, 1, 1]> (bent, w)
            answer = Relu (second)
        }}""")
    for name in "vw":
        weights = draw.normal(0, (9 * c) ** -0.5, (c, c, 3, 3)).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    return model


def _calibration(feed: dict):
    """A reader that hands out one request, and then None."""
    from onnxruntime.quantization import CalibrationDataReader

    class Once(CalibrationDataReader):
        def __init__(self):
            self.left = iter([feed])

        def get_next(self):
            return next(self.left, None)

    return Once()


def _session(path: Path):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises a preparation that these models do not need."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
