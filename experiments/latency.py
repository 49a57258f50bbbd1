"""How long a forward pass takes, as a ratio: measured apart from the training, alone, in turns.

Times of one machine say little about another, and a machine that does something else besides says
nothing. So nothing is measured while others compute, the networks take turns, and what is stored
is the ratio to the reference of the same round.
"""

from __future__ import annotations

import csv
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dsconv.architectures import to_module
from dsconv.geometry import Shape
from experiments.families import FAMILIES, cost, layers
from experiments.train import environment

REFERENCE = ("standard", 64)
BATCHES = (1, 32)
TABLE = "latency.csv"
ROUNDS = 30
AT_LEAST = 0.01
"""Seconds of one timing: a faster network runs several times in it."""
MOST_LOAD = 0.3
"""Of the machine's average over a minute, before the first timing."""

Networks = Sequence[tuple[str, int]]


class BusyError(Exception):
    """Others compute on this machine."""


@dataclass(frozen=True)
class Timing:
    """What one network took.

    Attributes
    ----------
    family : str
    width : int
    batch : int
        Pictures in a forward pass.
    milliseconds : float
        Of a pass, the median over rounds.
    ratio, low, high : float
        To the reference in the same round: the median and the quartiles.
    """

    family: str
    width: int
    batch: int
    milliseconds: float
    ratio: float
    low: float
    high: float


def networks() -> list[tuple[str, int]]:
    """Return every family at every width."""
    return [(name, width) for name, kind in FAMILIES.items() for width in kind.widths]


def check_alone(*, anyway: bool = False) -> float:
    """Return the load of the last minute, or refuse to measure.

    Raises
    ------
    BusyError
        If it is above `MOST_LOAD`.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > MOST_LOAD and not anyway:
        msg = (
            f"times are measured on a machine that does nothing else: its load must be at most "
            f"{MOST_LOAD}. Received: {load:.2f}. Wait, or say --anyway"
        )
        raise BusyError(msg)
    return load


def measure(
    which: Networks,
    *,
    reference: tuple[str, int] = REFERENCE,
    sides: Shape = (14, 14),
    batch: int = 1,
    rounds: int = ROUNDS,
    at_least: float = AT_LEAST,
) -> list[Timing]:
    """Return how long networks take, in turns and on one thread.

    Parameters
    ----------
    which : sequence of (str, int)
        Families and widths.
    reference : (str, int), optional
        Of the ratios; it takes its turn too.
    sides : tuple of int, optional
    batch : int, optional
    rounds : int, optional
        In each, every network is timed once, in an order of its own.
    at_least : float, optional
        Seconds of one timing.

    Returns
    -------
    list of Timing
        In the order of `which`.
    """
    everybody = list(dict.fromkeys([reference, *which]))
    torch.manual_seed(0)
    x = torch.randn(batch, 1, *sides)
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in everybody}
    with _one_thread(), torch.inference_mode():
        modules = {key: _ready(*key, sides) for key in everybody}
        times = {key: _times(module, x, at_least) for key, module in modules.items()}
        rng = np.random.default_rng(0)
        for _ in range(rounds):
            for index in rng.permutation(len(everybody)):
                key = everybody[index]
                seconds[key].append(_timed(modules[key], x, times[key]))
    made = []
    for name, width in which:
        own, of = seconds[name, width], seconds[reference]
        ratios = [a / b for a, b in zip(own, of, strict=True)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        milliseconds = 1000 * statistics.median(own)
        made.append(
            Timing(name, width, batch, milliseconds, float(middle), float(low), float(high))
        )
    return made


def _ready(name: str, width: int, sides: Shape) -> nn.Module:
    module = to_module(layers(name, width, sides)).eval()
    if len(sides) == 2:  # as they are trained
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def _times(module: nn.Module, x: torch.Tensor, at_least: float) -> int:
    """Return how many passes take long enough to be timed; the first ones warm up."""
    times = 1
    _timed(module, x, 3)
    while _timed(module, x, times) * times < at_least:
        times *= 2
    return times


def _timed(module: nn.Module, x: torch.Tensor, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        module(x)
    return (time.perf_counter() - start) / times


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def write(path: Path, timings: Sequence[Timing], load: float, sides: Shape = (14, 14)) -> None:
    """Write a table of timings, with MACs and what they were measured on; replaces an older one."""
    machine = environment()
    columns = (
        *("family", "width", "macs", "batch", "milliseconds", "ratio", "low", "high"),
        *("reference", "load", *machine),
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for timing in timings:
            writer.writerow(
                (
                    *(timing.family, timing.width),
                    *(cost(timing.family, timing.width, sides).macs, timing.batch),
                    f"{timing.milliseconds:.4f}",
                    *(f"{number:.4f}" for number in (timing.ratio, timing.low, timing.high)),
                    *(f"{REFERENCE[0]} {REFERENCE[1]}", f"{load:.2f}", *machine.values()),
                )
            )


def read(path: Path, batch: int) -> dict[tuple[str, int], float]:
    """Return the milliseconds for one picture, by family and width; empty if there is no table."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (line["family"], int(line["width"])): float(line["milliseconds"]) / batch
            for line in csv.DictReader(file)
            if int(line["batch"]) == batch
        }


__all__ = ["BusyError", "Timing", "check_alone", "measure", "networks", "read", "write"]
