"""Plots in lessons: one legible style, and pictures that carry a description."""
import html
import io
from base64 import b64encode

import matplotlib.pyplot as plt
from IPython.display import HTML, display

# From the palette of Okabe and Ito (2008), which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
GREY = "#6b6b6b"                  # reads on white: contrast above 4.5


def set_style() -> None:
    """Make matplotlib's figures legible on a page: 8 in wide, 12 pt, no frame."""
    plt.rcParams.update({
        "figure.figsize": (8, 4.2), "figure.constrained_layout.use": True,
        "font.size": 12, "axes.titlesize": 13, "axes.titlelocation": "left", "axes.titlepad": 10,
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
        "grid.color": "#dddddd", "lines.linewidth": 2})


def show(figure, description: str) -> None:
    """Display a matplotlib figure with `description` as its alternative text, and close it.

    JupyterLab and nbconvert drop the alternative text of an ordinary picture output, so the
    picture goes out as an HTML image.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=200)       # twice the size shown: sharp on any screen
    plt.close(figure)
    width = round(100 * figure.get_figwidth())
    display(HTML(f'<img alt="{html.escape(description)}" width="{width}" '
                 f'src="data:image/png;base64,{b64encode(picture.getvalue()).decode()}">'))
