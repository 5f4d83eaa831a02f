"""Pictures of a record of `measure.run`, each with its description: `show(*ladder(record))`."""
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from workshop.measure import figures
from workshop.measure.variants import BASELINE, EMPTY
from workshop.plots import BLUE, GREEN, GREY, ORANGE, set_style

LADDERS = {
    "init_x_empty": "INIT, times the empty handler's",
    "bytes_x_sklearn": "Bytes of dependencies, share of scikit-learn's",
    "image_x_sklearn": "Bytes of the image, share of scikit-learn's",
    "peak_x_sklearn": "Peak memory, share of scikit-learn's",
    "handler_x_session_run": "Handler, times session.run alone",
}
DISKS = (("warm", ORANGE, "o", -0.17), ("cold", GREY, "^", 0.17))   # and above or below its row
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)


def every(record: dict) -> dict:
    """All pictures that a record has data for, by name."""
    drawn = {"distributions": distributions(record), "ladder": ladder(record)}
    if any(ratios["bytes_x_sklearn"] for ratios in figures.summary(record).values()):
        drawn["ladder_bytes"] = ladder(record, "bytes_x_sklearn")
        drawn["ladder_memory"] = ladder(record, "peak_x_sklearn")
    return drawn


def distributions(record: dict):
    """INIT of every single start, a row for each variant: warm disk above, cold disk below."""
    set_style()
    names, unit = list(record["sizes"]), np.median(figures.of(record, EMPTY, "init_ms"))
    figure, axes = plt.subplots(figsize=(8, 1.3 + 0.62 * len(names)))
    said = []
    for row, name in enumerate(names):
        for disk, colour, marker, shift in DISKS:
            values = np.array(figures.of(record, name, "init_ms", disk)) / unit
            if not len(values):
                continue
            jitter = np.random.default_rng(0).uniform(-0.1, 0.1, len(values))
            axes.scatter(values, row + shift + jitter, s=22, color=colour, marker=marker,
                         alpha=0.55, linewidths=0, label=f"{disk} disk" if row == 0 else None)
            middle = np.median(values)
            axes.plot([middle] * 2, [row + shift - 0.16, row + shift + 0.16], color="black")
            said.append(f"{name}, {disk} disk: {middle:.1f}")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    _log_axis(axes)
    axes.set_xlabel("INIT, times the empty handler's median on a warm disk (log scale)")
    axes.set_title("Every start is a dot; bars mark medians")
    axes.grid(axis="x")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return figure, ("Strip plot of INIT for each variant, as a multiple of the empty handler's "
                    "median. Medians: " + "; ".join(said) + ".")


def ladder(record: dict, what: str = "init_x_empty"):
    """One of the summary's ratios as bars, a rung for each variant; INIT with its 95 % interval."""
    set_style()
    found = {name: ratios[what] for name, ratios in figures.summary(record).items()
             if ratios[what] is not None and not (what.endswith("sklearn") and name == EMPTY)}
    log = what == "init_x_empty" or what.startswith("handler")
    figure, axes = plt.subplots(figsize=(8, 1.1 + 0.5 * len(found)))
    ends = []
    for row, (name, value) in enumerate(found.items()):
        own = ORANGE if what == "init_x_empty" else BLUE        # INIT has one colour everywhere
        colour = GREY if name in (EMPTY, BASELINE) else own
        # On a log scale a bar has no zero to stand on: it stands on 1, the yardstick.
        axes.barh(row, value - log, left=1.0 * log, height=0.55, color=colour)
        end = max(value, 1.0 * log)
        if what == "init_x_empty" and name != EMPTY:
            low, high = figures.interval(record, name)
            axes.plot([low, high], [row, row], color="black", linewidth=1.5)
            end = max(end, high)
        ends.append(end)
        axes.annotate(_number(value), (end, row), (6, 0), textcoords="offset points",
                      va="center")
    axes.set_yticks(range(len(found)), found)
    axes.invert_yaxis()
    axes.set_title(LADDERS[what] + (" (log scale)" if log else ""))
    if log:
        axes.axvline(1, color="black", linewidth=1)
        _log_axis(axes)
        axes.set_xlim(min([0.7, *found.values()]) * 0.9, max(ends) * 1.8)
    else:
        axes.set_xlim(0, max(ends) * 1.15)
    axes.grid(axis="x")
    return figure, (f"Bar chart. {LADDERS[what]}: " + "; ".join(
        f"{name} {_number(value)}" for name, value in found.items()) + ".")


def imports(rows: list[dict], title: str = "Imports of one start", least: float = 0.01,
            levels: int = 12):
    """What `measure.imports` returned, as time goes on: a box for each import, on its importer's.

    Left out are boxes narrower than `least` of the whole, and those deeper than so many levels.
    The three packages that take most of the time themselves have colours.
    """
    set_style()
    whole = max(row["began_ms"] + row["total_ms"] for row in rows)
    own = Counter()
    for row in rows:
        own[_package(row)] += row["self_ms"]
    colours = dict(zip([name for name, _ in own.most_common(3)], (BLUE, ORANGE, GREEN)))
    seen = [row for row in rows if row["total_ms"] >= least * whole]
    depths = sorted({row["depth"] for row in seen})[:levels]
    figure, axes = plt.subplots(figsize=(8, 1.6 + 0.33 * len(depths)))
    for row in (row for row in seen if row["depth"] in depths):
        start, width = (100 * row[key] / whole for key in ("began_ms", "total_ms"))
        level, words = depths.index(row["depth"]), row["module"].rpartition(".")[2]
        axes.barh(level, width, left=start, height=0.92, edgecolor="white", linewidth=0.8,
                  color=colours.get(_package(row), GREY))
        if width > 1.5 * len(words):
            axes.text(start + width / 2, level, words, ha="center", va="center", color="white",
                      fontsize=9)
    axes.set_xlim(0, 100)
    axes.set_yticks([])
    axes.set_ylim(len(depths) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("% of all time spent importing, first to last")
    axes.set_title(title)
    shares = {name: own[name] / whole for name in colours}
    figure.legend([Patch(color=colour) for colour in (*colours.values(), GREY)],
                  [*(f"{name} {share:.0%}" for name, share in shares.items()),
                   f"all others {1 - sum(shares.values()):.0%}"],
                  loc="outside upper right", ncols=4, frameon=False, fontsize=10)
    return figure, (f"{title}: nested boxes, one for each import, as wide as it took. Time within "
                    "the packages themselves: "
                    + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()) + ".")


def _package(row) -> str:
    return row["module"].partition(".")[0]


def _number(value) -> str:
    return f"{value:.2f}" if value < 9.95 else f"{value:.1f}"


def _log_axis(axes):
    axes.set_xscale("log")
    axes.set_xticks(TICKS)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
