"""Pictures of cold starts in lesson 14, each with its description: `show(*timeline())`."""
import matplotlib.pyplot as plt
import pandas as pd

from workshop.plots import BLUE, GREEN, GREY, ORANGE, set_style

INIT, REQUEST, HIDDEN = ORANGE, BLUE, GREY      # one colour for each part, in every picture
COLD = (("find a machine,\nget the image", 3, HIDDEN), ("start the\nmicroVM", 2, HIDDEN),
        ("INIT: start Python,\nimport, load the model", 4, INIT), ("first\nrequest", 1.4, REQUEST))
WARM = (("request", 1.1, REQUEST),)


def timeline():
    """What a cold and a warm request wait for, from left to right, not to scale."""
    set_style()
    figure, axes = plt.subplots(figsize=(8.5, 2.9))
    for row, phases in enumerate((COLD, WARM)):
        left = 0
        for words, width, colour in phases:
            axes.barh(row, width, left=left, height=0.55, color=colour, edgecolor="white",
                      hatch="//" if colour == HIDDEN else None)
            axes.text(left + width / 2, row, words, ha="center", va="center", color="white",
                      fontsize=10, bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5})
            left += width
    axes.annotate("", (5, -0.45), (10.4, -0.45), arrowprops={"arrowstyle": "<->"})
    axes.text(7.7, -0.52, "billed, and measured in this lesson", ha="center", fontsize=11)
    axes.text(2.5, -0.52, "Lambda's part: hidden from here", ha="center", fontsize=11, color=GREY)
    axes.set_yticks([0, 1], ["cold", "warm"])
    axes.set(ylim=(1.4, -0.85), xlim=(0, 10.6), xticks=[], xlabel="time")
    axes.spines["left"].set_visible(False)
    return figure, ("Timeline. A cold request waits while Lambda finds a machine, gets the image "
                    "and starts a microVM, then for INIT and its own answer. A warm one has only "
                    "its answer.")


def calls(milliseconds: list[float]):
    """The time of each call (ms) for the client, one after the other; the first is cold."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 3.2))
    numbers = range(1, len(milliseconds) + 1)
    drawn = axes.bar(numbers, milliseconds, color=[ORANGE] + (len(milliseconds) - 1) * [BLUE])
    axes.bar_label(drawn, fmt="%.0f")
    axes.set(xlabel="call", ylabel="time for the caller, ms", xticks=numbers,
             title=f"One cold call, {len(milliseconds) - 1} warm calls")
    axes.margins(y=0.15)
    return figure, (f"Bar chart of {len(milliseconds)} calls, in milliseconds: "
                    + ", ".join(f"{one:.0f}" for one in milliseconds) + ".")


def first_answers(medians: dict, memories: tuple[int, ...]):
    """INIT and first request side by side, for each size of memory (MB).

    medians: (kind, memory) → (INIT, first request), both in the same unit; kind is "at import" or
    "lazily". The unit of the picture is the sum of both, loaded at import, at the largest size.
    """
    set_style()
    unit = sum(medians["at import", memories[-1]])
    figure, axes = plt.subplots(figsize=(8, 3.6))
    for (kind, memory), parts in medians.items():
        y, left = memories.index(memory) + (-0.2 if kind == "at import" else 0.2), 0
        for part, colour in zip(parts, (INIT, REQUEST)):
            axes.barh(y, part / unit, left=left, height=0.36, color=colour)
            left += part / unit
        axes.text(left, y, f" {kind}: {left:.1f}", va="center", fontsize=11)
    axes.set_yticks(range(len(memories)), [f"{memory:,} MB" for memory in memories])
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel=f"until the first answer (1 = at import, {memories[-1]:,} MB)",
             title="How long the first client waits")
    axes.legend(axes.containers[:2], ["INIT", "first request"], frameon=False, loc="lower right")
    return figure, ("Stacked bars of INIT and first request at several memory sizes. Loading at "
                    "import, INIT is long and the request short; lazily the other way round. "
                    "In sum: " + "; ".join(f"{kind}, {memory:,} MB, {sum(parts) / unit:.1f}"
                                           for (kind, memory), parts in medians.items()) + ".")


def files_read(table: pd.DataFrame):
    """What is in each image, and what a start reads of it: columns image_mb and read_mb."""
    set_style()
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.5 * len(table)))
    axes.barh(table.index, table["image_mb"], color="#cccccc", label="in the image")
    axes.barh(table.index, table["read_mb"], color=GREEN, height=0.5, label="read by a start")
    axes.invert_yaxis()
    axes.set(xlabel="MB", title="What is there, and what a start touches")
    axes.legend(frameon=False, loc="lower right")
    return figure, ("Bars of image size for each rung, and in them shorter bars of what one start "
                    "reads from the disk.")
