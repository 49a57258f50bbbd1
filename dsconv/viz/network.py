"""A whole network, block by block: its maps, and where its work and its weights sit."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from xml.etree import ElementTree as ET

from dsconv.architectures import Layer, Network
from dsconv.cost.network import layer_row
from dsconv.geometry import Shape
from dsconv.viz import _svg
from dsconv.viz._blocks import (
    Block,
    Work,
    axes_words,
    blocks,
    checked,
    map_size,
    percent,
    run_name,
    runs,
    stride_words,
    work,
)
from dsconv.viz._svg import Alt, Drawing, element, group, text_width
from dsconv.viz._words import many

WIDTH = 430.0
LEFT = 92.0  # where texts and bars of the lines begin; the maps stand left of it
GAP = 12.0  # between the two columns of bars
COLUMNS = LEFT, (LEFT + WIDTH + GAP) / 2
LONGEST = (WIDTH - LEFT - GAP) / 2 - 64  # of a line's bar; "100.0 %" stands behind it
TOTAL, KEY = 46.0, 18.0  # pixels for a bar of the whole, and for a kind
LINE, EMPTY = 48.0, 36.0  # pixels from a line to the next, with and without bars
THICK, THIN = 18.0, 12.0  # of the bars of the whole, and of a line
SIDE, DEPTH = 36.0, 44.0  # pixels of the largest side and of the most channels
FLAT = 4.0  # pixels of height of a map of one axis
LEAN = 0.42  # a map's depth goes one pixel right and this far up
ARC = 12.0  # where shortcuts end; the maps stand right of it


def network(
    layers: Network | Sequence[Layer], *, title: str | None = None, alt: Alt = None
) -> Drawing:
    """Draw a network from top to bottom, one line a block.

    Above, its MACs and its weights as one bar each, split by kind of layer. Below, each block
    with the map that it gives and its shares of both. A map is a box: its front follows height
    and width, its depth the channels.

    Parameters
    ----------
    layers : Network or sequence of Layer
        A network is walked at its own input size; see `dsconv.architectures.walk` for others.
    title : str, optional
        What stands above; by default the network's title.
    alt : str, optional
        What is seen, for those who do not see it. By default made from the layers.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If `layers` are no layers, or a title or alt no text.
    ValueError
        If there is no layer, or none has weights.

    See Also
    --------
    block : what is inside one block.

    Notes
    -----
    A block is what shares the first part of its layers' names; equal neighbours are one line,
    with "×5". Weights are those of convolutions and dense layers with their biases, without
    norms, as in `dsconv.NetworkTotal`. The maps' sides and depths follow the square roots of
    their numbers.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS
    >>> network(NETWORKS["mobilenet_v1"])
    <Drawing>
    """
    walked = checked("layers", layers)
    if title is None:
        head = layers.title if isinstance(layers, Network) else ""
    else:
        head = _svg.texts("title", [title], 1)[0]
    whole = work(walked)
    totals = sum(whole.macs.values()), sum(whole.weights.values())
    if not totals[1]:
        msg = f"a network must have a layer with weights. Received: {walked[0].name}, ..."
        raise ValueError(msg)
    lines = [_Line(run) for run in runs(blocks(walked))]
    parameters = sum(layer_row(layer).parameters for layer in walked)
    label = _alt(walked[0].input_shape, lines, whole, totals, head)
    picture = _picture(walked[0].input_shape, lines, whole, totals, parameters, label)
    row = _svg.row()
    _svg.panel(row, picture, WIDTH, title=head or None)
    _svg.use_alt([picture], alt)
    return Drawing(row)


class _Line:
    """Equal blocks, one behind another."""

    def __init__(self, run: Sequence[Block]) -> None:
        self.block, self.times = run[0], len(run)
        self.name = run_name(run)
        self.work = work([layer for block in run for layer in block.layers])
        kinds = {layer.kind for layer in self.block.layers}
        self.shortcut = "add" in kinds
        marks = [
            stride_words(self.block.strides),
            "squeeze" if "multiply" in kinds else "",
            "shortcut" if self.shortcut else "",
        ]
        self.marks = ", ".join(filter(None, marks))

    @property
    def weighs(self) -> bool:
        return any(self.work.weights.values())


def _picture(
    input_shape: Shape,
    lines: Sequence[_Line],
    whole: Work,
    totals: tuple[int, int],
    parameters: int,
    label: str,
) -> ET.Element:
    kinds = [kind for kind, number in whole.weights.items() if number]
    top = 2 * TOTAL + KEY * len(kinds) + 46
    heights = [EMPTY, *(LINE if line.weighs else EMPTY for line in lines)]
    picture = _svg.canvas(WIDTH, top + sum(heights), label)
    for y, numbers, total, word in zip((0.0, TOTAL), whole, totals, ("MAC", "weight"), strict=True):
        element(group(picture, "strong"), "text", many(total, word), x=0, y=y + 13)
        _bar(picture, numbers, 0.0, y + 19, WIDTH / total, THICK)
    if parameters > totals[1]:
        words = f"{parameters:,} parameters with norms"
        element(
            group(picture, "quiet"), "text", words, x=WIDTH, y=TOTAL + 13, text_anchor="end"
        )  # fmt: skip
    for index, kind in enumerate(kinds):
        _key(picture, kind, 2 * TOTAL + KEY * index, whole, totals)

    names = group(picture, "quiet")
    for x, word in zip(COLUMNS, ("share of MACs", "share of weights"), strict=True):
        element(names, "text", word, x=x, y=top - 10)
    most = max(
        sum(numbers.values()) / total
        for line in lines
        for numbers, total in zip(line.work, totals, strict=True)
    )
    box = _Box(input_shape, lines)
    y, before = top, 0.0
    for index, (line, height) in enumerate(zip([None, *lines], heights, strict=True)):
        shape = input_shape if line is None else line.block.output_shape
        role = "input" if line is None else "output" if index == len(lines) else "middle"
        middle = y + height / 2 - 2
        if line is not None and line.shortcut:
            _arc(picture, before, middle)
        box.draw(picture, shape, middle, role)
        _texts(picture, line, shape, y)
        if line is not None:
            _shares(picture, line, y, totals, most)
        y, before = y + height, middle
    return picture


def _key(picture: ET.Element, kind: str, y: float, whole: Work, totals: tuple[int, int]) -> None:
    """Draw a kind's pattern, its name and its shares."""
    _fill(group(picture, "key"), kind, 0.0, y + 2, 26.0, THIN)
    element(picture, "text", kind, x=34, y=y + 13)
    for x, numbers, total, word in zip((245, 410), whole, totals, ("MACs", "weights"), strict=True):
        words = f"{percent(numbers[kind] / total)} of {word}"
        element(picture, "text", words, x=x, y=y + 13, text_anchor="end")


def _shares(
    picture: ET.Element, line: _Line, y: float, totals: tuple[int, int], most: float
) -> None:
    """Draw a line's two bars: a part for each kind, in each of its equal blocks."""
    for x, numbers, total in zip(COLUMNS, line.work, totals, strict=True):
        if not (amount := sum(numbers.values())):
            continue
        scale, end = LONGEST / most / total, x
        for _ in range(line.times):
            end = _bar(picture, numbers, end, y + 20, scale / line.times, THIN)
        element(picture, "text", percent(amount / total), x=end + 5, y=y + 30.5)


def _texts(picture: ET.Element, line: _Line | None, shape: Shape, y: float) -> None:
    times = f" ×{line.times}" if line and line.times > 1 else ""
    name = (line.name if line else "input") + times
    element(group(picture, "strong"), "text", name, x=LEFT, y=y + 13)
    quiet = group(picture, "quiet")
    # Sizes stand in a column, unless a name is long.
    x = max(LEFT + 98, LEFT + text_width(name) + 6)
    element(quiet, "text", map_size(shape), x=x, y=y + 13)
    if line and line.marks:
        element(quiet, "text", line.marks, x=WIDTH, y=y + 13, text_anchor="end")


# --- Bars -----------------------------------------------------------------------------


def _bar(
    picture: ET.Element, numbers: dict[str, int], x: float, y: float, scale: float, height: float
) -> float:
    """Draw a bar whose parts are as long as their numbers; return where it ends."""
    parts = group(picture, "shares")
    for kind, number in numbers.items():
        if number:
            _fill(parts, kind, x, y, scale * number, height)
            x += scale * number
    return x


def _fill(parent: ET.Element, kind: str, x: float, y: float, width: float, height: float) -> None:
    """Draw a rectangle in the pattern of a kind.

    Pointwise is solid, depthwise stands in stripes, one beside the other like its channels;
    standard is crossed, all to all; dense is grey.
    """
    tones = {"pointwise": "kernel", "standard": "kernel-glass", "dense": "middle"}
    element(
        parent, "rect", class_=f"dsconv-{kind}", x=x, y=y, width=width, height=height,
        fill=f"var(--dsconv-{tones.get(kind, 'kernel-fill')})", stroke="none",
    )  # fmt: skip
    lines = {
        "standard": _slanted(x, y, width, height, 1) + _slanted(x, y, width, height, -1),
        "depthwise": _upright(x, y, width, height),
        "grouped": _slanted(x, y, width, height, 1),
    }.get(kind, "")
    if lines:
        element(
            parent, "path", d=lines, fill="none", stroke="var(--dsconv-kernel)",
            stroke_width=1.2 if kind != "depthwise" else 2,
        )  # fmt: skip


def _upright(x: float, y: float, width: float, height: float) -> str:
    steps = int((width - 1) // 4) + 1 if width >= 2 else 0
    return "".join(
        f"M{_svg.short(x + 1 + 4 * i)} {_svg.short(y)}v{_svg.short(height)}" for i in range(steps)
    )


def _slanted(x: float, y: float, width: float, height: float, sign: int) -> str:
    """Return lines at 45 degrees that end at the sides of a rectangle."""
    paths = []
    for step in range(1, int((width + height) // 6) + 1):
        start, end = max(0.0, 6 * step - height), min(width, 6.0 * step)
        rise = [6 * step - start, 6 * step - end]  # heights above the lower edge
        y0, y1 = (y + height - r if sign > 0 else y + r for r in rise)
        if end > start:
            paths.append(
                f"M{_svg.short(x + start)} {_svg.short(y0)}L{_svg.short(x + end)} {_svg.short(y1)}"
            )
    return "".join(paths)


# --- Maps -----------------------------------------------------------------------------


class _Box:
    """Draws maps as boxes, on one scale for the whole network."""

    def __init__(self, input_shape: Shape, lines: Sequence[_Line]) -> None:
        shapes = [input_shape, *(line.block.output_shape for line in lines)]
        most = max(max(shape[2:], default=1) for shape in shapes)
        self.side = SIDE / sqrt(most)
        # A map of one axis is as deep at its beginning as at its end, and needs both widths.
        axes = len(input_shape) - 2
        self.depth = DEPTH / sqrt(max(shape[1] for shape in shapes)) * (1.0 if axes == 2 else 0.5)

    def draw(self, picture: ET.Element, shape: Shape, middle: float, role: str) -> None:
        sides = [self.side * sqrt(number) for number in shape[2:]] or [self.side, self.side]
        high, wide = sides if len(sides) == 2 else (FLAT, sides[0])
        right = self.depth * sqrt(shape[1])
        up = LEAN * right
        x = ARC + 8 + (LEFT - 10 - ARC - 8 - wide - right) / 2
        y = middle - (high - up) / 2  # of the front's upper left corner
        faces = element(
            group(picture, "map"), "g", class_=f"dsconv-{role}", stroke_width=1.2,
            stroke_linejoin="round",
        )  # fmt: skip
        element(faces, "path", d=_path((x, y), (right, -up), (wide, 0), (-right, up)))
        element(faces, "path", d=_path((x + wide, y), (right, -up), (0, high), (-right, up)))
        element(faces, "rect", x=x, y=y, width=wide, height=high)


def _path(start: tuple[float, float], *steps: tuple[float, float]) -> str:
    moves = "".join(f"l{_svg.short(dx)} {_svg.short(dy)}" for dx, dy in steps)
    return f"M{_svg.short(start[0])} {_svg.short(start[1])}{moves}Z"


def _arc(picture: ET.Element, start: float, end: float) -> None:
    """Draw a shortcut: from the map before, around the block, to an addition."""
    marks = element(
        group(picture, "shortcut"), "g", fill="none", stroke="var(--dsconv-ink)", stroke_width=1.5
    )
    radius, x = 5.5, ARC
    leave, stop = start + radius + 3, end - radius
    third = (stop - leave) / 3
    points = (x, leave, 1.0, leave + third, 1.0, stop - third, x, stop)
    x0, y0, *curve = map(_svg.short, points)
    element(marks, "path", d=f"M{x0} {y0}C{' '.join(curve)}")
    element(marks, "circle", cx=x, cy=end, r=radius)
    element(marks, "path", d=f"M{_svg.short(x - 3)} {_svg.short(end)}h6m-3 -3v6")


def _alt(
    input_shape: Shape, lines: Sequence[_Line], whole: Work, totals: tuple[int, int], head: str
) -> str:
    """Say what is drawn: the two bars, then the lines from top to bottom."""
    shares = [
        f"{kind} {percent(whole.macs[kind] / totals[0])} of MACs and "
        f"{percent(number / totals[1])} of weights"
        for kind, number in whole.weights.items()
        if number
    ]
    steps = [f"input {map_size(input_shape)}"]
    for line in lines:
        times = f", {line.times} times" if line.times > 1 else ""
        marks = f", {line.marks}" if line.marks else ""
        step = f"{line.name}{times}{marks}: {map_size(line.block.output_shape)}"
        if line.weighs:
            parts = [
                percent(sum(numbers.values()) / total)
                for numbers, total in zip(line.work, totals, strict=True)
            ]
            step += f", {parts[0]} of MACs, {parts[1]} of weights"
        steps.append(step)
    return (
        f"Network{', ' + head if head else ''}: {many(totals[0], 'MAC')} and "
        f"{many(totals[1], 'weight')}. By kind: {'; '.join(shares)}. From top to bottom, "
        f"{axes_words(input_shape)}: {'; '.join(steps)}."
    )


__all__ = ["network"]
