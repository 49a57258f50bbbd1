"""What the table says: curves, differences at equal cost, cost at equal accuracy, intervals.

`PROTOCOL.md` says which of them count. Every function takes rows or curves; nothing here trains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import accumulate
from math import inf, isfinite, log
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from dsconv import _table
from dsconv.measured import Comparison, StudyNetwork
from experiments import latency
from experiments.config import FASHION, SWAPPED, Config
from experiments.families import FAMILIES, cost
from experiments.results import Row

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Axis: TypeAlias = Literal["width", "parameters", "macs", "milliseconds"]

DRAWS = 10_000
CONFIDENCE = 0.95
MARGIN = 0.005
"""A difference within half a percentage point is called a tie."""
MAC_POINTS = (250_000, 1_000_000, 4_000_000)
WIDTH_POINTS = (4, 12, 28, 64)
PARAMETER_POINTS = (3_000, 30_000, 200_000)
LEVELS = (0.80, 0.85, 0.88, 0.90)
_CHUNK = 250


@dataclass(frozen=True)
class Estimate:
    """A number and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A family's runs, from its smallest network to its largest.

    Attributes
    ----------
    costs : dict of str to tuple of float
        By axis: width, parameters, macs, and milliseconds if they are known; one number a
        network, never less than the one before.
    right : tuple of ndarray, shape (seeds, images)
        Of each network: whether each run answered each test image right.
    """

    costs: Mapping[str, tuple[float, ...]]
    right: tuple[Array, ...]

    @property
    def accuracies(self) -> Array:
        """The mean test accuracy of each network."""
        return np.array([cell.mean() for cell in self.right])


def _label(config: Config) -> str:
    return f"{config.data}-{config.resolution}/e{config.epochs}"


MAIN = _label(FASHION)
"""What tables call the data of the primary comparison."""


def curves(
    rows: Iterable[Row], like: Any = FASHION, times: Mapping[tuple[str, int], float] | None = None
) -> dict[str, Curve]:
    """Return the curves of all families at one data set, resolution and length of training.

    Parameters
    ----------
    rows : iterable of Row
    like : Config, optional
        Says data, resolution and epochs; its other fields play no part.
    times : mapping of (str, int) to float, optional
        Milliseconds by family and width. A network counts as slow as the slowest that is no wider:
        the smallest ones differ by less than what can be measured. Where none is slower than the
        smallest, or a network's time is not known, the family's times are left out.

    Returns
    -------
    dict of str to Curve
        By family, in the order of `FAMILIES`. Runs that did not look at test data do not count,
        nor do those of the group `swapped`, unless all rows are of it.
    """
    rows = list(rows)
    if any(row.group != SWAPPED for row in rows):
        rows = [row for row in rows if row.group != SWAPPED]
    cells: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        config = row.config
        wanted = (like.data, like.resolution, like.epochs)
        if (config.data, config.resolution, config.epochs) == wanted and row.outcome.right:
            cells.setdefault((config.family, config.width), []).append(row)
    found = {}
    for name in FAMILIES:
        widths = sorted(width for family, width in cells if family == name)
        if not widths:
            continue
        totals = [cost(name, width, like.sides) for width in widths]
        costs = {
            "width": tuple(map(float, widths)),
            "parameters": tuple(float(total.parameters) for total in totals),
            "macs": tuple(float(total.macs) for total in totals),
        }
        own = [(times or {}).get((name, width), 0.0) for width in widths]
        taken = list(accumulate(own, max))
        if all(own) and taken[0] < taken[-1]:
            costs["milliseconds"] = tuple(taken)
        right = tuple(
            np.stack([row.right for row in sorted(cells[name, width], key=lambda r: r.seed)])
            for width in widths
        )
        found[name] = Curve(costs, right)
    return found


# --- The bootstrap --------------------------------------------------------------------


def draws(found: Mapping[str, Curve], count: int = DRAWS, seed: int = 0) -> dict[str, Array]:
    """Return accuracies as they might have come out with other seeds and other test images.

    Parameters
    ----------
    found : mapping of str to Curve
        All of one test set.
    count : int, optional
    seed : int, optional

    Returns
    -------
    dict of str to ndarray, shape (count, networks)

    Raises
    ------
    ValueError
        If the numbers of test images differ.

    Notes
    -----
    Crossed: a draw has one sample of images for all networks, and of each network its own sample
    of seeds. Owen, "The pigeonhole bootstrap" (2007), shows that this is on the safe side where
    seed and image interact. n − 1 of n seeds are drawn with replacement, which makes the variance
    of their mean unbiased (Rao and Wu, "Resampling inference with complex survey data", 1988).
    """
    counts = {cell.shape[1] for curve in found.values() for cell in curve.right}
    if len(counts) != 1:
        msg = f"all networks must have answered the same images. Received: {sorted(counts)} images"
        raise ValueError(msg)
    images = counts.pop()
    rng = np.random.default_rng(seed)
    runs = np.concatenate([cell for curve in found.values() for cell in curve.right])
    columns = runs.T.astype(np.float32)
    parts = []
    for start in range(0, count, _CHUNK):
        many = min(_CHUNK, count - start)
        sample = rng.integers(0, images, (many, images)) + images * np.arange(many)[:, None]
        times = np.bincount(sample.ravel(), minlength=many * images).reshape(many, images)
        parts.append(times.astype(np.float32) @ columns / images)
    by_run = np.concatenate(parts).astype(np.float64)
    made, first = {}, 0
    for name, curve in found.items():
        networks = []
        for cell in curve.right:
            seeds = len(cell)
            chosen = rng.integers(0, seeds, (count, max(seeds - 1, 1)))
            own = by_run[:, first : first + seeds]
            networks.append(np.take_along_axis(own, chosen, axis=1).mean(1))
            first += seeds
        made[name] = np.stack(networks, axis=1)
    return made


def estimate(value: float, sample: Array, confidence: float = CONFIDENCE) -> Estimate:
    """Return a value with the percentiles of its draws."""
    tail = (1 - confidence) / 2
    # Draws may be infinite (a level that is never reached), so no mixing of two neighbours.
    low, high = np.nanquantile(sample, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(float(value), float(low), float(high))


# --- Reading the curves ---------------------------------------------------------------


def accuracy_at(costs: Sequence[float], accuracies: Array, point: float) -> Array:
    """Return accuracies at a cost, interpolated linearly in its logarithm.

    Parameters
    ----------
    costs : sequence of float
        Rising; of equal ones the last counts.
    accuracies : ndarray, shape (..., networks)
    point : float

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If the point lies outside the sweep.

    Examples
    --------
    >>> float(accuracy_at([1, 100], np.array([0.5, 0.7]), 10))
    0.6
    """
    if not costs[0] <= point <= costs[-1]:
        msg = f"a point must lie within {costs[0]:g} to {costs[-1]:g}. Received: {point!r}"
        raise ValueError(msg)
    before = int(np.searchsorted(costs, point, side="right")) - 1
    if costs[before] == point:
        return np.asarray(accuracies[..., before])
    share = log(point / costs[before]) / log(costs[before + 1] / costs[before])
    return np.asarray(accuracies[..., before] * (1 - share) + accuracies[..., before + 1] * share)


def log_cost_at(costs: Sequence[float], accuracies: Array, level: float) -> Array:
    """Return the logarithm of the cost at which accuracies reach a level.

    Parameters
    ----------
    costs : sequence of float
        Rising.
    accuracies : ndarray, shape (..., networks)
        Along the networks, the largest so far counts.
    level : float

    Returns
    -------
    ndarray, shape (...)
        −∞ where the smallest network is above the level, ∞ where none reaches it.

    Examples
    --------
    >>> float(np.exp(log_cost_at([1, 100], np.array([0.5, 0.7]), 0.6)).round(6))
    10.0
    """
    best = np.maximum.accumulate(np.asarray(accuracies, float), axis=-1)
    logs = np.log(costs)
    after = (best < level).sum(-1)  # the first network that reaches it
    inner = np.clip(after, 1, len(costs) - 1)
    y0 = np.take_along_axis(best, inner[..., None] - 1, -1)[..., 0]
    y1 = np.take_along_axis(best, inner[..., None], -1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = logs[inner - 1] + (level - y0) / (y1 - y0) * (logs[inner] - logs[inner - 1])
    found = np.where(after == len(costs), inf, found)
    return np.where(
        (after == 0) & (best[..., 0] > level), -inf, np.where(after == 0, logs[0], found)
    )


def difference(
    first: Curve, second: Curve, drawn: tuple[Array, Array], axis: Axis, points: Sequence[float]
) -> Estimate:
    """Return how much more accurate the first family is at equal cost: the mean over points.

    Parameters
    ----------
    first, second : Curve
    drawn : (ndarray, ndarray)
        Their draws.
    axis : {"width", "parameters", "macs", "milliseconds"}
    points : sequence of float

    Returns
    -------
    Estimate
    """

    def mean(one: Array, other: Array) -> Array:
        gaps = [
            accuracy_at(first.costs[axis], one, point)
            - accuracy_at(second.costs[axis], other, point)
            for point in points
        ]
        return np.asarray(np.mean(gaps, axis=0))

    return estimate(float(mean(first.accuracies, second.accuracies)), mean(*drawn))


def cost_ratio(
    first: Curve, second: Curve, drawn: tuple[Array, Array], axis: Axis, level: float
) -> Estimate | None:
    """Return how many times the second family's cost the first one takes for an accuracy.

    Parameters
    ----------
    first, second, drawn, axis
        As for `difference`.
    level : float
        The accuracy.

    Returns
    -------
    Estimate or None
        None where one of the two does not cross the level within its sweep. An end of the
        interval is 0 or ∞ where that happens in too many draws; those in which neither reaches
        the level, or both start above it, do not count.
    """

    def ratio(one: Array, other: Array) -> Array:
        with np.errstate(invalid="ignore"):
            gap = log_cost_at(first.costs[axis], one, level) - log_cost_at(
                second.costs[axis], other, level
            )
        return np.asarray(np.exp(gap))

    value = float(ratio(first.accuracies, second.accuracies))
    if not isfinite(value) or value == 0:
        return None
    return estimate(value, ratio(*drawn))


def reading(found: Estimate, margin: float = MARGIN) -> str:
    """Return what the protocol calls a difference, standard less separable.

    Examples
    --------
    >>> reading(Estimate(0.001, -0.003, 0.004)), reading(Estimate(0.02, 0.01, 0.03))
    ('a tie', 'standard is better')
    """
    small = -margin < found.low and found.high < margin
    if found.low > 0 or found.high < 0:
        better = "standard is better" if found.low > 0 else "separable is better"
        return f"{better}, by less than half a point" if small else better
    return "a tie" if small else "undecided"


# --- Tables ---------------------------------------------------------------------------


def sweeps(rows: Iterable[Row]) -> dict[str, tuple[Config, list[Row]]]:
    """Return the rows that belong on the same axes, with a configuration that says which.

    Examples
    --------
    >>> sweeps([])
    {}
    """
    found: dict[str, tuple[Config, list[Row]]] = {}
    for row in rows:
        config = row.config
        label = _label(config)
        if row.group == SWAPPED:
            label += f"/{SWAPPED}"
        found.setdefault(label, (config, []))[1].append(row)
    return found


def comparisons(
    rows: Sequence[Row],
    count: int = DRAWS,
    times: Mapping[tuple[str, int], float] | None = None,
) -> list[Comparison]:
    """Return every comparison that the protocol names and the rows allow.

    Parameters
    ----------
    rows : sequence of Row
    count : int, optional
        Draws of the bootstrap.
    times : mapping of (str, int) to float, optional
        Milliseconds at 14×14, by family and width.

    Returns
    -------
    list of Comparison
        The primary one first.
    """
    made: list[Comparison] = []
    for label, (config, own) in sweeps(rows).items():
        found = curves(own, config, times if label == MAIN else None)
        if not found:
            continue
        drawn = draws(found, count)
        if {"standard", "separable"} <= set(found):
            made += _primary_pair(label, found, drawn)
        made += _against_primary(label, found, drawn)
    return sorted(made, key=lambda line: ("primary", "secondary", "exploratory").index(line.role))


def _primary_pair(
    label: str, found: Mapping[str, Curve], drawn: Mapping[str, Array]
) -> list[Comparison]:
    main = label == MAIN
    same_networks = main or label == f"{MAIN}/{SWAPPED}"  # so they are read at the same points
    names = ("standard", "separable")
    first, second = found["standard"], found["separable"]
    pair = (drawn["standard"], drawn["separable"])
    made = []

    def add(role: str, quantity: str, axis: str, at: str, got: Estimate) -> None:
        role = role if main else "exploratory"  # the mean over three points of swapped, too
        made.append(
            Comparison(role, label, quantity, *names, axis, at, got.value, got.low, got.high)
        )

    def covered(axis: str, point: float) -> bool:
        sweeps = (first.costs[axis], second.costs[axis])
        if axis == "width":
            return all(point in costs for costs in sweeps)
        return all(costs[0] <= point <= costs[-1] for costs in sweeps)

    if same_networks and all(covered("macs", point) for point in MAC_POINTS):
        at = " ".join(f"{point:.0f}" for point in MAC_POINTS)
        got = difference(first, second, pair, "macs", MAC_POINTS)
        add("primary", "difference", "macs", at, got)
    points: dict[Axis, Sequence[float]] = {
        "macs": MAC_POINTS if same_networks else _shared_points("macs", first, second),
        "width": WIDTH_POINTS,
        "parameters": PARAMETER_POINTS,
    }
    for axis, values in points.items():
        for point in values:
            if covered(axis, point):
                got = difference(first, second, pair, axis, [point])
                add("secondary", "difference", axis, f"{point:.0f}", got)
    if all("milliseconds" in curve.costs for curve in (first, second)):
        # Rounding may carry a point out of a sweep that is very short.
        timed = _shared_points("milliseconds", first, second)
        for point in (one for one in timed if covered("milliseconds", one)):
            got = difference(first, second, pair, "milliseconds", [point])
            add("exploratory", "difference", "milliseconds", f"{point:.4g}", got)
    axes: tuple[Axis, ...] = ("macs", "parameters")
    for axis in axes:
        for level in LEVELS:
            ratio = cost_ratio(first, second, pair, axis, level)
            if ratio:
                add("secondary", "cost ratio", axis, f"{level:g}", ratio)
    return made


def _shared_points(axis: Axis, first: Curve, second: Curve) -> list[float]:
    """Return three costs, spread evenly over what both sweeps cover, ends left out."""
    low = max(first.costs[axis][0], second.costs[axis][0])
    high = min(first.costs[axis][-1], second.costs[axis][-1])
    if low >= high:
        return []
    return [float(f"{low * (high / low) ** share:.4g}") for share in (0.25, 0.5, 0.75)]


def _against_primary(
    label: str, found: Mapping[str, Curve], drawn: Mapping[str, Array]
) -> list[Comparison]:
    """Compare each other family's networks with the primary curves.

    At their own MACs a primary curve is read between its widths; at equal width nothing is read
    between, so both families must have that width.
    """
    made = []
    primary = [name for name in ("standard", "separable") if name in found]
    for name in [name for name in found if name not in primary]:
        curve = found[name]
        for other in primary:
            second = found[other]
            macs, widths = second.costs["macs"], second.costs["width"]
            points: dict[Axis, list[float]] = {
                "macs": [at for at in curve.costs["macs"] if macs[0] <= at <= macs[-1]],
                "width": [at for at in curve.costs["width"] if at in widths],
            }
            for axis, values in points.items():
                for point in values:
                    got = difference(curve, second, (drawn[name], drawn[other]), axis, [point])
                    made.append(
                        Comparison(
                            *("exploratory", label, "difference", name, other, axis),
                            *(f"{point:.0f}", got.value, got.low, got.high),
                        )
                    )
    return made


def summary(rows: Sequence[Row], count: int = DRAWS) -> list[StudyNetwork]:
    """Return a line a network: its cost, its mean accuracies, and the interval of the test's.

    Parameters
    ----------
    rows : sequence of Row
    count : int, optional

    Returns
    -------
    list of StudyNetwork
    """
    lines = []
    for label, (config, own) in sweeps(rows).items():
        found = curves(own, config)
        drawn = draws(found, count) if found else {}
        for name, curve in found.items():
            for index, width in enumerate(map(int, curve.costs["width"])):
                total = cost(name, width, config.sides)
                cell = curve.right[index]
                got = estimate(float(cell.mean()), drawn[name][:, index])
                trained = [
                    row.outcome.train_accuracy
                    for row in own
                    if (row.config.family, row.config.width) == (name, width)
                ]
                lines.append(
                    StudyNetwork(
                        *(label, name, width, total.parameters, total.weights, total.macs),
                        *(total.peak_activation_bytes or 0, len(cell)),
                        *(got.value, got.low, got.high),
                        float(cell.mean(1).std(ddof=1)) if len(cell) > 1 else None,
                        float(np.mean(trained)),
                    )
                )
    return lines


NETWORKS, COMPARISONS = "study_networks.csv", "study_comparisons.csv"


def write(
    folder: Path, rows: Sequence[Row], count: int = DRAWS, times: Path | None = None
) -> list[Comparison]:
    """Write the tables that `dsconv.measured` reads, and return the comparisons.

    Parameters
    ----------
    folder : Path
    rows : sequence of Row
    count : int, optional
        Draws of the bootstrap.
    times : Path, optional
        The table of latencies; without it, nothing is compared at equal time.
    """
    made = comparisons(rows, count, latency.read(times, latency.BATCHES[-1]) if times else None)
    said = (
        f"command: python -m experiments analyse | {len(rows)} runs of "
        f"{', '.join(sorted({row.environment['processor'] for row in rows}))} | {count} draws"
    )
    _write(folder / NETWORKS, StudyNetwork, summary(rows, count), said)
    _write(folder / COMPARISONS, Comparison, made, said)
    return made


def _write(path: Path, kind: type[Any], lines: Sequence[Any], said: str) -> None:
    texts = [
        [f"{value:z.5f}" if isinstance(value, float) else value for value in astuple(line)]
        for line in lines
    ]
    _table.write(path, said, (field.name for field in fields(kind)), texts)


__all__ = [
    "Curve",
    "Estimate",
    "accuracy_at",
    "comparisons",
    "cost_ratio",
    "curves",
    "difference",
    "draws",
    "estimate",
    "log_cost_at",
    "reading",
    "summary",
    "write",
]
