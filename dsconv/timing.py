"""Timing calls side by side: in turns, on one thread, and as ratios.

Milliseconds of one machine say little about another, and those of one minute little about the
next: a processor slows down when it is warm or shared. So the calls that are compared take turns,
and what counts is the ratio of two times of the same round.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dsconv.geometry import positive, whole_number


class BusyError(Exception):
    """Others compute on this machine, so times would say nothing."""


@dataclass(frozen=True)
class Timing:
    """What a call took, beside the reference.

    Attributes
    ----------
    milliseconds : float
        Of one call, the median over the rounds.
    ratio, low, high : float
        Its time divided by the reference's in the same round: the median and the quartiles.
    """

    milliseconds: float
    ratio: float
    low: float
    high: float


def side_by_side(
    calls: Mapping[str, Callable[[], Any]],
    *,
    reference: str | None = None,
    rounds: int = 20,
    at_least: float = 0.01,
) -> dict[str, Timing]:
    """Return how long calls take, and how many times as long as one of them.

    Parameters
    ----------
    calls : mapping of str to callable
        What is timed, by name; each is called without arguments.
    reference : str, optional
        Name of the call that the ratios are to; by default the first.
    rounds : int, optional
        In each round every call is timed once, in another order.
    at_least : float, optional
        Seconds of one timing: a shorter call is repeated until it takes as long.

    Returns
    -------
    dict of str to Timing
        In the order of `calls`.

    Raises
    ------
    TypeError
        If `calls` is no dict, something that shall be called cannot be, or a number is none.
    ValueError
        If there are no calls, the reference is none of them, or a number is out of range.

    Notes
    -----
    PyTorch works on one thread meanwhile, and keeps no record for gradients. Every call has run
    before the first round. Nothing is said about a GPU, which goes on after a call returns.

    Examples
    --------
    >>> x = torch.ones(100_000)
    >>> took = side_by_side({"once": x.sum, "ten times": lambda: [x.sum() for _ in range(10)]})
    >>> took["once"].ratio, took["ten times"].ratio > 2
    (1.0, True)
    """
    if not isinstance(calls, Mapping):
        msg = f"calls must be a dict of names to functions. Received: {type(calls).__name__}"
        raise TypeError(msg)
    if not calls:
        msg = "calls must hold at least one call. Received: none"
        raise ValueError(msg)
    for name, call in calls.items():
        if not callable(call):
            msg = f"calls must hold functions. Received: {name!r}: {type(call).__name__}"
            raise TypeError(msg)
    reference = next(iter(calls)) if reference is None else reference
    if reference not in calls:
        known = ", ".join(map(str, calls))
        msg = f"reference must be one of {known}. Received: reference={reference!r}"
        raise ValueError(msg)
    rounds = whole_number("rounds", rounds, minimum=1)
    at_least = positive("at_least", at_least)

    names = list(calls)
    order = np.random.default_rng(0)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    with one_thread(), torch.inference_mode():
        times = {name: _times(call, at_least) for name, call in calls.items()}
        for _ in range(rounds):
            for index in order.permutation(len(names)):
                name = names[index]
                seconds[name].append(_timed(calls[name], times[name]))
    return {name: _timing(own, seconds[reference]) for name, own in seconds.items()}


def _timing(own: list[float], reference: list[float]) -> Timing:
    ratios = [a / b for a, b in zip(own, reference, strict=True)]
    low, middle, high = map(float, np.quantile(ratios, [0.25, 0.5, 0.75]))
    return Timing(1000 * statistics.median(own), middle, low, high)


def _times(call: Callable[[], Any], at_least: float) -> int:
    """Return how many calls take long enough to be timed; the first ones warm up."""
    _timed(call, 2)
    times = 1
    while _timed(call, times) * times < at_least:
        times *= 2
    return times


def _timed(call: Callable[[], Any], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch work on one thread for a while.

    It then adds in the same order on every machine, and a time does not depend on how many cores
    happen to be free.

    Returns
    -------
    context manager

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def check_idle(*, most: float = 0.3, anyway: bool = False) -> float:
    """Return the machine's load, or refuse if others compute on it.

    Parameters
    ----------
    most : float, optional
        What the load may be: processes that ran or waited, on average over the last minute.
    anyway : bool, optional
        Do not refuse.

    Returns
    -------
    float
        The load; 0 where the system does not tell it.

    Raises
    ------
    BusyError
        If the load is above `most`.
    TypeError
        If `most` is no number.
    ValueError
        If `most` is not positive and finite.

    Examples
    --------
    >>> check_idle(anyway=True) >= 0
    True
    """
    most = positive("most", most)
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none; others may fail to tell it
        load = 0.0
    if load > most and not anyway:
        msg = (
            "times are measured on a machine that does nothing else: its load must be at most "
            f"{most}. Received: {load:.2f}"
        )
        raise BusyError(msg)
    return load


def processor() -> str:
    """Return the processor's name, and which of its instructions PyTorch uses.

    Returns
    -------
    str
        With family and model where Linux tells them. PyTorch chooses its routines by the last
        part, so it decides how numbers are rounded.

    Examples
    --------
    >>> torch.backends.cpu.get_cpu_capability() in processor()
    True
    """
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition(":")[::2] for line in lines)
    named = {key.strip(): value.strip() for key, value in pairs}
    name = named.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in named:
        name += f", family {named['cpu family']}, model {named.get('model', '?')}"
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


__all__ = ["BusyError", "Timing", "check_idle", "one_thread", "processor", "side_by_side"]
