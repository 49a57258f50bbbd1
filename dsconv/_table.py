"""Tables of what was measured: a line that says what made them, the columns, and the numbers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

_READ: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "float | None": lambda text: float(text) if text else None,
}


def parsed(text: str, kind: type[Any], name: str) -> tuple[str, list[Any]]:
    r"""Return what made a table, and its lines.

    Parameters
    ----------
    text : str
        The whole table.
    kind : type
        A dataclass whose fields are the columns.
    name : str
        What messages call the table.

    Returns
    -------
    (str, list)
        The first line without its mark, and objects of that kind.

    Raises
    ------
    ValueError
        If the first line, the columns or a number are not what they must be.

    Examples
    --------
    >>> from dsconv.measured import Latency
    >>> head = "family,width,macs,batch,milliseconds,ratio,low,high,reference"
    >>> text = f"# by hand\n{head}\nlight,4,9,1,0.5,1,1,1,light 4\n"
    >>> said, [line] = parsed(text, Latency, "times")
    >>> said, line.width
    ('by hand', 4)
    """
    first, *lines = text.splitlines() or [""]
    if not first.startswith("# "):
        msg = (
            f"{name}: the first line must say what made the table, after '# '. Received: {first!r}"
        )
        raise ValueError(msg)
    columns = [field.name for field in fields(kind)]
    head, *rows = list(csv.reader(lines)) or [[]]
    if head != columns:
        msg = f"{name}: the columns must be {', '.join(columns)}. Received: {', '.join(head)}"
        raise ValueError(msg)
    made = []
    for number, row in enumerate(rows, start=3):
        try:
            pairs = zip(fields(kind), row, strict=True)
            made.append(kind(**{field.name: _READ[str(field.type)](cell) for field, cell in pairs}))
        except ValueError as problem:
            msg = f"{name}, line {number}: a line must fit the columns. Received: {','.join(row)}"
            raise ValueError(msg) from problem
    return first.removeprefix("# "), made


def check_place(path: Path) -> None:
    """Refuse where no table can be written: before the work, not after it.

    Parameters
    ----------
    path : Path
        The table.

    Raises
    ------
    ValueError
        If the folder is not there, or something stands in the place that is no file.

    Examples
    --------
    >>> check_place(Path(__file__))
    """
    if not path.parent.is_dir():
        msg = f"a table's folder must be there. Received: {path.parent}"
        raise ValueError(msg)
    if path.exists() and not path.is_file():
        msg = f"a table must be a file. Received: {path}"
        raise ValueError(msg)


def write(path: Path, said: str, columns: Iterable[str], lines: Iterable[Iterable[Any]]) -> None:
    """Write a table; an interruption leaves the old one.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    said : str
        What made the table.
    columns : iterable of str
    lines : iterable of iterable

    Raises
    ------
    ValueError
        If no table can be written there.
    """
    check_place(path)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(f"# {said}\n")
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(lines)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


__all__ = ["check_place", "parsed", "write"]
