"""Run chapters from top to bottom and store their outputs: `python tools/execute.py [CHAPTER ...]`.

A chapter is written only after the whole of it ran, and only if something changed, so that
`git status` stays clean when nothing did. Cells tagged `nbval-ignore-output` (times) keep their
outputs, unless one of these is missing or of another kind now; `--renew` takes new ones.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, from_dict
from notebooks import (
    METADATA,
    NOT_COMPARED,
    RAISES,
    ROOT,
    chapters,
    code_cells,
    kernel_environment,
    kinds,
    place,
    read,
    tags,
    text_of,
    write,
)

TIMEOUT = 300  # seconds a cell may take, as in the tests

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")


class ChapterError(Exception):
    """A chapter did not run; the message says where and why."""


def execute(path: Path, *, renew: bool = False) -> NotebookNode:
    """Run a chapter in its own folder and return it with its new outputs.

    Raises
    ------
    ChapterError
        If a cell fails, writes to stderr, takes too long, or was to raise and did not.
    """
    before, notebook = read(path), read(path)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, name in zip(notebook.cells, stable_ids(notebook, path.stem), strict=True):
        cell.id = name
        cell.metadata = tidy_metadata(cell.metadata)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    _run(notebook, path)
    notebook.metadata = from_dict(METADATA)  # after the run: nbclient adds the kernel's version
    for cell in code_cells(notebook):
        _require_as_tagged(notebook, cell, path)
        for output in cell.outputs:
            if output.output_type == "error":
                output.traceback = [without_machine(line) for line in output.traceback]
    if not renew:
        keep_old_outputs(before, notebook)
    return notebook


def _run(notebook: NotebookNode, path: Path) -> None:
    """Run every cell of a notebook in a fresh kernel of this very Python."""
    running: list[NotebookNode] = []
    with TemporaryDirectory(prefix="execute-") as folder:
        # No folders to search: the kernel is ipykernel in this environment, whatever else is
        # installed for the user under the name python3.
        specs = KernelSpecManager(kernel_dirs=[])
        client = NotebookClient(
            notebook,
            km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
            timeout=TIMEOUT,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.resolve().parent)}},
            on_cell_start=lambda cell, cell_index: running.append(cell),  # noqa: ARG005
        )
        said = Path(folder) / "stderr"
        environment = kernel_environment(os.environ, str(Path(folder) / "ipython"))
        try:
            with said.open("w") as stderr:
                client.execute(cleanup_kc=True, env=environment, stderr=stderr)
        except CellExecutionError as error:
            problem = _ESCAPES.sub("", f"{error.ename}: {error.evalue}")
            raise ChapterError(_at(path, notebook, running[-1], problem)) from error
        except CellTimeoutError as error:
            problem = f"took longer than {TIMEOUT} s"
            raise ChapterError(_at(path, notebook, running[-1], problem)) from error
        except DeadKernelError as error:
            problem = f"the kernel died. It said:\n{said.read_text()}"
            raise ChapterError(_at(path, notebook, running[-1], problem)) from error


def _at(path: Path, notebook: NotebookNode, cell: NotebookNode, problem: str) -> str:
    source = "\n".join(f"    {line}" for line in cell.source.splitlines())
    return f"{shown(path)}, {place(notebook, cell)}: {problem}\n{source}"


def _require_as_tagged(notebook: NotebookNode, cell: NotebookNode, path: Path) -> None:
    found = kinds(cell.outputs)
    if "stderr" in found:
        text = "".join(out.text for out in cell.outputs if out.get("name") == "stderr")
        problem = f"wrote to stderr, which would be on the page:\n{text.rstrip()}"
        raise ChapterError(_at(path, notebook, cell, problem))
    if RAISES in tags(cell) and "error" not in found:
        raise ChapterError(_at(path, notebook, cell, f"is tagged {RAISES} and raised nothing"))


def tidy_metadata(metadata: NotebookNode) -> NotebookNode:
    """Return what a chapter keeps of a cell's metadata: its tags and what the page needs."""
    return from_dict({key: metadata[key] for key in ("mystnb", "tags") if metadata.get(key)})


def stable_ids(notebook: NotebookNode, stem: str) -> list[str]:
    """Return an id for each cell: its own, or the chapter's next number where it has none.

    The random ids that editors give to new cells count as none. An id once given stays with its
    cell, wherever that moves.
    """
    own = [str(cell.get("id", "")) for cell in notebook.cells]
    seen: set[str] = set()
    for n, name in enumerate(own):
        if not name or name in seen or _RANDOM_ID.fullmatch(name):
            own[n] = ""
        seen.add(name)
    numbers = [int(m[1]) for name in own if (m := re.fullmatch(rf"{re.escape(stem)}-(\d+)", name))]
    free = iter(range(max(numbers, default=0) + 1, len(own) + max(numbers, default=0) + 1))
    return [name or f"{stem}-{next(free):02d}" for name in own]


def without_machine(text: str) -> str:
    """Return a line of a traceback without the paths of the machine that it was made on."""
    home = os.fspath(Path.home())
    # The libraries first: their folder may lie inside the root.
    text = re.sub(r"(?:~|/)[^\s:'\"]*/site-packages/", "site-packages/", text)
    text = re.sub(r"(?:~|/)[^\s:'\"]*/lib/(python3\.\d+/)", r"\1", text)
    for root in {os.fspath(ROOT), os.fspath(ROOT).replace(home, "~", 1)}:
        text = text.replace(root + os.sep, "")
    return text


def keep_old_outputs(before: NotebookNode, after: NotebookNode) -> None:
    """Put back the committed outputs of the cells that are not compared.

    All or none of a chapter: a table and a picture of times must come from one run.
    """
    pairs = [
        (old, new)
        for old, new in zip(code_cells(before), code_cells(after), strict=True)
        if NOT_COMPARED in tags(new)
    ]
    if any(kinds(old.outputs) != kinds(new.outputs) for old, new in pairs):
        return
    for old, new in pairs:
        new.outputs = old.outputs
        for output in new.outputs:
            if output.output_type == "execute_result":
                output.execution_count = new.execution_count


def shown(path: Path) -> str:
    """Return a path as a reader of the terminal knows it."""
    path = path.resolve()
    return os.fspath(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def run_all(paths: Iterable[Path], *, check: bool = False, renew: bool = False) -> bool:
    """Execute chapters, tell how each went, and return whether all went well."""
    fine = True
    for path in paths:
        start = time.perf_counter()
        try:
            notebook = execute(path, renew=renew)
        except ChapterError as error:
            print(f"FAILED  {error}\n        The file was left as it was.", file=sys.stderr)
            fine = False
            continue
        changed = text_of(notebook) != path.read_text(encoding="utf-8")
        if changed and not check:
            write(notebook, path)
        verdict = ("would change" if check else "written") if changed else "unchanged"
        fine = fine and not (check and changed)
        count, took = len(code_cells(notebook)), time.perf_counter() - start
        print(f"{shown(path)}: {count} cells in {took:.1f} s, {verdict}", flush=True)
    return fine


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("chapters", nargs="*", type=Path, metavar="CHAPTER", help="default: all")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a change")
    parser.add_argument("--renew", action="store_true", help="take new times, too")
    options = parser.parse_args(arguments)
    if missing := [os.fspath(path) for path in options.chapters if not path.is_file()]:
        parser.error(f"no such chapter: {', '.join(missing)}")
    return (
        0
        if run_all(options.chapters or chapters(), check=options.check, renew=options.renew)
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
