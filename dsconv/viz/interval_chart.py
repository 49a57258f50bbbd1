"""Numbers with their intervals, one below the other: differences are drawn, not bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.style import context

from dsconv.viz._svg import LIGHT, texts
from dsconv.viz.charts import Curves, Values, base, names_of, panel, plain_numbers, real
from dsconv.viz.photos import STYLE

LINE = 0.42  # inches, of a number with its interval


def intervals(
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    log: str = "",
    level: float | None = None,
    band: tuple[float, float] | None = None,
    ticks: Sequence[float] | None = None,
) -> Curves:
    """Draw numbers with their intervals, one below the other, named at the left.

    Parameters
    ----------
    lines : dict of str to array_like, shape (3,)
        By name: the number, and the two ends of its interval. An end may be infinite, or 0 on a
        log scale; it is drawn to the edge.
    xlabel : str
        The axis's name, with its unit. A log scale is added to it in words.
    log : {"", "x"}, optional
    level : float, optional
        A vertical line, such as where there is no difference.
    band : (float, float), optional
        A grey band, such as what counts as a tie.
    ticks : sequence of float, optional
        Ticks of the axis.

    Returns
    -------
    matplotlib.figure.Figure
        pyplot does not know it.

    Raises
    ------
    TypeError
        If `lines` is no dict, a name is no text, or values are no real numbers.
    ValueError
        If there is no line, a number lies outside its interval or is not finite, `log` is unknown,
        `level` or `band` cannot be drawn, or a logarithmic axis has a value that is not positive.

    Examples
    --------
    >>> figure = intervals({"at 1 million MACs": (0.4, -0.1, 0.9)}, xlabel="points", level=0)
    >>> figure.axes[0].get_xlabel()
    'points'
    """
    if log not in ("", "x"):
        msg = f"log must be '' or 'x'. Received: log={log!r}"
        raise ValueError(msg)
    names = names_of("lines", lines)
    if not names:
        msg = "lines must hold one number or more. Received: none"
        raise ValueError(msg)
    values = np.stack([_interval(name, lines[name], positive=bool(log)) for name in names])
    marks = np.concatenate(
        [
            [] if level is None else _mark("level", level, (), positive=bool(log)),
            [] if band is None else _mark("band", band, (2,), positive=bool(log)),
        ]
    )
    [label] = texts("xlabel", [xlabel], 1)
    closed = np.isfinite(values) & (values > 0 if log else True)
    inner = np.where(closed, values, values[:, :1])  # open ends are nowhere
    with context(STYLE):
        figure, box = panel(LINE * len(names) + 1.0)
        box.spines["left"].set_visible(False)
        box.grid(visible=False, axis="y")
        rows = np.arange(len(names))
        box.plot(values[:, 0], rows, "o", color=LIGHT["kernel"], markersize=7)
        if log:
            box.set_xscale("log", base=base(inner))
            plain_numbers(box.xaxis)
        shown = np.concatenate([inner.ravel(), marks])
        box.update_datalim(np.stack([shown, np.zeros_like(shown)], axis=1))
        box.autoscale_view()
        edges = box.get_xlim()
        low, high = (np.clip(values[:, i], *edges) for i in (1, 2))
        box.hlines(rows, low, high, color=LIGHT["kernel"], linewidth=2)
        box.set_xlim(*edges)
        if band is not None:
            box.axvspan(*band, color=LIGHT["middle"], alpha=0.16, linewidth=0)
        if level is not None:
            box.axvline(level, color=LIGHT["middle"], linewidth=1.2, linestyle=(0, (2, 3)))
        if ticks is not None:
            box.set_xticks(list(ticks))
        box.set_yticks(rows, names)
        box.tick_params(axis="y", length=0)
        box.set_ylim(len(names) - 0.4, -0.6)
        box.set_xlabel(f"{label} (log scale)" if log else label)
        figure.draw_without_rendering()
    return figure


def _interval(name: str, given: Any, *, positive: bool) -> Values:
    values = real(f"lines[{name!r}]", given)
    if values.shape != (3,) or not np.isfinite(values[0]):
        msg = (
            f"lines[{name!r}] must be a finite number and the two ends of its interval. "
            f"Received: {given!r}"
        )
        raise ValueError(msg)
    if not values[1] <= values[0] <= values[2]:
        msg = f"lines[{name!r}] must lie within its interval. Received: {given!r}"
        raise ValueError(msg)
    if positive and (values[0] <= 0 or values[1] < 0):
        msg = f"a logarithmic axis must have positive values. Received: lines[{name!r}]={given!r}"
        raise ValueError(msg)
    return values


def _mark(name: str, given: Any, shape: tuple[int, ...], *, positive: bool) -> Values:
    values = real(name, given)
    rising = (
        values.shape == shape and np.isfinite(values).all() and (np.diff(values.ravel()) > 0).all()
    )
    if not rising or (positive and values.min() <= 0):
        kind = "two numbers, the lower first," if shape else "a number"
        msg = f"{name} must be {kind} that the axis can show. Received: {name}={given!r}"
        raise ValueError(msg)
    return values.ravel()


__all__ = ["intervals"]
