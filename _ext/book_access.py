"""Mend what the theme and docutils get wrong for readers who use a keyboard or a screen reader.

The templates beside this file replace three pieces of the theme (and mark each page with its name,
for the style sheet). What is mended in the page's text is mended here.
"""

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

TEMPLATES = Path(__file__).parent / "templates"


def use_templates(_app: Sphinx, config: Config) -> None:
    """Let our templates win over those of the theme, which adds its own in the same way."""
    config.templates_path.insert(0, str(TEMPLATES))


def visit_citation(self: HTML5Translator, node: nodes.citation) -> None:
    """Open one entry of a bibliography as plain text.

    Docutils makes it a list whose children are no list items, and gives those a deprecated role.
    """
    self.body.append(self.starttag(node, "div", CLASS="citation"))


def depart_citation(self: HTML5Translator, _node: nodes.citation) -> None:
    """Close the entry."""
    self.body.append("</div>\n")


def visit_hidden_cell(self: HTML5Translator, node: HideCodeCellNode) -> None:
    """Open a folded cell whose button is named by the words on it, and by nothing else."""
    classes = " ".join(["admonition", "hide", *node["classes"]])
    self.body.append(f'<details class="{classes}">\n<summary>\n')
    for state, words in (("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])):
        self.body.append(f'<p class="{state} admonition-title">{escape(words)}</p>\n')
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Late, because the themes use the same event.
    app.connect("config-inited", use_templates, priority=900)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_node(HideCodeCellNode, override=True, html=(visit_hidden_cell, depart_HideCellInput))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
