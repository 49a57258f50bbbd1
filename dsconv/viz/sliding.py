"""A window that moves over its input, one number of the output after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsconv.geometry import ConvSpec, Padding, Sizes
from dsconv.ops import conv2d
from dsconv.viz import _grid, _svg
from dsconv.viz._grid import number_text
from dsconv.viz._svg import Alt, Drawing

MOST = 64  # positions
CELL = 38.0  # room for a number and a weight


def sliding(
    input: Any,
    weight: Any,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    alt: Alt = None,
) -> Drawing:
    """Show a kernel moving over an input, with a slider: every product and every sum.

    Parameters
    ----------
    input : ndarray of int, shape (H, W)
        One channel of whole numbers.
    weight : ndarray of int, shape (kH, kW)
        One kernel of whole numbers.
    stride, padding, dilation
        As for `dsconv.conv2d`, which computes the output.
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for all positions, or one for
        each. By default the position, the window and its sum.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If an array does not hold whole numbers.
    ValueError
        If an array does not have two axes, the kernel does not fit, or there are more than
        64 positions.

    See Also
    --------
    taps : which pixels one position reads, without their numbers.

    Examples
    --------
    >>> figure = sliding(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[2, 1], [1, 3]]))
    >>> "1·2 + 2·1 + 4·1 + 5·3 = 23" in figure.html
    True
    """
    x, w = _whole_numbers("input", input), _whole_numbers("weight", weight)
    spec = ConvSpec(1, 1, w.shape, stride=stride, padding=padding, dilation=dilation)
    y = conv2d(x[None], w[None, None], **spec.options)[0]
    if y.size > MOST:
        msg = (
            f"sliding must have at most {MOST} positions, one frame each. Received: an output of "
            f"{' × '.join(map(str, y.shape))}, {y.size} positions"
        )
        raise ValueError(msg)
    figures, captions = [], []
    for index in np.ndindex(y.shape):
        figure, caption = _frame(spec, x, w, y, (index[0], index[1]))
        figures.append(figure)
        captions.append(caption)
    if alt is not None:
        given = [alt] * y.size if isinstance(alt, str) else _svg.texts("alt", alt, y.size)
        for figure, said in zip(figures, given, strict=True):
            _svg.use_alt(list(figure.body.iter("svg")), said)
    return _svg.frames(figures, label="Position", captions=captions)


def _whole_numbers(name: str, array: Any) -> Any:
    values = np.asarray(array)
    if values.dtype.kind not in "iu":
        msg = f"{name} must hold whole numbers. Received: {name} of dtype {values.dtype}"
        raise TypeError(msg)
    if values.ndim != 2:
        letters = "(H, W)" if name == "input" else "(kH, kW)"
        msg = (
            f"{name} must have shape {letters}, one channel. Received: {name}.shape={values.shape}"
        )
        raise ValueError(msg)
    _grid.as_numbers(name, values)
    return values


def _frame(spec: ConvSpec, x: Any, w: Any, y: Any, place: tuple[int, int]) -> tuple[Drawing, str]:
    pads = spec.pads(x.shape)
    padded = np.ma.asarray(np.pad(x, pads))
    zeros = ~np.pad(np.ones(x.shape, dtype=bool), pads)
    rows, columns = (
        [s * p + d * k for k in range(size)]
        for p, s, d, size in zip(place, spec.stride, spec.dilation, w.shape, strict=True)
    )
    weights = np.ma.masked_array(np.zeros(padded.shape, dtype=w.dtype), mask=True)
    weights[np.ix_(rows, columns)] = w
    boxed = ~np.ma.getmaskarray(weights)
    products = [
        f"{_factor(padded[r, c])}·{_factor(w[i, j])}"
        for i, r in enumerate(rows)
        for j, c in enumerate(columns)
    ]
    caption = f"{' + '.join(products)} = {number_text(y[place])}"

    done = np.arange(y.size).reshape(y.shape) <= np.ravel_multi_index(place, y.shape)
    filled = np.ma.masked_array(y, mask=~done)
    here = np.zeros(y.shape, dtype=bool)
    here[place] = True
    at = f"row {place[0]}, column {place[1]}"
    root = _svg.row("dsconv-numbers")
    cell = (max(_grid.cell_width(np.ma.asarray(array), CELL) for array in (padded, w, y)), CELL)
    parts = [
        (padded, "input", "input", f"The window of output {at}.", boxed, zeros, weights),
        (np.ma.asarray(w), "kernel", "kernel", "", None, None, None),
        (filled, "output", "output", f"New at {at}: {caption}.", here, None, None),
    ]
    for sign, (values, role, name, said, box, dashed, small) in zip("\0⋆=", parts, strict=True):
        label = f"{_grid.label(name, values, None)} {said}".strip()
        picture, wide = _grid.picture(
            values, role, label, cell, boxed=box, padding=dashed, weights=small
        )
        _grid.term(root, picture, wide, name, sign.strip("\0"))
    return Drawing(root), caption


def _factor(value: Any) -> str:
    """Return a number as a factor: a negative one in parentheses."""
    return f"({number_text(value)})" if value < 0 else number_text(value)


__all__ = ["sliding"]
