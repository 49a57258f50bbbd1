"""Sizes, padding and every rule about arguments.

The rules about layers and convolutions stand here only. The public functions, the layers, the cost
model and the figures all ask it, so they cannot disagree about a layer; the backends
behind them trust what they are given.

Letters, as in the book: B batch, C input channels, N output channels, H × W a map's
height and width, K a kernel's side. Shapes are input (B, C, H, W) and weight
(N, C / groups, kH, kW); one-dimensional layers have L in place of H, W.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

Sizes: TypeAlias = "int | Sequence[int]"
Pads: TypeAlias = tuple[tuple[int, int], ...]
Padding: TypeAlias = "int | str | Sequence[int] | Sequence[Sequence[int]]"
Shape: TypeAlias = tuple[int, ...]

_AXES = {1: ("length",), 2: ("height", "width")}
_LETTERS = {1: "L", 2: "H, W"}

_FLOATING = {"float16", "bfloat16", "float32", "float64", "longdouble", "float96", "float128"}
_INTEGER = {"int8", "int16", "int32", "int64", "longlong", "uint8", "uint16", "uint32"}


# --- Whole numbers and tuples of them -------------------------------------------------


def whole_number(name: str, value: Any, *, minimum: int) -> int:
    """Return `value` as an int, or say why it is none.

    Parameters
    ----------
    name : str
        What the caller calls it; used in the message.
    value : int or numpy integer
        The number.
    minimum : int
        The smallest value allowed.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `value` is not an integer (a bool and 3.0 are not).
    ValueError
        If `value` is below `minimum`.

    Examples
    --------
    >>> whole_number("groups", 4, minimum=1)
    4
    """
    if not _is_whole(value):
        msg = f"{name} must be an integer. Received: {name}={value!r} ({type(value).__name__})"
        raise TypeError(msg)
    if value < minimum:
        msg = f"{name} must be at least {minimum}. Received: {name}={value!r}"
        raise ValueError(msg)
    return int(value)


def positive(name: str, number: Any) -> float:
    """Return a positive finite number, or say why it is none.

    Parameters
    ----------
    name : str
        What the caller calls it.
    number : float

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not positive or not finite.

    Examples
    --------
    >>> positive("width", 0.75)
    0.75
    """
    if isinstance(number, bool) or not isinstance(number, Real):
        msg = f"{name} must be a number. Received: {name}={number!r} ({type(number).__name__})"
        raise TypeError(msg)
    value = float(number)
    if not 0 < value < float("inf"):
        msg = f"{name} must be positive and finite. Received: {name}={number!r}"
        raise ValueError(msg)
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def per_axis(name: str, value: Any, axes: int, *, minimum: int) -> Shape:
    """Return one int for each spatial axis from an int or a sequence of them.

    Parameters
    ----------
    name : str
        What the caller calls it; used in the message.
    value : int or tuple or list of int
        One number for all axes, or one for each.
    axes : {1, 2}
        The number of spatial axes.
    minimum : int
        The smallest value allowed.

    Returns
    -------
    tuple of int

    Raises
    ------
    TypeError
        If `value` or one of its entries is not an integer.
    ValueError
        If the number of entries is not `axes`, or an entry is below `minimum`.

    Examples
    --------
    >>> per_axis("stride", 2, 2, minimum=1)
    (2, 2)
    """
    if _is_whole(value):
        return (whole_number(name, value, minimum=minimum),) * axes
    if not isinstance(value, tuple | list):
        msg = (
            f"{name} must be an integer, or a tuple or list of {axes} ({', '.join(_AXES[axes])}). "
            f"Received: {name}={value!r} ({type(value).__name__})"
        )
        raise TypeError(msg)
    if len(value) != axes:
        msg = (
            f"{name} must be one integer or {axes} ({', '.join(_AXES[axes])}). "
            f"Received: {name}={value!r}"
        )
        raise ValueError(msg)
    return tuple(whole_number(f"{name}[{a}]", v, minimum=minimum) for a, v in enumerate(value))


def _normal_padding(value: Any, axes: int) -> Pads | Literal["same"]:
    """Return `padding` as one (before, after) pair for each axis, or "same"."""
    if isinstance(value, str):
        if value == "valid":
            return ((0, 0),) * axes
        if value == "same":
            return "same"
        msg = f"padding, where it is a word, must be 'valid' or 'same'. Received: padding={value!r}"
        raise ValueError(msg)
    if _is_whole(value):
        both = whole_number("padding", value, minimum=0)
        return ((both, both),) * axes
    rule = (
        f"padding must be an integer, one for each of {', '.join(_AXES[axes])}, one (before, "
        f"after) pair for each, 'valid' or 'same'. Received: padding={value!r}"
    )
    if not isinstance(value, tuple | list):
        msg = f"{rule} ({type(value).__name__})"
        raise TypeError(msg)
    pairs = [entry for entry in value if isinstance(entry, tuple | list)]
    if len(value) != axes or (pairs and [len(pair) for pair in pairs] != [2] * axes):
        raise ValueError(rule)
    if not pairs:
        return tuple((p, p) for p in per_axis("padding", value, axes, minimum=0))
    return tuple(
        (
            whole_number(f"padding[{a}][0]", before, minimum=0),
            whole_number(f"padding[{a}][1]", after, minimum=0),
        )
        for a, (before, after) in enumerate(pairs)
    )


def _same_pads(size: int, span: int, stride: int) -> tuple[int, int]:
    """Return the (before, after) padding that gives ceil(size / stride) outputs.

    An odd total puts the extra zero after, as in ONNX SAME_UPPER and TensorFlow SAME.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


# --- The layer ------------------------------------------------------------------------


@dataclass(frozen=True, init=False, repr=False)
class ConvSpec:
    """One convolution layer, described once: for the call, the shape, the cost, the figure.

    Parameters
    ----------
    in_channels, out_channels : int
        C and N, the numbers of input and output maps.
    kernel_size : int or tuple of int
        An int K means (K, K). A tuple (kH, kW) is a 2-D layer, (kL,) a 1-D layer.
    stride, dilation : int or tuple of int, optional
        One number, or one for each axis.
    padding : int, tuple, "valid" or "same", optional
        Zeros around the input: one number, one for each axis, or one (before, after)
        pair for each axis. "valid" is 0. "same" gives ceil(size / stride) outputs and
        puts an odd zero after, as ONNX SAME_UPPER and TensorFlow SAME do.
    groups : int, optional
        Number of blocks that the channels fall into; an output sees its own block only.
    bias : bool, optional
        Whether one number is added to each output map.

    Attributes
    ----------
    in_channels, out_channels, groups : int
    kernel_size, stride, dilation : tuple of int
        One entry for each axis.
    padding : tuple of (int, int), or "same"
        "same" stays a word, because at stride 2 its zeros depend on the input's size.
    bias : bool

    Raises
    ------
    TypeError
        If a size is not an integer, or `bias` not a bool.
    ValueError
        If a size is out of range, has the wrong length, or `groups` does not divide
        both channel counts.

    See Also
    --------
    dsconv.conv2d : runs it, with ``**spec.options``.
    dsconv.layer_cost : counts it.

    Notes
    -----
    Frozen and hashable. Two ways to write the same numbers give equal specs:
    ``ConvSpec(3, 8, 3) == ConvSpec(3, 8, (3, 3))``; "same" equals only "same". The
    arithmetic is that of Dumoulin
    and Visin, "A guide to convolution arithmetic for deep learning" (2016), relationship
    6, with dilation from section 5.1.

    Examples
    --------
    >>> spec = ConvSpec(3, 256, 5)
    >>> spec.output_size((12, 12)), spec.weight_shape
    ((8, 8), (256, 3, 5, 5))
    """

    in_channels: int
    out_channels: int
    kernel_size: Shape
    stride: Shape
    padding: Pads | Literal["same"]
    dilation: Shape
    groups: int
    bias: bool

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        axes = len(kernel_size) if isinstance(kernel_size, tuple | list) else 2
        if axes not in _AXES:
            msg = (
                f"kernel_size must have one entry (a 1-D layer) or two (height, width). "
                f"Received: kernel_size={kernel_size!r}"
            )
            raise ValueError(msg)
        if not isinstance(bias, bool):
            msg = f"bias must be True or False. Received: bias={bias!r} ({type(bias).__name__})"
            raise TypeError(msg)
        normal = {
            "in_channels": whole_number("in_channels", in_channels, minimum=1),
            "out_channels": whole_number("out_channels", out_channels, minimum=1),
            "kernel_size": per_axis("kernel_size", kernel_size, axes, minimum=1),
            "stride": per_axis("stride", stride, axes, minimum=1),
            "padding": _normal_padding(padding, axes),
            "dilation": per_axis("dilation", dilation, axes, minimum=1),
            "groups": whole_number("groups", groups, minimum=1),
            "bias": bias,
        }
        for name, value in normal.items():
            object.__setattr__(self, name, value)
        for name in ("in_channels", "out_channels"):
            _check_groups_divide(name, getattr(self, name), self.groups)

    @classmethod
    def depthwise(
        cls, channels: int, kernel_size: Sizes, *, depth_multiplier: int = 1, **options: Any
    ) -> ConvSpec:
        """Return the depthwise layer: one filter, or `depth_multiplier`, for each channel.

        Parameters
        ----------
        channels : int
            C, the number of input maps.
        kernel_size : int or tuple of int
            As for `ConvSpec`.
        depth_multiplier : int, optional
            Output maps for each input map.
        **options
            stride, padding, dilation and bias, as for `ConvSpec`.

        Returns
        -------
        ConvSpec

        Examples
        --------
        >>> ConvSpec.depthwise(3, 5)
        ConvSpec(3, 3, (5, 5), groups=3)
        """
        multiplier = whole_number("depth_multiplier", depth_multiplier, minimum=1)
        channels = whole_number("channels", channels, minimum=1)
        return cls(channels, channels * multiplier, kernel_size, groups=channels, **options)

    @classmethod
    def pointwise(
        cls, in_channels: int, out_channels: int, *, axes: int = 2, bias: bool = False
    ) -> ConvSpec:
        """Return the pointwise layer: a 1×1 kernel, which mixes channels and nothing else.

        Parameters
        ----------
        in_channels, out_channels : int
            C and N.
        axes : {1, 2}, optional
            Spatial axes of the input.
        bias : bool, optional
            As for `ConvSpec`.

        Returns
        -------
        ConvSpec

        Examples
        --------
        >>> ConvSpec.pointwise(3, 256)
        ConvSpec(3, 256, (1, 1))
        """
        if whole_number("axes", axes, minimum=1) not in _AXES:
            msg = f"axes must be 1 or 2. Received: axes={axes!r}"
            raise ValueError(msg)
        return cls(in_channels, out_channels, (1,) * axes, bias=bias)

    def __repr__(self) -> str:
        """Return the shortest call that makes this spec."""
        plain = ConvSpec(1, 1, self.kernel_size)
        said = [f"{self.in_channels}, {self.out_channels}, {self.kernel_size}"]
        said += [
            f"{name}={getattr(self, name)!r}"
            for name in ("stride", "padding", "dilation", "groups", "bias")
            if getattr(self, name) != getattr(plain, name)
        ]
        return f"ConvSpec({', '.join(said)})"

    @property
    def axes(self) -> int:
        """Number of spatial axes: 1 or 2."""
        return len(self.kernel_size)

    @property
    def weight_shape(self) -> Shape:
        """Shape of the weight: (N, C / groups, kH, kW)."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments for `conv2d` or `conv1d`: stride, padding, dilation, groups."""
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}

    @property
    def span(self) -> Shape:
        """Pixels between a kernel's first and last tap, both included: d·(K − 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation, strict=True))

    def pads(self, input_size: Sizes) -> Pads:
        """Return the zeros added before and after each axis of an input of this size.

        Parameters
        ----------
        input_size : int or tuple of int
            (H, W), or (L,) for a 1-D layer, in pixels. An int means that on every axis.

        Returns
        -------
        tuple of (int, int)
            One (before, after) pair for each axis.

        Examples
        --------
        >>> ConvSpec(3, 8, 3, stride=2, padding="same").pads((6, 7))
        ((0, 1), (1, 1))
        """
        sizes = per_axis("input_size", input_size, self.axes, minimum=1)
        if self.padding == "same":
            return tuple(map(_same_pads, sizes, self.span, self.stride))
        return self.padding

    def output_size(self, input_size: Sizes) -> Shape:
        """Return the size of the output maps for an input of this size.

        Parameters
        ----------
        input_size : int or tuple of int
            (H, W), or (L,) for a 1-D layer, in pixels. An int means that on every axis.

        Returns
        -------
        tuple of int
            floor((H + before + after − d·(K − 1) − 1) / stride) + 1 for each axis.

        Raises
        ------
        ValueError
            If the kernel does not fit into the padded input.

        Examples
        --------
        >>> ConvSpec(3, 8, 3, stride=2, padding=1).output_size((224, 160))
        (112, 80)
        """
        sizes = per_axis("input_size", input_size, self.axes, minimum=1)
        padded = [n + sum(pads) for n, pads in zip(sizes, self.pads(sizes), strict=True)]
        for axis, name in enumerate(_AXES[self.axes]):
            if self.span[axis] > padded[axis]:
                msg = (
                    f"the kernel must fit into the padded input. Received: {name} "
                    f"{padded[axis]} with padding, kernel_size={self.kernel_size} with "
                    f"dilation={self.dilation}, which spans {self.span[axis]}"
                )
                raise ValueError(msg)
        return tuple(
            (n - span) // s + 1 for n, span, s in zip(padded, self.span, self.stride, strict=True)
        )


def _check_groups_divide(name: str, channels: int, groups: int) -> None:
    if channels % groups:
        msg = f"groups (={groups}) must divide {name} (={channels}): every group gets as many"
        raise ValueError(msg)


# --- Arrays: what they are, and whether they fit together -----------------------------


def backend_of(arrays: Mapping[str, Any]) -> Literal["numpy", "torch"]:
    """Return the name of the backend that all these arrays belong to.

    Parameters
    ----------
    arrays : mapping of str to array or None
        The arguments by name. A bias of None is one that is not there.

    Returns
    -------
    {"numpy", "torch"}

    Raises
    ------
    TypeError
        If one is not an array, if they are of both kinds, or if their dtypes are not
        all one floating dtype or (NumPy) all integers.
    ValueError
        If tensors live on several devices.

    Notes
    -----
    torch is looked for among the modules already imported: whoever holds a tensor has
    imported it, and nobody else has to wait for it.

    Examples
    --------
    >>> backend_of({"input": np.ones(3), "weight": np.ones(2), "bias": None})
    'numpy'
    """
    given = {name: array for name, array in arrays.items() if name != "bias" or array is not None}
    kinds = {name: array_kind(name, array) for name, array in given.items()}
    if len(set(kinds.values())) > 1:
        msg = (
            "all arrays must be of one kind, NumPy or PyTorch. Received: "
            + ", ".join(f"{name} from {kind}" for name, kind in kinds.items())
            + "; convert with torch.from_numpy(array) or tensor.numpy()"
        )
        raise TypeError(msg)
    kind = next(iter(kinds.values()))
    _check_dtypes(kind, {name: _dtype_name(array) for name, array in given.items()})
    if kind == "torch" and len({array.device for array in given.values()}) > 1:
        devices = ", ".join(f"{name} on {array.device}" for name, array in given.items())
        msg = f"all tensors must be on one device. Received: {devices}; move with tensor.to(device)"
        raise ValueError(msg)
    return kind


def array_kind(name: str, array: Any) -> Literal["numpy", "torch"]:
    """Return which library's array this is, or refuse it by its name.

    Parameters
    ----------
    name : str
        What the caller calls it; used in the message.
    array : ndarray or Tensor
        The thing itself.

    Returns
    -------
    {"numpy", "torch"}

    Raises
    ------
    TypeError
        If it is neither, or a masked array or sparse tensor.

    Examples
    --------
    >>> array_kind("input", np.ones(3))
    'numpy'
    """
    if isinstance(array, np.ma.MaskedArray):
        msg = (
            f"{name} must not be a masked array, whose mask would be lost. "
            f"Received: {name} of type MaskedArray; cast with {name}.filled(0)"
        )
        raise TypeError(msg)
    if isinstance(array, np.ndarray):
        return "numpy"
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        if array.layout != torch.strided:
            msg = (
                f"{name} must be a dense tensor. Received: {name} of layout {array.layout}; "
                f"convert with {name}.to_dense()"
            )
            raise TypeError(msg)
        return "torch"
    msg = (
        f"{name} must be a NumPy array or a PyTorch tensor. "
        f"Received: {name} of type {type(array).__name__}; convert with np.asarray({name})"
    )
    raise TypeError(msg)


def _dtype_name(array: Any) -> str:
    if isinstance(array, np.ndarray):
        return str(array.dtype.name)
    return str(array.dtype).removeprefix("torch.")


def _check_dtypes(kind: str, dtypes: Mapping[str, str]) -> None:
    """Refuse dtypes that cannot be combined without rounding or guessing."""
    received = "Received: " + ", ".join(f"{name} of dtype {d}" for name, d in dtypes.items())
    cast_to = "{0}.astype(np.{1})" if kind == "numpy" else "{0}.to(torch.{1})"
    floating = sorted({d for d in dtypes.values() if d in _FLOATING})
    first = next(iter(dtypes.values()))
    wanted = first if first in _FLOATING else next(iter(floating), None)
    for name, dtype in dtypes.items():
        if dtype in _FLOATING or (dtype in _INTEGER and kind == "numpy"):
            continue
        if dtype in _INTEGER or dtype == "uint64":
            exact = wanted or ("int64" if kind == "numpy" else "float32")
            rule = (
                "unsigned integers must fit into int64, so up to 32 bits"
                if kind == "numpy"
                else "PyTorch tensors must be floating (NumPy arrays of integers are exact)"
            )
            msg = f"{rule}. {received}; cast with {cast_to.format(name, exact)}"
        else:
            cast = cast_to.format(name, wanted or "float32")
            msg = (
                f"{name} must hold floating-point numbers"
                f"{' or integers' if kind == 'numpy' else ''}. "
                f"{received}; cast with {cast} if that is meant"
            )
        raise TypeError(msg)
    for name, dtype in dtypes.items():
        if wanted is not None and dtype != wanted:
            msg = (
                f"all arrays must share one floating dtype, or all be integers. {received}; "
                f"cast with {cast_to.format(name, wanted)}"
            )
            raise TypeError(msg)


class Plan(NamedTuple):
    """A call that has passed every rule: what a backend needs to know."""

    spec: ConvSpec
    pads: Pads
    output_size: Shape
    batched: bool


def plan_convolution(
    axes: int,
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    bias_shape: Sequence[int] | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    weight_name: str = "weight",
) -> Plan:
    """Check the shapes of one convolution against each other and return its plan.

    Parameters
    ----------
    axes : {1, 2}
        Spatial axes of the operation.
    input_shape : sequence of int
        (B, C, H, W), or (C, H, W) without a batch.
    weight_shape : sequence of int
        (N, C / groups, kH, kW).
    bias_shape : sequence of int, optional
        (N,).
    stride, padding, dilation, groups
        As for `ConvSpec`.
    weight_name : str, optional
        What the caller calls the weight; used in messages.

    Returns
    -------
    Plan

    Raises
    ------
    TypeError
        If an option is not an integer.
    ValueError
        If ranks, channels, groups or sizes do not fit together.

    Examples
    --------
    >>> plan_convolution(2, (3, 12, 12), (256, 3, 5, 5)).output_size
    (8, 8)
    """
    plain = _input_shape(axes, input_shape)
    weight = _weight_shape(axes, weight_shape, weight_name)
    channels, size = plain[-axes - 1], plain[-axes:]
    groups = whole_number("groups", groups, minimum=1)
    outputs = weight[0]
    for name, count in (("input channels", channels), (f"{weight_name}.shape[0]", outputs)):
        _check_groups_divide(name, count, groups)
    if channels != weight[1] * groups:
        msg = (
            f"{weight_name}.shape[1] must be the input's channels divided by groups. Received: "
            f"input.shape={plain} (C={channels}), {weight_name}.shape={weight}, groups={groups}"
        )
        raise ValueError(msg)
    if bias_shape is not None and tuple(bias_shape) != (outputs,):
        msg = (
            f"bias must have shape ({outputs},), one number for each output channel. "
            f"Received: bias.shape={tuple(bias_shape)}"
        )
        raise ValueError(msg)
    spec = ConvSpec(
        channels,
        outputs,
        weight[2:],
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias_shape is not None,
    )
    return Plan(spec, spec.pads(size), spec.output_size(size), len(plain) == axes + 2)


def plan_depthwise(
    axes: int,
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    bias_shape: Sequence[int] | None = None,
    *,
    weight_name: str = "weight",
    **options: Any,
) -> Plan:
    """Check a depthwise convolution and return its plan, with groups equal to C.

    Parameters
    ----------
    axes, input_shape, bias_shape, weight_name
        As for `plan_convolution`.
    weight_shape : sequence of int
        (C · depth_multiplier, 1, kH, kW).
    **options
        stride, padding, dilation.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If a filter has more than one input channel, or the filters are no multiple of C.

    Examples
    --------
    >>> plan_depthwise(2, (3, 12, 12), (6, 1, 5, 5)).spec
    ConvSpec(3, 6, (5, 5), groups=3)
    """
    plain = _input_shape(axes, input_shape)
    weight = _weight_shape(axes, weight_shape, weight_name)
    channels = plain[-axes - 1]
    if weight[1] != 1:
        msg = (
            f"a depthwise weight must have shape (C·depth_multiplier, 1, "
            f"{_kernel_letters(axes)}): each filter reads one channel. "
            f"Received: {weight_name}.shape={weight}"
        )
        raise ValueError(msg)
    if channels < 1 or weight[0] % channels:
        msg = (
            f"a depthwise weight must have C·depth_multiplier filters, a multiple of the "
            f"input's channels. Received: input.shape={plain} (C={channels}), "
            f"{weight_name}.shape={weight}"
        )
        raise ValueError(msg)
    return plan_convolution(
        axes, plain, weight, bias_shape, groups=channels, weight_name=weight_name, **options
    )


def plan_pointwise(
    axes: int,
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    bias_shape: Sequence[int] | None = None,
    *,
    weight_name: str = "weight",
) -> Plan:
    """Check a pointwise convolution and return its plan.

    Parameters
    ----------
    axes, input_shape, bias_shape, weight_name
        As for `plan_convolution`.
    weight_shape : sequence of int
        (N, C, 1, 1), or (N, C, 1) for a 1-D layer.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        If the kernel is larger than one pixel.

    Examples
    --------
    >>> plan_pointwise(2, (3, 8, 8), (256, 3, 1, 1)).spec
    ConvSpec(3, 256, (1, 1))
    """
    weight = _weight_shape(axes, weight_shape, weight_name)
    if any(k != 1 for k in weight[2:]):
        msg = (
            f"a pointwise weight must have shape (N, C, {', '.join('1' * axes)}): its "
            f"kernel is one pixel. Received: {weight_name}.shape={weight}"
        )
        raise ValueError(msg)
    return plan_convolution(axes, input_shape, weight, bias_shape, weight_name=weight_name)


def check_halves(axes: int, depthwise_shape: Sequence[int], pointwise_shape: Sequence[int]) -> None:
    """Refuse a pointwise weight that does not read every map of the depthwise half.

    Parameters
    ----------
    axes : {1, 2}
        Spatial axes of the operation.
    depthwise_shape, pointwise_shape : sequence of int
        (C · depth_multiplier, 1, kH, kW) and (N, C · depth_multiplier, 1, 1).

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the two do not fit together.

    Examples
    --------
    >>> check_halves(2, (6, 1, 3, 3), (8, 6, 1, 1))
    """
    first, second = tuple(depthwise_shape), _weight_shape(axes, pointwise_shape, "pointwise_weight")
    if second[1] != first[0]:
        msg = (
            "pointwise_weight.shape[1] must be depthwise_weight.shape[0]: it reads every map of "
            f"the depthwise half. Received: depthwise_weight.shape={first}, "
            f"pointwise_weight.shape={second}"
        )
        raise ValueError(msg)


def plan_spatially_separable(
    input_shape: Sequence[int],
    column_shape: Sequence[int],
    row_shape: Sequence[int],
    **options: Any,
) -> Plan:
    """Check a spatially separable convolution and return the plan of the kernel it stands for.

    Parameters
    ----------
    input_shape : sequence of int
        (B, C, H, W), or (C, H, W) without a batch.
    column_shape, row_shape : sequence of int
        (kH,) and (kW,) for all channels, or (C, kH) and (C, kW).
    **options
        stride, padding, dilation.

    Returns
    -------
    Plan
        Of the depthwise layer whose kernels are the outer products.

    Raises
    ------
    ValueError
        If column and row have the wrong rank, different ranks, or not C lines.

    Examples
    --------
    >>> plan_spatially_separable((3, 12, 12), (5,), (3,)).output_size
    (8, 10)
    """
    plain = _input_shape(2, input_shape)
    column, row = tuple(column_shape), tuple(row_shape)
    if len(column) not in (1, 2) or len(row) != len(column):
        msg = (
            f"column and row must have shapes (kH,) and (kW,), or (C, kH) and (C, kW). "
            f"Received: column.shape={column}, row.shape={row}"
        )
        raise ValueError(msg)
    channels = plain[-3]
    if len(column) == 2 and not column[0] == row[0] == channels:
        msg = (
            f"column and row must have one line for each of the input's channels. Received: "
            f"input.shape={plain} (C={channels}), column.shape={column}, row.shape={row}"
        )
        raise ValueError(msg)
    return plan_depthwise(2, plain, (channels, 1, column[-1], row[-1]), **options)


def _input_shape(axes: int, shape: Sequence[int]) -> Shape:
    if len(shape) not in (axes + 1, axes + 2):
        letters = _LETTERS[axes]
        msg = (
            f"input must have shape (B, C, {letters}), or (C, {letters}) without a batch. "
            f"Received: input.shape={tuple(shape)}"
        )
        raise ValueError(msg)
    return tuple(shape)


def _weight_shape(axes: int, shape: Sequence[int], name: str) -> Shape:
    if len(shape) != axes + 2:
        msg = (
            f"{name} must have shape (N, C/groups, {_kernel_letters(axes)}). "
            f"Received: {name}.shape={tuple(shape)}"
        )
        raise ValueError(msg)
    return tuple(shape)


def _kernel_letters(axes: int) -> str:
    return {1: "kL", 2: "kH, kW"}[axes]


__all__ = [
    "ConvSpec",
    "Padding",
    "Pads",
    "Plan",
    "Shape",
    "Sizes",
    "array_kind",
    "backend_of",
    "check_halves",
    "per_axis",
    "plan_convolution",
    "plan_depthwise",
    "plan_pointwise",
    "plan_spatially_separable",
    "positive",
    "whole_number",
]
