"""What the tools and the tests know about chapters: reading, writing, outputs, kernels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import reads_json, writes_json
from pictures import picture_problem

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"

NOT_COMPARED = "nbval-ignore-output"
RAISES = "raises-exception"
SOLUTION = "hide-cell"
REMOVED = "remove-cell"
LONG = "long-on-purpose"

ALLOWED_TAGS = {
    NOT_COMPARED: "its output may differ, as a time does",
    RAISES: "its exception is the point",
    SOLUTION: "the solution of an exercise, folded up on the page",
    REMOVED: "glue, or settings of the display; never a definition",
    LONG: "its length is the point",
}

PICTURES = ("image/png", "image/jpeg")

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""All the metadata a chapter carries: no versions, which would change from machine to machine."""

GLUED = "application/papermill.record/"
"""What `glue` puts before the type of a value that it does not show."""


def chapters(book: Path = BOOK) -> list[Path]:
    """Return the book's notebooks, in the order of their names."""
    return sorted(path for path in book.glob("*.ipynb") if not path.name.startswith("."))


def parse(text: str) -> NotebookNode:
    """Return the notebook in a JSON text as it is: not validated, not upgraded."""
    return reads_json(text)


def read(path: Path) -> NotebookNode:
    """Return the notebook in a file as it is: not validated, not upgraded."""
    return parse(path.read_text(encoding="utf-8"))


def text_of(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file."""
    return writes_json(notebook) + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(text_of(notebook), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def place(notebook: NotebookNode, cell: NotebookNode) -> str:
    """Say which cell it is, in the words an author can search for."""
    number = next(n for n, other in enumerate(notebook.cells, 1) if other is cell)
    return f"cell {number} ({cell.get('id', 'no id')})"


# Outputs


def kinds(outputs: Sequence[NotebookNode]) -> list[str]:
    """Return what each output is, without its content: its types and the name it is glued under.

    Streams count once by name: how often a kernel flushes them depends on the weather.
    """
    found: list[str] = []
    for output in outputs:
        if output.output_type == "stream":
            kind = output.name
            if kind in found:
                continue
        elif output.output_type == "error":
            kind = "error"
        else:
            kind = " ".join([output.output_type, *sorted(output.data)])
            if name := output.metadata.get("scrapbook", {}).get("name"):
                kind += f" glued as {name!r}"
        found.append(kind)
    return found


def output_problems(old: Sequence[NotebookNode], new: Sequence[NotebookNode]) -> list[str]:
    """Say how a cell's new outputs differ from the committed ones where nbval does not look."""
    before, after = kinds(old), kinds(new)
    if before != after:
        return [f"The outputs were\n  {before}\nand are now\n  {after}"]
    problems = []
    pairs = zip(_with_data(old), _with_data(new), strict=True)
    for number, (was, now) in enumerate(pairs, 1):
        for kind in PICTURES:
            if kind in was and (problem := picture_problem(was[kind], now[kind])):
                problems.append(f"Picture in output {number}: {problem}")
    return problems


def _with_data(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    return [output.data for output in outputs if "data" in output]


def glued(notebook: NotebookNode) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each name glued in the committed outputs, with its data by type."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            scrap = output.get("metadata", {}).get("scrapbook")
            if scrap is not None:
                skip = len(scrap.get("mime_prefix", ""))
                yield scrap["name"], {kind[skip:]: data for kind, data in output.data.items()}


# Kernels

_OF_THE_TERMINAL = (
    *("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "PY_COLORS"),
    *("PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "IPYTHONDIR", "MPLBACKEND"),
    *("KERAS_BACKEND", "KERAS_HOME"),
    *("LANG", "LANGUAGE", "TZ"),
)


def kernel_environment(base: Mapping[str, str], ipython_dir: str) -> dict[str, str]:
    """Return the environment of a kernel whose outputs do not depend on who starts it.

    Parameters
    ----------
    base
        The environment to start from; what belongs to a terminal or a user is left out of it.
    ipython_dir
        An empty folder: IPython's profile of the user (start-up files, figure formats) is not read.
    """
    kept = {
        name: value
        for name, value in base.items()
        if name not in _OF_THE_TERMINAL and not name.startswith("LC_")
    }
    fixed = {
        "IPYTHONDIR": ipython_dir,
        "KERAS_HOME": str(Path(ipython_dir) / "keras"),  # not the user's settings for Keras
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # NumPy's threads would wait for each other in a loop where cores are shared: on two cores a
        # chapter with many small products took more than twice the time.
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
    }
    if (matplotlib := find_spec("matplotlib")) and matplotlib.origin:
        # Matplotlib's own defaults, not those in the user's configuration folder.
        own = Path(matplotlib.origin).parent / "mpl-data" / "matplotlibrc"
        fixed["MATPLOTLIBRC"] = os.fspath(own)
    return kept | fixed
