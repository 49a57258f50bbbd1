"""The rows that describe a network, with the numbers or ratios that its paper prints.

A row is data: the walker (`dsconv.architectures.walk`) knows what it stands for. Where the
trained builds use another number than the paper prints, the row holds a `Built` with both and
the reason.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, get_args

from dsconv.geometry import positive, whole_number

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
        _check_fields(f"rows[{index}]", row)
        if isinstance(row, XceptionModule):
            _check_module(f"rows[{index}]", row)
    if not rows:
        msg = "rows must hold at least one row. Received: none"
        raise ValueError(msg)
    return tuple(rows)


def _check_module(where: str, row: XceptionModule) -> None:
    """Refuse what only an XceptionModule has."""
    if not isinstance(row.out_channels, tuple) or not row.out_channels:
        msg = (
            f"{where}.out_channels must be a tuple of one number or more. "
            f"Received: {where}.out_channels={row.out_channels!r}"
        )
        raise TypeError(msg)
    if row.stride not in (1, 2):
        msg = f"{where}.stride must be 1 or 2. Received: {where}.stride={row.stride!r}"
        raise ValueError(msg)


_WORDS = {
    "activation": get_args(Activation),
    "padding": get_args(Padding),
    "gate": get_args(Gate),
    "of": ("expanded", "input"),
}
_FLAGS = ("between", "whole", "shortcut", "first_activation")
_AT_LEAST_ONE = ("kernel_size", "repeat", "dilation", "groups", "divide_by", "divisor")
_NESTED = {"squeeze": SqueezeExcite, "steps": Step}


def _check_fields(where: str, row: Any) -> None:
    """Refuse words and numbers that no layer could be made of; ConvSpec checks the rest."""
    for field in fields(row):
        name, given = f"{where}.{field.name}", getattr(row, field.name)
        if given is None and field.default is None:
            continue
        if field.name in _WORDS and given not in _WORDS[field.name]:
            words = ", ".join(map(repr, _WORDS[field.name]))
            msg = f"{name} must be one of {words}. Received: {name}={given!r}"
            raise ValueError(msg)
        if field.name in _AT_LEAST_ONE:
            whole_number(name, given, minimum=1)
        if field.name == "epsilon":
            positive(name, given)
        if field.name in _FLAGS and not isinstance(given, bool):
            msg = f"{name} must be True or False. Received: {name}={given!r}"
            raise TypeError(msg)
        if field.name in _NESTED:
            parts = given if isinstance(given, tuple) else (given,)
            for part in parts:
                if not isinstance(part, _NESTED[field.name]):
                    kind = _NESTED[field.name].__name__
                    msg = f"{name} must be a {kind}. Received: {name}={given!r}"
                    raise TypeError(msg)
                _check_fields(name, part)


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
    "check_rows",
    "value",
]
