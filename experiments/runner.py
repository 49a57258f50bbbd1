"""Runs what is left of the grid: several runs at a time, one thread each, one writer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
from tqdm import tqdm

from experiments import results, train
from experiments.config import GROUPS, Config, Task, tasks, trial_tasks, tuning_tasks
from experiments.data import load
from experiments.families import cost, layers
from experiments.results import Row, Writer, silent

Say = Callable[[str], None]
BACKENDS = ("joblib", "dask")


def planned(folder: Path, group: str, say: Say = silent) -> list[Task]:
    """Return the tasks of a group as far as tuning has decided them.

    Parameters
    ----------
    folder : Path
        Of the tables.
    group : str
    say : callable, optional
        Is told of an unfinished line.

    Returns
    -------
    list of Task

    Raises
    ------
    ValueError
        If there is no such group.
    """
    if group not in (*GROUPS, "trial"):
        msg = f"a group is one of {', '.join(GROUPS)}, trial. Received: {group!r}"
        raise ValueError(msg)
    if group == "trial":
        return trial_tasks()
    if group.startswith("tuning"):
        return [task for task in tuning_tasks() if task.group == group]
    chosen = results.choice(results.read(folder / results.TUNING, say))
    return [task for task in tasks(chosen) if task.group == group]


def done(folder: Path, say: Say = silent) -> list[Row]:
    """Return the rows of all tables in a folder."""
    names = (results.TUNING, results.RUNS, results.TRIAL)
    return [row for name in names for row in results.read(folder / name, say)]


def left(planned_tasks: Sequence[Task], rows: Sequence[Row]) -> list[Task]:
    """Return the tasks that have no row yet, in their order."""
    have = {(row.group.startswith("tuning"), *row.key) for row in rows}
    return [
        task for task in planned_tasks if (task.tuning, str(task.config), task.seed) not in have
    ]


# --- How long -------------------------------------------------------------------------


@cache
def work(config: Config) -> float:
    """Return a number that grows with a run's time: for comparing runs, in no unit.

    MACs alone would make small networks look free: their maps, too, are written and read. One
    number of a map takes about as long as 80 MACs, by timings of ten of the networks.
    """
    found = layers(config.family, config.width, config.sides)
    maps = sum(prod(layer.output_shape) for layer in found)
    samples = {"fashion": 50_000, "mnist1d": 4_000, "digits": 1_000}[config.data]
    macs = cost(config.family, config.width, config.sides).macs
    return float(samples * config.epochs * (macs + 80 * maps))


def expected_seconds(todo: Sequence[Task], rows: Sequence[Row]) -> float | None:
    """Return about how long tasks take one after another, by the runs that are done.

    Parameters
    ----------
    todo : sequence of Task
    rows : sequence of Row

    Returns
    -------
    float or None
        None where nothing is done yet.
    """
    known: dict[str, list[float]] = {}
    speed: dict[str, list[float]] = {}
    for row in rows:
        known.setdefault(str(row.config), []).append(row.outcome.seconds)
        for kind in (row.config.family, ""):
            speed.setdefault(kind, []).append(row.outcome.seconds / work(row.config))
    if not rows:
        return None
    total = 0.0
    for task in todo:
        config = task.config
        if str(config) in known:
            total += statistics.median(known[str(config)])
        else:
            rates = speed.get(config.family) or speed[""]
            total += statistics.median(rates) * work(config)
    return total


def duration(seconds: float | None) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> duration(40.4), duration(4000), duration(None)
    ('40 s', '1 h 07 min', 'unknown')
    """
    if seconds is None:
        return "unknown"
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def report(folder: Path, groups: Sequence[str], workers: int) -> str:
    """Return what is done and what is left, a line a group."""
    rows = done(folder)
    lines = [f"{'group':<16}{'runs':>6}{'done':>6}{'left':>6}  about, on {workers} workers"]
    for group in groups:
        whole = planned(folder, group)
        todo = left(whole, rows)
        seconds = expected_seconds(todo, rows)
        time = duration(None if seconds is None else seconds / workers)
        waits = "" if whole else "  (waits for tuning)"
        lines.append(
            f"{group:<16}{len(whole):>6}{len(whole) - len(todo):>6}{len(todo):>6}  {time}{waits}"
        )
    return "\n".join(lines)


# --- Running --------------------------------------------------------------------------


def attempt(task: Task, device: str) -> Row:
    """Run one task; what a worker does."""
    outcome = train.run(task, device)
    return Row(task.group, task.config, task.seed, outcome, train.environment(device))


@contextmanager
def engine(backend: str, workers: int, address: str | None) -> Iterator[Any]:
    """Provide joblib's own processes, or a Dask cluster: the one at an address, or a local one.

    Parameters
    ----------
    backend : {"joblib", "dask"}
    workers : int
        Processes, of one thread each. A cluster at an address has its own.
    address : str or None
        Such as "tcp://host:8786".

    Yields
    ------
    joblib.Parallel
        Gives results as they are made.
    """
    if backend not in BACKENDS:
        msg = f"backend must be one of {', '.join(BACKENDS)}. Received: backend={backend!r}"
        raise ValueError(msg)
    if backend == "joblib":
        with joblib.parallel_config("loky", n_jobs=workers, inner_max_num_threads=train.THREADS):
            yield joblib.Parallel(return_as="generator_unordered", pre_dispatch="n_jobs")
        return
    from distributed import Client

    local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    connect: Callable[..., Any] = Client
    with (
        connect(address) if address else connect(**local) as client,
        joblib.parallel_config("dask", wait_for_workers_timeout=60),
    ):
        client.wait_for_workers(1, timeout=60)
        yield joblib.Parallel(return_as="generator_unordered")


def run_group(
    folder: Path,
    group: str,
    *,
    backend: str = "joblib",
    workers: int = 1,
    address: str | None = None,
    device: str = "cpu",
    say: Say = tqdm.write,
) -> int:
    """Run what a group has left; return how many runs that were.

    Each row is on the disk before the next result is taken, so an interruption loses only the
    runs in hand.
    """
    todo = left(planned(folder, group, say), rows := done(folder, say))
    if not todo:
        return 0
    load(todo[0].config)  # missing data are said once, here, not by each worker
    with (
        Writer(folder / results.table_of(todo[0]), say) as writer,
        engine(backend, workers, address) as parallel,
        tqdm(total=len(todo), desc=group, unit="run", mininterval=1) as bar,
    ):
        for row in parallel(joblib.delayed(attempt)(task, device) for task in todo):
            writer.add(row)
            rows.append(row)
            finished = {row.key for row in rows}
            waiting = [t for t in todo if (str(t.config), t.seed) not in finished]
            seconds = expected_seconds(waiting, rows) or 0.0
            bar.set_postfix_str(f"about {duration(seconds / workers)} left")
            bar.update()
    return len(todo)


__all__ = ["attempt", "done", "engine", "expected_seconds", "left", "planned", "run_group"]
