"""Which kernels separate, how well the others nearly do, and back again.

Two unfoldings of the same numbers. A kernel (kH, kW) of rank 1 is a column times a row:
spatially separable. A bank (N, C, kH, kW) whose slice for each input channel, an
N × kH·kW matrix, has rank 1 is a pointwise matrix times a depthwise bank: depthwise
separable. The singular value decomposition gives the rank, the factors, and the best
approximation with fewer terms (Eckart and Young, 1936). All of it is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsconv.geometry import backend_of, whole_number

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Separation:
    """A kernel as a sum of columns times rows: ``Σ columns[t, :, None] * rows[t, None, :]``.

    Attributes
    ----------
    columns : ndarray or Tensor, shape (T, kH)
    rows : ndarray or Tensor, shape (T, kW)
    relative_error : float
        Frobenius norm of what is missing, over that of the kernel.
    """

    columns: Any
    rows: Any
    relative_error: float


@dataclass(frozen=True, eq=False)
class Decoupling:
    """A dense weight as a sum of depthwise separable layers.

    Attributes
    ----------
    terms : tuple of (depthwise_weight, pointwise_weight)
        T pairs of shapes (C, 1, kH, kW) and (N, C, 1, 1), as
        `dsconv.depthwise_separable_conv2d` takes them.
    relative_error : float
        Frobenius norm of what is missing, over that of the weight.
    """

    terms: tuple[tuple[Any, Any], ...]
    relative_error: float


def separable_rank(kernel: Any, *, rtol: float | None = None) -> int:
    """Return how many columns times rows a kernel is the sum of.

    Parameters
    ----------
    kernel : ndarray or Tensor, shape (kH, kW)
        The kernel.
    rtol : float, optional
        Singular values up to this fraction of the largest count as zero. By default the
        rounding error of the kernel's dtype times its longer side.

    Returns
    -------
    int
        The rank: 1 if the kernel is spatially separable, 0 if it is zero.

    Raises
    ------
    TypeError
        If `kernel` is no array of numbers, or `rtol` not a number.
    ValueError
        If it is not two-dimensional or not finite, or if `rtol` is not in [0, 1).

    Examples
    --------
    >>> separable_rank(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    1
    """
    matrix = _numbers("kernel", kernel, ndim=2)
    if rtol is None:
        rtol = max(matrix.shape) * _rounding(kernel)
    elif isinstance(rtol, bool) or not isinstance(rtol, int | float | np.floating):
        msg = f"rtol must be a number. Received: rtol={rtol!r} ({type(rtol).__name__})"
        raise TypeError(msg)
    if not 0 <= rtol < 1:
        msg = f"rtol must be at least 0 and below 1. Received: rtol={rtol!r}"
        raise ValueError(msg)
    singular = np.linalg.svd(matrix, compute_uv=False)
    return int((singular > rtol * singular[0]).sum())


def separate(kernel: Any, terms: int = 1) -> Separation:
    """Return the best approximation of a kernel by columns times rows.

    Parameters
    ----------
    kernel : ndarray or Tensor, shape (kH, kW)
        The kernel.
    terms : int, optional
        T, from 1 to the shorter side of the kernel.

    Returns
    -------
    Separation
        Best in the Frobenius norm. Column and row share the scale evenly, and the largest
        entry of each column is positive: the first of them, where several are as large.

    Raises
    ------
    TypeError
        If `kernel` is no array of numbers, or `terms` not an integer.
    ValueError
        If the kernel is not two-dimensional or not finite, or has not so many terms.

    Notes
    -----
    Eckart and Young, "The approximation of one matrix by another of lower rank" (1936).

    Examples
    --------
    >>> parts = separate(np.array([[3, 6, 9], [4, 8, 12], [5, 10, 15]]))
    >>> (parts.columns[0, :, None] * parts.rows[0]).round(6)
    array([[ 3.,  6.,  9.],
           [ 4.,  8., 12.],
           [ 5., 10., 15.]])
    """
    matrix = _numbers("kernel", kernel, ndim=2)
    terms = _count_of_terms(terms, min(matrix.shape))
    left, right, error = _best_terms(matrix, terms)
    return Separation(_like(kernel, left.T), _like(kernel, right), error)


def compose(depthwise_weight: Any, pointwise_weight: Any, *, depth_multiplier: int = 1) -> Any:
    """Return the dense weight of a depthwise separable layer.

    Parameters
    ----------
    depthwise_weight : ndarray or Tensor, shape (C·T, 1, kH, kW)
        The filters, those of channel 0 first.
    pointwise_weight : ndarray or Tensor, shape (N, C·T, 1, 1)
        The matrix.
    depth_multiplier : int, optional
        T, the filters for each channel.

    Returns
    -------
    ndarray or Tensor, shape (N, C, kH, kW)
        `dsconv.conv2d` with it gives what `dsconv.depthwise_separable_conv2d` gives with
        the two. Tensors keep their gradients. 1-D weights work as well.

    Raises
    ------
    TypeError
        As for `dsconv.depthwise_separable_conv2d`.
    ValueError
        If the shapes do not fit together.

    Notes
    -----
    ``W[n, m, i, j] = Σ over t of P[n, m·T + t] · D[m·T + t, i, j]``.
    Guo et al., "Network Decoupling" (2018), section 3.

    Examples
    --------
    >>> depthwise = np.array([[[[1, 2]]], [[[3, 4]]]])
    >>> compose(depthwise, np.array([[[[10]], [[100]]]]))
    array([[[[ 10,  20]],
    <BLANKLINE>
            [[300, 400]]]])
    """
    backend_of({"depthwise_weight": depthwise_weight, "pointwise_weight": pointwise_weight})
    multiplier = whole_number("depth_multiplier", depth_multiplier, minimum=1)
    first, second = tuple(depthwise_weight.shape), tuple(pointwise_weight.shape)
    ones = (1,) * (len(first) - 2)
    fits = len(first) in (3, 4) and first[1] == 1 and second[1:] == (first[0], *ones)
    if not fits or first[0] % multiplier or not all(first + second):
        msg = (
            "depthwise_weight must have shape (C·T, 1, kH, kW) and pointwise_weight "
            "(N, C·T, 1, 1), T being the depth_multiplier, with no side of 0. Received: "
            f"depthwise_weight.shape={first}, pointwise_weight.shape={second}, "
            f"depth_multiplier={multiplier}"
        )
        raise ValueError(msg)
    dtype, wide = depthwise_weight.dtype, depthwise_weight
    if not isinstance(wide, np.ndarray):
        wide = wide.double()
    elif dtype.kind in "iu":
        dtype, wide = np.dtype(np.int64), wide.astype(np.int64)  # as the convolutions do
    else:
        wide = wide.astype(np.promote_types(dtype, np.float64))
    products = pointwise_weight * wide[:, 0][None]
    dense = products.reshape(second[0], -1, multiplier, *first[2:]).sum(2)
    return dense.astype(dtype) if isinstance(dense, np.ndarray) else dense.to(dtype)


def decouple(weight: Any, terms: int) -> Decoupling:
    """Return the best approximation of a dense layer by a sum of depthwise separable ones.

    Parameters
    ----------
    weight : ndarray or Tensor, shape (N, C, kH, kW)
        The weight of the dense layer.
    terms : int
        T, from 1 to min(N, kH·kW), where the sum is exact.

    Returns
    -------
    Decoupling
        Best in the Frobenius norm. The two halves share the scale evenly; of each channel's
        column in the pointwise half, the (first) largest entry is positive.

    Raises
    ------
    TypeError
        If `weight` is no array of numbers, or `terms` not an integer.
    ValueError
        If it is not four-dimensional or not finite, or has not so many terms.

    Notes
    -----
    For each input channel, the SVD of its N × kH·kW slice. A sum of T terms is one layer with
    depth multiplier T, as long as nothing stands between the halves.
    Guo et al., "Network Decoupling" (2018), section 3.

    Examples
    --------
    >>> weight = np.random.default_rng(0).normal(size=(6, 4, 3, 3))
    >>> exact = decouple(weight, 6)
    >>> np.allclose(sum(compose(*pair) for pair in exact.terms), weight)
    True
    """
    dense = _numbers("weight", weight, ndim=4)
    outputs, channels, *kernel = dense.shape
    terms = _count_of_terms(terms, min(outputs, prod(kernel)))
    slices = dense.transpose(1, 0, 2, 3).reshape(channels, outputs, -1)
    left, right, error = _best_terms(slices, terms)
    pairs = tuple(
        (
            _like(weight, right[:, t].reshape(channels, 1, *kernel)),
            _like(weight, left[:, :, t].T.reshape(outputs, channels, 1, 1)),
        )
        for t in range(terms)
    )
    return Decoupling(pairs, error)


def _best_terms(matrices: Matrix, terms: int) -> tuple[Matrix, Matrix, float]:
    """Return factors (..., rows, T) and (..., T, columns), and the relative error they make."""
    u, singular, vh = np.linalg.svd(matrices, full_matrices=False)
    scale = np.sqrt(singular[..., :terms])
    left, right = u[..., :terms] * scale[..., None, :], scale[..., None] * vh[..., :terms, :]
    # An SVD may turn the signs of a pair; we fix them by the largest entry on the left. Rounding
    # must not decide between entries that are as large, so the first that is nearly so counts.
    size = np.abs(left)
    first = (size >= (1 - 1e-6) * size.max(-2, keepdims=True)).argmax(-2)[..., None, :]
    sign = np.where(np.take_along_axis(left, first, -2) < 0, -1.0, 1.0)
    return left * sign, right * sign.swapaxes(-1, -2), _share(singular[..., terms:], singular)


def _share(part: Matrix, whole: Matrix) -> float:
    """Return the norm of a part over that of the whole, which may be 0."""
    # Squares of very large or very small numbers would be lost; a power of two rounds nothing.
    scale = np.ldexp(1.0, min(-int(np.frexp(whole.max())[1]), 1023))
    size = np.linalg.norm(whole * scale)
    return float(np.linalg.norm(part * scale) / size) if size else 0.0


def _count_of_terms(terms: int, most: int) -> int:
    terms = whole_number("terms", terms, minimum=1)
    if terms > most:
        msg = f"terms must be at most {most}, where the sum is exact. Received: terms={terms}"
        raise ValueError(msg)
    return terms


def _numbers(name: str, array: Any, *, ndim: int) -> Matrix:
    """Return the array in float64, or say why it cannot be taken apart."""
    kind = backend_of({name: array})
    if array.ndim != ndim or not all(array.shape):
        shape = {2: "(kH, kW)", 4: "(N, C, kH, kW)"}[ndim]
        msg = (
            f"{name} must have shape {shape} with no side of 0. "
            f"Received: {name}.shape={tuple(array.shape)}"
        )
        raise ValueError(msg)
    if kind == "torch":
        array = array.detach().cpu().double().numpy()
    plain: Matrix = np.asarray(array, dtype=np.float64)
    if not np.isfinite(plain).all():
        msg = f"{name} must be finite. Received: {name} with NaN or infinity"
        raise ValueError(msg)
    return plain


def _like(array: Any, values: Matrix) -> Any:
    """Return the values as the caller's kind of array; float64 where that held integers."""
    if isinstance(array, np.ndarray):
        return values.astype(array.dtype if array.dtype.kind == "f" else np.float64)
    return array.new_tensor(np.ascontiguousarray(values))


def _rounding(array: Any) -> float:
    computed = np.finfo(np.float64).eps
    if isinstance(array, np.ndarray):
        own = np.finfo(array.dtype).eps if array.dtype.kind == "f" else computed
        return float(max(own, computed))
    import torch

    return float(torch.finfo(array.dtype).eps)


__all__ = ["Decoupling", "Separation", "compose", "decouple", "separable_rank", "separate"]
