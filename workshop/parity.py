"""Does an ONNX file answer as the model that it was made from? Copy this file: it stands alone.

    from parity import compare
    print(compare(model, "model.onnx", rows))

It needs NumPy and ONNX Runtime. `compare` sends the rows to both, then rows that it derives from
them: with gaps, unknown categories, extreme numbers, alone and in batches of other sizes, in other
lengths. It compares probabilities (or values) and not only labels, and names the column that a
difference follows. A row that both refuse is no difference. Nor is a NaN where the model refuses.
"""
import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import onnxruntime as ort

# Of the largest of 1, a row's largest value and the typical answer: 32-bit floats have 7 digits.
TOLERANCE = 1e-5
OF_SCORES = 1e-4        # several values in a row that are no probabilities, as deep networks give
SAMPLE = 20             # rows that each probe is derived from
MOST_COLUMNS = 60       # that are probed one by one
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
          "tensor(int32)": np.int32, "tensor(float16)": np.float16, "tensor(bool)": np.bool_,
          "tensor(uint8)": np.uint8, "tensor(string)": object}
GIVEN = "rows as given"


class ParityError(ValueError):
    """The two cannot be compared; the message says what was wrong, and what to do."""


@dataclass(frozen=True)
class Finding:
    """One way in which the file does not answer as the model.

    probe: what was asked. column: the column that the difference follows, "" where no single one
    does. rows: how many differ, of `asked`. largest: the largest difference, as a share of what
    `compare` calls the size; infinite where one of the two refuses. labels: rows whose most
    probable class changes. says: what was seen, in words.
    """
    probe: str
    column: str
    rows: int
    asked: int
    largest: float
    labels: int
    says: str


@dataclass
class Report:
    """What `compare` found. `bool(report)` is True where the file answers as the model."""
    tolerance: float
    findings: list[Finding] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)     # rows by probe
    largest: float = 0.0        # on the rows as given
    speed: float = np.nan       # the file's time for all rows in one batch, in times of the model's

    def __bool__(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        lines = [f"equal within {self.tolerance:g}: the largest difference is {self.largest:.1e}"]
        if self.findings:
            lines = ["NOT equal:"]
        for probe in dict.fromkeys(one.probe for one in self.findings):
            some = [one for one in self.findings if one.probe == probe]
            columns = ", ".join(dict.fromkeys(one.column for one in some if one.column))
            lines.append(f"- {probe}{columns and f' ({columns})'}: "
                         f"{max(some, key=lambda one: one.largest).says}")
        lines.append("asked: " + (", ".join(
            f"{count:,} {probe}" for probe, count in self.asked.items()) or "nothing"))
        if np.isfinite(self.speed):
            lines.append(f"all rows in one batch take {self.speed:.1f} times the model's time")
        return "\n".join(lines)

    __repr__ = __str__


def compare(model, file, rows, *, tolerance: float | None = None, output: str | None = None,
            feed: Callable | None = None, axes: Iterable[int] = (),
            columns: Sequence[str] = ()) -> Report:
    """Ask a model and its ONNX file the same questions, and report each difference.

    model: has `predict_proba` or `predict`, or is a function of rows that returns an array.
    file: a path, bytes, an onnx.ModelProto or an InferenceSession. rows: a DataFrame, an array of
    shape (rows, …), a list of texts, or a dict of arrays of one length; the more, the better.
    tolerance: the difference that is allowed, as a share of the size: 1, the row's largest value
    or the typical answer (the median of some rows' largest values), whichever is larger. So a sum
    of large terms that comes close to 0 may be rounded as its terms are. Without it 1e-5, and 1e-4
    for scores (several values in a row, no probabilities).
    output: which output of the file to compare; without it, the last one of floats.
    feed: rows → dict of arrays, where the file's inputs cannot be filled by name or position.
    axes: axes of the array that may have any length (1 for sequences); those that the file itself
    leaves open are tried anyway. columns: names for the columns of an array, for the report.
    Raises ParityError where the model refuses the rows themselves, or the inputs do not fit them.
    """
    rows = _tidy(rows)
    if not _length(rows):
        raise ParityError("There are no rows to ask about.")
    report, content = Report(tolerance or TOLERANCE), _content(file)
    try:
        session = _session(content)
    except (RuntimeError, *_ORT_ERRORS) as error:
        report.findings.append(Finding("opening the file", "", 0, 0, np.inf, 0,
                                       f"ONNX Runtime does not open it: {_line(error)}"))
        return report
    pair = _Pair(model, session, output, feed, dict(enumerate(columns)))
    pair.check(rows)
    pair.learn(rows)
    report.tolerance = tolerance or pair.tolerance
    for probe in (_given, _repeated, _batches, _lengths, _column_order, _column_values):
        report.findings += probe(pair, rows, report, axes)
    return report


# ---------------------------------------------------------------- both, asked the same way

_ORT_ERRORS = tuple(kind for kind in vars(ort.capi.onnxruntime_pybind11_state).values()
                    if isinstance(kind, type) and issubclass(kind, Exception))


def _content(file):
    """A session, bytes or a path. Raises ParityError where there is no file."""
    if isinstance(file, (ort.InferenceSession, bytes)):
        return file
    if hasattr(file, "SerializeToString"):
        return file.SerializeToString()
    if not Path(file).is_file():
        raise ParityError(f"There is no file {file}.")
    return str(file)


def _session(content) -> ort.InferenceSession:
    if isinstance(content, ort.InferenceSession):
        return content
    options = ort.SessionOptions()
    options.log_severity_level = 4      # errors come as exceptions, and here most are expected
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class _Refusal(Exception):
    """One of the two does not answer; the message is its first line."""


class _Pair:
    """A model and a session that are asked for values of shape (rows, …)."""

    def __init__(self, model, session, output, feed, names):
        self.names = names              # of an array's columns
        self.typical, self.tolerance = 1.0, TOLERANCE       # until `learn` has looked
        self.ask = next((getattr(model, name) for name in ("predict_proba", "predict")
                         if hasattr(model, name)), model)
        self.session, self.feed = session, feed or self._fill
        outputs = [one.name for one in session.get_outputs()]
        if output is not None and output not in outputs:
            raise ParityError(f"The file has no output {output!r}; it has {', '.join(outputs)}.")
        if not callable(self.ask):
            raise ParityError(f"{type(model).__name__} has neither predict_proba nor predict, "
                              "and cannot be called: give a function of rows.")
        floats = [one.name for one in session.get_outputs()
                  if not one.type.startswith(("tensor(int", "tensor(string"))]
        self.output = output or (floats or outputs)[-1]

    def check(self, rows) -> None:
        """Raise ParityError where the file's inputs cannot be filled from the rows."""
        try:
            self.feed(_take(rows, [0]))
        except ParityError:
            raise
        except Exception as error:
            raise ParityError("The file's inputs cannot be filled from the rows: "
                              f"{type(error).__name__}: {_line(error)}") from error

    def learn(self, rows) -> None:
        """Keep from a few of the model's answers how large they are, and the tolerance for such."""
        try:
            values = self.by_model(_sample(rows))
        except _Refusal:
            return
        finite = values[np.isfinite(values.reshape(len(values), -1)).all(axis=1)]
        if len(finite):
            self.typical = float(np.median(_largest(finite)))
        if values.size > len(values) and not ((values >= 0) & (values <= 1)).all():
            self.tolerance = OF_SCORES

    def apart(self, expected: np.ndarray, found: np.ndarray) -> np.ndarray:
        """The largest difference in each row, as a share of its size; inf for NaN in one."""
        expected, found = (values.reshape(len(values), -1) for values in (expected, found))
        size = np.maximum(_largest(expected), self.typical)[:, np.newaxis]
        with np.errstate(all="ignore"):
            apart = np.abs(found - expected) / size
        apart[(expected == found) | (np.isnan(expected) & np.isnan(found))] = 0
        return np.nan_to_num(apart, nan=np.inf).max(axis=1, initial=0)

    def by_model(self, rows) -> np.ndarray:
        """The model's values. Raises _Refusal."""
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                return np.asarray(self.ask(rows), dtype=np.float64)
        except Exception as error:      # a model may raise anything
            raise _Refusal(_line(error)) from error

    def by_file(self, rows) -> np.ndarray:
        """The file's values. Raises _Refusal."""
        try:
            found, = self.session.run([self.output], self.feed(rows))
            if isinstance(found, list):         # zipmap: one dict for each row
                found = [list(one.values()) for one in found]
            return np.asarray(found, dtype=np.float64)
        except Exception as error:
            raise _Refusal(_line(error)) from error

    def _fill(self, rows) -> dict[str, np.ndarray]:
        """The file's inputs: by name where there are several, else all columns in one array."""
        inputs = self.session.get_inputs()
        named = isinstance(rows, dict) or hasattr(rows, "columns")
        if named and (len(inputs) > 1 or inputs[0].name in list(rows)):
            if missing := [one.name for one in inputs if one.name not in list(rows)]:
                raise ParityError(f"The file's inputs {', '.join(missing)} are not among the rows' "
                                  f"columns {', '.join(map(str, rows))}. Give `feed`, a function "
                                  "from rows to a dict of arrays.")
            return {one.name: _cast(np.asarray(rows[one.name]), one) for one in inputs}
        if len(inputs) > 1:
            raise ParityError(f"The file has {len(inputs)} inputs: give a DataFrame or a dict "
                              "with their names, or `feed`.")
        if isinstance(rows, dict):
            raise ParityError(f"The file's input is called {inputs[0].name}; the rows have "
                              f"{', '.join(map(str, rows))}.")
        return {inputs[0].name: _cast(np.asarray(rows), inputs[0])}


def _cast(values: np.ndarray, entry) -> np.ndarray:
    """Values in the type of an input, as (rows, 1) where the input has one axis more."""
    if values.ndim == 1 and len(entry.shape or ()) == 2:
        values = values.reshape(-1, 1)
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(values.astype(DTYPES.get(entry.type, np.float32)))


def _line(error: BaseException) -> str:
    """What an error says, short."""
    return " ".join(str(error).split())[:160] or type(error).__name__


# ---------------------------------------------------------------- rows of any kind

def _tidy(rows):
    """Rows as a DataFrame, an array or a dict of arrays of one length. Raises ParityError."""
    if isinstance(rows, dict):
        rows = {name: np.asarray(values) for name, values in rows.items()}
        lengths = {len(values) for values in rows.values()}
        if len(lengths) > 1:
            raise ParityError(f"The arrays have different lengths: {sorted(lengths)}.")
    elif isinstance(rows, list):
        texts = all(isinstance(row, str) for row in rows)
        try:
            rows = np.array(rows, dtype=object if texts else None)
        except ValueError as error:
            raise ParityError(f"The rows of the list have different shapes: {error}") from error
    elif not getattr(rows, "shape", ()):
        raise ParityError(f"rows are a {type(rows).__name__}; give a DataFrame, an array, a list "
                          "of texts or a dict of arrays.")
    return rows


def _length(rows) -> int:
    return len(next(iter(rows.values()), ())) if isinstance(rows, dict) else len(rows)


def _take(rows, which):
    if isinstance(rows, dict):
        return {name: values[which] for name, values in rows.items()}
    return rows.iloc[which] if hasattr(rows, "iloc") else rows[which]


def _sample(rows):
    """A few rows from all of the table, spread evenly; none of none."""
    if not (count := _length(rows)):
        return rows
    return _take(rows, np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).astype(int)))


def _agreeing(pair, rows, tolerance: float):
    """Rows of `rows` on which both agree: what a probe shows there, the probe has caused."""
    try:
        expected, found = pair.by_model(rows), pair.by_file(rows)
    except _Refusal:
        return _take(rows, [])
    if not _same_shape(expected, found):
        return _take(rows, [])
    return _take(rows, np.flatnonzero(pair.apart(expected, found) <= tolerance))


def _columns(rows) -> list:
    """What names the columns; [] where rows have none, as pictures and sequences."""
    if isinstance(rows, dict):
        return [name for name, values in rows.items() if np.asarray(values).size == len(values)]
    if hasattr(rows, "columns"):
        return list(rows.columns)
    return list(range(rows.shape[1])) if rows.ndim == 2 else []


def _column(rows, name) -> np.ndarray:
    return np.asarray(rows[name] if isinstance(rows, dict) or hasattr(rows, "columns")
                      else rows[:, name])


def _with(rows, name, values):
    """A copy of rows with one column replaced."""
    if isinstance(rows, dict):
        return {**rows, name: np.asarray(values).reshape(np.asarray(rows[name]).shape)}
    copy = rows.copy()
    if hasattr(rows, "columns"):
        copy[name] = values
    else:
        copy[:, name] = values
    return copy


# ---------------------------------------------------------------- comparing

def _largest(values: np.ndarray) -> np.ndarray:
    """The largest value in each row, without its sign; 1 where all are smaller."""
    return np.nan_to_num(np.abs(values.reshape(len(values), -1))).max(axis=1, initial=1)


def _same_shape(expected: np.ndarray, found: np.ndarray) -> bool:
    return len(expected) == len(found) and expected.size == found.size


def _labels(expected: np.ndarray, found: np.ndarray) -> int:
    """How many rows have another most probable class; 0 for values that are no classes."""
    if expected.ndim != 2 or expected.shape[1] < 2:
        return 0
    return int((expected.argmax(1) != found.reshape(expected.shape).argmax(1)).sum())


def _difference(pair: _Pair, rows, report: Report, probe: str, column: str = "",
                ) -> Finding | None:
    """Ask both about rows; a Finding where the file does not answer as the model."""
    count = _length(rows)
    report.asked[probe] = report.asked.get(probe, 0) + count
    try:
        expected = pair.by_model(rows)
    except _Refusal as refusal:
        return _answer_to_what_is_refused(pair, rows, probe, column, refusal)
    try:
        found = pair.by_file(rows)
    except _Refusal as refusal:
        return Finding(probe, column, count, count, np.inf, 0,
                       f"the model answers, the file refuses: {refusal}")
    if not _same_shape(expected, found):
        return Finding(probe, column, count, count, np.inf, 0,
                       f"the model returns {expected.shape}, the file {found.shape}")
    apart = pair.apart(expected, found)
    if probe == GIVEN:
        report.largest = float(apart.max())
    if not (wrong := int((apart > report.tolerance).sum())):
        return None
    labels = _labels(expected, found)
    return Finding(probe, column, wrong, count, float(apart.max()), labels,
                   f"{wrong:,} of {count:,} rows differ, by up to {apart.max():.2g}"
                   + (f"; {labels:,} labels" if labels else ""))


def _answer_to_what_is_refused(pair, rows, probe, column, refusal) -> Finding | None:
    """A Finding where the file has values for rows that the model refuses."""
    try:
        found = pair.by_file(rows)
    except _Refusal:
        return None
    answered = int(np.isfinite(found.reshape(len(found), -1)).all(axis=1).sum())
    if not answered:
        return None
    return Finding(probe, column, answered, len(found), np.inf, 0,
                   f"the model refuses ({refusal}), the file answers")


# ---------------------------------------------------------------- what is asked

def _given(pair, rows, report, axes) -> Iterator[Finding]:
    """Every row, as it is."""
    began = perf_counter()
    try:
        pair.by_model(rows)
    except _Refusal as refusal:
        raise ParityError(f"The model refuses the rows: {refusal}") from refusal
    middle = perf_counter()
    with contextlib.suppress(_Refusal):
        pair.by_file(rows)
        report.speed = (perf_counter() - middle) / (middle - began)
    if found := _difference(pair, rows, report, GIVEN):
        yield replace(found, column=_culprit(pair, rows, report.tolerance),
                      says=found.says + _rounding(pair, rows, report.tolerance))


def _rounding(pair: _Pair, rows, tolerance: float) -> str:
    """A remark, where the model's own answers change when its numbers have 32 bits."""
    rounded = rows
    for name in _columns(rows):
        values = _column(rows, name)
        if values.dtype.kind in "iuf":
            rounded = _with(rounded, name, values.astype(np.float32).astype(np.float64))
    try:
        apart = pair.apart(pair.by_model(rows), pair.by_model(rounded)).max()
    except (_Refusal, ValueError):
        return ""
    return "" if apart <= tolerance else (
        f"; rounding numbers to 32 bits changes the model's own answers, by up to {apart:.2g}")


def _culprit(pair: _Pair, rows, tolerance: float) -> str:
    """The one column without whose values the difference is gone; "" where there is none.

    In the worst rows, each column in turn gets the value of a row on which both agree.
    """
    try:
        apart = pair.apart(pair.by_model(rows), pair.by_file(rows))
    except (_Refusal, ValueError):
        return ""
    worst = np.argsort(-apart)[:SAMPLE]
    worst = worst[apart[worst] > tolerance]
    cured = {}
    for name in _columns(rows)[:MOST_COLUMNS]:
        values = _column(rows, name)
        harmless = _harmless(values, apart, tolerance)
        changed = _with(_take(rows, worst), name, np.full(len(worst), harmless, values.dtype))
        with contextlib.suppress(_Refusal, ValueError):
            cured[name] = np.mean(pair.apart(pair.by_model(changed), pair.by_file(changed))
                                  <= tolerance)
    best = max(cured, key=cured.get, default="")
    others = [share for name, share in cured.items() if name != best]
    if not cured or cured[best] < 0.8 or max(others, default=0) > cured[best] / 2:
        return ""
    return str(pair.names.get(best, best))


def _harmless(values: np.ndarray, apart: np.ndarray, tolerance: float):
    """The value of a column in a row on which both agree, or else in the row closest to it."""
    agreed = values[apart <= tolerance]
    return agreed[len(agreed) // 2] if len(agreed) else values[apart.argmin()]


def _repeated(pair, rows, report, axes) -> Iterator[Finding]:
    """The same rows twice: a network in training mode answers at random."""
    sample = _sample(rows)
    for name, ask in ("model", pair.by_model), ("file", pair.by_file):
        with contextlib.suppress(_Refusal):
            apart = pair.apart(ask(sample), ask(sample))
            if (wrong := int((apart > report.tolerance).sum())):
                yield Finding("rows asked twice", "", wrong, len(apart), float(apart.max()), 0,
                              f"the {name} itself answers {wrong} of {len(apart)} rows "
                              f"differently the second time, by up to {apart.max():.2g}")


def _batches(pair, rows, report, axes) -> Iterator[Finding]:
    """Rows alone, and batches of other sizes: each row's answer must not depend on the others."""
    sample, probe = _sample(rows), "rows alone and in batches"
    count = _length(sample)
    for size in sorted({1, 2, max(1, count - 1)}):
        parts = [_take(sample, list(range(at, min(at + size, count))))
                 for at in range(0, count, size)]
        report.asked[probe] = report.asked.get(probe, 0) + count
        try:
            expected = np.concatenate([pair.by_model(part) for part in parts])
            whole = pair.by_model(sample)
        except _Refusal:
            continue
        try:
            found = np.concatenate([pair.by_file(part) for part in parts])
            apart = pair.apart(pair.by_file(sample), found)
        except _Refusal as refusal:
            yield Finding(probe, "", count, count, np.inf, 0,
                          f"the file refuses batches of {size}: {refusal}")
            return
        if (apart > max(report.tolerance, 2 * pair.apart(whole, expected).max())).any():
            wrong = int((apart > report.tolerance).sum())
            yield Finding(probe, "", wrong, count, float(apart.max()), 0,
                          f"{wrong} of {count} rows get another answer in batches of {size}, by "
                          f"up to {apart.max():.2g}")
            return


def _lengths(pair, rows, report, axes) -> Iterator[Finding]:
    """Other lengths, along the axes that the file leaves open and those that the caller names."""
    if isinstance(rows, dict) or hasattr(rows, "columns") or rows.ndim < 3:
        return
    shape = pair.session.get_inputs()[0].shape
    open_axes = {axis for axis, size in enumerate(shape) if axis and not isinstance(size, int)}
    sample = _sample(rows)
    for axis in sorted(open_axes | set(axes)):
        known = rows.shape[axis]
        for size in sorted({1, known - 1, known + 1, 2 * known} - {0, known}):
            other = np.take(sample, np.arange(size) % known, axis=axis)
            if found := _difference(pair, other, report, "other lengths"):
                yield replace(found, says=f"axis {axis}, {size} in place of {known}: {found.says}")
                break


def _column_order(pair, rows, report, axes) -> Iterator[Finding]:
    """Named columns in another order, where the file takes them by position."""
    if not hasattr(rows, "columns") or len(pair.session.get_inputs()) > 1 or len(
            rows.columns) < 2:
        return
    sample = _sample(_agreeing(pair, rows, report.tolerance))
    if len(sample) and (found := _difference(pair, sample[list(sample.columns)[::-1]], report,
                                             "columns in another order")):
        yield found


def _column_values(pair, rows, report, axes) -> Iterator[Finding]:
    """In rows on which both agree, one column at a time: gaps, unknown categories, numbers."""
    if not (count := _length(sample := _sample(_agreeing(pair, rows, report.tolerance)))):
        return
    if not isinstance(rows, dict) and rows.ndim == 1:
        if rows.dtype.kind in "iufbc":
            return
        for probe, changed in _texts(sample):
            if found := _difference(pair, changed, report, probe):
                yield found
        return
    for name in _columns(rows)[:MOST_COLUMNS]:
        seen = set()        # one finding for each probe and column
        for probe, replaced in _replacements(_column(rows, name), count):
            if probe not in seen and (found := _difference(
                    pair, _with(sample, name, replaced), report, probe,
                    str(pair.names.get(name, name)))):
                seen.add(probe)
                yield found


def _replacements(values: np.ndarray, count: int) -> Iterator[tuple[str, object]]:
    """What a column may hold besides its own values: (probe, one value for each row)."""
    if values.dtype.kind not in "iufb":
        known = [value for value in values.ravel() if isinstance(value, str)]
        yield "a gap", np.full(count, None, object)
        for word in ("never seen", (known or ["x"])[0].swapcase(), ""):
            if word not in set(known):
                yield "an unknown category", np.full(count, word, object)
        return
    if values.dtype.kind == "f":
        yield "a gap", np.full(count, np.nan, values.dtype)
    known = values[np.isfinite(values)] if values.dtype.kind != "b" else []
    if not len(known):
        return
    low, high = float(known.min()), float(known.max())
    for number in low - 10 * (high - low + 1), high + 10 * (high - low + 1):
        yield from _numbers("a number out of range", np.full(count, number), values.dtype)
    yield from _numbers("a zero", np.zeros(count), values.dtype)
    for probe, number in {"a whole number over 2^24": 2 ** 24 + 1,
                          "a Unix time": 1_700_000_001}.items():
        yield from _numbers(probe, number + np.arange(count), values.dtype)


def _numbers(probe: str, numbers: np.ndarray, dtype: np.dtype) -> Iterator[tuple[str, np.ndarray]]:
    """The probe, where a column of this type can hold the numbers."""
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    if limits.min <= numbers.min() and numbers.max() <= limits.max:
        yield probe, numbers.astype(dtype)


def _texts(texts: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Texts as people send them besides: (probe, texts)."""
    accents = str.maketrans("aeioucAEIOUC", "áéíóúçÁÉÍÓÚÇ")
    for probe, change in {
            "texts with accents": lambda text: text.translate(accents),
            "texts in capitals": str.upper,
            "words twice": lambda text: f"{text} {text}",
            "an unknown word": lambda text: f"{text} xylozyx",
            "an empty text": lambda text: ""}.items():
        yield probe, np.array([change(text) for text in texts], dtype=object)
