"""What the tables of long runs share: a chapter's own definitions, and how they are written."""

from __future__ import annotations

import ast
import platform
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from notebooks import REMOVED, SOLUTION, code_cells, read, tags
from rules import parsed

from dsconv import _table
from dsconv.timing import processor


def definitions(chapter: Path) -> dict[str, Any]:
    """Run a chapter's imports, functions and classes, and nothing else; return what they define."""
    shown = [c for c in code_cells(read(chapter)) if not {REMOVED, SOLUTION} & set(tags(c))]
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    body = [node for cell in shown for node in parsed(cell.source).body if isinstance(node, kinds)]
    names: dict[str, Any] = {"__name__": chapter.stem}
    exec(compile(ast.Module(body, type_ignores=[]), str(chapter), "exec"), names)
    return names


def write(
    path: Path, lines: Sequence[Mapping[str, Any]], command: Sequence[str], packages: Sequence[str]
) -> None:
    """Write a table below a line with the command, the versions and the machine."""
    if not lines:
        msg = f"a table of runs must hold one or more. Received: none for {path}"
        raise ValueError(msg)
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    said = (
        f"command: {shlex.join(command)} | Python {platform.python_version()}, {versions} | "
        f"1 thread of {processor()}, {platform.system()} {platform.machine()}"
    )
    columns = [*lines[0]]
    _table.write(path, said, columns, [[line[name] for name in columns] for line in lines])
