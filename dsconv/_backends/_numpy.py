"""Convolution with NumPy: one step for each position of the kernel.

Each of the kH·kW positions sees the whole input shifted; the shifted inputs, weighted,
are added up. This needs a copy of one shifted input at a time. The patch matrix (im2col)
would give the same sums in one product, and need kH·kW copies at once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsconv.geometry import ConvSpec, Pads

Array = NDArray[Any]


def convolve(input: Array, weight: Array, bias: Array | None, spec: ConvSpec, pads: Pads) -> Array:
    """Return the convolution of a batched input; see `dsconv.conv2d`."""
    working = _working_dtype(input.dtype)
    batch, groups = len(input), spec.groups
    padded = np.pad(input.astype(working, copy=False), ((0, 0), (0, 0), *pads))
    # No -1 in the shapes: NumPy cannot infer a length from an empty batch.
    padded = padded.reshape(batch, groups, spec.weight_shape[1], *padded.shape[2:])
    weight = weight.astype(working, copy=False).reshape(groups, -1, *spec.weight_shape[1:])
    size = spec.output_size(input.shape[2:])
    output = np.zeros((batch, *weight.shape[:2], *size), working)

    # inf · 0 is NaN, and an answer like any other: torch does not warn of it either.
    with np.errstate(invalid="ignore"):
        for offset in np.ndindex(spec.kernel_size):
            taps: tuple[Any, ...] = (..., *offset)
            output += _mix(weight[taps], padded[_window(offset, size, spec)])
        output = output.reshape(batch, spec.out_channels, *size)
        if bias is not None:
            output += bias.astype(working, copy=False).reshape(-1, *(1,) * spec.axes)
    exact = working == np.int64
    return output if exact else output.astype(input.dtype, copy=False)


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Integers are added in int64; float16 in float32, since its own sums lose digits."""
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    return np.dtype(np.float32) if dtype.itemsize == 2 else dtype.newbyteorder("=")


def _window(offset: tuple[int, ...], size: tuple[int, ...], spec: ConvSpec) -> tuple[Any, ...]:
    """Return the pixels that the kernel's entry at `offset` meets, one an output pixel."""
    starts = [i * d for i, d in zip(offset, spec.dilation, strict=True)]
    steps = zip(starts, spec.stride, size, strict=True)
    return (..., *(slice(start, start + s * (n - 1) + 1, s) for start, s, n in steps))


def _mix(weight: Array, shifted: Array) -> Array:
    """Multiply weights (groups, N, C) with maps (B, groups, C, ...), summing over C."""
    if weight.shape[-1] == 1:  # one channel a group: nothing to sum, so no matrix product
        return weight.reshape(*weight.shape[:2], *(1,) * (shifted.ndim - 3)) * shifted
    flat = shifted.reshape(*shifted.shape[:3], prod(shifted.shape[3:]))
    return (weight @ flat).reshape(len(shifted), *weight.shape[:2], *shifted.shape[3:])
