"""The roofline, read back: it bends at the ridge, and every point is where it was measured."""

from __future__ import annotations

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from dsconv import viz

POINTS = {"standard": [(90.0, 60.0), (240.0, 95.0)], "depthwise": np.array([[2.2, 15.0]])}
MACHINE = {"peak": 100, "bandwidth": 20}


def drawn(figure):
    """The lines of a figure that are not marks in the margin, as pairs of arrays."""
    box = figure.axes[0]
    inside = [line for line in box.lines if line.get_transform() == box.transData]
    return [np.array(line.get_data(), dtype=float) for line in inside]


def test_the_roof_bends_at_the_ridge():
    roof, *_ = drawn(viz.roofline(POINTS, **MACHINE))
    x, y = roof
    assert x[1] == 100 / 20
    assert np.allclose(y, np.minimum(100, 20 * x))
    assert x[0] < 2.2
    assert x[-1] > 240


def test_points_stand_where_they_were_measured_and_carry_their_names():
    figure = viz.roofline(POINTS, **MACHINE, levels={"matrix product": 70})
    _, standard, depthwise = drawn(figure)
    assert np.array_equal(standard.T, POINTS["standard"])
    assert np.array_equal(depthwise.T, POINTS["depthwise"])
    box = figure.axes[0]
    names = [text.get_text() for text in box.texts]
    assert sorted(names) == ["depthwise", "matrix product", "roof", "standard"]
    assert any(list(line.get_ydata()) == [70, 70] for line in box.lines)
    assert (box.get_xscale(), box.get_yscale()) == ("log", "log")
    assert "FLOP a byte (log scale)" in box.get_xlabel()
    bottom, top = box.get_ylim()
    assert bottom < 15
    assert top > 100


def test_each_kind_has_its_own_mark_also_beside_its_name():
    box = viz.roofline(POINTS, **MACHINE).axes[0]
    marks = [line.get_marker() for line in box.lines if line.get_marker() != "None"]
    assert sorted(marks) == sorted([*set(marks)] * 2)
    heights = sorted(text.get_window_extent().y0 for text in box.texts)
    assert min(np.diff(heights)) > 10


def test_it_shows_itself_once_and_with_the_same_pixels():
    first, second = (
        DisplayFormatter().format(viz.roofline(POINTS, **MACHINE))[0] for _ in range(2)
    )
    assert set(first) == {"image/png", "text/plain"}
    assert first == second


REFUSED = {
    "peak": (POINTS, {"peak": 0}, ValueError, "peak must be"),
    "bandwidth": (POINTS, {"bandwidth": "fast"}, TypeError, "bandwidth must be"),
    "no points": ({}, {}, ValueError, "points must be of one to 6 kinds. Received: 0"),
    "no dict": ([(1, 2)], {}, TypeError, "points must be a dict of names to values"),
    "a row": ({"a": [1, 2]}, {}, ValueError, r"points\['a'\] must have shape \(n, 2\)"),
    "none": ({"a": np.empty((0, 2))}, {}, ValueError, r"must have shape \(n, 2\)"),
    "words": ({"a": [("x", "y")]}, {}, TypeError, "must hold real numbers"),
    "zero": ({"a": [(1, 0)]}, {}, ValueError, r"points\['a'\] must be positive and finite"),
    "level": (POINTS, {"levels": {"l": -1}}, ValueError, r"levels\['l'\] must be"),
}


@pytest.mark.parametrize(("points", "changes", "error", "match"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_refused(points, changes, error, match):
    with pytest.raises(error, match=match):
        viz.roofline(points, **{**MACHINE, **changes})
