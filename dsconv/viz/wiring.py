"""Channels as nodes, kernels as wires: the amount of orange is the number of weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from xml.etree import ElementTree as ET

from dsconv.geometry import ConvSpec, Sizes, whole_number
from dsconv.viz import _svg, _words
from dsconv.viz._svg import Alt, Drawing, element, group
from dsconv.viz._words import Chain, Layer, many

MOST = 16  # Channels of a column that are all drawn; of more, the first and the last.
FIRST, LAST = 6, 2

WIDTH, NODE, PITCH = 230, 14, 21
TOP, FOOT = 4, 24
THICKEST = 9.0  # pixels, so that a wire is never thicker than its node
A_WEIGHT = 0.5  # pixels of thickness for one weight, unless that is too thick


def wiring(
    *layers: Layer,
    titles: Sequence[str] | None = None,
    captions: Sequence[str] | None = None,
    alt: Alt = None,
) -> Drawing:
    """Draw the channels of layers as nodes and their kernels as wires.

    Input channels stand on the left, output channels on the right. A wire is as thick as its
    kernel has numbers, on one scale for the whole figure, so the amount of orange is the
    number of weights.

    Parameters
    ----------
    *layers : ConvSpec or sequence of ConvSpec
        One panel for each. A sequence is a chain: layers that run one after another.
    titles, captions : sequence of str, optional
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
        If a layer is no ConvSpec, or a title, caption or alt no text.
    ValueError
        If there is no layer, a chain does not pass on its channels, or titles, captions or
        alt are not as many as the layers.

    See Also
    --------
    groups_toy : the same for every number of groups, with a slider.

    Notes
    -----
    Up to 16 channels are drawn; of more, the first six and the last two, with dots between
    and the true number beneath.

    Examples
    --------
    >>> separable = ConvSpec.depthwise(4, 3), ConvSpec.pointwise(4, 6)
    >>> wiring(ConvSpec(4, 6, 3), ConvSpec(4, 6, 3, groups=2), separable)
    <Drawing>
    """
    chains = _words.chains(layers)
    heads = _words.titles(titles, chains)
    notes = (
        [_caption(chain) for chain in chains]
        if captions is None
        else _svg.texts("captions", captions, len(chains))
    )
    pictures, row = _panels(chains, heads, notes)
    _svg.use_alt(pictures, alt)
    return Drawing(row)


def _panels(
    chains: Sequence[Chain], heads: Sequence[str], notes: Sequence[str]
) -> tuple[list[ET.Element], ET.Element]:
    specs = [spec for chain in chains for spec in chain]
    scale = min(A_WEIGHT, THICKEST / max(prod(spec.kernel_size) for spec in specs))
    slots = max(len(_slots(n)) for spec in specs for n in (spec.in_channels, spec.out_channels))
    height = float(max(150, PITCH * slots))
    row, pictures = _svg.row(), []
    for chain, head, note in zip(chains, heads, notes, strict=True):
        picture, width = _picture(chain, head, scale, height)
        pictures.append(picture)
        _svg.panel(row, picture, width, title=head, note=note, below=_words.weights_line(chain))
    return pictures, row


def _picture(chain: Chain, head: str, scale: float, height: float) -> tuple[ET.Element, float]:
    counts = [chain[0].in_channels, *(spec.out_channels for spec in chain)]
    width = max(WIDTH, 110.0 * len(chain))
    picture = _svg.canvas(width, TOP + height + FOOT, _alt(chain, head))
    margin = 28.0
    columns = [margin + index * (width - 2 * margin) / len(chain) for index in range(len(counts))]
    places = [_places(number, height) for number in counts]

    wires = group(picture, "wires")
    for index, spec in enumerate(chain):
        _wires(wires, spec, scale, columns[index : index + 2], places[index : index + 2])
    names = group(picture, "quiet", "middled")
    for index, (x, number) in enumerate(zip(columns, counts, strict=True)):
        last = index == len(chain)
        role = "input" if index == 0 else "output" if last else "middle"
        nodes = group(picture, role)
        for y in places[index].values():
            element(
                nodes, "rect", x=x - NODE / 2, y=y - NODE / 2, width=NODE, height=NODE, rx=3,
                stroke_width=1.5,
            )  # fmt: skip
        if len(places[index]) < number:
            _dots(picture, x, places[index])
        word = "in" if index == 0 else "out" if last else "between"
        element(names, "text", f"{number:,} {word}", x=x, y=TOP + height + 19)
    return picture, width


def _slots(number: int) -> list[int | None]:
    """Return the channels that are drawn from top to bottom; None is a gap with dots."""
    if number <= MOST:
        return list(range(number))
    return [*range(FIRST), None, *range(number - LAST, number)]


def _places(number: int, height: float) -> dict[int, float]:
    """Return the height at which each drawn channel stands."""
    slots = _slots(number)
    step = height / len(slots)
    return {
        channel: TOP + (index + 0.5) * step
        for index, channel in enumerate(slots)
        if channel is not None
    }


def _dots(picture: ET.Element, x: float, places: dict[int, float]) -> None:
    above, below = list(places.values())[FIRST - 1 : FIRST + 1]
    dots = group(picture, "dots")
    for step in (-1, 0, 1):
        element(dots, "circle", cx=x, cy=(above + below) / 2 + 6 * step, r=1.7)


def _wires(
    parent: ET.Element,
    spec: ConvSpec,
    scale: float,
    columns: Sequence[float],
    places: Sequence[dict[int, float]],
) -> None:
    left, right = columns[0] + NODE / 2, columns[1] - NODE / 2
    bend = (right - left) / 2
    inputs = spec.in_channels // spec.groups
    outputs = spec.out_channels // spec.groups
    wires = element(parent, "g", stroke_width=_thickness(spec, scale))
    for n, end in places[1].items():
        for m, start in places[0].items():
            if n // outputs == m // inputs:
                path = [left, start, left + bend, start, right - bend, end, right, end]
                x0, y0, *curve = map(_svg.short, path)
                element(wires, "path", d=f"M{x0} {y0}C{' '.join(curve)}")


def _thickness(spec: ConvSpec, scale: float) -> str:
    return f"{scale * prod(spec.kernel_size):.4g}"


def _caption(chain: Chain) -> str:
    if [_words.kind(spec) for spec in chain] == ["depthwise", "pointwise"]:
        return "a kernel a channel, then numbers"
    return ", then ".join(map(_layer_caption, chain))


def _layer_caption(spec: ConvSpec) -> str:
    if (name := _words.kind(spec)) == "grouped":
        return "pairs inside a group only"
    if name == "depthwise":
        multiplier = spec.out_channels // spec.in_channels
        if multiplier > 1:
            return f"{multiplier} kernels a channel"
        return f"{_words.kernel(spec)} a channel"
    return f"every pair has {_words.kernel(spec)}"


def _alt(chain: Chain, head: str) -> str:
    """Say what is drawn: columns and wires from left to right."""
    parts = [f"{many(chain[0].in_channels, 'input channel')} on the left"]
    for index, spec in enumerate(chain):
        wires = spec.out_channels * spec.in_channels // spec.groups
        inside = f", inside {spec.groups} groups only" if _words.kind(spec) == "grouped" else ""
        each = many(prod(spec.kernel_size), "weight")
        parts.append(f"{many(wires, 'wire')} of {each} each{inside}")
        last = index == len(chain) - 1
        place = "output channel" if last else "channel"
        parts.append(many(spec.out_channels, place) + (" on the right" if last else " between"))
    counts = [chain[0].in_channels, *(spec.out_channels for spec in chain)]
    cut = " Of more than 16 channels the first 6 and the last 2 are drawn."
    return (
        f"Wiring, {head}: {'; '.join(parts)}. In all {_words.weights_line(chain)}."
        f"{cut if max(counts) > MOST else ''}"
    )


def groups_toy(in_channels: int, out_channels: int, kernel_size: Sizes) -> Drawing:
    """Draw a layer's wires for every number of groups it can have, with a slider.

    Parameters
    ----------
    in_channels, out_channels : int
        C and N. Every divisor of both is a number of groups.
    kernel_size : int or tuple of int
        As for `ConvSpec`.

    Returns
    -------
    Drawing

    Raises
    ------
    TypeError, ValueError
        As `ConvSpec` does.

    Examples
    --------
    >>> toy = groups_toy(8, 8, 3)
    >>> [f"{groups} groups" in toy.html for groups in (2, 3, 4, 8)]
    [True, False, True, True]
    """
    inputs = whole_number("in_channels", in_channels, minimum=1)
    outputs = whole_number("out_channels", out_channels, minimum=1)
    layers = [
        ConvSpec(inputs, outputs, kernel_size, groups=groups)
        for groups in range(1, inputs + 1)
        if inputs % groups == outputs % groups == 0
    ]
    full = _words.weights((layers[0],))[0]
    captions = []
    for layer in layers:
        number = _words.weights((layer,))[0]
        share = f", 1/{full // number} of {full:,}" if number < full else ""
        captions.append(f"{many(layer.groups, 'group')}: {many(number, 'weight')}{share}")
    return _svg.frames([wiring(layer) for layer in layers], label="Groups", captions=captions)


__all__ = ["groups_toy", "wiring"]
