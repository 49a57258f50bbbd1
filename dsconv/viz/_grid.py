"""Numbers in a grid of cells: what `numbers` and `sliding` are made of."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from dsconv.viz import _svg, _words
from dsconv.viz._svg import element, group, text_width

Mask = NDArray[np.bool_]
# A masked array: its masked entries are cells without a number.
Numbers = Any

EDGE = 2.0  # room for the lines around the cells
BETWEEN = 12.0  # between the grids of a 3-D array
MOST = 1024  # numbers of one array
SAID = 64  # numbers that a label reads out
NARROW = 290.0  # pixels that are there beside a symbol on a phone


def as_numbers(name: str, array: Any) -> Numbers:
    """Return a masked array of one to three axes from an array or tensor, or say what is wrong."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().numpy()
    values = np.ma.asarray(array)
    if values.dtype.kind not in "iuf":
        msg = (
            f"{name} must hold whole numbers or floats. "
            f"Received: {name} of type {type(array).__name__}, dtype {values.dtype}"
        )
        raise TypeError(msg)
    if values.ndim not in (1, 2, 3) or values.size == 0:
        msg = (
            f"{name} must have one, two or three axes, none of them empty. "
            f"Received: {name}.shape={values.shape}"
        )
        raise ValueError(msg)
    if values.size > MOST:
        msg = (
            f"{name} must have at most {MOST:,} numbers to be read in a figure. "
            f"Received: {name}.shape={values.shape}"
        )
        raise ValueError(msg)
    return values


def number_text(value: Any) -> str:
    """Return a number as it is written in a cell: −3, 0.25, ∞.

    Examples
    --------
    >>> number_text(-3), number_text(1 / 3), number_text(2.0)
    ('−3', '0.333', '2')
    """
    if isinstance(value, int | np.integer):
        text = str(int(value))
    else:
        text = f"{float(value):.3g}".replace("inf", "∞").replace("e+0", "e").replace("e-0", "e-")
        text = "0" if text == "-0" else text
    return text.replace("-", "−")


def rows_of(values: Numbers) -> str:
    """Return the numbers for a label, read by rows: "1 2 3; 4 5 6"."""
    plain = values.reshape(-1, values.shape[-1])
    return "; ".join(
        " ".join("empty" if v is np.ma.masked else number_text(v) for v in row) for row in plain
    )


def label(name: str, values: Numbers, boxed: Mask | None) -> str:
    """Return what a grid shows, for those who do not see it."""
    size = f"{_words.shape(*values.shape)} numbers" if values.ndim > 1 else f"{values.size} numbers"
    if values.size <= SAID:
        said = f"{name}, {size}: {rows_of(values)}."
    else:
        zeros = int((values == 0).sum())
        said = f"{name}, {size}, {zeros:,} of {values.size:,} are zero."
    if boxed is not None and boxed.any():
        inside = values[boxed]
        said += f" Boxed: {rows_of(inside) if inside.size <= SAID else f'{inside.size} numbers'}."
    return said


def side(*arrays: Numbers) -> float:
    """Return the height of a cell: smaller where there are many, one for all of a figure."""
    longest = max(n for values in arrays for n in values.shape[-2:])
    return 30.0 if longest <= 8 else 26.0 if longest <= 12 else 22.0


def cell_width(values: Numbers, least: float) -> float:
    """Return the width of a cell that holds the longest of the numbers."""
    longest = max(len(number_text(v)) for v in values.compressed()) if values.count() else 1
    return max(least, text_width("0") * longest + 8)


def picture(
    values: Numbers,
    role: str,
    alt: str,
    cell: tuple[float, float],
    *,
    boxed: Mask | None = None,
    padding: Mask | None = None,
    weights: Numbers | None = None,
) -> tuple[ET.Element, float]:
    """Return the picture of an array and its width.

    `boxed` cells have a line around them, `padding` cells are dashed, and `weights` are small
    numbers in a cell's lower right corner.
    """
    stack = values.reshape((-1, *np.atleast_2d(values).shape[-2:]))
    maps, rows, columns = stack.shape
    w, h = cell
    width = columns * w + 2 * EDGE
    step = rows * h + BETWEEN
    drawing = _svg.canvas(width, maps * step - BETWEEN + 2 * EDGE, alt)
    drawing.set("style", f"width:{_svg.short(width)}px;max-width:none")

    full, empty = group(drawing, role), group(drawing, role, "empty")
    dashed = group(drawing, "zeros")
    marked, faint = group(drawing, "middled"), group(drawing, "middled", "quiet")
    small = group(drawing, "weights")
    for index, value in np.ndenumerate(np.ma.getdata(stack)):
        m, r, c = index
        x, y = EDGE + c * w, EDGE + m * step + r * h
        masked = bool(np.ma.getmaskarray(stack)[index])
        zero = not masked and value == 0
        is_padding = padding is not None and bool(padding.reshape(stack.shape)[index])
        cells = dashed if is_padding else empty if zero or masked else full
        element(cells, "rect", x=x, y=y, width=w, height=h)
        weight = None if weights is None else weights.reshape(stack.shape)[index]
        has_weight = weight is not None and weight is not np.ma.masked
        if not masked:
            # A weight in the corner moves the number up and to the left.
            dx, dy = (-0.14 * w, -0.12 * h) if has_weight else (0.0, 0.0)
            words = faint if zero else marked
            element(words, "text", number_text(value), x=x + w / 2 + dx, y=y + h / 2 + 4.6 + dy)
        if has_weight:
            element(small, "text", f"·{number_text(weight)}", x=x + w - 3.0, y=y + h - 4.0)
    for part in (full, empty, dashed, marked, faint, small):
        if not len(part):
            drawing.remove(part)
    if boxed is not None and boxed.any():
        outline = _outline(boxed.reshape(stack.shape), w, h, step)
        element(drawing, "path", d=outline, class_="dsconv-window")
    return drawing, width


def _outline(boxed: Mask, w: float, h: float, step: float) -> str:
    """Return the lines between cells that are boxed and cells that are not."""
    lines = []
    for m, plane in enumerate(boxed):
        around = np.pad(plane, 1)
        top = EDGE + m * step
        for r, c in np.argwhere(around[1:, 1:] != around[:-1, 1:]):
            lines.append((EDGE + c * w, top + r * h, "h", w))
        for r, c in np.argwhere(around[1:, 1:] != around[1:, :-1]):
            lines.append((EDGE + c * w, top + r * h, "v", h))
    return "".join(f"M{_svg.short(x)} {_svg.short(y)}{d}{_svg.short(n)}" for x, y, d, n in lines)


def term(parent: ET.Element, drawing: ET.Element, width: float, name: str, sign: str) -> None:
    """Append a symbol and the grid behind it, which stay together, with a name beneath."""
    new = element(parent, "div", class_="dsconv-term")
    if sign:
        element(new, "span", sign, class_=f"dsconv-symbol{' dsconv-lifted' if name else ''}")
    grids = element(new, "div", class_="dsconv-grids")
    if width > NARROW:
        box = element(
            grids, "div", class_="dsconv-scroll", tabindex=0, role="group",
            aria_label=f"{name or 'A wide grid'}: scrolls sideways",
        )  # fmt: skip
    else:
        box = grids
    box.append(drawing)
    if name:
        element(grids, "div", name, class_="dsconv-label")


__all__ = ["number_text"]
