"""How far one channel gets through layers that are grouped, or shuffled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

from dsconv.geometry import ConvSpec, whole_number
from dsconv.viz import _svg
from dsconv.viz._svg import Alt, Drawing, element, group
from dsconv.viz._words import listed, many

Order: TypeAlias = tuple[int, ...]
Link: TypeAlias = "ConvSpec | Order"

MOST = 16  # channels of a column

NODE, PITCH, COLUMN = 14, 22.0, 58.0
TOP, MARGIN, FOOT = 4.0, 22.0, 6.0


def reach(
    *chains: ConvSpec | Sequence[ConvSpec | Sequence[int]],
    channel: int = 0,
    titles: Sequence[str] | None = None,
    alt: Alt = None,
) -> Drawing:
    """Draw which channels one input channel gets to, layer by layer.

    A channel is reached if a wire leads to it from a reached one. Reached channels are filled,
    the wires between them drawn strongly; the others are faint. A shuffle has no weights, so
    its wires are grey.

    Parameters
    ----------
    *chains : ConvSpec or sequence
        One panel for each: layers that run one after another. An entry that is no ConvSpec is
        a shuffle, a sequence of whole numbers: place n gets channel ``order[n]``.
    channel : int, optional
        The input channel to follow, from 0.
    titles : sequence of str, optional
        What stands over each panel; by default made from the layers.
    alt : str or sequence of str, optional
        What is seen, for those who do not see it: one text for the figure, or one for each
        panel. By default made from the layers.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError
        If an entry is neither a ConvSpec nor a sequence of whole numbers, or a title no text.
    ValueError
        If there is no layer, a chain does not pass on its channels, a shuffle does not hold
        every channel once, a layer has more than 16 channels, or there is no such channel.

    See Also
    --------
    wiring : the same wires, as thick as they have weights.

    Examples
    --------
    >>> halves, thirds = (ConvSpec(6, 6, (1,), groups=G) for G in (2, 3))
    >>> reach((halves, thirds), (halves, [0, 3, 1, 4, 2, 5], halves))
    <Drawing>
    """
    if not chains:
        msg = "reach must have at least one layer, a ConvSpec. Received: none"
        raise ValueError(msg)
    given = [_chain(f"chains[{index}]", chain) for index, chain in enumerate(chains)]
    start = whole_number("channel", channel, minimum=0)
    for links in given:
        if start >= (inputs := _ends(links[0])[0]):
            msg = f"channel must be below the input channels ({inputs}). Received: {channel=}"
            raise ValueError(msg)
    heads = (
        [_title(links) for links in given]
        if titles is None
        else _svg.texts("titles", titles, len(given))
    )
    row, pictures = _svg.row(), []
    for links, head in zip(given, heads, strict=True):
        reached = _reached(links, start)
        picture, width = _picture(links, reached, head)
        pictures.append(picture)
        last = _ends(links[-1])[1]
        below = f"channel {start} reaches {len(reached[-1])} of {last}"
        _svg.panel(row, picture, width, title=head, below=below)
    _svg.use_alt(pictures, alt)
    return Drawing(row)


def _chain(name: str, chain: Any) -> list[Link]:
    """Return a chain's layers and shuffles, checked."""
    entries = (chain,) if isinstance(chain, ConvSpec) else chain
    if not isinstance(entries, tuple | list) or not entries:
        msg = f"{name} must be a ConvSpec or a tuple or list of them. Received: {name}={chain!r}"
        raise TypeError(msg)
    links = [_link(f"{name}[{index}]", entry) for index, entry in enumerate(entries)]
    for index, (first, second) in enumerate(pairwise(links)):
        outputs, inputs = _ends(first)[1], _ends(second)[0]
        if outputs != inputs:
            msg = (
                f"{name}[{index}] must pass on as many channels as {name}[{index + 1}] reads. "
                f"Received: {outputs} and {inputs}"
            )
            raise ValueError(msg)
    return links


def _link(name: str, entry: Any) -> Link:
    if isinstance(entry, ConvSpec):
        link: Link = entry
    elif isinstance(entry, tuple | list):
        link = tuple(whole_number(f"{name}[{i}]", n, minimum=0) for i, n in enumerate(entry))
        if sorted(link) != list(range(len(link))) or not link:
            msg = f"{name}, a shuffle, must hold every channel once. Received: {name}={entry!r}"
            raise ValueError(msg)
    else:
        msg = (
            f"{name} must be a ConvSpec, or a tuple or list of whole numbers. "
            f"Received: {name}={entry!r}"
        )
        raise TypeError(msg)
    if max(_ends(link)) > MOST:
        msg = f"reach draws at most {MOST} channels. Received: {max(_ends(link))} in {name}"
        raise ValueError(msg)
    return link


def _ends(link: Link) -> tuple[int, int]:
    """Return the numbers of channels before and after."""
    if isinstance(link, ConvSpec):
        return link.in_channels, link.out_channels
    return len(link), len(link)


def _sources(link: Link, n: int) -> Collection[int]:
    """Return the channels that channel n reads."""
    if isinstance(link, ConvSpec):
        inputs, outputs = link.in_channels // link.groups, link.out_channels // link.groups
        return range(n // outputs * inputs, (n // outputs + 1) * inputs)
    return (link[n],)


def _reached(links: Sequence[Link], start: int) -> list[set[int]]:
    """Return the channels that are reached: before the first layer, then behind each."""
    reached = [{start}]
    for link in links:
        before, outputs = reached[-1], _ends(link)[1]
        reached.append({n for n in range(outputs) if before.intersection(_sources(link, n))})
    return reached


def _picture(
    links: Sequence[Link], reached: Sequence[set[int]], head: str
) -> tuple[ET.Element, float]:
    counts = [_ends(links[0])[0], *(_ends(link)[1] for link in links)]
    height = PITCH * max(counts)
    width = 2 * MARGIN + COLUMN * len(links)
    picture = _svg.canvas(width, TOP + height + FOOT, _alt(links, reached, head))
    columns = [MARGIN + COLUMN * index for index in range(len(counts))]
    places = [
        [TOP + (n + 0.5) * height / count for n in range(count)]  # spread over one height
        for count in counts
    ]
    faint = element(picture, "g", fill="none", stroke="var(--dsconv-middle)", stroke_opacity=0.28)
    moved = element(
        picture, "g", class_="dsconv-moved", fill="none", stroke="var(--dsconv-ink)",
        stroke_width=1.4,
    )  # fmt: skip
    strong = element(group(picture, "wires"), "g", stroke_width=2.2, stroke_opacity=0.9)
    for index, link in enumerate(links):
        for n, end in enumerate(places[index + 1]):
            for m in _sources(link, n):
                layer = strong if isinstance(link, ConvSpec) else moved
                parent = layer if m in reached[index] else faint
                ends = (columns[index : index + 2], (places[index][m], end))
                element(parent, "path", d=_wire(*ends))
    last = len(counts) - 1
    for index, x in enumerate(columns):
        role = "input" if index == 0 else "output" if index == last else "middle"
        filled, empty = group(picture, role), group(picture, role, "empty")
        for n, y in enumerate(places[index]):
            element(
                filled if n in reached[index] else empty, "rect", x=x - NODE / 2, y=y - NODE / 2,
                width=NODE, height=NODE, rx=3, stroke_width=1.8,
            )  # fmt: skip
    names = group(picture, "small", "quiet", "middled")
    for x, side in ((4.0, places[0]), (width - 4, places[-1])):
        for n, y in enumerate(side):
            element(names, "text", str(n), x=x, y=y + 4)
    return picture, width


def _wire(columns: Sequence[float], heights: Sequence[float]) -> str:
    left, right = columns[0] + NODE / 2, columns[1] - NODE / 2
    middle = (left + right) / 2
    x0, y0, *curve = map(
        _svg.short, [left, heights[0], middle, heights[0], middle, heights[1], right, heights[1]]
    )
    return f"M{x0} {y0}C{' '.join(curve)}"


def _name(link: Link) -> str:
    if not isinstance(link, ConvSpec):
        return "shuffle"
    return "no groups" if link.groups == 1 else f"{link.groups} groups"


def _title(links: Sequence[Link]) -> str:
    """Return "2 groups, then shuffle, then 2 groups"."""
    joined = ", then ".join(map(_name, links))
    return joined[0].upper() + joined[1:]


def _alt(links: Sequence[Link], reached: Sequence[set[int]], head: str) -> str:
    inputs = many(_ends(links[0])[0], "channel")
    steps = [
        f"behind layer {index} ({_name(link)}) {_channels(found)}"
        for index, (link, found) in enumerate(zip(links, reached[1:], strict=True), start=1)
    ]
    last = _ends(links[-1])[1]
    return (
        f"Reach, {head}: {inputs} on the left, followed from {_channels(reached[0])}. Reached are "
        f"{'; '.join(steps)}: {len(reached[-1])} of {last} outputs."
    )


def _channels(found: set[int]) -> str:
    numbers = [str(n) for n in sorted(found)]
    return f"channel{'' if len(numbers) == 1 else 's'} {listed(numbers)}"


__all__ = ["reach"]
