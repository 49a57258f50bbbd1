"""Mend what the theme and docutils get wrong for readers who use a keyboard or a screen reader.

The templates beside this file replace three pieces of the theme (and mark each page with its name,
for the style sheet). What is mended in the page's text is mended here.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Late, because the themes use the same event.
    app.connect("config-inited", use_templates, priority=900)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
