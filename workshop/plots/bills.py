"""Pictures of what things cost, each with its description: `show(*million(…))`."""
import matplotlib.patheffects
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator

from workshop.plots import BLUE, GREY, ORANGE, set_style

PARTS = {"compute": BLUE, "init": ORANGE, "requests": GREY, "front door": "#E69F00"}
MEASURED = "Times: this machine's, ratios travel. Prices: us-east-1, data/prices.csv."
# A white edge around letters: lines may pass behind them, and they stay legible.
HALO = [matplotlib.patheffects.withStroke(linewidth=4, foreground="white")]


def _caption(figure, words: str) -> None:
    """Write below a figure what its times and prices are good for."""
    figure.supxlabel(words, fontsize=9, color=GREY, x=0.99, ha="right")


def million(bills: dict[str, dict[str, float]], words: str):
    """A bar for each bill (dollars per million requests, by part), the sum behind it."""
    set_style()
    figure, axes = plt.subplots(figsize=(8.5, 1.5 + 0.6 * len(bills)))
    for y, parts in enumerate(bills.values()):
        left = 0
        for part, colour in PARTS.items():
            axes.barh(y, parts[part], left=left, color=colour, edgecolor="white", height=0.6,
                      label=part if y == 0 else None)
            left += parts[part]
        axes.text(left, y, f" ${left:.2f}", va="center")
    axes.set_yticks(range(len(bills)), bills)
    axes.invert_yaxis()
    axes.set_xlabel("US dollars per million requests")
    axes.margins(x=0.1)
    axes.legend(ncols=4, frameon=False, loc="lower center", bbox_to_anchor=(0.45, 1))
    _caption(figure, MEASURED)
    return figure, words + " " + "; ".join(
        f"{name}: ${sum(parts[part] for part in PARTS):.2f}" for name, parts in bills.items())


def sweet_spots(tables: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]):
    """Cost against time, a point for each size of memory; a panel for each function.

    tables: function → a row for each size (MB), with warm_mean_ms and dollars (per million). In
    `expected`, the same columns are calculated for one thread that only computes: a dotted line.
    """
    set_style()
    figure, panels = plt.subplots(1, len(tables), figsize=(9.5, 4.4))
    for axes, (name, table), colour in zip(panels, tables.items(), (BLUE, ORANGE)):
        axes.plot(expected[name]["warm_mean_ms"], expected[name]["dollars"], ":", color="black")
        axes.plot(table["warm_mean_ms"], table["dollars"], "o-", color=colour, markersize=7)
        for memory, row in table.iterrows():
            axes.annotate(f"{memory:,}", (row["warm_mean_ms"], row["dollars"]), fontsize=10,
                          textcoords="offset points", xytext=(8, 6), ha="left",
                          path_effects=HALO, zorder=5)
        axes.set(title=f"{name}, a point for each size in MB", xscale="log",
                 xlabel="mean time of a warm request (ms, log)",
                 ylabel="compute, US dollars per million", ylim=(0, 1.25 * table["dollars"].max()))
        axes.xaxis.set_major_locator(LogLocator(subs=[1, 2, 5]))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.margins(x=0.2)
    _caption(figure, MEASURED)
    return figure, "Cost against mean time for each size of memory. " + " ".join(
        f"{name}: " + ", ".join(f"{memory:,} MB {row['warm_mean_ms']:.3g} ms for "
                                f"${row['dollars']:.2f}" for memory, row in table.iterrows()) + "."
        for name, table in tables.items())


def cold_shares(shares: np.ndarray, bills: pd.DataFrame, times: dict[float, list[float]],
                fee: float):
    """The bill and the time of a request against the share of cold requests.

    bills: compute and init, dollars per million, a row for each share. times: percentile → ms for
    each share. fee: the requests' own, in dollars per million.
    """
    set_style()
    figure, (money, time) = plt.subplots(1, 2, figsize=(9.5, 4.2))
    money.stackplot(shares, bills["compute"], bills["init"], colors=[BLUE, ORANGE],
                    labels=["compute", "INIT"])
    money.axhline(fee, color=GREY, linestyle="--")
    money.text(shares[0], fee, " the requests' own fee", va="bottom", fontsize=10, color=GREY)
    money.set(title="Bill", ylabel="US dollars per million requests", ylim=(0, None))
    money.legend(frameon=False, loc="center left", reverse=True)
    for (percent, values), style in zip(times.items(), ((BLUE, "-"), (GREY, "--"), ("black", ":"))):
        time.plot(shares, values, style[1], color=style[0], label=f"p{percent:g}")
    time.set(title="Time", ylabel="time of a request (ms, log)", yscale="log")
    time.legend(frameon=False, loc="center", bbox_to_anchor=(0.7, 0.35))
    for axes in (money, time):
        axes.set(xscale="log", xlabel="share of cold requests (log)",
                 xticks=[0.001, 0.01, 0.1, 1], xticklabels=["0.1 %", "1 %", "10 %", "all"])
        axes.minorticks_off()
    _caption(figure, MEASURED)
    return figure, ("Two charts against the share of cold requests. The bill rises late: INIT "
                    "becomes visible at some percent. The time rises in steps: p99.9 at 0.1 %, "
                    "p99 at 1 %, p50 at one half.")


def kept_ready(busy: np.ndarray, demand: list[float], ready: list[float], even: float):
    """Dollars a month for one environment, on demand and kept ready, by the share it is busy."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 3.8))
    axes.plot(busy, demand, color=BLUE, label="on demand")
    axes.plot(busy, ready, "--", color=ORANGE, label="kept ready")
    axes.axvline(even, color=GREY, linewidth=1)
    axes.text(even, 2, f" {even:.0%}", color=GREY)
    axes.set(xlabel="share of its time that the environment is busy",
             ylabel="US dollars a month", ylim=(0, None), xlim=(0, 1))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.legend(frameon=False)
    _caption(figure, "One environment of 1,769 MB, 730 hours. Prices: us-east-1, data/prices.csv.")
    return figure, ("Dollars a month for one environment against the share of its time that it is "
                    f"busy. On demand rises from zero to {demand[-1]:.0f}; kept ready begins at "
                    f"{ready[0]:.0f} and rises to {ready[-1]:.0f}. They meet at {even:.0%}.")


def against_containers(volumes: np.ndarray, bills: dict[str, dict[str, list[float]]],
                       crossings: dict[tuple[str, str], tuple[float, float]]):
    """Dollars a month against requests a month, a panel for each function.

    bills: function → way ("containers", "http_api", "function_url") → dollars for each volume.
    crossings: (function, way) → requests and dollars where containers become cheaper.
    """
    set_style()
    styles = {"containers": ("black", "-"), "http_api": (ORANGE, "--"), "function_url": (BLUE, "-")}
    figure, panels = plt.subplots(1, len(bills), figsize=(10, 4.2), sharey=True)
    for axes, (name, ways) in zip(panels, bills.items()):
        for way, dollars in ways.items():
            colour, style = styles[way]
            axes.plot(volumes, dollars, style, color=colour, label=way)
            if crossings.get((name, way), (np.inf, 0))[0] < volumes[-1]:
                axes.plot(*crossings[name, way], "o", color=colour)
        axes.set(title=name, xscale="log", yscale="log", ylim=(0.5, 2000),
                 xlabel="requests a month (log)")
    panels[0].set_ylabel("US dollars a month (log)")
    panels[0].legend(frameon=False, fontsize=10, loc="upper left")
    _caption(figure, MEASURED)
    return figure, ("Dollars a month against requests a month, a panel for each function. The "
                    "functions' lines begin near zero and rise; the containers' is flat, then "
                    "rises in steps. Dots mark where containers become cheaper.")


def by_memory(table: pd.DataFrame, expected: list[tuple[float, float]]):
    """Time and price of two kinds of request against memory (MB), the index of the table.

    The columns are, for ordinary and heavy, `… (ms)` and `…, $ per million`. expected: ms and
    dollars of the heavy request at each size, by arithmetic.
    """
    set_style()
    figure, (time, price) = plt.subplots(1, 2, figsize=(9.5, 3.8))
    for kind, colour, style in (("ordinary", BLUE, "o-"), ("heavy", ORANGE, "^--")):
        time.plot(table.index, table[f"{kind} (ms)"], style, color=colour, label=kind)
        price.plot(table.index, table[f"{kind}, $ per million"], style, color=colour, label=kind)
    for axes, values in zip((time, price), zip(*expected)):
        axes.plot(table.index, values, ":", color="black", label="heavy, by arithmetic")
    time.set(ylabel="duration of a warm request (ms)", title="Time", yscale="log")
    price.set(ylabel="US dollars per million requests", title="Price", ylim=(0, None))
    for axes in (time, price):
        axes.set(xlabel="memory (MB)", xscale="log", xticks=table.index, xticklabels=table.index)
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=10)
        axes.tick_params(labelsize=10)
    low, high = table["heavy (ms)"].iloc[[0, -1]]
    return figure, (f"Two line charts against memory. From {table.index[0]} to {table.index[-1]} "
                    f"MB the heavy request becomes {low / high:.0f} times as fast, most of it "
                    "until 1,769 MB, and its price rises beyond. The ordinary request's time and "
                    "price change less.")


def forgotten(year: dict[str, tuple[float, bool]], budget: float):
    """Dollars a year of forgotten things, cheapest first, on a log axis.

    year: what → dollars a year, and whether a lesson makes such a thing. budget: dollars a year of
    the budget's first mail.
    """
    set_style()
    least = 0.5                     # dollars, where the axis begins: it has no zero
    rows = sorted(year.items(), key=lambda row: row[1][0])
    figure, axes = plt.subplots(figsize=(9, 5.6))
    for place, (_, (dollars, lesson)) in enumerate(rows):
        if dollars:
            axes.barh(place, dollars - least, left=least, color=BLUE if lesson else ORANGE)
        axes.text(max(dollars, least) * 1.12, place, _dollars(dollars), va="center", fontsize=11,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.axvline(budget, color=GREY, linewidth=1, linestyle=":", zorder=0)
    axes.text(1.1 * budget, 0, "the budget's first mail:\nhalf of $5 a month", color=GREY,
              fontsize=10)
    axes.set_yticks(range(len(rows)), [what for what, _ in rows])
    axes.set(xscale="log", xlim=(least, 40_000), xlabel="dollars a year (log)",
             title="One year, forgotten")
    for colour, label in ((BLUE, "lessons make such a thing"), (ORANGE, "not made here")):
        axes.barh(0, 0, color=colour, label=label)
    axes.legend(frameon=False, fontsize=11, loc="lower right", bbox_to_anchor=(1, 0.2))
    _caption(figure, "Arithmetic with data/prices.csv, without free parts.")
    return figure, "Bar chart of what a forgotten thing costs in a year: " + "; ".join(
        f"{what}: {_dollars(dollars)}" for what, (dollars, _) in rows) + "."


def _dollars(amount: float) -> str:
    return f"${amount:,.0f}" if amount >= 10 else f"${amount:,.2f}" if amount else "nothing"
