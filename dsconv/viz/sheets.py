"""Maps as sheets in depth, and the window through the channels that one output number reads."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple
from xml.etree import ElementTree as ET

from dsconv.geometry import ConvSpec, Shape, Sizes, per_axis
from dsconv.viz import _svg, _words
from dsconv.viz._svg import Alt, Drawing, element, group, text_width
from dsconv.viz._words import Chain, Layer

MOST = 6  # Sheets of a stack; of more channels the first four and the last, with dots between.
FIRST = 4

CELL, FINEST = 12.0, 4.0  # pixels; below the finest no grid is drawn
LARGEST = (92.0, 112.0)  # pixels, height and width of a sheet
BACK = (10.0, 8.0)  # pixels right and up from one sheet to the next
GAP, MARGIN, FOOT = 30.0, 3.0, 42.0


class Stack(NamedTuple):
    """One stack of maps: where it stands, and what is marked on its sheets."""

    channels: int
    size: tuple[int, int]  # rows and columns; a 1-D map is one row
    shape: Shape
    left: float
    bottom: float
    cell: float
    role: str

    @property
    def slots(self) -> list[int | None]:
        """Channels drawn from front to back; None is a gap with dots."""
        if self.channels <= MOST:
            return list(range(self.channels))
        return [*range(FIRST), None, self.channels - 1]

    def slot(self, channel: int) -> int:
        """Where in depth a channel stands, or the gap it falls into."""
        slots = self.slots
        return slots.index(channel) if channel in slots else FIRST

    def corner(self, row: float, column: float, slot: int = 0) -> tuple[float, float]:
        """Pixels of the top left corner of a place on the sheet in this slot."""
        top = self.bottom - self.size[0] * self.cell
        return (
            self.left + column * self.cell + slot * BACK[0],
            top + row * self.cell - slot * BACK[1],
        )


def sheets(
    *layers: Layer,
    input_size: Sizes,
    titles: Sequence[str] | None = None,
    alt: Alt = None,
) -> Drawing:
    """Draw maps as sheets in depth, and what one number of the output reads.

    Channels go backwards, height down, width right. The window is a prism through every
    channel that it reads; dashed lines lead to the one number it gives. A chain has a stack
    of sheets for what lies between.

    Parameters
    ----------
    *layers : ConvSpec or sequence of ConvSpec
        One panel for each. A sequence is a chain: layers that run one after another.
    input_size : int or tuple of int
        (H, W), or (L,) for 1-D layers, in pixels; of the first layer of each chain.
    titles : sequence of str, optional
        What stands over each panel; by default made from the specs.
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for the figure, or one for each
        panel. By default made from the specs.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If a layer is no ConvSpec, a size no integer, or a title or alt no text.
    ValueError
        If there is no layer, a chain does not pass on its channels, a kernel does not fit,
        or titles or alt are not as many as the layers.

    Notes
    -----
    Up to six sheets are drawn; of more channels the first four and the last, with dots
    between. The shapes beneath, C × H × W, are the true ones. All panels have one scale.

    Examples
    --------
    >>> sheets(ConvSpec(3, 5, 3), ConvSpec.depthwise(3, 3), input_size=(6, 8))
    <Drawing>
    """
    chains = _words.chains(layers)
    heads = _words.titles(titles, chains)
    shapes = [_shapes(chain, input_size) for chain in chains]
    sizes = [_rows_columns(shape) for maps in shapes for shape in maps]
    cell = min(CELL, *(LARGEST[a] / max(size[a] for size in sizes) for a in (0, 1)))
    row, pictures = _svg.row(), []
    for chain, head, maps in zip(chains, heads, shapes, strict=True):
        picture, width = _picture(chain, head, maps, cell)
        pictures.append(picture)
        _svg.panel(row, picture, width, title=head, note=_note(chain), below=_weight_shapes(chain))
    _svg.use_alt(pictures, alt)
    return Drawing(row)


def _shapes(chain: Chain, input_size: Sizes) -> list[Shape]:
    """Return (C, H, W) of the input and of what each layer gives."""
    size = chain[0].output_size(input_size)
    given = per_axis("input_size", input_size, chain[0].axes, minimum=1)
    shapes = [(chain[0].in_channels, *given), (chain[0].out_channels, *size)]
    for spec in chain[1:]:
        size = spec.output_size(size)
        shapes.append((spec.out_channels, *size))
    return shapes


def _rows_columns(shape: Shape) -> tuple[int, int]:
    return (1, shape[1]) if len(shape) == 2 else (shape[1], shape[2])


def _picture(
    chain: Chain, head: str, maps: Sequence[Shape], cell: float
) -> tuple[ET.Element, float]:
    names = ["input", *["between"] * (len(maps) - 2), "output"]
    windows = _windows(chain, maps)
    up = max(_rows_columns(shape)[0] * cell + BACK[1] * (min(shape[0], MOST) - 1) for shape in maps)
    # A window over padding reaches beyond its sheet; it needs room too.
    beyond = max(0.0, *(-cell * corner for _, (_, corner), _ in windows))
    bottom = MARGIN + up + beyond
    stacks, middles, left = [], [], MARGIN + beyond
    for shape, name in zip(maps, names, strict=True):
        size = _rows_columns(shape)
        role = "middle" if name == "between" else name
        width = size[1] * cell + BACK[0] * (min(shape[0], MOST) - 1)
        label = max(text_width(_words.shape(*shape)), width)
        left += (label - width) / 2
        stacks.append(Stack(shape[0], size, shape, left, bottom, cell, role))
        middles.append(left + width / 2)
        left += width + (label - width) / 2 + GAP
    width = left - GAP + MARGIN
    picture = _svg.canvas(width, bottom + FOOT, _alt(chain, head, maps))
    for stack, x, name in zip(stacks, middles, names, strict=True):
        _draw_stack(picture, stack)
        shapes = group(picture, "middled", "strong")
        element(shapes, "text", _words.shape(*stack.shape), x=x, y=bottom + 20)
        words = group(picture, "middled", "quiet")
        element(words, "text", name, x=x, y=bottom + 37)
    for spec, window, source, target in zip(chain, windows, stacks, stacks[1:], strict=False):
        _draw_window(picture, spec, window, source, target)
    return picture, width


def _windows(
    chain: Chain, maps: Sequence[Shape]
) -> list[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
    """Return for each layer the place of its number, its window's corner and its span.

    The last number stands in the middle of its map; each layer before gives the number in
    the middle of the next layer's window.
    """
    rows, columns = _rows_columns(maps[-1])
    place = ((rows - 1) // 2, (columns - 1) // 2)
    windows = []
    for spec, shape in zip(reversed(chain), reversed(maps[:-1]), strict=True):
        size = _rows_columns(shape)
        stride, span, pads = spec.stride, spec.span, spec.pads(shape[1:])
        if spec.axes == 1:
            stride, span, pads = (1, *stride), (1, *span), ((0, 0), *pads)
        corner = tuple(
            p * s - before for p, s, (before, _) in zip(place, stride, pads, strict=True)
        )
        windows.append((place, (corner[0], corner[1]), (span[0], span[1])))
        middle = [c + (n - 1) // 2 for c, n in zip(corner, span, strict=True)]
        place = (
            min(max(middle[0], 0), size[0] - 1),
            min(max(middle[1], 0), size[1] - 1),
        )
    return windows[::-1]


def _draw_stack(picture: ET.Element, stack: Stack) -> None:
    rows, columns = stack.size
    height, width = rows * stack.cell, columns * stack.cell
    maps = group(picture, stack.role)
    for slot in reversed(range(len(stack.slots))):
        if stack.slots[slot] is None:
            continue
        x, y = stack.corner(0, 0, slot)
        element(maps, "rect", x=x, y=y, width=width, height=height, stroke_width=1.3)
        if stack.cell < FINEST:
            continue
        lines = [f"M{_svg.short(x + c * stack.cell)} {_svg.short(y)}v{_svg.short(height)}"
                 for c in range(1, columns)]  # fmt: skip
        lines += [f"M{_svg.short(x)} {_svg.short(y + r * stack.cell)}h{_svg.short(width)}"
                  for r in range(1, rows)]  # fmt: skip
        if lines:
            element(maps, "path", d="".join(lines), class_="dsconv-grid")
    if None in stack.slots:
        # In the gap between the fourth sheet and the last, at the two corners that stand free.
        dots = group(picture, "dots")
        for row, column in ((0, 0), (rows, columns)):
            x, y = stack.corner(row, column, FIRST)
            for step in (-0.45, 0.0, 0.45):
                element(dots, "circle", cx=x + step * BACK[0], cy=y - step * BACK[1], r=1.3)


def _draw_window(
    picture: ET.Element,
    spec: ConvSpec,
    window: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
    source: Stack,
    target: Stack,
) -> None:
    place, (row, column), (height, width) = window
    depth = source.slot(spec.in_channels // spec.groups - 1)
    front = [
        source.corner(row + r, column + c)
        for r, c in ((0, 0), (0, width), (height, width), (height, 0))
    ]
    back = [
        source.corner(row + r, column + c, depth)
        for r, c in ((0, 0), (0, width), (height, width), (height, 0))
    ]
    prism = group(picture, "prism")
    if depth:
        element(prism, "path", d=_polygon([front[0], back[0], back[1], front[1]]))
        element(prism, "path", d=_polygon([front[1], back[1], back[2], front[2]]))
    element(prism, "path", d=_polygon(front))
    number = [
        target.corner(place[0] + r, place[1] + c) for r, c in ((0, 0), (0, 1), (1, 1), (1, 0))
    ]
    leads = group(picture, "leads")
    for start, end in ((front[1], number[0]), (front[2], number[3])):
        (x1, y1), (x2, y2) = start, end
        element(leads, "line", x1=x1, y1=y1, x2=x2, y2=y2)
    element(prism, "path", d=_polygon(number))


def _polygon(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_svg.short(x)} {_svg.short(y)}" for x, y in points) + "Z"


def _reads(spec: ConvSpec) -> str:
    window = "one pixel" if prod(spec.kernel_size) == 1 else "a window"
    channels = spec.in_channels // spec.groups
    if channels == 1:
        return f"{window} of one channel"
    if channels == spec.in_channels:
        return f"{window} of every channel"
    return f"{window} of {channels} of {spec.in_channels} channels"


def _note(chain: Chain) -> str:
    return ", then ".join(map(_reads, chain))


def _weight_shapes(chain: Chain) -> str:
    return " and ".join(_words.shape(*spec.weight_shape) for spec in chain) + " weights"


def _alt(chain: Chain, head: str, maps: Sequence[Shape]) -> str:
    """Say what is drawn: stacks from left to right, and what a number reads."""
    stacks = [f"an input of {_words.shape(*maps[0])}"]
    for index, (spec, shape) in enumerate(zip(chain, maps[1:], strict=True)):
        place = "an output" if index == len(chain) - 1 else "maps between"
        span = "×".join(map(str, spec.span))
        window = f", {span} pixels," if prod(spec.kernel_size) > 1 else ""
        stacks.append(
            f"{_reads(spec)}{window} leads to one number of {place} of {_words.shape(*shape)}"
        )
    axes = "channels × height × width" if chain[0].axes == 2 else "channels × length"
    return f"Sheets, {head}: {'; '.join(stacks)} ({axes})."


__all__ = ["sheets"]
