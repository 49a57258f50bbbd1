"""How long a forward pass of the study's networks takes: apart from the training, alone, in turns.

What counts is the ratio to the reference of the same round (`dsconv.timing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from dsconv import _table
from dsconv.architectures import to_module
from dsconv.geometry import Shape
from dsconv.measured import Latency
from dsconv.timing import Timing, side_by_side
from experiments.families import FAMILIES, cost, layers
from experiments.train import environment

Network = tuple[str, int]
"""A family and a width."""

REFERENCE: Network = ("standard", 64)
BATCHES = (1, 32)
TABLE = "study_latency.csv"
ROUNDS = 30


def networks() -> list[Network]:
    """Return every family at every width."""
    return [(name, width) for name, kind in FAMILIES.items() for width in kind.widths]


def measure(
    which: Sequence[Network], batch: int, *, sides: Shape = (14, 14), **how: Any
) -> dict[Network, Timing]:
    """Return how long networks take for a batch, beside the reference.

    Parameters
    ----------
    which : sequence of (str, int)
        Families and widths.
    batch : int
        Pictures in a forward pass.
    sides : tuple of int, optional
    **how
        `rounds` and `at_least` of `dsconv.timing.side_by_side`.

    Returns
    -------
    dict of (str, int) to Timing
    """
    torch.manual_seed(0)
    x = torch.randn(batch, 1, *sides)
    everybody = dict.fromkeys([REFERENCE, *which])
    calls = {_name(network): _call(network, x) for network in everybody}
    took = side_by_side(calls, **({"rounds": ROUNDS} | how))
    return {network: took[_name(network)] for network in which}


def _name(network: Network) -> str:
    return f"{network[0]} {network[1]}"


def _call(network: Network, x: torch.Tensor) -> Callable[[], torch.Tensor]:
    module = to_module(layers(*network, tuple(x.shape[2:]))).eval()
    if x.ndim == 4:  # as they are trained
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return lambda: module(x)


def write(path: Path, took: dict[int, dict[Network, Timing]], load: float) -> None:
    """Write the table that `dsconv.measured` reads, with the machine; it replaces an older one."""
    machine = environment()
    said = (
        f"command: python -m experiments latency | Python {machine['python']}, torch "
        f"{machine['torch']} | 1 thread of {machine['processor']}, load before {load:.2f}"
    )
    lines = []
    for batch, timings in took.items():
        for network, timing in timings.items():
            numbers = (timing.milliseconds, timing.ratio, timing.low, timing.high)
            counted = (*network, cost(*network, (14, 14)).macs, batch)
            lines.append((*counted, *(f"{number:.4f}" for number in numbers), _name(REFERENCE)))
    _table.write(path, said, (field.name for field in fields(Latency)), lines)


def read(path: Path, batch: int) -> dict[Network, float]:
    """Return the milliseconds for one picture, by family and width; empty if there is no table.

    Raises
    ------
    ValueError
        If the table is not what `write` writes.
    """
    if not path.exists():
        return {}
    _, lines = _table.parsed(path.read_text(encoding="utf-8"), Latency, str(path))
    return {
        (line.family, line.width): line.milliseconds / batch
        for line in lines
        if line.batch == batch
    }


__all__ = ["measure", "networks", "read", "write"]
