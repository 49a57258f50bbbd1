"""Offer each chapter to run: as a download, on Binder, on Colab, and its source on GitHub.

A chapter's file under book/ holds markup that only this book understands. What a reader gets is
the copy that tools/readers.py makes of it. Every address comes from the one setting
``book_repository``; while that is empty, only the downloads are offered.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

COPIES = "notebooks"  # the folder of the copies: in the site, on gh-pages, and on Binder
SITE_BRANCH = "gh-pages"


def repository(config: Config) -> str:
    """Return "owner/name", or nothing; GitHub Actions say where they run."""
    name = config.book_repository or os.environ.get("GITHUB_REPOSITORY", "")
    if name and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        msg = f'book_repository must be "owner/name" or empty. Received: {name!r}'
        raise ExtensionError(msg)
    return name


def site_address(name: str) -> str:
    """Return the address at which GitHub Pages serves a repository's site."""
    owner, project = name.split("/")
    home = f"{owner.lower()}.github.io"  # a repository of this name is served at the top
    return f"https://{home}/" if project.lower() == home else f"https://{home}/{project}/"


def launch_addresses(name: str, chapter: str) -> dict[str, str]:
    """Return where a chapter can be run in a browser.

    Binder opens what .binder/postBuild made there; Colab opens the copy that was published.
    """
    copy = f"{COPIES}/{chapter}.ipynb"
    return {
        "Binder": f"https://mybinder.org/v2/gh/{name}/main?urlpath=lab/tree/{copy}",
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{SITE_BRANCH}/{copy}",
    }


def configure(_app: Sphinx, config: Config) -> None:
    """Derive the theme's repository links and the site's address."""
    name = repository(config)
    if not name:
        return
    config.html_baseurl = config.ogp_site_url = site_address(name)
    config.html_theme_options |= {
        "repository_url": f"https://github.com/{name}",
        "repository_branch": "main",
        "path_to_docs": "",
        "use_repository_button": True,
        "use_issues_button": True,
        "use_edit_page_button": True,
    }


def chapter_of(app: Sphinx, page: str) -> str:
    """Return the name of the notebook a page was made from, or nothing."""
    if page not in app.env.found_docs:
        return ""
    source = Path(app.env.doc2path(page))
    return source.stem if source.suffix == ".ipynb" else ""


def link(url: str, text: str, tooltip: str, icon: str) -> dict[str, str]:
    """Return an entry of a menu in the page's header, as the theme wants it."""
    return {"type": "link", "url": url, "text": text, "tooltip": tooltip, "icon": icon}


def menu(tooltip: str, icon: str, label: str, entries: list[dict[str, str]]) -> dict[str, Any]:
    """Return such a menu."""
    return {"type": "group", "tooltip": tooltip, "icon": icon, "label": label, "buttons": entries}


def add_buttons(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: object
) -> None:
    """Put the menus for running and for keeping a page into its header."""
    if doctree is None or "header_buttons" not in context:
        return
    chapter, name = chapter_of(app, page), repository(app.config)
    if chapter and name:
        places = launch_addresses(name, chapter)
        icons = {"Binder": "logo_binder.svg", "Colab": "logo_colab.png"}
        run = [
            link(places[place], place, f"Run this chapter on {place}", f"_static/images/{icon}")
            for place, icon in icons.items()
        ]
        context["header_buttons"].append(
            menu("Run this chapter", "fas fa-rocket", "launch-buttons", run)
        )
    keep = []
    if chapter:
        # First an archive: opened from a folder, browsers show an .ipynb as text.
        for file, text, tooltip, icon in (
            (f"{chapter}.zip", "Notebook and dsconv (.zip)", "To run yourself", "fas fa-box"),
            (f"{chapter}.ipynb", "Notebook alone (.ipynb)", "This chapter alone", "fas fa-code"),
        ):
            url = context["pathto"](f"{COPIES}/{file}", 1)
            keep.append(link(url, text, tooltip, icon))
    keep.append(
        {
            "type": "javascript",
            "javascript": "window.print()",
            "text": "Print or PDF",
            "tooltip": "Print this page",
            "icon": "fas fa-print",
        }
    )
    context["header_buttons"].append(
        menu("Keep this page", "fas fa-download", "download-buttons", keep)
    )


def build_wheel(app: Sphinx) -> None:
    """Put a wheel of dsconv where the copies will lie; they install it where it is missing.

    It is built from a copy of the sources, because setuptools leaves a build folder behind.
    """
    if app.builder.format != "html":
        return
    root, out = Path(app.srcdir), Path(app.outdir) / COPIES
    shutil.rmtree(out, ignore_errors=True)  # a chapter that was renamed leaves no copy behind
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        shutil.copytree(root / "dsconv", source / "dsconv")
        for path in (*root.glob("LICENSE*"), root / "README.md", root / "pyproject.toml"):
            shutil.copy2(path, source)
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
        quiet = ["--disable-pip-version-check", "-qq", "--wheel-dir", str(out), str(source)]
        done = subprocess.run([*command, *quiet], capture_output=True, text=True)
    if done.returncode:
        msg = f"the wheel of dsconv could not be built:\n{done.stderr}"
        raise ExtensionError(msg)


def write_copies(app: Sphinx, exception: Exception | None) -> None:
    """Write the readers' copies into the site and see that each chapter has one."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.srcdir)
    sys.path.insert(0, str(root / "tools"))  # the tools are scripts, not a package
    import readers

    out, name = Path(app.outdir) / COPIES, repository(app.config)
    try:
        copies = readers.write_copies(root / "book", out, repository=name)
    except ValueError as error:  # its message says which cell of which chapter
        raise ExtensionError(str(error)) from error
    for copy in copies:
        with zipfile.ZipFile(copy.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            for file in (copy, *out.glob("dsconv-*.whl")):
                archive.write(file, file.name)
    chapters = {chapter_of(app, page) for page in app.env.found_docs} - {""}
    if missing := chapters - {copy.stem for copy in copies}:
        msg = f"tools/readers.py made no copy of {', '.join(sorted(missing))}"
        raise ExtensionError(msg)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value("book_repository", "", "html")
    if repository(app.config):
        # Both complain, or guess, when the site has no address.
        app.setup_extension("sphinx_sitemap")
        app.setup_extension("sphinxext.opengraph")
        app.config.sitemap_url_scheme = "{link}"
        app.config.ogp_image = "_static/preview.png"
        app.config.ogp_image_alt = "The book's title below three thick wires and twelve thin ones"
        app.config.ogp_social_cards = {"enable": False}  # that picture serves every page
    app.connect("config-inited", configure)
    app.connect("builder-inited", build_wheel)
    # After the theme, which makes the empty list of buttons at 500 and fills it at 501.
    app.connect("html-page-context", add_buttons, priority=600)
    app.connect("build-finished", write_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
