"""The pictures that lessons take from workshop/plots are drawn, and their words say figures."""
import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from workshop import plots  # noqa: E402
from workshop.plots import (  # noqa: E402
    bills,
    charts,
    choice,
    load,
    models,
    pictures,
    releases,
    starts,
    trading,
)  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def colours(axes):
    """The colours of the bars, in the order in which they were drawn."""
    return [matplotlib.colors.to_hex(one.get_facecolor()).upper() for one in axes.patches]


def test_init_has_one_colour_in_every_picture():
    figure, _ = starts.timeline()
    assert colours(figure.axes[0]).count(plots.ORANGE) == 1
    figure, words = starts.first_answers(
        {("at import", 256): (2, 0), ("lazily", 256): (1, 3), ("at import", 512): (1, 0),
         ("lazily", 512): (1, 1)}, (256, 512))
    assert set(colours(figure.axes[0])[::2]) == {plots.ORANGE} == {starts.INIT}
    assert bills.PARTS["init"] == starts.INIT
    assert "lazily, 256 MB, 4.0" in words


def test_files_of_a_start():
    table = pd.DataFrame({"image_mb": [200.0], "read_mb": [40.0]}, index=["default"])
    figure, _ = starts.files_read(table)
    assert [one.get_width() for one in figure.axes[0].patches] == [200, 40]


def test_a_bill_has_its_sum():
    part = dict.fromkeys(bills.PARTS, 0.5)
    figure, words = bills.million({"churn": part}, "A bill.")
    assert "churn: $2.00" in words
    assert [one.get_text().strip() for one in figure.axes[0].texts] == ["$2.00"]


def test_a_label_is_above_the_lines_and_legible():
    table = pd.DataFrame({"warm_mean_ms": [8.0, 4, 2], "dollars": [1.0, 1, 1]},
                         index=[128, 256, 512])
    figure, words = bills.sweet_spots({"a": table, "b": table}, {"a": table, "b": table})
    labels = figure.axes[0].texts
    assert [one.get_text() for one in labels] == ["128", "256", "512"]
    assert all(one.get_path_effects() and one.get_zorder() > 2 for one in labels)
    assert "a: 128 MB 8 ms for $1.00" in words


def test_shares_and_crossings():
    shares = np.array([0.001, 0.01, 0.1])
    table = pd.DataFrame({"compute": [1.0, 1, 1], "init": [0.0, 0.1, 1]})
    bills.cold_shares(shares, table, {50: [1, 1, 1], 99: [1, 1, 9], 99.9: [1, 9, 9]}, 0.2)
    _, words = bills.kept_ready(np.array([0, 1.0]), [0.0, 30], [12.0, 20], 0.6)
    assert "They meet at 60%" in words
    ways = {"containers": [10, 10], "http_api": [1, 20], "function_url": [1, 5]}
    figure, _ = bills.against_containers(
        np.array([1e4, 1e9]), {"a": ways, "b": ways},
        {("a", "http_api"): (1e8, 10), ("a", "function_url"): (np.inf, 10)})
    dots = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
    assert len(dots) == 1


def test_releases():
    rows = pd.DataFrame({"time": [0.5, 1.5, 2.5], "version": ["1", "2", "1"]})
    run = {"rows": rows, "began": 0.0, "gone": 2.0, "bad": "2"}
    _, words = releases.rollbacks({"it fails": run, "it is wrong": run}, "1")
    assert "it fails: 1 requests to the bad version, rolled back after 2 s" in words
    _, words = releases.drift(pd.DataFrame({"before": [0.01, 0.02], "campaign": [0.3, 0.01]},
                                           index=["tenure", "gender"]))
    assert "1 of 2 fields are above 0.25, first tenure" in words


def test_load():
    calls = pd.DataFrame({"name": ["a", "a", "a", "b", "b", "b"], "planned": [0.1, 1, 2] * 2,
                          "sent": [0.1, 1, 2] * 2, "latency": [0.01, 0.02, 0.03] * 2,
                          "answered": [1.0, 2, 3] * 2, "init": [300, None, None] * 2})
    _, words = load.bursts({"now": calls, "again": calls})
    assert "now: 2 of 6 with a cold start, the last answer after 3.0 s" in words
    for _, words in (load.latency(calls), load.stall(calls, (1, 2))):
        assert "a 20 ms, b 20 ms" in words
    _, words = load.busy({"slow": (np.arange(3), [1, 2, 3], 2.2),
                          "fast": (np.arange(3), [0, 1, 1], 0.5)})
    assert "slow: 2.2 by rate × duration, 2.0 on average, 3 at most" in words
    log = pd.DataFrame({"second": [0, 1], "client": [1, 2], "status": [200, 429]})
    _, words = load.storms({"backoff": log, "jitter": log}, {"backoff": 3, "jitter": 0}, 20)
    assert "backoff: 3 gave up" in words
    _, words = load.limits({"account": 1000})
    assert "account, 10,000 a second" in words


def test_choice():
    times = {"Lambda": [1.0, 2, 3], "SageMaker": [1.0, 1, 4]}
    _, words = choice.latencies(times, {"Lambda": [20.0], "SageMaker": [30.0]})
    assert "10 times as long as warm ones on Lambda and 30 times" in words
    ways = {way: [1.0, 2] for way in choice.STYLES}
    figure, _ = choice.monthly(np.array([1e5, 1e9]), {"churn": ways, "heavier": ways})
    assert [one.get_title("left") for one in figure.axes] == ["churn", "heavier"]
    grid = np.array([[0.0, 0, 2], [0, 0, 2], [3, 3, 3]])
    axis = np.array([1e4, 1e6, 1e8])
    figure, words = choice.cheapest(axis, axis, grid, ["a", "b", "c real-time", "d"])
    assert "a 44%, b 0%, c real-time 22%, d 33%" in words
    shown = [one.get_text() for one in figure.axes[0].texts]
    assert "c real-time\ninstances" in shown and "b" not in shown


def test_memory_and_forgotten_things():
    table = pd.DataFrame({"ordinary (ms)": [2.0, 2], "ordinary, $ per million": [0.3, 0.4],
                          "heavy (ms)": [2000.0, 200], "heavy, $ per million": [5.0, 6]},
                         index=[128, 3008])
    _, words = bills.by_memory(table, [(2000, 5), (200, 6)])
    assert "From 128 to 3008 MB the heavy request becomes 10 times as fast" in words
    figure, words = bills.forgotten({"a gateway": (420.0, False), "a role": (0, True),
                                     "an alarm": (1.2, True)}, budget=30)
    assert words.endswith("a role: nothing; an alarm: $1.20; a gateway: $420.")
    assert colours(figure.axes[0])[:2] == [plots.BLUE, plots.ORANGE]


def test_trading():
    dates = pd.Series(pd.to_datetime(["2018-01-01", "2018-01-02", "2018-01-03"]))
    line = pd.Series([0.1, 0.1], index=[1, 2])
    _, words = trading.years(dates, {"hold": line}, pd.Series([0.01, -0.02], index=[2017, 2018]))
    assert "hold 1.21" in words and "from -2 to 1 percentage points" in words
    days = ["2018-01-01", "2018-01-02", "2018-01-03"]
    replay = pd.DataFrame({"target": [1, 0, 0], "probability": [0.6, 0.4, 0.45],
                           "seconds": [8.0, 0.5, 1.0]}, index=days)
    _, words = trading.month(days, pd.Series([1.0, 2, 3], index=days), replay)
    assert "cash on 2 of 3" in words and "8 times as long as the median" in words


def test_a_gallery_takes_arrays_and_files(tmp_path):
    file = tmp_path / "dress.png"
    plt.imsave(file, np.zeros((4, 4)))
    figure, words = pictures.gallery({"a\ndress": file, "b": np.ones((4, 4)), "c": file}, 2, "All")
    assert words == "All: a dress; b; c"
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 0]


def test_curves_say_where_they_begin_and_end():
    lines = {"training": [0.5, 0.9], "validation": [0.6, 0.8]}
    figure, words = pictures.learning_curves(lines, lines, "two epochs")
    assert "validation pictures goes from 60% to 80%" in words
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]


def test_a_matrix_has_every_count_but_zero():
    figure, words = pictures.matrix(np.array([[6, 2], [0, 4]]), ["a", "b"], ["a", "b"], "t",
                                    ("is", "said"), [["w", "x"], ["y", "z"]])
    assert [one.get_text() for one in figure.axes[0].texts] == ["6\nw", "2\nx", "4\nz"]
    assert "a 75%, b 100%" in words


def test_parts_and_pairs():
    figure, words = pictures.stacked({"one": {"a": 1, "b": 2}, "two": {"a": 3, "b": 4}},
                                     {"a": plots.BLUE, "b": plots.GREY}, "t", "size", " MB")
    assert "two: a 3 MB, b 4 MB." in words
    assert [one.get_x() for one in figure.axes[0].patches] == [0, 0, 1, 3]
    figure, words = pictures.pairs({"x": {"a": 0.1, "b": 0.2}, "y": {"a": 0.3, "b": 0.4}},
                                   (plots.BLUE, plots.ORANGE), "share", "t")
    assert "y, b 40.0%" in words and len(figure.axes[0].patches) == 4


def test_the_churn_models():
    scores = {"a": np.array([0.8, 0.9]), "b": np.array([0.7, 0.8])}
    figure, words = models.folds(scores, "a")
    assert "a: 0.800 to 0.900, mean 0.850" in words
    assert figure.axes[0].get_title("left") == "The means differ by 0.100, the folds by up to 0.100"
    share = np.array([0, 0.2, 1])
    _, words = models.roc(share, np.array([0, 0.7, 1]), np.array([1, 0.5, 0]), (0.5,), 0.8)
    assert "at 0.5 it finds 70% and suspects 20%" in words
    _, words = models.calibration(np.array([0.1, 0.5]), np.array([0.12, 0.5]), np.zeros(2))
    assert "within 2.0 points" in words
    _, words = models.costs(share, share * 10, {"all": 5}, {"cheapest": (0.2, 2.0)}, "t")
    assert words.endswith("cheapest, $2.00.")


def test_two_models_side_by_side():
    values = {"a": np.array([1e-3, 1e-7]), "b": np.array([1e-8, 1e-7])}
    figure, words = models.largest_differences(values, 1e-5)
    assert "a, 1; b, 0" in words
    figure, words = models.recall(["x", "y"], np.array([0.5, 0.9]), np.array([0.6, 0.5]),
                                  ("Keras", "PyTorch"))
    assert figure.axes[0].get_title("left") == "Furthest apart: y" and "x: Keras 50%" in words
    _, words = models.side_by_side({"MB": {"Keras": 0.5, "PyTorch": 18}, "ms": {
        "Keras": 1, "PyTorch": 30}}, "t")
    assert "MB: Keras 0.5, PyTorch 18" in words


def test_a_byte_is_the_same_grey_in_every_picture_of_a_gallery():
    """Else a picture that is evenly grey would be drawn as if it had contrast."""
    dim, bright = np.full((4, 4), 100, np.uint8), np.full((4, 4), 250, np.uint8)
    figure, words = pictures.gallery([("a", dim), ("a", bright)], 2, "Two greys")
    assert words == "Two greys: a"
    assert [axes.images[0].get_clim() for axes in figure.axes] == [(0, 255), (0, 255)]


def test_accuracies():
    table = pd.DataFrame([[0.7, 0.5], [0.4, 0.8]], ["a", "b"], ["a", "b"])
    _, words = pictures.accuracies(table, "Correct")
    assert "trained with b, served with a: 50.0%" in words


@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_bars_name_their_values_and_the_limit(kind):
    figure, words = charts.bars(kind({"a": 2.0, "b": 30.0}), "MB", "Sizes", "Sizes", (10, "most"),
                                other=["b"])
    assert words == "Sizes: a 2, b 30. Dashed line at 10: most."
    assert colours(figure.axes[0]) == [plots.BLUE, plots.ORANGE]
    _, words = charts.measures({"MB": kind({"a": 2.0, "b": np.nan})}, "Sizes.")
    assert "a: MB 2" in words


@pytest.mark.parametrize("limit", [3, 250])
def test_the_limit_of_bars_and_its_words_are_within_the_axis(limit):
    figure, _ = charts.bars({"a": 2.0, "b": 20.0}, "MB", "Sizes", "Sizes", (limit, "the most"))
    [axes] = figure.axes
    assert axes.get_xlim()[1] > limit
    figure.canvas.draw()
    words = next(one for one in axes.texts if "the most" in one.get_text()).get_window_extent()
    assert axes.bbox.x0 <= words.x0 and words.x1 <= axes.bbox.x1


def test_histograms_on_an_axis_that_fits_their_edges():
    values = {"left": np.array([0.1, 0.2, 0.3]), "stayed": np.array([0.7])}
    for edges, scale in ((np.linspace(0, 1, 5), "linear"), (np.geomspace(0.1, 1, 5), "log")):
        figure, words = charts.histograms(values, edges, "x", "y", "Two", "Apart.")
        assert figure.axes[0].get_xscale() == scale
    assert words == "Apart. Medians: left 0.2, stayed 0.7."


def test_a_difference_far_above_what_is_allowed_is_drawn():
    figure, _ = charts.differences(np.array([1e-7] * 98 + [0.5] * 2), 1e-5, "Two are wrong")
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 100


def test_points_that_differ_are_counted():
    _, words = charts.differences(np.array([1e-7, 2e-4, 0]), 1e-4, "Two are fine")
    assert "each of 3 pictures" in words and "1 are above the allowed 0.0001" in words
    same = np.array([0.1, 0.5])
    figure, words = charts.agreement({"a": (same, same), "b": (same, same + 0.1)}, 1e-5, "x", "y")
    assert "a, 0 points, b, 2 points" in words
    assert [axes.get_title() or axes.get_title("left") for axes in figure.axes][1] == (
        "b\n2 of 2 differ")


def test_groups_places_guesses_and_conversions(tmp_path):
    _, words = models.shares({"Contract": pd.Series([0.4, 0.1], ["one_year", "two"]),
                              "Months": pd.Series([0.5], ["0"])}, 0.3, "Who left")
    assert "Contract: one_year 40%, two 10%." in words
    figure, _ = models.on_a_map(np.array([[0.0, 0], [3, 4]]), np.zeros((2, 3, 3)), "Map", "A map.")
    assert figure.axes[0].get_xlim() == (-1, 4)
    file = tmp_path / "cat.png"
    Image.new("RGB", (4, 4)).save(file)
    _, words = models.guesses({file: [("cat, tabby", 0.75), ("dog", 0.2)]})
    assert "cat.png: cat, tabby 0.75" in words
    _, words = models.conversions({"a": (0.1, True), "b": (0.01, False)})
    assert "1 are found by the rows as given (dots), 1 only by a probe" in words


def test_calls():
    figure, words = starts.calls([900, 10, 11])
    assert "900, 10, 11" in words
    assert colours(figure.axes[0]) == [plots.ORANGE, plots.BLUE, plots.BLUE]
