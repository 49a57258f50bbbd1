"""Let no page ask the network: MathJax comes from the book, Thebe and comments are dropped."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# What TeX in, HTML out needs, of the 24 MB that the package holds.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions")

# Jupyter Book always loads these two. Thebe would fetch itself from a CDN and run code on a
# server; its script is also put on every page twice, which browsers report as an error.
UNWANTED = ("sphinx_thebe", "sphinx_comments")


def silence(app: Sphinx) -> None:
    """Disconnect every event handler of the unwanted extensions, and forget their style."""
    for listeners in app.events.listeners.values():
        listeners[:] = [x for x in listeners if x.handler.__module__ not in UNWANTED]
    app.registry.css_files[:] = [x for x in app.registry.css_files if x[0] != "sphinx-thebe.css"]


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Put MathJax beside the pages, once the pages are there."""
    if exception or app.builder.format != "html":
        return
    spec = find_spec("sphinx-mathjax-offline")  # a package to take from, not an extension to load
    if spec is None or spec.origin is None:
        msg = "sphinx-mathjax-offline is not installed, so formulas would need the network"
        raise ExtensionError(msg)
    source = Path(spec.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    silence(app)
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    # Opened from a folder, a page may not fetch others, from which the search takes its excerpts.
    quiet = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'
    app.add_js_file(None, body=quiet, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
