"""Small arrays as coloured grids: tiny examples, patch matrices, Toeplitz matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsconv.viz import _grid, _svg
from dsconv.viz._grid import Mask
from dsconv.viz._svg import ROLES, Alt, Drawing

_ROLES = {1: ("input",), 2: ("input", "output"), 3: ("input", "kernel", "output")}


def numbers(
    *arrays: Any,
    labels: Sequence[str] | None = None,
    roles: Sequence[str] | None = None,
    highlight: Sequence[Any] | None = None,
    symbols: Sequence[str] | None = None,
    alt: Alt = None,
) -> Drawing:
    """Draw small arrays as coloured grids in a row.

    A zero is fainter and its cell empty, so that the pattern of a matrix shows. Masked entries
    (`numpy.ma`) are cells without a number. A grid too wide for the page scrolls by itself.

    Parameters
    ----------
    *arrays : ndarray, Tensor or nested list
        Whole numbers or floats (written with three digits) on one axis (a row), two, or three
        (grids one under another).
    labels : sequence of str, optional
        A name under each array.
    roles : sequence of {"input", "kernel", "output", "middle"}, optional
        What each array is, which gives its colour. By default input, kernel and output of
        three arrays, input and output of two, input of one, and middle of more.
    highlight : sequence of index or None, optional
        For each array what to box: anything that indexes it, such as ``np.s_[0:2, 1:4]``,
        ``(0, 1)`` or an array of bools, or None.
    symbols : sequence of str, optional
        What stands between the arrays, one fewer than arrays: "⋆", "=", "·".
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for the figure, or one for each
        array. By default the numbers, read by rows.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If an array does not hold numbers, or a label, symbol or alt is no text.
    ValueError
        If an array has more than three axes, none, or more than 1,024 numbers; if the lists
        do not fit the arrays; if a role is unknown or a highlight is no index of its array.

    See Also
    --------
    sliding : a kernel's steps over an input.

    Examples
    --------
    >>> x = np.array([[1, 2, 3], [4, 5, 6]])
    >>> numbers(x, x.T, labels=["x", "x transposed"], highlight=[np.s_[0], np.s_[:, 0]])
    <Drawing>
    """
    if not arrays:
        msg = "numbers must have at least one array. Received: none"
        raise ValueError(msg)
    given = [_grid.as_numbers(f"arrays[{i}]", array) for i, array in enumerate(arrays)]
    names = [""] * len(given) if labels is None else _svg.texts("labels", labels, len(given))
    kinds = _roles(roles, len(given))
    masks = _masks(highlight, given)
    between = [""] * (len(given) - 1) if symbols is None else symbols
    signs = ["", *_svg.texts("symbols", between, len(given) - 1)]

    row, pictures = _svg.row("dsconv-numbers"), []
    height = _grid.side(*given)
    for values, name, role, boxed, sign in zip(given, names, kinds, masks, signs, strict=True):
        said = _grid.label(name or role, values, boxed)
        picture, width = _grid.picture(
            values, role, said, (_grid.cell_width(values, height), height), boxed=boxed
        )
        _grid.term(row, picture, width, name, sign)
        pictures.append(picture)
    _svg.use_alt(pictures, alt)
    return Drawing(row)


def _roles(given: Any, length: int) -> list[str]:
    if given is None:
        return list(_ROLES.get(length, ("middle",) * length))
    roles = _svg.texts("roles", given, length)
    for index, role in enumerate(roles):
        if role not in ROLES:
            msg = (
                f"roles[{index}] must be one of {', '.join(map(repr, ROLES))}. "
                f"Received: roles[{index}]={role!r}"
            )
            raise ValueError(msg)
    return roles


def _masks(given: Any, arrays: Sequence[Any]) -> list[Mask | None]:
    if given is None:
        return [None] * len(arrays)
    if not isinstance(given, list | tuple) or len(given) != len(arrays):
        msg = (
            f"highlight must be a list with an index, or None, for each of {len(arrays)} arrays. "
            f"Received: highlight={given!r}"
        )
        raise ValueError(msg)
    return [
        _mask(f"highlight[{index}]", where, array.shape)
        for index, (where, array) in enumerate(zip(given, arrays, strict=True))
    ]


def _mask(name: str, where: Any, shape: tuple[int, ...]) -> Mask | None:
    if where is None:
        return None
    mask = np.zeros(shape, dtype=bool)
    try:
        mask[where] = True
    except (IndexError, TypeError, ValueError) as error:
        msg = f"{name} must index an array of shape {shape}. Received: {name}={where!r} ({error})"
        raise ValueError(msg) from error
    return mask


__all__ = ["numbers"]
