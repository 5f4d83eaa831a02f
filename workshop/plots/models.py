"""Pictures of lessons about models, each with its description: `show(*int8_by_width(…))`."""
import matplotlib.pyplot as plt
import numpy as np

from workshop.plots import BLUE, GREY, ORANGE, set_style


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
