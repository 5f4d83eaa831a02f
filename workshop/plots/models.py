"""Pictures of lessons about models, each with its description: `show(*int8_by_width(…))`."""
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image

from workshop.plots import BLUE, GREEN, GREY, ORANGE, set_style


def int8_by_width(widths: list[int], curves: np.ndarray):
    """Times of static and dynamic int8 against the number of channels, 32-bit floats being 1.

    curves: shape (number of widths, 2), as `workshop.measure.quantised.int8_times` returns it.
    """
    set_style()
    figure, axes = plt.subplots()
    for column, (name, colour, style) in enumerate([("static", BLUE, "o-"),
                                                    ("dynamic", ORANGE, "s--")]):
        axes.plot(widths, curves[:, column], style, color=colour)
        axes.annotate(name, (widths[-1], curves[-1, column]), (8, 0), textcoords="offset points",
                      color=colour, va="center")
    axes.axhline(1, color=GREY, linewidth=1)
    axes.text(widths[2], 1.02, "as fast as 32-bit floats", color=GREY, va="bottom")
    axes.set(xscale="log", xlabel="Channels of each convolution", ylabel="Time, 32-bit floats = 1",
             xlim=(3.6, 480), ylim=(0, 1.08 * curves.max()),
             title=f"Static int8 with {widths[-1]} channels: {_in_words(curves[-1, 0])}; "
                   f"with {widths[0]}: {_in_words(curves[0, 0])}")
    axes.set_xticks(widths, map(str, widths))
    axes.minorticks_off()
    return figure, ("Time of quantised convolutions against their width. "
                    + " ".join(f"{width} channels: static {static:.2f}, dynamic {dynamic:.2f}."
                               for width, (static, dynamic) in zip(widths, curves)))


def _in_words(ratio: float) -> str:
    return f"{1 / ratio:.1f} times as fast" if ratio < 1 else f"{ratio:.1f} times as slow"


def shares(groups: dict[str, pd.Series], average: float, title: str):
    """The share that left in each group, a panel for each way to make groups, and the average."""
    set_style()
    figure, [panels] = plt.subplots(1, len(groups), sharey=True, figsize=(9, 4.2), squeeze=False,
                                    width_ratios=[2 + len(one) for one in groups.values()])
    for axes, (what, values) in zip(panels, groups.items()):
        names = [textwrap.fill(name.replace("_", " "), 9) for name in values.index]
        axes.bar(names, values, color=BLUE)
        axes.axhline(average, color=ORANGE, linestyle="--")
        axes.set_xlabel(what)
        axes.tick_params(axis="x", labelsize=10)
    panels[0].set_ylabel("Share that left")
    panels[0].yaxis.set_major_formatter("{x:.0%}")
    panels[-1].annotate("all customers", (1, average), (0, 4), textcoords="offset points",
                        xycoords=("axes fraction", "data"), color=ORANGE, ha="right")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure, "Bar charts of the share that left. " + " ".join(
        f"{what}: " + ", ".join(f"{name} {share:.0%}" for name, share in values.items()) + "."
        for what, values in groups.items())


def folds(scores: dict[str, np.ndarray], chosen: str):
    """AUC of each fold, a row for each model; the chosen model has a colour."""
    set_style()
    means = [one.mean() for one in scores.values()]
    spread = max(np.ptp(one) for one in scores.values())
    figure, axes = plt.subplots(figsize=(8, 3.4))
    axes.plot(np.array(list(scores.values())), range(len(scores)), color="#cccccc", linewidth=1)
    for row, (name, one) in enumerate(scores.items()):
        axes.plot(one, [row] * len(one), "o", color=BLUE if name == chosen else GREY, markersize=8)
        axes.plot(one.mean(), row, "|", color=ORANGE, markersize=30, markeredgewidth=3)
    axes.set_yticks(range(len(scores)), scores)
    axes.margins(y=0.25)
    axes.set(xlabel="AUC (dot: one fold, thin line: the same fold, bar: the mean)",
             title=f"The means differ by {np.ptp(means):.3f}, the folds by up to {spread:.3f}")
    return figure, "Dot plot of AUC for each fold. " + "; ".join(
        f"{name}: {one.min():.3f} to {one.max():.3f}, mean {one.mean():.3f}"
        for name, one in scores.items()) + "."


def roc(suspected: np.ndarray, found: np.ndarray, cuts: np.ndarray, marked: tuple[float, ...],
        area: float):
    """The ROC curve: leavers found against loyal customers suspected, for each cut."""
    set_style()
    figure, axes = plt.subplots(figsize=(6, 5.4))
    axes.plot(suspected, found, color=BLUE)
    axes.fill_between(suspected, found, color=BLUE, alpha=0.12)
    axes.plot([0, 1], [0, 1], "--", color=GREY)
    axes.text(0.62, 0.56, "a coin", color=GREY)
    words = []
    for cut in marked:
        at = np.argmin(np.abs(cuts - cut))
        axes.plot(suspected[at], found[at], "o", color=ORANGE)
        axes.annotate(f"cut at {cut}", (suspected[at], found[at]), (10, -16),
                      textcoords="offset points")
        words.append(f"at {cut} it finds {found[at]:.0%} and suspects {suspected[at]:.0%}")
    axes.set(xlabel="Loyal customers suspected", ylabel="Leavers found",
             title=f"Area under the curve: {area:.3f}", aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0%}")
    return figure, "ROC curve, bowed well above the diagonal: " + "; ".join(words) + "."


def costs(thresholds: np.ndarray, dollars: np.ndarray, levels: dict[str, float],
          marked: dict[str, tuple[float, float]], title: str):
    """Dollars per customer against the threshold.

    levels: words → a dotted line at so many dollars. marked: words → threshold and dollars.
    """
    set_style()
    figure, axes = plt.subplots()
    axes.plot(thresholds, dollars, color=BLUE)
    for words, level in levels.items():
        axes.axhline(level, color=GREY, linestyle=":")
        axes.text(0.3, level + 0.4, words, color=GREY, ha="center")
    for words, place in marked.items():
        axes.plot(*place, "o", color=ORANGE, markersize=9)
        axes.annotate(words, place, (6, -20), textcoords="offset points")
    axes.set(xlabel="Threshold", ylabel="Cost ($ per customer)", title=title,
             ylim=(0, dollars.max() * 1.1))
    axes.grid(axis="y")
    return figure, ("Cost against threshold: a curve with a flat bottom to the left of 0.5, steep "
                    "on the left and rising slowly on the right. " + "; ".join(
                        f"{words}, ${dollars_:.2f}" for words, (_, dollars_) in marked.items())
                    + ".")


def calibration(predicted: np.ndarray, observed: np.ndarray, errors: np.ndarray):
    """Shares that happened against predicted ones, with bars of `errors`, and the diagonal."""
    set_style()
    figure, axes = plt.subplots(figsize=(6, 5.4))
    axes.plot([0, 0.85], [0, 0.85], "--", color=GREY)
    axes.errorbar(predicted, observed, errors, fmt="o", color=BLUE, capsize=3, markersize=7)
    worst = np.abs(np.asarray(predicted) - np.asarray(observed)).max() * 100
    axes.set(xlabel="Predicted (mean of each tenth)", ylabel="Happened (share that left)",
             title=f"Largest difference: {worst:.1f} points", aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0%}")
    return figure, (f"Calibration plot: {len(predicted)} points with error bars, all within "
                    f"{worst:.1f} points of the diagonal.")


def largest_differences(values: dict[str, np.ndarray], allowed: float):
    """Differences in probability, sorted, a line for each model; how many are over `allowed`."""
    set_style()
    wrong = {name: int((one > allowed).sum()) for name, one in values.items()}
    figure, axes = plt.subplots()
    for (name, one), colour, style in zip(values.items(), (ORANGE, GREEN, BLUE),
                                          ("-", "--", "-.")):
        axes.plot(np.sort(one)[::-1], style, color=colour, label=f"{name}: {wrong[name]} wrong")
    count = max(map(len, values.values()))
    axes.axhline(allowed, color=GREY, linestyle=":")
    axes.text(count, 1.4 * allowed, "allowed", color=GREY, ha="right")
    axes.set(yscale="log", xlim=(0, count), ylim=(1e-9, 1), xlabel="Customers, the worst first",
             ylabel="Difference in probability",
             title="Wrong for " + ", ".join(str(one) for one in wrong.values()) + " customers")
    axes.legend(frameon=False)
    return figure, "Sorted differences on a log scale. Over the allowed difference: " + "; ".join(
        f"{name}, {number}" for name, number in wrong.items()) + "."


def recall(classes: list[str], first: np.ndarray, second: np.ndarray, names: tuple[str, str]):
    """The share of each class (of the same order) that two models find, a row for each class."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 4.6))
    for row, ends in enumerate(zip(first, second)):
        axes.plot(ends, [row, row], color="#cccccc", zorder=1)
    for values, name, colour, marker in zip((first, second), names, (BLUE, ORANGE), "os"):
        axes.scatter(values, range(len(classes)), color=colour, s=60, marker=marker, label=name)
    axes.set_yticks(range(len(classes)), classes)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set(xlabel="Found, of all that there are", xlim=(None, 1.02),
             title=f"Furthest apart: {classes[int(np.abs(first - second).argmax())]}")
    axes.legend(frameon=False, loc="lower left")
    return figure, "For each class, the share that each model finds. " + "; ".join(
        f"{name}: {names[0]} {a:.0%}, {names[1]} {b:.0%}"
        for name, a, b in zip(classes, first, second))


def side_by_side(bars: dict[str, dict[str, float]], title: str):
    """A panel for each measure, with a bar for each model."""
    set_style()
    figure, panels = plt.subplots(1, len(bars), figsize=(9.5, 3.6))
    for axes, (what, values) in zip(panels, bars.items()):
        drawn = axes.bar(list(values), list(values.values()), color=[BLUE, ORANGE], width=0.6)
        axes.bar_label(drawn, [f"{value:.3g}" for value in values.values()], padding=3,
                       fontsize=11)
        axes.set_title(what, fontsize=12)
        axes.set_yticks([])
        axes.margins(y=0.15)
        axes.spines["left"].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    return figure, "Pairs of bars: " + "; ".join(
        f"{what}: " + ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        for what, values in bars.items()) + "."


def on_a_map(places: np.ndarray, pictures: np.ndarray, title: str, words: str):
    """Grey pictures (0 to 255) at their places, of shape (number, 2); `words` says what is seen."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 6.4))
    for place, picture in zip(places, pictures):
        ink = np.zeros((*picture.shape, 4))
        ink[..., 3] = picture / 255         # black, and clear where the picture is dark
        axes.add_artist(AnnotationBbox(OffsetImage(ink, zoom=0.8), place, frameon=False))
    (left, bottom), (right, top) = places.min(axis=0) - 1, places.max(axis=0) + 1
    axes.set(xlim=(left, right), xlabel="First direction", ylim=(bottom, top),
             ylabel="Second direction", xticks=[], yticks=[], title=title)
    return figure, words


def guesses(answers: dict[Path, list[tuple[str, float]]]):
    """Photographs, each above its most probable classes: a label and a probability for each."""
    set_style()
    figure, axes = plt.subplots(2, len(answers), figsize=(9.5, 4.6), height_ratios=[1.4, 1],
                                squeeze=False)
    for (above, below), (path, best) in zip(axes.T, answers.items()):
        with Image.open(path) as picture:
            above.imshow(picture, cmap="gray")
        above.axis("off")
        below.barh(range(len(best)), [share for _, share in best], color=GREEN, alpha=0.35)
        for row, (label, _) in enumerate(best):
            below.text(0.02, row, label.split(",")[0], va="center", fontsize=10)
        below.set(xlim=(0, 1), ylim=(len(best) - 0.4, -0.6), yticks=[], xticks=[0, 1],
                  xlabel="Probability")
    return figure, "Photographs and their most probable classes: " + "; ".join(
        f"{path.name}: {best[0][0]} {best[0][1]:.2f}" for path, best in answers.items()) + "."


def conversions(found: dict[str, tuple[float, bool]]):
    """Wrong conversions by their largest difference; whether the rows as given find them, too."""
    set_style()
    ordered = sorted(found.items(), key=lambda item: item[1][0])
    figure, axes = plt.subplots(figsize=(8.5, 6))
    for row, (_, (largest, given)) in enumerate(ordered):
        axes.plot([1e-5, largest], [row, row], color=GREY, linewidth=1)
        axes.plot(largest, row, "o" if given else "s", color=BLUE if given else ORANGE)
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered], fontsize=9)
    axes.set(xscale="log", xlim=(1e-5, 10), xlabel="Largest difference, of 1 or of the value")
    rows = sum(given for _, given in found.values())
    words = (f"{rows} are found by the rows as given (dots), {len(found) - rows} only by a probe "
             "(squares)")
    figure.suptitle(words, x=0.01, ha="left", fontsize=12)
    return figure, (f"A dot plot of {len(found)} wrong conversions, ordered by their largest "
                    f"difference, from {ordered[0][1][0]:.2g} to {ordered[-1][1][0]:.2g}. {words}.")
