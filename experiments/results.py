"""The table of results: one line a run, added to and never changed.

One process writes it. A line counts when its line end is on the disk: what an interrupted process
left of a line is cut off when the next one opens the table, and read as if it were not there.
Reading checks every line, so a table that was edited by hand, or made with other networks than
today's, is refused with its line number.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from experiments.config import SETTINGS, Choice, Config, Task, parse
from experiments.families import cost
from experiments.train import Outcome

FOLDER = Path(__file__).parent / "results"
RUNS, TUNING, TRIAL = "runs.csv", "tuning.csv", "trial.csv"

ENVIRONMENT = ("device", "processor", "threads", "python", "torch", "numpy")
COSTS = ("parameters", "weights", "macs", "peak_activation_bytes")
COLUMNS = (
    *("group", "config", "data", "resolution", "family", "width", "epochs", "batch_size"),
    *("learning_rate", "weight_decay", "seed"),
    *("train_accuracy", "validation_accuracy", "test_accuracy"),
    *COSTS,
    *ENVIRONMENT,
    *("seconds", "test_count", "right"),
)


def silent(text: str) -> None:
    """Say nothing."""
    del text


class TableError(Exception):
    """A table is not what it has to be; the text says where and why."""


@dataclass(frozen=True)
class Row:
    """One run of the table.

    Attributes
    ----------
    group : str
        Of the grid.
    config : Config
    seed : int
    outcome : Outcome
    environment : dict of str to str
        Device, processor, threads and versions.
    """

    group: str
    config: Config
    seed: int
    outcome: Outcome
    environment: dict[str, str]

    @property
    def key(self) -> tuple[str, int]:
        """The configuration's id and the seed: no two runs share them."""
        return str(self.config), self.seed

    @property
    def right(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each test picture was answered right, in the order of the test set."""
        packed = np.frombuffer(self.outcome.right or b"", np.uint8)
        return np.unpackbits(packed, count=self.outcome.test_count).astype(bool)


# --- A row as text --------------------------------------------------------------------


def cells(row: Row) -> dict[str, str]:
    """Return a row as the table holds it."""
    config, outcome = row.config, row.outcome
    found = cost(config.family, config.width, config.sides)
    texts = {
        "group": row.group,
        "config": str(config),
        "data": config.data,
        "resolution": str(config.resolution),
        "family": config.family,
        "width": str(config.width),
        "epochs": str(config.epochs),
        "batch_size": str(config.batch_size),
        "learning_rate": f"{config.learning_rate:g}",
        "weight_decay": f"{config.weight_decay:g}",
        "seed": str(row.seed),
        "train_accuracy": f"{outcome.train_accuracy:.6f}",
        "validation_accuracy": f"{outcome.validation_accuracy:.6f}",
        "test_accuracy": "" if outcome.test_accuracy is None else f"{outcome.test_accuracy:.6f}",
        "seconds": f"{outcome.seconds:.2f}",
        "test_count": str(outcome.test_count),
        "right": base64.b64encode(outcome.right or b"").decode(),
    }
    texts |= {name: str(getattr(found, name)) for name in COSTS}
    return texts | row.environment


def line(row: Row) -> str:
    """Return a row as the table's line, with its end."""
    return _csv([cells(row)[name] for name in COLUMNS])


def _csv(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


HEADER = _csv(COLUMNS)


def row_of(texts: Mapping[str, str]) -> Row:
    """Return the row that cells stand for, or say which of them is wrong.

    Raises
    ------
    ValueError
        If a cell does not hold what its column says, or two of them disagree.
    """
    config, seed = parse(texts["config"]), int(texts["seed"])
    train, validation = (float(texts[f"{part}_accuracy"]) for part in ("train", "validation"))
    for name, share in (("train_accuracy", train), ("validation_accuracy", validation)):
        if not 0 <= share <= 1:
            msg = f"{name} must lie between 0 and 1. Received: {share!r}"
            raise ValueError(msg)
    count = int(texts["test_count"])
    try:
        right = base64.b64decode(texts["right"], validate=True)
    except binascii.Error as problem:
        msg = f"right must be base64. Received: {problem}"
        raise ValueError(msg) from problem
    if len(right) != -(-count // 8):
        msg = f"right must hold {count} bits. Received: {len(right)} bytes"
        raise ValueError(msg)
    outcome = Outcome(train, validation, right or None, count, float(texts["seconds"]))
    environment = {name: texts[name] for name in ENVIRONMENT}
    row = Row(texts["group"], config, seed, outcome, environment)
    for name, wanted in cells(row).items():
        if texts[name] != wanted:
            msg = f"{name} must be {wanted!r} by the other columns. Received: {texts[name]!r}"
            raise ValueError(msg)
    return row


# --- The table ------------------------------------------------------------------------


def read(path: Path, say: Callable[[str], None] = silent) -> list[Row]:
    """Return the rows of a table; none if there is no file.

    Parameters
    ----------
    path : Path
    say : callable, optional
        Is told of an unfinished last line.

    Returns
    -------
    list of Row

    Raises
    ------
    TableError
        If the columns or a line are wrong, or a run stands there twice.
    """
    whole, rest = _whole_lines(path)
    if rest:
        say(f"{path.name}: the last line is unfinished ({rest} bytes) and does not count")
    lines = list(csv.reader(io.StringIO(whole)))
    if not lines:
        return []
    if tuple(lines[0]) != COLUMNS:
        msg = f"{path}: the columns must be {', '.join(COLUMNS)}. Received: {', '.join(lines[0])}"
        raise TableError(msg)
    rows: dict[tuple[str, int], Row] = {}
    for number, values in enumerate(lines[1:], start=2):
        try:
            row = row_of(dict(zip(COLUMNS, values, strict=True)))
            if row.key in rows:
                msg = f"a run stands in the table once. Received: {row.key} again"
                raise ValueError(msg)
        except ValueError as problem:
            msg = f"{path}, line {number}: {problem}"
            raise TableError(msg) from problem
        rows[row.key] = row
    return list(rows.values())


def _whole_lines(path: Path) -> tuple[str, int]:
    """Return the finished lines, and how many bytes come behind them."""
    content = path.read_bytes() if path.exists() else b""
    end = content.rfind(b"\n") + 1
    return content[:end].decode("utf-8"), len(content) - end


class Writer:
    """The one process that adds to a table, in a `with` statement.

    Parameters
    ----------
    path : Path
        Made, with its folder and its columns, if it is not there.
    say : callable, optional
        Is told what was mended.

    Raises
    ------
    TableError
        If another process is writing.
    """

    def __init__(self, path: Path, say: Callable[[str], None] = silent) -> None:
        self.path = path
        self.say = say
        self.file: IO[bytes] | None = None

    def __enter__(self) -> Writer:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("ab")
        self._lock()
        whole, rest = _whole_lines(self.path)
        if rest:
            self.say(f"{self.path.name}: cut off an unfinished last line of {rest} bytes")
            self.file.truncate(len(whole.encode()))
        if not whole:
            self._write(HEADER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.file is not None:
            self.file.close()

    def add(self, row: Row) -> None:
        """Write a row; when this returns, it is on the disk."""
        self._write(line(row))

    def _write(self, text: str) -> None:
        if self.file is None:
            msg = "a Writer writes inside its `with` statement. Received: a call outside of it"
            raise TableError(msg)
        self.file.write(text.encode())
        self.file.flush()
        os.fsync(self.file.fileno())

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        if self.file is None:
            return
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            self.file.close()
            msg = f"{self.path} has one writer at a time. Received: another process is writing it"
            raise TableError(msg) from problem


# --- What tuning chose ----------------------------------------------------------------


def choice(rows: Iterable[Row]) -> Choice:
    """Return the learning rate and weight decay of each (data, family) whose tuning is whole.

    Parameters
    ----------
    rows : iterable of Row
        Of the tuning table.

    Returns
    -------
    dict of (str, str) to (float, float)
        With the best validation accuracy; of equals, the first of `SETTINGS`.
    """
    found: dict[tuple[str, str], dict[tuple[float, float], float]] = {}
    for row in rows:
        config = row.config
        setting = (config.learning_rate, config.weight_decay)
        accuracies = found.setdefault((config.data, config.family), {})
        accuracies[setting] = row.outcome.validation_accuracy
    return {
        key: max(SETTINGS, key=accuracies.__getitem__)
        for key, accuracies in found.items()
        if set(accuracies) >= set(SETTINGS)
    }


def table_of(task: Task) -> str:
    """Return the name of the file that a task's row belongs to."""
    return TUNING if task.tuning else TRIAL if task.group == "trial" else RUNS


__all__ = ["COLUMNS", "FOLDER", "Row", "TableError", "Writer", "choice", "read", "row_of"]
