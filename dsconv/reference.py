"""The definition: convolution as loops, with the letters of the book's equation.

    y[b, n, u, v] = bias[n] + Σ over m, i, j of w[n, m, i, j] · x[b, m, s·u + d·i, s·v + d·j]

where x is the input with its zeros already around it. Slow, and meant to be read: every
other implementation is tested against it. Arrays may hold anything that can be multiplied
and added, which is how the tests count multiplications.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsconv.geometry import ConvSpec, Padding, Sizes, plan_convolution

Array = NDArray[Any]


def loops2d(x: Array, w: Array, y: Array, spec: ConvSpec) -> None:
    """Add the convolution of a padded x with w to y, product by product."""
    outputs_per_group = spec.out_channels // spec.groups
    for b, n, u, v in np.ndindex(y.shape):
        first = n // outputs_per_group * w.shape[1]  # channel of n's group
        for m, i, j in np.ndindex(w.shape[1:]):
            row = spec.stride[0] * u + spec.dilation[0] * i
            column = spec.stride[1] * v + spec.dilation[1] * j
            y[b, n, u, v] += w[n, m, i, j] * x[b, first + m, row, column]


def loops1d(x: Array, w: Array, y: Array, spec: ConvSpec) -> None:
    """Add the convolution of padded sequences x with w to y."""
    outputs_per_group = spec.out_channels // spec.groups
    for b, n, u in np.ndindex(y.shape):
        first = n // outputs_per_group * w.shape[1]
        for m, i in np.ndindex(w.shape[1:]):
            step = spec.stride[0] * u + spec.dilation[0] * i
            y[b, n, u] += w[n, m, i] * x[b, first + m, step]


def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """Convolve maps with a bank of filters, by loops.

    Parameters
    ----------
    input : ndarray, shape (B, C, H, W) or (C, H, W)
        The maps, of any dtype, objects included.
    weight : ndarray, shape (N, C / groups, kH, kW)
        One filter for each output channel.
    bias : ndarray, shape (N,), optional
        One number added to each output map.
    stride, padding, dilation, groups
        As for `dsconv.conv2d`.

    Returns
    -------
    ndarray, shape (B, N, H', W') or (N, H', W')
        int64 for integers, else the common dtype of the arrays.

    Raises
    ------
    ValueError
        If shapes, groups or sizes do not fit together.

    Notes
    -----
    Source: Howard et al., "MobileNets" (2017), equation 1.

    Examples
    --------
    >>> conv2d(np.array([[[1, 2, 3]]]), np.array([[[[1, 10]]]]))
    array([[[21, 32]]])
    """
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _by_loops(2, loops2d, input, weight, bias, options)


def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """Convolve sequences with a bank of filters, by loops.

    Parameters
    ----------
    input : ndarray, shape (B, C, L) or (C, L)
        The sequences, of any dtype, objects included.
    weight : ndarray, shape (N, C / groups, kL)
        One filter for each output channel.
    bias : ndarray, shape (N,), optional
        One number added to each output channel.
    stride, padding, dilation, groups
        As for `dsconv.conv1d`.

    Returns
    -------
    ndarray, shape (B, N, L') or (N, L')
        int64 for integers, else the common dtype of the arrays.

    Raises
    ------
    ValueError
        If shapes, groups or sizes do not fit together.

    Notes
    -----
    Source: equation 1 of Howard et al., "MobileNets" (2017), with one axis.

    Examples
    --------
    >>> conv1d(np.array([[1, 2, 3]]), np.array([[[1, 10]]]))
    array([[21, 32]])
    """
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _by_loops(1, loops1d, input, weight, bias, options)


def _by_loops(
    axes: int, loops: Any, input: Array, weight: Array, bias: Array | None, options: dict[str, Any]
) -> Array:
    """Check, pad, run the loops on a batch, and give back what came in."""
    bias_shape = None if bias is None else bias.shape
    plan = plan_convolution(axes, input.shape, weight.shape, bias_shape, **options)
    given = [input, weight] if bias is None else [input, weight, bias]
    dtype = np.result_type(*given)
    if all(array.dtype.kind in "iub" for array in given):
        dtype = np.dtype(np.int64)
    batch = (input if plan.batched else input[None]).astype(dtype)
    x = np.pad(batch, ((0, 0), (0, 0), *plan.pads))
    y = np.zeros((len(x), len(weight), *plan.output_size), dtype)
    loops(x, weight.astype(dtype), y, plan.spec)
    if bias is not None:
        y += bias.astype(dtype).reshape(-1, *(1,) * axes)
    return y if plan.batched else y[0]


__all__ = ["conv1d", "conv2d", "loops1d", "loops2d"]
