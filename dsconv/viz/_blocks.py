"""The layers of a network in blocks, and what figures say of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from dsconv.architectures import Layer, Network, walk
from dsconv.cost.network import layer_row
from dsconv.geometry import ConvSpec, Shape

KINDS = {
    "conv": "standard",
    "depthwise_conv": "depthwise",
    "grouped_conv": "grouped",
    "pointwise_conv": "pointwise",
    "dense": "dense",
}
"""The kinds of layers that have weights, in words, in the order of figures."""

SHORT = {
    "batch_norm": "norm",
    "layer_norm": "layer norm",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hard_swish": "hard-swish",
    "swish": "swish",
    "sigmoid": "sigmoid",
    "hard_sigmoid": "hard-sigmoid",
    "flatten": "flatten",
}
"""The kinds that change no shape worth drawing, in words."""


class Block(NamedTuple):
    """Layers that share the first part of their names."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def input_shape(self) -> Shape:
        """Shape of what the block reads."""
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> Shape:
        """Shape of what the block gives."""
        return self.layers[-1].output_shape

    @property
    def strides(self) -> tuple[int, ...]:
        """The largest stride along each axis, of convolutions and of pooling windows."""
        found = [w.stride for layer in self.layers if (w := layer.spec or layer.window)]
        return tuple(max(steps) for steps in zip(*found, strict=True)) if found else (1,)

    @property
    def signature(self) -> tuple[Any, ...]:
        """What makes two blocks equal: everything but the names."""
        inside = {layer.name: index for index, layer in enumerate(self.layers)}
        return tuple(
            (
                layer.name.removeprefix(self.name),
                layer.kind,
                layer.spec,
                layer.window,
                layer.input_shape,
                layer.output_shape,
                tuple(inside.get(name) for name in layer.inputs),
            )
            for layer in self.layers
        )


class Work(NamedTuple):
    """What layers cost: MACs and weights for each kind, in words."""

    macs: dict[str, int]
    weights: dict[str, int]


def checked(name: str, layers: Any) -> tuple[Layer, ...]:
    """Return the layers of a network, or say why they are none."""
    if isinstance(layers, Network):
        return walk(layers)
    if not isinstance(layers, tuple | list) or any(not isinstance(x, Layer) for x in layers):
        given = repr(layers) if len(repr(layers)) < 80 else type(layers).__name__
        msg = (
            f"{name} must be a Network or a tuple or list of Layers, as walk returns. "
            f"Received: {name}={given}"
        )
        raise TypeError(msg)
    if not layers:
        msg = f"{name} must hold at least one layer. Received: {name}={layers!r}"
        raise ValueError(msg)
    return tuple(layers)


def blocks(layers: Sequence[Layer]) -> list[Block]:
    """Return the blocks of a network; what only flattens belongs to the block before it."""
    found: list[Block] = []
    for name, group in groupby(layers, lambda layer: layer.name.split(".")[0]):
        inside = tuple(group)
        if found and all(layer.kind == "flatten" for layer in inside):
            found[-1] = Block(found[-1].name, found[-1].layers + inside)
        else:
            found.append(Block(name, inside))
    return found


def runs(found: Sequence[Block]) -> list[list[Block]]:
    """Return the blocks with equal neighbours put together."""
    return [list(group) for _, group in groupby(found, lambda block: block.signature)]


def run_name(run: Sequence[Block]) -> str:
    """Return "block6", or "block7–11" for several."""
    first, last = run[0].name, run[-1].name
    number = re.search(r"\d+$", last)
    return first if len(run) == 1 or not number else f"{first}–{number.group()}"


def work(layers: Sequence[Layer]) -> Work:
    """Return what the layers cost, by kind, as the cost model counts it."""
    macs, weights = dict.fromkeys(KINDS.values(), 0), dict.fromkeys(KINDS.values(), 0)
    for layer in layers:
        if layer.spec is not None:
            cost = layer_row(layer)
            macs[KINDS[layer.kind]] += cost.macs
            weights[KINDS[layer.kind]] += cost.parameters
    return Work(macs, weights)


def map_size(shape: Shape) -> str:
    """Return "14×14×512" of (1, 512, 14, 14): height, width and channels, as papers print it."""
    return "×".join(f"{number}" for number in (*shape[2:], shape[1]))


def axes_words(shape: Shape) -> str:
    """Return what the numbers of `map_size` are."""
    return "length × channels" if len(shape) == 3 else "height × width × channels"


def stride_words(strides: Sequence[int]) -> str:
    """Return "stride 2", "stride 2×1", or nothing where no place is left out."""
    if max(strides) == 1:
        return ""
    numbers = strides[:1] if len(set(strides)) == 1 else strides
    return f"stride {'×'.join(map(str, numbers))}"


def kernel_words(spec: ConvSpec) -> str:
    """Return "3×3", or "15 wide" for a layer of one axis."""
    if spec.axes == 1:
        return f"{spec.kernel_size[0]} wide"
    return "×".join(map(str, spec.kernel_size))


def percent(share: float) -> str:
    """Return "94.9 %"; what is not nothing never becomes 0, and a part never the whole."""
    if 0 < share < 0.0005:
        return f"{max(100 * share, 0.001):.1g} %"
    if 0.9995 <= share < 1:
        return f"{min(100 * share, 99.99):.2f} %"
    return f"{100 * share:.1f} %"
