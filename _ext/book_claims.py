"""Render the list of claims, book/claims.csv, by subject: ``{claims} SUBJECT``.

An entry is a claim of the articles, its verdict, and a link to the section that treats it. One
whose answer, or the end of it, needs more than the chapters on the operations says what it waits
for.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

VERDICTS = {"✓": "holds", "~": "holds with a condition", "✗": "wrong"}

NOW = "now"
WAITS_FOR = {"readers": "the tools for readers"}


@dataclass(frozen=True)
class Claim:
    """One row of the list.

    Attributes
    ----------
    ids
        The articles' letters, each with a number; several where several articles say the same.
    subject
        The list that it belongs to.
    verdict
        A key of `VERDICTS`.
    claim, answer
        What they say, and what is true of it.
    sections
        The labels of the sections that treat it.
    due
        `NOW`, or keys of `WAITS_FOR`, or both: then only the end of it waits.
    """

    ids: tuple[str, ...]
    subject: str
    verdict: str
    claim: str
    answer: str
    sections: tuple[str, ...]
    due: tuple[str, ...]

    def problems(self) -> list[str]:
        """Say what is wrong with the row by itself."""
        found = []
        if not self.ids:
            found.append("it has no id")
        if self.verdict not in VERDICTS:
            found.append(f"the verdict {self.verdict!r} is none of {' '.join(VERDICTS)}")
        if not self.claim or not self.answer:
            found.append("the claim and its answer are a sentence each")
        unknown = set(self.due) - {NOW, *WAITS_FOR}
        if unknown or not self.due:
            known = ", ".join([NOW, *WAITS_FOR])
            found.append(f"due is {' '.join(self.due)!r}, not of {known}")
        if NOW in self.due and not self.sections:
            found.append("it is due now and names no section")
        return [f"claim {' '.join(self.ids)}: {problem}" for problem in found]


def read(path: Path) -> list[Claim]:
    """Read the list of claims."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Claim(
                ids=tuple(row["ids"].split()),
                subject=row["subject"],
                verdict=row["verdict"],
                claim=row["claim"],
                answer=row["answer"],
                sections=tuple(row["section"].split()),
                due=tuple(row["due"].split()),
            )
            for row in csv.DictReader(file)
        ]


def heading(claim: Claim) -> str:
    """Return who claims it and whether it holds, in words too."""
    # A row of our own, which no article numbered, has a word for an id.
    numbered = [name for name in claim.ids if re.fullmatch(r"[A-E]\d+", name)]
    who = ", ".join(numbered) or "All"
    return f"{who}: {claim.verdict} {VERDICTS[claim.verdict]}"


def body(claim: Claim) -> str:
    """Return what they say, what is so, what it waits for and where it is treated, in MyST."""
    parts = [claim.answer]
    if waiting := [WAITS_FOR[word] for word in claim.due if word != NOW]:
        start = "The rest waits" if NOW in claim.due else "Waits"
        parts.append(f"*{start} for {' and '.join(waiting)}.*")
    if claim.sections:
        links = ", ".join(f"{{ref}}`{label}`" for label in claim.sections)
        parts.append(f"→ {links}")
    return f"*{claim.claim}*\n\n{' '.join(parts)}"


class Claims(SphinxDirective):
    """The claims about one subject."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return them as a list."""
        path = Path(self.env.srcdir) / "book" / "claims.csv"
        self.env.note_dependency(str(path))
        every = read(path)
        if problems := [problem for claim in every for problem in claim.problems()]:
            raise ExtensionError("\n".join(problems))
        found = [claim for claim in every if claim.subject == self.arguments[0]]
        if not found:
            subjects = ", ".join(sorted({claim.subject for claim in every}))
            msg = f"claims are on {subjects}, not on {self.arguments[0]!r}"
            raise self.error(msg)
        return [nodes.definition_list("", *map(self._item, found), classes=["claims"])]

    def _item(self, claim: Claim) -> nodes.definition_list_item:
        ids = [f"claim-{name.lower()}" for name in claim.ids]
        term, definition = nodes.term("", heading(claim), ids=ids), nodes.definition()
        text = StringList(body(claim).splitlines(), "")
        self.state.nested_parse(text, self.content_offset, definition)
        return nodes.definition_list_item("", term, definition)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("claims", Claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
