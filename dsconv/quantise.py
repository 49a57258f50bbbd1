"""Weights in a few bits: whole numbers, a scale, and what the rounding loses.

A weight w is stored as a whole number q and computed as scale · (q − zero_point). One scale may
serve the whole tensor, or each filter has its own. Only the weights of a trained network are
rounded here; nothing is trained, and nothing is computed in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsconv.geometry import array_kind, whole_number

_FEWEST, _MOST = 2, 16  # bits


@dataclass(frozen=True, eq=False)
class Quantised:
    """A weight as whole numbers on a grid; `quantise` makes it.

    Attributes
    ----------
    values : ndarray of whole numbers, shape of the weight
        int8 or uint8 for up to 8 bits, int16 or uint16 for more.
    scale : ndarray, float64
        The grid's step. Shape (1, 1, ...) for the whole tensor, (N, 1, ...) for filters.
    zero_point : ndarray, int64, shape of `scale`
        The whole number that stands for 0; on a symmetric grid it is 0.
    weight : ndarray, shape and dtype of the original
        What a network computes with: scale · (values − zero_point).
    relative_error : float
        Frobenius norm of what rounding took away, over that of the weight.
    """

    values: NDArray[Any]
    scale: NDArray[np.float64]
    zero_point: NDArray[np.int64]
    weight: NDArray[Any]
    relative_error: float


def quantise(
    weight: Any, bits: int, *, per_channel: bool = False, symmetric: bool = True
) -> Quantised:
    """Round a weight to the nearest points of a uniform grid.

    Parameters
    ----------
    weight : ndarray of floats, shape (N, ...)
        Filters along the first axis, as in a convolution's or a dense layer's weight.
    bits : int
        How many bits a number gets, 2 to 16.
    per_channel : bool, optional
        Whether each filter has a scale of its own, or one serves them all.
    symmetric : bool, optional
        A symmetric grid runs from the negative of the largest magnitude to the largest in
        2^bits − 2 steps, 0 in its middle.
        Otherwise ("affine") it runs from min w to max w in 2^bits − 1 steps, moved by less than
        a step so that 0 is one of its points, and stretched to reach 0 where all weights have
        one sign.

    Returns
    -------
    Quantised

    Raises
    ------
    TypeError
        If `weight` is no NumPy array of floats, `bits` no integer, or a flag no bool.
    ValueError
        If `weight` has no axis or no number, or one that is not finite; if `bits` is out of
        range.

    Notes
    -----
    No weight moves by more than half a step. Computed in float64; halves go to the even
    neighbour. A filter of zeros has the scale 1. Krishnamoorthi, "Quantizing deep
    convolutional networks for efficient inference" (2018), section 2.

    Examples
    --------
    >>> w = np.array([[0.9, -0.4, 0.25], [0.03, 0.01, -0.02]])
    >>> quantise(w, 4).values
    array([[ 7, -3,  2],
           [ 0,  0,  0]], dtype=int8)
    >>> quantise(w, 4, per_channel=True).values
    array([[ 7, -3,  2],
           [ 7,  2, -5]], dtype=int8)
    """
    original = _checked(weight)
    if whole_number("bits", bits, minimum=_FEWEST) > _MOST:
        msg = f"bits must be at most {_MOST}. Received: bits={bits}"
        raise ValueError(msg)
    for name, flag in (("per_channel", per_channel), ("symmetric", symmetric)):
        if not isinstance(flag, bool):
            msg = f"{name} must be a bool. Received: {name}={flag!r} ({type(flag).__name__})"
            raise TypeError(msg)

    exact = original.astype(np.float64)
    axes = tuple(range(1, exact.ndim)) if per_channel else None
    # Zero is on every grid: padded zeros and dead filters must stay exactly what they are.
    low = np.minimum(exact.min(axes, keepdims=True), 0.0)
    high = np.maximum(exact.max(axes, keepdims=True), 0.0)
    if symmetric:
        top = 2 ** (bits - 1) - 1
        bottom, scale = -top, np.maximum(-low, high) / top
    else:
        top = 2**bits - 1
        bottom, scale = 0, high / top - low / top
    scale = np.where(scale > 0, scale, 1.0)
    zero_point = np.zeros_like(scale) if symmetric else np.rint(-low / scale)
    values = np.clip(np.rint(exact / scale + zero_point), bottom, top)
    rounded = scale * (values - zero_point)
    return Quantised(
        values.astype(_whole_dtype(bits, symmetric)),
        scale,
        zero_point.astype(np.int64),
        _within(rounded, original.dtype),
        _relative_error(exact, rounded),
    )


def _checked(weight: Any) -> NDArray[Any]:
    """Return the weight, or say why it is none."""
    if array_kind("weight", weight) != "numpy":
        msg = "weight must be a NumPy array. Received: a torch tensor; weight.detach().numpy() is"
        raise TypeError(msg)
    array: NDArray[Any] = weight
    if array.dtype not in (np.float16, np.float32, np.float64):
        msg = (
            f"weight must hold float16, float32 or float64. Received: weight of dtype {array.dtype}"
        )
        raise TypeError(msg)
    if array.ndim == 0 or array.size == 0:
        msg = (
            "weight must have an axis of filters and at least one number. "
            f"Received: weight.shape={array.shape}"
        )
        raise ValueError(msg)
    if not np.isfinite(array).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        msg = f"weight must be finite. Received: {array[where]} at index {where}"
        raise ValueError(msg)
    return array


def _within(rounded: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers in a dtype; a grid may end a rounding error beyond its largest one."""
    largest = np.finfo(dtype).max
    return np.clip(rounded, -largest, largest).astype(dtype)


def _whole_dtype(bits: int, symmetric: bool) -> type[np.integer[Any]]:
    if symmetric:
        return np.int8 if bits <= 8 else np.int16
    return np.uint8 if bits <= 8 else np.uint16


def _relative_error(exact: NDArray[np.float64], rounded: NDArray[np.float64]) -> float:
    largest = np.abs(exact).max()
    if largest == 0:
        return 0.0
    # Divided first, so that no square leaves the range of float64.
    return float(np.linalg.norm((exact - rounded) / largest) / np.linalg.norm(exact / largest))


__all__ = ["Quantised", "quantise"]
