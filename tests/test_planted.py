"""Planted changes show that each hole of nbval is closed and that each rule can fail."""

import copy
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import execute
import nbformat
import numpy as np
import pictures
import prose
import pytest
import rules
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import ROOT, read, write

ALT = {"mystnb": {"image": {"alt": "A parabola through three points."}}}
GLUE = {"tags": ["remove-cell"]}

PARABOLA = """fig, ax = plt.subplots(figsize=(4, 3))
ax.plot(x, x**2)
ax.set_title("8.41 times");"""

CELLS: dict[str, tuple[str, dict]] = {
    "imports": ("import numpy as np\nimport matplotlib.pyplot as plt\nimport sys", {}),
    "number": ("x = np.arange(5)\nx", {}),
    "printed": ("print(x.sum())", {}),
    "html": ("from IPython.display import HTML, Latex\nHTML('<b>73 728</b>')", {}),
    "latex": ("Latex('$K^2 = 9$')", {}),
    "glued": ("from myst_nb import glue\nglue('macs', 14400)\nglue('ratio', 8.25)", GLUE),
    "renamed": ("glue('share', 0.11)", GLUE),
    "digits": ("glue('third', 1 / 3)", GLUE),
    "sixth": ("glue('seventh', 1 / 7)", GLUE),
    "label": (PARABOLA, ALT),
    "curve": (PARABOLA, ALT),
    "limits": (PARABOLA + "\nax.set_ylim(0, 20);", ALT),
    "noise": (PARABOLA, ALT),
    "gone": (PARABOLA, ALT),
    "size": (PARABOLA, ALT),
    "error": ("x @ x[:2]", {"tags": ["raises-exception"]}),
    "calm": ("x[9]", {"tags": ["raises-exception"]}),
    "unrun": ("y = x + 1", {}),
    "empty": ("y", {}),
    "stream": ("print('to stdout')", {}),
    "order": ("print(1)\ndisplay(2)", {}),
    "silent": ("plt.rcParams['figure.dpi'];", {}),
}
PROSE = (
    "# Toy\n{glue:text}`macs:,` operations, {glue:text}`ratio:.1f` times fewer, "
    "{glue:text}`share:.0%`; {glue:text}`third:.2f`, {glue:text}`seventh:.2f`."
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with one chapter, run and written by the tool."""
    root = tmp_path_factory.mktemp("project")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "book").mkdir()
    cells = [
        new_code_cell(source, metadata=meta, id=name) for name, (source, meta) in CELLS.items()
    ]
    toy = new_notebook(cells=[new_markdown_cell(PROSE), *cells])
    write(toy, root / "book" / "toy.ipynb")
    assert execute.run_all([root / "book" / "toy.ipynb"])
    return root


@pytest.fixture
def toy(project: Path) -> NotebookNode:
    return read(project / "book" / "toy.ipynb")


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.id == name)


def replace(old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change of a cell's source, whose committed outputs are then those of other code."""

    def plant(cell: NotebookNode) -> None:
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return plant


def in_output(old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change of a committed output."""

    def plant(cell: NotebookNode) -> None:
        before = nbformat.v4.writes_json(new_notebook(cells=[cell]))
        assert old in before.replace(cell.source, "")
        cell.outputs = [nbformat.from_dict(_replaced(output, old, new)) for output in cell.outputs]

    return plant


def _replaced(value, old: str, new: str):
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


def without_picture(cell: NotebookNode) -> None:
    del cell.outputs[0].data["image/png"]


def unrun(cell: NotebookNode) -> None:
    cell.execution_count = None
    cell.outputs = []


def noisy(cell: NotebookNode) -> None:
    """Change every pixel a little, as another machine's anti-aliasing changes some."""
    data = cell.outputs[0].data
    levels = pictures.pixels(data["image/png"])
    noise = np.random.default_rng(0).integers(-6, 7, size=levels.shape)
    data["image/png"] = pictures.encoded(np.clip(levels + noise, 0, 255))
    assert pictures.worst_block(levels, pictures.pixels(data["image/png"])) > 0


def to_stderr(cell: NotebookNode) -> None:
    cell.outputs[0].name = "stderr"


def swap(cell: NotebookNode) -> None:
    cell.outputs.reverse()


PLANTED: dict[str, Callable[[NotebookNode], None]] = {
    "number": in_output("array([0, 1", "array([0, 7"),
    "printed": in_output("10", "11"),
    "html": in_output("73 728", "73 729"),
    "latex": in_output("9", "8"),
    "glued": in_output("8.25", "8.26"),
    "renamed": replace("share", "part"),
    "sixth": in_output("0.142857142857142", "0.142858142857142"),
    "label": replace("8.41", "9.41"),
    "curve": replace("x**2", "1.01 * x**2"),
    "limits": replace("x**2", "1.01 * x**2"),
    "gone": without_picture,
    "size": replace("(4, 3)", "(4, 3.1)"),
    "error": in_output("(size 2 is", "(size 3 is"),
    "calm": replace("x[9]", "x[3];"),
    "unrun": unrun,
    "empty": unrun,
    "stream": to_stderr,
    "order": swap,
}


def test_nbval_sees_every_planted_change_and_nothing_else(project: Path, toy: NotebookNode):
    """One run of pytest over the chapter and its planted copy, in an unfriendly terminal."""
    noisy(cell(toy, "noise"))
    in_output("0.3333333333333333", "0.3333333333333329")(cell(toy, "digits"))  # another processor
    for name, plant in PLANTED.items():
        plant(cell(toy, name))
    write(toy, project / "book" / "planted.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "book", "--junitxml=report.xml", "-q"]
    surroundings = {"MPLBACKEND": "agg", "COLUMNS": "20", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=project,
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    report = project / "report.xml"
    assert report.exists(), done.stdout + done.stderr
    failed: dict[str, set[str]] = {"toy": set(), "planted": set()}
    ran = 0
    for case in ET.parse(report).iter("testcase"):
        ran += 1
        if len(case):
            chapter = "planted" if "planted" in f"{case.get('classname')}" else "toy"
            failed[chapter].add(list(CELLS)[int(case.get("name", "").removeprefix("Cell "))])
    assert ran == 2 * len(CELLS), done.stdout
    assert not failed["toy"], done.stdout
    assert failed["planted"] == set(PLANTED), done.stdout


def test_the_toy_obeys_every_rule(toy: NotebookNode):
    for rule in rules.CHAPTER_RULES:
        assert rule(toy) == [], rule.__name__
    assert rules.sound_glue({"toy.ipynb": toy}, {}) == []


def with_cell(source: str, *outputs: dict, **metadata) -> Callable[[NotebookNode], None]:
    """Return a change that appends a cell which ran last."""

    def plant(notebook: NotebookNode) -> None:
        count = 1 + sum(c.cell_type == "code" for c in notebook.cells)
        stored = [nbformat.from_dict(output) for output in outputs]
        for output in stored:
            if output.output_type == "execute_result":
                output.execution_count = count
        new = new_code_cell(source, outputs=stored, execution_count=count, id="planted")
        new.metadata = nbformat.from_dict(metadata)
        notebook.cells.append(new)

    return plant


def shows(text: str, kind: str = "text/plain") -> dict:
    return new_output("execute_result", data={kind: text})


def says(text: str, name: str = "stdout") -> dict:
    return new_output("stream", text=text, name=name)


def on(name: str, plant: Callable[[NotebookNode], None]) -> Callable[[NotebookNode], None]:
    return lambda notebook: plant(cell(notebook, name))


def sets(name: str, **values) -> Callable[[NotebookNode], None]:
    """Return a change of a cell's fields."""
    return lambda notebook: cell(notebook, name).update(copy.deepcopy(values))


def tagged(name: str, *words: str) -> Callable[[NotebookNode], None]:
    return sets(name, metadata=nbformat.from_dict({"tags": list(words)}))


def older(notebook: NotebookNode) -> None:
    notebook.nbformat_minor = 4


def swapped_cells(notebook: NotebookNode) -> None:
    notebook.cells[2], notebook.cells[3] = notebook.cells[3], notebook.cells[2]


def with_version(notebook: NotebookNode) -> None:
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}


def untitled(notebook: NotebookNode) -> None:
    del notebook.cells[0]


def long(lines: int) -> str:
    return "\n".join(f"a{n} = {n}" for n in range(lines))


def all_of_length(lines: int) -> Callable[[NotebookNode], None]:
    def plant(notebook: NotebookNode) -> None:
        for code in notebook.cells[1:]:
            code.source = long(lines)

    return plant


PICTURE = {"image/png": "iVBORw0KGgo="}
A_PICTURE = new_output("display_data", data=PICTURE)
GLUED = {"scrapbook": {"name": "macs", "mime_prefix": ""}}

AGAINST_THE_RULES: list[tuple[Callable, Callable[[NotebookNode], None], str]] = [
    (rules.whole, older, "format 4.4"),
    (rules.whole, sets("html", id="latex"), "2 cells have the id latex"),
    (rules.whole, sets("html", id="not an id"), "not a valid notebook"),
    (rules.whole, with_version, "notebook metadata"),
    (rules.whole, untitled, "title"),
    (rules.run_in_order, on("unrun", unrun), "not run from top to bottom"),
    (rules.run_in_order, swapped_cells, "not run from top to bottom"),
    (rules.run_in_order, with_cell(" "), "empty"),
    (rules.run_in_order, sets("number", execution_count=3), "from another run"),
    (rules.known_tags, tagged("html", "hide-celll"), "'hide-celll' is none of"),
    (rules.known_tags, tagged("html", "nbval-skip"), "'nbval-skip' is none of"),
    (rules.known_tags, tagged("html", "hide-cell", "hide-cell"), "twice"),
    (rules.known_tags, lambda nb: nb.cells[0].metadata.update(tags=["hide-cell"]), "code cells"),
    (rules.plain_metadata, sets("html", metadata={"collapsed": True}), "collapsed"),
    (
        rules.plain_metadata,
        sets("label", metadata={"mystnb": {"image": {"atl": "A line."}}}),
        "mystnb.image.atl",
    ),
    (rules.plain_metadata, sets("label", metadata={"mystnb": {"imge": {}}}), "no mystnb.imge"),
    (rules.plain_metadata, sets("html", cell_type="raw"), "a raw cell"),
    (rules.described_pictures, sets("label", metadata={}), "without alt text"),
    (
        rules.described_pictures,
        sets("label", metadata={"mystnb": {"image": {"alt": " "}}}),
        "without alt text",
    ),
    (
        rules.described_pictures,
        with_cell("draw()", A_PICTURE, A_PICTURE, **ALT),
        "2 pictures share one alt text",
    ),
    (rules.described_pictures, with_cell("draw()", **ALT), "alt text without a picture"),
    (
        rules.described_pictures,
        with_cell("draw()", shows("<svg viewBox='0 0 1 1'>", "text/html")),
        "without role",
    ),
    (rules.described_pictures, with_cell("x", shows('<img src="#">', "text/html")), "<img>"),
    (rules.no_machine, with_cell("f", shows("<function f at 0x7f33cb20>")), "0x7f33cb20"),
    (rules.no_machine, with_cell("p", shows("PosixPath('/home/ada/book')")), "/home/ada/book"),
    (rules.no_machine, with_cell("print(p)", says("in ~/book/a.py\n")), "~/book/a.py"),
    (rules.no_machine, with_cell("print(p)", says("C:\\Users\\ada\n")), "C:"),
    (rules.no_machine, with_cell("open('/data/photo.png')"), "/data/photo.png"),
    (
        rules.no_machine,
        on("error", lambda c: c.outputs[0].traceback.append("File /usr/lib/a.py:3")),
        "/usr/lib/a.py",
    ),
    (rules.clean_outputs, on("stream", to_stderr), "stderr: 'to stdout'"),
    (rules.clean_outputs, tagged("error"), "not tagged raises-exception"),
    (rules.clean_outputs, tagged("number", "raises-exception"), "nothing was raised"),
    (rules.clean_outputs, with_cell("w", shows("1", "application/json")), "application/json"),
    (rules.stable_digits, with_cell("x", shows("0.33333333")), "0.33333333"),
    (rules.stable_digits, with_cell("x", shows("[0.5, 1234.5678e-9]")), "1234.5678e-9"),
    (rules.stable_digits, with_cell("x", shows("<td>1.0000001</td>", "text/html")), "1.0000001"),
    (rules.stable_digits, with_cell("print(x)", says("took 12.345678 s")), "12.345678"),
    (rules.short_cells, with_cell(long(13)), "13 lines > 12"),
    (rules.short_cells, tagged("html", "long-on-purpose"), "not long"),
    (rules.short_cells, all_of_length(5), "the median cell has 5 lines > 4"),
    (rules.honest_imports, with_cell("from math import *"), "from math import *"),
    (rules.honest_imports, with_cell("!pip install dsconv"), "pip install dsconv"),
    (rules.honest_imports, with_cell("%pip install dsconv"), "pip install dsconv"),
    (rules.honest_imports, with_cell("# NBVAL_IGNORE_OUTPUT\n1"), "comment for nbval"),
    (rules.nothing_hidden, tagged("number", "remove-cell"), "x comes from hidden"),
    (rules.nothing_hidden, tagged("imports", "hide-cell"), "np comes from hidden"),
    (rules.tagged_times, with_cell("time.perf_counter()", shows("12.5")), "tag it"),
    (rules.tagged_times, with_cell("time.time()", shows("12.5")), "tag it"),
    (rules.tagged_times, with_cell("%timeit x.sum()", says("12 µs")), "tag it"),
    (rules.glue_cells, with_cell("z = 1\nglue('z', z)", tags=["remove-cell"]), "beside other"),
    (rules.glue_cells, tagged("glued"), "is tagged remove-cell"),
    (rules.glue_cells, on("renamed", replace("share", "part")), "its outputs are ['share']"),
    (
        rules.glue_cells,
        with_cell("glue('macs', 1)", shows("1") | {"metadata": GLUED}, tags=["remove-cell"]),
        "macs is glued 2 times",
    ),
    (rules.glue_cells, on("renamed", in_output("0.11", "np.float64(0.11)")), "np.float64"),
]


@pytest.mark.parametrize(
    ("rule", "plant", "message"),
    AGAINST_THE_RULES,
    ids=[f"{rule.__name__}: {message}" for rule, _, message in AGAINST_THE_RULES],
)
def test_a_rule_sees_what_is_planted(toy: NotebookNode, rule, plant, message: str):
    plant(toy)
    problems = rule(toy)
    assert any(message in problem for problem in problems), problems


def test_every_rule_is_planted_against():
    assert {rule for rule, _, _ in AGAINST_THE_RULES} == set(rules.CHAPTER_RULES)


@pytest.mark.parametrize(
    "text",
    [
        "array([0.125, 3.5, 12.3456])",
        "567_716_352 and 567,716,352.0",
        "12345678.0",
        "0.1250000",
        "version 1.2.3",
        "1.5e-07",
        "0.000123456",
    ],
)
def test_numbers_that_are_stable(toy: NotebookNode, text: str):
    with_cell("x", shows(text))(toy)
    assert rules.stable_digits(toy) == []


def test_svg_coordinates_are_not_printed_numbers(toy: NotebookNode):
    svg = '<svg role="img" aria-label="wires"><path d="M0.12345678 1"/><text>9.5</text></svg>'
    with_cell("draw()", shows(svg, "text/html"))(toy)
    assert rules.stable_digits(toy) == rules.described_pictures(toy) == []
    toy.cells[-1].outputs[0].data["text/html"] = svg.replace("9.5", "9.5000001")
    assert rules.stable_digits(toy)


@pytest.mark.parametrize(
    "text",
    ["H/W/C and 1/2/3", "(a+b)/c/d", "</b></p/>", "https://arxiv.org/abs/1704", "book/ch1.ipynb"],
)
def test_what_only_looks_like_a_path(toy: NotebookNode, text: str):
    with_cell("x", shows(text, "text/html"))(toy)
    assert rules.no_machine(toy) == []


def test_a_cell_in_twenty_may_differ(toy: NotebookNode):
    assert 20 <= len(CELLS) < 40  # where one is within 5 %, and two are not
    tagged("printed", "nbval-ignore-output")(toy)
    assert rules.few_not_compared({"toy": toy}) == []
    tagged("stream", "nbval-ignore-output")(toy)
    assert f"2 of {len(CELLS)}" in rules.few_not_compared({"toy": toy})[0]


@pytest.mark.parametrize(
    ("prose", "message"),
    [
        ("{glue:text}`mac:,`", "glues no 'mac'; it glues macs, ratio, seventh, share, third"),
        ("{glue:text}`ratio:.1q`", "has no format .1q"),
        ("{glue:text}`macs:.8s`x{glue}`macs`", "only {glue:text}"),
        ("{glue:text}`toy.ipynb::macs`", "needs a format"),
        ("{glue:text}`other.ipynb::macs:,`", "other.ipynb glues no 'macs'"),
        ("{glue:text}`ratio:.9f`", None),
        ("", "share is glued and never used"),
        ("", "macs is glued and never used"),
    ],
)
def test_glue_that_does_not_fit(toy: NotebookNode, prose: str, message: str | None):
    toy.cells[0].source = f"# Toy\n{prose}"
    problems = rules.sound_glue({"toy.ipynb": toy}, {})
    if message is None:  # 8.250000000 is exact
        assert not [p for p in problems if "digits" in p]
    else:
        assert any(message in problem for problem in problems), problems


def test_another_page_may_use_a_value(toy: NotebookNode):
    toy.cells[0].source = "# Toy"
    used = "{glue:text}`toy.ipynb::%s`"
    page = "".join(
        used % key for key in ("macs:,", "ratio:.1f", "share:.0%", "third:.2f", "seventh:.2f")
    )
    assert rules.sound_glue({"toy.ipynb": toy}, {"intro.md": page}) == []


def test_unstable_digits_in_prose(toy: NotebookNode):
    on("glued", in_output("8.25", "8.123456789"))(toy)
    toy.cells[0].source = "# Toy\n{glue:text}`ratio:.8f`"
    problems = rules.sound_glue({"toy.ipynb": toy}, {})
    assert any("shows 8.12345679" in problem for problem in problems), problems


def test_the_worst_block_decides():
    """One block of 4800 differs; the mean over the picture would be 0.02."""
    old = np.full((480, 640, 3), 255, dtype=np.int16)
    new = old.copy()
    new[472:, 632:] = 245
    assert pictures.worst_block(old, new) == 10
    assert np.abs(old - new).mean() < 0.01


def test_small_blocks_at_the_edge_count_in_full():
    old = np.zeros((9, 9, 3), dtype=np.int16)
    new = old.copy()
    new[8, 8] = 200
    assert pictures.worst_block(old, new) == 200


def test_a_transparent_picture_is_seen_on_white():
    clear = np.zeros((8, 8, 4), dtype=np.int16)
    assert (pictures.pixels(pictures.encoded(clear)) == 255).all()


# ---- numbers in prose ----

TYPED = {
    "It takes 1,228,800 multiplications.": ["1,228,800"],
    "256 filters": ["256"],
    "8.4 times fewer, 52_952 in all": ["8.4", "52_952"],
    "about .5 of it": [".5"],
    "a stride of 128, then": ["128"],
    "2048 channels and 1899": ["2048", "1899"],
    "the first 100.": ["100"],
    "12 × 12 × 3 = 432": ["432"],
    "1.5 × 1.5": ["1.5", "1.5"],
    "50,176 × 3": ["50,176"],
    "version 2.13.0": ["2.13.0"],
    "x-axis, 300-fold, 9.5x": ["300", "9.5"],
    "> quoted 864\n- listed 123": ["864", "123"],
    "| a | 123 |\n|---|---|\n| b | 4.5 |": ["123", "4.5"],
    "{ref}`all 864 weights <sec-window>`": ["864"],
    "![a picture of 864 wires](wires864.png)": ["864"],
    ":::{note} Of 864\n:class: w500\nand 123\n:::": ["864", "123"],
    "````{tip}\n```{note}\n123\n```\n````": ["123"],
    "```{glossary}\nMAC\n  one of 864\n```": ["864"],
    "- ```{note}\n  123\n  ```": ["123"],
    "$864$ weights": ["864"],
    "$1{,}228{,}800$": ["1,228,800"],
    "$1\\,228\\,800$": ["1,228,800"],
    "$\\approx 8.4$ times": ["8.4"],
    "{math}`8.4`": ["8.4"],
    "$256 \\cdot 75 \\cdot 64 = 1{,}228{,}800$": ["1,228,800"],
    "$1/N + 1/K^2 = 0.115$": ["0.115"],
    "$$\nT^* = \\frac{K^2 N}{K^2 + N} \\approx 8.84 .\n$$": ["8.84"],
    "```{math}\n:label: eq\nN C K^2 = 2359296\n```": ["2359296"],
}
GIVEN = [
    "In 2017, and on 24 November 2018.",
    "12 × 12 × 3 → 8 × 8 × 256, and 224×224 pixels",
    "$14 \\times 14 \\times 512$, $N = 256$, $K^2 = 25$ and $\\alpha = 0.75$",
    "$C = 512, N = 1024$ and $s_n = 0.5$",
    "$Y = 0.299 R + 0.587 G + 0.114 B$",
    "$5 \\cdot 5 \\cdot 3 = 75$ and $10^{-12}$",
    "maps of $H$ × 512 and 512 × C × 9",
    "section 3.2, Table 4, equations 9.4 to 9.6; figures 10.1, 10.2 and 10.3; page 1254",
    "ResNet-101, V2, x86, SHA256",
    "{glue:text}`macs:.2f` of {cite:p}`howard2017mobilenets` and `conv2d(512, 512)`",
    "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/) and <https://arxiv.org/abs/1704.04861>",
    "```python\nx = 1.5\n```",
    "```{code-block} python\nx = 1.5\n```",
    "```{eval-rst}\n.. autofunction:: a.b1234\n```",
    "```{figure} wires-864.svg\n:width: 640px\n\nWires.\n```",
    ":::{note}\n---\nclass: w500\n---\nWires.\n:::",
    "(sec-1000)=\n## One\n% 12.5 is a comment",
    '<div style="width: 640px">wires</div>',
    "1, 2, 3 and 99.",
]


@pytest.mark.parametrize("text", TYPED)
def test_typed_numbers_are_seen(text: str):
    assert prose.typed_numbers(text) == TYPED[text]


@pytest.mark.parametrize("text", GIVEN)
def test_given_numbers_may_be_typed(text: str):
    assert prose.typed_numbers(text) == []


def typed(text: str, *quoted: tuple[str, str, str]) -> list[str]:
    """Return what the rule says of a chapter with this text."""
    toy = new_notebook(cells=[new_markdown_cell(f"# Toy\n{text}", id="toy-01")])
    entries = [rules.Quotation(*entry) for entry in quoted]
    return rules.computed_numbers({"toy.ipynb": toy}, {"page.md": ""}, entries, {"articleD"})


def test_a_typed_number_is_told_with_its_place():
    assert typed("of 864") == ["toy.ipynb cell 1 (toy-01): 864 is typed; glue it"]


def test_a_quotation_stands_for_exactly_its_text():
    misprint = ("toy.ipynb", "52,952", "articleD, the sum")
    assert typed('It says "52,952".', misprint) == []
    assert any("52,953 is typed" in p for p in typed("52,952 or 52,953", misprint))
    for longer in ("152,952", "1,52,952", "52,952.5", "52,952,000"):
        assert any("is not quoted there" in p for p in typed(longer, misprint)), longer


@pytest.mark.parametrize(
    ("quoted", "message"),
    [
        (("toy.ipynb", "70.6 %", "articleD"), "'70.6 %' is not quoted there"),
        (("other.ipynb", "864", "articleD"), "there is no such chapter"),
        (("page.md", "864", "articleD"), "is not quoted there"),
        (("toy.ipynb", "weights", "articleD"), "holds no number that needs a source"),
        (("toy.ipynb", "864", ""), "the source '' begins with no key"),
        (("toy.ipynb", "864", "a blog"), "the source 'a blog' begins with no key"),
    ],
)
def test_quotations_that_are_none(quoted: tuple[str, str, str], message: str):
    problems = typed("864 weights", quoted)
    assert any(message in problem for problem in problems), problems
