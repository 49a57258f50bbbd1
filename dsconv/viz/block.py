"""What is inside a block: its layers as wires, the maps between them as long as their channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod, sqrt
from typing import Any, NamedTuple, TypeAlias
from xml.etree import ElementTree as ET

from dsconv.architectures import Layer, Network
from dsconv.cost.network import layer_row
from dsconv.geometry import ConvSpec, Shape
from dsconv.viz import _svg
from dsconv.viz._blocks import (
    KINDS,
    SHORT,
    axes_words,
    checked,
    kernel_words,
    map_size,
    stride_words,
)
from dsconv.viz._svg import Alt, Drawing, element, group, text_width
from dsconv.viz._words import many

Layers: TypeAlias = "Network | Sequence[Layer]"

BAR = 104.0  # pixels of the most channels
THICK = (3.0, 12.0)  # of a map: of one place, and of the most
LINE = 17.0  # from a line of text to the next
PITCH = 13.0  # between wires, at least
MAP = 16.0  # height of the strip in which a map and its size stand
LANE, MARGIN, GAP, TOP = 15.0, 4.0, 12.0, 3.0
ADDED = 34.0  # height of an addition
SUMS = 48.0  # height of the sums of MACs and weights
RADIUS = 8.0

NAMES = {
    "global_average_pool": "mean of each map",
    "add": "shortcut added",
    "multiply": "scales the maps",
}


def block(
    layers: Layers | Sequence[tuple[str, Layers]],
    *names: str,
    titles: Sequence[str] | None = None,
    alt: Alt = None,
) -> Drawing:
    """Draw what is inside blocks, each from top to bottom.

    A map is a bar as long as it has channels, on one scale for the whole figure. The wires
    between two bars are a layer: one for each channel where it is depthwise, from all to all
    where it is pointwise or standard, grey where it has no weights. A shortcut is an arc to the
    addition, a squeeze-and-excite an arc to the product.

    Parameters
    ----------
    layers : Network, or sequence of Layer, or of (title, layers)
        Where the blocks are; several networks with their titles, one for each name, or all for
        one name.
    *names : str
        One panel for each: what its layers' names begin with, such as "block2".
    titles : sequence of str, optional
        What stands over each panel; by default the names.
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for the figure, or one for each
        panel. By default made from the layers.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If `layers` are no layers, or a name, title or alt no text.
    ValueError
        If there is no name, a name has no layers, a layer reads from where no arc leads, or
        networks, titles or alt are not as many as the names.

    See Also
    --------
    network : all blocks, with their costs.
    wiring : every wire of a layer, as thick as it has weights.

    Notes
    -----
    Wires stand for many: there are about eight on a bar, thick where a kernel has many
    numbers, thin where it has one. `wiring` draws them all, to scale. A bar is as thick as the
    square root of the places of its map.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS
    >>> block(NETWORKS["mobilenet_v2"], "block2", "block3")
    <Drawing>
    """
    chosen = _choose(layers, names)
    heads = (
        [title for title, _ in chosen]
        if titles is None
        else _svg.texts("titles", titles, len(chosen))
    )
    flows = [_flow(inside) for _, inside in chosen]
    plan = _Plan(flows)
    row, pictures = _svg.row(), []
    row.set("style", "align-items:flex-start")  # all begin at one height
    for flow, head, (_, inside) in zip(flows, heads, chosen, strict=True):
        picture = _picture(flow, head, plan)
        pictures.append(picture)
        sums = group(picture, "middled")
        bottom = plan.tops(flow)[-1] + MAP
        for index, words in enumerate(_costs(inside)):
            element(sums, "text", words, x=plan.width / 2, y=bottom + 26 + LINE * index)
        _svg.panel(row, picture, plan.width, title=head)
    _svg.use_alt(pictures, alt)
    return Drawing(row)


def _costs(layers: Sequence[Layer]) -> list[str]:
    """Return the sums of MACs and of weights, in words."""
    costs = [layer_row(layer) for layer in layers if layer.spec is not None]
    if not costs:
        return ["no weights"]
    sums = sum(cost.macs for cost in costs), sum(cost.parameters for cost in costs)
    return [many(number, word) for number, word in zip(sums, ("MAC", "weight"), strict=True)]


def _choose(layers: Any, names: Sequence[str]) -> list[tuple[str, tuple[Layer, ...]]]:
    """Return the title and the layers of each panel."""
    if not names:
        msg = 'block must have at least one name, such as "block1". Received: none'
        raise ValueError(msg)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            msg = f"names[{index}] must be a text. Received: names[{index}]={name!r}"
            raise TypeError(msg)
    if not _titled(layers):
        walked = checked("layers", layers)
        return [(name, _inside(walked, name)) for name in names]
    wanted = list(names) * len(layers) if len(names) == 1 else list(names)
    if len(wanted) != len(layers):
        msg = (
            "there must be one name for all networks, or one for each. "
            f"Received: {len(layers)} networks and {len(names)} names"
        )
        raise ValueError(msg)
    return [
        (f"{title}, {name}", _inside(checked(f"layers[{index}]", given), name))
        for index, ((title, given), name) in enumerate(zip(layers, wanted, strict=True))
    ]


def _titled(layers: Any) -> bool:
    return (
        isinstance(layers, tuple | list)
        and bool(layers)
        and all(isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], str) for x in layers)
    )


def _inside(layers: Sequence[Layer], name: str) -> tuple[Layer, ...]:
    found = tuple(x for x in layers if x.name == name or x.name.startswith(f"{name}."))
    if not found:
        first = dict.fromkeys(layer.name.split(".")[0] for layer in layers)
        msg = f"a name must be one of {', '.join(first)}, or longer. Received: {name!r}"
        raise ValueError(msg)
    return found


# --- From layers to a flow ------------------------------------------------------------


class _Step(NamedTuple):
    """A layer that makes a new map, with the norms and activations around it, in words."""

    layer: Layer
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def joins(self) -> bool:
        return self.layer.kind in ("add", "multiply")

    @property
    def name(self) -> str:
        return _name(self.layer)

    @property
    def lines(self) -> list[tuple[str, bool]]:
        """The texts beside the step, and whether each is the name."""
        spec = self.layer.spec or self.layer.window
        lines = [(f"{word}, then", False) for word in self.before]
        lines.append((self.name, True))
        if spec is not None:
            details = [stride_words(spec.stride), *_extras(spec, self.layer.kind)]
            lines += [(", ".join(words), False)] if (words := list(filter(None, details))) else []
        if self.after:
            lines.append((", ".join(self.after), False))
        return lines


class _Skip(NamedTuple):
    """What leads past the main path: from bar `start` to step `end`."""

    start: int
    end: int
    steps: tuple[_Step, ...]


class _Flow(NamedTuple):
    """The main path of a block, and what leads past it."""

    shapes: tuple[Shape, ...]  # one more than steps
    steps: tuple[_Step, ...]
    skips: tuple[_Skip, ...]


def _name(layer: Layer) -> str:
    spec, window = layer.spec, layer.window
    if spec is not None:
        word = KINDS[layer.kind]
        if word == "dense":
            return word
        if prod(spec.kernel_size) == 1:  # grouped or not
            return "1×1 pointwise" if spec.axes == 2 else "pointwise"
        return f"{kernel_words(spec)} {word}" if spec.axes == 2 else f"{word}, {kernel_words(spec)}"
    if layer.kind == "max_pool" and window is not None:
        return f"{kernel_words(window)} max pool"
    return NAMES.get(layer.kind) or SHORT.get(layer.kind) or layer.kind.replace("_", " ")


def _extras(spec: ConvSpec, kind: str) -> list[str]:
    extras = []
    if max(spec.dilation) > 1:
        extras.append(f"dilation {'×'.join(map(str, dict.fromkeys(spec.dilation)))}")
    if kind == "grouped_conv":
        extras.append(f"{spec.groups} groups")
    return extras


def _flow(layers: Sequence[Layer]) -> _Flow:
    inside = {layer.name: layer for layer in layers}
    main = _path(inside, layers[-1].name, ())
    steps, bars = _steps(main)
    entry = _reads(main[0])
    bars[entry] = 0
    skips = []
    for index, step in enumerate(steps):
        if not step.joins:
            continue
        for name in step.layer.inputs:
            if name == _reads(step.layer):
                continue
            side = _path(inside, name, bars)
            start = _reads(side[0]) if side else name
            if start not in bars:
                msg = (
                    "a block's layers must read the block's input or each other. "
                    f"Received: {step.layer.name} reads {start}"
                )
                raise ValueError(msg)
            skips.append(_Skip(bars[start], index, tuple(_steps(side)[0])))
    shapes = [main[0].input_shape, *(step.layer.output_shape for step in steps)]
    return _Flow(tuple(shapes), tuple(steps), tuple(skips))


def _reads(layer: Layer) -> str:
    """Return the input on the main path: of a product its factors, otherwise the first."""
    return layer.inputs[-1] if layer.kind == "multiply" else layer.inputs[0]


def _path(inside: dict[str, Layer], name: str, known: Any) -> list[Layer]:
    """Return the layers that lead to a name, back to the first that is known or outside."""
    path: list[Layer] = []
    while name in inside and name not in known:
        path.append(inside[name])
        name = _reads(inside[name])
    return path[::-1]


def _steps(path: Sequence[Layer]) -> tuple[list[_Step], dict[str, int]]:
    """Put norms and activations to the layer whose part they are.

    Also return, for each name, the bar that shows what it gives.
    """
    steps: list[_Step] = []
    waiting: list[Layer] = []
    bars: dict[str, int] = {}
    for layer in path:
        part = layer.name.rpartition(".")[0]
        if layer.kind in SHORT:
            if steps and not waiting and steps[-1].layer.name.startswith(f"{part}."):
                last = steps.pop()
                steps.append(last._replace(after=(*last.after, SHORT[layer.kind])))
                bars[layer.name] = len(steps)
            else:
                waiting.append(layer)
            continue
        steps.append(_Step(layer, tuple(SHORT[w.kind] for w in waiting), ()))
        bars[layer.name] = len(steps)
        waiting = []
    for layer in waiting:  # nothing follows that they could stand before
        steps.append(_Step(layer, (), ()))
        bars[layer.name] = len(steps)
    return steps, bars


# --- Drawing --------------------------------------------------------------------------


class _Plan:
    """What all panels share: the scale of the maps, and the columns."""

    def __init__(self, flows: Sequence[_Flow]) -> None:
        shapes = [shape for flow in flows for shape in flow.shapes]
        skips = [skip for flow in flows for skip in flow.skips]
        texts = [text for flow in flows for step in flow.steps for text, _ in step.lines]
        self.length = BAR / max(shape[1] for shape in shapes)
        self.places = max(prod(shape[2:]) for shape in shapes)
        lanes = max((lane + 1 for flow in flows for lane in _lanes(flow.skips).values()), default=0)
        self.boxed = max((_box_width(skip) for skip in skips if skip.steps), default=0.0)
        self.left = MARGIN + max(LANE * lanes, LANE * (lanes - 1) + self.boxed)
        self.centre = self.left + BAR / 2
        self.column = self.left + BAR + GAP
        self.width = self.column + max(map(text_width, [*texts, *map(map_size, shapes)]))

    def bar(self, shape: Shape) -> tuple[float, float]:
        """Length and height of a map."""
        thin, thick = THICK
        return self.length * shape[1], thin + (thick - thin) * sqrt(prod(shape[2:]) / self.places)

    def tops(self, flow: _Flow) -> list[float]:
        """Where each map's strip begins; a layer stands between two."""
        tops = [TOP]
        for step in flow.steps:
            tops.append(tops[-1] + MAP + _height(step))
        return tops

    def lane(self, number: int, boxed: bool) -> float:
        """Where an arc runs down; one with a box runs through its middle."""
        return self.left - 4 - LANE * number - (self.boxed if boxed else LANE) / 2


def _height(step: _Step) -> float:
    return ADDED if step.joins else max(34.0, LINE * len(step.lines) + 8)


def _lanes(skips: Sequence[_Skip]) -> dict[_Skip, int]:
    """Give each arc a lane: short ones near the flow, none over another."""
    lanes: dict[_Skip, int] = {}
    for skip in sorted(skips, key=lambda s: (s.end - s.start, s.end)):
        taken = {
            lane
            for other, lane in lanes.items()
            if other.start <= skip.end and skip.start <= other.end
        }
        lanes[skip] = next(lane for lane in range(len(skips)) if lane not in taken)
    return lanes


def _picture(flow: _Flow, head: str, plan: _Plan) -> ET.Element:
    tops = plan.tops(flow)
    picture = _svg.canvas(plan.width, tops[-1] + MAP + SUMS, _alt(flow, head))
    middles = [top + MAP / 2 for top in tops]
    bars = [plan.bar(shape) for shape in flow.shapes]
    between = [(top + MAP + below) / 2 for top, below in pairwise(tops)]
    for index, step in enumerate(flow.steps):
        (above, high), (below, low) = bars[index : index + 2]
        ends = (middles[index] + high / 2, middles[index + 1] - low / 2)
        if step.joins:
            _join(picture, step, plan.centre, ends, between[index])
        else:
            _wires(picture, step.layer, plan.centre, ends, (above, below))
        _words(picture, step, plan.column, between[index])
    for skip, number in _lanes(flow.skips).items():
        begin = (plan.centre - bars[skip.start][0] / 2, middles[skip.start])
        end = (plan.centre - RADIUS, between[skip.end])
        _arc(picture, skip, plan.lane(number, bool(skip.steps)), begin, end)
    names = group(picture, "quiet")
    for index, (shape, middle, bar) in enumerate(zip(flow.shapes, middles, bars, strict=True)):
        last = index == len(flow.shapes) - 1
        maps = group(picture, "input" if index == 0 else "output" if last else "middle")
        element(
            maps, "rect", x=plan.centre - bar[0] / 2, y=middle - bar[1] / 2, width=bar[0],
            height=bar[1], stroke_width=1.3,
        )  # fmt: skip
        element(names, "text", map_size(shape), x=plan.column, y=middle + 4.6)
    return picture


def _words(picture: ET.Element, step: _Step, x: float, middle: float) -> None:
    y = middle - LINE * (len(step.lines) - 1) / 2 + 4.6
    for text, strong in step.lines:
        element(picture, "text", text, x=x, y=y, class_="dsconv-strong" if strong else None)
        y += LINE


def _places(length: float, channels: int, groups: int) -> list[float]:
    """Return where wires end on a bar, from its middle, equally many in each group."""
    number = groups * max(1, round(min(max(2, length / PITCH), channels) / groups))
    step = length / number
    return [(index + 0.5) * step - length / 2 for index in range(number)]


def _wires(
    picture: ET.Element,
    layer: Layer,
    centre: float,
    ends: Sequence[float],
    lengths: tuple[float, float],
) -> None:
    alone = layer.spec is None or layer.kind == "depthwise_conv"  # a wire for each channel
    groups = layer.spec.groups if layer.spec is not None and not alone else 1
    groups = min(groups, int(BAR / PITCH))
    above = _places(lengths[0], layer.input_shape[1], groups)
    below = _places(lengths[1], layer.output_shape[1], groups)
    if alone:
        number = min(len(above), len(below))
        pairs = list(zip(above[:number], below[:number], strict=True))
    else:
        pairs = [
            (x, z)
            for i, x in enumerate(above)
            for j, z in enumerate(below)
            if i * groups // len(above) == j * groups // len(below)
        ]
    if layer.spec is None:
        parent = element(
            group(picture, "moved"), "g", fill="none", stroke="var(--dsconv-middle)",
            stroke_width=1.2, stroke_dasharray="3 3",
        )  # fmt: skip
    else:
        taps = prod(layer.spec.kernel_size)
        thick = min(0.45 + 0.3 * taps, 5.0) if alone or taps == 1 else 1.6
        parent = element(group(picture, "wires"), "g", stroke_width=f"{thick:.4g}")
    bend = (ends[1] - ends[0]) / 2
    for x, z in pairs:
        path = [centre + x, ends[0], centre + x, ends[0] + bend, centre + z, ends[1] - bend,
                centre + z, ends[1]]  # fmt: skip
        x0, y0, *curve = map(_svg.short, path)
        element(parent, "path", d=f"M{x0} {y0}C{' '.join(curve)}")


def _join(
    picture: ET.Element, step: _Step, centre: float, ends: Sequence[float], middle: float
) -> None:
    """Draw a sum or a product: a sign in a circle on the flow."""
    signs = element(
        group(picture, "join"), "g", fill="none", stroke="var(--dsconv-ink)", stroke_width=1.5
    )
    for start, end in ((ends[0], middle - RADIUS), (middle + RADIUS, ends[1])):
        element(signs, "line", x1=centre, x2=centre, y1=start, y2=end)
    element(signs, "circle", cx=centre, cy=middle, r=RADIUS)
    x, y = _svg.short(centre), _svg.short(middle)
    turn = f"rotate(45 {x} {y})" if step.layer.kind == "multiply" else None
    d = f"M{_svg.short(centre - 4.5)} {y}h9m-4.5 -4.5v9"
    element(signs, "path", d=d, transform=turn)


def _box_lines(skip: _Skip) -> list[str]:
    lines = []
    for step in skip.steps:
        spec = step.layer.spec or step.layer.window
        words = [*step.before, *step.name.split(" "), stride_words(spec.stride) if spec else ""]
        lines += [word for word in (*words, *step.after) if word]
    return lines


def _box_width(skip: _Skip) -> float:
    return max(map(text_width, _box_lines(skip))) + 8


def _arc(
    picture: ET.Element,
    skip: _Skip,
    x: float,
    begin: tuple[float, float],
    end: tuple[float, float],
) -> None:
    """Draw a line around the layers, with its own layers in a box on the way."""
    marks = element(
        group(picture, "shortcut"), "g", fill="none", stroke="var(--dsconv-ink)", stroke_width=1.6
    )
    r, short = 7.0, _svg.short
    element(
        marks, "path",
        d=f"M{short(begin[0])} {short(begin[1])}H{short(x + r)}Q{short(x)} {short(begin[1])} "
        f"{short(x)} {short(begin[1] + r)}V{short(end[1] - r)}Q{short(x)} {short(end[1])} "
        f"{short(x + r)} {short(end[1])}H{short(end[0])}m-6 -4l6 4l-6 4",
    )  # fmt: skip
    if skip.steps:
        lines = _box_lines(skip)
        width, height = _box_width(skip), LINE * len(lines) + 8
        top = (begin[1] + end[1] - height) / 2
        boxes = group(picture, "kernel", "projection")
        element(
            boxes, "rect", x=x - width / 2, y=top, width=width, height=height, rx=3,
            stroke_width=1.4,
        )  # fmt: skip
        texts = group(picture, "middled")
        for index, line in enumerate(lines):
            element(texts, "text", line, x=x, y=top + 17 + LINE * index)


def _alt(flow: _Flow, head: str) -> str:
    """Say what is drawn: maps and layers from top to bottom, then what leads past them."""
    parts = [f"input {map_size(flow.shapes[0])}"]
    for step, shape in zip(flow.steps, flow.shapes[1:], strict=True):
        words = ", ".join(text.removesuffix(", then") for text, _ in step.lines)
        parts.append(f"{words}, giving {map_size(shape)}")
    arcs = []
    for skip in flow.skips:
        start = "the input" if skip.start == 0 else f"behind {flow.steps[skip.start - 1].name}"
        through = f" through {', '.join(_box_lines(skip))}" if skip.steps else ""
        sign = "product" if flow.steps[skip.end].layer.kind == "multiply" else "addition"
        arcs.append(f"An arc leads from {start}{through} to the {sign}.")
    return (
        f"Block, {head}, from top to bottom, {axes_words(flow.shapes[0])}: {'; '.join(parts)}. "
        f"{' '.join(arcs) or 'No shortcut.'}"
    )


__all__ = ["block"]
