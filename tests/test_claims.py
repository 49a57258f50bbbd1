"""The appendix of claims: complete, judged, and each claim treated where it says."""

import dataclasses
import re
import sys
from collections import Counter

import prose
import pytest
from notebooks import BOOK, ROOT, chapters, read

from dsconv import ConvSpec, layer_cost

sys.path.append(str(ROOT / "_ext"))

import book_claims

CLAIMS = book_claims.read(BOOK / "claims.csv")

# What the five articles claim: each letter's numbers. One row of ours has no letter.
IDS = {
    *(f"A{n}" for n in range(1, 10)),
    *(f"B{n}" for n in range(1, 11)),
    *(f"C{n}" for n in range(1, 12)),
    *(f"D{n}" for n in range(1, 25)),
    *(f"E{n}" for n in range(1, 8)),
    "MAC",
}
WAITING = {"C10"}


def headed(text: str) -> set[str]:
    """Return the labels that stand before a heading: a link to another place has no words."""
    before = re.findall(r"^((?:\([^()\s]+\)=[ \t]*\n+)+)#{1,6} \S", text, re.MULTILINE)
    return {label for labels in before for label in re.findall(r"\(([^()\s]+)\)=", labels)}


def sections() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in BOOK.glob("*.md")]
    for path in chapters():
        texts += [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    return {label for text in texts for label in headed(text)}


def test_only_headings_are_sections():
    text = "(one)=\n(two)=\n## A\n\n(three)=\nWords.\n\n(four)=\n\n# B\n`(five)=`\n# C"
    assert headed(text) == {"one", "two", "four"}


def test_every_claim_is_there_once():
    counts = Counter(name for claim in CLAIMS for name in claim.ids)
    assert set(counts) == IDS
    assert set(counts.values()) == {1}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: " ".join(claim.ids))
def test_a_claim_is_sound_and_its_sections_exist(claim: book_claims.Claim):
    assert claim.problems() == []
    missing = set(claim.sections) - sections()
    assert not missing, f"no chapter has a heading with the label {', '.join(sorted(missing))}"


def test_only_the_flashcards_wait():
    waiting = {name for claim in CLAIMS if book_claims.NOW not in claim.due for name in claim.ids}
    assert waiting == WAITING
    assert all(len(claim.due) == 1 for claim in CLAIMS)


def test_every_subject_is_on_the_page():
    page = (BOOK / "claims.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```\{claims\} (\w+)$", page, re.MULTILINE)
    assert Counter(shown) == Counter({claim.subject for claim in CLAIMS})


PLANTED = {
    "the verdict '?' is none of": {"verdict": "?"},
    "the verdict '' is none of": {"verdict": ""},
    "it is due now and names no section": {"sections": ()},
    "due is '', not of": {"due": ()},
    "due is 'now soon', not of": {"due": ("now", "soon")},
    "a sentence each": {"answer": ""},
    "it has no id": {"ids": ()},
}


@pytest.mark.parametrize("message", PLANTED)
def test_what_is_wrong_with_a_row_is_said(message: str):
    good = book_claims.Claim(("A1",), "cost", "✓", "One.", "It is.", ("sec-one",), ("now",))
    assert good.problems() == []
    bad = dataclasses.replace(good, **PLANTED[message])
    assert any(message in problem for problem in bad.problems())


def test_a_verdict_is_said_in_words_and_waiting_too():
    claim = book_claims.Claim(
        ("A1", "B2"), "cost", "~", "One.", "Two.", ("sec-one", "sec-two"), ("now", "readers")
    )
    assert book_claims.heading(claim) == "A1, B2: ~ holds with a condition"
    assert book_claims.body(claim) == (
        "*One.*\n\nTwo. *The rest waits for the tools for readers.* "
        "→ {ref}`sec-one`, {ref}`sec-two`"
    )
    later = dataclasses.replace(claim, ids=("MAC",), sections=(), due=("readers",))
    assert book_claims.heading(later) == "All: ~ holds with a condition"
    assert book_claims.body(later).endswith("Two. *Waits for the tools for readers.*")


def macs(spec: ConvSpec, size: tuple[int, int]) -> int:
    return layer_cost(spec, size).macs


def computed() -> dict[str, set[str]]:
    """Return the numbers that our answers may hold, by the claim's first id."""
    dense = macs(ConvSpec(3, 256, 5), (12, 12))
    depthwise = macs(ConvSpec.depthwise(3, 5), (12, 12))
    pointwise = macs(ConvSpec.pointwise(3, 256), (8, 8))
    separable = depthwise + pointwise
    small = ConvSpec.depthwise(3, 3), ConvSpec.pointwise(3, 32)
    weights = sum(layer_cost(half, (9, 9)).parameters for half in small)
    times = f"{dense / separable:.1f}"
    return {
        "C6": {times},
        "D17": {f"{separable:,}"},
        "D18": {times},
        "C7": {f"{pointwise // 256}", f"{dense // 256:,}"},
        "E3": {
            f"{weights}",
            f"{layer_cost(ConvSpec(3, 32, 3), (9, 9)).parameters / weights:.1f}",
        },
    }


def test_numbers_in_our_answers_are_computed():
    typed = {claim.ids[0]: set(prose.typed_numbers(claim.answer)) for claim in CLAIMS}
    assert {name: numbers for name, numbers in typed.items() if numbers} == computed()
    one = macs(ConvSpec.depthwise(3, 5), (12, 12)), macs(ConvSpec.pointwise(3, 256), (8, 8))
    (elongating,) = (claim.answer for claim in CLAIMS if "C7" in claim.ids)
    assert f"{one[1] / sum(one):.0%}".replace("%", " %") in elongating
