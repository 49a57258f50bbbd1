"""Figures, read back: what they draw is what the spec says."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import product
from math import prod
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch

from dsconv import ConvSpec, conv2d, layer_cost, reference, viz
from dsconv.viz import Drawing, _svg, frames, groups_toy, numbers, sheets, sliding, taps, wiring

SEPARABLE = (ConvSpec.depthwise(4, (3, 2)), ConvSpec.pointwise(4, 6))
X = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4]])
W = np.array([[2, -1, 3], [4, 5, -2]])


# --- Reading a figure back ------------------------------------------------------------


def svgs(drawing: Drawing) -> list[ET.Element]:
    return [ET.fromstring(s) for s in re.findall(r"<svg.*?</svg>", drawing.html, re.DOTALL)]


def classes(element: ET.Element) -> list[str]:
    return element.get("class", "").replace("dsconv-", "").split()


def groups(svg: ET.Element, *names: str) -> list[ET.Element]:
    """The groups with all these classes."""
    return [g for g in svg.iter("g") if set(names) <= set(classes(g))]


def inside(svg: ET.Element, name: str, tag: str) -> list[ET.Element]:
    return [e for g in groups(svg, name) for e in g.iter(tag)]


def box(rect: ET.Element) -> tuple[float, float, float, float]:
    return tuple(float(rect.get(k)) for k in ("x", "y", "width", "height"))


def words(drawing: Drawing, name: str) -> list[str]:
    """The texts of the HTML elements of one class."""
    return re.findall(rf'<\w+ class="dsconv-{name}"[^>]*>([^<]*)<', drawing.html)


def label(svg: ET.Element) -> str:
    return svg.get("aria-label")


def near(a: float, b: float) -> bool:
    return abs(a - b) < 0.05


# --- Every figure ---------------------------------------------------------------------

FIGURES = {
    "wiring": lambda: wiring(ConvSpec(4, 6, 3), ConvSpec(4, 6, 3, groups=2), SEPARABLE),
    "wide wiring": lambda: wiring(ConvSpec(3, 256, 5)),
    "sheets": lambda: sheets(ConvSpec(3, 5, 3), SEPARABLE, input_size=(6, 8)),
    "deep sheets": lambda: sheets(ConvSpec(512, 256, 3), input_size=(14, 9)),
    "taps": lambda: taps(ConvSpec(1, 1, (3, 2), padding="same", dilation=2), (5, 6)),
    "one axis": lambda: taps(ConvSpec(1, 1, (3,), padding=1), 7, position=6),
    "numbers": lambda: numbers(X, W, labels=["x", "w"], highlight=[np.s_[0:2, 0:3], None]),
    "wide numbers": lambda: numbers(np.eye(6, 20, dtype=int)),
    "sliding": lambda: sliding(X, W, padding=1, stride=2),
    "toy": lambda: groups_toy(6, 12, 3),
    "reach": lambda: viz.reach((ConvSpec(6, 6, 1, groups=2), [0, 3, 1, 4, 2, 5])),
}


@pytest.fixture(params=FIGURES)
def make(request):
    return FIGURES[request.param]


def test_a_figure_says_what_is_seen_and_is_the_same_every_time(make):
    drawing = make()
    for svg in svgs(drawing):
        assert classes(svg) == ["dsconv"]
        assert svg.get("role") == "img"
        assert len(label(svg)) > 20
        assert re.search(r"\d", label(svg))
    assert drawing.html == make().html
    assert drawing._repr_html_() == drawing.html
    assert repr(drawing) == "<Drawing>"


def test_figures_do_not_collide_on_a_page_and_ask_for_nothing(make):
    html = make().html
    assert not re.search(r'\sid="|url\(|<script|https?:|href=', html)


def test_figures_are_well_formed(make):
    """Every element that is opened is closed, in order."""
    open_tags = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, _):
            if tag not in ("input", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Parser().feed(make().html)
    assert not open_tags


def test_texts_stay_inside_their_picture_and_apart(make):
    """With generous widths: letters of 0.64 of their size, at least 11 pixels before shrinking."""
    for svg in svgs(make()):
        width, height = map(float, svg.get("viewBox").split()[2:])
        boxes = []
        for g in svg.iter("g"):
            size = 11 if {"small", "weights"} & set(classes(g)) else 13
            anchor = (
                "middle" if "middled" in classes(g) else "end" if "weights" in classes(g) else 0
            )
            for text in g.findall("text"):
                x, y, wide = (
                    float(text.get("x")),
                    float(text.get("y")),
                    0.64 * size * len(text.text),
                )
                x -= wide * {"middle": 0.5, "end": 1}.get(text.get("text-anchor") or anchor, 0)
                assert x >= -12
                assert x + wide <= width + 12
                assert size * 0.7 <= y <= height + 1
                boxes.append((x, y - 0.7 * size, x + wide, y, text.text))
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                apart = a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] or b[3] <= a[1]
                assert apart, (a, b)


def test_the_colours_can_be_read_and_are_the_book_s():
    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    def contrast(a: str, b: str) -> float:
        high, low = sorted([luminance(a), luminance(b)], reverse=True)
        return (high + 0.05) / (low + 0.05)

    for palette in (_svg.LIGHT, _svg.DARK):
        fills = [palette[f"{role}-fill"] for role in _svg.ROLES]
        for ground in [palette["ground"], *fills]:
            assert contrast(palette["ink"], ground) >= 4.5
            assert contrast(palette["faint"], ground) >= 4.5
        for ground in [palette["ground"], palette["input-fill"]]:  # a weight in its window
            assert contrast(palette["kernel-ink"], ground) >= 4.5
        for role in _svg.ROLES:  # lines that carry meaning
            assert contrast(palette[role], palette["ground"]) >= 3
    css = (Path(__file__).parents[1] / "_static" / "book.css").read_text(encoding="utf-8")
    light, dark = css.split('html[data-theme="dark"] {', 1)
    for part, palette in ((light, _svg.LIGHT), (dark, _svg.DARK)):
        for name, colour in re.findall(r"--dsconv-([\w-]+): (#\w+);", part):
            assert palette[name] == colour, name


def test_figures_follow_the_theme_of_their_page():
    style = _svg.STYLE
    assert 'html[data-theme="dark"] .dsconv' in style
    assert 'body[data-jp-theme-light="false"] .dsconv' in style
    assert "html:not([data-theme]) body:not([data-jp-theme-light]) .dsconv" in style
    # Every rule is about our own classes only.
    for rule in re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"@media[^{]+\{", "", style)):
        assert all(".dsconv" in selector for selector in rule.split(",") if ":" not in rule)


def test_the_caller_s_alt_text_replaces_the_generated():
    one = svgs(wiring(ConvSpec(4, 6, 3), SEPARABLE, alt="Two layers."))
    assert label(one[0]) == "Two layers."
    assert [s.get("aria-hidden") for s in one] == [None, "true"]
    each = svgs(wiring(ConvSpec(4, 6, 3), SEPARABLE, alt=["First.", "Second."]))
    assert [label(s) for s in each] == ["First.", "Second."]
    assert label(svgs(taps(ConvSpec(1, 1, 2), 3, alt="Taps."))[0]) == "Taps."
    assert label(svgs(sheets(ConvSpec(1, 1, 2), input_size=3, alt="Sheets."))[0]) == "Sheets."
    assert label(svgs(numbers(X, alt='x & "y"'))[0]) == 'x & "y"'
    moved = sliding(X, np.ones((3, 4), dtype=int), alt=["a", "b", "c", "d"])
    assert [label(s) for s in svgs(moved)][::3] == ["a", "b", "c", "d"]
    assert {label(s) for s in svgs(sliding(X, W, alt="Moves."))[::3]} == {"Moves."}


# --- Wiring ---------------------------------------------------------------------------


def nodes(svg: ET.Element) -> list[list[tuple[float, float]]]:
    """The columns of nodes, from left to right, each from top to bottom."""
    centres = {}
    for role in ("input", "middle", "output"):
        for x, y, w, h in map(box, inside(svg, role, "rect")):
            centres.setdefault(round(x + w / 2, 1), []).append(y + h / 2)
    return [[(x, y) for y in centres[x]] for x in sorted(centres)]


def wires(svg: ET.Element) -> list[tuple[float, list[tuple[int, int]]]]:
    """For each layer the wires' thickness, and which nodes each wire joins."""
    columns, found = nodes(svg), []
    for index, layer in enumerate(groups(svg, "wires")[0].findall("g")):
        joined = []
        for path in layer.findall("path"):
            *_, start_y, end_x, end_y = [float(v) for v in re.findall(r"[\d.]+", path.get("d"))]
            start_y = float(re.findall(r"[\d.]+", path.get("d"))[1])
            left = [i for i, (_, y) in enumerate(columns[index]) if near(y, start_y)]
            right = [i for i, (_, y) in enumerate(columns[index + 1]) if near(y, end_y)]
            assert len(left) == len(right) == 1
            assert end_x < columns[index + 1][0][0]
            joined.append((left[0], right[0]))
        found.append((float(layer.get("stroke-width")), joined))
    return found


def pairs(spec: ConvSpec) -> list[tuple[int, int]]:
    """Input and output channels that a weight joins: those the reference loops read."""
    alone = np.eye(spec.in_channels, dtype=int)[:, :, None, None]
    ones = np.ones((*spec.weight_shape[:2], 1, 1), dtype=int)
    reached = reference.conv2d(alone, ones, groups=spec.groups)[:, :, 0, 0]
    return [(int(m), int(n)) for m, n in np.argwhere(reached)]


@pytest.mark.parametrize(
    "spec",
    [
        ConvSpec(4, 6, 3),
        ConvSpec(4, 6, (3, 2), groups=2),
        ConvSpec(6, 9, 3, groups=3),
        ConvSpec(12, 16, 1, groups=4),
        ConvSpec.depthwise(5, (1, 3), depth_multiplier=3),
        ConvSpec.pointwise(3, 7),
        ConvSpec(2, 3, (9,)),
        ConvSpec(1, 1, 1),
    ],
    ids=repr,
)
def test_every_kernel_is_a_wire_as_thick_as_it_has_weights(spec):
    (svg,) = svgs(wiring(spec))
    ((thickness, joined),) = wires(svg)
    assert [len(column) for column in nodes(svg)] == [spec.in_channels, spec.out_channels]
    assert sorted(joined) == sorted(pairs(spec))
    taps = prod(spec.kernel_size)
    assert len(joined) * taps == layer_cost(spec, spec.span).parameters
    assert near(thickness, min(0.5, 9 / taps) * taps)


def test_a_chain_has_nodes_between_and_one_scale_with_its_neighbours():
    dense, separable = svgs(wiring(ConvSpec(4, 6, (3, 2)), SEPARABLE))
    ((thick, _),) = wires(dense)
    (depthwise, first), (pointwise, second) = wires(separable)
    assert [len(column) for column in nodes(separable)] == [4, 4, 6]
    assert len(inside(separable, "middle", "rect")) == 4
    assert sorted(first) == [(c, c) for c in range(4)]
    assert sorted(second) == list(product(range(4), range(6)))
    assert near(thick, depthwise)
    assert near(depthwise, 6 * pointwise)
    total = sum(layer_cost(spec, 3).parameters for spec in SEPARABLE)
    ink = depthwise * len(first) + pointwise * len(second)
    assert near(ink / pointwise, total)


def test_wiring_says_what_it_draws():
    biased = ConvSpec(4, 6, 3, groups=2, bias=True)
    drawing = wiring(ConvSpec(4, 6, 3), biased, SEPARABLE)
    assert words(drawing, "title") == ["Standard", "Grouped, 2 groups", "Depthwise, then pointwise"]
    assert words(drawing, "note") == [
        "every pair has a 3×3 kernel",
        "pairs inside a group only",
        "a kernel a channel, then numbers",
    ]
    assert words(drawing, "sum") == ["216 weights", "108 weights, 6 biases", "48 weights"]
    svg = svgs(drawing)[2]
    assert [t.text for t in svg.iter("text")] == ["4 in", "4 between", "6 out"]
    assert label(svg).endswith("6 output channels on the right. In all 48 weights.")
    assert words(wiring(ConvSpec.depthwise(2, 8)), "note") == ["an 8×8 kernel a channel"]
    assert words(wiring(ConvSpec.depthwise(2, 3, depth_multiplier=2)), "note") == [
        "2 kernels a channel"
    ]
    named = wiring(biased, titles=["A < B"], captions=["both"])
    assert (words(named, "title"), words(named, "note")) == (["A &lt; B"], ["both"])


def test_of_many_channels_wiring_draws_the_first_and_the_last():
    (svg,) = svgs(wiring(ConvSpec(32, 256, 5, groups=2)))
    assert [len(column) for column in nodes(svg)] == [8, 8]
    ((_, joined),) = wires(svg)
    assert sorted(joined) == [*product(range(6), range(6)), *product((6, 7), (6, 7))]
    assert [t.text for t in svg.iter("text")] == ["32 in", "256 out"]
    assert "In all 102,400 weights" in label(svg)
    assert "the first 6 and the last 2 are drawn" in label(svg)
    assert len(inside(svg, "dots", "circle")) == 6


def test_the_toy_has_every_number_of_groups():
    toy = groups_toy(8, 12, (3, 2))
    assert [len(wires(svg)[0][1]) for svg in svgs(toy)] == [96, 48, 24]
    said = re.findall(r'data-caption="([^"]*)"', toy.html)
    assert said == [
        "1 group: 576 weights",
        "2 groups: 288 weights, 1/2 of 576",
        "4 groups: 144 weights, 1/4 of 576",
    ]
    for svg, groups_ in zip(svgs(toy), (1, 2, 4), strict=True):
        assert sorted(wires(svg)[0][1]) == sorted(pairs(ConvSpec(8, 12, 3, groups=groups_)))


# --- Sheets ---------------------------------------------------------------------------


def front(svg: ET.Element, role: str) -> tuple[float, float, float, float]:
    return box(inside(svg, role, "rect")[-1])


def corners(path: ET.Element) -> tuple[float, float, float, float]:
    """The box around a polygon."""
    points = np.array([float(v) for v in re.findall(r"[\d.]+", path.get("d"))]).reshape(-1, 2)
    (x, y), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return x, y, right - x, bottom - y


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (ConvSpec(3, 5, 3), (6, 8)),
        (ConvSpec(4, 6, (3, 2), groups=2), (7, 5)),
        (ConvSpec.depthwise(3, (2, 4)), (5, 9)),
        (ConvSpec.pointwise(3, 5), (6, 8)),
        (ConvSpec(4, 2, 3, stride=2, padding="same"), (7, 10)),
        (ConvSpec(2, 3, (2, 3), dilation=(1, 2), padding=((1, 0), (0, 2))), (6, 7)),
    ],
    ids=repr,
)
def test_sheets_are_channels_and_the_prism_is_what_one_number_reads(spec, size):
    (svg,) = svgs(sheets(spec, input_size=size))
    out = spec.output_size(size)
    assert len(inside(svg, "input", "rect")) == spec.in_channels
    assert len(inside(svg, "output", "rect")) == spec.out_channels
    ix, iy, iw, ih = front(svg, "input")
    ox, oy, ow, oh = front(svg, "output")
    cell = iw / size[1]
    assert (round(ih / cell, 2), round(ow / cell, 2), round(oh / cell, 2)) == (
        size[0],
        out[1],
        out[0],
    )

    *sides, window, number = inside(svg, "prism", "path")
    wx, wy, ww, wh = corners(window)
    nx, ny, nw, nh = corners(number)
    assert near(nw, cell)
    assert near(nh, cell)
    row, column = round((ny - oy) / cell), round((nx - ox) / cell)
    assert (row, column) == ((out[0] - 1) // 2, (out[1] - 1) // 2)
    (above, _), (before, _) = spec.pads(size)
    assert near((wy - iy) / cell, row * spec.stride[0] - above)
    assert near((wx - ix) / cell, column * spec.stride[1] - before)
    assert (round(wh / cell, 2), round(ww / cell, 2)) == spec.span
    # The prism goes back through the channels of one group.
    channels = spec.in_channels // spec.groups
    depths = [corners(side)[2 if side is sides[1] else 3] for side in sides] or [0, 0]
    assert near(depths[0], 8 * (channels - 1))
    assert len(sides) == (2 if channels > 1 else 0)
    # The dashed lines go from the window to the number.
    for line, y in zip(inside(svg, "leads", "line"), ((wy, ny), (wy + wh, ny + nh)), strict=True):
        assert near(float(line.get("x1")), wx + ww)
        assert near(float(line.get("x2")), nx)
        assert near(float(line.get("y1")), y[0])
        assert near(float(line.get("y2")), y[1])
    strong = [t.text for t in inside(svg, "strong", "text")]
    assert strong == [f"{spec.in_channels} × {size[0]} × {size[1]}",
                      f"{spec.out_channels} × {out[0]} × {out[1]}"]  # fmt: skip
    assert all(shape in label(svg) for shape in strong)


def test_a_chain_of_sheets_has_a_stack_between():
    drawing = sheets(SEPARABLE, input_size=(6, 8))
    (svg,) = svgs(drawing)
    assert [t.text for t in svg.iter("text") if "×" in t.text] == [
        "4 × 6 × 8",
        "4 × 4 × 7",
        "6 × 4 × 7",
    ]
    assert [t.text for t in svg.iter("text") if "×" not in t.text] == ["input", "between", "output"]
    # The depthwise layer's number is the front of the pointwise layer's window.
    first, second = groups(svg, "prism")
    assert corners(first.findall("path")[-1]) == corners(second.findall("path")[-2])
    assert words(drawing, "note") == ["a window of one channel, then one pixel of every channel"]
    assert words(drawing, "sum") == ["4 × 1 × 3 × 2 and 6 × 4 × 1 × 1 weights"]


def test_of_many_channels_five_sheets_are_drawn_and_the_true_number_written():
    (svg,) = svgs(sheets(ConvSpec(512, 256, 3), input_size=(14, 9)))
    assert len(inside(svg, "input", "rect")) == len(inside(svg, "output", "rect")) == 5
    assert [t.text for t in inside(svg, "strong", "text")] == ["512 × 14 × 9", "256 × 12 × 7"]
    assert len(inside(svg, "dots", "circle")) == 12
    top, *_ = inside(svg, "prism", "path")
    assert near(corners(top)[3], 5 * 8)  # through the gap to the last sheet


def test_sheets_of_one_axis_are_rows():
    (svg,) = svgs(sheets(ConvSpec(3, 4, (3,)), input_size=14))
    _, _, width, height = front(svg, "input")
    assert round(width / height, 2) == 14
    assert [t.text for t in inside(svg, "strong", "text")] == ["3 × 14", "4 × 12"]


# --- Taps -----------------------------------------------------------------------------


def cells(svg: ET.Element, name: str, origin: tuple[float, float], cell: float) -> set:
    """Row and column of the cells in a group."""
    return {
        (round((y - origin[1]) / cell), round((x - origin[0]) / cell))
        for x, y, *_ in map(box, inside(svg, name, "rect"))
    }


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (ConvSpec(1, 1, (3, 2)), (4, 6)),
        (ConvSpec(1, 1, 3, stride=2, dilation=2, padding="same"), (5, 6)),
        (ConvSpec(1, 1, (2, 3), stride=(1, 2), padding=((2, 0), (1, 3))), (5, 4)),
        (ConvSpec(1, 1, (2, 4), dilation=(3, 1), padding=(1, 2)), (6, 7)),
    ],
    ids=repr,
)
def test_taps_are_the_pixels_that_the_loops_read(spec, size):
    pixels = np.eye(prod(size), dtype=int).reshape(-1, 1, *size)
    ones = np.ones(spec.weight_shape, dtype=int)
    reads = reference.conv2d(pixels, ones, **spec.options)[:, 0]
    out = spec.output_size(size)
    (above, under), (before, after) = spec.pads(size)
    for position in np.ndindex(out):
        left, right = svgs(taps(spec, size, position=position))
        every = [box(r) for name in ("input", "zeros", "taps") for r in inside(left, name, "rect")]
        cell = every[0][2]
        origin = min(r[0] for r in every), min(r[1] for r in every)
        rows, columns = size[0] + above + under, size[1] + before + after
        assert len(every) == rows * columns

        read = reads[(slice(None), *position)].reshape(size)
        wanted = {(r + above, c + before) for r, c in np.argwhere(read)}
        drawn = cells(left, "taps", origin, cell)
        in_image = {(r, c) for r, c in drawn
                    if above <= r < above + size[0] and before <= c < before + size[1]}  # fmt: skip
        assert in_image == wanted
        assert len(drawn) == prod(spec.kernel_size)
        dots = list(left.iter("circle"))
        assert len(dots) == len(wanted)
        zeros = {(r, c) for r in range(rows) for c in range(columns)} - {
            (r + above, c + before) for r, c in np.ndindex(size)
        }
        assert cells(left, "zeros", origin, cell) == zeros - drawn
        assert [t.text for t in left.iter("text")].count("0") == len(zeros)

        (window,) = [box(r) for r in left.iter("rect") if classes(r) == ["window"]]
        top_left = [p * s for p, s in zip(position, spec.stride, strict=True)]
        assert near((window[1] - origin[1]) / cell, top_left[0])
        assert near((window[0] - origin[0]) / cell, top_left[1])
        assert (round(window[3] / cell), round(window[2] / cell)) == spec.span

        (starts,) = [p.get("d") for p in left.iter("path") if classes(p) == ["starts"]]
        marks = re.findall(r"M([\d.]+) ([\d.]+)", starts)
        assert {
            (int((float(y) - origin[1]) // cell), int((float(x) - origin[0]) // cell))
            for x, y in marks
        } == {(r * spec.stride[0], c * spec.stride[1]) for r, c in np.ndindex(out)}

        grid = [box(r) for r in inside(right, "output", "rect")]
        assert len(grid) == prod(out)
        (here,) = [box(r) for r in right.iter("rect") if classes(r) == ["window"]]
        assert near((here[1] - min(r[1] for r in grid)) / cell, position[0])
        assert near((here[0] - min(r[0] for r in grid)) / cell, position[1])


def test_taps_write_the_sizes_at_the_sides():
    spec = ConvSpec(1, 1, 3, stride=2, padding=((0, 1), (2, 3)))
    drawing = taps(spec, (6, 7), position=(1, 0))
    left, right = svgs(drawing)
    assert [t.text for t in left.iter("text") if t.text != "0"] == [
        "+2",
        "W = 7",
        "+3",
        "H = 6",
        "+1",
    ]
    assert [t.text for t in right.iter("text")] == ["W′ = 5", "H′ = 3"]
    assert words(drawing, "title") == ["Input 6 × 7", "Output 3 × 5"]
    assert label(left) == (
        "Input of 6 × 7 pixels, with zeros: 0 before and 1 after its rows and 2 before and 3 after "
        "its columns. Output position (1, 0) reads rows 2, 3 and 4 and columns −2, −1 and 0; what "
        "lies outside the input's columns is zero. A window starts every 2 pixels."
    )
    apart = taps(ConvSpec(1, 1, 2, stride=(1, 2), dilation=(3, 1)), 6)
    assert "A window starts every 1 pixel down and 2 across." in label(svgs(apart)[0])
    assert "Taps are 3 pixels down and 1 across apart." in label(svgs(apart)[0])


def test_taps_of_one_axis_are_a_row():
    left, right = svgs(taps(ConvSpec(1, 1, (3,), stride=2, padding=1), 9, position=4))
    assert len({box(r)[1] for r in left.iter("rect")}) == 1
    assert [t.text for t in left.iter("text") if t.text != "0"] == ["+1", "L = 9", "+1"]
    assert len(inside(left, "taps", "rect")) == 3
    assert len(inside(right, "output", "rect")) == 5


# --- Numbers --------------------------------------------------------------------------


def table(svg: ET.Element) -> dict[tuple[int, int], str]:
    """The texts of the grid by row and column."""
    found = [box(r) for r in svg.iter("rect")]
    x0, y0 = min(b[0] for b in found), min(b[1] for b in found)
    w, h = found[0][2:]
    return {
        (int((float(t.get("y")) - y0) // h), int((float(t.get("x")) - x0) // w)): t.text
        for g in groups(svg, "middled")
        for t in g.findall("text")
    }


def rows(values) -> dict[tuple[int, int], str]:
    return {tuple(map(int, i)): str(v).replace("-", "−") for i, v in np.ndenumerate(values)}


def test_numbers_stand_where_they_stand_in_the_array(rng):
    a, b = rng.integers(-99, 99, size=(4, 5)), rng.integers(-9, 9, size=(3, 2))
    drawing = numbers(a, b, labels=["one", "two"], roles=["kernel", "middle"], symbols=["·"])
    first, second = svgs(drawing)
    assert table(first) == rows(a)
    assert table(second) == rows(b)
    assert len(inside(first, "kernel", "rect")) == a.size
    assert len(inside(second, "middle", "rect")) == b.size
    assert words(drawing, "label") == ["one", "two"]
    assert words(drawing, "symbol dsconv-lifted") == ["·"]
    said = "; ".join(" ".join(str(v).replace("-", "−") for v in row) for row in a)
    assert label(first) == f"one, 4 × 5 numbers: {said}."


def test_numbers_of_one_and_three_axes_tensors_and_floats():
    (row,) = svgs(numbers([1, 0, -2]))
    assert table(row) == {(0, 0): "1", (0, 1): "0", (0, 2): "−2"}
    (stack,) = svgs(numbers(np.arange(24).reshape(2, 3, 4)))
    assert [t.text for t in stack.iter("text")].count("23") == 1
    assert len({box(r)[1] for r in stack.iter("rect")}) == 6
    floats = torch.tensor([[1 / 3, -2.0], [float("inf"), 12345.678]], requires_grad=True)
    (svg,) = svgs(numbers(floats))
    assert list(table(svg).values()) == ["0.333", "−2", "∞", "1.23e4"]


def test_zeros_are_fainter_and_masked_cells_empty():
    (svg,) = svgs(numbers(np.ma.masked_equal([[0, 7, 3], [5, 0, 7]], 7)))
    assert table(svg) == {(0, 0): "0", (0, 2): "3", (1, 0): "5", (1, 1): "0"}
    assert [t.text for t in inside(svg, "quiet", "text")] == ["0", "0"]
    assert len(inside(svg, "empty", "rect")) == 4
    assert label(svg) == "input, 2 × 3 numbers: 0 empty 3; 5 0 empty."


@pytest.mark.parametrize(
    "where", [np.s_[1:3, 0:2], (0, 3), np.s_[:, 1], X > 4, np.s_[2]], ids=lambda w: str(w)[:20]
)
def test_highlight_boxes_exactly_the_chosen_cells(where):
    (svg,) = svgs(numbers(X, highlight=[where]))
    mask = np.zeros(X.shape, dtype=bool)
    mask[where] = True
    (path,) = [p.get("d") for p in svg.iter("path") if classes(p) == ["window"]]
    lines = re.findall(r"M([\d.]+) ([\d.]+)([hv])([\d.]+)", path)
    _, _, w, h = box(next(svg.iter("rect")))
    drawn = {(d, round((float(y) - 2) / h), round((float(x) - 2) / w)) for x, y, d, _ in lines}
    around = np.pad(mask, 1)
    edges = {("h", r, c) for r, c in np.argwhere(around[1:, 1:-1] != around[:-1, 1:-1])}
    edges |= {("v", r, c) for r, c in np.argwhere(around[1:-1, 1:] != around[1:-1, :-1])}
    assert drawn == edges
    assert f"Boxed: {' '.join(map(str, X[mask]))}." in label(svg)


def test_a_wide_grid_scrolls_in_its_own_box_and_keyboards_reach_it():
    toeplitz = np.kron(np.eye(6, 10, dtype=int), [2, 3])
    wide = numbers(toeplitz, labels=["matrix"])
    assert (
        '<div class="dsconv-scroll" tabindex="0" role="group" '
        'aria-label="matrix: scrolls sideways">' in wide.html
    )
    assert "108 of 120 are zero" in label(svgs(wide)[0])
    assert "tabindex" not in numbers(X).html
    assert "tabindex" in sheets([ConvSpec(4, 4, 1)] * 4, input_size=(6, 14)).html


def test_roles_have_defaults():
    assert [classes(next(s.iter("g")))[0] for s in svgs(numbers(X, W, X))] == [
        "input", "kernel", "output",
    ]  # fmt: skip
    assert {classes(next(s.iter("g")))[0] for s in svgs(numbers(X, X, X, X))} == {"middle"}


# --- Sliding --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1}, {"dilation": (2, 1), "padding": ((0, 1), (2, 0))}],
    ids=str,
)
def test_sliding_fills_the_output_with_what_conv2d_computes(options):
    y = conv2d(X[None], W[None, None], **options)[0]
    drawing = sliding(X, W, **options)
    pictures = svgs(drawing)
    captions = re.findall(r'data-caption="([^"]*)"', drawing.html)
    assert len(pictures) == 3 * y.size
    assert len(captions) == y.size
    spec = ConvSpec(1, 1, W.shape, **options)
    padded = np.pad(X, spec.pads(X.shape))
    for index, position in enumerate(np.ndindex(y.shape)):
        x_svg, w_svg, y_svg = pictures[3 * index : 3 * index + 3]
        done = list(np.ndindex(y.shape))[: index + 1]
        assert table(y_svg) == {p: t for p, t in rows(y).items() if p in done}
        assert list(table(w_svg).values()) == list(rows(W).values())
        assert table(x_svg) == rows(padded)
        # Each factor pair of the sum stands in the window, and the sum is right.
        terms, total = captions[index].replace("−", "-").split(" = ")
        factors = [tuple(map(int, re.findall(r"-?\d+", term))) for term in terms.split(" + ")]
        assert int(total) == y[position] == sum(a * b for a, b in factors)
        assert [b for _, b in factors] == W.ravel().tolist()
        small = [t.text[1:].replace("−", "-") for t in inside(x_svg, "weights", "text")]
        assert [int(t) for t in small] == W.ravel().tolist()
        assert captions[index] in label(y_svg)


# --- Frames ---------------------------------------------------------------------------


def test_frames_show_one_figure_and_name_their_slider():
    figures = [wiring(ConvSpec(2, 2, 1)), wiring(ConvSpec(2, 2, 2)), wiring(ConvSpec(2, 2, 3))]
    drawing = frames(figures, label="Kernel", captions=["one", "two", "three"], start=1)
    html = drawing.html
    shown = re.findall(r'<div class="dsconv-frame" data-caption="(\w+)"( hidden="hidden")?>', html)
    assert shown == [("one", ' hidden="hidden"'), ("two", ""), ("three", ' hidden="hidden"')]
    assert re.search(r"<label><span>Kernel</span><input [^>]*></label>", html)
    slider = re.search(r"<input ([^>]*)>", html).group(1)
    for part in ('type="range"', 'min="1"', 'max="3"', 'value="2"', "this.closest("):
        assert part in slider
    assert re.search(r'<output class="dsconv-said" aria-live="polite">two</output>', html)
    assert html.count("<style>") == 1
    # No browser here: the handler is kept as it was when it was tried in one.
    assert "e.hidden=i!==this.value-1" in slider
    assert "textContent=f[this.value-1].dataset.caption" in slider
    assert len(svgs(drawing)) == 3
    assert words(frames(figures, label="Kernel"), "said") == ["1 of 3"]


# --- Photographs ----------------------------------------------------------------------


def test_photographs_show_themselves_once_and_with_the_same_pixels(rng):
    from IPython.core.formatters import DisplayFormatter
    from matplotlib import pyplot

    photo = rng.integers(0, 256, size=(6, 9, 3), dtype=np.uint8)
    edges = np.diff(photo[:, :, 0].astype(int), axis=1)
    grey = photo[:, :, 0]

    def make():
        names = ["photo", "grey", "edges"]
        return viz.photographs(photo, grey, edges, titles=names, signed=[False, False, True])

    figure = make()
    assert pyplot.get_fignums() == []
    bundle, _ = DisplayFormatter().format(figure)
    assert set(bundle) == {"image/png", "text/plain"}
    assert re.fullmatch(r"<Photographs size \d+x\d+ with 4 Axes>", bundle["text/plain"])
    with pyplot.rc_context({"font.size": 30, "savefig.facecolor": "red", "axes.titlesize": 5}):
        assert make()._repr_mimebundle_() == bundle

    a, b, c, bar = figure.axes
    assert [axes.get_title() for axes in (a, b, c)] == ["photo", "grey", "edges"]
    assert b.images[0].get_clim() == (0, 255)
    low, high = c.images[0].get_clim()
    assert -low == high == pytest.approx(np.quantile(np.abs(edges), 0.995))
    assert c.images[0].get_cmap().name == "PuOr"
    assert bar.get_ylabel() == "value"
    assert all(len(axes.get_xticks()) == len(axes.get_yticks()) == 0 for axes in (a, b, c))


def test_photographs_in_rows_and_their_ranges():
    image = np.array([[2, 9, 4], [5, 6, 7]])
    figure = viz.photographs(image, image / 10, torch.zeros(2, 3), image, columns=3)
    assert len(figure.axes) == 4
    assert [a.images[0].get_clim() for a in figure.axes] == [(2, 9), (0, 1), (0, 1), (2, 9)]
    flat = viz.photographs(np.zeros((2, 2)), signed=True)
    assert flat.axes[0].images[0].get_clim() == (-1, 1)


# --- Loading, and refusing ------------------------------------------------------------


def test_diagrams_need_no_matplotlib():
    code = (
        "import sys, dsconv.viz as v; from dsconv import ConvSpec;"
        "v.wiring(ConvSpec(4, 6, 3)), v.groups_toy(2, 2, 3);"
        "assert not {'matplotlib', 'torch'} & set(sys.modules);"
        "assert set(v.__all__) <= set(dir(v));"
        "v.photographs; assert 'matplotlib' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match=r"module 'dsconv\.viz' has no attribute 'nothing'"):
        _ = viz.nothing


ONE = ConvSpec(4, 6, 3)
REFUSED = [
    (
        lambda: wiring(),
        ValueError,
        "a figure must have at least one layer, a ConvSpec. Received: none",
    ),
    (
        lambda: wiring(ONE, 3),
        TypeError,
        r"layers[1] must be a ConvSpec, or a tuple or list of them",
    ),
    (lambda: wiring([]), TypeError, "Received: layers[0]=[]"),
    (lambda: sheets((ONE, 3), input_size=5), TypeError, "layers[0] must be a ConvSpec, or a tuple"),
    (
        lambda: wiring((ONE, ConvSpec(5, 6, 1))),
        ValueError,
        "layers that run one after another must pass on their channels. Received: "
        "layers[0][0].out_channels=6, layers[0][1].in_channels=5",
    ),
    (
        lambda: wiring((ConvSpec(4, 6, (3,)), ConvSpec(6, 6, 1))),
        ValueError,
        "layers that run one after another must have the same axes. Received: layers[0][0]=",
    ),
    (
        lambda: wiring(ONE, titles="A"),
        TypeError,
        "titles must be a sequence of texts. Received: titles='A'",
    ),
    (
        lambda: sheets(ONE, input_size=5, titles=["A", "B"]),
        ValueError,
        "titles must have one text for each of 1. Received: titles=['A', 'B']",
    ),
    (
        lambda: wiring(ONE, captions=[3]),
        TypeError,
        "captions[0] must be a text. Received: captions[0]=3",
    ),
    (lambda: wiring(ONE, alt=3), TypeError, "alt must be a sequence of texts. Received: alt=3"),
    (
        lambda: wiring(ONE, alt=[]),
        ValueError,
        "alt must have one text for each of 1. Received: alt=[]",
    ),
    (lambda: sheets(ONE, input_size=2), ValueError, "the kernel must fit into the padded input."),
    (lambda: sheets(ONE, input_size=2.5), TypeError, "input_size must be an integer"),
    (
        lambda: groups_toy(0, 4, 3),
        ValueError,
        "in_channels must be at least 1. Received: in_channels=0",
    ),
    (lambda: groups_toy(4, 2.0, 3), TypeError, "out_channels must be an integer."),
    (lambda: taps("x", 5), TypeError, "spec must be a ConvSpec. Received: spec='x' (str)"),
    (
        lambda: taps(ONE, (5, 6), position=(3, 0)),
        ValueError,
        "position must lie in the output, below (3, 4). Received: position=(3, 0)",
    ),
    (
        lambda: taps(ONE, 5, position=-1),
        ValueError,
        "position must be at least 0. Received: position=-1",
    ),
    (
        lambda: taps(ONE, 5, position=(0,)),
        ValueError,
        "position must be one integer or 2 (height, width)",
    ),
    (
        lambda: taps(ONE, (5, 33)),
        ValueError,
        "taps draws at most 32 pixels a side, padding included. Received: 5 × 33 pixels",
    ),
    (lambda: numbers(), ValueError, "numbers must have at least one array. Received: none"),
    (
        lambda: numbers(X, ["a"]),
        TypeError,
        "arrays[1] must hold whole numbers or floats. Received: arrays[1] of type list, dtype <U1",
    ),
    (lambda: numbers(X > 2), TypeError, "Received: arrays[0] of type ndarray, dtype bool"),
    (
        lambda: numbers(np.ones((1, 1, 2, 2))),
        ValueError,
        "arrays[0] must have one, two or three axes, none of them empty. "
        "Received: arrays[0].shape=(1, 1, 2, 2)",
    ),
    (lambda: numbers(np.ones((2, 0))), ValueError, "Received: arrays[0].shape=(2, 0)"),
    (lambda: numbers(5), ValueError, "Received: arrays[0].shape=()"),
    (
        lambda: numbers(np.ones((33, 32))),
        ValueError,
        "arrays[0] must have at most 1,024 numbers to be read in a figure. "
        "Received: arrays[0].shape=(33, 32)",
    ),
    (
        lambda: numbers(X, labels="x"),
        TypeError,
        "labels must be a sequence of texts. Received: labels='x'",
    ),
    (lambda: numbers(X, W, symbols=[]), ValueError, "symbols must have one text for each of 1."),
    (
        lambda: numbers(X, roles=["in"]),
        ValueError,
        "roles[0] must be one of 'input', 'kernel', 'output', 'middle'. Received: roles[0]='in'",
    ),
    (
        lambda: numbers(X, W, highlight=[(0, 0)]),
        ValueError,
        "highlight must be a list with an index, or None, for each of 2 arrays. "
        "Received: highlight=[(0, 0)]",
    ),
    (
        lambda: numbers(X, highlight=[(9, 0)]),
        ValueError,
        "highlight[0] must index an array of shape (4, 5). Received: highlight[0]=(9, 0) (",
    ),
    (
        lambda: numbers(X, highlight=["a"]),
        ValueError,
        "highlight[0] must index an array of shape (4, 5)",
    ),
    (lambda: frames([], label="x"), ValueError, "frames must have at least one figure."),
    (
        lambda: frames(["x"], label="x"),
        TypeError,
        "figures[0] must be a Drawing, as the functions of dsconv.viz return. Received: str",
    ),
    (
        lambda: frames([numbers(X)], label=""),
        TypeError,
        "label must be a text: it is the slider's name. Received: label=''",
    ),
    (
        lambda: frames([numbers(X)], label="x", captions=["a", "b"]),
        ValueError,
        "captions must have one text for each of 1. Received: captions=['a', 'b']",
    ),
    (
        lambda: frames([numbers(X)], label="x", start=1),
        ValueError,
        "start must be below the number of figures (1). Received: start=1",
    ),
    (lambda: frames([numbers(X)], label="x", start=True), TypeError, "start must be an integer."),
    (
        lambda: sliding(X / 2, W),
        TypeError,
        "input must hold whole numbers. Received: input of dtype float64",
    ),
    (
        lambda: sliding(X, W[None]),
        ValueError,
        "weight must have shape (kH, kW), one channel. Received: weight.shape=(1, 2, 3)",
    ),
    (lambda: sliding(X[0], W), ValueError, "input must have shape (H, W), one channel."),
    (lambda: sliding(W, X), ValueError, "the kernel must fit into the padded input."),
    (
        lambda: sliding(np.ones((9, 11), dtype=int), W),
        ValueError,
        "sliding must have at most 64 positions, one frame each. "
        "Received: an output of 8 × 9, 72 positions",
    ),
    (lambda: sliding(X, W, alt=["a"]), ValueError, "alt must have one text for each of 9."),
    (
        lambda: viz.photographs(),
        ValueError,
        "photographs must have at least one image. Received: none",
    ),
    (
        lambda: viz.photographs(X, titles=["a", "b"]),
        ValueError,
        "titles must have one text for each of 1.",
    ),
    (
        lambda: viz.photographs(X, signed=1),
        TypeError,
        "signed must be True or False, or one of them an image.",
    ),
    (
        lambda: viz.photographs(X, signed=[True, False]),
        ValueError,
        "signed must have one bool for each of 1 images. Received: signed=[True, False]",
    ),
    (
        lambda: viz.photographs(X, columns=0),
        ValueError,
        "columns must be at least 1. Received: columns=0",
    ),
    (
        lambda: viz.photographs(["a"]),
        TypeError,
        "images[0] must hold numbers. Received: images[0] of dtype <U1",
    ),
    (
        lambda: viz.photographs(np.ones((3, 4, 5))),
        ValueError,
        "images[0] must have shape (H, W) or (H, W, 3). Received: images[0].shape=(3, 4, 5); "
        "move the channels with np.moveaxis(image, 0, -1)",
    ),
    (
        lambda: viz.photographs(np.ones((4, 5, 3)), signed=True),
        ValueError,
        "a signed image must have shape (H, W). Received: images[0].shape=(4, 5, 3)",
    ),
    (
        lambda: viz.photographs(np.full((4, 5, 3), 255)),
        ValueError,
        "images[0] has colours, which must be bytes, or floats from 0 to 1. "
        "Received: images[0] of dtype int64 from 255 to 255",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[m[:60] for *_, m in REFUSED])
def test_what_cannot_be_drawn_is_refused_with_the_rule(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()
