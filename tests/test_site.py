"""The built site: every link leads somewhere, no page asks the network, downloads always work.

Two small books are built from the project's own configuration and extensions, one as it is in a
clone (without a repository), one as GitHub Actions build it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import nbformat
import pytest
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "_ext"))

import book_links  # noqa: E402

REPOSITORY = "somebody/a-book"
TAKEN = (
    *("_config.yml", "_ext", "_static", "tools", "dsconv", "pyproject.toml"),
    *("requirements.txt", "requirements-data.txt"),
    *("README.md", "LICENSE", "LICENSE-CONTENT", "book/references.bib", "book/references.md"),
)
TOC = """\
format: jb-book
root: book/intro
parts:
  - caption: The operations
    numbered: 2
    chapters:
      - file: book/chapter
  - caption: At the back
    chapters:
      - file: book/references
"""


@dataclass
class Page(HTMLParser):
    """The start tags of a page, each with its attributes."""

    path: Path
    tags: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def links(self):
        return [attrs["href"] for tag, attrs in self.tags if tag == "a" and attrs.get("href")]

    def loads(self):
        """Return the addresses that a browser fetches by itself."""
        for tag, attrs in self.tags:
            if tag == "link" and attrs.get("rel") in (
                "canonical",
                "prev",
                "next",
                "index",
                "search",
            ):
                continue
            if tag != "a":
                yield from (
                    attrs[key] for key in ("src", "href", "data", "poster") if attrs.get(key)
                )


@dataclass
class Site:
    """A small book and what was built from it."""

    tree: Path
    name: str

    @property
    def out(self):
        return self.tree / f"built-{self.name}" / "_build" / "html"

    @property
    def log(self):
        return self.tree.with_suffix(".log")

    @property
    def pages(self):
        return [
            Page(path) for path in sorted(self.out.rglob("*.html")) if "_static" not in path.parts
        ]

    @property
    def chapter(self):
        return Page(self.out / "book" / "chapter.html")

    def start(self, **environment):
        """Start the build; its words go to a file, so that two builds can run at once."""
        clean = {key: value for key, value in os.environ.items() if key != "GITHUB_REPOSITORY"}
        command = [
            Path(sys.executable).parent / "jupyter-book",
            "build",
            "-W",
            "-n",
            "--keep-going",
        ]
        with self.log.open("w") as log:
            return subprocess.Popen(
                [*command, "--path-output", self.out.parent.parent, self.tree],
                env=clean | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def write_book(tree):
    for name in TAKEN:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, target)
    (tree / "_toc.yml").write_text(TOC)
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A chapter\n\nWith a formula, $1 + 1 = 2$."),
            nbformat.v4.new_code_cell(
                "1 + 1",
                execution_count=1,
                outputs=[
                    nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)
                ],
            ),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        },
    )
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"chapter-{number:02}"
    nbformat.write(notebook, tree / "book" / "chapter.ipynb")
    (tree / "book" / "intro.md").write_text(
        "# A book\n\nIt has [a chapter](chapter) and cites {cite:t}`dumoulin2016guide`.\n"
    )


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Build both books, at the same time."""
    built = {}
    for name in ("plain", "published"):
        site = built[name] = Site(tmp_path_factory.mktemp(name) / "tree", name)
        write_book(site.tree)
    runs = [
        (built["plain"], built["plain"].start()),
        (built["published"], built["published"].start(GITHUB_REPOSITORY=REPOSITORY)),
    ]
    codes = [run.wait(timeout=120) for _, run in runs]
    for (site, _), code in zip(runs, codes, strict=True):
        assert code == 0, f"{site.name}:\n{site.log.read_text()[-3000:]}"
    return built


@pytest.fixture(scope="module")
def plain(sites):
    return sites["plain"]


@pytest.fixture(scope="module")
def published(sites):
    return sites["published"]


def file_at(page, address):
    """Return the file that a local address on a page names."""
    return (page.path.parent / unquote(urlsplit(address).path)).resolve()


def is_remote(address):
    return bool(re.match(r"(https?:)?//", address))


# ---- downloads, always ----


@pytest.mark.parametrize("name", ["plain", "published"])
def test_the_download_is_the_readers_copy(name, sites):
    page = sites[name].chapter
    (address,) = [link for link in page.links() if link.endswith(".ipynb") and not is_remote(link)]
    assert address == "../notebooks/chapter.ipynb"
    copy = nbformat.read(file_at(page, address), as_version=4)
    assert any("1 + 1" in cell.source for cell in copy.cells)


@pytest.mark.parametrize("name", ["plain", "published"])
def test_the_archive_holds_the_copy_and_the_package(name, sites, tmp_path):
    page = sites[name].chapter
    (address,) = [link for link in page.links() if link.endswith(".zip")]
    with zipfile.ZipFile(file_at(page, address)) as archive:
        archive.extractall(tmp_path)
    (wheel,), copy = tmp_path.glob("*.whl"), tmp_path / "chapter.ipynb"
    with zipfile.ZipFile(wheel) as archive:
        assert "dsconv/__init__.py" in archive.namelist()
    assert wheel.name in copy.read_text()
    beside = sites[name].out / "notebooks"
    assert (beside / wheel.name).read_bytes() == wheel.read_bytes()
    assert (beside / copy.name).read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("name", ["plain", "published"])
def test_raw_chapters_are_nowhere_in_the_site(name, sites):
    out = sites[name].out
    assert not (out / "_sources").exists()
    assert {path.parent for path in out.rglob("*.ipynb")} == {out / "notebooks"}


def test_the_wheel_leaves_nothing_in_the_tree(plain):
    assert {path.name for path in plain.tree.iterdir()} - {"_build", "built-plain"} == {
        *(name.split("/")[0] for name in TAKEN),
        "_toc.yml",
    }


# ---- with a repository ----


def only(links, start):
    found = {link for link in links if link.startswith(start)}
    assert len(found) == 1, f"{start}: {found}"
    return found.pop()


def test_binder_opens_what_its_start_up_makes(published, tmp_path):
    link = only(published.chapter.links(), "https://mybinder.org/")
    address, _, path = link.partition("?urlpath=lab/tree/")
    assert address == f"https://mybinder.org/v2/gh/{REPOSITORY}/main"
    (command,) = re.findall(
        r"^python (tools/readers\.py .+)$", (ROOT / ".binder/postBuild").read_text(), re.M
    )
    clone = tmp_path / "clone"
    shutil.copytree(published.tree, clone, ignore=shutil.ignore_patterns("_build", "built-*"))
    subprocess.run([sys.executable, *shlex.split(command)], cwd=clone, check=True)
    assert (clone / path).is_file()


def test_colab_opens_what_is_published(published):
    link = only(published.chapter.links(), "https://colab.research.google.com/")
    start = f"https://colab.research.google.com/github/{REPOSITORY}/blob/gh-pages/"
    assert link.startswith(start)
    assert (published.out / link.removeprefix(start)).is_file()


def test_the_repository_the_page_and_its_issues_are_linked(published):
    home = f"https://github.com/{REPOSITORY}"
    links = published.chapter.links()
    assert home in links
    assert only(links, f"{home}/issues/new")
    edit = only(links, f"{home}/edit/main/")
    assert (published.tree / edit.removeprefix(f"{home}/edit/main/")).is_file()


def test_pages_without_a_notebook_have_no_launch_links(published):
    links = Page(published.out / "book" / "intro.html").links()
    assert not [link for link in links if "mybinder" in link or "colab" in link]


def test_the_sitemap_names_the_pages(published):
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    tree = ElementTree.parse(published.out / "sitemap.xml")
    places = [place.text for place in tree.iter(f"{space}loc")]
    start = "https://somebody.github.io/a-book/"
    assert f"{start}book/chapter.html" in places
    for place in places:
        assert place.startswith(start)
        assert (published.out / place.removeprefix(start)).is_file()


def test_previews_name_the_site(published):
    metas = {a["property"]: a["content"] for tag, a in published.chapter.tags if a.get("property")}
    assert metas["og:site_name"] == "A Ninth of the Work"
    assert metas["og:url"] == "https://somebody.github.io/a-book/book/chapter.html"
    picture = metas["og:image"].removeprefix("https://somebody.github.io/a-book/")
    assert (published.out / picture).is_file()


# ---- without one ----


def test_without_a_repository_no_link_needs_one(plain):
    for page in plain.pages:
        text = page.path.read_text()
        for word in ("mybinder", "colab", "github.io", "og:url"):
            assert word not in text, f"{page.path.name}: {word}"
        cited = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
        for link in re.findall(r"https://github\.com/[^\s\"'<>]*", text):
            assert link in cited, f"{page.path.name}: {link}"
    assert not (plain.out / "sitemap.xml").exists()


@pytest.mark.parametrize("name", ["somebody", "https://github.com/somebody/a-book", "a/b/c"])
def test_a_repository_is_owner_and_name(name):
    config = SimpleNamespace(book_repository=name)
    with pytest.raises(ExtensionError, match=r'must be "owner/name" or empty\. Received: '):
        book_links.repository(config)


def test_the_setting_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "from/actions")
    assert book_links.repository(SimpleNamespace(book_repository="from/config")) == "from/config"
    assert book_links.repository(SimpleNamespace(book_repository="")) == "from/actions"


def test_a_chapter_without_a_copy_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "readers", SimpleNamespace(write_copies=lambda *_, **__: []))
    app = SimpleNamespace(
        srcdir=tmp_path,
        outdir=tmp_path,
        builder=SimpleNamespace(format="html"),
        config=SimpleNamespace(book_repository=""),
        env=SimpleNamespace(found_docs={"book/one"}, doc2path=lambda page: f"{page}.ipynb"),
    )
    with pytest.raises(ExtensionError, match=r"readers\.py made no copy of one"):
        book_links.write_copies(app, None)


# ---- no network, no dead end ----


@pytest.mark.parametrize("name", ["plain", "published"])
def test_no_page_asks_the_network(name, sites):
    for page in sites[name].pages:
        asked = [address for address in page.loads() if is_remote(address)]
        assert asked == [], page.path.name
        assert "thebe" not in page.path.read_text().lower(), page.path.name


@pytest.mark.parametrize("name", ["plain", "published"])
def test_no_style_sheet_asks_the_network(name, sites):
    sheets = list(sites[name].out.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text()
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", text), sheet.name


def test_formulas_are_drawn_by_the_books_own_mathjax(plain):
    page = plain.chapter
    (script,) = [address for address in page.loads() if "mathjax" in address]
    assert file_at(page, script).is_file()
    assert list(file_at(page, script).parent.glob("output/chtml/fonts/**/*.woff"))


@pytest.mark.parametrize("name", ["plain", "published"])
def test_every_local_address_leads_to_a_file(name, sites):
    for page in sites[name].pages:
        for address in {*page.loads(), *page.links()}:
            if urlsplit(address).scheme or is_remote(address) or not urlsplit(address).path:
                continue
            assert file_at(page, address).is_file(), f"{page.path.name}: {address}"


@pytest.mark.parametrize("name", ["plain", "published"])
def test_every_local_anchor_is_there(name, sites):
    pages = {page.path.resolve(): page for page in sites[name].pages}
    ids = {path: {a["id"] for _, a in page.tags if a.get("id")} for path, page in pages.items()}
    followed = 0
    for path, page in pages.items():
        for address in page.links():
            parts = urlsplit(address)
            if parts.scheme or is_remote(address) or not parts.fragment:
                continue
            target = file_at(page, address).resolve() if parts.path else path
            assert unquote(parts.fragment) in ids[target], f"{page.path.name}: {address}"
            followed += 1
    assert followed


def test_the_mends_for_screen_readers_are_there(plain):
    page = plain.chapter
    buttons = [attrs for tag, attrs in page.tags if tag == "button"]
    (search,) = [a for a in buttons if "search-button-field" in a["class"]]
    assert "aria-label" not in search  # its name is what it shows
    assert ("nav", {"aria-label": "Title page"}) in page.tags
    references = Page(plain.out / "book" / "references.html")
    assert not [a for _, a in references.tags if a.get("role") in ("list", "doc-biblioentry")]


def test_each_page_says_which_it_is(plain):
    assert (
        "body",
        {"data-default-mode": "auto", "data-page": "book/chapter"},
    ) in plain.chapter.tags
