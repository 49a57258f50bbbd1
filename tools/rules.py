"""The rules that every committed chapter obeys, as functions that return what is wrong.

A rule takes one chapter (or, below, the whole book) and returns sentences; none means all is well.
tests/test_notebooks.py asks them of the book, tests/test_planted.py shows that each can fail.
"""

from __future__ import annotations

import ast
import csv
import re
import statistics
import symtable
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from myst_nb.core.variables import format_plain_text
from nbformat import NotebookNode
from nbformat.validator import iter_validate
from notebooks import (
    ALLOWED_TAGS,
    GLUED,
    LONG,
    METADATA,
    NOT_COMPARED,
    PICTURES,
    RAISES,
    REMOVED,
    SOLUTION,
    code_cells,
    glued,
    place,
    tags,
)
from prose import typed_numbers, without

MAX_LINES = 12
MAX_MEDIAN = 4
MAX_DIGITS = 6
MAX_NOT_COMPARED = 0.05

OUTPUT_TYPES = {
    *("text/plain", "text/html", "text/latex", "text/markdown"),
    *("image/png", "image/svg+xml", GLUED + "text/plain"),
}
"""What both the page and a reader's notebook can show without a network or a widget."""

CELL_METADATA: Mapping[str, set[str]] = {
    "image": {"alt", "width", "height", "scale", "align", "classes"},
    "figure": {"caption", "name", "align"},
}
"""The settings of myst-nb in use; it ignores any other spelling in silence."""

Rule = Callable[[NotebookNode], list[str]]


# What a chapter is made of


def whole(notebook: NotebookNode) -> list[str]:
    """Follow format 4.5 or later, with a title, one id a cell, and no metadata but the kernel."""
    problems = []
    version = (notebook.nbformat, notebook.nbformat_minor)
    if version < (4, 5):
        problems.append(
            f"format {version[0]}.{version[1]}: 4.5 is the first with ids; make execute"
        )
    errors = iter_validate(nbformat.from_dict(notebook))
    problems += [f"not a valid notebook: {str(error).splitlines()[0]}" for error in errors]
    ids = Counter(cell.get("id") for cell in notebook.cells)
    problems += [f"{count} cells have the id {name}" for name, count in ids.items() if count > 1]
    if notebook.metadata != METADATA:
        problems.append(f"notebook metadata {dict(notebook.metadata)}: make execute")
    first = notebook.cells[0].source if notebook.cells else ""
    if not re.match(r"(\(.*\)=\n)?# \S", first):
        problems.append("the first cell does not begin with the chapter's title, `# Title`")
    return problems


def run_in_order(notebook: NotebookNode) -> list[str]:
    """Show the outputs of one run from top to bottom."""
    problems = []
    cells = code_cells(notebook)
    problems += [f"{place(notebook, c)}: empty" for c in cells if not c.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        problems.append(f"not run from top to bottom: the counts are {counts}; make execute")
    for cell in cells:
        for output in cell.outputs:
            if output.output_type == "execute_result" and (
                output.execution_count != cell.execution_count
            ):
                problems.append(f"{place(notebook, cell)}: its output is from another run")
    return problems


def known_tags(notebook: NotebookNode) -> list[str]:
    """Tag code cells with allowed tags only: others are mistyped, and mistyped tags do nothing."""
    problems = []
    for cell in notebook.cells:
        found = tags(cell)
        for tag in found:
            if tag not in ALLOWED_TAGS:
                allowed = ", ".join(sorted(ALLOWED_TAGS))
                problems.append(f"{place(notebook, cell)}: tag {tag!r} is none of {allowed}")
        if len(set(found)) < len(found):
            problems.append(f"{place(notebook, cell)}: a tag twice in {found}")
        if found and cell.cell_type != "code":
            problems.append(f"{place(notebook, cell)}: tags belong to code cells")
    return problems


def plain_metadata(notebook: NotebookNode) -> list[str]:
    """Carry no cell metadata but tags and the alt text and caption of a picture."""
    problems = []
    for cell in notebook.cells:
        at = place(notebook, cell)
        if cell.cell_type not in ("code", "markdown"):
            problems.append(f"{at}: a {cell.cell_type} cell")
        if cell.get("attachments"):
            problems.append(f"{at}: an attachment, which the page would not show")
        allowed = {"tags", "mystnb"} if cell.cell_type == "code" else {"tags"}
        if unknown := set(cell.metadata) - allowed:
            problems.append(f"{at}: metadata {sorted(unknown)}; make execute")
        for part, settings in cell.metadata.get("mystnb", {}).items():
            known = CELL_METADATA.get(part, set())
            wrong = [name for name in settings if name not in known] if known else ["the whole"]
            problems += [f"{at}: myst-nb knows no mystnb.{part}.{name}" for name in wrong]
    return problems


# What its outputs show


def described_pictures(notebook: NotebookNode) -> list[str]:
    """Say in words what each picture shows, for those who do not see it."""
    problems = []
    for cell in code_cells(notebook):
        at = place(notebook, cell)
        if REMOVED in tags(cell):
            continue
        data = [output.data for output in cell.outputs if "data" in output]
        pictures = sum(any(kind in d for kind in (*PICTURES, "image/svg+xml")) for d in data)
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if pictures and not str(alt).strip():
            problems.append(f"{at}: a picture without alt text (metadata mystnb.image.alt)")
        if pictures > 1:
            problems.append(f"{at}: {pictures} pictures share one alt text; one picture a cell")
        if alt and not pictures:
            problems.append(f"{at}: alt text without a picture")
        for html in (d["text/html"] for d in data if "text/html" in d):
            for svg in re.findall(r"<svg\b[^>]*>", html):
                named = re.search(r'\baria-label(ledby)?="[^"]*\w', svg) and 'role="img"' in svg
                if not named and 'aria-hidden="true"' not in svg:
                    problems.append(f'{at}: an <svg> without role="img" and an aria-label')
            for img in re.findall(r"<img\b[^>]*>", html):
                if not re.search(r'\balt="[^"]*\w', img):
                    problems.append(f"{at}: an <img> without alt text")
    return problems


_MACHINE = re.compile(
    r"""
      \b0x[0-9a-fA-F]{6,}                           # a memory address
    | (?<![\w./:<>)\]}+=])/(?:[\w.+-]+/)+[\w.+-]*   # an absolute path
    | (?<!\w)~/[\w./]+                              # a path from the home folder
    | (?<!\w)[A-Za-z]:\\\w+                         # a path on Windows
    | ipykernel_\d+                                 # a temporary file of the kernel
    """,
    re.VERBOSE,
)


def no_machine(notebook: NotebookNode) -> list[str]:
    """Name no path and no address of the machine that ran the chapter."""
    problems = []
    for cell in code_cells(notebook):
        texts = [*_shown_texts(cell, with_glue=True), _strings_in(cell.source)]
        found = {match[0] for text in texts for match in _MACHINE.finditer(text)}
        problems += [f"{place(notebook, cell)}: {what!r}" for what in sorted(found)]
    return problems


def clean_outputs(notebook: NotebookNode) -> list[str]:
    """Write nothing to stderr, raise only where tagged, and show only what every reader can see."""
    problems = []
    for cell in code_cells(notebook):
        at = place(notebook, cell)
        raised = [output.ename for output in cell.outputs if output.output_type == "error"]
        if raised and RAISES not in tags(cell):
            problems.append(f"{at}: {raised[0]} in a cell that is not tagged {RAISES}")
        if RAISES in tags(cell) and not raised:
            problems.append(f"{at}: tagged {RAISES}, but nothing was raised")
        for output in cell.outputs:
            if output.get("name") == "stderr":
                problems.append(f"{at}: stderr: {output.text.strip()[:80]!r}")
            unknown = set(output.get("data", {})) - OUTPUT_TYPES
            problems += [f"{at}: output of type {kind}" for kind in sorted(unknown)]
    return problems


_NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*\.\d+(?:e[-+]?\d+)?", re.IGNORECASE)


def too_many_digits(text: str) -> list[str]:
    """Return the numbers in a text that show more digits than are sure to be the same elsewhere.

    Whole numbers may be as long as they are, and zeros at the end do not count: 0.1250000 is exact.
    """
    found = []
    for number in _NUMBER.findall(text):
        mantissa = re.split("e", number, flags=re.IGNORECASE)[0]
        before, after = re.sub("[,_]", "", mantissa).split(".")
        digits = (before + after.rstrip("0")).lstrip("0")
        if after.strip("0") and len(digits) > MAX_DIGITS:
            found.append(number)
    return found


def stable_digits(notebook: NotebookNode) -> list[str]:
    """Print no more digits than are the same on every machine."""
    problems = []
    for cell in code_cells(notebook):
        for text in _shown_texts(cell):
            for number in too_many_digits(text):
                problems.append(f"{place(notebook, cell)}: {number} has over {MAX_DIGITS} digits")
    return problems


_TAG_OF_HTML = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)
_DATA_URI = re.compile(r"data:[\w/+.;-]+,[\w+/=%-]*")


def _shown_texts(cell: NotebookNode, *, with_glue: bool = False) -> Iterator[str]:
    """Yield the texts in a cell's outputs, as a reader sees them; pictures are left out."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield f"{output.ename}: {output.evalue}"
            if with_glue:
                yield re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))
        elif with_glue or "scrapbook" not in output.metadata:
            for kind, data in output.data.items():
                if kind in PICTURES:
                    continue
                text = _DATA_URI.sub("", data if isinstance(data, str) else repr(data))
                markup = kind in ("text/html", "image/svg+xml")
                yield _TAG_OF_HTML.sub(" ", text) if markup and not with_glue else text


# What its code does

_transform = TransformerManager().transform_cell


def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a cell, magics and all."""
    return ast.parse(_transform(source))


def _strings_in(source: str) -> str:
    strings = (n.value for n in ast.walk(parsed(source)) if isinstance(n, ast.Constant))
    return "\n".join(s for s in strings if isinstance(s, str))


def short_cells(notebook: NotebookNode) -> list[str]:
    """Have one thing in a cell: a dozen lines at the most, four in the middle."""
    problems, lengths = [], []
    for cell in code_cells(notebook):
        found = tags(cell)
        if REMOVED in found:
            continue
        length = sum(bool(line.strip()) for line in cell.source.splitlines())
        if length > MAX_LINES and LONG not in found:
            problems.append(f"{place(notebook, cell)}: {length} lines > {MAX_LINES}; or tag {LONG}")
        if length <= MAX_LINES and LONG in found:
            problems.append(f"{place(notebook, cell)}: {length} lines are not long; drop {LONG}")
        if SOLUTION not in found:
            lengths.append(length)
    if lengths and (median := statistics.median(lengths)) > MAX_MEDIAN:
        problems.append(f"the median cell has {median:g} lines > {MAX_MEDIAN}")
    return problems


_COMMANDS = {"pip", "conda", "mamba", "uv", "run", "load", "capture", "system", "sx"}


def honest_imports(notebook: NotebookNode) -> list[str]:
    """Show where each name comes from, and install nothing."""
    problems = []
    for cell in code_cells(notebook):
        at = place(notebook, cell)
        if "NBVAL_" in cell.source:
            problems.append(f"{at}: a comment for nbval; use a tag, which is counted")
        for node in ast.walk(parsed(cell.source)):
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
                problems.append(f"{at}: from {node.module} import *")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if node.func.attr in ("system", "getoutput") or (
                    node.func.attr in ("run_line_magic", "run_cell_magic")
                    and words
                    and words[0] in _COMMANDS
                ):
                    problems.append(f"{at}: runs a command: {' '.join(map(str, words))}")
    return problems


def nothing_hidden(notebook: NotebookNode) -> list[str]:
    """Let no visible cell use a name that only a hidden cell gives it."""
    problems: list[str] = []
    hidden: dict[str, NotebookNode] = {}
    for cell in code_cells(notebook):
        bound, used = _names(cell.source)
        if {SOLUTION, REMOVED} & set(tags(cell)):
            hidden |= dict.fromkeys(bound, cell)
            continue
        for name in sorted(used & hidden.keys()):
            source = place(notebook, hidden[name])
            problems.append(f"{place(notebook, cell)}: {name} comes from hidden {source}")
        hidden = {name: giver for name, giver in hidden.items() if name not in bound}
    return problems


def _names(source: str) -> tuple[set[str], set[str]]:
    """Return the names a cell binds and the names it uses."""
    top = symtable.symtable(_transform(source), "cell", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    inside = top.get_children()
    while inside:
        table = inside.pop()
        inside += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return bound, used


_CLOCKS = {
    *("perf_counter", "perf_counter_ns", "process_time", "monotonic", "timeit", "autorange"),
    *("now", "today", "getpid", "urandom", "uuid4", "cpu_count"),
}


def tagged_times(notebook: NotebookNode) -> list[str]:
    """Tag each cell that looks at a clock or at the machine and shows something."""
    problems = []
    for cell in code_cells(notebook):
        if NOT_COMPARED in tags(cell) or not cell.outputs:
            continue
        calls = (n for n in ast.walk(parsed(cell.source)) if isinstance(n, ast.Call))
        if any(_looks_at_a_clock(call) for call in calls):
            problems.append(f"{place(notebook, cell)}: shows a time; tag it {NOT_COMPARED}")
    return problems


def _looks_at_a_clock(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("run_line_magic", "run_cell_magic"):
        return getattr(call.args[0], "value", None) in ("time", "timeit")
    return name in _CLOCKS or ast.unparse(call.func) == "time.time"


# What it glues

GLUE_ROLE = re.compile(r"\{glue:text\}`([^`]+)`")


def glue_cells(notebook: NotebookNode) -> list[str]:
    """Glue in cells tagged remove-cell that do nothing else, once a name, plain Python values."""
    problems = []
    for cell in code_cells(notebook):
        at = place(notebook, cell)
        if not is_glue_cell(cell):
            names = {getattr(n, "id", "") for n in ast.walk(parsed(cell.source))}
            if "glue" in names:
                problems.append(f"{at}: glue beside other code; give it a cell tagged {REMOVED}")
        elif REMOVED not in tags(cell):
            problems.append(f"{at}: a cell that only glues is tagged {REMOVED}")
        else:
            written = glue_names(cell)
            stored = [o.metadata.scrapbook.name for o in cell.outputs if "scrapbook" in o.metadata]
            if written != stored:
                problems.append(f"{at}: glues {written}, its outputs are {stored}; make execute")
    found = Counter(name for name, _ in glued(notebook))
    problems += [f"{name} is glued {count} times" for name, count in found.items() if count > 1]
    for name, data in glued(notebook):
        if "text/plain" not in data or data["text/plain"].startswith(("np.", "tensor(", "array(")):
            value = data.get("text/plain", f"of type {', '.join(data)}")
            problems.append(f"{name} is {value}: glue int(...), float(...) or a string")
    return problems


def is_glue_cell(cell: NotebookNode) -> bool:
    """Return whether a code cell does nothing but import `glue` and call it."""
    statements = parsed(cell.source).body
    calls = [s for s in statements if isinstance(s, ast.Expr) and _glue_name(s.value) is not None]
    imports = [s for s in statements if isinstance(s, ast.ImportFrom) and s.module == "myst_nb"]
    return bool(statements) and len(calls) + len(imports) == len(statements)


def glue_names(cell: NotebookNode) -> list[str]:
    """Return the names that a glue cell's code glues."""
    values = (s.value for s in parsed(cell.source).body if isinstance(s, ast.Expr))
    return [name for value in values if (name := _glue_name(value)) is not None]


def _glue_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "glue" and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return name.value
    return None


CHAPTER_RULES: tuple[Rule, ...] = (
    whole,
    run_in_order,
    known_tags,
    plain_metadata,
    described_pictures,
    no_machine,
    clean_outputs,
    stable_digits,
    short_cells,
    honest_imports,
    nothing_hidden,
    tagged_times,
    glue_cells,
)


# What holds for the book as a whole


def few_not_compared(book: Mapping[str, NotebookNode]) -> list[str]:
    """Leave at most one cell in twenty uncompared."""
    cells = [(name, cell) for name, notebook in book.items() for cell in code_cells(notebook)]
    free = [(name, cell) for name, cell in cells if NOT_COMPARED in tags(cell)]
    if len(free) <= MAX_NOT_COMPARED * len(cells):
        return []
    where = ", ".join(f"{name} {place(book[name], cell)}" for name, cell in free)
    return [f"{len(free)} of {len(cells)} cells are not compared, over 5 %: {where}"]


def glue_value(
    reference: str, page: str, values: Mapping[str, Mapping[str, dict[str, str]]]
) -> tuple[str, str, str]:
    """Find what a `{glue:text}` role shows.

    Parameters
    ----------
    reference
        What stands between the backticks: `key`, `key:format` or `other.ipynb::key:format`.
    page
        The file name of the page it stands on.
    values
        The glued data of each chapter by file name, then by key.

    Returns
    -------
    The chapter and the key that it comes from, and the text to show.

    Raises
    ------
    ValueError
        If the key is not glued there, or the format does not fit the value.
    """
    key, colon, format_spec = reference.rpartition(":")
    if not colon:
        key, format_spec = reference, "s"
    chapter, elsewhere, name = key.rpartition("::")
    if key.endswith(":"):
        msg = (
            f"{{glue:text}}`{reference}`: a value of another chapter needs a format, {reference}:s"
        )
        raise ValueError(msg)
    chapter = PurePosixPath(chapter).name if elsewhere else page
    data = values.get(chapter, {}).get(name)
    if data is None:
        known = ", ".join(sorted(values.get(chapter, {}))) or "none"
        msg = f"{{glue:text}}`{reference}`: {chapter} glues no {name!r}; it glues {known}"
        raise ValueError(msg)
    try:
        return chapter, name, format_plain_text(data["text/plain"], format_spec)
    except (ValueError, TypeError) as error:
        msg = (
            f"{{glue:text}}`{reference}`: {data['text/plain']} has no format {format_spec}: {error}"
        )
        raise ValueError(msg) from error


def glued_values(book: Mapping[str, NotebookNode]) -> dict[str, dict[str, dict[str, str]]]:
    """Return the glued data of each chapter by file name, then by key."""
    return {name: dict(glued(notebook)) for name, notebook in book.items()}


def sound_glue(book: Mapping[str, NotebookNode], pages: Mapping[str, str]) -> list[str]:
    """Use every glued value, glue every value used, and format it so that its digits are stable.

    `pages` holds the book's pages that are plain Markdown: they may use values, too.
    """
    problems, used = [], set()
    values = glued_values(book)
    texts = [(name, text) for name, text in pages.items()]
    for name, notebook in book.items():
        texts += [(name, cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    for page, text in texts:
        for other in re.findall(r"\{glue(?!:text\}`)[^}]*\}", text):
            problems.append(f"{page}: {other}: only {{glue:text}} takes a format")
        for reference in GLUE_ROLE.findall(text):
            try:
                chapter, key, shown = glue_value(reference, page, values)
            except ValueError as error:
                problems.append(f"{page}: {error}")
                continue
            used.add((chapter, key))
            if too_many_digits(shown):
                problems.append(f"{page}: {reference} shows {shown}: over {MAX_DIGITS} digits")
    for chapter, keys in values.items():
        unused = [key for key in keys if (chapter, key) not in used]
        problems += [f"{chapter}: {key} is glued and never used" for key in unused]
    return problems


@dataclass(frozen=True)
class Quotation:
    """Words with a number as others printed them, and where: a key of references.bib first."""

    chapter: str
    text: str
    source: str


def quotations(path: Path) -> list[Quotation]:
    """Read the list of quotations, book/quotations.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Quotation(**row) for row in csv.DictReader(file)]


def computed_numbers(
    book: Mapping[str, NotebookNode],
    pages: Mapping[str, str],
    quoted: list[Quotation],
    bibliography: Collection[str],
) -> list[str]:
    """Type no number that a cell can compute; tools/prose.py says which numbers may be typed.

    `quoted` lists what others printed, right or wrong. An entry stands for exactly its text, in its
    chapter; `bibliography` holds the keys of what can be a source.
    """
    problems, used = [], set()
    texts = [(name, name, text) for name, text in pages.items()]
    for name, notebook in book.items():
        cells = (cell for cell in notebook.cells if cell.cell_type == "markdown")
        texts += [(name, f"{name} {place(notebook, cell)}", cell.source) for cell in cells]
    for name, at, text in texts:
        here = sorted((q for q in quoted if q.chapter == name), key=lambda q: -len(q.text))
        for entry in here:
            text, there = without(text, entry.text)
            used |= {entry} if there else set()
        problems += [f"{at}: {number} is typed; glue it" for number in typed_numbers(text)]
    for entry in quoted:
        what = f"quotations: {entry.chapter}, {entry.text!r}"
        if entry.chapter not in book and entry.chapter not in pages:
            problems.append(f"{what}: there is no such chapter")
        elif entry not in used:
            problems.append(f"{what} is not quoted there")
        if not typed_numbers(entry.text):
            problems.append(f"{what} holds no number that needs a source")
        if re.split(r"[,:;\s]", entry.source)[0] not in bibliography:
            problems.append(
                f"{what}: the source {entry.source!r} begins with no key of references.bib"
            )
    return problems
