"""Pictures of lesson 22, each with its description: `show(*latency(…))`."""
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from workshop.plots import BLUE, GREEN, GREY, ORANGE, set_style

STYLES = ((BLUE, "-"), (GREEN, "--"), (ORANGE, "-."))
STARTS = {True: {"facecolor": ORANGE, "hatch": "///", "edgecolor": "white",
                 "label": "with a cold start"},
          False: {"facecolor": BLUE, "edgecolor": "white", "label": "without"}}


def bursts(calls: dict[str, pd.DataFrame]):
    """Requests as bars from sending to answer, a panel for each title.

    The columns are sent and answered (s), and init (ms), missing where the start was not cold.
    """
    set_style()
    figure, panels = plt.subplots(1, len(calls), figsize=(9.5, 3.6), sharey=True, sharex=True)
    for axes, (title, rows) in zip(panels, calls.items()):
        for place, (_, call) in enumerate(rows.sort_values("answered").iterrows()):
            axes.barh(place, call["answered"] - call["sent"], left=call["sent"],
                      **STARTS[pd.notna(call["init"])])
        axes.set(title=title, xlabel="seconds", yticks=[])
    panels[0].set_ylabel("requests")
    panels[-1].legend(handles=[Patch(**kind) for kind in STARTS.values()], frameon=False,
                      loc="upper right")
    return figure, "Requests sent together, as bars from sending to answer. " + "; ".join(
        f"{title}: {rows['init'].count()} of {len(rows)} with a cold start, the last answer after "
        f"{rows['answered'].max():.1f} s" for title, rows in calls.items()) + "."


def latency(calls: pd.DataFrame):
    """Latency over time, and by percentile for each name.

    The columns are planned and latency (s), and name.
    """
    set_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True)
    seconds = calls["planned"] // 1 + 0.5
    left.plot(calls["planned"], calls["latency"] * 1000, ".", color="#bbbbbb", markersize=4)
    for share, (colour, style) in zip((0.5, 0.9, 0.99), STYLES):
        each = calls.groupby(seconds)["latency"].quantile(share) * 1000
        left.plot(each.index, each, style, color=colour, marker="o", label=f"p{100 * share:.0f}")
    left.set(xlabel="seconds of the run", ylabel="ms until the answer (log)", title="Over time")
    for (name, some), (colour, style) in zip(calls.groupby("name", sort=False), STYLES):
        _by_percentile(right, some["latency"], name, colour, style)
    right.set_title("By percentile")
    for axes in (left, right):
        _legend(axes)
    return figure, ("Left: latency of each request over time, with the 50th, 90th and 99th "
                    "percentile of each second, on a log axis. Right: latency by percentile, with "
                    "p50, p90 and p99 at equal distances. " + _medians(calls))


def stall(calls: pd.DataFrame, during: tuple[float, float]):
    """Latency at each second of sending, and by percentile; `during` (s) the function stalls.

    The columns are sent and latency (s), and name.
    """
    set_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True)
    left.axvspan(*during, color="#eeeeee")
    left.annotate("stall", (sum(during) / 2, 0.02), xycoords=("data", "axes fraction"),
                  ha="center", color=GREY)
    for (name, some), marker, (colour, style) in zip(calls.groupby("name", sort=False), "ox",
                                                     STYLES[::2]):
        left.plot(some["sent"], some["latency"] * 1000, marker, color=colour, label=name)
        _by_percentile(right, some["latency"], name, colour, style)
    left.set(xlabel="second at which it was sent", ylabel="ms until the answer (log)",
             title="Requests")
    right.set_title("By percentile")
    for axes in (left, right):
        _legend(axes)
    return figure, ("Left: latency over the second of sending. In the stall the open model has "
                    "many slow requests, the closed loop one. Right: latency by percentile; the "
                    "open model's curve rises long before the closed loop's. " + _medians(calls))


def busy(runs: dict[str, tuple[np.ndarray, np.ndarray, float]]):
    """Environments that work at each moment; name → seconds, how many, and rate × duration."""
    set_style()
    figure, panels = plt.subplots(1, len(runs), figsize=(9.5, 3.4), sharey=True)
    for axes, (name, (moments, counts, predicted)) in zip(panels, runs.items()):
        axes.fill_between(moments, counts, step="post", color=BLUE, alpha=0.35, linewidth=0)
        axes.axhline(predicted, color=ORANGE, linestyle="--")
        axes.annotate("rate × duration", (0.05, predicted), xytext=(0, 3),
                      textcoords="offset points", color=ORANGE, fontsize=10)
        axes.set(title=name, xlabel="seconds")
    panels[0].set_ylabel("environments busy")
    return figure, "Busy environments over time, each with a dashed line at rate × duration. " + (
        "; ".join(f"{name}: {predicted:.1f} by rate × duration, {np.mean(counts):.1f} on average, "
                  f"{max(counts)} at most" for name, (_, counts, predicted) in runs.items()) + ".")


def storms(attempts: dict[str, pd.DataFrame], failed: dict[str, int], clients: int):
    """Attempts of clients over time, a panel for each name; columns second, client and status."""
    set_style()
    figure, panels = plt.subplots(len(attempts), 1, figsize=(9, 5), sharex=True, sharey=True)
    for axes, (name, log) in zip(panels, attempts.items()):
        for good, marker, colour, word in ((False, "x", ORANGE, "refused"),
                                           (True, "o", BLUE, "answered")):
            some = log[(log["status"] == 200) == good]
            axes.plot(some["second"], some["client"], marker, color=colour, markersize=5,
                      label=word)
        axes.set(title=f"{name}: {failed[name]} of {clients} clients gave up", ylabel="client")
    panels[0].legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    panels[-1].set_xlabel("seconds")
    return figure, f"Attempts of {clients} clients over time. " + "; ".join(
        f"{name}: {failed[name]} gave up" for name in attempts) + (
        ". Without jitter the attempts are in vertical lines, with jitter they are spread.")


def limits(accounts: dict[str, int]):
    """The highest rate against the duration of a request; label → an account's concurrency."""
    set_style()
    duration = np.logspace(-3, np.log10(60), 300)
    figure, axes = plt.subplots(figsize=(8.5, 4.4))
    for (label, concurrency), (colour, style) in zip(accounts.items(), ((BLUE, "-"),
                                                                        (ORANGE, "--"))):
        axes.plot(duration, np.minimum(concurrency / duration, 10 * concurrency), style,
                  color=colour, label=label)
    axes.axhline(10_000, color=GREEN, linestyle=":", label="API Gateway, 10,000 a second")
    axes.axvspan(30, 60, color="#dddddd", label="the HTTP API has given up")
    axes.set(xscale="log", yscale="log", xlim=(0.001, 60), ylim=(0.1, 30_000),
             xlabel="duration of a request in seconds (log)", ylabel="most requests a second (log)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.legend(frameon=False, loc="lower left")
    return figure, ("The highest rate over the duration of a request, on log axes. Flat up to 0.1 "
                    "s, then falling in proportion; after 30 s the API has given up. At 0.1 s: "
                    + "; ".join(f"{label}, {10 * one:,} a second"
                                for label, one in accounts.items()) + ".")


def _medians(calls: pd.DataFrame) -> str:
    return "Medians: " + ", ".join(f"{name} {1000 * some['latency'].median():.0f} ms" for name, some
                                   in calls.groupby("name", sort=False)) + "."


def _by_percentile(axes, seconds, label: str, colour: str, style: str) -> None:
    """Latency in ms (log) over the percentile; each step to the right is rarer by a factor."""
    waits = np.sort(seconds) * 1000
    share = (np.arange(len(waits)) + 0.5) / len(waits)
    axes.plot(1 / (1 - share), waits, style, color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="percentile",
             xticks=[1, 2, 10, 100], xticklabels=["0", "p50", "p90", "p99"])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _legend(axes) -> None:
    """A legend above what is drawn: the axis gets room for it."""
    highest = max(line.get_ydata().max() for line in axes.lines if len(line.get_ydata()) > 2)
    axes.set_ylim(top=max(axes.get_ylim()[1], 6 * highest))
    axes.legend(frameon=False, loc="upper left", fontsize=11)
