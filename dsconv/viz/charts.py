"""Curves of one quantity against another, on their own light ground, named at the lines.

Like `dsconv.viz.photos` it imports matplotlib; `dsconv.viz` loads it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from dsconv.viz import _svg
from dsconv.viz._svg import LIGHT
from dsconv.viz.photos import DPI, FONT, FRAME, PAGE, STYLE, Photographs

Values = NDArray[np.float64]

HEIGHT = 4.2  # inches
GAP = 1.25  # lines of text from one label to the next
FEW = 12  # points that are marked, and have a tick each
# Orange is weights, as everywhere. No blue and no green, which would be input and output. Dashes
# and markers tell the lines apart without colour.
LOOKS = (
    (LIGHT["kernel"], "-", "o"),
    (LIGHT["ink"], "--", "s"),
    ("#6a4fa3", "-.", "^"),
    ("#b0306a", ":", "D"),
    ("#7a6a00", (0, (5, 1, 1, 1, 1, 1)), "v"),
    (LIGHT["middle"], (0, (8, 3)), "P"),
)


class Curves(Photographs):
    """A matplotlib figure that shows itself once, and with the same pixels, in a notebook."""


def curves(
    x: Any,
    lines: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    log: str = "",
    levels: Mapping[str, float] | None = None,
    ylim: tuple[float | None, float | None] | None = None,
    ticks: Sequence[float] | None = None,
) -> Curves:
    """Draw curves over one axis, each with its name at its right end.

    Parameters
    ----------
    x : array_like, shape (n,), or dict of str to array_like
        Where the points are, rising. Up to 12 points are marked and have a tick each. With a
        dict, each curve has its own points, and the axis chooses its ticks.
    lines : dict of str to array_like, shape (n,) or (3, n)
        The curves by name, up to six; NaN leaves a gap. Three rows are a lower bound, a middle
        and an upper bound: a line in a band.
    xlabel, ylabel : str
        The axes' names, with units. A log scale is added to them in words.
    log : {"", "x", "y", "xy"}, optional
        Which axes are logarithmic.
    levels : dict of str to float, optional
        Horizontal lines by name, such as limits.
    ylim : tuple of float or None, optional
        Where the vertical axis begins and ends; None lets the curves decide.
    ticks : sequence of float, optional
        Ticks of the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
        pyplot does not know it. A notebook shows it if it is a cell's last value; a script
        saves it with ``figure.savefig(path)``.

    Raises
    ------
    TypeError
        If `lines` or `levels` is no dict, a name is no text, or values are no real numbers.
    ValueError
        If `x` does not rise, a line has another length, there are none or more than six, `log`
        is unknown, or a logarithmic axis has a value that is not positive.

    Examples
    --------
    >>> N = np.array([8, 16, 32, 64])
    >>> saving = 1 / (1 / N + 1 / 9)
    >>> figure = curves(N, {"K = 3": saving}, xlabel="N, output channels",
    ...                 ylabel="times fewer MACs", log="x", levels={"K² = 9": 9})
    >>> figure.axes[0].get_xlabel()
    'N, output channels (log scale)'
    """
    if log not in ("", "x", "y", "xy"):
        msg = f"log must be '', 'x', 'y' or 'xy'. Received: log={log!r}"
        raise ValueError(msg)
    places = _places(x, names_of("lines", lines), positive="x" in log)
    drawn = _lines(lines, places, positive="y" in log)
    marks = _levels(levels, positive="y" in log)
    names = _svg.texts("xlabel and ylabel", [xlabel, ylabel], 2)
    shown = [
        f"{name} (log scale)" if a in log else name for a, name in zip("xy", names, strict=True)
    ]

    with context(STYLE):
        figure, box = panel(HEIGHT)
        box.set(xlabel=shown[0], ylabel=shown[1])
        few = all(len(own) <= FEW for own in places.values())
        ends: list[tuple[float, str, Any]] = []
        for (name, (low, middle, high)), look in zip(drawn.items(), LOOKS, strict=False):
            colour, dashes, marker = look
            own = places[name]
            if low is not middle:
                box.fill_between(own, low, high, color=colour, alpha=0.16, linewidth=0)
            box.plot(
                own,
                middle,
                color=colour,
                linestyle=dashes,
                linewidth=2,
                marker=marker if few else None,
                markersize=6,
            )
            ends.append((float(middle[np.isfinite(middle)][-1]), name, colour))
        for name, level in marks.items():
            box.axhline(level, color=LIGHT["middle"], linewidth=1.2, linestyle=(0, (2, 3)))
            ends.append((level, name, LIGHT["middle"]))
        every = np.concatenate(
            [*(np.ravel(values) for values in drawn.values()), [*marks.values()]]
        )
        if "x" in log:
            box.set_xscale("log", base=base(np.concatenate([*places.values()])))
        if "y" in log:
            box.set_yscale("log", base=base(every))
        for letter, axis in (("x", box.xaxis), ("y", box.yaxis)):
            if letter in log:  # plain numbers, and none between them
                plain_numbers(axis)
        if ticks is not None:
            box.set_xticks(list(ticks))
        elif few and not isinstance(x, Mapping):
            box.set_xticks(list(next(iter(places.values()))))
        if ylim is not None:
            box.set_ylim(*ylim)
        box.margins(x=0.02)
        _name(figure, box, ends)
        # Ticks take their font when they are made, which is at the first drawing.
        figure.draw_without_rendering()
    return figure


def panel(height: float) -> tuple[Curves, Axes]:
    """Return a figure as wide as the page, and its one box with frame and grid.

    Call it, and draw, within ``context(STYLE)``.
    """
    figure = Curves(figsize=(PAGE, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06)
    box = figure.subplots()
    box.spines[["top", "right"]].set_visible(False)
    box.spines[["left", "bottom"]].set_color(FRAME)
    box.grid(color=FRAME, linewidth=0.6, alpha=0.7)
    box.set_axisbelow(True)
    return figure, box


def plain_numbers(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as people do, and put none between them."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())


def base(values: Values) -> int:
    """Return 10 for an axis of three decades or more, else 2: enough ticks, not too many."""
    return 10 if np.nanmax(values) >= 1000 * np.nanmin(values) else 2


def _name(figure: Figure, box: Axes, ends: Sequence[tuple[float, str, Any]]) -> None:
    """Write each name beside the right end of its line, moved up or down where two would meet."""
    figure.draw_without_rendering()  # now the box has its size and its limits
    step = GAP * FONT * DPI / 72 / box.get_window_extent().height
    to_axis = box.transData + box.transAxes.inverted()
    edge = box.get_xlim()[0]
    wanted = [float(to_axis.transform((edge, end))[1]) for end, _, _ in ends]
    order = sorted(range(len(ends)), key=wanted.__getitem__)
    for place, index in zip(_apart([wanted[i] for i in order], step), order, strict=True):
        _, name, colour = ends[index]
        box.annotate(
            name,
            (1, place),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )


def _apart(wanted: Sequence[float], step: float) -> list[float]:
    """Return places in the same order, at least a step apart, near where they are wanted."""
    blocks: list[list[float]] = []  # each: the places wanted by labels that touch
    for place in wanted:
        blocks.append([place])
        while len(blocks) > 1 and _first(blocks[-1], step) < _last(blocks[-2], step) + step:
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_first(block, step) + step * k for block in blocks for k in range(len(block))]


def _first(block: Sequence[float], step: float) -> float:
    return sum(block) / len(block) - step * (len(block) - 1) / 2


def _last(block: Sequence[float], step: float) -> float:
    return _first(block, step) + step * (len(block) - 1)


def _places(x: Any, names: Sequence[str], *, positive: bool) -> dict[str, Values]:
    """Return the points of each curve."""
    if not isinstance(x, Mapping):
        return dict.fromkeys(names, _rising("x", x, positive=positive))
    if set(x) != set(names):
        msg = f"x must have the names of lines. Received: {', '.join(map(str, x))}"
        raise ValueError(msg)
    return {name: _rising(f"x[{name!r}]", x[name], positive=positive) for name in names}


def _rising(name: str, x: Any, *, positive: bool) -> Values:
    places = real(name, x)
    if places.ndim != 1 or len(places) < 2 or not (np.diff(places) > 0).all():
        msg = f"{name} must have one axis and rise, with two points or more. Received: {name}={x!r}"
        raise ValueError(msg)
    if positive and places[0] <= 0:
        msg = f"a logarithmic axis must have positive values. Received: {name} from {places[0]:g}"
        raise ValueError(msg)
    return places


def _lines(
    lines: Any, places: Mapping[str, Values], *, positive: bool
) -> dict[str, tuple[Values, ...]]:
    names = list(places)
    if not 1 <= len(names) <= len(LOOKS):
        msg = f"lines must be one to {len(LOOKS)} curves. Received: {len(names)}"
        raise ValueError(msg)
    drawn: dict[str, tuple[Values, ...]] = {}
    for name in names:
        values = real(f"lines[{name!r}]", lines[name])
        length = len(places[name])
        if values.shape not in ((length,), (3, length)):
            msg = (
                f"lines[{name!r}] must have shape ({length},) or (3, {length}), as x has {length} "
                f"points. Received: shape {values.shape}"
            )
            raise ValueError(msg)
        if not np.isfinite(values).any():
            msg = f"lines[{name!r}] must have a finite value. Received: none"
            raise ValueError(msg)
        if positive and np.nanmin(values) <= 0:
            msg = (
                "a logarithmic axis must have positive values. "
                f"Received: {np.nanmin(values):g} in lines[{name!r}]"
            )
            raise ValueError(msg)
        drawn[name] = (values, values, values) if values.ndim == 1 else tuple(values)
    return drawn


def _levels(levels: Any, *, positive: bool) -> dict[str, float]:
    marks = {}
    for name in [] if levels is None else names_of("levels", levels):
        level = real(f"levels[{name!r}]", levels[name])
        if level.ndim or not np.isfinite(level) or (positive and level <= 0):
            msg = (
                f"levels[{name!r}] must be a number that the axis can show. "
                f"Received: {levels[name]!r}"
            )
            raise ValueError(msg)
        marks[name] = float(level)
    return marks


def names_of(argument: str, given: Any) -> list[str]:
    if not isinstance(given, Mapping):
        msg = f"{argument} must be a dict of names to values. Received: {type(given).__name__}"
        raise TypeError(msg)
    names = _svg.texts(argument, list(given), len(given))
    for name in names:
        if "\n" in name:
            msg = f"a name in {argument} must be one line. Received: {name!r}"
            raise ValueError(msg)
    return names


def real(name: str, values: Any) -> Values:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        msg = f"{name} must hold real numbers. Received: {name} of dtype {array.dtype}"
        raise TypeError(msg)
    return array.astype(np.float64)


__all__ = ["curves"]
