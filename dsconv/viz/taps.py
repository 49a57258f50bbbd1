"""What one position of the output reads, seen from above."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from xml.etree import ElementTree as ET

from dsconv.geometry import ConvSpec, Sizes, per_axis
from dsconv.viz import _svg, _words
from dsconv.viz._grid import number_text
from dsconv.viz._svg import Alt, Drawing, element, group, text_width

MOST = 32  # pixels of a side, zeros included
CELL, FINEST = 26.0, 16.0  # pixels of a cell, and of the smallest that has room for a zero
ROOM = 300.0  # pixels for the cells of a row
TOP, EDGE, GAP = 26.0, 3.0, 8.0


def taps(
    spec: ConvSpec,
    input_size: Sizes,
    *,
    position: Sizes = 0,
    alt: Alt = None,
) -> Drawing:
    """Draw which pixels one position of the output reads.

    On the left the input with its padding zeros (dashed), the window and the pixels that the
    kernel reads in it (with a dot, or the zero that is read), and a corner where every window
    starts. On the right the output and the position. The sizes stand at the sides.

    Parameters
    ----------
    spec : ConvSpec
        The layer; its channels do not matter here.
    input_size : int or tuple of int
        (H, W), or (L,) for a 1-D layer, in pixels.
    position : int or tuple of int, optional
        Row and column in the output, from 0; the first by default.
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for the figure, or one for input
        and one for output. By default made from the spec.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If `spec` is no ConvSpec, or a size or position no integer.
    ValueError
        If the kernel does not fit, the position is outside the output, or a side has more
        than 32 pixels.

    See Also
    --------
    sliding : every position, with numbers.

    Examples
    --------
    >>> taps(ConvSpec(1, 1, 3, stride=2, padding="same"), (5, 6), position=(0, 1))
    <Drawing>
    """
    if not isinstance(spec, ConvSpec):
        msg = f"spec must be a ConvSpec. Received: spec={spec!r} ({type(spec).__name__})"
        raise TypeError(msg)
    output = spec.output_size(input_size)
    size = per_axis("input_size", input_size, spec.axes, minimum=1)
    place = per_axis("position", position, spec.axes, minimum=0)
    if any(p >= n for p, n in zip(place, output, strict=True)):
        msg = f"position must lie in the output, below {output}. Received: position={position!r}"
        raise ValueError(msg)
    pads = spec.pads(size)
    padded = tuple(n + sum(pad) for n, pad in zip(size, pads, strict=True))
    if max(padded) > MOST:
        msg = (
            f"taps draws at most {MOST} pixels a side, padding included. "
            f"Received: {_words.shape(*padded)} pixels"
        )
        raise ValueError(msg)
    reads = [
        [s * p + d * k for k in range(taps)]
        for p, s, d, taps in zip(place, spec.stride, spec.dilation, spec.kernel_size, strict=True)
    ]
    cell = min(CELL, ROOM / padded[-1])
    left = _input(spec, size, pads, reads, output, cell)
    right = _output(output, place, cell)
    left[0].set("aria-label", _alt(spec, size, pads, place, reads))
    right[0].set(
        "aria-label",
        f"Output of {_words.shape(*output)} pixels; the number at {_at(place)} is marked.",
    )

    row = _svg.row("dsconv-centred")
    legend = "● read, ┌ a window starts" + (", 0 padding" if any(map(any, pads)) else "")
    for (picture, width), title, below in (
        (left, f"Input {_words.shape(*size)}", legend),
        (right, f"Output {_words.shape(*output)}", f"position {_at(place)}"),
    ):
        _svg.panel(row, picture, width, title=title, note=None, below=below)
    _svg.use_alt([left[0], right[0]], alt)
    return Drawing(row)


def _at(place: Sequence[int]) -> str:
    return f"({', '.join(map(str, place))})" if len(place) > 1 else str(place[0])


def _two(values: Sequence[int], first: int) -> tuple[int, int]:
    """Return rows and columns; a 1-D map has one row."""
    return (first, values[0]) if len(values) == 1 else (values[0], values[1])


def _input(
    spec: ConvSpec,
    size: Sequence[int],
    pads: Sequence[tuple[int, int]],
    reads: Sequence[Sequence[int]],
    output: Sequence[int],
    cell: float,
) -> tuple[ET.Element, float]:
    plane = [(0, 0), *pads] if spec.axes == 1 else list(pads)
    rows, columns = _two(size, 1)
    (above, under), (before, after) = plane
    lines = [[0], *reads] if spec.axes == 1 else list(reads)
    picture, x0, y0, width = _board(size, pads, cell, "input")

    zeros, cells = group(picture, "zeros"), group(picture, "input")
    marks = group(picture, "taps")
    words = group(picture, "middled", "small", "quiet")
    dots = element(picture, "g", fill="var(--dsconv-kernel)", stroke="none")
    for r, c in product(range(above + rows + under), range(before + columns + after)):
        inside = above <= r < above + rows and before <= c < before + columns
        read = r in lines[0] and c in lines[1]
        x, y = x0 + c * cell, y0 + r * cell
        parent = marks if read else cells if inside else zeros
        element(parent, "rect", x=x, y=y, width=cell, height=cell)
        if read and inside:
            element(dots, "circle", cx=x + cell / 2, cy=y + cell / 2, r=cell / 6)
        if not inside and cell >= FINEST:
            element(words, "text", "0", x=x + cell / 2, y=y + cell / 2 + 4)
    # A corner for the first pixel of every window: the stride.
    arm, inset = cell / 4, cell / 8
    starts = []
    for r, c in product(*(range(n) for n in _two(output, 1))):
        down, right = _two(spec.stride, 1)
        x, y = x0 + c * right * cell + inset, y0 + r * down * cell + inset
        starts.append(
            f"M{_svg.short(x)} {_svg.short(y + arm)}v{_svg.short(-arm)}h{_svg.short(arm)}"
        )
    element(picture, "path", d="".join(starts), class_="dsconv-starts")
    height, wide = (lines[a][-1] - lines[a][0] + 1 for a in (0, 1))
    element(
        picture, "rect", class_="dsconv-window", x=x0 + lines[1][0] * cell,
        y=y0 + lines[0][0] * cell, width=wide * cell, height=height * cell,
    )  # fmt: skip
    return picture, width


def _output(output: Sequence[int], place: Sequence[int], cell: float) -> tuple[ET.Element, float]:
    rows, columns = _two(output, 1)
    row, column = _two(place, 0)
    picture, x0, y0, width = _board(output, [(0, 0)] * len(output), cell, "output")
    cells = group(picture, "output")
    for r, c in product(range(rows), range(columns)):
        element(cells, "rect", x=x0 + c * cell, y=y0 + r * cell, width=cell, height=cell)
    x, y = x0 + column * cell, y0 + row * cell
    element(
        picture, "circle", cx=x + cell / 2, cy=y + cell / 2, r=cell / 6, stroke="none",
        fill="var(--dsconv-output)",
    )  # fmt: skip
    element(picture, "rect", class_="dsconv-window", x=x, y=y, width=cell, height=cell)
    return picture, width


def _board(
    size: Sequence[int], pads: Sequence[tuple[int, int]], cell: float, role: str
) -> tuple[ET.Element, float, float, float]:
    """Return a picture with the sizes at its sides, and where the cells start."""
    prime = "" if role == "input" else "′"
    letters = [f"L{prime}"] if len(size) == 1 else [f"H{prime}", f"W{prime}"]
    sides = [
        [(b, f"+{b}"), (n, f"{letter} = {n}"), (a, f"+{a}")]
        for letter, n, (b, a) in zip(letters, size, pads, strict=True)
    ]
    down, along = ([], sides[0]) if len(sides) == 1 else sides
    x0 = EDGE + (max(text_width(name) for n, name in down if n) + GAP + 4 if down else 0)
    y0 = TOP
    rows = sum(n for n, _ in down) or 1
    columns = sum(n for n, _ in along)
    # A size may be wider than its few cells; then it stands above without its letter.
    width = x0 + columns * cell + EDGE + (12 if columns * cell < 60 else 0)
    picture = _svg.canvas(width, y0 + rows * cell + EDGE, "")
    lines = []
    names = group(picture, "quiet")
    position = x0
    for n, name in along:
        if n:
            text = name if text_width(name) <= n * cell else name.split(" = ")[-1]
            middle = position + n * cell / 2
            element(names, "text", text, x=middle, y=y0 - GAP - 6, text_anchor="middle")
            lines.append(_span(position + 1, y0 - GAP, n * cell - 2, "h"))
            position += n * cell
    position = y0
    for n, name in down:
        if n:
            middle = position + n * cell / 2
            element(names, "text", name, x=x0 - GAP - 4, y=middle + 4.6, text_anchor="end")
            lines.append(_span(x0 - GAP, position + 1, n * cell - 2, "v"))
            position += n * cell
    element(picture, "path", d="".join(lines), class_="dsconv-dims")
    return picture, x0, y0, width


def _span(x: float, y: float, length: float, direction: str) -> str:
    """Return a line with a tick at both ends."""
    a, b, n = _svg.short(x), _svg.short(y), _svg.short(length)
    if direction == "h":
        return f"M{a} {_svg.short(y - 3)}v6M{a} {b}h{n}m0 -3v6"
    return f"M{_svg.short(x - 3)} {b}h6M{a} {b}v{n}m-3 0h6"


def _alt(
    spec: ConvSpec,
    size: Sequence[int],
    pads: Sequence[tuple[int, int]],
    place: Sequence[int],
    reads: Sequence[Sequence[int]],
) -> str:
    names = ("rows", "columns") if spec.axes == 2 else ("places",)
    numbers = [
        f"{name} {_words.listed([number_text(r - before) for r in lines])}"
        for name, lines, (before, _) in zip(names, reads, pads, strict=True)
    ]
    outside = [
        name
        for name, lines, n, (before, _) in zip(names, reads, size, pads, strict=True)
        if any(not 0 <= r - before < n for r in lines)
    ]
    around = " and ".join(
        f"{before} before and {after} after its {name}"
        for name, (before, after) in zip(names, pads, strict=True)
    )
    zeros = f", with zeros: {around}" if any(map(any, pads)) else ""
    beyond = f"; what lies outside the input's {' and '.join(outside)} is zero" if outside else ""
    apart = f" Taps are {_every(spec.dilation)} apart." if set(spec.dilation) != {1} else ""
    return (
        f"Input of {_words.shape(*size)} pixels{zeros}. Output position {_at(place)} reads "
        f"{' and '.join(numbers)}{beyond}. A window starts every {_every(spec.stride)}.{apart}"
    )


def _every(steps: Sequence[int]) -> str:
    """Return "2 pixels", or "2 pixels down and 1 across"."""
    if len(set(steps)) == 1:
        return "pixel" if steps[0] == 1 else f"{steps[0]} pixels"
    return f"{_words.many(steps[0], 'pixel')} down and {steps[1]} across"


__all__ = ["taps"]
