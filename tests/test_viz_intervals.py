"""Intervals, read back: the figure holds the numbers and their ends."""

from __future__ import annotations

import numpy as np
import pytest

from dsconv import viz

LINES = {"at 1 million": (0.4, -0.1, 0.9), "at 4 million": (-0.7, -1.2, -0.3)}


def test_numbers_ends_and_names_stand_in_their_rows():
    box = viz.intervals(LINES, xlabel="points", level=0, band=(-0.5, 0.5)).axes[0]
    points, zero = box.lines
    assert list(points.get_xdata()) == [0.4, -0.7]
    assert list(points.get_ydata()) == [0, 1]
    assert list(zero.get_xdata()) == [0, 0]
    [ends] = [c for c in box.collections if hasattr(c, "get_segments")]
    drawn = [(segment[0, 0], segment[1, 0], segment[0, 1]) for segment in ends.get_segments()]
    assert drawn == [(-0.1, 0.9, 0), (-1.2, -0.3, 1)]
    assert [t.get_text() for t in box.get_yticklabels()] == list(LINES)
    assert box.get_ylim()[0] > box.get_ylim()[1]  # the first is at the top
    assert box.get_xlabel() == "points"


def test_what_is_compared_with_is_in_sight_and_ticks_can_be_chosen():
    box = viz.intervals({"a": (3, 2, 4)}, xlabel="p", level=0, band=(-1, 1), ticks=[0, 3]).axes[0]
    assert box.get_xlim()[0] < -1 < 4 < box.get_xlim()[1]
    assert list(box.get_xticks()) == [0, 3]


def test_an_open_end_is_drawn_to_the_edge():
    box = viz.intervals({"a": (2.0, 1.0, np.inf), "b": (3.0, 2.0, 8.0)}, xlabel="times", log="x")
    box = box.axes[0]
    [ends] = box.collections
    assert ends.get_segments()[0][1, 0] == box.get_xlim()[1]
    assert box.get_xscale() == "log"
    assert box.get_xlabel() == "times (log scale)"


def test_an_end_at_0_is_open_on_a_log_scale():
    lines = {"a": (2.0, 0.0, 4.0), "b": (8.0, 4.0, 16.0)}
    box = viz.intervals(lines, xlabel="times", log="x").axes[0]
    [ends] = box.collections
    assert ends.get_segments()[0][0, 0] == box.get_xlim()[0]
    assert 1 < box.get_xlim()[0] < 2


@pytest.mark.parametrize(
    ("lines", "log", "error", "message"),
    [
        ({}, "", ValueError, "one number or more. Received: none"),
        ([1, 0, 2], "", TypeError, "lines must be a dict"),
        ({"a": (1, 2)}, "", ValueError, r"a finite number and the two ends .* \(1, 2\)"),
        ({"a": (np.nan, 0, 1)}, "", ValueError, "a finite number"),
        ({"a": (2, 0, 1)}, "", ValueError, r"must lie within its interval. Received: \(2, 0, 1\)"),
        ({"a": (-1, -2, 1)}, "x", ValueError, "logarithmic axis must have positive"),
        ({"a": (1, -1, 2)}, "x", ValueError, "logarithmic axis must have positive"),
        ({"a": (1, 0, 2)}, "y", ValueError, "log must be '' or 'x'. Received: log='y'"),
        ({"a": ("1", "0", "2")}, "", TypeError, "must hold real numbers"),
    ],
)
def test_what_cannot_be_drawn(lines, log, error, message):
    with pytest.raises(error, match=message):
        viz.intervals(lines, xlabel="points", log=log)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"level": np.nan}, ValueError, "level must be a number that the axis can show"),
        ({"level": "0"}, TypeError, "level must hold real numbers"),
        ({"level": 0, "log": "x"}, ValueError, "can show. Received: level=0"),
        ({"band": (1,)}, ValueError, r"band must be two numbers, the lower first, .* band=\(1,\)"),
        ({"band": (2, 1)}, ValueError, "the lower first"),
        ({"band": (0, np.inf)}, ValueError, "the lower first"),
        ({"band": (0, 1), "log": "x"}, ValueError, "the lower first"),
    ],
)
def test_marks_that_cannot_be_drawn(given, error, message):
    with pytest.raises(error, match=message):
        viz.intervals({"a": (1, 0.5, 2)}, xlabel="points", **given)
