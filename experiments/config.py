"""What is run: a configuration, its text id, and the grid as data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from dsconv.geometry import Shape
from experiments.families import FAMILIES, family

SIDES: dict[str, tuple[Shape, ...]] = {
    "fashion": ((14, 14), (28, 28)),
    "mnist1d": ((40,),),
    "digits": ((8, 8),),
}
"""The sizes at which each data set is read; the first number is the configuration's resolution."""


@dataclass(frozen=True)
class Config:
    """Everything that decides a run but its seed.

    Attributes
    ----------
    data : {"fashion", "mnist1d", "digits"}
    resolution : int
        Pixels of a side, or positions.
    family : str
    width : int
    epochs, batch_size : int
    learning_rate, weight_decay : float

    Raises
    ------
    ValueError
        If a word is unknown or a number out of range.

    Examples
    --------
    >>> str(Config("fashion", 14, "separable", 28, 6, 128, 0.01, 0.1))
    'fashion-14/separable/w28/e6/b128/lr0.01/wd0.1'
    """

    data: str
    resolution: int
    family: str
    width: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float

    def __post_init__(self) -> None:
        family(self.family)
        if self.data not in SIDES:
            msg = f"data must be one of {', '.join(SIDES)}. Received: data={self.data!r}"
            raise ValueError(msg)
        if self.resolution not in [sides[0] for sides in SIDES[self.data]]:
            known = ", ".join(str(sides[0]) for sides in SIDES[self.data])
            msg = (
                f"resolution of {self.data} must be one of {known}. "
                f"Received: resolution={self.resolution!r}"
            )
            raise ValueError(msg)
        for name, least in (("width", 1), ("epochs", 1), ("batch_size", 1)):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < least:
                msg = (
                    f"{name} must be a whole number, at least {least}. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
                raise ValueError(msg)
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        for name, rate in rates.items():
            if not (0 < rate < math.inf or (name == "weight_decay" and rate == 0)):
                msg = f"{name} must be finite and positive. Received: {name}={rate!r}"
                raise ValueError(msg)

    @property
    def sides(self) -> Shape:
        """(H, W) or (L,) of the input."""
        return next(sides for sides in SIDES[self.data] if sides[0] == self.resolution)

    def __str__(self) -> str:
        return (
            f"{self.data}-{self.resolution}/{self.family}/w{self.width}/e{self.epochs}"
            f"/b{self.batch_size}/lr{self.learning_rate:g}/wd{self.weight_decay:g}"
        )


_ID = re.compile(
    r"(?P<data>\w+)-(?P<resolution>\d+)/(?P<family>\w+)/w(?P<width>\d+)/e(?P<epochs>\d+)"
    r"/b(?P<batch_size>\d+)/lr(?P<learning_rate>[\d.e-]+)/wd(?P<weight_decay>[\d.e-]+)"
)


def parse(text: str) -> Config:
    """Return the configuration that an id names.

    Parameters
    ----------
    text : str

    Returns
    -------
    Config

    Raises
    ------
    ValueError
        If the text is no id, or names no configuration.

    Examples
    --------
    >>> parse("fashion-14/standard/w12/e6/b128/lr0.03/wd0.01").width
    12
    """
    found = _ID.fullmatch(text)
    if not found:
        msg = f"an id looks like {_EXAMPLE}. Received: {text!r}"
        raise ValueError(msg)
    values: dict[str, str | int | float] = dict(found.groupdict())
    for field in fields(Config):
        if field.type in ("int", "float"):
            kind = int if field.type == "int" else float
            values[field.name] = kind(values[field.name])
    config = Config(**values)  # type: ignore[arg-type]  # the loop above made them
    if str(config) != text:
        msg = f"an id is written in one way only, here {config}. Received: {text!r}"
        raise ValueError(msg)
    return config


# --- The grid -------------------------------------------------------------------------

FASHION = Config("fashion", 14, "standard", 12, 6, 128, 0.01, 0.01)
"""What all runs share, but for what the functions below replace."""
MNIST1D = replace(FASHION, data="mnist1d", resolution=40, epochs=60)
DIGITS = replace(FASHION, data="digits", resolution=8, epochs=2)
_EXAMPLE = str(FASHION)

SETTINGS = ((0.01, 0.01), (0.03, 0.01), (0.1, 0.01), (0.03, 0.1))
"""Learning rate and weight decay: the four that every family tries."""

ABANDONED = ((0.003, 0.01), (0.003, 0.1), (0.01, 0.1))
"""Tried first, and only by the primary families: see PROTOCOL.md, "Changes"."""

TUNING_SEED = 100
"""No run of the comparison has it, so no seed is favoured by the choice."""
PRIMARY_SEEDS = tuple(range(5))
OTHER_SEEDS = tuple(range(3))
CHECKED_WIDTHS = {"standard": (4, 12), "separable": (28, 64)}
"""Of the runs at 28×28 and of those of double length: their MACs overlap."""

FEWER_SEEDS = tuple(range(2))
"""Of the runs at 28×28, of double length, and with the other family's setting."""
MORE = ("multiplier_2", "multiplier_4", "multiplier_9")
"""Families that run last, if there is time: dear, and close to others."""

SWAPPED = "swapped"
"""The group in which each primary family is trained with what was chosen for the other."""

Choice = Mapping[tuple[str, str], tuple[float, float]]
"""Learning rate and weight decay of (data, family)."""


@dataclass(frozen=True)
class Task:
    """One run: a configuration and a seed, and the group that asks for it.

    Attributes
    ----------
    group : str
    config : Config
    seed : int
    """

    group: str
    config: Config
    seed: int

    @property
    def tuning(self) -> bool:
        """Whether it only chooses: then nobody looks at test data."""
        return self.group.startswith("tuning")


def _tuning(group: str, base: Config, names: list[str]) -> Iterator[Task]:
    for name in names:
        for rate, decay in SETTINGS:
            config = replace(
                base,
                family=name,
                width=FAMILIES[name].middle,
                learning_rate=rate,
                weight_decay=decay,
            )
            yield Task(group, config, TUNING_SEED)


def tuning_tasks() -> list[Task]:
    """Return the runs that choose learning rate and weight decay, in their order."""
    primary = [name for name, kind in FAMILIES.items() if kind.primary]
    return [
        *_tuning("tuning_primary", FASHION, primary),
        *_tuning("tuning_mnist1d", MNIST1D, primary),
        *_tuning("tuning_others", FASHION, list(_others())),
        *_tuning("tuning_more", FASHION, list(MORE)),
    ]


def _others() -> dict[str, tuple[int, ...]]:
    return {
        name: kind.widths
        for name, kind in FAMILIES.items()
        if not kind.primary and name not in MORE
    }


def _sweep(
    group: str, base: Config, choice: Choice, widths: Mapping[str, tuple[int, ...]], seeds: int
) -> Iterator[Task]:
    """Yield seed after seed, so that an unfinished grid has every width."""
    for seed in range(seeds):
        for name, all_widths in widths.items():
            if (base.data, name) not in choice:
                continue  # not chosen yet
            rate, decay = choice[base.data, name]
            for width in all_widths:
                config = replace(
                    base, family=name, width=width, learning_rate=rate, weight_decay=decay
                )
                yield Task(group, config, seed)


def _swapped(choice: Choice, widths: Mapping[str, tuple[int, ...]]) -> list[Task]:
    """Return runs of each primary family with the other one's setting, if those differ."""
    pair = [("fashion", name) for name in widths]
    if not set(pair) <= set(choice) or len({choice[key] for key in pair}) == 1:
        return []
    other = dict(zip(pair, [choice[key] for key in reversed(pair)], strict=True))
    return list(_sweep(SWAPPED, FASHION, other, widths, len(FEWER_SEEDS)))


def tasks(choice: Choice) -> list[Task]:
    """Return the runs of the grid, in their order.

    Parameters
    ----------
    choice : mapping
        What tuning has chosen for (data, family). What is not chosen yet is left out.

    Returns
    -------
    list of Task
        Groups: primary, mnist1d, double_epochs, resolution_28, others, swapped, more; all but the
        first are exploratory.

    Examples
    --------
    >>> chosen = {("fashion", "standard"): (0.01, 0.1)}
    >>> len([task for task in tasks(chosen) if task.group == "primary"])
    25
    """
    primary = {name: kind.widths for name, kind in FAMILIES.items() if kind.primary}
    more = {name: FAMILIES[name].widths for name in MORE}
    longer = replace(FASHION, epochs=2 * FASHION.epochs)
    larger = replace(FASHION, resolution=28)
    fewer, few, many = len(FEWER_SEEDS), len(OTHER_SEEDS), len(PRIMARY_SEEDS)
    return [
        *_sweep("primary", FASHION, choice, primary, many),
        *_sweep("mnist1d", MNIST1D, choice, primary, many),
        *_sweep("double_epochs", longer, choice, CHECKED_WIDTHS, fewer),
        *_sweep("resolution_28", larger, choice, CHECKED_WIDTHS, fewer),
        *_sweep("others", FASHION, choice, _others(), few),
        *_swapped(choice, primary),
        *_sweep("more", FASHION, choice, more, few),
    ]


def trial_tasks() -> list[Task]:
    """Return four runs of seconds on the digits of scikit-learn, to see that all works."""
    return [
        Task("trial", replace(DIGITS, family=name, width=width), 0)
        for name in ("standard", "separable")
        for width in (2, 4)
    ]


GROUPS = (
    *("tuning_primary", "primary", "tuning_mnist1d", "mnist1d", "double_epochs"),
    *("resolution_28", "tuning_others", "others", SWAPPED, "tuning_more", "more"),
)
"""In the order in which they run; `trial` runs only when it is asked for."""

__all__ = [
    "GROUPS",
    "SETTINGS",
    "Choice",
    "Config",
    "Task",
    "parse",
    "tasks",
    "trial_tasks",
    "tuning_tasks",
]
