"""The reference pages hold every public name, and each links to the section that explains it."""

import re
import sys

import pytest
from notebooks import BOOK, ROOT
from test_claims import sections

import dsconv
from dsconv import (
    architectures,
    measured,
    pretrained,
    published,
    quantise,
    reference,
    timing,
    training,
    viz,
)

sys.path.append(str(ROOT / "_ext"))

import book_api


def documented() -> list[str]:
    found, module = [], ""
    for path in sorted(BOOK.glob("api*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = match[1]
            elif match := re.match(r"\.\. (?:auto\w+|data):: (\S+)", line):
                found.append(f"{module}.{match[1]}")
    return found


def public() -> set[str]:
    """Return the public names that are no modules; a name in two places counts in the first."""
    names = {
        f"dsconv.{name}"
        for name in dsconv.__all__
        if not name.startswith("_")
        and not hasattr(getattr(dsconv, name), "__path__")
        and type(getattr(dsconv, name)).__name__ != "module"
    }
    for module in (
        *(reference, viz, architectures, pretrained, published, quantise, training),
        *(timing, measured),
    ):
        names |= {f"{module.__name__}.{name}" for name in module.__all__}
    return names


def test_every_public_name_is_documented_once():
    assert sorted(documented()) == sorted(public())


def test_every_name_but_figures_is_explained_somewhere():
    methods = {"dsconv.DepthwiseSeparableConv2d.from_conv2d"}
    names = {name for name in public() if not name.startswith("dsconv.viz.")}
    assert set(book_api.EXPLAINED_IN) == names | methods


@pytest.mark.parametrize("label", sorted(set(book_api.EXPLAINED_IN.values())))
def test_the_sections_exist(label: str):
    assert label in sections()


def test_a_property_keeps_its_words_and_a_function_gets_its_link():
    lines = [":type: Floating-point operations"]
    book_api.fit(None, "property", "dsconv.Cost.flops", dsconv.Cost.flops, None, lines)
    assert lines == ["Floating-point operations: two for each MAC."]
    lines = ["One.", "", "Written out. Chapter: Traditional convolution."]
    book_api.fit(None, "function", "dsconv.conv2d", dsconv.conv2d, None, lines)
    assert lines == ["One.", "", "Written out.", "", "*Explained in* :ref:`sec-channels`.", ""]
