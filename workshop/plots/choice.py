"""Pictures of lesson 19, each with its description: `show(*latencies(…))`."""
import statistics
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from workshop.plots import BLUE, GREY, ORANGE, set_style

COLOURS = {"Lambda": BLUE, "SageMaker": ORANGE}
STYLES = {"Lambda": (BLUE, "-"), "SageMaker Serverless": (ORANGE, "-"),
          "the same behind a function": (ORANGE, ":"), "real-time instances": ("black", "--")}
AREAS = ("#9cc9e8", "#f3b183", "#c9c9c9", "#a6d9c6")


def latencies(warm: dict[str, list[float]], cold: dict[str, list[float]]):
    """The share of requests (ms) that were answered within a time, for Lambda and SageMaker."""
    set_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True)
    for name, colour in COLOURS.items():
        usual = statistics.median(warm[name])
        for times, style, word in ((warm, "-", "warm"), (cold, "--", "cold")):
            _shares(left, times[name], label=f"{name}, {word}", color=colour, linestyle=style)
            _shares(right, [one / usual for one in times[name]], color=colour, linestyle=style)
    left.set(xscale="log", xlabel="ms until the answer is here (log)", title="On this machine",
             ylabel="share of requests within that time")
    right.set(xscale="log", xlabel="times its own usual warm request (log)", title="In proportion")
    figure.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=11, ncols=4,
                  loc="outside upper center")
    for axes in (left, right):
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    _below(figure, "Neither Lambda's nor SageMaker's milliseconds, nor their factors: on AWS, only "
                   "the shape is the same.")
    times = {name: statistics.median(cold[name]) / statistics.median(warm[name])
             for name in COLOURS}
    return figure, ("Share of requests answered within a time, for Lambda and SageMaker, warm and "
                    "cold. Cold requests take, in the median, " + " and ".join(
                        f"{ratio:.0f} times as long as warm ones on {name}"
                        for name, ratio in times.items()) + ".")


def monthly(volumes: np.ndarray, bills: dict[str, dict[str, list[float]]]):
    """Dollars a month against requests a month; title of a panel → way to serve → dollars."""
    set_style()
    figure, panels = plt.subplots(1, len(bills), figsize=(9.5, 4.6), sharey=True)
    for axes, (title, ways) in zip(panels, bills.items()):
        for way, dollars in ways.items():
            colour, style = STYLES[way]
            axes.plot(volumes, dollars, style, color=colour, label=way)
        axes.set(title=title, xscale="log", yscale="log", ylim=(0.01, 20_000),
                 xlabel="requests a month (log)")
        axes.grid(True)
    panels[0].set_ylabel("US dollars a month (log)")
    figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=10, ncols=4,
                  loc="outside upper center")
    _below(figure, "Times: this machine's for churn, assumed for heavier. Prices: data/prices.csv.")
    return figure, ("Dollars a month against requests a month for four ways to serve, a panel for "
                    "churn and one for a heavier model. Lambda begins at nothing and then rises "
                    "with the serverless endpoint; instances are flat, then rise in steps.")


def cheapest(requests: np.ndarray, seconds: np.ndarray, grid: np.ndarray, names: Iterable[str]):
    """A map of the cheapest way: `grid[row, column]` is a position in `names`."""
    set_style()
    names = list(names)
    figure, axes = plt.subplots(figsize=(9, 5.2))
    axes.pcolormesh(requests, seconds, grid, vmin=0, vmax=len(AREAS) - 1, shading="nearest",
                    rasterized=True, cmap=ListedColormap(AREAS))
    for place, name in enumerate(names):
        row, column = np.nonzero(grid == place)
        if not len(row):
            continue
        axes.contour(requests, seconds, grid == place, levels=[0.5], colors="black", linewidths=1)
        middle = np.argmin((row - row.mean()) ** 2 + (column - column.mean()) ** 2)
        axes.text(requests[column[middle]], seconds[row[middle]],
                  name.replace("real-time", "real-time\ninstances"), ha="center", va="center",
                  fontsize=12)
    for limit, what in ((60, "60 s: SageMaker's limit"), (900, "900 s: Lambda's limit")):
        axes.axhline(limit, color="black", linewidth=1, linestyle=":")
        axes.text(1.1 * requests[0], limit * 1.12, what, fontsize=10)
    axes.set(xscale="log", yscale="log", xlabel="requests a month (log)",
             ylabel="seconds of one vCPU for a request (log)", title="The cheapest that can do it")
    _below(figure, "Arithmetic, no measurement. Prices: data/prices.csv, your ENDPOINT_PRICE.")
    return figure, ("Map of the cheapest way, requests a month against seconds for a request. "
                    "Share of the map: " + ", ".join(f"{name} {np.mean(grid == place):.0%}"
                                               for place, name in enumerate(names)) + ".")


def _shares(axes, times: list[float], **style) -> None:
    times = sorted(times)
    axes.step([times[0], *times], [n / len(times) for n in range(len(times) + 1)], where="post",
              **style)


def _below(figure, words: str) -> None:
    figure.supxlabel(words, fontsize=9, color=GREY, x=0.99, ha="right")
