"""Weights in the layouts of other frameworks, and back.

This package and PyTorch keep a weight as (N, C / groups, kH, kW), "OIHW". ONNX's Conv does
too, so nothing has to be done for it. Keras, TensorFlow and JAX's HWIO put the kernel first
and the outputs last; Keras and TensorFlow give depthwise kernels an axis for the multiplier.

    framework layer                             weight                        function
    Keras Conv2D, TensorFlow nn.conv2d, HWIO    (kH, kW, C / groups, N)       to_keras_conv
    HWIO with feature_group_count = C           (kH, kW, 1, C·T)              to_keras_conv
    Keras DepthwiseConv2D, TF depthwise_conv2d  (kH, kW, C, T)                to_keras_depthwise
    Keras SeparableConv2D, TF separable_conv2d  that and (1, 1, C·T, N)       to_keras_separable

One-dimensional layers have one axis kL in place of kH, kW. A bias has shape (N,) everywhere.
The numbers are moved, not touched: any dtype goes through, and each function is undone by its
counterpart. Nothing of Keras, TensorFlow, JAX, ONNX or PyTorch is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsconv.geometry import array_kind, whole_number
from dsconv.ops import Array

_LETTERS = {1: "kL", 2: "kH, kW"}

# The order of axes that each layout takes from the other, for one and for two spatial axes.
_TO_CONV = {1: (2, 1, 0), 2: (2, 3, 1, 0)}
_FROM_CONV = {1: (2, 1, 0), 2: (3, 2, 0, 1)}
_TO_DEPTHWISE = {1: (2, 0, 1), 2: (2, 3, 0, 1)}  # from (C, T, kH, kW)
_FROM_DEPTHWISE = {1: (1, 2, 0), 2: (2, 3, 0, 1)}  # to (C, T, kH, kW)


def to_keras_conv(weight: Array) -> Array:
    """Return a weight as Keras' Conv2D, TensorFlow and JAX's HWIO have it.

    Parameters
    ----------
    weight : ndarray or Tensor, shape (N, C / groups, kH, kW)
        Of a layer with any number of groups, depthwise and pointwise ones included; or
        (N, C / groups, kL), for Conv1D.

    Returns
    -------
    ndarray or Tensor, shape (kH, kW, C / groups, N)
        A copy. Tensors keep their gradients.

    Raises
    ------
    TypeError
        If `weight` is not an array.
    ValueError
        If it has neither three nor four axes, or an axis of length 0.

    See Also
    --------
    from_keras_conv : the way back.
    to_keras_depthwise : for DepthwiseConv2D, which has an axis more.

    Examples
    --------
    >>> to_keras_conv(np.zeros((8, 3, 5, 4))).shape
    (5, 4, 3, 8)
    """
    axes = _spatial_axes("weight", weight, "(N, C/groups, {})")
    return _moved(weight, _TO_CONV[axes])


def from_keras_conv(kernel: Array) -> Array:
    """Return a kernel of Keras' Conv2D, TensorFlow or JAX's HWIO as this package has it.

    Parameters
    ----------
    kernel : ndarray or Tensor, shape (kH, kW, C / groups, N)
        Or (kL, C / groups, N), of Conv1D.

    Returns
    -------
    ndarray or Tensor, shape (N, C / groups, kH, kW)
        A copy, for `dsconv.conv2d`, PyTorch or ONNX. Tensors keep their gradients.

    Raises
    ------
    TypeError
        If `kernel` is not an array.
    ValueError
        If it has neither three nor four axes, or an axis of length 0.

    See Also
    --------
    to_keras_conv : the way back.

    Examples
    --------
    >>> from_keras_conv(np.zeros((5, 4, 3, 8))).shape
    (8, 3, 5, 4)
    """
    axes = _spatial_axes("kernel", kernel, "({}, C/groups, N)")
    return _moved(kernel, _FROM_CONV[axes])


def to_keras_depthwise(weight: Array, in_channels: int) -> Array:
    """Return a depthwise weight as Keras' DepthwiseConv2D and TensorFlow have it.

    Parameters
    ----------
    weight : ndarray or Tensor, shape (C·T, 1, kH, kW)
        The filters, those of channel 0 first; or (C·T, 1, kL), for DepthwiseConv1D.
    in_channels : int
        C, which the shape alone does not tell.

    Returns
    -------
    ndarray or Tensor, shape (kH, kW, C, T)
        A copy: filter m·T + t stands at [:, :, m, t]. Tensors keep their gradients.

    Raises
    ------
    TypeError
        If `weight` is not an array, or `in_channels` not an integer.
    ValueError
        If a filter reads more than one channel, or the filters are no multiple of C.

    See Also
    --------
    from_keras_depthwise : the way back.
    to_keras_conv : for JAX, and for Conv2D with groups.

    Examples
    --------
    >>> to_keras_depthwise(np.zeros((6, 1, 5, 4)), in_channels=3).shape
    (5, 4, 3, 2)
    """
    return _to_depthwise("weight", weight, in_channels)


def from_keras_depthwise(kernel: Array) -> Array:
    """Return a kernel of Keras' DepthwiseConv2D or TensorFlow as this package has it.

    Parameters
    ----------
    kernel : ndarray or Tensor, shape (kH, kW, C, T)
        Or (kL, C, T), of DepthwiseConv1D.

    Returns
    -------
    ndarray or Tensor, shape (C·T, 1, kH, kW)
        A copy, for `dsconv.depthwise_conv2d`, or PyTorch and ONNX with groups = C. Tensors
        keep their gradients.

    Raises
    ------
    TypeError
        If `kernel` is not an array.
    ValueError
        If it has neither three nor four axes, or an axis of length 0.

    See Also
    --------
    to_keras_depthwise : the way back.

    Examples
    --------
    >>> kernel = np.array([[[[1, 2], [3, 4]]]])  # one pixel, C = 2, T = 2
    >>> from_keras_depthwise(kernel).ravel()
    array([1, 2, 3, 4])
    """
    return _from_depthwise("kernel", kernel)


def to_keras_separable(
    depthwise_weight: Array, pointwise_weight: Array, in_channels: int
) -> tuple[Array, Array]:
    """Return both weights as Keras' SeparableConv2D and TensorFlow's separable_conv2d have them.

    Parameters
    ----------
    depthwise_weight : ndarray or Tensor, shape (C·T, 1, kH, kW)
        The filters, those of channel 0 first; or (C·T, 1, kL), for SeparableConv1D.
    pointwise_weight : ndarray or Tensor, shape (N, C·T, 1, 1)
        The matrix; or (N, C·T, 1).
    in_channels : int
        C.

    Returns
    -------
    depthwise_kernel : ndarray or Tensor, shape (kH, kW, C, T)
    pointwise_kernel : ndarray or Tensor, shape (1, 1, C·T, N)
        Copies. With a bias behind them, they are what the layer's `set_weights` takes.

    Raises
    ------
    TypeError
        If one is not an array, they are of two kinds, or `in_channels` is not an integer.
    ValueError
        As for `to_keras_depthwise`; also if the two do not fit together.

    See Also
    --------
    from_keras_separable : the way back.

    Examples
    --------
    >>> pair = to_keras_separable(np.zeros((6, 1, 5, 4)), np.zeros((8, 6, 1, 1)), in_channels=3)
    >>> [kernel.shape for kernel in pair]
    [(5, 4, 3, 2), (1, 1, 6, 8)]
    """
    depthwise = _to_depthwise("depthwise_weight", depthwise_weight, in_channels)
    _of_one_kind(depthwise_weight=depthwise_weight, pointwise_weight=pointwise_weight)
    filters, axes = depthwise_weight.shape[0], depthwise_weight.ndim - 2
    shape = tuple(pointwise_weight.shape)
    if shape != shape[:1] + (filters,) + (1,) * axes or 0 in shape:
        msg = (
            f"pointwise_weight must have shape (N, {filters}, {', '.join('1' * axes)}): it reads "
            f"every map of the depthwise half. Received: pointwise_weight.shape={shape}, "
            f"depthwise_weight.shape={tuple(depthwise_weight.shape)}"
        )
        raise ValueError(msg)
    return depthwise, to_keras_conv(pointwise_weight)


def from_keras_separable(depthwise_kernel: Array, pointwise_kernel: Array) -> tuple[Array, Array]:
    """Return both kernels of Keras' SeparableConv2D as this package has them.

    Parameters
    ----------
    depthwise_kernel : ndarray or Tensor, shape (kH, kW, C, T)
        Or (kL, C, T), of SeparableConv1D.
    pointwise_kernel : ndarray or Tensor, shape (1, 1, C·T, N)
        Or (1, C·T, N).

    Returns
    -------
    depthwise_weight : ndarray or Tensor, shape (C·T, 1, kH, kW)
    pointwise_weight : ndarray or Tensor, shape (N, C·T, 1, 1)
        Copies, as `dsconv.depthwise_separable_conv2d` takes them.

    Raises
    ------
    TypeError
        If one is not an array, or they are of two kinds.
    ValueError
        If the shapes do not fit together.

    See Also
    --------
    to_keras_separable : the way back.

    Examples
    --------
    >>> pair = from_keras_separable(np.zeros((5, 4, 3, 2)), np.zeros((1, 1, 6, 8)))
    >>> [weight.shape for weight in pair]
    [(6, 1, 5, 4), (8, 6, 1, 1)]
    """
    depthwise = _from_depthwise("depthwise_kernel", depthwise_kernel)
    _of_one_kind(depthwise_kernel=depthwise_kernel, pointwise_kernel=pointwise_kernel)
    filters, axes = depthwise.shape[0], depthwise.ndim - 2
    shape = tuple(pointwise_kernel.shape)
    if shape != (1,) * axes + (filters,) + shape[-1:] or 0 in shape:
        msg = (
            f"pointwise_kernel must have shape ({', '.join('1' * axes)}, {filters}, N): it reads "
            f"every map of the depthwise half. Received: pointwise_kernel.shape={shape}, "
            f"depthwise_kernel.shape={tuple(depthwise_kernel.shape)}"
        )
        raise ValueError(msg)
    return depthwise, from_keras_conv(pointwise_kernel)


# --- What they share: check, then move ------------------------------------------------


def _to_depthwise(name: str, weight: Array, in_channels: int) -> Array:
    axes = _spatial_axes(name, weight, "(C·T, 1, {})")
    channels = whole_number("in_channels", in_channels, minimum=1)
    filters, reads, *sides = weight.shape
    if reads != 1:
        msg = (
            f"{name} must have shape (C·T, 1, {_LETTERS[axes]}): each filter of a depthwise layer "
            f"reads one channel. Received: {name}.shape={tuple(weight.shape)}"
        )
        raise ValueError(msg)
    if filters % channels:
        msg = (
            f"{name} must have C·T filters, a multiple of in_channels. "
            f"Received: {name}.shape={tuple(weight.shape)}, in_channels={channels}"
        )
        raise ValueError(msg)
    split = weight.reshape(channels, filters // channels, *sides)
    return _moved(split, _TO_DEPTHWISE[axes])


def _from_depthwise(name: str, kernel: Array) -> Array:
    axes = _spatial_axes(name, kernel, "({}, C, T)")
    *sides, channels, multiplier = kernel.shape
    split = _moved(kernel, _FROM_DEPTHWISE[axes])
    return split.reshape(channels * multiplier, 1, *sides)


def _spatial_axes(name: str, array: Array, layout: str) -> int:
    """Return how many axes of a weight are the kernel's, or refuse it."""
    array_kind(name, array)
    shape = tuple(array.shape)
    if len(shape) - 2 not in _LETTERS or 0 in shape:
        one, two = (layout.format(letters) for letters in _LETTERS.values())
        msg = (
            f"{name} must have shape {two}, or {one} for a 1-D layer, with no side of 0. "
            f"Received: {name}.shape={shape}"
        )
        raise ValueError(msg)
    return len(shape) - 2


def _of_one_kind(**arrays: Any) -> None:
    kinds = {name: array_kind(name, array) for name, array in arrays.items()}
    if len(set(kinds.values())) > 1:
        received = ", ".join(f"{name} from {kind}" for name, kind in kinds.items())
        msg = f"both must be of one kind, NumPy or PyTorch. Received: {received}"
        raise TypeError(msg)


def _moved(array: Array, order: Sequence[int]) -> Array:
    """Return a copy with the axes in this order, and its numbers in that order in memory."""
    whole: Any = array
    if isinstance(array, np.ndarray):
        moved: Array = whole.transpose(order).copy()
    else:
        # A clone alone would keep the old order in memory; contiguous alone may be no copy.
        moved = whole.permute(*order).clone().contiguous()
    return moved


__all__ = [
    "from_keras_conv",
    "from_keras_depthwise",
    "from_keras_separable",
    "to_keras_conv",
    "to_keras_depthwise",
    "to_keras_separable",
]
