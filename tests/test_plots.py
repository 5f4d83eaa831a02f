"""Pictures in lessons."""
import base64
import io
import re

import matplotlib
import pytest
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from workshop import plots  # noqa: E402


@pytest.fixture
def shown(monkeypatch):
    """The HTML of everything that `show` displays."""
    found = []
    monkeypatch.setattr(plots, "display", lambda output: found.append(output.data))
    return found


def test_picture_carries_its_description_and_the_figure_is_closed(shown):
    figure, axes = plt.subplots(figsize=(4, 2))
    axes.plot([1, 2])
    plots.show(figure, 'Cost "per" customer <b>')
    assert not plt.get_fignums()
    assert 'alt="Cost &quot;per&quot; customer &lt;b&gt;"' in shown[0]
    data = base64.b64decode(re.search(r"base64,([^\"]+)", shown[0])[1])
    assert Image.open(io.BytesIO(data)).size == (800, 400)
    assert 'width="400"' in shown[0]


def luminance(colour):
    """Relative luminance of "#rrggbb", 0 to 1, as WCAG 2.2 defines it."""
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [plots.BLUE, plots.ORANGE, plots.GREEN, plots.GREY])
def test_colours_stand_out_from_white(colour):
    needed = 4.5 if colour == plots.GREY else 3          # WCAG 2.2: text, graphical objects
    assert 1.05 / (luminance(colour) + 0.05) >= needed
