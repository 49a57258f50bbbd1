"""Figures of networks and blocks, read back: they draw what the layers say."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
import test_viz
from test_viz import box, classes, groups, inside, label, near, svgs, words

from dsconv import network_cost
from dsconv.architectures import (
    NETWORKS,
    Bottleneck,
    Conv,
    Dense,
    GlobalPool,
    Layer,
    Separable,
    fold_batch_norms,
    initial_parameters,
    network,
    walk,
)
from dsconv.viz import block
from dsconv.viz import network as draw
from dsconv.viz._blocks import percent

V1, V2, V3, XCEPTION = (
    NETWORKS[name] for name in ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "xception")
)
SLICENET, SUPER = NETWORKS["slicenet_module"], NETWORKS["slicenet_super_module"]
KINDS = {
    "standard": "conv",
    "depthwise": "depthwise_conv",
    "grouped": "grouped_conv",
    "pointwise": "pointwise_conv",
    "dense": "dense",
}
CLASSIC = walk([Bottleneck(3, 256, expanded=64)], 28, 256)

FIGURES = {name: (lambda made=made: draw(made)) for name, made in NETWORKS.items()} | {
    "narrow": lambda: draw(network("mobilenet_v3_small", width=0.5, resolution=96)),
    "a few rows": lambda: draw(walk([Conv(3, 8), Separable(5, 12, stride=2)], (20, 30))),
    "V1": lambda: block(V1, "conv1", "block2", "block7", "pool", "dense1"),
    "V2": lambda: block(V2, "block1", "block2", "block3"),
    "V3": lambda: block(V3, "block4", "block5"),
    "Xception": lambda: block(XCEPTION, "block1", "block2", "block5", "block14"),
    "SliceNet": lambda: block([("SliceNet", SLICENET), ("super", SUPER)], "module1"),
    "two networks": lambda: block([("MobileNet", V1), ("V2", walk(V2))], "block8", "block9"),
}


@pytest.fixture(params=FIGURES)
def make(request):
    return FIGURES[request.param]


def texts(svg: ET.Element) -> list[str]:
    return [element.text for element in svg.iter("text")]


# --- Every figure ---------------------------------------------------------------------


def test_it_keeps_what_every_figure_keeps(make):
    test_viz.test_a_figure_says_what_is_seen_and_is_the_same_every_time(make)
    test_viz.test_figures_do_not_collide_on_a_page_and_ask_for_nothing(make)
    test_viz.test_figures_are_well_formed(make)


def test_it_is_as_wide_as_a_phone_can_show(make):
    """At the smallest scale that keeps texts of 13 pixels above 10."""
    for svg in svgs(make()):
        assert float(svg.get("viewBox").split()[2]) * 10.1 / 13 <= 336
    assert "scrolls sideways" not in make().html


def test_texts_stay_inside_and_apart_even_in_a_wide_font(make):
    for svg in svgs(make()):
        width, height = map(float, svg.get("viewBox").split()[2:])
        boxes = []
        for parent in svg.iter():
            for text in parent.findall("text"):
                anchor = text.get("text-anchor") or (
                    "middle" if "middled" in classes(parent) else "start"
                )
                wide, x, y = 0.64 * 13 * len(text.text), float(text.get("x")), float(text.get("y"))
                x -= wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
                assert x >= 0, text.text
                assert x + wide <= width + 0.5, text.text
                assert 10 <= y <= height - 1, text.text
                boxes.append((x, y - 0.7 * 13, x + wide, y, text.text))
        for index, a in enumerate(boxes):
            for b in boxes[index + 1 :]:
                apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
                assert apart, (a, b)


def test_shapes_stay_on_the_canvas(make):
    for svg in svgs(make()):
        width, height = map(float, svg.get("viewBox").split()[2:])
        for rect in svg.iter("rect"):
            x, y, wide, high = box(rect)
            assert x >= 0
            assert y >= 0
            assert x + wide <= width + 0.1
            assert y + high <= height
        for path in svg.iter("path"):
            # Where it starts, and every absolute point after that.
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d")):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height


# --- A network ------------------------------------------------------------------------


def shares(parent: ET.Element) -> dict[str, float]:
    """Lengths of the parts of bars, by kind."""
    found: dict[str, float] = {}
    for rect in parent.iter("rect"):
        kind = classes(rect)[0]
        found[kind] = found.get(kind, 0.0) + float(rect.get("width"))
    return found


def share_groups(svg: ET.Element) -> list[ET.Element]:
    return groups(svg, "shares")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_two_bars_are_macs_and_weights_by_kind(name):
    cost = network_cost(NETWORKS[name])
    svg = svgs(draw(NETWORKS[name]))[0]
    for index, total in enumerate((cost.total.macs, cost.total.weights)):
        found = shares(share_groups(svg)[index])
        expected = {
            word: cost.by_kind()[kind][index] / total
            for word, kind in KINDS.items()
            if kind in cost.by_kind()
        }
        assert set(found) == set(expected)
        assert sum(found.values()) == pytest.approx(430, abs=0.05)
        for word, share in expected.items():
            assert found[word] / 430 == pytest.approx(share, abs=1e-4)
            if 0.01 < share < 0.999:
                what = ("MACs", "weights")[index]
                assert f"{100 * share:.1f} % of {what}" in texts(svg)
                assert f"{100 * share:.1f} % of {what}" in label(svg)
    assert f"{cost.total.macs:,} MACs" in texts(svg)
    assert f"{cost.total.weights:,} weights" in texts(svg)
    assert f"{cost.total.parameters:,} parameters with norms" in texts(svg)
    assert words(draw(NETWORKS[name]), "title") == [NETWORKS[name].title]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_lines_hold_the_whole_network(name):
    layers = walk(NETWORKS[name])
    cost = network_cost(layers)
    svg = svgs(draw(layers))[0]
    blocks = list(dict.fromkeys(layer.name.split(".")[0] for layer in layers))
    names = [t for g in groups(svg, "strong") for t in texts(g)]
    lines = names[names.index("input") + 1 :]
    drawn = []
    for line in lines:  # block7–11 ×5
        first, last, times = re.fullmatch(r"(\w+?\d*)(?:–(\d+))?(?: ×(\d+))?", line).groups()
        start = blocks.index(first)
        drawn += blocks[start : start + int(times or 1)]
        assert not last or drawn[-1].endswith(last)
    assert drawn == [name for name in blocks if name != "flatten"]
    assert len(groups(svg, "map")) == len(lines) + 1
    assert not words(draw(layers), "title")

    # All bars of a column have one scale, and together they are the whole.
    columns: dict[int, float] = {}
    for g in share_groups(svg)[2:]:
        rects = list(g.iter("rect"))
        column = int(float(rects[0].get("x")) >= 250)
        columns[column] = columns.get(column, 0.0) + sum(shares(g).values())
    assert near(columns[0], columns[1])
    most = max(
        sum(values) / total
        for index, total in enumerate((cost.total.macs, cost.total.weights))
        for values in by_line(layers, cost, lines, index)
    )
    assert columns[0] == pytest.approx(99 / most, rel=2e-3)


def by_line(layers, cost, lines, index):
    """The costs of the layers of each line."""
    for line in lines:
        name, last = re.fullmatch(r"([a-z]+\d*)(?:–(\d+))?(?: ×\d+)?", line).groups()
        word, first = re.fullmatch(r"([a-z]+)(\d*)", name).groups()
        names = (
            {f"{word}{n}" for n in range(int(first), int(last or first) + 1)} if first else {word}
        )
        yield [
            (row.macs, row.parameters)[index]
            for row, layer in zip(cost.layers, layers, strict=True)
            if layer.spec is not None and layer.name.split(".")[0] in names
        ]


def test_nearly_all_of_mobilenet_is_pointwise():
    svg = svgs(draw(V1))[0]
    macs, weights = map(shares, share_groups(svg)[:2])
    assert macs["pointwise"] > 0.94 * 430
    assert weights["pointwise"] > 0.7 * 430
    assert "block7–11 ×5" in texts(svg)
    assert "46.0 %" in texts(svg)
    assert "block7–11, 5 times: 14×14×512, 46.0 % of MACs" in label(svg)
    assert label(svg).startswith("Network, MobileNet: 568,740,352 MACs and 4,210,088 weights.")
    # Five equal parts, each with its depthwise and its pointwise layer.
    five = [
        g for g in share_groups(svg)[2:] if near(float(g.find("rect").get("y")), ys(svg, "46.0 %"))
    ]
    assert len(five) == 10


def ys(svg: ET.Element, text: str) -> float:
    """The upper edge of the bar in front of a text."""
    return next(float(t.get("y")) for t in svg.iter("text") if t.text == text) - 10.5


def test_maps_shrink_and_deepen():
    svg = svgs(draw(V1))[0]
    fronts = [box(rect) for rect in inside(svg, "map", "rect")]
    sizes = [224, 112, 112, 56, 56, 28, 28, 14, 14, 7, 7, 1, 1]
    channels = [3, 32, 64, 128, 128, 256, 256, 512, 512, 1024, 1024, 1024, 1000]
    assert len(fronts) == len(sizes)
    for (_, _, wide, high), size in zip(fronts, sizes, strict=True):
        assert near(wide, high)
        assert wide / fronts[0][2] == pytest.approx((size / 224) ** 0.5, abs=0.01)
    boxes = [next(iter(g)) for g in groups(svg, "map")]
    roofs = [re.findall(r"-?[\d.]+", faces.find("path").get("d")) for faces in boxes]
    for roof, number in zip(roofs, channels, strict=True):
        assert float(roof[2]) / 44 == pytest.approx((number / 1024) ** 0.5, abs=0.01)
    assert [classes(faces)[0] for faces in boxes] == ["input", *["middle"] * 11, "output"]


@pytest.mark.parametrize("name", NETWORKS)
def test_marks_say_strides_squeezes_and_shortcuts(name):
    layers = walk(NETWORKS[name])
    svg = svgs(draw(layers))[0]
    quiet = [t for g in groups(svg, "quiet") for t in texts(g)]
    for word, found in {
        "stride 2": any(max(w.stride) > 1 for x in layers if (w := x.spec or x.window)),
        "squeeze": any(layer.kind == "multiply" for layer in layers),
        "shortcut": any(layer.kind == "add" for layer in layers),
    }.items():
        assert any(word in text for text in quiet) == found, word
        assert (word in label(svg)) == found
    marked = [text for text in quiet if "shortcut" in text]
    assert len(inside(svg, "shortcut", "circle")) == len(marked)


def test_equal_neighbours_only_are_one_line():
    """block5 and block6 of V3 are equal; 13 has another stride, so 14 and 15 stand alone."""
    names = [t.removesuffix(" ×2") for t in texts(svgs(draw(V3))[0])]
    assert {"block5–6", "block13", "block14–15"} <= set(names)
    rows = [Conv(3, 8), Conv(3, 8), Conv(3, 8), Conv(5, 8), GlobalPool(), Dense(4)]
    found = texts(svgs(draw(walk(rows, 9)))[0])
    # conv1 reads three channels.
    assert [t for t in found if t.startswith("conv")] == ["conv1", "conv2–3 ×2", "conv4"]


def test_small_shares_are_not_called_nothing_and_large_ones_not_all():
    svg = svgs(draw(NETWORKS["conv_mobilenet_v1"]))[0]
    assert {"99.98 % of MACs", "0.02 % of MACs"} <= set(texts(svg))
    shares = [0, 1e-9, 0.0004, 0.0006, 0.5, 0.9996, 0.999999, 1]
    assert [percent(share) for share in shares] == [
        *("0.0 %", "0.001 %", "0.04 %", "0.1 %", "50.0 %", "99.96 %", "99.99 %", "100.0 %")
    ]


def test_titles_and_alt_are_the_caller_s():
    figure = draw(V1, title="Mine", alt="What is seen.")
    assert words(figure, "title") == ["Mine"]
    assert label(svgs(figure)[0]) == "What is seen."


def test_a_folded_network_has_no_norms():
    layers = walk(network("mobilenet_v1", width=0.25, resolution=32))
    folded, _ = fold_batch_norms(layers, initial_parameters(layers, 0))
    svg = svgs(draw(folded))[0]
    assert not any("with norms" in t for t in texts(svg))
    assert not any("norm" in t for t in texts(svgs(block(folded, "block1"))[0]))


# --- A block --------------------------------------------------------------------------


def maps(svg: ET.Element) -> list[tuple[float, float, float, float]]:
    """The bars from top to bottom."""
    found = [
        box(g.find("rect"))
        for g in svg.iter("g")
        if classes(g) in (["input"], ["middle"], ["output"])
    ]
    return sorted(found, key=lambda rect: rect[1])


def lengths(svg: ET.Element) -> list[float]:
    return [rect[2] for rect in maps(svg)]


def strong(svg: ET.Element) -> list[str]:
    return [text.text for text in svg.iter("text") if "strong" in classes(text)]


def wires(svg: ET.Element) -> list[int]:
    return [len(list(g.iter("path"))) for g in groups(svg, "wires")]


def main_path(layers: list[Layer]) -> list[Layer]:
    """The layers but those of a projection and those that change no size."""
    quiet = ("norm", "relu", "swish", "sigmoid", "flatten")
    return [
        layer
        for layer in layers
        if not any(word in layer.kind for word in quiet) and ".shortcut." not in layer.name
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_bars_are_as_long_as_the_channels_of_every_block(name):
    layers = walk(NETWORKS[name])
    blocks = [b for b in dict.fromkeys(x.name.split(".")[0] for x in layers) if b != "flatten"]
    pictures = svgs(block(layers, *blocks))
    most = max(max(x.output_shape[1], x.input_shape[1]) for x in layers if x.name[:3] != "fla")
    assert len({svg.get("viewBox").split()[2] for svg in pictures}) == 1
    for svg, first in zip(pictures, blocks, strict=True):
        inside_it = [layer for layer in layers if layer.name.split(".")[0] == first]
        path = main_path(inside_it)
        channels = [inside_it[0].input_shape[1], *(layer.output_shape[1] for layer in path)]
        assert lengths(svg) == pytest.approx([104 * c / most for c in channels], abs=0.02)
        for rect in maps(svg):
            assert near(rect[0] + rect[2] / 2, maps(svg)[0][0] + maps(svg)[0][2] / 2)
        # Each map's size is written beside it, from top to bottom.
        sizes = [inside_it[0].input_shape, *(layer.output_shape for layer in path)]
        quiet = [t for g in groups(svg, "quiet") for t in texts(g)]
        assert quiet == ["×".join(map(str, (*s[2:], s[1]))) for s in sizes]
        # Layers with weights are orange, the others are not.
        weighs = [layer for layer in path if layer.spec is not None]
        assert len(groups(svg, "wires")) == len(weighs)
        joins = [layer for layer in path if layer.kind in ("add", "multiply")]
        assert len(groups(svg, "join")) == len(groups(svg, "shortcut")) == len(joins)
        assert len(strong(svg)) == len(path)
        rows = network_cost(layers).layers
        macs = sum(row.macs for row in rows if row.name.split(".")[0] == first)
        assert (f"{macs:,} MACs" in texts(svg)) == bool(weighs)


def test_inverted_residuals_are_thick_in_the_middle_and_classic_ones_thin():
    inverted = lengths(svgs(block(V2, "block3"))[0])
    assert inverted == pytest.approx([104 / 6, 104, 104, 104 / 6, 104 / 6], abs=0.01)
    classic = lengths(svgs(block(CLASSIC, "block1"))[0])
    assert classic == pytest.approx([104, 26, 26, 104, 104], abs=0.01)


def test_a_block_of_mobilenet():
    svg = svgs(block(V1, "block6"))[0]
    assert strong(svg) == ["3×3 depthwise", "1×1 pointwise"]
    assert {"stride 2", "norm, ReLU"} <= set(texts(svg))
    # Depthwise: a wire for each; pointwise: all to all.
    narrow, wide = round(104 / 2 / 13), round(104 / 13)
    assert wires(svg) == [narrow, narrow * wide]
    thick = [float(g[0].get("stroke-width")) for g in groups(svg, "wires")]
    assert thick[0] > 3 * thick[1]
    assert "No shortcut." in label(svg)


def test_the_shortcut_leads_from_the_input_to_the_addition():
    plain, short = svgs(block(V2, "block2", "block3"))
    assert not groups(plain, "shortcut")
    (arc,) = groups(short, "shortcut")
    x, y = map(float, re.match(r"M([\d.]+) ([\d.]+)H", arc[0].find("path").get("d")).groups())
    first = maps(short)[0]
    assert near(x, first[0])
    assert near(y, first[1] + first[3] / 2)
    circle = groups(short, "join")[0].find("g/circle")
    ends = re.findall(r" ([\d.]+)H([\d.]+)m", arc[0].find("path").get("d"))
    assert [tuple(map(float, end)) for end in ends] == [
        (float(circle.get("cy")), float(circle.get("cx")) - 8)
    ]
    assert "An arc leads from the input to the addition." in label(short)


def test_squeeze_and_excite_is_an_arc_inside_the_shortcut():
    svg = svgs(block(V3, "block5"))[0]
    assert strong(svg) == [
        *("1×1 pointwise", "5×5 depthwise", "mean of each map", "1×1 pointwise", "1×1 pointwise"),
        *("scales the maps", "1×1 pointwise", "shortcut added"),
    ]
    assert {"hard-sigmoid", "1×1×32", "ReLU"} <= set(texts(svg))
    columns = [
        float(re.search(r"Q([\d.]+)", p.get("d"))[1]) for p in inside(svg, "shortcut", "path")
    ]
    assert len(set(columns)) == 2
    assert "An arc leads from behind 5×5 depthwise to the product." in label(svg)
    # Its maps of one place are the thinnest.
    thin = [rect[3] for rect in maps(svg)]
    assert min(thin) == pytest.approx(thin[3], abs=0.3)
    assert thin[3] < 4 < thin[2]


def test_a_projection_stands_on_the_shortcut():
    svg = svgs(block(XCEPTION, "block2"))[0]
    (projection,) = groups(svg, "projection")
    x, y, wide, high = box(projection.find("rect"))
    on_it = [
        t.text
        for t in svg.iter("text")
        if x <= float(t.get("x")) <= x + wide and y <= float(t.get("y")) <= y + high
    ]
    assert on_it == ["1×1", "pointwise", "stride 2", "norm"]
    assert x + wide < min(rect[0] for rect in maps(svg))
    assert "3×3 max pool" in strong(svg)
    assert [t for t in texts(svg) if t == "ReLU, then"] == ["ReLU, then"] * 2
    assert "from the input through 1×1, pointwise, stride 2, norm to the addition" in label(svg)
    # The first module's first ReLU stands before it, in the rows of the stem.
    assert texts(svgs(block(XCEPTION, "block1"))[0]).count("ReLU, then") == 1


def test_modules_of_one_axis_and_of_groups():
    svg = svgs(block(SLICENET, "module1"))[0]
    assert strong(svg)[:2] == ["depthwise, 3 wide", "pointwise"]
    assert {"dilation 8", "layer norm", "64×1024"} <= set(texts(svg))
    columns = [re.search(r"Q([\d.]+)", p.get("d"))[1] for p in inside(svg, "shortcut", "path")]
    assert "from top to bottom, length × channels: input 64×1024;" in label(svg)
    assert len(set(columns)) == 2  # both begin at the input, one runs outside the other
    grouped = svgs(block(SUPER, "module1"))[0]
    assert {"2 groups", "3 groups"} <= set(texts(grouped))
    # Eight wires in two groups of four, nine in three groups of three.
    assert wires(grouped) == [8, 2 * 4 * 4, 8, 3 * 3 * 3, 8, 2 * 4 * 4, 8, 3 * 3 * 3]


def test_several_networks_have_one_scale_and_their_titles():
    figure = block([("MobileNet", V1), ("MobileNetV2", walk(V2))], "block8", "block9")
    assert words(figure, "title") == ["MobileNet, block8", "MobileNetV2, block9"]
    first, second = map(lengths, svgs(figure))
    assert first == pytest.approx([104] * 3)
    assert second == pytest.approx([104 * c / 512 for c in (64, 384, 384, 64, 64)], abs=0.01)
    one = block([("A", V1), ("B", V2)], "block3", titles=["a", "b"], alt=["x", "y"])
    assert words(one, "title") == ["a", "b"]
    assert [label(svg) for svg in svgs(one)] == ["x", "y"]


def test_a_part_of_a_block_can_be_drawn():
    svg = svgs(block(V3, "block5.squeeze"))[0]
    assert len(lengths(svg)) == 5
    assert len(groups(svg, "shortcut")) == 1
    flat = svgs(block(V1, "flatten"))[0]
    assert texts(flat) == ["flatten", "1×1×1024", "1024", "no weights"]


# --- Refusing -------------------------------------------------------------------------

LONE = (walk(V2)[0],)
REFUSED = [
    (
        lambda: draw("mobilenet_v1"),
        TypeError,
        "layers must be a Network or a tuple or list of Layers, as walk returns. "
        "Received: layers='mobilenet_v1'",
    ),
    (lambda: draw(V1.rows), TypeError, "as walk returns. Received: layers=tuple"),
    (lambda: draw([]), ValueError, "layers must hold at least one layer. Received: layers=[]"),
    (lambda: draw(walk(V1)[1:3]), ValueError, "a network must have a layer with weights."),
    (lambda: draw(V1, title=3), TypeError, "title[0] must be a text. Received: title[0]=3"),
    (lambda: draw(V1, alt=3), TypeError, "alt must be a sequence of texts. Received: alt=3"),
    (
        lambda: block(V1),
        ValueError,
        'block must have at least one name, such as "block1". Received: none',
    ),
    (lambda: block(V1, 3), TypeError, "names[0] must be a text. Received: names[0]=3"),
    (
        lambda: block(CLASSIC, "block2"),
        ValueError,
        "a name must be one of block1, or longer. Received: 'block2'",
    ),
    (lambda: block(3, "block1"), TypeError, "layers must be a Network or a tuple or list of"),
    (
        lambda: block([("A", V1), ("B", 5)], "block1"),
        TypeError,
        "layers[1] must be a Network or a tuple or list of Layers, as walk returns. "
        "Received: layers[1]=5",
    ),
    (
        lambda: block([("A", V1), ("B", V2)], "block1", "block2", "block3"),
        ValueError,
        "there must be one name for all networks, or one for each. "
        "Received: 2 networks and 3 names",
    ),
    (
        lambda: block(V2, "block3.add"),
        ValueError,
        "a block's layers must read the block's input or each other. "
        "Received: block3.add reads block2.project.norm",
    ),
    (
        lambda: block(V1, "block1", titles=["a", "b"]),
        ValueError,
        "titles must have one text for each of 1. Received: titles=['a', 'b']",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[m[:60] for *_, m in REFUSED])
def test_what_cannot_be_drawn_is_refused_with_the_rule(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()


def test_they_need_neither_torch_nor_matplotlib():
    code = (
        "import sys; from dsconv.architectures import NETWORKS as N; from dsconv import viz;"
        "viz.network(N['mobilenet_v1']); viz.block(N['mobilenet_v2'], 'block3');"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    test_viz.subprocess.run([test_viz.sys.executable, "-c", code], check=True)
