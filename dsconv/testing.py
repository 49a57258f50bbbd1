"""One comparison for the tests and for the checks in the chapters."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from dsconv.geometry import array_kind


def assert_matches(actual: Any, expected: Any, *, rtol: float | None = None) -> None:
    """Raise unless two results agree in kind, shape, dtype, device and value.

    Parameters
    ----------
    actual, expected : ndarray or Tensor
        The result, and what it should be.
    rtol : float, optional
        Largest difference allowed, relative to the largest expected magnitude. By default
        100 rounding errors of the dtype. Integers must be equal, whatever is given here.

    Raises
    ------
    AssertionError
        Naming the first property that differs, with both values.
    TypeError
        If one of the two is not an array of real numbers.
    ValueError
        If `rtol` is negative or not finite.

    Notes
    -----
    NaN matches NaN in the same place, infinity the same infinity.

    Examples
    --------
    >>> assert_matches(np.array([3, 1, 4]), np.array([3, 1, 4]))
    """
    if rtol is not None and not 0 <= rtol < inf:
        msg = f"rtol must be at least 0 and finite. Received: rtol={rtol}"
        raise ValueError(msg)
    kinds = array_kind("actual", actual), array_kind("expected", expected)
    for argument, array in (("actual", actual), ("expected", expected)):
        if not _is_real(array):
            msg = (
                f"{argument} must hold real numbers. "
                f"Received: {argument} of dtype {array.dtype}; compare its parts"
            )
            raise TypeError(msg)
    properties = {"kind": kinds} | {
        name: (str(getattr(actual, name, "cpu")), str(getattr(expected, name, "cpu")))
        for name in ("shape", "dtype", "device")
    }
    for label, (got, wanted) in properties.items():
        if got != wanted:
            msg = f"{label} differs: {got} is not the expected {wanted}"
            raise AssertionError(msg)
    a, e = _plain(actual), _plain(expected)
    difference = _difference(a, e)
    tolerance = 0.0 if e.dtype.kind in "iub" else _tolerance(_epsilon(expected), e, rtol)
    if difference.size and (worst := np.nanmax(difference)) > tolerance:
        where = tuple(map(int, np.unravel_index(np.nanargmax(difference), difference.shape)))
        msg = (
            f"values differ: {a[where]} is not the expected {e[where]} at index {where} "
            f"(difference {worst:.3g}, allowed {tolerance:.3g})"
        )
        raise AssertionError(msg)


def _is_real(array: Any) -> bool:
    if hasattr(array, "detach"):
        return not array.is_complex()
    return array.dtype.kind in "iubf"


def _plain(array: Any) -> Any:
    """As a NumPy array; floats in at least double precision (bfloat16 has no NumPy dtype)."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = (array.double() if array.is_floating_point() else array).numpy()
    return array if array.dtype.kind in "iub" else array.astype(np.longdouble)


def _difference(a: Any, e: Any) -> Any:
    """How far apart the numbers are: 0 for the same NaN or infinity, infinite for one alone."""
    if a.dtype.kind in "iub":
        return (a != e).astype(float)
    same = (a == e) | (np.isnan(a) & np.isnan(e))
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - e)
    return np.where(same, 0, np.where(np.isfinite(gap), gap, np.inf))


def _epsilon(array: Any) -> float:
    if hasattr(array, "detach"):
        import torch

        return float(torch.finfo(array.dtype).eps)
    return float(np.finfo(array.dtype).eps)


def _tolerance(epsilon: float, expected: Any, rtol: float | None) -> float:
    finite = expected[np.isfinite(expected)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    return (100 * epsilon if rtol is None else rtol) * largest


__all__ = ["assert_matches"]
