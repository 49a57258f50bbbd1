"""The committed chapters obey the rules of tools/rules.py."""

import nbformat
import pytest
import rules
from notebooks import BOOK, chapters, read
from pybtex.database import parse_file

CHAPTERS = {path.name: read(path) for path in chapters()}
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("*.md"))}


@pytest.mark.parametrize("rule", rules.CHAPTER_RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter(name: str, rule: rules.Rule):
    problems = rule(CHAPTERS[name])
    assert not problems, f"{name}: {rule.__doc__}\n" + "\n".join(problems)


def test_few_cells_are_not_compared():
    problems = rules.few_not_compared(CHAPTERS)
    assert not problems, "\n".join(problems)


def test_every_glued_value_is_used_and_every_used_one_is_glued():
    problems = rules.sound_glue(CHAPTERS, PAGES)
    assert not problems, "\n".join(problems)


def test_no_number_is_typed_that_a_cell_can_compute():
    """What may be typed: tools/prose.py. What others printed is listed in book/quotations.csv."""
    quoted = rules.quotations(BOOK / "quotations.csv")
    works = parse_file(str(BOOK / "references.bib")).entries
    problems = rules.computed_numbers(CHAPTERS, PAGES, quoted, works)
    assert not problems, "\n".join(problems)


def test_every_kind_of_page_is_seen():
    """A chapter in a folder or with another ending would escape the rules."""
    kinds = {path.suffix for path in BOOK.rglob("*") if path.is_file()}
    nested = [path for path in BOOK.rglob("*.ipynb") if path.parent != BOOK]
    assert not nested or all(".ipynb_checkpoints" in path.parts for path in nested)
    assert not kinds & {".rst", ".myst"}


def test_chapters_are_stored_as_tools_write_them():
    """So that a diff shows what changed and nothing else."""
    for path in chapters():
        text = path.read_text(encoding="utf-8")
        assert text == nbformat.v4.writes_json(read(path)) + "\n", f"{path.name}: make execute"
