"""Elements, panels, the style that travels with a figure, and the class that shows itself.

A figure is plain HTML with inline SVG. It has no ids and nothing random, so that it can be
compared to the letter and stand on a page many times. Words around a picture are HTML, which
wraps; inside the SVG are only short labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

from dsconv.geometry import whole_number

Alt: TypeAlias = "str | Sequence[str] | None"

# The colours of the book: input, kernel, output, what lies between. Blue, orange and green of
# these lightnesses stay apart for colour-blind readers; place, label and shape say it too.
LIGHT = {
    "input": "#1f6fb2",
    "input-fill": "#d7e8f7",
    "kernel": "#b85c00",
    "kernel-fill": "#fbe3c8",
    "kernel-glass": "#dda66e",
    "kernel-ink": "#8f4700",
    "output": "#1b7a43",
    "output-fill": "#d5efdf",
    "middle": "#5f6773",
    "middle-fill": "#e6e9ed",
    "ink": "#1f2328",
    "faint": "#59626e",
    "ground": "#ffffff",
}
DARK = {
    "input": "#7db9f0",
    "input-fill": "#16324a",
    "kernel": "#f5a04c",
    "kernel-fill": "#4a2c0c",
    "kernel-glass": "#976029",
    "kernel-ink": "#f5a04c",
    "output": "#6fd09a",
    "output-fill": "#143a26",
    "middle": "#a3adba",
    "middle-fill": "#2b3139",
    "ink": "#e3e7ec",
    "faint": "#a9b1bb",
    "ground": "#121212",
}
ROLES = ("input", "kernel", "output", "middle")

# Sizes in pixels. A picture may shrink to SHRINK of its size, so that text of 13 pixels stays
# above 10; what is wider than a phone even then scrolls in its own box.
FONT_SIZE = 13
SHRINK = 0.78
PHONE = 336
PHRASE = 40  # letters that have room on a line of a phone
COLUMN, NARROW = 205, 190  # room for a panel, and the need up to which it gets that room


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--dsconv-{name}:{colour};" for name, colour in palette.items())


# Where the page says its theme, its ground shows through: the book (data-theme), JupyterLab
# (data-jp-theme-light). Elsewhere (Colab, VS Code, a plain page) nobody knows what lies behind
# the picture, so it brings its own ground in the theme that the system prefers.
_UNTHEMED = "html:not([data-theme]) body:not([data-jp-theme-light]) .dsconv"
_RULES = """\
.dsconv{color:var(--dsconv-ink);background:var(--dsconv-ground);
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
font-size:14px;line-height:1.4}
.dsconv-row{display:flex;flex-wrap:wrap;justify-content:center;gap:20px 16px;padding:8px 0}
.dsconv-panel{display:flex;flex-direction:column;min-width:0;max-width:100%;
text-align:center}
.dsconv-title{font-weight:600;text-wrap:balance}
.dsconv-note{color:var(--dsconv-faint);font-size:13px;text-wrap:balance}
.dsconv-sum{margin-top:4px;font-variant-numeric:tabular-nums}
.dsconv-box{margin:auto auto 0;padding-top:8px;width:100%}
.dsconv-centred .dsconv-box{margin:auto}
.dsconv-scroll{overflow-x:auto}
svg.dsconv{display:block;margin:0 auto;width:100%;height:auto;overflow:visible}
.dsconv text{font-size:13px;fill:var(--dsconv-ink);stroke:none}
.dsconv .dsconv-small text,.dsconv text.dsconv-small{font-size:11px}
.dsconv .dsconv-strong text,.dsconv text.dsconv-strong{font-weight:600}
.dsconv .dsconv-quiet text,.dsconv text.dsconv-quiet{fill:var(--dsconv-faint)}
.dsconv .dsconv-middled text{text-anchor:middle}
.dsconv .dsconv-wires{fill:none;stroke:var(--dsconv-kernel);stroke-opacity:.55}
.dsconv .dsconv-grid{fill:none;stroke-width:.6;stroke-opacity:.45}
.dsconv .dsconv-leads{fill:none;stroke:var(--dsconv-kernel);stroke-width:1.4;stroke-dasharray:4 3}
.dsconv .dsconv-prism{fill:var(--dsconv-kernel-glass);fill-opacity:.85;stroke:var(--dsconv-kernel);
stroke-width:1.4;stroke-linejoin:round}
.dsconv .dsconv-dots{fill:var(--dsconv-faint)}
.dsconv .dsconv-zeros{fill:none;stroke:var(--dsconv-middle);stroke-dasharray:3 2}
.dsconv .dsconv-empty{fill:none;stroke-opacity:.35}
.dsconv .dsconv-window{fill:none;stroke:var(--dsconv-kernel);stroke-width:2.6;
stroke-linejoin:round;stroke-linecap:round}
.dsconv .dsconv-starts{fill:none;stroke:var(--dsconv-kernel);stroke-width:1.6}
.dsconv .dsconv-taps{fill:var(--dsconv-kernel-fill);stroke:var(--dsconv-kernel)}
.dsconv .dsconv-dims{fill:none;stroke:var(--dsconv-faint)}
.dsconv .dsconv-weights text{fill:var(--dsconv-kernel-ink);font-size:11px;font-weight:600;
text-anchor:end}
.dsconv-numbers{align-items:center;gap:12px 10px}
.dsconv-term{display:flex;align-items:center;gap:10px;min-width:0;max-width:100%}
.dsconv-symbol{font-size:24px;line-height:1}
.dsconv-lifted{padding-bottom:20px}
.dsconv-grids{min-width:0;text-align:center}
.dsconv-label{color:var(--dsconv-faint);font-size:13px;line-height:20px}
.dsconv-frames{padding:4px 0}
.dsconv-stage{display:grid}
.dsconv .dsconv-frame{grid-area:1/1;min-width:0}
.dsconv .dsconv-frame[hidden]{display:block!important;visibility:hidden}
.dsconv-bar{display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:6px 10px}
.dsconv-bar label{display:flex;align-items:center;gap:10px;margin:0}
.dsconv-bar input{width:min(220px,38vw);accent-color:var(--dsconv-kernel)}
.dsconv-bar button{min-width:36px;height:36px;padding:0;font:inherit;font-size:18px;
line-height:1;color:var(--dsconv-ink);background:none;border:1px solid var(--dsconv-faint);
border-radius:6px;cursor:pointer}
.dsconv-said{display:block;min-height:1.4em;padding:6px 8px 0;text-align:center;
font-variant-numeric:tabular-nums}
"""
STYLE = "\n".join(
    [
        f".dsconv{{{_variables(LIGHT)}}}",
        "html[data-theme] .dsconv,body[data-jp-theme-light] .dsconv{--dsconv-ground:transparent}",
        f"@media (prefers-color-scheme:dark){{{_UNTHEMED}{{{_variables(DARK)}}}}}",
        'html[data-theme="dark"] .dsconv,body[data-jp-theme-light="false"] .dsconv'
        f"{{{_variables(DARK | {'ground': 'transparent'})}}}",
        *(
            f".dsconv .dsconv-{role}{{fill:var(--dsconv-{role}-fill);stroke:var(--dsconv-{role})}}"
            for role in ROLES
        ),
        _RULES,
    ]
)


# --- Elements -------------------------------------------------------------------------


def short(value: float) -> str:
    """Return a coordinate with at most two decimals, the same on every machine."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(
    parent: ET.Element | None, tag: str, text: str | None = None, /, **attributes: Any
) -> ET.Element:
    """Append an element: ``class_`` is class, an underscore a hyphen, a float is shortened."""
    given = {
        name.rstrip("_").replace("_", "-"): short(value) if isinstance(value, float) else str(value)
        for name, value in attributes.items()
        if value is not None
    }
    new = ET.Element(tag, given) if parent is None else ET.SubElement(parent, tag, given)
    new.text = text
    return new


def group(parent: ET.Element, *names: str) -> ET.Element:
    """Append a group of the classes ``dsconv-NAME``."""
    return element(parent, "g", class_=" ".join(f"dsconv-{name}" for name in names))


def canvas(width: float, height: float, label: str) -> ET.Element:
    """Return an empty picture that says what is seen in it."""
    return element(
        None,
        "svg",
        class_="dsconv",
        role="img",
        aria_label=label,
        viewBox=f"0 0 {short(width)} {short(height)}",
        style=f"max-width:{short(width)}px",
    )


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return more than `text` takes in a wide font (DejaVu Sans), in pixels."""
    return 0.64 * size * len(text)


# --- Figures --------------------------------------------------------------------------


class Drawing:
    """A figure that a notebook shows: HTML with inline SVG.

    Made by the functions of `dsconv.viz`. It follows the theme of the page, and its HTML is
    the same, to the letter, whenever and wherever it is made.

    Parameters
    ----------
    body : xml.etree.ElementTree.Element
        The figure without its style.

    Attributes
    ----------
    html : str
        What a notebook shows; a complete fragment, style included.

    Examples
    --------
    >>> from dsconv import ConvSpec
    >>> from dsconv.viz import wiring
    >>> figure = wiring(ConvSpec(4, 6, 3))
    >>> figure
    <Drawing>
    >>> figure.html.count("<svg")
    1
    """

    def __init__(self, body: ET.Element) -> None:
        self.body = body

    @property
    def html(self) -> str:
        """The figure as a fragment of HTML."""
        body = ET.tostring(self.body, encoding="unicode", method="html")
        return f"<style>\n{STYLE}</style>\n{body}"

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Return the same words for every figure: notebooks keep them, and nobody reads them."""
        return "<Drawing>"


def row(*names: str) -> ET.Element:
    """Return an empty row of panels, which wraps."""
    return element(None, "div", class_=" ".join(["dsconv", "dsconv-row", *names]))


def panel(
    parent: ET.Element,
    picture: ET.Element,
    width: float,
    *,
    title: str | None = None,
    note: str | None = None,
    below: str | None = None,
) -> ET.Element:
    """Append one picture with its words to a row."""
    least = SHRINK * width
    # Panels grow with their pictures, so that a row keeps one scale.
    flex = f"flex:{round(width)} 1 {short(least if least > NARROW else COLUMN)}px"
    new = element(parent, "div", class_="dsconv-panel", style=flex)
    for name, words in (("title", title), ("note", note)):
        if words:
            element(new, "div", words, class_=f"dsconv-{name}")
    box = scroll_box(new, picture, least)
    box.append(picture)
    if below:
        element(new, "div", below, class_="dsconv-sum")
    return new


def scroll_box(parent: ET.Element, picture: ET.Element, least: float) -> ET.Element:
    """Append the box of a picture; one that needs more than a phone has scrolls inside it."""
    if least <= PHONE:
        return element(parent, "div", class_="dsconv-box")
    picture.set("style", f"{picture.get('style')};min-width:{short(least)}px")
    return element(
        parent,
        "div",
        class_="dsconv-box dsconv-scroll",
        tabindex=0,
        role="group",
        aria_label="A wide picture: scrolls sideways",
    )


def use_alt(pictures: Sequence[ET.Element], alt: Alt) -> None:
    """Replace the generated labels by the caller's: one for all pictures, or one for each."""
    if alt is None:
        return
    if isinstance(alt, str):
        # One text says the whole figure, so it is said once.
        pictures[0].set("aria-label", alt)
        for other in pictures[1:]:
            other.set("aria-hidden", "true")
        return
    for picture, words in zip(pictures, texts("alt", alt, len(pictures)), strict=True):
        picture.set("aria-label", words)


def texts(name: str, given: Any, length: int) -> list[str]:
    """Return `given` as a list of texts, one for each panel, or say what is wrong with it."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        msg = f"{name} must be a sequence of texts. Received: {name}={given!r}"
        raise TypeError(msg)
    if len(given) != length:
        msg = f"{name} must have one text for each of {length}. Received: {name}={list(given)!r}"
        raise ValueError(msg)
    for index, words in enumerate(given):
        if not isinstance(words, str):
            msg = f"{name}[{index}] must be a text. Received: {name}[{index}]={words!r}"
            raise TypeError(msg)
    return list(given)


# --- Several figures in one place -----------------------------------------------------

# Inline handlers find their figure from where they stand: no ids, and no script element, which
# would not run where the HTML is inserted by a script.
_SHOW = (
    "const r=this.closest('.dsconv-frames'),"
    "f=r.querySelectorAll(':scope>.dsconv-stage>.dsconv-frame');"
    "f.forEach((e,i)=>{e.hidden=i!==this.value-1});"
    "r.querySelector(':scope>.dsconv-said').textContent=f[this.value-1].dataset.caption"
)
_STEP = (
    "const i=this.closest('.dsconv-bar').querySelector('input');"
    "i.{0}();i.dispatchEvent(new Event('input'))"
)


def frames(
    figures: Sequence[Drawing],
    *,
    label: str,
    captions: Sequence[str] | None = None,
    start: int = 0,
) -> Drawing:
    """Show several figures in one place, one at a time, with a slider to step through them.

    The arrow keys move the slider, two buttons do the same. Without JavaScript the figure
    `start` stands there.

    Parameters
    ----------
    figures : sequence of Drawing
        What to show, in this order.
    label : str
        The slider's visible name.
    captions : sequence of str, optional
        A line under each figure, read aloud when it changes. By default "2 of 5".
    start : int, optional
        Index of the figure that is shown first.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If something is not a Drawing, a text or an integer.
    ValueError
        If there is no figure, or the captions are not as many, or `start` is none of them.

    See Also
    --------
    sliding : a window's steps over an input.
    groups_toy : a layer's wires for every number of groups.

    Examples
    --------
    >>> from dsconv import ConvSpec
    >>> from dsconv.viz import wiring
    >>> layers = [ConvSpec(4, 4, 3, groups=g) for g in (1, 2, 4)]
    >>> frames([wiring(layer) for layer in layers], label="Layer").html.count("<svg")
    3
    """
    given = list(figures)
    if not given:
        msg = "frames must have at least one figure. Received: figures=[]"
        raise ValueError(msg)
    for index, figure in enumerate(given):
        if not isinstance(figure, Drawing):
            msg = (
                f"figures[{index}] must be a Drawing, as the functions of dsconv.viz return. "
                f"Received: {type(figure).__name__}"
            )
            raise TypeError(msg)
    if not isinstance(label, str) or not label:
        msg = f"label must be a text: it is the slider's name. Received: label={label!r}"
        raise TypeError(msg)
    first = whole_number("start", start, minimum=0)
    if first >= len(given):
        msg = f"start must be below the number of figures ({len(given)}). Received: start={start}"
        raise ValueError(msg)
    if captions is None:
        said = [f"{index + 1} of {len(given)}" for index in range(len(given))]
    else:
        said = texts("captions", captions, len(given))

    root = element(
        None, "div", class_="dsconv dsconv-frames", role="group", aria_label=label,
        # JupyterLab leaves the keys to the slider.
        data_lm_suppress_shortcuts="true",
    )  # fmt: skip
    bar = element(root, "div", class_="dsconv-bar")
    _button(bar, "‹", "previous", "stepDown")
    slider = element(bar, "label")
    element(slider, "span", label)
    element(
        slider, "input", type="range", min=1, max=len(given), step=1, value=first + 1,
        autocomplete="off", oninput=_SHOW,
    )  # fmt: skip
    _button(bar, "›", "next", "stepUp")
    stage = element(root, "div", class_="dsconv-stage")
    for index, figure, caption in zip(range(len(given)), given, said, strict=True):
        frame = element(stage, "div", class_="dsconv-frame", data_caption=caption)
        if index != first:
            frame.set("hidden", "hidden")
        frame.append(figure.body)
    words = element(root, "output", said[first], class_="dsconv-said", aria_live="polite")
    if max(map(len, said)) > PHRASE:
        words.set("style", "min-height:2.8em")  # so that nothing moves when a line wraps
    return Drawing(root)


def _button(parent: ET.Element, sign: str, name: str, method: str) -> None:
    element(parent, "button", sign, type="button", aria_label=name, onclick=_STEP.format(method))


__all__ = ["Drawing", "frames"]
