"""The rows that describe a network, with the numbers or ratios that its paper prints.

A row is data: the walker (`dsconv.architectures.walk`) knows what it stands for. Where the
trained builds use another number than the paper prints, the row holds a `Built` with both and
the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias

from dsconv.geometry import whole_number

Activation: TypeAlias = Literal["", "relu", "relu6", "hard_swish", "swish"]
Gate: TypeAlias = Literal["sigmoid", "hard_sigmoid"]
Padding: TypeAlias = Literal["half", "same", "valid"]


@dataclass(frozen=True)
class Built:
    """A number of the trained builds where the paper prints another.

    Attributes
    ----------
    value : int
        What is built, and used here.
    printed : int
        What the paper prints.
    reason : str
        How we know.
    """

    value: int
    printed: int
    reason: str


Number: TypeAlias = "int | Built"


class _Short:
    """Prints as the shortest call that makes it: what has its default is not said."""

    def __repr__(self) -> str:
        said = []
        for field in fields(self):  # type: ignore[arg-type]  # each row is a dataclass
            number = getattr(self, field.name)
            if field.default is MISSING:
                said.append(repr(number))
            elif number != field.default:
                said.append(f"{field.name}={number!r}")
        return f"{type(self).__name__}({', '.join(said)})"


@dataclass(frozen=True, repr=False)
class Style(_Short):
    """What holds for the rows below it, until the next `Style`.

    Attributes
    ----------
    activation : {"", "relu", "relu6", "hard_swish", "swish"}
        Behind a batch norm, unless a row says otherwise; "" is none.
    padding : {"half", "same", "valid"}
        "half" puts (K − 1) // 2 zeros on both sides, as PyTorch's builds do; "same" is
        TensorFlow's, with the odd zero after; "valid" puts none.
    epsilon : float
        What a norm adds to the variance.
    """

    activation: Activation = "relu"
    padding: Padding = "half"
    epsilon: float = 1e-5


@dataclass(frozen=True, repr=False)
class Conv(_Short):
    """A standard convolution, its batch norm and its activation.

    Attributes
    ----------
    kernel_size, out_channels, stride : int
    repeat : int
        How often; the stride belongs to the first.
    activation : str, optional
        None takes the style's.
    padding : str, optional
        None takes the style's.
    fixed : str
        Why the width multiplier leaves the channels alone; empty where it does not.
    at_least : int
        The fewest channels that a width multiplier leaves.
    """

    kernel_size: int
    out_channels: Number
    stride: int = 1
    repeat: int = 1
    activation: Activation | None = None
    padding: Padding | None = None
    fixed: str = ""
    at_least: int = 0


@dataclass(frozen=True, repr=False)
class Separable(_Short):
    """A depthwise convolution and a pointwise one.

    Attributes
    ----------
    kernel_size, out_channels, stride, repeat : int
        As in `Conv`.
    between : bool
        Whether batch norm and activation also stand between the halves (MobileNet: yes,
        Xception: no).
    """

    kernel_size: int
    out_channels: Number
    stride: Number = 1
    repeat: int = 1
    between: bool = True


@dataclass(frozen=True, repr=False)
class SqueezeExcite(_Short):
    """One factor a channel, computed from the means of all channels.

    Attributes
    ----------
    divide_by : int
        The middle has 1 / divide_by of the channels of `of`.
    of : {"expanded", "input"}
        The block's expanded channels, or its input channels.
    divisor : int
        The middle is rounded to a multiple of it.
    gate : {"sigmoid", "hard_sigmoid"}
    activation : str
        Of the middle.
    reason : str
        How we know, where the paper does not say it.
    """

    divide_by: int
    of: Literal["expanded", "input"] = "expanded"
    divisor: int = 8
    gate: Gate = "hard_sigmoid"
    activation: Activation = "relu"
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Bottleneck(_Short):
    """MobileNetV2's block: widen with 1×1, filter depthwise, narrow with a linear 1×1.

    A shortcut adds the input where stride and channels allow it.

    Attributes
    ----------
    kernel_size, out_channels, stride, repeat : int
        As in `Conv`.
    t : int
        The middle has t times the block's input channels. Either this,
    expanded : int
        or the number itself, as MobileNetV3 prints it.
    squeeze : SqueezeExcite, optional
        Between the depthwise convolution's activation and the last 1×1.
    activation : str, optional
        None takes the style's.
    whole : bool
        Whether the depth multiplier of the EfficientNets leaves `repeat` alone.
    """

    kernel_size: int
    out_channels: Number
    stride: int = 1
    repeat: int = 1
    t: int = 0
    expanded: int = 0
    squeeze: SqueezeExcite | None = None
    activation: Activation | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        if bool(self.t) == bool(self.expanded):
            msg = (
                "a Bottleneck has either t, a ratio, or expanded, a number of channels. "
                f"Received: t={self.t!r}, expanded={self.expanded!r}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, repr=False)
class XceptionModule(_Short):
    """Separable convolutions, each behind a ReLU, and a shortcut around them.

    Attributes
    ----------
    out_channels : tuple of int
        One entry for each separable convolution.
    stride : {1, 2}
        2 ends the module with a 3×3 max pool, and makes a strided 1×1 of the shortcut.
    repeat : int
    kernel_size : int
    first_activation : bool
        False where the rows before end with an activation already.
    """

    out_channels: tuple[int, ...]
    stride: int = 1
    repeat: int = 1
    kernel_size: int = 3
    first_activation: bool = True


@dataclass(frozen=True, repr=False)
class Step(_Short):
    """One step of SliceNet: layer norm of a separable convolution of a ReLU.

    Attributes
    ----------
    kernel_size, dilation : int
    groups : int
        1 is a separable convolution, more a super-separable one: its 1×1 is grouped too.
    shortcut : bool
        Whether the module's input is added behind this step.
    """

    kernel_size: int
    dilation: int = 1
    groups: int = 1
    shortcut: bool = False


@dataclass(frozen=True, repr=False)
class ConvModule(_Short):
    """SliceNet's module: steps that keep the channels and the length.

    Attributes
    ----------
    steps : tuple of Step
    repeat : int
    """

    steps: tuple[Step, ...]
    repeat: int = 1


@dataclass(frozen=True)
class GlobalPool:
    """The mean of each map, behind which a dense layer may stand.

    Examples
    --------
    >>> GlobalPool()
    GlobalPool()
    """


@dataclass(frozen=True, repr=False)
class Dense(_Short):
    """A dense layer with its bias.

    Attributes
    ----------
    out_channels : int
        The numbers that it gives.
    activation : str
        "" gives them as they are.
    fixed : str
        Why the width multiplier leaves it alone; empty where it does not.
    """

    out_channels: Number
    activation: Activation = ""
    fixed: str = "one for each class"


Row: TypeAlias = (
    "Style | Conv | Separable | Bottleneck | XceptionModule | ConvModule | GlobalPool | Dense"
)
Rows: TypeAlias = tuple[Row, ...]


def value(number: Number) -> int:
    """Return the number that is built.

    Examples
    --------
    >>> value(Built(1, printed=2, reason="input and output have one size"))
    1
    """
    return number.value if isinstance(number, Built) else number


def deviations(rows: Sequence[Row]) -> list[tuple[str, int, int, str]]:
    """Return what is built otherwise than printed: row and field, printed, built, reason.

    Parameters
    ----------
    rows : sequence of rows

    Returns
    -------
    list of (str, int, int, str)

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS
    >>> deviations(NETWORKS["mobilenet_v1"].rows)[0][:3]
    ('row 10, Separable, stride', 2, 1)
    """
    found = []
    for index, row in enumerate(rows, start=1):
        for field in fields(row):
            number = getattr(row, field.name)
            if isinstance(number, Built):
                where = f"row {index}, {type(row).__name__}, {field.name}"
                found.append((where, number.printed, number.value, number.reason))
    return found


# --- Width, depth and resolution ------------------------------------------------------


def make_divisible(number: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` nearest to a number, and never 10 % below it.

    Parameters
    ----------
    number : float
        Channels, perhaps not whole; positive.
    divisor : int, optional
        What the result is a multiple of.

    Returns
    -------
    int
        At least `divisor`.

    Raises
    ------
    TypeError, ValueError
        If the number is not positive and finite, or the divisor no positive integer.

    Notes
    -----
    The rule of the MobileNetV2 and V3 builds. Half goes up: 12 becomes 16.

    Examples
    --------
    >>> [make_divisible(0.35 * channels) for channels in (16, 24, 32, 96)]
    [8, 8, 16, 32]
    """
    divisor = whole_number("divisor", divisor, minimum=1)
    number = positive("number", number)
    rounded = max(divisor, int(number + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * number else rounded


def positive(name: str, number: float) -> float:
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
    if isinstance(number, bool) or not isinstance(number, int | float):
        msg = f"{name} must be a number. Received: {name}={number!r} ({type(number).__name__})"
        raise TypeError(msg)
    if not 0 < number < math.inf:
        msg = f"{name} must be positive and finite. Received: {name}={number!r}"
        raise ValueError(msg)
    return number


def scale_width(rows: Sequence[Row], width: float) -> Rows:
    """Return the rows with α times the channels, rounded to multiples of 8.

    Parameters
    ----------
    rows : sequence of rows
    width : float
        α, the width multiplier.

    Returns
    -------
    tuple of rows
        Rows that say so (`fixed`) keep their channels. At α = 1 nothing changes.

    Raises
    ------
    TypeError, ValueError
        If `width` is not positive and finite.

    Notes
    -----
    Howard et al., "MobileNets" (2017), section 3.3. Ratios stay ratios: a bottleneck's middle is
    t times its *scaled* input, and where the paper prints the middle as a number, its ratio to
    the block's input is kept. So MobileNetV3's published 0.75 comes out. For MobileNet's own
    0.75, 0.5 and 0.25, rounding changes nothing.

    Examples
    --------
    >>> [row.out_channels for row in scale_width([Conv(3, 32, stride=2), Separable(3, 64)], 0.3)]
    [16, 24]
    """
    positive("width", width)
    if width == 1:
        return tuple(rows)
    scaled: list[Row] = []
    before, after = 0, 0.0  # the channels that a row reads, as printed and as scaled
    for row in rows:
        new = _scaled(row, width, after / before if before else width)
        scaled.append(new)
        before, after = _last_channels(row) or before, _last_channels(new) or after
    return tuple(scaled)


def _scaled(row: Row, width: float, input_ratio: float) -> Row:
    if getattr(row, "fixed", ""):
        return row
    number = getattr(row, "out_channels", 0)
    if isinstance(row, XceptionModule):
        return replace(row, out_channels=tuple(make_divisible(width * n) for n in row.out_channels))
    if not value(number):
        return row
    changed: dict[str, Any] = {
        "out_channels": max(make_divisible(width * value(number)), getattr(row, "at_least", 0))
    }
    if getattr(row, "expanded", 0):
        changed["expanded"] = make_divisible(input_ratio * getattr(row, "expanded", 0))
    return replace(row, **changed)


def _last_channels(row: Row) -> int:
    """Return the channels that a row gives, or 0 where it keeps those that it reads."""
    number = getattr(row, "out_channels", 0)
    return number[-1] if isinstance(number, tuple) else value(number)


def scale_depth(rows: Sequence[Row], depth: float) -> Rows:
    """Return the rows with each bottleneck repeated `depth` times as often, rounded up.

    Parameters
    ----------
    rows : sequence of rows
    depth : float
        The depth multiplier of the EfficientNets; not the `depth_multiplier` of a convolution.

    Returns
    -------
    tuple of rows
        Rows marked `whole` keep their number.

    Raises
    ------
    TypeError, ValueError
        If `depth` is not positive and finite.

    Notes
    -----
    Tan and Le, "EfficientNet" (2019), equation 3, as its Lite builds round it.

    Examples
    --------
    >>> scale_depth([Bottleneck(3, 24, repeat=2, t=6)], 1.2)[0].repeat
    3
    """
    positive("depth", depth)
    return tuple(
        replace(row, repeat=math.ceil(depth * row.repeat))
        if isinstance(row, Bottleneck) and not row.whole
        else row
        for row in rows
    )


def as_standard(rows: Sequence[Row]) -> Rows:
    """Return the rows with a standard convolution in the place of each separable one.

    Parameters
    ----------
    rows : sequence of rows

    Returns
    -------
    tuple of rows
        The standard twin: the same channels, strides and maps.

    Examples
    --------
    >>> as_standard([Separable(3, 64, stride=2)])[0] == Conv(3, 64, stride=2)
    True
    """
    return tuple(
        Conv(row.kernel_size, value(row.out_channels), value(row.stride), row.repeat)
        if isinstance(row, Separable)
        else row
        for row in rows
    )


def check_rows(rows: Any) -> Rows:
    """Return rows as a tuple, or say why they are none.

    Parameters
    ----------
    rows : sequence of rows

    Returns
    -------
    tuple of rows

    Raises
    ------
    TypeError
        If it is no sequence, or an entry is no row.
    ValueError
        If there is none.

    Examples
    --------
    >>> len(check_rows([GlobalPool()]))
    1
    """
    if not isinstance(rows, tuple | list):
        msg = f"rows must be a tuple or list of rows. Received: {rows!r} ({type(rows).__name__})"
        raise TypeError(msg)
    kinds = (Style, Conv, Separable, Bottleneck, XceptionModule, ConvModule, GlobalPool, Dense)
    for index, row in enumerate(rows):
        if not is_dataclass(row) or not isinstance(row, kinds):
            names = ", ".join(kind.__name__ for kind in kinds)
            msg = f"rows[{index}] must be one of {names}. Received: {row!r}"
            raise TypeError(msg)
    if not rows:
        msg = "rows must hold at least one row. Received: none"
        raise ValueError(msg)
    return tuple(rows)


__all__ = [
    "Bottleneck",
    "Built",
    "Conv",
    "ConvModule",
    "Dense",
    "GlobalPool",
    "Separable",
    "SqueezeExcite",
    "Step",
    "Style",
    "XceptionModule",
    "as_standard",
    "check_rows",
    "deviations",
    "make_divisible",
    "positive",
    "scale_depth",
    "scale_width",
    "value",
]
