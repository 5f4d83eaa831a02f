"""Figures out of a record of `measure.run`: ratios first, because milliseconds do not last."""
import numpy as np
import pandas as pd

from workshop.measure.variants import BASELINE, EMPTY, RAW

RATIOS = ["init_x_empty", "init_from", "init_to", "init_cpu_x_empty", "cold_init_x_empty",
          "handler_x_session_run", "peak_x_sklearn", "bytes_x_sklearn", "image_x_sklearn"]
RESAMPLES = 2000
COMPARED = {"init": "init_ms", "init_cpu": "cpu_ms", "first": "first_ms", "warm": "warm_p50_ms",
            "peak": "peak_mb"}
MB = 1e6        # of sizes on disk; memory is counted in 2**20


def summary(record: dict) -> dict[str, dict]:
    """{variant: ratios}: of medians, and of sizes.

    init_x_empty: INIT on a warm disk to the empty handler's. bytes_x_sklearn, image_x_sklearn,
    peak_x_sklearn: bytes of the dependencies, bytes of the image unpacked, and peak memory to
    scikit-learn's. handler_x_session_run: the handler as a function to ONNX Runtime's session.run
    alone, its own, or where it has none, that of the variant RAW. None where there is no such
    figure: scikit-learn was not in the run, or the handler runs no model.
    """
    return {name: {
        "init_x_empty": _ratio(_median(record, name, "init_ms"),
                               _median(record, EMPTY, "init_ms")),
        "bytes_x_sklearn": _size_ratio(record, name, "dependency_bytes"),
        "image_x_sklearn": _size_ratio(record, name, "image_bytes"),
        "handler_x_session_run": _handler_ratio(record, name),
        "peak_x_sklearn": _ratio(_median(record, name, "peak_mb"),
                                 _median(record, BASELINE, "peak_mb")),
    } for name in record["sizes"]}


def table(record: dict) -> pd.DataFrame:
    """All figures, one row a variant, ratios first.

    Besides what `summary` has: init_from and init_to, a 95 % bootstrap interval of init_x_empty
    that resamples whole rounds; init_cpu_x_empty, the same ratio of time on the CPU, which other
    work on this machine lengthens less; cold_init_x_empty, INIT on a cold disk to the empty
    handler's there. first is the first request, warm the later ones through the Runtime API.
    read_mb: what a cold start fetched from the disk. MB of memory are 2**20 bytes, others 10**6.
    """
    rows = {}
    for name, ratios in summary(record).items():
        low, high = interval(record, name)
        init, warm = of(record, name, "init_ms"), record["warm_ms"][name]
        size = record["sizes"][name]
        rows[name] = ratios | {
            "init_from": low, "init_to": high,
            "init_cpu_x_empty": _ratio(_median(record, name, "cpu_ms"),
                                       _median(record, EMPTY, "cpu_ms")),
            "cold_init_x_empty": _ratio(_median(record, name, "init_ms", "cold"),
                                        _median(record, EMPTY, "init_ms", "cold")),
            **{f"init_p{at}_ms": _percentile(init, at) for at in (50, 90, 99)},
            "cold_init_p50_ms": _median(record, name, "init_ms", "cold"),
            "first_p50_ms": _median(record, name, "first_ms"),
            **{f"warm_p{at}_ms": _percentile(warm, at) for at in (50, 90, 99)},
            "peak_mb": _median(record, name, "peak_mb"),
            "image_mb": size["image_bytes"] / MB, "pushed_mb": size["pushed_bytes"] / MB,
            "dependency_mb": size["dependency_bytes"] / MB,
            "read_mb": _median(record, name, "read_mb", "cold")}
    frame = pd.DataFrame.from_dict(rows, orient="index").astype(float)
    return frame[RATIOS + [column for column in frame if column not in RATIOS]]


def report(record: dict) -> str:
    """The table as plain text, and what it does not show."""
    figures = table(record)
    measured = [column for column in figures if column not in RATIOS]
    times = [column for column in measured if column.endswith("_ms")]
    blocks = [("Ratios", RATIOS, 2), ("Milliseconds on this machine", times, 2),
              ("MB", [column for column in measured if column not in times], 1)]
    lines = [f"{len(of(record, EMPTY, 'init_ms'))} starts of each at {record['memory_mb']} MB, "
             f"{record['processors']} processor{'s' * (record['processors'] > 1)} seen, "
             f"{record['date']}"]
    for heading, block, digits in blocks:
        text = figures[block].to_string(na_rep="–", float_format=f"{{:.{digits}f}}".format)
        lines += ["", heading, text]
    if len(compared := against(record)):
        lines += ["", "Ratios to the same image of an earlier commit, and their 95 % intervals",
                  compared.to_string(float_format="{:.2f}".format)]
    return "\n".join([*lines, "", noise(record), "", "What this cannot see:",
                      *(f"- {what}" for what in record["cannot_see"])])


def against(record: dict) -> pd.DataFrame:
    """Ratios of medians, NAME to NAME@COMMIT, with their intervals: the keys of COMPARED."""
    rows = {}
    for earlier in record["sizes"]:
        name, at, _ = earlier.partition("@")
        if at and name in record["sizes"]:
            rows[f"{name} / {earlier}"] = row = {}
            for word, what in COMPARED.items():
                if not of(record, name, what):      # this kernel does not count it
                    continue
                row[word] = _ratio(_median(record, name, what), _median(record, earlier, what))
                row[f"{word}_from"], row[f"{word}_to"] = interval(record, name, to=earlier,
                                                                  what=what)
    return pd.DataFrame.from_dict(rows, orient="index")


def noise(record: dict) -> str:
    """One sentence on how much other work was in the way."""
    shares = [one["others_ms"] / one["init_wall_ms"] for one in record["starts"]
              if one["others_ms"] is not None]
    if not shares:
        return ("INIT is by the clock: the kernel does not say how long a start waited while the "
                "work of others had its CPU.")
    return (f"The work of others had the CPU for {np.median(shares):.0%} of the median start. INIT "
            "is without that time; requests are by the clock.")


def interval(record: dict, name: str, share: float = 0.95,
             to: str = EMPTY, what: str = "init_ms") -> tuple[float, float]:
    """Bootstrap interval of the ratio of medians of `what`, `name` to variant `to`, warm disk.

    A round starts every variant once, under the same circumstances: rounds are drawn, not starts.
    """
    ours, theirs = (np.array(of(record, one, what)) for one in (name, to))
    drawn = np.random.default_rng(0).integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = np.median(ours[drawn], axis=1) / np.median(theirs[drawn], axis=1)
    low, high = np.quantile(ratios, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def of(record: dict, name: str, what: str, disk: str = "warm") -> list[float]:
    """One figure of all starts of a variant, by round; what could not be had is left out."""
    return [start[what] for start in record["starts"]
            if (start["variant"], start["disk"]) == (name, disk) and start[what] is not None]


def _median(record, name, what, disk="warm"):
    values = of(record, name, what, disk)
    return float(np.median(values)) if values else None


def _percentile(values, at):
    return float(np.percentile(values, at)) if values else None


def _ratio(value, to):
    return value / to if value is not None and to else None


def _size_ratio(record, name, what):
    sizes = record["sizes"]
    return _ratio(sizes[name][what], sizes.get(BASELINE, {}).get(what))


def _handler_ratio(record, name):
    if name == EMPTY:
        return None
    raw = record["session_run_ms"][name] or record["session_run_ms"].get(RAW)
    return _ratio(_percentile(record["handler_ms"][name], 50), _percentile(raw or [], 50))
