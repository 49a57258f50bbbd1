"""Figures that others printed, beside the same figures computed.

`dsconv/data/published.csv` holds them, one printed figure a line, each with a status:

- *computed*: what the package computes must agree, rounded to the digits that are printed;
- *trap*: it does not agree, and the line says why, as far as somebody knows. A test fails if it
  agrees one day;
- *cited*: an accuracy, a time, a network of other people, a name. Nothing is computed.

The column `how` says what to compute, in words that this module knows: a measure, a subject, and
settings. ``macs mobilenet_v1 width=0.5 resolution=160`` is one of them, ``kernels separable k=3
c=512`` another. `instead` says in the same words what does give a trap's figure, where that is
known; a ``cut`` before it leaves digits off where others round. ``figure`` and ``text`` compute
nothing: they are what somebody else counted, or another version of the publication prints.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from html import escape
from importlib import resources
from itertools import chain, product
from math import prod
from typing import Any, TypeAlias

from dsconv.architectures import Built, Layer, Network, network, walk
from dsconv.cost import chain_cost, network_cost
from dsconv.geometry import ConvSpec

Value: TypeAlias = "int | Fraction | str | tuple[int, ...]"

STATUSES = ("computed", "trap", "cited")
"""What a cell can be."""

GROUPS = {
    "misprint": "the publication contradicts itself, or what it is about",
    "rounding": "cut, where others round, or rounded twice",
    "counting": "something else is counted",
    "build": "another build of the network",
    "version": "versions of the publication differ",
    "unknown": "nobody has found out",
}
"""Why a trap does not agree."""


@dataclass(frozen=True)
class Cell:
    """One printed figure.

    Attributes
    ----------
    source : str
        Key of the publication.
    table, row, column : str
        Where it stands; `row` is a line's number where lines have no names.
    printed : str
        As it is printed.
    unit : str
        What it counts in: "million", "billion", "%", "ms"; empty for plain numbers and words.
    status : {"computed", "trap", "cited"}
    how : str
        What to compute; empty if cited.
    instead : str
        What gives the printed figure of a trap, if that is known.
    group : str
        Which of `GROUPS` a trap belongs to.
    reason : str
        Why a trap does not agree.
    note : str
        What else there is to say.

    Examples
    --------
    >>> cell = cells("MobileNets, Table 4")[1]
    >>> cell.row, cell.printed, cell.computed(), cell.agrees()
    ('Conv MobileNet', '4866', 4867293184, False)
    """

    source: str
    table: str
    row: str
    column: str
    printed: str
    unit: str
    status: str
    how: str = ""
    instead: str = ""
    group: str = ""
    reason: str = ""
    note: str = ""

    def computed(self) -> Value | None:
        """Return the figure as the package computes it, exact and in ones.

        Returns
        -------
        int, Fraction, str, tuple of int or None
            A share is a Fraction, a size a text. A formula gives a number for each choice of
            its letters. None if the cell is cited.
        """
        return _evaluate(self.how) if self.how else None

    def agrees(self) -> bool | None:
        """Return whether the computed figure, rounded to the printed digits, is the printed one.

        Returns
        -------
        bool or None
            None if the cell is cited.

        Notes
        -----
        Half a unit of the last printed digit is the most by which the two may differ.
        """
        return self._comes_from(self.how) if self.how else None

    def explained(self) -> bool | None:
        """Return whether `instead` gives the printed figure.

        Returns
        -------
        bool or None
            None if nothing that does is known.
        """
        return self._comes_from(self.instead) if self.instead else None

    def _comes_from(self, how: str) -> bool:
        value = _evaluate(how.removeprefix("cut "))
        if isinstance(value, tuple):
            return value == tuple(_formula(self.printed, at) for at in _grid(_settings(how)))
        if isinstance(value, str):
            return _plain(value) == _plain(self.printed)
        number, step = _number(self.printed)
        off = Fraction(value) / _unit(self.unit) - number
        return 0 <= off < step if how.startswith("cut ") else abs(off) <= step / 2


@cache
def _all() -> tuple[Cell, ...]:
    file = resources.files("dsconv") / "data" / "published.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(Cell(**row) for row in csv.DictReader(lines[1:]))  # the first is a comment


def cells(table: str | None = None) -> tuple[Cell, ...]:
    """Return the printed figures, of one table or of all.

    Parameters
    ----------
    table : str, optional
        A name that `tables` lists.

    Returns
    -------
    tuple of Cell
        In the order of the tables.

    Raises
    ------
    ValueError
        If there is no such table.

    Examples
    --------
    >>> [cell.printed for cell in cells("MobileNets, Table 2")[:4]]
    ['94.86%', '74.59%', '3.06%', '1.06%']
    """
    if table is None:
        return _all()
    found = tuple(cell for cell in _all() if cell.table == table)
    if not found:
        msg = f"table must be one of {'; '.join(tables())}. Received: table={table!r}"
        raise ValueError(msg)
    return found


def tables(source: str | None = None) -> tuple[str, ...]:
    """Return the names of the tables, of one publication or of all.

    Parameters
    ----------
    source : str, optional
        Key of the publication, as `Cell.source` has it.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If nothing is from there.

    Examples
    --------
    >>> tables("chollet2017xception")
    ('Xception, Table 3', 'Xception, section 3')
    """
    sources = dict.fromkeys(cell.source for cell in _all())
    if source is not None and source not in sources:
        msg = f"source must be one of {', '.join(sources)}. Received: source={source!r}"
        raise ValueError(msg)
    return tuple(
        dict.fromkeys(cell.table for cell in _all() if source is None or cell.source == source)
    )


def table(name: str) -> Table:
    """Return a table that a notebook shows: printed, and computed below.

    Parameters
    ----------
    name : str
        A name that `tables` lists.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there is no such table.

    Examples
    --------
    >>> print(table("MobileNets, Table 4"))
    MobileNets, Table 4
                    ImageNet Accuracy  Million Mult-Adds          Million Parameters
    Conv MobileNet  71.7%              4866  ✗ 4,867,293,184 [1]  29.3  ✓ 29,282,120
    MobileNet       70.6%              569  ✓ 568,740,352         4.2  ✓ 4,210,088
    [1] Counted without the dense layer; MobileNet's 569 beside it is counted with it.
    Million Parameters: weights with the dense layer's bias, without batch norms
    """
    if not isinstance(name, str):
        msg = f"name must be a table's name; see tables(). Received: name={name!r}"
        raise ValueError(msg)
    return Table(name, cells(name))


# --- Computing ------------------------------------------------------------------------


@cache
def _evaluate(how: str) -> Value:
    """Return what the words of a `how` say."""
    measure, subject, *_ = *how.split(), ""
    settings = _settings(how)
    if measure == "text":
        return how.removeprefix("text ")
    if measure == "figure":
        return int(subject)
    try:
        if subject in _LAYERS:
            return _of_layers(measure, subject, settings)
        if "layer" in settings:
            return _OF_A_LAYER[measure](_layers(subject, settings), settings["layer"])
        if "stage" in settings:
            return _OF_A_STAGE[measure](*_stage(_layers(subject, settings), settings["stage"]))
        return _OF_A_NETWORK[measure](_layers(subject, settings), settings)
    except KeyError as error:
        msg = f"how must be a measure, a subject and settings that fit. Received: how={how!r}"
        raise ValueError(msg) from error


_SETTINGS = {
    *("width", "resolution", "rows", "layer", "stage", "kind", "without", "norms"),
    *("k", "c", "g", "size"),
}


def _settings(how: str) -> dict[str, str]:
    """Return the settings of a `how`; a misspelt one would compute something else in silence."""
    found = dict(word.split("=") for word in how.split() if "=" in word)
    unknown = sorted(found.keys() - _SETTINGS)
    if unknown or found.get("rows", "printed") != "printed":
        msg = f"how has settings that nobody reads: {unknown or ['rows']}. Received: how={how!r}"
        raise ValueError(msg)
    return found


@lru_cache(maxsize=8)
def _walked(name: str, width: str, resolution: str, rows: str) -> tuple[Layer, ...]:
    made = network(name, float(width or 1), int(resolution) if resolution else None)
    return walk(_as_printed(made) if rows == "printed" else made)


def _layers(name: str, settings: Mapping[str, str]) -> tuple[Layer, ...]:
    return _walked(name, *(settings.get(key, "") for key in ("width", "resolution", "rows")))


def _as_printed(made: Network) -> Network:
    """Return a network with the numbers of its paper where the builds have others."""
    rows = []
    for row in made.rows:
        printed: dict[str, Any] = {
            name: number.printed for name, number in vars(row).items() if isinstance(number, Built)
        }
        rows.append(replace(row, **printed))
    return replace(made, rows=tuple(rows))


# Whole networks


def _kinds(settings: Mapping[str, str], key: str) -> list[str]:
    return settings[key].split(",") if key in settings else []


_NORMS = ["batch_norm", "layer_norm"]


def _sum(what: str, *, norms: bool = True) -> Callable[[Sequence[Layer], Mapping[str, str]], int]:
    def add_up(layers: Sequence[Layer], settings: Mapping[str, str]) -> int:
        left_out = _kinds(settings, "without") + ([] if norms else _NORMS)
        rows = [row for row in network_cost(layers).layers if row.kind not in left_out]
        # `norms`: so many numbers for each channel of a batch norm, as others count.
        channels = sum(layer.output_shape[1] for layer in layers if layer.kind == "batch_norm")
        counted: int = sum(getattr(row, what) for row in rows)
        return counted + int(settings.get("norms", 0)) * channels

    return add_up


def _share_of_macs(layers: Sequence[Layer], settings: Mapping[str, str]) -> Fraction:
    rows, kinds = network_cost(layers).layers, _kinds(settings, "kind")
    return Fraction(sum(r.macs for r in rows if r.kind in kinds), sum(r.macs for r in rows))


def _share_of_kernels(layers: Sequence[Layer], settings: Mapping[str, str]) -> Fraction:
    kinds = _kinds(settings, "kind")
    sizes = [(one.kind, prod(one.spec.weight_shape)) for one in layers if one.spec]
    return Fraction(sum(s for kind, s in sizes if kind in kinds), sum(s for _, s in sizes))


def _count(layers: Sequence[Layer], settings: Mapping[str, str]) -> int:
    kinds = _kinds(settings, "kind")
    return sum(one.spec is not None and (not kinds or one.kind in kinds) for one in layers)


def _blocks(layers: Sequence[Layer], _: Mapping[str, str]) -> int:
    return len({part for part in map(_part, layers) if part.startswith("block")})


def _part(layer: Layer) -> str:
    """Return the first part of a layer's name: conv1, block3, pool."""
    return layer.name.split(".")[0]


_OF_A_NETWORK: dict[str, Callable[[Sequence[Layer], Mapping[str, str]], Value]] = {
    "macs": _sum("macs"),
    "weights": _sum("parameters", norms=False),
    "parameters": _sum("parameters"),
    "share_of_macs": _share_of_macs,
    "share_of_kernels": _share_of_kernels,
    "layers": _count,
    "blocks": _blocks,
}

# Single layers of a network, as MobileNet's Table 1 writes them

_POOLS = ["global_average_pool"]
_TYPES = {"depthwise_conv": "Conv dw", "dense": "FC"}


def _find(layers: Sequence[Layer], name: str) -> Layer:
    """Return the convolution, dense layer or pool that a name begins."""
    for one in layers:
        if f"{one.name}.".startswith(f"{name}.") and (one.spec or one.kind in _POOLS):
            return one
    msg = f"the network must have the layer. Received: layer={name}"
    raise ValueError(msg)


def _spec(layer: Layer) -> ConvSpec:
    if layer.spec is None:
        msg = f"the layer must have weights. Received: {layer.name}, {layer.kind}"
        raise ValueError(msg)
    return layer.spec


def _size(numbers: Sequence[int]) -> str:
    return " × ".join(map(str, numbers))


def _channels_last(shape: Sequence[int]) -> str:
    return _size((*(shape[2:] or (1, 1)), shape[1]))


def _type_and_stride(layers: Sequence[Layer], name: str) -> str:
    layer = _find(layers, name)
    return f"{_TYPES.get(layer.kind, 'Conv')} / s{_spec(layer).stride[0]}"


def _filter_shape(layers: Sequence[Layer], name: str) -> str:
    layer = _find(layers, name)
    if layer.kind in _POOLS:
        return f"Pool {_size(layer.input_shape[2:])}"
    spec = _spec(layer)
    if layer.kind == "dense":
        return _size((spec.in_channels, spec.out_channels))
    if layer.kind == "depthwise_conv":
        return f"{_size((*spec.kernel_size, spec.out_channels))} dw"
    return _size((*spec.kernel_size, spec.in_channels, spec.out_channels))


def _times(layers: Sequence[Layer], name: str) -> str:
    found = _find(layers, name)
    same = [one for one in layers if (one.spec, one.input_shape) == (found.spec, found.input_shape)]
    return f"{sum(one.kind == found.kind for one in same)}×"


_OF_A_LAYER: dict[str, Callable[[Sequence[Layer], str], Value]] = {
    "type_and_stride": _type_and_stride,
    "filter_shape": _filter_shape,
    "input_shape": lambda layers, name: _channels_last(_find(layers, name).input_shape),
    "output_shape": lambda layers, name: _channels_last(_find(layers, name).output_shape),
    "times": _times,
}

# Stages: blocks of one kind in a row that give as many channels, the lines of MobileNetV2's Table 2

_Stage: TypeAlias = "list[list[Layer]]"


def _stage(layers: Sequence[Layer], first: str) -> tuple[_Stage]:
    """Return the blocks from `first` on that give as many channels as it does."""
    parts: dict[str, list[Layer]] = {}
    for one in layers:
        parts.setdefault(_part(one), []).append(one)
    if first not in parts:
        msg = f"the network must have the block. Received: stage={first}"
        raise ValueError(msg)
    stage: _Stage = []
    for name in list(parts)[list(parts).index(first) :]:
        if stage and (
            name.rstrip("0123456789") != first.rstrip("0123456789")
            or parts[name][-1].output_shape[1] != stage[0][-1].output_shape[1]
        ):
            break
        stage.append(parts[name])
    return (stage,)


def _operator(stage: _Stage) -> str:
    first = stage[0]
    if len([one for one in first if one.spec]) > 1:
        return "bottleneck"
    if first[0].kind in _POOLS:
        return f"avgpool {_size(first[0].input_shape[2:])}"
    return "conv2d 1x1" if prod(_spec(first[0]).kernel_size) == 1 else "conv2d"


def _expansion(stage: _Stage) -> Value:
    ratios = {
        Fraction(one.output_shape[1], block[0].input_shape[1])
        for block in stage
        for one in block
        if one.kind == "depthwise_conv"
    }
    return _listed(sorted(ratios))


def _listed(numbers: Sequence[Fraction]) -> Value:
    """Return the one number that all blocks share, or all of them as a text."""
    if len(numbers) == 1 and numbers[0].denominator == 1:
        return int(numbers[0])
    return ", ".join(map(str, numbers))


_OF_A_STAGE: dict[str, Callable[[_Stage], Value]] = {
    "stage_input": lambda stage: _channels_last(stage[0][0].input_shape),
    "operator": _operator,
    "expansion": _expansion,
    "channels": lambda stage: stage[0][-1].output_shape[1],
    "repeats": len,
    "stride": lambda stage: max(_spec(one).stride[0] for one in stage[0] if one.spec),
}

# Layers by themselves: k, c and g are the letters of SliceNet's paper

_LAYERS: dict[str, Callable[[tuple[int, ...], int, int], list[ConvSpec]]] = {
    "conv": lambda k, c, _: [ConvSpec(c, c, k, padding="same")],
    "separable": lambda k, c, _: [_depthwise(k, c), _pointwise(k, c)],
    "grouped": lambda k, c, g: [ConvSpec(c, c, k, padding="same", groups=g)],
    "grouped_then_pointwise": lambda k, c, g: [
        ConvSpec(c, c, k, padding="same", groups=g),
        _pointwise(k, c),
    ],
    "super_separable": lambda k, c, g: [_depthwise(k, c), _pointwise(k, c, g)],
}


def _depthwise(k: tuple[int, ...], c: int) -> ConvSpec:
    return ConvSpec.depthwise(c, k, padding="same")


def _pointwise(k: tuple[int, ...], c: int, g: int = 1) -> ConvSpec:
    return ConvSpec(c, c, (1,) * len(k), groups=g)


def _of_layers(measure: str, subject: str, settings: Mapping[str, str]) -> Value:
    """Return weights or MACs of a layer: a number if a size is given, else one for each choice."""
    size = int(settings.get("size", 1))
    axes = 2 if "size" in settings else 1
    found = []
    for at in _grid(settings):
        specs = _LAYERS[subject]((at["k"],) * axes, at["c"], at.get("g", 1))
        cost = chain_cost(specs, (size,) * axes)
        found.append({"macs": cost.macs, "kernels": cost.parameters}[measure])
    return found[0] if "size" in settings else tuple(found)


def _grid(settings: Mapping[str, str]) -> Iterator[dict[str, int]]:
    """Yield every choice of the letters k, c and g."""
    letters = [name for name in ("k", "c", "g") if name in settings]
    choices = [[int(n) for n in settings[name].split(",")] for name in letters]
    for numbers in product(*choices):
        yield dict(zip(letters, numbers, strict=True))


# --- Comparing ------------------------------------------------------------------------

_PRINTED = re.compile(r"([\d,]+(?:\.(\d+))?) ?(?:%|M|B|million)?")
_UNITS = {"": Fraction(1), "million": Fraction(10**6), "%": Fraction(1, 100)}


def _unit(unit: str) -> Fraction:
    if unit not in _UNITS:
        msg = f"nothing is computed in this unit, only in {list(_UNITS)}. Received: unit={unit!r}"
        raise ValueError(msg)
    return _UNITS[unit]


def _number(printed: str) -> tuple[Fraction, Fraction]:
    """Return a printed number and one unit of its last digit."""
    match = _PRINTED.fullmatch(printed)
    if match is None:
        msg = f"printed must be a number, perhaps with %, M or B. Received: printed={printed!r}"
        raise ValueError(msg)
    return Fraction(match[1].replace(",", "")), Fraction(1, 10 ** len(match[2] or ""))


def _plain(text: str) -> str:
    """Return a size or a name without what only sets it: 7² × 320 is 7 x 7 x 320."""
    return re.sub(r"(\d+)²", r"\1x\1", text).replace("×", "x").replace(" ", "")


def _formula(printed: str, letters: Mapping[str, int]) -> Fraction:
    """Return the value of a sum of products, such as k·c²/g + c²."""
    total = Fraction(0)
    for term in printed.replace(" ", "").split("+"):
        above, *below = term.split("/")
        factors = [letters[f[0]] ** (2 if f.endswith("²") else 1) for f in above.split("·")]
        total += Fraction(prod(factors), prod(letters[f] for f in below))
    return total


# --- Showing --------------------------------------------------------------------------

_MARKS = {True: ("✓", "agrees"), False: ("✗", "does not agree")}
_NOTHING = "–"

# The colours are the page's own, so that the table follows any theme; the book's variables, where
# they are, only tint the marks. The sign and its name say the same without colour.
_STYLE = """\
.dsconv-published{margin:.5rem 0}
.dsconv-published>div{overflow-x:auto}
.dsconv-published table{border-collapse:collapse;margin:0;color:inherit;font-size:14px;
font-variant-numeric:tabular-nums}
.dsconv-published caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 4px;
color:inherit}
.dsconv-published :is(th,td){padding:4px 14px 4px 0;text-align:left;vertical-align:top;
white-space:nowrap;background:none;border:0;border-bottom:1px solid rgba(128,128,128,.35)}
.dsconv-published th{font-weight:600;white-space:normal}
.dsconv-published thead th{vertical-align:bottom}
.dsconv-published td span{display:block;font-size:13px}
.dsconv-published b{font-weight:600;color:var(--dsconv-output,inherit)}
.dsconv-published b.dsconv-off{color:var(--dsconv-kernel,inherit)}
.dsconv-published :is(ol,p){margin:6px 0 0;font-size:14px;line-height:1.45}
.dsconv-published ol{padding-left:1.6em}
"""


class Table:
    """A published table: printed, and computed below.

    Made by `table`. A notebook shows it as HTML; printed, it is plain text.

    Attributes
    ----------
    name : str
    cells : tuple of Cell
    rows, columns : tuple of str
        In the order of the publication.
    """

    def __init__(self, name: str, cells: Sequence[Cell]) -> None:
        self.name = name
        self.cells = tuple(cells)
        self.rows = tuple(dict.fromkeys(cell.row for cell in self.cells))
        # A line may lack an entry; the longest knows the order.
        lines = [[cell.column for cell in self.cells if cell.row == row] for row in self.rows]
        self.columns = tuple(dict.fromkeys(chain(*sorted(lines, key=len, reverse=True))))
        self._at = {(cell.row, cell.column): cell for cell in self.cells}
        self._reasons = list(dict.fromkeys(cell.reason for cell in self.cells if cell.reason))
        self._notes = [
            f"{_common(self.cells, note)}: {note}"
            for note in dict.fromkeys(cell.note for cell in self.cells if cell.note)
        ]

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [["", *self.columns]]
        lines += [[row, *(self._text(row, column) for column in self.columns)] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        reasons = [f"[{number}] {reason}" for number, reason in enumerate(self._reasons, start=1)]
        return "\n".join([self.name, *text, *reasons, *self._notes])

    def _text(self, row: str, column: str) -> str:
        cell = self._at.get((row, column))
        if cell is None:
            return _NOTHING
        agrees = cell.agrees()
        if agrees is None:
            return cell.printed
        return f"{cell.printed}  {_MARKS[agrees][0]} {_shown(cell)}{self._note(cell)}".rstrip()

    def _note(self, cell: Cell) -> str:
        return f" [{self._reasons.index(cell.reason) + 1}]" if cell.reason else ""

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(column)}</th>' for column in self.columns)
        body = "\n".join(
            f'<tr><th scope="row">{escape(row)}</th>'
            + "".join(self._html(row, column) for column in self.columns)
            + "</tr>"
            for row in self.rows
        )
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self._reasons)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes)
        name = escape(self.name)
        return (
            f'<div class="dsconv dsconv-published"><style>\n{_STYLE}</style>\n'
            f'<div tabindex="0" role="group" aria-label="{name}, may scroll sideways">\n'
            f"<table><caption>{name}</caption>\n"
            f"<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
            + (f"<ol>{reasons}</ol>\n" if reasons else "")
            + f"{notes}</div>"
        )

    def _html(self, row: str, column: str) -> str:
        cell = self._at.get((row, column))
        if cell is None:
            return f"<td>{_NOTHING}</td>"
        agrees = cell.agrees()
        if agrees is None:
            return f"<td>{escape(cell.printed)}</td>"
        sign, name = _MARKS[agrees]
        off = "" if agrees else ' class="dsconv-off"'
        mark = f'<b{off} role="img" aria-label="{name}">{sign}</b>'
        printed, words = escape(cell.printed), escape(f"{_shown(cell)}{self._note(cell)}")
        return f"<td>{printed} {f'<span>{mark} {words}</span>' if words else mark}</td>"


def _common(cells: Sequence[Cell], note: str) -> str:
    """Return the row or the column that the cells with a note share, or both."""
    noted = [cell for cell in cells if cell.note == note]
    shared = [{cell.row for cell in noted}]
    if len({cell.column for cell in cells}) > 1:
        shared.append({cell.column for cell in noted})
    return ", ".join(names.pop() for names in shared if len(names) == 1)


def _shown(cell: Cell) -> str:
    """Return the computed figure as a table shows it; but nothing twice."""
    value: Any = cell.computed()
    if isinstance(value, tuple):
        return f"{len(value)} choices of the letters"
    if isinstance(value, int) and not cell.unit:
        value = f"{value:,}"
    if isinstance(value, str):
        return "" if cell.agrees() else value
    if cell.unit == "%":
        digits = len(cell.printed.partition(".")[2].rstrip("%"))
        return f"{float(100 * value):.{digits + 1}f} %"
    return f"{value:,}"


__all__ = ["GROUPS", "STATUSES", "Cell", "Table", "cells", "table", "tables"]
