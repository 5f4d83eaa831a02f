"""Pictures of lesson 18, each with its description: `show(*years(…))`."""
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from workshop.plots import BLUE, GREEN, GREY, ORANGE, set_style

LINES = ((GREY, "-"), (GREEN, "--"), (BLUE, "-."), (ORANGE, "-"))
ORDERS = ((1, "^", BLUE, "hold"), (0, "v", ORANGE, "cash"))


def years(dates: pd.Series, lines: dict[str, pd.Series], advantage: pd.Series):
    """Money from 1, a line for each rule, and below it the advantage of the model by year.

    dates: of each day. lines: name → each day's result, as a share; its index is that of `dates`.
    advantage: year → how much more often the model was right than "always up", as a share.
    """
    set_style()
    figure, (money, shares) = plt.subplots(2, 1, figsize=(8, 7), height_ratios=[3, 2])
    for (name, line), (colour, style) in zip(lines.items(), LINES):
        money.plot(dates[line.index], (1 + line).cumprod(), style, color=colour, label=name)
    money.set(title="Money, from 1", yscale="log", ylabel="times (log scale)")
    money.set_yticks([0.5, 1, 2, 3, 4], ["0.5", "1", "2", "3", "4"])
    money.minorticks_off()
    money.legend(frameon=False, fontsize=10)
    shares.bar(advantage.index, 100 * advantage, color=BLUE)
    shares.axhline(0, color=GREY, linewidth=1)
    shares.set(title="How much more often right than “always up”, by year",
               ylabel="percentage points", xticks=advantage.index[::2])
    return figure, ("Above, money over the years on a logarithmic scale. At the end: " + ", ".join(
        f"{name} {(1 + line).prod():.2f}" for name, line in lines.items()) + ". Below, bars for "
        "each year: how much more often the model was right than always saying up, from "
        f"{100 * advantage.min():.0f} to {100 * advantage.max():.0f} percentage points.")


def month(days: list[str], prices: pd.Series, replay: pd.DataFrame):
    """Index, probability and time of the trading days of one month, the first with a cold endpoint.

    prices: at the close of each day. replay: the columns target (1 holds, 0 is cash), probability
    and seconds, from the event to its order.
    """
    set_style()
    when = pd.to_datetime(pd.Index(days))
    figure, (price, chance, latency) = plt.subplots(3, 1, figsize=(8, 9), sharex=True)
    price.plot(when, prices, color=GREY)
    for target, marker, colour, label in ORDERS:
        of = (replay["target"] == target).to_numpy()
        price.scatter(when[of], prices[of], s=70, marker=marker, color=colour, label=label,
                      zorder=3)
    price.set(title="S&P 500 at the close, and the order after it", ylabel="index points")
    price.legend(frameon=False)
    chance.axhline(0.5, color=GREY, linestyle=":")
    chance.plot(when, replay["probability"], "o-", color=BLUE)
    chance.set(title="Probability of a rise on the next day", ylabel="probability",
               ylim=(0.3, 0.7))
    _times(latency, when, replay["seconds"].to_numpy())
    return figure, ("Three charts over the trading days. Above, the index, with a mark for hold or "
                    f"cash on each day; cash on {(replay['target'] == 0).sum()} of {len(days)}. In "
                    "the middle, the probability of a rise, from "
                    f"{replay['probability'].min():.2f} to {replay['probability'].max():.2f}. "
                    "Below, the time from event to order: the first, with a cold endpoint, took "
                    f"{replay['seconds'].iloc[0] / replay['seconds'].median():.0f} times as long "
                    "as the median.")


def _times(axes, when: pd.DatetimeIndex, seconds: np.ndarray) -> None:
    """Seconds of each day on a log axis; the first day is marked."""
    cold = np.arange(len(when)) == 0
    axes.scatter(when[~cold], seconds[~cold], color=GREEN, label="warm endpoint")
    axes.scatter(when[cold], seconds[cold], color=ORANGE, marker="D", label="cold endpoint")
    axes.set(title="From the event to its order", ylabel="seconds (log scale)", yscale="log")
    axes.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    axes.set(ylim=(seconds.min() / 2, seconds.max() * 2))
    axes.minorticks_off()
    axes.set_xticks(when[::3], when[::3].strftime("%d %b"))
    axes.legend(frameon=False)
