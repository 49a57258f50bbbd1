"""Every printed figure agrees with what is computed, or does not and says why, or is only cited."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest
from notebooks import ROOT

from dsconv.architectures import network, walk
from dsconv.cost import network_cost
from dsconv.published import GROUPS, STATUSES, Cell, cells, table, tables

FILE = ROOT / "dsconv" / "data" / "published.csv"


def problem(cell: Cell) -> str:
    """Return what is wrong with a cell, or nothing."""
    if cell.status == "cited":
        nothing = not (cell.how or cell.instead or cell.reason or cell.group)
        return "" if nothing else "cited, yet with something to compute"
    if not cell.how:
        return f"{cell.status}, with nothing to compute"
    if cell.status == "computed":
        if cell.instead or cell.reason or cell.group:
            return "computed, yet with a reason why not"
        return "" if cell.agrees() else f"printed {cell.printed}, computed {cell.computed()}"
    if cell.status == "trap":
        if cell.agrees():
            return f"a trap that agrees: {cell.computed()}"
        if not cell.reason.endswith("."):
            return "a trap without a sentence that says why"
        if cell.group not in GROUPS:
            return f"group {cell.group!r}"
        return f"{cell.instead} does not give it either" if cell.explained() is False else ""
    return f"status {cell.status!r}"


@pytest.mark.parametrize("status", STATUSES)
def test_every_printed_figure_is_what_its_status_says(status):
    found = [cell for cell in cells() if cell.status == status]
    wrong = [f"{c.table}; {c.row}; {c.column}: {problem(c)}" for c in found if problem(c)]
    assert found
    assert not wrong, "\n".join(wrong)


def test_there_is_no_other_status():
    assert {cell.status for cell in cells()} == set(STATUSES)


# --- The check can fail ----------------------------------------------------------------

CONV = cells("MobileNets, Table 4")[1]
RIGHT = cells("MobileNets, Table 4")[4]


def test_the_cells_taken_as_examples():
    assert (CONV.printed, CONV.status, RIGHT.printed, RIGHT.status) == (
        *("4866", "trap"),
        *("569", "computed"),
    )


@pytest.mark.parametrize(
    ("cell", "changes"),
    [
        (CONV, {"printed": "4867"}),
        (CONV, {"reason": ""}),
        (CONV, {"group": "other"}),
        (CONV, {"instead": CONV.how}),
        (CONV, {"status": "computed"}),
        (CONV, {"status": "cited"}),
        (CONV, {"status": "wrong"}),
        (RIGHT, {"printed": "568"}),
        (RIGHT, {"printed": "569.0"}),
        (RIGHT, {"unit": "%"}),
        (RIGHT, {"how": ""}),
        (RIGHT, {"how": "macs mobilenet_v1 resolution=192"}),
        (RIGHT, {"status": "trap", "reason": "None."}),
    ],
)
def test_a_planted_mistake_is_seen(cell, changes):
    assert not problem(cell)
    assert problem(replace(cell, **changes))


def example(printed: str, value: int, unit: str = "million") -> Cell:
    return Cell("", "", "", "", printed, unit, "computed", f"figure {value}")


@pytest.mark.parametrize(
    ("printed", "value", "agrees"),
    [
        ("76", 76_524_800, False),
        ("77", 76_524_800, True),
        ("76", 76_500_000, True),  # half way: either neighbour
        ("77", 76_500_000, True),
        ("4.2", 4_249_999, True),
        ("4.2", 4_250_001, False),
        ("4.20", 4_210_088, False),
        ("4.21M", 4_210_088, True),
        ("300 million", 300_499_999, True),
        ("1,300", 1_300_000_000, True),
    ],
)
def test_the_rounding_rule(printed, value, agrees):
    assert example(printed, value).agrees() is agrees


@pytest.mark.parametrize(
    ("printed", "value", "cut"),
    [("76", 76_999_999, True), ("76", 77_000_000, False), ("76", 75_999_999, False)],
)
def test_cutting(printed, value, cut):
    cell = replace(example(printed, value), instead=f"cut figure {value}")
    assert cell.explained() is cut


def test_exact_numbers_have_no_room():
    assert example("22,855,952", 22_855_952, "").agrees()
    assert not example("22,855,952", 22_855_953, "").agrees()


# --- What is in the file ---------------------------------------------------------------

V1 = ("ImageNet Accuracy", "Million Mult-Adds", "Million Parameters")
SIDES = "1.0 MobileNet-224", "1.0 MobileNet-192", "1.0 MobileNet-160", "1.0 MobileNet-128"
CHECKPOINTS = [f"{w}_{r}" for w in ("1.0", "0.75", "0.50", "0.25") for r in (224, 192, 160, 128)]
WIDTHS = [("1.4", (224,)), ("1.3", (224,))]
WIDTHS += [(w, (224, 192, 160, 128, 96)) for w in ("1.0", "0.75", "0.5", "0.35")]

# Rows, columns, and how many entries of that rectangle the publication leaves empty.
SHAPES = {
    "MobileNets, Table 1": (
        [str(n) for n in range(1, 23)],
        ("Repeat", "Type / Stride", "Filter Shape", "Input Size"),
        20,
    ),
    "MobileNets, Table 2": (
        ["Conv 1 × 1", "Conv DW 3 × 3", "Conv 3 × 3", "Fully Connected"],
        ("Mult-Adds", "Parameters"),
        0,
    ),
    "MobileNets, Table 3": (
        ["Convolution", "Depthwise Separable Conv", "α = 0.75", "ρ = 0.714"],
        V1[1:],
        0,
    ),
    "MobileNets, Table 4": (["Conv MobileNet", "MobileNet"], V1, 0),
    "MobileNets, Table 5": (["0.75 MobileNet", "Shallow MobileNet"], V1, 0),
    "MobileNets, Table 6": ([f"{w} MobileNet-224" for w in ("1.0", "0.75", "0.5", "0.25")], V1, 0),
    "MobileNets, Table 7": (list(SIDES), V1, 0),
    "MobileNets, Table 8": (["1.0 MobileNet-224", "GoogleNet", "VGG 16"], V1, 0),
    "MobileNets, Table 9": (["0.50 MobileNet-160", "Squeezenet", "AlexNet"], V1, 0),
    "MobileNetV2, Table 2": (
        [str(n) for n in range(1, 12)],
        ("Input", "Operator", "t", "c", "n", "s"),
        8,
    ),
    "MobileNetV2, Table 4": (
        [
            *("MobileNetV1", "ShuffleNet (1.5)", "ShuffleNet (x2)", "NasNet-A"),
            *("MobileNetV2", "MobileNetV2 (1.4)"),
        ],
        ("Top 1", "Params", "MAdds", "CPU"),
        2,
    ),
    "MobileNetV3, Table 3": (
        [
            *("V3-Large 1.0", "V3-Large 0.75", "MnasNet-A1", "Proxyless", "V2 1.0"),
            *("V3-Small 1.0, first version", "V3-Small 1.0, later version", "V3-Small 0.75"),
            *("Mnas-small", "V2 0.35"),
        ],
        ("Top-1", "MAdds", "Params", "P-1", "P-2", "P-3"),
        0,
    ),
    "Xception, Table 3": (["Inception V3", "Xception"], ("Parameter count", "Steps/second"), 0),
    "SliceNet, Table 1": (
        ["Non-separable", "Fully-separable", "g-Sub-separable", "g-Super-separable"],
        ("Parameters and approximate floating point operations per position",),
        0,
    ),
    "slim README, MobileNet V1": (
        [f"MobileNet_v1_{name}" for name in CHECKPOINTS],
        ("Million MACs", "Million Parameters", "Top-1 Accuracy", "Top-5 Accuracy"),
        0,
    ),
    "slim README, MobileNetV2": (
        [f"mobilenet_v2_{width}_{side}" for width, sides in WIDTHS for side in sides],
        (
            *("MACs (M)", "Parameters (M)", "Top 1 Accuracy", "Top 5 Accuracy"),
            "Mobile CPU (ms) Pixel 1",
        ),
        0,
    ),
    "slim README, MobileNetV3": (
        [f"{size} dm={dm} (float)" for size in ("Large", "Small") for dm in ("1", "0.75")],
        ("MACs (M)", "Params (M)", "Top1", "Pixel 1", "Pixel 2", "Pixel 3"),
        0,
    ),
    "EfficientNetV2, Table 3": (
        ["No fused", "Fused stage 1-3", "Fused stage 1-5", "Fused stage 1-7"],
        ("Params (M)", "FLOPs (B)", "Top-1 Acc.", "TPU imgs/sec/core", "V100 imgs/sec/gpu"),
        0,
    ),
}

# Single lines and sentences, quoted for a figure in them.
PARTS = {
    "MobileNets, section 3.2": 3,
    "MobileNetV2, Table 3, two lines": 6,
    "MobileNetV2, section 4": 7,
    "Xception, section 3": 1,
    "EfficientNet, Table 1, stage 6": 1,
    "EfficientNet, Table 2, EfficientNet-B0": 4,
    "EfficientNet-Lite, README, Lite0": 9,
    "timm, benchmarks of inference": 28,
    "BSConv, README, CIFAR-10, WRN-16": 28,
}


@pytest.mark.parametrize("name", SHAPES)
def test_tables_are_complete(name):
    rows, columns, empty = SHAPES[name]
    found = table(name)
    assert list(found.rows) == rows
    assert found.columns == columns
    assert len(found.cells) == len(rows) * len(columns) - empty


def test_parts_of_tables_and_sentences():
    assert {name: len(cells(name)) for name in PARTS} == PARTS


def test_there_is_no_other_table():
    assert set(tables()) == SHAPES.keys() | PARTS.keys()
    for source in {cell.source for cell in cells()}:
        assert {cell.source for name in tables(source) for cell in cells(name)} == {source}


def test_each_group_has_traps():
    assert {cell.group for cell in cells()} == {*GROUPS, ""}


def test_each_place_is_filled_once():
    places = Counter((cell.table, cell.row, cell.column) for cell in cells())
    assert [place for place, count in places.items() if count > 1] == []


def test_the_file_is_plain_csv():
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    rows = list(csv.DictReader(lines[1:]))
    assert list(rows[0]) == [field.name for field in fields(Cell)]
    for row in rows:
        assert None not in row
        assert all(text == text.strip() for text in row.values()), row
        assert all(row[name] for name in ("source", "table", "row", "column", "printed")), row


# What does not reproduce, named one by one, so that none is lost from the file.
KNOWN = [
    ("MobileNets, Table 2", "Conv 3 × 3", "Mult-Adds", "1.19%"),
    ("MobileNets, Table 1", "18", "Type / Stride", "Conv dw / s2"),
    ("MobileNets, Table 4", "Conv MobileNet", "Million Mult-Adds", "4866"),
    ("MobileNets, Table 7", "1.0 MobileNet-160", "Million Mult-Adds", "290"),
    ("MobileNetV2, Table 4", "MobileNetV1", "MAdds", "575M"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.75_224", "Million MACs", "317"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.75_192", "Million MACs", "233"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.75_160", "Million MACs", "162"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.75_128", "Million MACs", "104"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.25_192", "Million MACs", "34"),
    ("slim README, MobileNet V1", "MobileNet_v1_0.50_224", "Million MACs", "150"),
    ("slim README, MobileNet V1", "MobileNet_v1_1.0_224", "Million Parameters", "4.24"),
    ("MobileNetV2, section 4", "residual bottleneck layers", "figure", "19"),
    ("MobileNetV2, Table 4", "MobileNetV2 (1.4)", "Params", "6.9M"),
    ("MobileNetV2, Table 4", "MobileNetV2 (1.4)", "MAdds", "585M"),
    ("MobileNetV2, Table 4", "MobileNetV2", "Params", "3.4M"),
    ("MobileNetV2, Table 4", "MobileNetV2", "MAdds", "300M"),
    ("MobileNetV3, Table 3", "V3-Small 1.0, first version", "MAdds", "66"),
    ("MobileNetV3, Table 3", "V3-Small 1.0, first version", "Params", "2.9M"),
    ("EfficientNet, Table 1, stage 6", "6", "Resolution", "28 × 28"),
    ("EfficientNet-Lite, README, Lite0", "efficientnet-lite0", "MAdds", "407M"),
    ("Xception, Table 3", "Inception V3", "Parameter count", "23,626,728"),
    (
        "SliceNet, Table 1",
        "g-Sub-separable",
        "Parameters and approximate floating point operations per position",
        "k·c²/g + c²",
    ),
    ("MobileNetV2, Table 3, two lines", "112x112", "MobileNetV2", "16/400"),
    ("MobileNetV2, Table 3, two lines", "max", "MobileNetV2", "400K"),
    ("MobileNets, Table 9", "0.50 MobileNet-160", "Million Mult-Adds", "76"),
    ("MobileNetV3, Table 3", "V3-Large 1.0", "MAdds", "219"),
    ("MobileNetV3, Table 3", "V3-Large 1.0", "Params", "5.4M"),
]


@pytest.mark.parametrize(("name", "row", "column", "printed"), KNOWN)
def test_known_traps(name, row, column, printed):
    (cell,) = (c for c in cells(name) if (c.row, c.column) == (row, column))
    assert (cell.printed, cell.status) == (printed, "trap")


# --- What is computed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("macs mobilenet_v1", 568_740_352),
        ("weights mobilenet_v1", 4_210_088),
        ("parameters mobilenet_v1", 4_231_976),
        ("macs conv_mobilenet_v1", 4_867_293_184),
        ("macs conv_mobilenet_v1 without=dense", 4_866_269_184),
        ("macs mobilenet_v1 width=0.25 resolution=192", 30_212_608),
        ("weights mobilenet_v2", 3_470_760),
        ("parameters mobilenet_v3_small rows=printed", 2_946_568),
        ("parameters xception", 22_855_952),
        ("macs separable k=3 c=384 size=10", 15_091_200),
        ("kernels super_separable k=3 c=12 g=2", (3 * 12 + 72,)),
        ("share_of_macs mobilenet_v1 kind=dense", Fraction(1_024_000, 568_740_352)),
        ("share_of_kernels mobilenet_v1 kind=conv", Fraction(864, 4_209_088)),
        ("filter_shape mobilenet_v1 layer=block7.pointwise", "1 × 1 × 512 × 512"),
        ("blocks mobilenet_v2", 17),
    ],
)
def test_what_the_words_compute(how, value):
    assert Cell("", "", "", "", "", "", "computed", how).computed() == value


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "xception"])
def test_sums_are_those_of_the_cost_table(name):
    total = network_cost(walk(network(name))).total
    for what in ("macs", "weights", "parameters"):
        cell = Cell("", "", "", "", "", "", "computed", f"{what} {name}")
        assert cell.computed() == getattr(total, what)


def test_the_whole_column_is_cut():
    """The reason that eight of its figures give."""
    column = [c for c in cells("slim README, MobileNetV2") if c.column == "MACs (M)"]
    assert len(column) == 22
    assert all(replace(c, instead=f"cut {c.how}").explained() for c in column)


def test_three_numbers_a_channel_give_all_four_widths():
    column = [c for c in cells("slim README, MobileNet V1") if c.column == "Million Parameters"]
    for c in column:
        assert replace(c, instead=f"{c.how.replace('parameters', 'weights')} norms=3").explained()


def test_the_first_layer_is_missing_at_one_width_only():
    column = [c for c in cells("slim README, MobileNet V1") if c.column == "Million MACs"]
    without = [replace(c, instead=f"{c.how} without=conv").explained() for c in column]
    assert [c.row for c, hit in zip(column, without, strict=True) if hit] == [
        f"MobileNet_v1_0.75_{side}" for side in (224, 192, 160, 128)
    ]


def test_with_the_printed_stride_the_totals_do_not_come_out():
    assert not replace(RIGHT, how="macs mobilenet_v1 rows=printed").agrees()


# --- What is refused, and shown --------------------------------------------------------


def test_an_unknown_table():
    with pytest.raises(ValueError, match=r"table must be one of .*MobileNets, Table 1.*Received"):
        table("Table 1")
    with pytest.raises(ValueError, match="Received: table='x'"):
        cells("x")
    with pytest.raises(ValueError, match=r"source must be one of .*Received: source='x'"):
        tables("x")


@pytest.mark.parametrize(
    "how",
    [
        "macs",
        "macs lenet",
        "colour mobilenet_v1",
        "stride mobilenet_v2 stage=block99",
        "filter_shape mobilenet_v1 layer=block99",
        "macs separable k=3",
    ],
)
def test_words_that_mean_nothing(how):
    with pytest.raises(ValueError, match="Received"):
        replace(RIGHT, how=how).computed()


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match=r"printed must be a number.*Received: printed='many'"):
        replace(RIGHT, printed="many").agrees()
    with pytest.raises(ValueError, match="Received: unit='ms'"):
        replace(RIGHT, unit="ms").agrees()


def test_a_cited_cell_computes_nothing():
    cell = cells("MobileNets, Table 4")[0]
    assert (cell.computed(), cell.agrees(), cell.explained()) == (None, None, None)


def test_as_text():
    text = str(table("MobileNetV2, Table 2"))
    assert repr(table("MobileNetV2, Table 2")) == text
    assert text.splitlines()[1].split() == ["Input", "Operator", "t", "c", "n", "s"]
    assert "–" in text
    assert "[1] Counted without the dense layer" in str(table("MobileNets, Table 4"))


@pytest.mark.parametrize("name", tables())
def test_as_html(name):
    """Headers say what they head, marks have names, words of the file are escaped."""
    shown = table(name)
    root = ET.fromstring(shown._repr_html_())
    heads = [th.text for th in root.iter("th") if th.get("scope") == "col"]
    assert tuple(heads) == shown.columns
    assert [th.text for th in root.iter("th") if th.get("scope") == "row"] == list(shown.rows)
    assert next(root.iter("caption")).text == name
    assert len(list(root.iter("th"))) == len(shown.columns) + len(shown.rows)
    marks = [(b.text, b.get("aria-label"), b.get("role")) for b in root.iter("b")]
    agree = [cell.agrees() for cell in shown.cells if cell.agrees() is not None]
    assert marks.count(("✓", "agrees", "img")) == agree.count(True)
    assert marks.count(("✗", "does not agree", "img")) == agree.count(False)
    assert len(marks) == len(agree)
    assert len(list(root.iter("li"))) == len({cell.reason for cell in shown.cells if cell.reason})
    scrolling = root.find("div")
    assert scrolling.get("tabindex") == "0"
    assert scrolling.get("aria-label")


def test_it_loads_nothing_heavy():
    code = (
        "import sys; from dsconv.published import table, tables\n"
        "for name in tables(): table(name)._repr_html_()\n"
        "print([m for m in ('torch', 'matplotlib', 'pandas', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "how",
    ["macs mobilenet_v1 widht=0.5", "macs mobilenet_v1 rows=prnted", "parameters xception z=3"],
)
def test_a_misspelt_setting_is_refused(how):
    with pytest.raises(ValueError, match="settings that nobody reads"):
        replace(cells("MobileNets, Table 4")[1], how=how).computed()


def test_no_table_has_no_name():
    with pytest.raises(ValueError, match=r"name must be a table's name.*None"):
        table(None)
