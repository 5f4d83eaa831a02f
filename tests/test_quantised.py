"""Times of quantised models, as lesson 08 measures them."""
import logging

import numpy as np

from workshop.measure import quantised
from workshop.plots import models


def test_times_are_multiples_of_the_first_and_taken_in_turn(monkeypatch):
    clock, called = [0.0], []

    def taking(seconds):
        def ask():
            called.append(seconds)
            clock[0] += seconds
        return ask

    monkeypatch.setattr(quantised.time, "perf_counter", lambda: clock[0])
    assert quantised.relative_times([taking(2), taking(3), taking(1)], 2).tolist() == [1, 1.5, 0.5]
    assert called == [2, 3, 1, 2, 3, 1]


def test_each_width_has_a_time_for_static_and_for_dynamic():
    before = logging.root.manager.disable
    found = quantised.int8_times([4, 8], rounds=2)
    assert found.shape == (2, 2) and (found > 0).all()
    assert logging.root.manager.disable == before


def test_the_picture_says_every_ratio():
    figure, words = models.int8_by_width([4, 8, 16], np.array([[2, 3], [1.5, 2], [0.5, 1]]))
    assert "16 channels: static 0.50, dynamic 1.00." in words
    [axes] = figure.axes
    assert axes.get_title("left") == ("Static int8 with 16 channels: 2.0 times as fast; "
                                      "with 4: 2.0 times as slow")
