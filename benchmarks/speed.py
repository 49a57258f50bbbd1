"""Layers and whole networks, standard and separable, timed side by side on one thread.

A case is timed in one go, its calls in turns (`dsconv.timing`). Each table line says what a call
counts (MACs, bytes) beside what it took, so that the two can be compared.

On Linux, memory for an output of more than 32 MiB is given back to the system when the output is
dropped, and fetched anew, page by page and filled with zeros, by the next call. That may take
longer than the layer, and has nothing to do with it. So the cases are timed in a process that
keeps its memory (`KEPT`); some are timed as they come as well, under a name of their own (`FRESH`).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dsconv import _table
from dsconv.architectures import network, to_module, walk
from dsconv.cost import chain_cost, network_cost
from dsconv.geometry import ConvSpec
from dsconv.timing import processor, side_by_side

TABLE = Path(__file__).resolve().parents[1] / "dsconv" / "data" / "speed.csv"

COLUMNS = (
    *("case", "call", "layout", "batch", "macs", "bytes"),
    *("milliseconds", "ratio", "low", "high"),
)

LAYERS = (
    (3, 16, 32),
    (32, 64, 112),
    (128, 128, 56),
    (256, 256, 28),
    (512, 512, 14),
    (1024, 1024, 7),
)
"""C, N, and the side of the map: a tiny layer, and one of each size in MobileNet."""
ARTICLES = (3, 256, 12)
"""The layer that the articles count: kernels of 5 × 5, no padding."""
LAYER_BATCHES = (1, 16)
NETWORKS = ("conv_mobilenet_v1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large")
"""The first is what the others are compared with."""
NETWORK_BATCHES = (1, 8)
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
ROUNDS = 15
KEPT = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""The environment in which glibc keeps the memory of a process; other systems take no notice."""
FRESH = ", memory as it comes"
"""What follows the name of a case that was timed without that environment."""
FRESH_LAYERS = ((32, 64, 112), (1024, 1024, 7))


@dataclass(frozen=True)
class Call:
    """Something that is timed, and what it counts.

    Attributes
    ----------
    name : str
    run : callable
    macs, bytes : int
        0 where they are not counted.
    """

    name: str
    run: Callable[[], Any]
    macs: int
    bytes: int


@dataclass(frozen=True)
class Case:
    """Calls that are compared with the first of them."""

    name: str
    layout: str
    batch: int
    calls: tuple[Call, ...]


def machine(side: int = 1024, megabytes: int = 256) -> Case:
    """Return the two ends of the roofline: a matrix product, and a copy."""
    a, b = torch.randn(2, side, side)
    source = torch.ones(megabytes * 2**20 // 4)
    target = torch.empty_like(source)
    product = Call("matrix product", lambda: a @ b, side**3, 3 * 4 * side**2)
    copy = Call("copy", lambda: target.copy_(source), 0, 2 * 4 * source.numel())
    return Case("machine", "", 1, (product, copy))


def layer(
    in_channels: int,
    out_channels: int,
    size: int,
    batch: int,
    layout: str,
    kernel: int = 3,
    padding: int = 1,
) -> Case:
    """Return a standard layer, both halves of its separable twin, and both together."""
    standard = ConvSpec(in_channels, out_channels, kernel, padding=padding)
    depthwise = ConvSpec.depthwise(in_channels, kernel, padding=padding)
    pointwise = ConvSpec.pointwise(in_channels, out_channels)
    x = torch.randn(batch, in_channels, size, size)
    outputs = size + 2 * padding - kernel + 1
    smaller = x[..., :outputs, :outputs]
    calls = [
        _layers(name, specs, given, layout, padding)
        for name, specs, given in (
            ("standard", [standard], x),
            ("separable", [depthwise, pointwise], x),
            ("depthwise", [depthwise], x),
            ("pointwise", [pointwise], smaller),
        )
    ]
    dense = nn.Linear(in_channels, out_channels, bias=False)
    rows = smaller.permute(0, 2, 3, 1).contiguous()
    calls.append(Call("linear", lambda: dense(rows), calls[-1].macs, calls[-1].bytes))
    return Case(f"{in_channels} to {out_channels} at {size}", layout, batch, tuple(calls))


def _layers(
    name: str, specs: Sequence[ConvSpec], x: torch.Tensor, layout: str, padding: int
) -> Call:
    memory = LAYOUTS[layout]
    chain = nn.Sequential(
        *(
            nn.Conv2d(
                spec.in_channels,
                spec.out_channels,
                spec.kernel_size,  # type: ignore[arg-type]
                padding=padding if spec.kernel_size[0] > 1 else 0,
                groups=spec.groups,
                bias=False,
            )
            for spec in specs
        )
    ).to(memory_format=memory)  # type: ignore[call-overload]
    given = x.contiguous(memory_format=memory)
    counted = chain_cost(specs, x.shape[2:], batch_size=len(x))
    return Call(name, lambda: chain(given), counted.macs, counted.bytes_moved)


def networks(batch: int, layout: str, names: Sequence[str] = NETWORKS, size: int = 224) -> Case:
    """Return whole networks with random numbers for weights, batch norms as they are."""
    memory = LAYOUTS[layout]
    x = torch.randn(batch, 3, size, size).to(memory_format=memory)
    return Case("networks", layout, batch, tuple(_network(name, x, memory) for name in names))


def _network(name: str, x: torch.Tensor, memory: torch.memory_format) -> Call:
    layers = walk(network(name, resolution=x.shape[-1]))
    module = to_module(layers).eval().to(memory_format=memory)  # type: ignore[call-overload]
    counted = network_cost(layers, batch_size=len(x)).total
    return Call(name, lambda: module(x), counted.macs, 0)


def cases() -> Iterator[Case]:
    """Yield what is timed in a process that keeps its memory, each when the one before is done."""
    torch.manual_seed(0)
    yield machine()
    for in_channels, out_channels, size in LAYERS:
        for batch in LAYER_BATCHES:
            for layout in LAYOUTS:
                yield layer(in_channels, out_channels, size, batch, layout)
    for batch in LAYER_BATCHES:
        for layout in LAYOUTS:
            case = layer(*ARTICLES, batch, layout, kernel=5, padding=0)
            yield replace(case, name="articles' layer")
    for batch in NETWORK_BATCHES:
        for layout in LAYOUTS:
            yield networks(batch, layout)


def fresh_cases() -> Iterator[Case]:
    """Yield what is timed as it comes, besides."""
    torch.manual_seed(0)
    for in_channels, out_channels, size in FRESH_LAYERS:
        for batch in LAYER_BATCHES:
            yield _fresh(layer(in_channels, out_channels, size, batch, "NCHW"))
    yield _fresh(networks(NETWORK_BATCHES[-1], "NCHW"))


def _fresh(case: Case) -> Case:
    return replace(case, name=case.name + FRESH)


def measure(case: Case, rounds: int = ROUNDS, at_least: float = 0.01) -> list[dict[str, str]]:
    """Time a case; return its lines of the table."""
    calls = {call.name: call.run for call in case.calls}
    took = side_by_side(calls, rounds=rounds, at_least=at_least)
    lines = []
    for call in case.calls:
        timing = took[call.name]
        numbers = (timing.milliseconds, timing.ratio, timing.low, timing.high)
        values = (case.name, call.name, case.layout, case.batch, call.macs, call.bytes)
        texts = (*map(str, values), *(f"{number:.4g}" for number in numbers))
        lines.append(dict(zip(COLUMNS, texts, strict=True)))
    return lines


def write(path: Path, lines: Sequence[dict[str, str]], command: str, load: float) -> None:
    """Write a table below a line that says what made it, and on what."""
    said = (
        f"command: {command} | Python {platform.python_version()}, torch {torch.__version__}"
        f" | 1 thread of {processor()}, {platform.system()} {platform.machine()}, "
        f"memory kept but where a case says otherwise, load before {load:.2f}"
    )
    _table.write(path, said, COLUMNS, [[line[name] for name in COLUMNS] for line in lines])


__all__ = [
    "Call",
    "Case",
    "cases",
    "fresh_cases",
    "layer",
    "machine",
    "measure",
    "networks",
    "write",
]
