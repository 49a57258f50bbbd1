"""What was measured for this book: the study's networks and comparisons, and times.

Tables in `dsconv/data`, which nobody edits by hand. The first line of each says which command
made it, from what and on what machine:

- `study_networks.csv` and `study_comparisons.csv`: `python -m experiments analyse`, from the runs
  in `experiments/results`;
- `study_latency.csv`: `python -m experiments latency`;
- `speed.csv`: `python -m benchmarks`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from dsconv._table import parsed


@dataclass(frozen=True)
class StudyNetwork:
    """A network of the study: what it costs and how well it does.

    Attributes
    ----------
    data : str
        Data, resolution and epochs, such as ``fashion-14/e6``; with ``/swapped`` behind it, the
        family was trained with what was chosen for the other primary family.
    family : str
    width : int
        Output channels of the first stage.
    parameters, weights, macs, peak_activation_bytes : int
        For one picture.
    seeds : int
    test_accuracy : float
        Between 0 and 1, the mean over the seeds.
    low, high : float
        Its interval of 95 %, over seeds and test pictures; with one seed, over pictures alone.
    seeds_deviation : float or None
        The standard deviation between seeds; None with one.
    train_accuracy : float
    """

    data: str
    family: str
    width: int
    parameters: int
    weights: int
    macs: int
    peak_activation_bytes: int
    seeds: int
    test_accuracy: float
    low: float
    high: float
    seeds_deviation: float | None
    train_accuracy: float


@dataclass(frozen=True)
class Comparison:
    """Two families of the study at equal cost or width, or what equal accuracy costs them.

    Attributes
    ----------
    role : {"primary", "secondary", "exploratory"}
        One is primary; it was written down before the runs.
    data : str
        As in `StudyNetwork`.
    quantity : {"difference", "cost ratio"}
        In test accuracy, first less second; or the first one's cost over the second one's.
    first, second : str
        Families.
    axis : {"macs", "parameters", "width", "milliseconds"}
        What is equal, or what the ratio is of (MACs or parameters). At equal width the blocks give
        as many maps, and their work differs. Milliseconds are those of one picture out of a
        batch of 32; a network counts as slow as the slowest of its family that is no wider.
    at : str
        Where it is equal: one number, or several with spaces between them, whose differences are
        averaged; or the accuracy. A family that is not primary is compared at the MACs of its own
        networks, where the primary one is read between its widths, and at widths that both have.
    value, low, high : float
        With its interval of 95 %, over seeds and test pictures. Its part for seeds is crude where a
        network has two; and it knows nothing of how exactly times were measured. An end is 0 or
        infinite where a sweep does not say more.
    """

    role: str
    data: str
    quantity: str
    first: str
    second: str
    axis: str
    at: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """What a forward pass of one of the study's networks took.

    Attributes
    ----------
    family : str
    width : int
    macs : int
        For one picture.
    batch : int
        Pictures in a pass.
    milliseconds : float
        Of the pass, the median over rounds.
    ratio, low, high : float
        To the reference in the same round: the median and the quartiles.
    reference : str
    """

    family: str
    width: int
    macs: int
    batch: int
    milliseconds: float
    ratio: float
    low: float
    high: float
    reference: str


@dataclass(frozen=True)
class Speed:
    """What a layer or a network took, beside what it counts.

    Attributes
    ----------
    case : str
        What was timed in turns: ``machine``, ``networks``, ``articles' layer``, or a layer such
        as ``512 to 512 at 14``. Memory was kept from call to call, unless ``, memory as it
        comes`` stands behind.
    call : str
        ``standard``, ``separable``, ``depthwise``, ``pointwise``, ``linear``, or a network's name.
    layout : {"NCHW", "NHWC", ""}
        How the maps lie in memory.
    batch : int
    macs, bytes : int
        Of the call; 0 where they are not counted.
    milliseconds : float
        The median over rounds.
    ratio, low, high : float
        To the case's first call in the same round: the median and the quartiles.
    """

    case: str
    call: str
    layout: str
    batch: int
    macs: int
    bytes: int
    milliseconds: float
    ratio: float
    low: float
    high: float


Line = TypeVar("Line", StudyNetwork, Comparison, Latency, Speed)

_FILES: dict[type[Any], str] = {
    StudyNetwork: "study_networks.csv",
    Comparison: "study_comparisons.csv",
    Latency: "study_latency.csv",
    Speed: "speed.csv",
}


def networks(**where: Any) -> list[StudyNetwork]:
    """Return the study's networks.

    Parameters
    ----------
    **where
        Fields of `StudyNetwork` and what they must be.

    Returns
    -------
    list of StudyNetwork
        By data, family and width.

    Raises
    ------
    TypeError
        If there is no such field.
    ValueError
        If no line is like that.

    Examples
    --------
    >>> found = networks(data="fashion-14/e6", family="separable")
    >>> [network.width for network in found]
    [4, 12, 28, 64, 160]
    """
    return _select(StudyNetwork, where)


def comparisons(**where: Any) -> list[Comparison]:
    """Return the study's comparisons, the primary one first.

    Parameters
    ----------
    **where
        Fields of `Comparison` and what they must be.

    Returns
    -------
    list of Comparison

    Raises
    ------
    TypeError
        If there is no such field.
    ValueError
        If no line is like that.

    Examples
    --------
    >>> [primary] = comparisons(role="primary")
    >>> primary.first, primary.second, primary.axis
    ('standard', 'separable', 'macs')
    """
    return _select(Comparison, where)


def latencies(**where: Any) -> list[Latency]:
    """Return what forward passes of the study's networks took.

    Parameters
    ----------
    **where
        Fields of `Latency` and what they must be.

    Returns
    -------
    list of Latency

    Raises
    ------
    TypeError
        If there is no such field.
    ValueError
        If no line is like that.

    Examples
    --------
    >>> latencies(family="standard", width=64, batch=1)[0].ratio
    1.0
    """
    return _select(Latency, where)


def speeds(**where: Any) -> list[Speed]:
    """Return what layers and networks took, side by side.

    Parameters
    ----------
    **where
        Fields of `Speed` and what they must be.

    Returns
    -------
    list of Speed

    Raises
    ------
    TypeError
        If there is no such field.
    ValueError
        If no line is like that.

    Examples
    --------
    >>> [line.call for line in speeds(case="machine")]
    ['matrix product', 'copy']
    """
    return _select(Speed, where)


def origin(kind: type[Any]) -> str:
    """Return what made a table: the command, and the machine that computed.

    Parameters
    ----------
    kind : type
        What `networks`, `comparisons`, `latencies` or `speeds` returns a list of.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no table of it.

    Examples
    --------
    >>> origin(Speed).partition(" | ")[0]
    'command: python -m benchmarks'
    """
    if kind not in _FILES:
        names = ", ".join(known.__name__ for known in _FILES)
        msg = f"kind must be one of {names}. Received: {kind!r}"
        raise ValueError(msg)
    return _table(_FILES[kind])[0]


def _select(kind: type[Line], where: dict[str, Any]) -> list[Line]:
    names = [field.name for field in fields(kind)]
    for name in where:
        if name not in names:
            msg = f"{kind.__name__} has the fields {', '.join(names)}. Received: {name}="
            raise TypeError(msg)
    found = [
        line
        for line in _table(_FILES[kind])[1]
        if all(getattr(line, name) == wanted for name, wanted in where.items())
    ]
    if not found:
        asked = ", ".join(f"{name}={wanted!r}" for name, wanted in where.items())
        msg = f"nothing was measured like that. Received: {asked}"
        raise ValueError(msg)
    return found


@cache
def _table(file: str) -> tuple[str, tuple[Any, ...]]:
    [kind] = (kind for kind, name in _FILES.items() if name == file)
    text = (resources.files("dsconv") / "data" / file).read_text(encoding="utf-8")
    said, lines = parsed(text, kind, file)
    return said, tuple(lines)


__all__ = [
    "Comparison",
    "Latency",
    "Speed",
    "StudyNetwork",
    "comparisons",
    "latencies",
    "networks",
    "origin",
    "speeds",
]
