"""What a layer is called, and the sentences that figures say about it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

from dsconv.cost import layer_cost
from dsconv.geometry import ConvSpec
from dsconv.viz._svg import texts

Layer: TypeAlias = "ConvSpec | Sequence[ConvSpec]"
Chain: TypeAlias = tuple[ConvSpec, ...]


def chains(layers: Sequence[Any]) -> list[Chain]:
    """Return every layer as a tuple of specs that run one after another, checked."""
    if not layers:
        msg = "a figure must have at least one layer, a ConvSpec. Received: none"
        raise ValueError(msg)
    return [_chain(f"layers[{index}]", layer) for index, layer in enumerate(layers)]


def _chain(name: str, layer: Any) -> Chain:
    specs = (layer,) if isinstance(layer, ConvSpec) else layer
    if (
        not isinstance(specs, tuple | list)
        or not specs
        or any(not isinstance(spec, ConvSpec) for spec in specs)
    ):
        msg = (
            f"{name} must be a ConvSpec, or a tuple or list of them that run one after another. "
            f"Received: {name}={layer!r}"
        )
        raise TypeError(msg)
    for index, (first, second) in enumerate(pairwise(specs)):
        if first.axes != second.axes:
            msg = (
                f"layers that run one after another must have the same axes. Received: "
                f"{name}[{index}]={first!r}, {name}[{index + 1}]={second!r}"
            )
            raise ValueError(msg)
        if first.out_channels != second.in_channels:
            msg = (
                f"layers that run one after another must pass on their channels. Received: "
                f"{name}[{index}].out_channels={first.out_channels}, "
                f"{name}[{index + 1}].in_channels={second.in_channels}"
            )
            raise ValueError(msg)
    return tuple(specs)


def many(number: int, thing: str) -> str:
    """Return "1 weight" or "1,728 weights"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"


def shape(*numbers: int) -> str:
    """Return "3 × 6 × 8"."""
    return " × ".join(f"{number:,}" for number in numbers)


def kind(spec: ConvSpec) -> str:
    """Return the layer's name: standard, pointwise, depthwise or grouped."""
    if spec.groups == 1:
        return "pointwise" if prod(spec.kernel_size) == 1 else "standard"
    return "depthwise" if spec.groups == spec.in_channels else "grouped"


def title(chain: Chain) -> str:
    """Return "Depthwise, then pointwise"."""
    names = [
        f"grouped, {spec.groups} groups" if kind(spec) == "grouped" else kind(spec)
        for spec in chain
    ]
    joined = ", then ".join(names)
    return joined[0].upper() + joined[1:]


def kernel(spec: ConvSpec) -> str:
    """Return "a 3×3 kernel", for a kernel of one number "one number"."""
    if prod(spec.kernel_size) == 1:
        return "one number"
    if spec.axes == 1:
        return f"a kernel of {spec.kernel_size[0]}"
    size = "×".join(map(str, spec.kernel_size))
    article = "an" if size.startswith("8") or spec.kernel_size[0] in (11, 18) else "a"
    return f"{article} {size} kernel"


def weights(chain: Chain) -> tuple[int, int]:
    """Return the number of weights and of biases, as the cost model counts them."""
    parameters = sum(layer_cost(spec, spec.span).parameters for spec in chain)
    biases = sum(spec.out_channels for spec in chain if spec.bias)
    return parameters - biases, biases


def weights_line(chain: Chain) -> str:
    """Return "216 weights", or "216 weights, 6 biases"."""
    number, biases = weights(chain)
    line = many(number, "weight")
    return f"{line}, {biases:,} bias{'' if biases == 1 else 'es'}" if biases else line


def titles(given: Any, chains: Sequence[Chain]) -> list[str]:
    """Return the caller's titles, checked, or those made from the specs."""
    if given is None:
        return [title(chain) for chain in chains]
    return texts("titles", given, len(chains))
