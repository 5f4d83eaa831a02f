"""Bars, histograms and points for any values, each with its description: `show(*bars(…))`."""
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from workshop.plots import BLUE, GREY, ORANGE, set_style

LEAST = 1e-9                    # smaller differences are drawn here: a log axis has no zero


def bars(values: Mapping[str, float], xlabel: str, title: str, words: str,
         limit: tuple[float, str] | None = None, other: Sequence[str] = (), form: str = "{:.0f}"):
    """A bar for each name with its value behind it; the names in `other` have another colour.

    values: a dict, or a pandas.Series. limit: where a dashed line is, and what it means.
    """
    set_style()
    values = dict(values)
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.5 * len(values)))
    drawn = axes.barh(list(values), list(values.values()),
                      color=[ORANGE if name in other else BLUE for name in values])
    written = [form.format(value) for value in values.values()]
    axes.bar_label(drawn, written, padding=4,       # legible where the dashed line is behind it
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    end = 1.15 * max([*values.values(), *([limit[0]] if limit else [])])
    axes.set(xlabel=xlabel, title=title, xlim=(0, end))
    axes.invert_yaxis()
    line = ""
    if limit:
        line = f" Dashed line at {form.format(limit[0])}: {limit[1]}."
        axes.axvline(limit[0], color="black", linestyle="--")
        axes.text(limit[0], 0.98, f" {limit[1]} ", transform=axes.get_xaxis_transform(), va="top",
                  ha="right" if limit[0] > end / 2 else "left")
        axes.set_ylim(len(values) - 0.5, -1.1)         # room for the words above the bars
    return figure, f"{words}: " + ", ".join(map(" ".join, zip(values, written))) + f".{line}"


def histograms(values: Mapping[str, np.ndarray], edges: np.ndarray, xlabel: str, ylabel: str,
               title: str, words: str):
    """A histogram for each name (two at most) over the same edges; `words` says what is seen.

    Edges that grow by a factor make the axis logarithmic.
    """
    set_style()
    figure, axes = plt.subplots(figsize=(8, 3.8))
    styles = ({"color": BLUE, "alpha": 0.5},
              {"color": ORANGE, "histtype": "step", "linewidth": 2.5})
    for (name, one), style in zip(values.items(), styles):
        axes.hist(one, edges, label=name, **style)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if not np.isclose(edges[1] - edges[0], edges[-1] - edges[-2]):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    axes.legend(frameon=False)
    return figure, f"{words} Medians: " + ", ".join(
        f"{name} {np.median(one):.3g}" for name, one in values.items()) + "."


def differences(values: np.ndarray, allowed: float, title: str):
    """How large the differences are, on a log axis, and which is the largest that is allowed."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 3.4))
    end = max(10 * allowed, 1.1 * values.max())         # a large difference must be seen
    axes.hist(np.maximum(values, LEAST), np.geomspace(0.9 * LEAST, end, 61), color=BLUE)
    axes.axvline(allowed, color=ORANGE, linestyle="--")
    axes.text(1.15 * allowed, 0.9 * axes.get_ylim()[1], "allowed", color=ORANGE)
    axes.set(xscale="log", xlabel="Largest difference in probability, for one picture",
             ylabel="Pictures", title=title)
    return figure, (f"Histogram of the largest difference for each of {len(values):,} pictures on "
                    f"a log scale; {np.sum(values > allowed)} are above the allowed {allowed:g}, "
                    f"the worst is {values.max():.0e}.")


def agreement(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], allowed: float, xlabel: str,
              ylabel: str):
    """A panel for each name: the second of two series against the first, with the diagonal.

    Points whose two values differ by more than `allowed` have another colour and are counted.
    """
    set_style()
    figure, [panels] = plt.subplots(1, len(pairs), figsize=(2.5 * max(len(pairs), 3.4), 3.6),
                                    sharex=True, sharey=True, squeeze=False)
    counts = {}
    for axes, (name, (first, second)) in zip(panels, pairs.items()):
        wrong = np.abs(np.asarray(first) - np.asarray(second)) > allowed
        counts[name] = int(wrong.sum())
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for which, colour in (~wrong, BLUE), (wrong, ORANGE):
            axes.plot(np.asarray(first)[which], np.asarray(second)[which], ".", color=colour,
                      markersize=4)
        axes.set_title(f"{name}\n{counts[name]:,} of {len(wrong):,} differ", fontsize=10)
    panels[0].set(xlabel=xlabel, ylabel=ylabel)
    return figure, (f"Scatter plots with the diagonal. Across: {xlabel}. Up: {ylabel}. "
                    "Beside the diagonal: " + ", ".join(f"{name}, {count:,} points"
                                              for name, count in counts.items()) + ".")


def measures(columns: Mapping[str, Mapping[str, float]], words: str, other: Sequence[str] = ()):
    """A panel of horizontal bars for each measure; the names in `other` have another colour.

    columns: measure → name → value, for example a pandas.Series; NaN is drawn as 0.
    """
    set_style()
    columns = {title: dict(values) for title, values in columns.items()}
    names = list(next(iter(columns.values())))
    figure, [panels] = plt.subplots(1, len(columns), figsize=(10, 1 + 0.4 * len(names)),
                                    sharey=True, squeeze=False)
    for axes, (title, values) in zip(panels, columns.items()):
        found = np.nan_to_num([values[name] for name in names])
        drawn = axes.barh(names, found, color=[ORANGE if name in other else BLUE
                                               for name in names])
        axes.bar_label(drawn, fmt="%.0f", padding=3, fontsize=10)
        axes.set_title(title, fontsize=12)
        axes.set_xticks([])
        axes.margins(x=0.25)
        axes.spines["bottom"].set_visible(False)
    panels[0].invert_yaxis()
    return figure, f"{words} " + "; ".join(
        f"{name}: " + ", ".join(f"{title} {values[name]:.0f}" for title, values in columns.items())
        for name in names) + "."
