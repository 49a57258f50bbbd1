"""The convolutions: one function for each kind of layer.

All of them take NumPy arrays or PyTorch tensors and give back the same kind. They slide
the kernel without turning it over (cross-correlation), as every deep-learning library
does. What may be passed is decided in `dsconv.geometry`; what the result is, by the loops
in `dsconv.reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dsconv import _backends
from dsconv.geometry import (
    Padding,
    Plan,
    Sizes,
    backend_of,
    check_halves,
    plan_convolution,
    plan_depthwise,
    plan_pointwise,
    plan_spatially_separable,
)

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", "np.ndarray[Any, Any]", "torch.Tensor")


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
    """Convolve maps with a bank of filters, each reading every channel of its group.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, H, W) or (C, H, W)
        The maps. The batch B may be empty.
    weight : ndarray or Tensor, shape (N, C / groups, kH, kW)
        One filter for each of the N output channels.
    bias : ndarray or Tensor, shape (N,), optional
        One number added to each output map.
    stride, dilation : int or tuple of int, optional
        Pixels from one window to the next, and from one tap of the kernel to the next;
        one number, or (height, width).
    padding : int, tuple, "valid" or "same", optional
        Zeros around the input, in pixels: one number, (height, width), or one
        (before, after) pair for each axis. "valid" is 0. "same" gives ceil(size / stride)
        outputs at any stride and puts an odd zero after, like ONNX SAME_UPPER and
        TensorFlow SAME.
    groups : int, optional
        Blocks that the channels fall into; a filter reads the channels of its own block.

    Returns
    -------
    ndarray or Tensor, shape (B, N, H', W') or (N, H', W')
        With ``H' = floor((H + pads − dilation·(kH − 1) − 1) / stride) + 1``. The dtype of
        floating inputs; int64 for integers.

    Raises
    ------
    TypeError
        If the arrays are of two kinds or dtypes, or neither floating nor (NumPy) integers;
        if a size is not an integer.
    ValueError
        If shapes, groups or sizes do not fit together.

    See Also
    --------
    dsconv.ConvSpec : one object for the call, the shape and the cost.
    dsconv.reference.conv2d : the same as loops.

    Notes
    -----
    Cost: N·(C / groups)·kH·kW·H'·W' multiplications and additions for each image. Integers
    (signed, or unsigned up to 32 bits) are computed exactly in int64, bias too; beyond
    its range they wrap around, as NumPy's do.

    Definition: Howard et al., "MobileNets" (2017), equation 1, with 0-based indices and
    padding written out. Chapter: Traditional convolution.

    Examples
    --------
    >>> image = np.arange(12).reshape(1, 3, 4)
    >>> kernel = np.array([[[[1, 0], [0, -2]]]])
    >>> conv2d(image, kernel)
    array([[[-10, -11, -12],
            [-14, -15, -16]]])
    """
    return _one_layer(
        plan_convolution,
        2,
        input,
        weight,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


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
    """Convolve sequences with a bank of filters, each reading every channel of its group.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, L) or (C, L)
        The sequences, C numbers at each of L positions.
    weight : ndarray or Tensor, shape (N, C / groups, kL)
        One filter for each of the N output channels.
    bias : ndarray or Tensor, shape (N,), optional
        One number added to each output channel.
    stride, padding, dilation, groups
        As for `conv2d`, with one axis: ``padding=((2, 0),)`` is two zeros before.

    Returns
    -------
    ndarray or Tensor, shape (B, N, L') or (N, L')

    Raises
    ------
    TypeError, ValueError
        As for `conv2d`.

    Notes
    -----
    Cost: N·(C / groups)·kL·L' multiplications and additions for each sequence.
    Definition: that of `conv2d` with one axis. Chapter: Traditional convolution.

    Examples
    --------
    >>> conv1d(np.array([[3, 1, 4, 1, 5]]), np.array([[[1, 2]]]))
    array([[ 5,  9,  6, 11]])
    """
    return _one_layer(
        plan_convolution,
        1,
        input,
        weight,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


def depthwise_conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Array:
    """Filter each channel by itself; channels never mix.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, H, W) or (C, H, W)
        The maps.
    weight : ndarray or Tensor, shape (C·depth_multiplier, 1, kH, kW)
        The filters, those of channel 0 first: output n reads channel n // depth_multiplier.
    bias : ndarray or Tensor, shape (C·depth_multiplier,), optional
        One number added to each output map.
    stride, padding, dilation
        As for `conv2d`.

    Returns
    -------
    ndarray or Tensor, shape (B, C·depth_multiplier, H', W') or (C·depth_multiplier, H', W')

    Raises
    ------
    TypeError
        As for `conv2d`.
    ValueError
        As for `conv2d`; also if a filter has more than one input channel, or the number
        of filters is no multiple of C.

    Notes
    -----
    Cost: C·depth_multiplier·kH·kW·H'·W' multiplications and additions for each image.
    It is `conv2d` with groups = C, in PyTorch's order of output channels.
    Source: Howard et al., "MobileNets" (2017), equation 3.

    Examples
    --------
    >>> image = np.array([[[1, 2, 3]], [[4, 5, 6]]])
    >>> depthwise_conv2d(image, np.array([[[[1, 1]]], [[[1, -1]]]]))
    array([[[ 3,  5]],
           [[-1, -1]]])
    """
    return _one_layer(
        plan_depthwise, 2, input, weight, bias, stride=stride, padding=padding, dilation=dilation
    )


def depthwise_conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Array:
    """Filter each channel of a sequence by itself; channels never mix.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, L) or (C, L)
        The sequences.
    weight : ndarray or Tensor, shape (C·depth_multiplier, 1, kL)
        The filters, those of channel 0 first.
    bias : ndarray or Tensor, shape (C·depth_multiplier,), optional
        One number added to each output channel.
    stride, padding, dilation
        As for `conv1d`.

    Returns
    -------
    ndarray or Tensor, shape (B, C·depth_multiplier, L') or (C·depth_multiplier, L')

    Raises
    ------
    TypeError, ValueError
        As for `depthwise_conv2d`.

    Notes
    -----
    Cost: C·depth_multiplier·kL·L' multiplications and additions for each sequence.
    Source: Kaiser et al., "Depthwise Separable Convolutions for Neural Machine
    Translation" (2017), section 2.1.

    Examples
    --------
    >>> depthwise_conv1d(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[[1, 1]], [[1, -1]]]))
    array([[ 3,  5],
           [-1, -1]])
    """
    return _one_layer(
        plan_depthwise, 1, input, weight, bias, stride=stride, padding=padding, dilation=dilation
    )


def pointwise_conv2d(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Mix the channels of each pixel by one matrix, the same at every pixel.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, H, W) or (C, H, W)
        The maps.
    weight : ndarray or Tensor, shape (N, C, 1, 1)
        The matrix, as a 1×1 kernel.
    bias : ndarray or Tensor, shape (N,), optional
        One number added to each output map.

    Returns
    -------
    ndarray or Tensor, shape (B, N, H, W) or (N, H, W)

    Raises
    ------
    TypeError
        As for `conv2d`.
    ValueError
        As for `conv2d`; also if the kernel is larger than one pixel.

    Notes
    -----
    Cost: N·C·H·W multiplications and additions for each image.
    Source: Lin et al., "Network In Network" (2014), section 3.1; the second half of
    equation 5 of Howard et al., "MobileNets" (2017).

    Examples
    --------
    >>> image = np.array([[[1, 2, 3]], [[4, 5, 6]]])
    >>> pointwise_conv2d(image, np.array([[[[10]], [[1]]]]))
    array([[[14, 25, 36]]])
    """
    return _one_layer(plan_pointwise, 2, input, weight, bias)


def pointwise_conv1d(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Mix the channels at each position of a sequence by one matrix.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, L) or (C, L)
        The sequences.
    weight : ndarray or Tensor, shape (N, C, 1)
        The matrix, as a kernel of length 1.
    bias : ndarray or Tensor, shape (N,), optional
        One number added to each output channel.

    Returns
    -------
    ndarray or Tensor, shape (B, N, L) or (N, L)

    Raises
    ------
    TypeError, ValueError
        As for `pointwise_conv2d`.

    Notes
    -----
    Cost: N·C·L multiplications and additions for each sequence.
    Source: Kaiser et al., "Depthwise Separable Convolutions for Neural Machine
    Translation" (2017), section 2.1.

    Examples
    --------
    >>> pointwise_conv1d(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[[10], [1]]]))
    array([[14, 25, 36]])
    """
    return _one_layer(plan_pointwise, 1, input, weight, bias)


def depthwise_separable_conv2d(
    input: Array,
    depthwise_weight: Array,
    pointwise_weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Array:
    """Filter each channel by itself, then mix the channels of each pixel.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, H, W) or (C, H, W)
        The maps.
    depthwise_weight : ndarray or Tensor, shape (C·depth_multiplier, 1, kH, kW)
        The filters of the first half.
    pointwise_weight : ndarray or Tensor, shape (N, C·depth_multiplier, 1, 1)
        The matrix of the second half.
    bias : ndarray or Tensor, shape (N,), optional
        Belongs to the second half, the last layer.
    stride, padding, dilation
        As for `conv2d`; they belong to the first half.

    Returns
    -------
    ndarray or Tensor, shape (B, N, H', W') or (N, H', W')

    Raises
    ------
    TypeError
        As for `conv2d`.
    ValueError
        As for `depthwise_conv2d` and `pointwise_conv2d`. Both halves are checked before
        either is computed.

    Notes
    -----
    Cost: (kH·kW + N)·C·depth_multiplier·H'·W' multiplications and additions for each image.
    Nothing stands between the halves; for batch norm and activations see
    `dsconv.DepthwiseSeparableConv2d`.
    Source: Sifre (2014), section 6.2; Howard et al., "MobileNets" (2017), section 3.1.

    Examples
    --------
    >>> image = np.array([[[1, 2, 3]], [[4, 5, 6]]])
    >>> depthwise = np.array([[[[1, 1]]], [[[1, -1]]]])
    >>> depthwise_separable_conv2d(image, depthwise, np.array([[[[10]], [[1]]]]))
    array([[[29, 49]]])
    """
    return _separable(
        2,
        input,
        depthwise_weight,
        pointwise_weight,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def depthwise_separable_conv1d(
    input: Array,
    depthwise_weight: Array,
    pointwise_weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Array:
    """Filter each channel of a sequence by itself, then mix the channels of each position.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, L) or (C, L)
        The sequences.
    depthwise_weight : ndarray or Tensor, shape (C·depth_multiplier, 1, kL)
        The filters of the first half.
    pointwise_weight : ndarray or Tensor, shape (N, C·depth_multiplier, 1)
        The matrix of the second half.
    bias : ndarray or Tensor, shape (N,), optional
        Belongs to the second half, the last layer.
    stride, padding, dilation
        As for `conv1d`; they belong to the first half.

    Returns
    -------
    ndarray or Tensor, shape (B, N, L') or (N, L')

    Raises
    ------
    TypeError, ValueError
        As for `depthwise_separable_conv2d`.

    Notes
    -----
    Cost: (kL + N)·C·depth_multiplier·L' multiplications and additions for each sequence.
    Source: Kaiser et al., "Depthwise Separable Convolutions for Neural Machine
    Translation" (2017), section 2.1.

    Examples
    --------
    >>> sequence = np.array([[1, 2, 3], [4, 5, 6]])
    >>> depthwise_separable_conv1d(sequence, np.array([[[1, 1]], [[1, -1]]]),
    ...                            np.array([[[10], [1]]]))
    array([[29, 49]])
    """
    return _separable(
        1,
        input,
        depthwise_weight,
        pointwise_weight,
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def spatially_separable_conv2d(
    input: Array,
    column: Array,
    row: Array,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Array:
    """Filter each channel down its columns, then along its rows.

    Parameters
    ----------
    input : ndarray or Tensor, shape (B, C, H, W) or (C, H, W)
        The maps. Channels stay apart.
    column, row : ndarray or Tensor, shapes (kH,) and (kW,), or (C, kH) and (C, kW)
        The two factors of the kernel, for all channels or one pair for each.
    stride, padding, dilation
        As for `conv2d`: those of the kernel that column and row stand for.

    Returns
    -------
    ndarray or Tensor, shape (B, C, H', W') or (C, H', W')
        What `depthwise_conv2d` gives with the outer products of column and row, up to rounding:
        the maps between the two passes have the input's dtype, which float16 may overflow.

    Raises
    ------
    TypeError
        As for `conv2d`.
    ValueError
        As for `conv2d`; also if column and row have different ranks, or not C lines.

    Notes
    -----
    Cost: C·(kH·H'·W + kW·H'·W') multiplications and additions for each image: the
    first pass still has the input's full width W.
    Chapter: Spatially separable convolution.

    Examples
    --------
    >>> image = np.arange(12).reshape(1, 3, 4)
    >>> spatially_separable_conv2d(image, np.array([1, 2]), np.array([1, -1]))
    array([[[-3, -3, -3],
            [-3, -3, -3]]])
    """
    backend = backend_of({"input": input, "column": column, "row": row})
    plan = plan_spatially_separable(
        input.shape, column.shape, row.shape, stride=stride, padding=padding, dilation=dilation
    )
    spec, (top_bottom, left_right) = plan.spec, plan.pads
    channels = spec.in_channels

    def one_axis(maps: Array, line: Array, shape: tuple[int, int], axis: int) -> Array:
        weight = line.reshape(-1, 1, *shape)
        if line.ndim == 1:  # one line for all channels
            weight = weight[[0] * channels]
        options: dict[str, Any] = {
            name: tuple(value if a == axis else plain for a, value in enumerate(values))
            for name, values, plain in (
                ("stride", spec.stride, 1),
                ("dilation", spec.dilation, 1),
                ("padding", (top_bottom, left_right), (0, 0)),
            )
        }
        pass_plan = plan_depthwise(2, maps.shape, weight.shape, **options)
        return _run(backend, pass_plan, maps, weight, None)

    after_columns = one_axis(input, column, (column.shape[-1], 1), axis=0)
    return one_axis(after_columns, row, (1, row.shape[-1]), axis=1)


# --- What they share: check, then run -------------------------------------------------


def _one_layer(
    plan_of: Callable[..., Plan],
    axes: int,
    input: Array,
    weight: Array,
    bias: Array | None,
    **options: Any,
) -> Array:
    backend = backend_of({"input": input, "weight": weight, "bias": bias})
    plan = plan_of(axes, input.shape, weight.shape, _shape(bias), **options)
    return _run(backend, plan, input, weight, bias)


def _separable(
    axes: int,
    input: Array,
    depthwise_weight: Array,
    pointwise_weight: Array,
    bias: Array | None,
    **options: Any,
) -> Array:
    backend = backend_of(
        {
            "input": input,
            "depthwise_weight": depthwise_weight,
            "pointwise_weight": pointwise_weight,
            "bias": bias,
        }
    )
    first: Plan = plan_depthwise(
        axes, input.shape, depthwise_weight.shape, weight_name="depthwise_weight", **options
    )
    middle_shape = (*input.shape[: -axes - 1], first.spec.out_channels, *first.output_size)
    check_halves(axes, depthwise_weight.shape, pointwise_weight.shape)
    second = plan_pointwise(
        axes, middle_shape, pointwise_weight.shape, _shape(bias), weight_name="pointwise_weight"
    )
    middle = _run(backend, first, input, depthwise_weight, None)
    return _run(backend, second, middle, pointwise_weight, bias)


def _run(backend: str, plan: Plan, input: Array, weight: Array, bias: Array | None) -> Array:
    convolve = _backends.load(backend).convolve
    batch = input if plan.batched else input[None]
    output = convolve(batch, weight, bias, plan.spec, plan.pads)
    return output if plan.batched else output[0]  # type: ignore[no-any-return]


def _shape(bias: Any) -> tuple[int, ...] | None:
    return None if bias is None else tuple(bias.shape)


__all__ = [
    "conv1d",
    "conv2d",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "depthwise_separable_conv1d",
    "depthwise_separable_conv2d",
    "pointwise_conv1d",
    "pointwise_conv2d",
    "spatially_separable_conv2d",
]
