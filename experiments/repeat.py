"""Repeats one run and compares it with its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments import results, runner
from experiments.config import Config, Task
from experiments.results import Row

LEAST_MARGIN = 0.01
"""Of test accuracy: what another machine may differ by in any case."""


def interval(rows: Sequence[Row]) -> tuple[float, float]:
    """Return between which test accuracies a repetition on another machine has to lie.

    Parameters
    ----------
    rows : sequence of Row
        All seeds of the configuration.

    Returns
    -------
    (float, float)
        From the least to the largest, and on both sides as far again, at least 0.01.
    """
    found = [row.outcome.test_accuracy or 0.0 for row in rows]
    margin = max(max(found) - min(found), LEAST_MARGIN)
    return min(found) - margin, max(found) + margin


def differences(row: Row, again: Row) -> list[str]:
    """Return what is not equal in two runs of one configuration and seed, but for their time."""
    said = []
    for name in ("train_accuracy", "validation_accuracy", "test_accuracy"):
        old, new = results.cells(row)[name], results.cells(again)[name]
        if old != new:
            said.append(f"{name} {new} instead of {old}")
    if not np.array_equal(row.right, again.right):
        said.append(
            f"{np.count_nonzero(row.right != again.right)} test pictures answered otherwise"
        )
    return said


def repeat(
    folder: Path,
    config: Config,
    seed: int,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> int:
    """Repeat a run; demand equality where the machine is the same, else an interval.

    Parameters
    ----------
    folder : Path
        Of the tables.
    config : Config
    seed : int
    device : str, optional
    say : callable, optional

    Returns
    -------
    int
        0 if the row holds, 1 if not.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    rows = [row for row in runner.done(folder) if row.config == config]
    row = next((row for row in rows if row.seed == seed), None)
    if row is None:
        msg = f"a run to repeat must be in the tables. Received: {config} with seed {seed}"
        raise ValueError(msg)
    again = runner.attempt(Task(row.group, config, seed), device)
    changed = {
        name: (value, again.environment[name])
        for name, value in row.environment.items()
        if value != again.environment[name]
    }
    if changed:
        for name, (old, new) in changed.items():
            say(f"{name}: {new}, in the table {old}")
        return _near(rows, row, again, say)
    found = differences(row, again)
    say("the same machine and versions: " + ("; ".join(found) or "the same, picture for picture"))
    return 1 if found else 0


def _near(rows: Sequence[Row], row: Row, again: Row, say: Callable[[str], None]) -> int:
    """Compare with an interval where rounding may differ."""
    if row.outcome.test_accuracy is None or again.outcome.test_accuracy is None:
        low, high = (row.outcome.validation_accuracy + m for m in (-LEAST_MARGIN, LEAST_MARGIN))
        value, name = again.outcome.validation_accuracy, "validation accuracy"
    else:
        low, high = interval(rows)
        value, name = again.outcome.test_accuracy, "test accuracy"
    inside = low <= value <= high
    say(f"{name} {value:.4f}, {'inside' if inside else 'outside'} {low:.4f} to {high:.4f}")
    return 0 if inside else 1


__all__ = ["differences", "interval", "repeat"]
