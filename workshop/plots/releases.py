"""Pictures of lesson 21, each with its description: `show(*rollbacks(…))`."""
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from workshop.plots import BLUE, GREY, ORANGE, set_style


def rollbacks(runs: dict[str, dict], first: str):
    """The requests in each second of a release, by version; a panel for each release.

    runs: title → `rows`, a table with the columns time (s) and version; `began` and `gone`, when
    the canary began and was rolled back (s); and `bad`, its version. first: the good version.
    """
    set_style()
    figure, panels = plt.subplots(len(runs), 1, figsize=(8, 3 * len(runs)), sharex=True)
    for axes, (title, run) in zip(panels, runs.items()):
        second = (run["rows"]["time"] - run["began"]) // 1
        counts = pd.crosstab(second, run["rows"]["version"]).reindex(
            columns=[first, run["bad"]], fill_value=0)
        axes.bar(counts.index + 0.5, counts[first], width=0.9, color=BLUE,
                 label=f"version {first}")
        axes.bar(counts.index + 0.5, counts[run["bad"]], width=0.9, bottom=counts[first],
                 color=ORANGE, hatch="//", edgecolor="white", label="the bad version")
        for moment, words, style, height in ((run["began"], "canary begins", ":", -2),
                                             (run["gone"], "rolled back", "-", -20)):
            axes.axvline(moment - run["began"], color=GREY, linestyle=style)
            axes.annotate(words, (moment - run["began"], 1), xycoords=("data", "axes fraction"),
                          xytext=(4, height), textcoords="offset points", va="top", color=GREY,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        axes.set(ylabel="requests in 1 s", title=title, ylim=(0, 1.5 * counts.sum(axis=1).max()))
    panels[-1].set_xlabel("seconds since the canary began")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2,
                  frameon=False)
    words = ", ".join(f"{title}: {(run['rows']['version'] == run['bad']).sum()} requests to the "
                      f"bad version, rolled back after {run['gone'] - run['began']:.0f} s"
                      for title, run in runs.items())
    return figure, f"Requests in each second by version, for {len(runs)} releases. {words}."


def drift(table: pd.DataFrame):
    """Two bars for each field, `before` and `campaign`: its population stability index."""
    table = table.sort_values("campaign")
    figure, axes = plt.subplots(figsize=(8, 6))
    for column, colour, shift, mark in (("before", BLUE, 0.18, ""),
                                        ("campaign", ORANGE, -0.18, "//")):
        axes.barh(np.arange(len(table)) + shift, table[column], height=0.36, color=colour,
                  hatch=mark, edgecolor="white", label=column)
    for limit, words in ((0.1, "look"), (0.25, "changed")):
        axes.axvline(limit, color=GREY, linestyle="--")
        axes.annotate(words, (limit, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                      textcoords="offset points", va="top", color=GREY, fontsize=10)
    axes.set_yticks(np.arange(len(table)), table.index, fontsize=10)
    axes.set(xscale="log", xlim=(0.001, 2 * table["campaign"].max()),
             xlabel="population stability index (logarithmic)",
             title="How far are the requests from the training data?")
    axes.legend(loc="lower right", frameon=True)
    return figure, ("Population stability index of each field, before and during the campaign. "
                    f"Before, the largest is {table['before'].max():.2f}; during it, "
                    f"{(table['campaign'] > 0.25).sum()} of {len(table)} fields are above 0.25, "
                    f"first {table.index[-1]}.")
