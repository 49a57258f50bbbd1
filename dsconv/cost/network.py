"""What a whole network costs: one row a layer, and the totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from math import prod
from typing import Any

from dsconv.architectures.networks import Network
from dsconv.architectures.parameters import shapes_of
from dsconv.architectures.walker import INPUT, Layer, check_layers, walk
from dsconv.geometry import Shape, whole_number

IN_PLACE = {
    "batch_norm",
    "layer_norm",
    "relu",
    "relu6",
    "hard_swish",
    "swish",
    "sigmoid",
    "hard_sigmoid",
    "flatten",
}
"""Kinds that write over their input where nothing else still reads it."""

BYTES_OF_FLOAT32 = 4


@dataclass(frozen=True)
class LayerCost:
    """One layer's line in the table.

    Attributes
    ----------
    name, kind : str
    input_shape, output_shape : tuple of int
        (B, C, H, W), of the first input and of the output.
    parameters : int
        Numbers that are learnt; a batch norm's γ and β have a row of their own.
    macs : int
    """

    name: str
    kind: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    macs: int


@dataclass(frozen=True)
class NetworkTotal:
    """The sums over a network.

    Attributes
    ----------
    parameters : int
        All numbers that are learnt, the γ and β of norms included.
    weights : int
        Without those of norms: weights and biases of convolutions and dense layers.
    macs : int
    peak_activation_bytes : int or None
        The most bytes of maps that are alive at once; None where the order of the operations
        is not known.
    """

    parameters: int
    weights: int
    macs: int
    peak_activation_bytes: int | None


@dataclass(frozen=True)
class NetworkCost:
    """The table of a network. Printed, it is that table.

    Attributes
    ----------
    layers : tuple of LayerCost
    total : NetworkTotal
    uncounted : tuple of str
        What was seen and not counted; always empty for the networks of the book.
    """

    layers: tuple[LayerCost, ...]
    total: NetworkTotal
    uncounted: tuple[str, ...] = ()

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Return MACs and parameters summed by kind of layer, where there are any."""
        sums: dict[str, tuple[int, int]] = {}
        for row in self.layers:
            macs, parameters = sums.get(row.kind, (0, 0))
            sums[row.kind] = (macs + row.macs, parameters + row.parameters)
        return {kind: pair for kind, pair in sums.items() if any(pair)}

    def as_dict(self) -> dict[str, Any]:
        """Return the table as JSON takes it: `layers`, `total`, and `uncounted` if there are."""
        found: dict[str, Any] = {
            "layers": [asdict(row) for row in self.layers],
            "total": asdict(self.total),
        }
        return found | ({"uncounted": list(self.uncounted)} if self.uncounted else {})

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "MACs")
        lines = [head, *(_cells(row) for row in self.layers)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [_line(cells, widths) for cells in lines]
        rule = "─" * max(map(len, texts))
        return "\n".join([texts[0], rule, *texts[1:], rule, *self._totals()])

    def _totals(self) -> list[str]:
        found = [
            ("parameters", self.total.parameters, ""),
            ("weights, without norms", self.total.weights, ""),
            ("MACs", self.total.macs, ""),
        ]
        if self.total.peak_activation_bytes is not None:
            found.append(("peak of the maps", self.total.peak_activation_bytes, " bytes"))
        lines = [f"{name:<24}{number:>16,}{unit}" for name, number, unit in found]
        if self.uncounted:
            lines += ["not counted:", *(f"  {name}" for name in self.uncounted)]
        return lines

    def _repr_html_(self) -> str:
        return f'<pre tabindex="0" style="overflow-x: auto">{escape(str(self))}</pre>'


def _cells(row: LayerCost) -> tuple[str, ...]:
    shape = "×".join(map(str, row.output_shape[1:]))
    return row.name, row.kind, shape, f"{row.parameters:,}", f"{row.macs:,}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right])


def network_cost(layers: Network | Sequence[Layer], *, batch_size: int = 1) -> NetworkCost:
    """Return what a network costs, layer by layer and altogether.

    Parameters
    ----------
    layers : Network or sequence of Layer
        A network is walked at its own input size; see `dsconv.architectures.walk` for others.
    batch_size : int, optional
        B: multiplies MACs and maps, not parameters.

    Returns
    -------
    NetworkCost

    Raises
    ------
    TypeError, ValueError
        If `batch_size` is no positive integer, a network cannot be walked, or a layer reads
        what no layer before it gives.

    Notes
    -----
    The peak, in float32: operations run one after another, in the order of the layers, and a
    map is dropped when its last reader has run. Alive during an operation are what it reads,
    what it writes, and what a later one still needs. Norms, activations and `flatten` write over
    their input where nothing else still reads it; additions and products do not.

    Examples
    --------
    >>> from dsconv.architectures import network
    >>> network_cost(network("mobilenet_v1")).total
    NetworkTotal(parameters=4231976, weights=4210088, macs=568740352, peak_activation_bytes=4816896)
    """
    batch = whole_number("batch_size", batch_size, minimum=1)
    walked = walk(layers) if isinstance(layers, Network) else check_layers(layers)
    rows = tuple(layer_row(layer, batch) for layer in walked)
    weights = sum(
        row.parameters for row, layer in zip(rows, walked, strict=True) if layer.spec is not None
    )
    total = NetworkTotal(
        parameters=sum(row.parameters for row in rows),
        weights=weights,
        macs=sum(row.macs for row in rows),
        peak_activation_bytes=BYTES_OF_FLOAT32 * batch * _peak(walked),
    )
    return NetworkCost(rows, total)


def layer_row(layer: Layer, batch: int = 1) -> LayerCost:
    """Return one layer's line of the table.

    Parameters
    ----------
    layer : Layer
    batch : int, optional

    Returns
    -------
    LayerCost

    Examples
    --------
    >>> from dsconv.architectures import network
    >>> layer_row(walk(network("mobilenet_v1"))[0]).macs
    10838016
    """
    shapes = shapes_of(layer)
    learnt = sum(prod(shape) for part, shape in shapes.items() if "running_" not in part)
    spec = layer.spec
    macs = 0 if spec is None else batch * prod(spec.weight_shape) * prod(layer.output_shape[2:])
    return LayerCost(
        layer.name,
        layer.kind,
        (batch, *layer.input_shape[1:]),
        (batch, *layer.output_shape[1:]),
        learnt,
        macs,
    )


def _peak(layers: Sequence[Layer]) -> int:
    """Return the most numbers that are alive during one operation."""
    last_reader = {name: index for index, layer in enumerate(layers) for name in layer.inputs}
    alive = {INPUT: prod(layers[0].input_shape)}
    most = 0
    for index, layer in enumerate(layers):
        ending = [name for name in set(layer.inputs) if last_reader[name] == index]
        in_place = layer.kind in IN_PLACE and layer.inputs[0] in ending
        if not in_place:
            alive[layer.name] = prod(layer.output_shape)
        most = max(most, sum(alive.values()))
        for name in ending:
            del alive[name]
        alive[layer.name] = prod(layer.output_shape)
    return most


__all__ = ["LayerCost", "NetworkCost", "NetworkTotal", "network_cost"]
