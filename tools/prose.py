"""What of a Markdown text is prose, and which numbers somebody typed into it.

A number that a cell can compute comes from the cell, through `{glue:text}`: typed, it would stay
when the code changes. So a decimal, or a whole number of three digits or more, stands in prose only

- as a year, from 1900 to 2039;
- as the place in a publication: "section 3.2", "equations 9.4 to 9.6", "Table 4";
- as part of a name, "ResNet-101", or in a link;
- as a side in a size with its ×: "12 × 12 × 256", which is given and not a result;
- as a quotation, listed with its source in book/quotations.csv.

Formulas hold the other given numbers, `$N = 256$`, and their constants; a formula that is only a
number, or whose result was typed, counts as prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from myst import SPANS

_FENCE = re.compile(
    r"^[\s>*-]*(?P<mark>`{3,}|~{3,}|:{3,})(?:\{(?P<name>[\w:.+-]+)\})?(?P<rest>.*)$"
)
_NO_LINE = re.compile(r"^\s*(%.*|\+\+\+.*|\([^()\s]+\)=|\{[.#%][^{}`]*\})\s*$")
_OPTION = re.compile(r"^[\s>]*:[\w-]+:(\s|$)")

_NOT_PROSE = {
    *("code", "code-block", "code-cell", "sourcecode", "literalinclude", "raw", "eval-rst"),
    *("math", "bibliography", "claims", "toctree", "image"),
}
"""Directives whose content is not Markdown."""

_NO_TITLE = {"figure", "grid", "glue:figure"}
"""Directives whose argument is an address or a number of columns."""

NUMBER = re.compile(r"(?<![\w.])(?<![A-Za-z]-)(?:\d+(?:[,_\u202f]\d{3})*(?:\.\d+)*|\.\d+)")
_SIDE = r"(?:\d{1,4}(?![\d.,]*\d)|[A-Z]\b'?)"
_SIZE = re.compile(rf"(?<![\w.,]){_SIDE}(?:\s*×\s*{_SIDE})+")
_PLACE = re.compile(
    r"\b(?:section|equation|figure|table|chapter|appendix|page|algorithm|theorem|relationship)s?"
    r"\s+\d+(?:\.\d+)*(?:(?:\s*[,–-]\s*|,?\s+(?:and|to|or)\s+)\d+(?:\.\d+)*)*",
    re.IGNORECASE,
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2039  # the last of these leaves 2048 a number of channels
_DIGITS_OF_A_RESULT = 3
_DIGITS_IN_A_FORMULA = 4


def typed_numbers(text: str) -> list[str]:
    """Return the numbers of a Markdown text that ought to come from a cell."""
    words, formulas = split(text)
    found = [number for formula in formulas for number in _typed_in_a_formula(formula)]
    for allowed in (_PLACE, _SIZE):
        words = allowed.sub(" ", words)
    numbers = (match[0] for match in NUMBER.finditer(words))
    return [n for n in numbers if _is_long(n, _DIGITS_OF_A_RESULT) and not _is_year(n)] + found


def without(text: str, quotation: str) -> tuple[str, bool]:
    """Return a text without a quotation, and whether it was there, as a whole."""
    whole = re.compile(rf"(?<![\w.])(?<!\d,){re.escape(quotation)}(?!\w)(?![.,]\d)")
    rest, count = whole.subn(" ", text)
    return rest, bool(count)


def split(text: str) -> tuple[str, list[str]]:
    """Return a text's prose, without code, roles, addresses and markup, and its formulas."""
    formulas: list[str] = []
    lines = "\n".join(_lines(text, formulas))
    paragraphs = re.split(r"\n[ \t]*\n", lines)  # no span reaches over an empty line
    plain = (SPANS.sub(lambda match: _shown(match, formulas), part) for part in paragraphs)
    return re.sub(r"<[^<>\n]*>", " ", "\n\n".join(plain)), formulas


def _lines(text: str, formulas: list[str]) -> Iterator[str]:
    """Yield the lines of a text that are neither code nor settings."""
    lines = iter(text.split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            if not _NO_LINE.match(line):
                yield line
            continue
        name, title = fence["name"], fence["rest"]
        body = _content(list(_until(lines, fence["mark"])))
        if name == "math":
            formulas.append("\n".join([title, *body]))
        if name in _NO_TITLE or name in _NOT_PROSE or name is None:
            title = ""
        if name in _NOT_PROSE or name is None:
            body = []
        yield from ("", title, "")
        yield from _lines("\n".join(body), formulas)
        yield ""


def _until(lines: Iterator[str], mark: str) -> Iterator[str]:
    """Yield the lines up to the end of a fence."""
    for line in lines:
        if re.fullmatch(rf"[\s>]*{re.escape(mark)}{mark[0]}*\s*", line):
            return
        yield line


def _content(body: list[str]) -> list[str]:
    """Return what stands behind a directive's options."""
    if body and body[0].strip() == "---":
        marks = [n for n, line in enumerate(body) if line.strip() == "---"]
        return body[marks[1] + 1 :] if len(marks) > 1 else body
    first = next((n for n, line in enumerate(body) if not _OPTION.match(line)), len(body))
    return body[first:]


def _shown(match: re.Match[str], formulas: list[str]) -> str:
    """Return the prose in a span: the words of a reference within the book, nothing of code."""
    if match["role"]:
        if match["role"] == "math":
            formulas.append(match["body"])
        words = re.fullmatch(r"(.+?)\s*<[^<>]+>", " ".join(match["body"].split()))
        return words[1] if words and not match["role"].startswith("glue") else " X "
    if match["math"]:
        formulas.append(match["math"].strip("$"))
        return " X "  # a letter, so that `12 × $C$` is a size
    if match["image"]:
        return match["text"]
    if match["plain"]:
        return match["plain"]
    return " "


# Formulas

_COMMAND = re.compile(r"\\(?:text|mathrm|operatorname|label|tag)\s*\{[^{}]*\}|\\[A-Za-z]+|\\.")
_RELATION = re.compile(r"=|\\approx|\\le(?:q|ss)?\b|\\ge(?:q)?\b|\\to\b|\\sim(?:eq)?\b|<|>|&|\\\\")
_GREEK = re.compile(r"\\(?:alpha|beta|gamma|epsilon|varepsilon|lambda|mu|rho|sigma|eta|theta)\b")


def _typed_in_a_formula(formula: str) -> list[str]:
    r"""Return the results that somebody typed as a formula.

    Constants and what a letter stands for are given: `0.299 R`, `N = 512`, `\alpha = 0.75`.
    """
    formula = re.sub(r"\{,\}|\\,(?=\d{3}(?!\d))", ",", _GREEK.sub("x", formula))
    if not re.search(r"[A-Za-z]", _COMMAND.sub(" ", formula)):
        digits = _DIGITS_IN_A_FORMULA
        if re.fullmatch(rf"[\s~+-]*{NUMBER.pattern}[\s\\%.,]*", formula):
            digits = _DIGITS_OF_A_RESULT
        return [m[0] for m in NUMBER.finditer(formula) if _is_long(m[0], digits)]
    found = []
    sides = [_COMMAND.sub(" ", side).strip() for side in _RELATION.split(formula)]
    for before, side in pairwise(sides):
        given = re.fullmatch(r"[A-Za-z](?:'|[_^]\w|[_^]\{[^{}]*\})*", before.split(",")[-1].strip())
        number = re.match(rf"[\s+-]*({NUMBER.pattern})[\s.,;%]*$", side)
        if number and not given and _is_long(number[1], _DIGITS_IN_A_FORMULA):
            found.append(number[1])
    return found


def _is_long(number: str, digits: int) -> bool:
    return "." in number or len(re.sub(r"\D", "", number)) >= digits


def _is_year(number: str) -> bool:
    return bool(re.fullmatch(r"\d{4}", number)) and _FIRST_YEAR <= int(number) <= _LAST_YEAR
