"""The networks of the study: one block a family, everything else the same.

A family says what stands in the place of a 3×3 convolution from C to N maps. From its block come
the layers, and from the layers both the PyTorch module (`dsconv.architectures.to_module`) and the
cost (`dsconv.cost.network_cost`), so what is trained and what is counted cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from dsconv.architectures import Layer
from dsconv.architectures.walker import INPUT, kind_of
from dsconv.cost import NetworkTotal, network_cost
from dsconv.geometry import ConvSpec, Shape, whole_number

STEM_CHANNELS = 16
GROUP_SIZE = 4
"""Channels of a group in the family `grouped`."""
CLASSES = 10
EPSILON = 1e-5


class Part(NamedTuple):
    """A convolution of a block, and whether batch norm and ReLU stand behind it."""

    name: str
    spec: ConvSpec
    active: bool = True


Block = Callable[[int, int, int], list[Part]]
"""Takes C, N and the number of spatial axes."""


# --- Blocks ---------------------------------------------------------------------------


def _spatial(in_channels: int, out_channels: int, axes: int, kernel: int = 3) -> ConvSpec:
    sides = (kernel,) * axes
    return ConvSpec(in_channels, out_channels, sides, padding=kernel // 2)


def _depthwise(channels: int, axes: int, kernel: int = 3, multiplier: int = 1) -> ConvSpec:
    return ConvSpec.depthwise(
        channels, (kernel,) * axes, depth_multiplier=multiplier, padding=kernel // 2
    )


def standard(in_channels: int, out_channels: int, axes: int) -> list[Part]:
    """Return one standard convolution."""
    return [Part("standard", _spatial(in_channels, out_channels, axes))]


def separable(
    in_channels: int,
    out_channels: int,
    axes: int,
    *,
    kernel: int = 3,
    multiplier: int = 1,
    active: bool = True,
) -> list[Part]:
    """Return a depthwise convolution and a pointwise one."""
    depthwise = _depthwise(in_channels, axes, kernel, multiplier)
    pointwise = ConvSpec.pointwise(in_channels * multiplier, out_channels, axes=axes)
    return [Part("depthwise", depthwise, active), Part("pointwise", pointwise)]


def pointwise_first(in_channels: int, out_channels: int, axes: int) -> list[Part]:
    """Return the two halves in the other order: the depthwise one filters the N new maps."""
    return [
        Part("pointwise", ConvSpec.pointwise(in_channels, out_channels, axes=axes)),
        Part("depthwise", _depthwise(out_channels, axes)),
    ]


def grouped(in_channels: int, out_channels: int, axes: int) -> list[Part]:
    """Return a convolution in groups of `GROUP_SIZE` channels, and a pointwise one."""
    if in_channels % GROUP_SIZE:
        msg = (
            f"in_channels must be a multiple of the group's {GROUP_SIZE} channels. "
            f"Received: in_channels={in_channels!r}"
        )
        raise ValueError(msg)
    spec = ConvSpec(
        in_channels, in_channels, (3,) * axes, padding=1, groups=in_channels // GROUP_SIZE
    )
    pointwise = ConvSpec.pointwise(in_channels, out_channels, axes=axes)
    return [Part("grouped", spec), Part("pointwise", pointwise)]


def spatially_separable(in_channels: int, out_channels: int, axes: int) -> list[Part]:
    """Return a 3×1 convolution to R = N maps, and a 1×3 one."""
    if axes != 2:
        msg = f"a spatially separable block needs two axes. Received: axes={axes!r}"
        raise ValueError(msg)
    return [
        Part("column", ConvSpec(in_channels, out_channels, (3, 1), padding=(1, 0))),
        Part("row", ConvSpec(out_channels, out_channels, (1, 3), padding=(0, 1))),
    ]


def standard_pointwise(in_channels: int, out_channels: int, axes: int) -> list[Part]:
    """Return a standard convolution from C to C maps, and a pointwise one.

    As deep as `separable`, with as many ReLUs: only the first half sees all channels here.
    """
    return [
        Part("standard", _spatial(in_channels, in_channels, axes)),
        Part("pointwise", ConvSpec.pointwise(in_channels, out_channels, axes=axes)),
    ]


def _separable(kernel: int = 3, multiplier: int = 1, *, active: bool = True) -> Block:
    def block(in_channels: int, out_channels: int, axes: int) -> list[Part]:
        return separable(
            in_channels, out_channels, axes, kernel=kernel, multiplier=multiplier, active=active
        )

    return block


# --- Families -------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """A block and the widths at which it is trained.

    Attributes
    ----------
    title : str
        For figures and tables.
    block : callable
    widths : tuple of int
        Output channels of the first stage; the others have two and four times as many.
    primary : bool
        Whether it takes part in the comparison that was written down before the runs.
    """

    title: str
    block: Block
    widths: tuple[int, ...]
    primary: bool = False

    @property
    def middle(self) -> int:
        """The width at which learning rate and weight decay are chosen."""
        return self.widths[len(self.widths) // 2]


LIGHT = (4, 28, 96)
HEAVY = (2, 12, 40)

FAMILIES = {
    "standard": Family("standard 3×3", standard, (2, 4, 12, 28, 64), primary=True),
    "separable": Family(
        "separable, BN and ReLU between", _separable(), (4, 12, 28, 64, 160), primary=True
    ),
    "separable_linear": Family("separable, nothing between", _separable(active=False), LIGHT),
    "pointwise_first": Family("1×1 first, then depthwise", pointwise_first, LIGHT),
    "grouped": Family("groups of 4 channels, then 1×1", grouped, (4, 28, 96)),
    "spatially_separable": Family("3×1, then 1×3", spatially_separable, HEAVY),
    "standard_pointwise": Family("standard 3×3, then 1×1", standard_pointwise, HEAVY),
    "separable_5x5": Family("separable with 5×5", _separable(kernel=5), LIGHT),
    "linear_2": Family(
        "multiplier 2, nothing between", _separable(multiplier=2, active=False), (4, 20, 64)
    ),
    "linear_4": Family(
        "multiplier 4, nothing between", _separable(multiplier=4, active=False), (4, 16, 48)
    ),
    "linear_9": Family(
        "multiplier 9, nothing between", _separable(multiplier=9, active=False), (2, 12, 32)
    ),
    "multiplier_2": Family("multiplier 2, BN and ReLU", _separable(multiplier=2), (4, 20, 64)),
    "multiplier_4": Family("multiplier 4, BN and ReLU", _separable(multiplier=4), (4, 16, 48)),
    "multiplier_9": Family("multiplier 9, BN and ReLU", _separable(multiplier=9), (2, 12, 32)),
}
"""By name. `linear_9` is the positive control: the same functions as `standard`, other weights."""


def family(name: str) -> Family:
    """Return a family by its name, or say which there are."""
    if name not in FAMILIES:
        msg = f"family must be one of {', '.join(FAMILIES)}. Received: family={name!r}"
        raise ValueError(msg)
    return FAMILIES[name]


# --- Networks -------------------------------------------------------------------------


class _Builder:
    """Puts one layer behind another."""

    def __init__(self, input_shape: Shape) -> None:
        self.layers: list[Layer] = []
        self.at = INPUT
        self.shape = input_shape

    def add(
        self,
        name: str,
        kind: str,
        shape: Shape,
        *,
        spec: ConvSpec | None = None,
        window: ConvSpec | None = None,
        epsilon: float = 0.0,
    ) -> None:
        self.layers.append(Layer(name, kind, spec, (self.at,), self.shape, shape, window, epsilon))
        self.at, self.shape = name, shape

    def part(self, prefix: str, part: Part) -> None:
        name = f"{prefix}.{part.name}"
        shape = (1, part.spec.out_channels, *part.spec.output_size(self.shape[2:]))
        self.add(f"{name}.conv", kind_of(part.spec), shape, spec=part.spec)
        if part.active:
            self.add(f"{name}.norm", "batch_norm", shape, epsilon=EPSILON)
            self.add(f"{name}.relu", "relu", shape)

    def pool(self, name: str) -> None:
        """Halve the sides, rounded up: the largest of each 2×2, an odd border alone."""
        channels, sides = self.shape[1], self.shape[2:]
        window = ConvSpec.depthwise(channels, (2,) * len(sides), stride=2, padding="same")
        self.add(name, "max_pool", (1, channels, *window.output_size(sides)), window=window)

    def head(self) -> None:
        channels, axes = self.shape[1], len(self.shape) - 2
        self.add("pool", "global_average_pool", (1, channels, *(1,) * axes))
        self.add("flatten", "flatten", (1, channels))
        spec = ConvSpec.pointwise(channels, CLASSES, bias=True)
        self.add("dense1.dense", "dense", (1, CLASSES), spec=spec)


def layers(name: str, width: int, sides: Shape) -> tuple[Layer, ...]:
    """Return the layers of a family's network.

    Parameters
    ----------
    name : str
        Of the family.
    width : int
        Output channels of the first stage.
    sides : tuple of int
        (H, W) or (L,) of the input, which has one channel.

    Returns
    -------
    tuple of Layer
        A 3×3 stem to 16 maps, the block to w maps, pooling, the block to 2w, pooling, the block
        to 4w, the mean of each map, a dense layer to 10.

    Examples
    --------
    >>> made = layers("separable", 8, (14, 14))
    >>> [layer.output_shape[1:] for layer in made if layer.kind == "pointwise_conv"]
    [(8, 14, 14), (16, 7, 7), (32, 4, 4)]
    """
    block = family(name).block
    width = whole_number("width", width, minimum=1)
    builder = _Builder((1, 1, *sides))
    builder.part("stem", Part("standard", _spatial(1, STEM_CHANNELS, len(sides))))
    for stage in range(3):
        if stage:
            builder.pool(f"pool{stage}")
        for part in block(builder.shape[1], width * 2**stage, len(sides)):
            builder.part(f"block{stage + 1}", part)
    builder.head()
    return tuple(builder.layers)


@cache
def cost(name: str, width: int, sides: Shape) -> NetworkTotal:
    """Return what a family's network costs for one picture.

    Examples
    --------
    >>> cost("separable", 8, (14, 14)).macs < cost("standard", 8, (14, 14)).macs / 3
    True
    """
    return network_cost(layers(name, width, sides)).total


__all__ = ["FAMILIES", "Block", "Family", "Part", "cost", "family", "layers"]
