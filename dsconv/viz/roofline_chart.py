"""A machine's roofline, and what ran below it.

Like `dsconv.viz.charts` it imports matplotlib; `dsconv.viz` loads it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.style import context
from matplotlib.ticker import LogLocator

from dsconv.geometry import positive
from dsconv.viz._svg import LIGHT
from dsconv.viz.charts import (
    GAP,
    LOOKS,
    Curves,
    Values,
    _apart,
    names_of,
    panel,
    plain_numbers,
    real,
)
from dsconv.viz.photos import DPI, FONT, STYLE

HEIGHT = 5.0  # inches
ROOM = 1.6  # a factor of free space at each side of what is drawn


def roofline(
    points: Mapping[str, Any],
    *,
    peak: float,
    bandwidth: float,
    levels: Mapping[str, float] | None = None,
) -> Curves:
    """Draw what a machine can attain at each arithmetic intensity, and what was measured.

    Parameters
    ----------
    points : dict of str to array_like, shape (n, 2)
        By name, up to six kinds of calls: for each call its intensity, in FLOP a byte, and the
        rate that was measured, in GFLOP a second.
    peak : float
        The most that the machine computes, in GFLOP a second: the flat part of the roof.
    bandwidth : float
        The most that it moves, in GB a second: the slope of the other part.
    levels : dict of str to float, optional
        Other rates, as horizontal lines by name.

    Returns
    -------
    matplotlib.figure.Figure
        pyplot does not know it.

    Raises
    ------
    TypeError
        If `points` or `levels` is no dict, a name is no text, or values are no real numbers.
    ValueError
        If there are no points or more than six kinds, a kind has another shape, or a number is
        not positive and finite.

    Examples
    --------
    >>> figure = roofline({"depthwise": [(2.2, 15)]}, peak=100, bandwidth=20)
    >>> figure.axes[0].get_xlabel()
    'arithmetic intensity, FLOP a byte (log scale)'
    """
    peak, bandwidth = positive("peak", peak), positive("bandwidth", bandwidth)
    names = names_of("points", points)
    if not 1 <= len(names) <= len(LOOKS):
        msg = f"points must be of one to {len(LOOKS)} kinds. Received: {len(names)}"
        raise ValueError(msg)
    drawn = {name: _pairs(name, points[name]) for name in names}
    marks = {
        name: positive(f"levels[{name!r}]", levels[name])  # type: ignore[index]
        for name in ([] if levels is None else names_of("levels", levels))
    }
    every = np.concatenate([*drawn.values()])
    ridge = peak / bandwidth
    left, right = min(every[:, 0].min(), ridge) / ROOM, max(every[:, 0].max(), ridge) * ROOM
    rates = np.concatenate([every[:, 1], [bandwidth * left, peak], [*marks.values()]])

    with context(STYLE):
        figure, box = panel(HEIGHT)
        box.set(xscale="log", yscale="log", xlim=(left, right))
        box.set_ylim(rates.min() / ROOM, rates.max() * ROOM)
        box.set_xlabel("arithmetic intensity, FLOP a byte (log scale)")
        box.set_ylabel("GFLOP a second (log scale)")
        for axis in (box.xaxis, box.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            plain_numbers(axis)
        roof = np.array([left, ridge, right])
        box.plot(roof, np.minimum(peak, bandwidth * roof), color=LIGHT["ink"], linewidth=2.5)
        ends = [(peak, "roof", LIGHT["ink"], "")]
        for name, level in marks.items():
            box.axhline(level, color=LIGHT["middle"], linewidth=1.2, linestyle=(0, (2, 3)))
            ends.append((level, name, LIGHT["middle"], ""))
        for (name, pairs), (colour, _, marker) in zip(drawn.items(), LOOKS, strict=False):
            box.plot(*pairs.T, marker, color=colour, markersize=8, alpha=0.85)
            ends.append((float(np.exp(np.log(pairs[:, 1]).mean())), name, colour, marker))
        figure.draw_without_rendering()  # now the box has its size
        step = GAP * FONT * DPI / 72 / box.get_window_extent().height
        to_axis = box.transData + box.transAxes.inverted()
        wanted = [float(to_axis.transform((left, end))[1]) for end, *_ in ends]
        order = sorted(range(len(ends)), key=wanted.__getitem__)
        for place, index in zip(_apart([wanted[i] for i in order], step), order, strict=True):
            _, name, colour, marker = ends[index]
            if marker:
                at: Any = {"transform": box.transAxes, "clip_on": False}
                box.plot([1.03], [place], marker, color=colour, markersize=8, **at)
            box.annotate(
                name,
                (1.055 if marker else 1.015, place),
                xycoords="axes fraction",
                color=colour,
                va="center",
                annotation_clip=False,
            )
        figure.draw_without_rendering()
    return figure


def _pairs(name: str, given: Any) -> Values:
    values = real(f"points[{name!r}]", given)
    if values.ndim != 2 or values.shape[1] != 2 or not len(values):
        msg = (
            f"points[{name!r}] must have shape (n, 2), an intensity and a rate a call. "
            f"Received: shape {values.shape}"
        )
        raise ValueError(msg)
    if not (np.isfinite(values) & (values > 0)).all():
        msg = f"points[{name!r}] must be positive and finite. Received: {given!r}"
        raise ValueError(msg)
    return values


__all__ = ["roofline"]
