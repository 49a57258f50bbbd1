"""Turn the book's MyST into Markdown that JupyterLab, Binder and Colab show as it is meant.

Sphinx knows directives, roles, labels and citations; a notebook knows Markdown and LaTeX. What a
page refers to is found in a first pass over the whole book (`survey`), then each text is converted
(`convert`). A directive or role that is not listed here raises MystError: raw markup never leaks.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pybtex.backends.markdown import Backend
from pybtex.database import BibliographyData, Entry, Person
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style


class MystError(ValueError):
    """A text holds markup that has no plain form."""


@dataclass(frozen=True)
class Target:
    """Something that other places refer to.

    Attributes
    ----------
    page
        The file name of its page.
    kind
        "section", "Figure", "Table", "equation" or "place".
    text
        The title of a section, the number of anything else, nothing for a place.
    """

    page: str
    kind: str
    text: str


@dataclass
class Book:
    """What holds for all pages: where labels are, what is cited, what glue gives."""

    folder: Path
    site: str = ""
    """The address of the published book, with a slash at its end, or nothing."""
    source: str = ""
    """The address under which the repository's files are shown, or nothing."""
    bibliography: BibliographyData = field(default_factory=BibliographyData)
    glue: Callable[[str, str], str] = lambda reference, page: f"{page}: {reference}"
    titles: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    cited: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Page:
    """Where the conversion of one page stands."""

    name: str
    book: Book
    surveying: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    footnotes: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    """Labels that were read and wait for what they label."""

    def number(self, kind: str) -> str:
        """Return the next number of a figure, table or equation of this page."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return str(self.counts[kind])

    def label(self, *names: str, kind: str = "place", text: str = "") -> None:
        """Let names, and the labels that wait, stand for what comes here."""
        for name in (*self.pending, *names):
            if self.surveying and name:
                target = Target(self.name, kind, text)
                if self.book.targets.setdefault(name, target) != target:
                    msg = f"the label {name!r} is set twice"
                    raise MystError(msg)
        self.pending = []


Part = str | tuple[str, str]
"""A piece of a page: a text, or the caption and the label of a picture that a cell draws."""


def survey(part: Part, page: Page) -> None:
    """Note the title, labels and citations in a part of a page that is being surveyed."""
    if isinstance(part, str):
        convert(part, page)
    else:
        caption(*part, page)


# Blocks

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,}|:{3,})(?P<rest>.*)$")
_DIRECTIVE = re.compile(r"^\{(?P<name>[\w:.+-]+)\}\s*(?P<argument>.*)$")
_TARGET = re.compile(r"^\s*\(([^()\s]+)\)=\s*$")
_ATTRIBUTES = re.compile(r"^\s*\{([.#%][^{}`]*|\w+=[^{}`]*)\}\s*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_LABELLED_MATH = re.compile(r"\$\$[ \t]*(?:\(([\w:.-]+)\))?[ \t]*$")


def convert(text: str, page: Page) -> str:
    """Return a MyST text as plain Markdown."""
    blocks: list[str] = []
    prose: list[str] = []

    def flush() -> None:
        if prose:
            blocks.append(_inline("\n".join(prose), page))
            prose.clear()

    lines = iter(text.split("\n"))
    for line in lines:
        if fence := _FENCE.match(line):
            flush()
            body = _fenced(lines, fence, page)
            directive = _DIRECTIVE.match(fence["rest"])
            if directive:
                block = _directive(directive["name"], directive["argument"], body, page)
            elif fence["fence"][0] == ":":
                msg = f"a colon fence without a directive: {line.strip()!r}"
                raise MystError(msg)
            else:
                page.label()
                block = "\n".join([fence["fence"] + fence["rest"], *body, fence["fence"]])
            blocks.append(_indented(block, fence["indent"]))
        elif line.lstrip().startswith("$$"):
            flush()
            blocks.append(_math_block(line, lines, page))
        elif target := _TARGET.match(line):
            page.pending.append(target[1])
        elif attributes := _ATTRIBUTES.match(line):
            page.pending += re.findall(r"#([\w:.-]+)", attributes[1])
        elif line.startswith("%") or line.strip() == "+++":
            continue  # a comment, a break between blocks
        elif heading := _HEADING.match(line):
            flush()
            blocks.append(_heading(heading[1], heading[2], page))
        else:
            if line.strip():
                page.label()
            prose.append(line)
    flush()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(blocks)).strip("\n")


def _fenced(lines: Iterator[str], fence: re.Match[str], page: Page) -> list[str]:
    """Take the lines up to the end of a fence, without the fence's own indentation."""
    body: list[str] = []
    mark, indent = fence["fence"], fence["indent"]
    for line in lines:
        if re.fullmatch(rf"\s*{re.escape(mark)}{mark[0]}*\s*", line):
            return body
        body.append(line.removeprefix(indent))
    if page.surveying:
        return body
    msg = f"the fence {(mark + fence['rest']).strip()!r} has no end"
    raise MystError(msg)


def _indented(block: str, indent: str) -> str:
    return "\n".join(indent + line if line else line for line in block.split("\n"))


def _quoted(block: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in block.split("\n"))


def _heading(marks: str, title: str, page: Page) -> str:
    plain = _inline(title, page)
    if page.surveying:
        page.book.titles.setdefault(page.name, plain)
    slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
    here = f"{page.name}#{slug}"  # what myst_heading_anchors makes, one page at a time
    if page.surveying and here not in page.book.targets:
        page.book.targets[here] = Target(page.name, "section", plain)
    page.label(kind="section", text=plain)
    return f"{marks} {plain}"


def _math_block(line: str, lines: Iterator[str], page: Page) -> str:
    """Take a `$$` block; a label after its end becomes the number of the equation."""
    block = line
    while block.count("$$") < 2:
        following = next(lines, None)
        if following is None:
            msg = f"$$ without an end: {line.strip()!r}"
            raise MystError(msg)
        block += f"\n{following}"
    end = _LABELLED_MATH.search(block)
    if not end:
        page.label()
        return _inline(block, page)  # a sentence that begins with a formula
    formula = block[: end.start()].strip().removeprefix("$$").strip()
    indent = line[: len(line) - len(line.lstrip())]
    return _indented(_equation(formula, end[1] or "", page), indent)


def _equation(formula: str, label: str, page: Page) -> str:
    if not label and not page.pending:
        return f"$$\n{formula}\n$$"
    number = page.number("equation")
    page.label(label, kind="equation", text=number)
    return f"$$\n{formula} \\tag{{{number}}}\n$$"


# Directives

_TITLES = {
    name: name.capitalize()
    for name in ("note", "tip", "hint", "warning", "caution", "attention", "danger", "important")
} | {"seealso": "See also", "error": "Error", "margin": "", "sidebar": "", "topic": "", "aside": ""}
_QUOTES = {"epigraph", "pull-quote", "highlights", "quote"}
_UNWRAPPED = {"grid", "tab-set", "div", "container", "rst-class", "figure-md", "card-carousel"}
_DROPPED = {"contents", "tableofcontents", "index", "raw"}


def _directive(name: str, argument: str, body: list[str], page: Page) -> str:
    """Return the plain form of a directive."""
    options, content = _options(body)
    label = options.get("name", "")
    if name in _TITLES or name in ("admonition", "dropdown"):
        page.label(label)
        title = _inline(argument, page) if argument else _TITLES.get(name, "")
        folded = name == "dropdown" or "dropdown" in options.get("class", "")
        return _box(title, convert("\n".join(content), page), folded=folded)
    if name in _QUOTES:
        return _quoted(convert("\n".join([argument, *content]).strip("\n"), page))
    if name in ("card", "grid-item-card", "grid-item", "tab-item"):
        return _card(argument, options, content, page)
    if name in _UNWRAPPED:
        page.label(label)
        return convert("\n".join(content), page)
    if name == "math":
        formula = "\n".join([argument, *content]).strip()
        return _equation(formula, options.get("label", label), page)
    if name in ("figure", "image"):
        return _figure(name, argument, options, content, page)
    if name in ("table", "list-table"):
        rows = _list_table(content, options) if name == "list-table" else "\n".join(content)
        caption = _caption("Table", argument, label, page) if argument or label else ""
        return f"\n{caption}\n\n{convert(rows, page)}\n"
    if name in ("code", "code-block", "sourcecode"):
        page.label(label)
        return "\n".join([f"```{argument}", *content, "```"])
    if name == "glossary":
        return _glossary(content, page)
    if name == "bibliography":
        keys = sorted(set(page.book.cited.get(page.name, [])))
        return "\n".join(f"- {_reference(page.book, key)}" for key in keys)
    if name in _DROPPED:
        return "\n".join(content) if (name, argument) == ("raw", "html") else ""
    if page.surveying:
        return ""  # a page that is not copied may hold more than copies can
    msg = f"no plain form of the directive {{{name}}}; give it one in tools/myst.py"
    raise MystError(msg)


def _options(body: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split a directive's body into options (either spelling) and content."""
    options: dict[str, str] = {}
    rest = list(body)
    if rest and rest[0].strip() == "---":
        end = next((n for n, line in enumerate(rest[1:], 1) if line.strip() == "---"), len(rest))
        found, rest = rest[1:end], rest[end + 1 :]
        pattern = r"\s*([\w-]+):\s*(.*)"
    else:
        others = (n for n, line in enumerate(rest) if not re.match(r"\s*:[\w-]+:", line))
        end = next(others, len(rest))
        found, rest = rest[:end], rest[end:]
        pattern = r"\s*:([\w-]+):\s*(.*)"
    for line in found:
        if match := re.fullmatch(pattern, line):
            options[match[1]] = match[2].strip().strip("\"'")
    while rest and not rest[0].strip():
        rest = rest[1:]
    return options, rest


def _box(title: str, content: str, *, folded: bool) -> str:
    if folded:
        return f"\n<details><summary>{title or 'More'}</summary>\n\n{content}\n\n</details>\n"
    return "\n" + _quoted(f"**{title}**\n\n{content}" if title else content) + "\n"


def _card(title: str, options: dict[str, str], content: list[str], page: Page) -> str:
    page.label(options.get("name", ""))
    text = convert("\n".join(line for line in content if line.strip() != "^^^"), page)
    title = "" if title.isdecimal() else _inline(title, page)  # a grid item's is its width
    if title and options.get("link"):
        title = _link(title, options["link"], page)
    return f"\n**{title}**\n\n{text}\n" if title else f"\n{text}\n"


def _caption(kind: str, text: str, label: str, page: Page) -> str:
    number = page.number(kind)
    page.label(label, kind=kind, text=number)
    caption = _inline(text.strip(), page)
    return f"*{kind} {number}.* {caption}".rstrip()


def caption(text: str, label: str, page: Page) -> str:
    """Return the caption of a picture that a cell draws."""
    return _caption("Figure", text, label, page)


def _figure(name: str, path: str, options: dict[str, str], content: list[str], page: Page) -> str:
    picture = f"![{options.get('alt', '')}]({_embedded(path, page)})"
    if name == "image":
        page.label(options.get("name", ""))
        return picture
    text = "\n".join(content)
    return f"\n{picture}\n\n{_caption('Figure', text, options.get('name', ''), page)}\n"


def _embedded(path: str, page: Page) -> str:
    """Return a picture as an address that holds it: a copy travels without its folder."""
    if re.match(r"(https?|data):", path) or page.surveying:
        return path
    file = (page.book.folder.parent if path.startswith("/") else page.book.folder) / path.strip("/")
    kind = mimetypes.guess_type(file.name)[0]
    if not file.is_file() or kind is None:
        msg = f"there is no picture {path}"
        raise MystError(msg)
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def _list_table(content: list[str], options: dict[str, str]) -> str:
    rows: list[list[str]] = []
    for line in content:
        if match := re.match(r"\s*\*\s+-\s?(.*)", line):
            rows.append([match[1]])
        elif (match := re.match(r"\s+-\s?(.*)", line)) and rows:
            rows[-1].append(match[1])
        elif line.strip() and rows:
            rows[-1][-1] += f" {line.strip()}"
    width = max((len(row) for row in rows), default=0)
    if not rows or any(len(row) != width for row in rows):
        msg = f"a list-table whose rows have {sorted({len(row) for row in rows})} cells"
        raise MystError(msg)
    head = rows.pop(0) if int(options.get("header-rows", 0)) else [""] * width
    table = [head, ["---"] * width, *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in row)} |" for row in table)


def _glossary(content: list[str], page: Page) -> str:
    items: list[str] = []
    for line in content:
        if not line.strip():
            continue
        if line[0].isspace():
            items.append("  " + _inline(line.strip().removeprefix(": "), page))
        else:
            items.append(f"- **{_inline(line.removeprefix(': ').strip(), page)}**  ")
    return "\n".join(items)


# Inside a paragraph

SPANS = re.compile(
    r"""
      \{(?P<role>[A-Za-z][\w:.+-]*)\}(?P<rolemark>`+)(?P<body>.+?)(?P=rolemark)(?!`)
    | (?P<codemark>`+)(?!`).+?(?<!`)(?P=codemark)(?!`)
    | (?P<math>\$\$.+?\$\$|(?<![\\$])\$(?!\s)[^$]+?(?<![\s\\])\$)
    | (?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]
      \((?P<address>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+"[^"]*")?\)(?P<spanattributes>\{[^{}]*\})?
    | \[(?P<plain>[^\[\]]+)\]\{[.\#][^{}]*\}
    | <(?P<project>(?:project|path):[^<>\s]+)>
    | \[\^(?P<footnote>[\w-]+)\](?P<definition>:)?
    | (?P<substitution>\{\{.+?\}\})
    """,
    re.VERBOSE | re.DOTALL,
)
_DEFINITION = re.compile(r"^(?!\s|[-*>|#:])(.+)\n:[ \t]+", re.MULTILINE)


def _inline(text: str, page: Page) -> str:
    """Convert what stands inside paragraphs."""
    text = _DEFINITION.sub(r"- **\1**: ", text)
    # No span reaches over an empty line.
    parts = re.split(r"(\n[ \t]*\n)", text)
    return "".join(SPANS.sub(lambda match: _span(match, page), part) for part in parts)


def _span(match: re.Match[str], page: Page) -> str:
    if match["role"]:
        return _role(match["role"], " ".join(match["body"].split()), page)
    if match["address"] is not None:
        if match["image"]:
            return f"![{match['text']}]({_embedded(match['address'], page)})"
        return _link(_inline(match["text"], page), match["address"], page)
    if match["plain"]:
        return _inline(match["plain"], page)
    if match["project"]:
        return _link("", match["project"], page)
    if match["footnote"]:
        if match["footnote"] not in page.footnotes:
            page.footnotes.append(match["footnote"])
        number = f"<sup>{page.footnotes.index(match['footnote']) + 1}</sup>"
        return f"{number} " if match["definition"] else number
    if match["substitution"] and not page.surveying:
        msg = f"no plain form of the substitution {match[0]}"
        raise MystError(msg)
    return match[0]  # code and formulas stay


_PYTHON_ROLES = {"func", "class", "meth", "mod", "attr", "data", "exc", "obj", "const"}
_CODE_ROLES = {"code", "kbd", "file", "command", "program", "guilabel", "literal"}


def _role(name: str, body: str, page: Page) -> str:
    """Return the plain form of a role."""
    kind = name.removeprefix("py:")
    if name == "glue:text":
        return "0" if page.surveying else _glue(body, page)
    if name in ("ref", "numref", "eq", "doc"):
        return "" if page.surveying else _cross_reference(name, *_text_and_label(body), page)
    if name in ("cite", "cite:p", "cite:t", "cite:ps", "cite:ts"):
        return _cite(body, page, in_text=name in ("cite:t", "cite:ts"))
    if name == "term":
        return _text_and_label(body)[0] or _text_and_label(body)[1]
    if name == "abbr":
        return body  # "MAC (multiply and accumulate)" reads well as it is
    if name == "math":
        return f"${body}$"
    if name in ("sub", "sup", "subscript", "superscript"):
        return f"<{name[:3]}>{body}</{name[:3]}>"
    if kind in _PYTHON_ROLES:
        return f"`{_python_name(body)}`"
    if name in _CODE_ROLES:
        return f"`{body}`"
    if page.surveying:
        return ""
    msg = f"no plain form of the role {{{name}}}; give it one in tools/myst.py"
    raise MystError(msg)


def _python_name(body: str) -> str:
    """Return the name that Sphinx would show: `~` asks for its last part, `!` for no link."""
    text, name = _text_and_label(body)
    last = name.rsplit(".", 1)[-1] if name.startswith("~") else name.removeprefix("!")
    return text or last


def _text_and_label(body: str) -> tuple[str, str]:
    """Split `text <label>`; a label alone has no text."""
    match = re.fullmatch(r"(.*?)\s*<([^<>]+)>", body)
    return (match[1], match[2]) if match else ("", body)


def _glue(reference: str, page: Page) -> str:
    try:
        return page.book.glue(reference, page.name)
    except ValueError as error:
        raise MystError(str(error)) from error


def _cross_reference(role: str, text: str, label: str, page: Page) -> str:
    if role == "doc":
        return _link(text, label, page)
    target = page.book.targets.get(label)
    if target is None:
        msg = f"{{{role}}}`{label}`: nothing in the book has this label"
        raise MystError(msg)
    numbered = target.kind not in ("section", "place")
    if role in ("numref", "eq") and not numbered:
        msg = f"{{{role}}}`{label}`: that is a {target.kind}, which has no number"
        raise MystError(msg)
    if role == "numref" and text:
        words = text.replace("%s", target.text).replace("{number}", target.text)
        return words if target.page == page.name else f"{words} of {_page_link('', target, page)}"
    if numbered and not text:
        equation = f"({target.text})" if role == "eq" else f"equation {target.text}"
        words = equation if target.kind == "equation" else f"{target.kind} {target.text}"
        return words if target.page == page.name else f"{words} of {_page_link('', target, page)}"
    if target.kind == "place" and not text:
        msg = f"{{{role}}}`{label}`: that is no heading; write {{{role}}}`text <{label}>`"
        raise MystError(msg)
    return _page_link(text or target.text, target, page)


def _page_link(text: str, target: Target, page: Page) -> str:
    """Link to a target; JupyterLab's anchors are the titles with dashes for spaces."""
    title = page.book.titles.get(target.page, target.page)
    anchor = "#" + target.text.replace(" ", "-") if target.kind == "section" and text else ""
    words = text or title
    if target.page == page.name:
        return f"[{words}]({anchor})" if anchor else words
    if target.page.endswith(".ipynb"):
        return f"[{words}]({target.page}{anchor})"
    stem = PurePosixPath(target.page).stem
    return f"[{words}]({page.book.site}book/{stem}.html)" if page.book.site else words


def _link(text: str, address: str, page: Page) -> str:
    """Return a link that leads somewhere from a copy, or its text alone."""
    if re.match(r"(https?:|mailto:|data:)", address):
        return f"[{text or address}]({address})"
    if page.surveying:
        return text
    path, _, label = re.sub(r"^(project|path):", "", address).partition("#")
    book = page.book
    name = _page_named(PurePosixPath(path).name, book) if path else page.name
    if name is None:
        # A file of the repository: shown there, if anywhere.
        base = book.folder.name if not path.startswith("/") else ""
        parts: list[str] = []
        for part in PurePosixPath(base, path.strip("/")).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        if not (book.folder.parent / "/".join(parts)).exists():
            msg = f"the link [{text}]({address}) leads nowhere"
            raise MystError(msg)
        return f"[{text or path}]({book.source}{'/'.join(parts)})" if book.source else text or path
    if not label:
        return _page_link(text, Target(name, "place", ""), page)
    target = book.targets.get(f"{name}#{label}") or book.targets.get(label)
    if target is None:
        msg = f"the link [{text}]({address}) leads nowhere"
        raise MystError(msg)
    return (
        _cross_reference("ref", text, label, page)
        if label in book.targets
        else _page_link(text or target.text, target, page)
    )


def _page_named(name: str, book: Book) -> str | None:
    stem = PurePosixPath(name).stem if PurePosixPath(name).suffix in _PAGES else name
    return next((page for page in book.titles if PurePosixPath(page).stem == stem), None)


_PAGES = (".ipynb", ".md", ".html")


# Citations


def _cite(body: str, page: Page, *, in_text: bool) -> str:
    """Return "Chollet (2017)", or "(Chollet, 2017)", linked to where the work can be read."""
    keys = [key.strip() for key in body.split(",")]
    page.book.cited.setdefault(page.name, []).extend(keys)
    if page.surveying:
        return ""
    links = [_short(page.book, key, in_text=in_text) for key in keys]
    return ", ".join(links) if in_text else f"({'; '.join(links)})"


def _short(book: Book, key: str, *, in_text: bool) -> str:
    entry = _entry(book, key)
    who, year = _names(entry), entry.fields.get("year", "")
    words = (f"{who} ({year})" if in_text else f"{who}, {year}") if year else who
    address = entry.fields.get("url") or (
        f"https://doi.org/{entry.fields['doi']}" if "doi" in entry.fields else ""
    )
    return f"[{words}]({address})" if address else words


def _entry(book: Book, key: str) -> Entry:
    if key not in book.bibliography.entries:
        msg = f"the bibliography has no {key!r}"
        raise MystError(msg)
    return book.bibliography.entries[key]


def _names(entry: Entry) -> str:
    people: list[Person] = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [_plain(" ".join([*p.prelast_names, *p.last_names])) for p in people]
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names) or _plain(entry.fields.get("title", entry.key))


def _plain(latex: str) -> str:
    return str(Text.from_latex(latex)).replace("{", "").replace("}", "")


def _reference(book: Book, key: str) -> str:
    """Return a work as a line of a list of references."""
    _entry(book, key)
    formatted = next(iter(Style().format_bibliography(book.bibliography, [key])))
    return " ".join(formatted.text.render(Backend()).split())
