"""Curves, read back: the figure holds the values, and its names keep apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from dsconv import viz
from dsconv.viz.charts import _apart

X = np.array([8, 16, 32, 64])
AXES = {"xlabel": "N, output channels", "ylabel": "times fewer MACs"}


def names(figure):
    """The names at the lines, as text and place, the lowest first."""
    return sorted(
        ((t.get_text(), float(t.xy[1]), t.get_color()) for t in figure.axes[0].texts),
        key=lambda t: t[1],
    )


def test_lines_hold_the_values_and_carry_their_names():
    lines = {"three": 1 / (1 / X + 1 / 9), "five": torch.tensor([6.1, 9.8, 14.0, 18.0])}
    figure = viz.curves(X, lines, **AXES, levels={"limit": 9})
    (box,) = figure.axes
    three, five, level = box.lines
    assert np.array_equal(three.get_xdata(), X)
    assert np.allclose(three.get_ydata(), lines["three"])
    assert np.allclose(five.get_ydata(), lines["five"].numpy())
    assert list(level.get_ydata()) == [9, 9]
    assert [t for t, *_ in names(figure)] == ["three", "limit", "five"]
    assert {t: c for t, _, c in names(figure)}["five"] == five.get_color()
    assert (box.get_xlabel(), box.get_ylabel()) == tuple(AXES.values())
    assert list(box.get_xticks()) == list(X)
    assert len({(line.get_linestyle(), line.get_marker()) for line in (three, five)}) == 2


def test_three_rows_are_a_line_in_a_band():
    rows = np.array([[1, 2, 3, 4], [2, 4, 6, 8], [3, 6, 9, 12]])
    box = viz.curves(X, {"many": rows}, **AXES).axes[0]
    assert list(box.lines[0].get_ydata()) == [2, 4, 6, 8]
    (band,) = box.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert {(8, 1), (8, 3), (64, 4), (64, 12)} <= corners


def test_each_curve_may_have_its_own_points():
    x = {"a": [1, 10, 100], "b": [5, 50]}
    lines = {"a": [1, 2, 3], "b": [[1, 2], [2, 3], [3, 4]]}
    a, b = viz.curves(x, lines, **AXES, log="x").axes[0].lines
    assert (list(a.get_xdata()), list(b.get_xdata())) == ([1, 10, 100], [5, 50])
    assert list(b.get_ydata()) == [2, 3]
    with pytest.raises(ValueError, match=r"x must have the names of lines. Received: a, c"):
        viz.curves({"a": [1, 2], "c": [1, 2]}, {"a": [1, 2], "b": [1, 2]}, **AXES)
    with pytest.raises(ValueError, match=r"x\['b'\] must have one axis and rise"):
        viz.curves({"a": [1, 2], "b": [2, 1]}, {"a": [1, 2], "b": [1, 2]}, **AXES)
    with pytest.raises(ValueError, match=r"lines\['b'\] must have shape \(2,\) or \(3, 2\)"):
        viz.curves({"a": [1, 2], "b": [1, 2]}, {"a": [1, 2], "b": [1, 2, 3]}, **AXES)


def test_log_axes_say_so_with_plain_numbers():
    box = viz.curves(X, {"a": X, "b": X**2}, **AXES, log="xy").axes[0]
    assert (box.get_xscale(), box.get_yscale()) == ("log", "log")
    assert box.get_xlabel().endswith("(log scale)")
    assert box.get_ylabel().endswith("(log scale)")
    assert [t.get_text() for t in box.get_xticklabels()] == ["8", "16", "32", "64"]
    assert "1,024" in [t.get_text() for t in box.get_yticklabels()]  # powers of 2 below 1000:1
    wide = viz.curves(X, {"a": 10.0 ** (X / 16)}, **AXES, log="y", ticks=[10, 60]).axes[0]
    assert {"10", "100"} <= {t.get_text() for t in wide.get_yticklabels()}
    assert list(wide.get_xticks()) == [10, 60]
    assert viz.curves(X, {"a": X}, **AXES).axes[0].get_xlabel() == AXES["xlabel"]


def test_many_points_are_not_marked_and_gaps_are_left():
    x = np.arange(13)
    y = x.astype(float)
    y[[4, 12]] = np.nan
    figure = viz.curves(x, {"a": y}, **AXES, ylim=(0, None))
    (line,) = figure.axes[0].lines
    assert line.get_marker() == "None"
    assert np.isnan(line.get_ydata()[4])
    assert figure.axes[0].get_ylim()[0] == 0
    assert len(figure.axes[0].get_xticks()) < 13
    assert names(figure)[0][0] == "a"


def test_names_keep_apart_and_in_order():
    figure = viz.curves(X, {f"line {k}": X + k / 100 for k in range(6)}, **AXES)
    found = names(figure)
    assert [t for t, *_ in found] == [f"line {k}" for k in range(6)]
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    by_height = sorted(boxes, key=lambda b: b.y0)
    assert all(a.y1 <= b.y0 + 1 for a, b in pairwise(by_height))
    assert _apart([0.1, 0.5, 0.5, 0.9], 0.2) == pytest.approx([0.1, 0.4, 0.6, 0.9])
    assert _apart([0.5, 0.5, 0.55], 0.1) == pytest.approx([0.41667, 0.51667, 0.61667], abs=1e-4)
    assert _apart([0.2, 0.4], 0.1) == [0.2, 0.4]


def test_they_show_themselves_once_and_with_the_same_pixels():
    from matplotlib import pyplot

    def bundle():
        return DisplayFormatter().format(viz.curves(X, {"a": X}, **AXES))[0]

    first = bundle()
    assert pyplot.get_fignums() == []
    assert set(first) == {"image/png", "text/plain"}
    assert first["text/plain"] == "<Curves size 888x504 with 1 Axes>"
    with pyplot.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.facecolor": "red"}):
        assert bundle() == first


REFUSED = {
    "log": ((X, {"a": X}), {"log": "z"}, ValueError, "log must be '', 'x', 'y' or 'xy'"),
    "falls": ((X[::-1], {"a": X}), {}, ValueError, "x must have one axis and rise"),
    "one point": (([1], {"a": [1]}), {}, ValueError, "with two points or more"),
    "x nan": (([1, np.nan], {"a": [1, 2]}), {}, ValueError, "x must have one axis and rise"),
    "two axes": (([[1, 2]], {"a": [1, 2]}), {}, ValueError, "x must have one axis"),
    "x zero": (([0, 1], {"a": [1, 2]}), {"log": "x"}, ValueError, "Received: x from 0"),
    "y zero": ((X, {"a": X - 8}), {"log": "y"}, ValueError, "Received: 0 in lines['a']"),
    "list": ((X, [X]), {}, TypeError, "lines must be a dict of names to values. Received: list"),
    "none": ((X, {}), {}, ValueError, "lines must be one to 6 curves. Received: 0"),
    "seven": ((X, {str(k): X for k in range(7)}), {}, ValueError, "Received: 7"),
    "name": ((X, {3: X}), {}, TypeError, "lines[0] must be a text. Received: lines[0]=3"),
    "two lines": ((X, {"a\nb": X}), {}, ValueError, "a name in lines must be one line"),
    "length": ((X, {"a": [1, 2]}), {}, ValueError, "lines['a'] must have shape (4,) or (3, 4)"),
    "words": ((X, {"a": list("abcd")}), {}, TypeError, "lines['a'] must hold real numbers"),
    "empty": ((X, {"a": [np.nan] * 4}), {}, ValueError, "lines['a'] must have a finite value"),
    "level": ((X, {"a": X}), {"levels": {"b": np.inf}}, ValueError, "levels['b'] must be a number"),
    "levels": ((X, {"a": X}), {"levels": 9}, TypeError, "levels must be a dict of names to values"),
    "label": ((X, {"a": X}), {"xlabel": 3}, TypeError, "xlabel and ylabel[0] must be a text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_they_refuse(case):
    given, options, error, message = REFUSED[case]
    with pytest.raises(error) as caught:
        viz.curves(*given, **(AXES | options))
    assert message in str(caught.value)
