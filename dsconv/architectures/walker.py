"""From rows to layers: what each row stands for, with every size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

from dsconv.architectures.networks import Network, rows_of
from dsconv.architectures.rows import (
    Bottleneck,
    Conv,
    ConvModule,
    Dense,
    GlobalPool,
    Padding,
    Row,
    Separable,
    SqueezeExcite,
    Step,
    Style,
    XceptionModule,
    check_rows,
    value,
)
from dsconv.architectures.scaling import make_divisible
from dsconv.geometry import ConvSpec, Pads, Shape, Sizes, per_axis, whole_number

INPUT = "input"
"""The name of the image, or the sequence, in `Layer.inputs`."""


@dataclass(frozen=True)
class Layer:
    """One operation of a network.

    Attributes
    ----------
    name : str
        Dotted, such as "block3.depthwise.conv"; what it computes has this name too.
    kind : str
        conv, grouped_conv, depthwise_conv, pointwise_conv, dense; batch_norm, layer_norm; relu,
        relu6, hard_swish, swish, sigmoid, hard_sigmoid; max_pool, global_average_pool, flatten;
        add, multiply.
    spec : ConvSpec or None
        Of a convolution or a dense layer: a dense layer is a pointwise one on a single pixel.
    inputs : tuple of str
        The layers that it reads; "input" is what the network is given.
    input_shape, output_shape : tuple of int
        (1, C, H, W) or (1, C, L), and (1, C) behind "flatten"; `input_shape` is that of the
        first input.
    window : ConvSpec or None
        Size, stride and padding of a pooling window.
    epsilon : float
        What a norm adds to the variance; 0 for other kinds.
    """

    name: str
    kind: str
    spec: ConvSpec | None
    inputs: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape
    window: ConvSpec | None = None
    epsilon: float = 0.0


def walk(
    rows: Network | Sequence[Row], input_size: Sizes | None = None, in_channels: int | None = None
) -> tuple[Layer, ...]:
    """Return the layers that rows stand for, in the order in which they run.

    Parameters
    ----------
    rows : Network or sequence of rows
        A network brings its own input; rows need an `input_size`.
    input_size : int or tuple of int, optional
        (H, W) in pixels, an int for a square, or (L,) in positions.
    in_channels : int, optional
        Channels of the input; by default the network's, or 3.

    Returns
    -------
    tuple of Layer
        A projection on a shortcut stands before the main branch.

    Raises
    ------
    TypeError
        If `rows` are no rows, or a number is no integer.
    ValueError
        If there is no row or no size, a kernel does not fit, or channels do not.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS
    >>> layers = walk(NETWORKS["mobilenet_v1"])
    >>> layers[0].name, layers[0].kind, layers[0].output_shape
    ('conv1.conv', 'conv', (1, 32, 112, 112))
    >>> layers[1].inputs
    ('conv1.conv',)
    """
    found, own_size, own_channels = rows_of(rows)
    checked = check_rows(found)
    size = own_size if input_size is None else input_size
    if size is None:
        msg = "input_size must be given with rows that bring none. Received: input_size=None"
        raise ValueError(msg)
    axes = len(size) if isinstance(size, tuple | list) else 2
    if axes not in (1, 2):
        msg = f"input_size must have one entry (length) or two (height, width). Received: {size!r}"
        raise ValueError(msg)
    sizes = per_axis("input_size", size, axes, minimum=1)
    channels = own_channels if in_channels is None else in_channels
    walker = _Walker((1, whole_number("in_channels", channels, minimum=1), *sizes))
    for row in checked:
        if walker.axes == 0 and not isinstance(row, Style | Dense):
            msg = f"behind a GlobalPool only a Dense row may stand. Received: {row!r}"
            raise ValueError(msg)
        walker.lay(row)
    return check_layers(walker.layers)


def check_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers as a tuple, or say why they cannot run one after another.

    Parameters
    ----------
    layers : sequence of Layer

    Returns
    -------
    tuple of Layer

    Raises
    ------
    TypeError
        If an entry is no Layer.
    ValueError
        If there is none, or one reads what no layer before it gives.

    Examples
    --------
    >>> len(check_layers(walk([Conv(3, 8)], 9)))
    3
    """
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        msg = (
            "layers must be a sequence of Layer, such as walk(network) gives. "
            f"Received: {type(layers).__name__}"
        )
        raise TypeError(msg)
    if not layers:
        msg = "layers must hold at least one Layer. Received: none"
        raise ValueError(msg)
    given = {INPUT}
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            msg = f"layers[{index}] must be a Layer. Received: {type(layer).__name__}"
            raise TypeError(msg)
        unknown = [name for name in layer.inputs if name not in given]
        if unknown:
            msg = (
                f"a layer reads {INPUT!r} or a layer before it. "
                f"Received: {layer.name}, which reads {unknown[0]!r}"
            )
            raise ValueError(msg)
        if layer.name in given:
            msg = f"each layer must have a name of its own. Received: {layer.name} twice"
            raise ValueError(msg)
        given.add(layer.name)
    return tuple(layers)


def run(layers: Sequence[Layer], input: Any, compute: Callable[[Layer, list[Any]], Any]) -> Any:
    """Return the last output when each layer computes one from the outputs that it reads.

    Parameters
    ----------
    layers : sequence of Layer
    input : array
    compute : callable
        Is given a layer and a list of its inputs.

    Returns
    -------
    array

    Examples
    --------
    >>> run(walk([Conv(3, 8)], 9), 1, lambda layer, inputs: inputs[0] + 1)
    4
    """
    last_reader = {name: layer.name for layer in layers for name in layer.inputs}
    made = {INPUT: input}
    output = input
    for layer in layers:
        output = compute(layer, [made[name] for name in layer.inputs])
        made[layer.name] = output
        for name in layer.inputs:  # what nobody reads any more need not be kept
            if last_reader[name] == layer.name:
                made.pop(name, None)
    return output


class _Walker:
    """Lays one row behind another; `at` is the layer that the next one reads."""

    def __init__(self, input_shape: Shape) -> None:
        self.layers: list[Layer] = []
        self.shapes = {INPUT: input_shape}
        self.at = INPUT
        self.style = Style()
        self.counts: dict[str, int] = {}

    # --- Single layers --------------------------------------------------------------------

    @property
    def channels(self) -> int:
        return self.shapes[self.at][1]

    @property
    def axes(self) -> int:
        return len(self.shapes[self.at]) - 2

    def add(self, name: str, kind: str, shape: Shape | None = None, **other: Any) -> None:
        """Append a layer that reads `inputs`, or else the last one."""
        inputs = other.pop("inputs", (self.at,))
        if kind == "add" and len({self.shapes[name] for name in inputs}) > 1:
            sizes = " and ".join(str(self.shapes[name]) for name in inputs)
            msg = f"a shortcut must have the shape that it is added to. Received: {sizes} in {name}"
            raise ValueError(msg)
        before = self.shapes[inputs[0]]
        after = before if shape is None else shape
        self.layers.append(
            Layer(name, kind, other.pop("spec", None), inputs, before, after, **other)
        )
        self.shapes[name] = after
        self.at = name

    def conv(
        self,
        name: str,
        spec: ConvSpec,
        *,
        batch_norm: bool = True,
        activation: str | None = None,
    ) -> None:
        """Append a convolution, and its batch norm and activation."""
        size = self.shapes[self.at][2:]
        shape = (1, spec.out_channels, *spec.output_size(size))
        self.add(f"{name}.conv", kind_of(spec), shape, spec=spec)
        if batch_norm:
            self.add(f"{name}.norm", "batch_norm", epsilon=self.style.epsilon)
        self.activate(name, self.style.activation if activation is None else activation)

    def activate(self, name: str, activation: str) -> None:
        if activation:
            self.add(f"{name}.{activation}", activation)

    def standard(self, out_channels: int, kernel: int, stride: int, padding: Padding) -> ConvSpec:
        return ConvSpec(
            self.channels,
            out_channels,
            (kernel,) * self.axes,
            stride=stride,
            padding=pads(padding, kernel, self.axes),
        )

    def depthwise(self, kernel: int, stride: int = 1, dilation: int = 1) -> ConvSpec:
        return ConvSpec.depthwise(
            self.channels,
            (kernel,) * self.axes,
            stride=stride,
            padding=pads(self.style.padding, dilation * (kernel - 1) + 1, self.axes),
            dilation=dilation,
        )

    def pointwise(self, out_channels: int) -> ConvSpec:
        return ConvSpec.pointwise(self.channels, out_channels, axes=self.axes)

    def next(self, kind: str) -> str:
        """Return the next name of a kind: block1, block2, ..."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}{self.counts[kind]}"

    # --- Rows -----------------------------------------------------------------------------

    @singledispatchmethod
    def lay(self, row: Row) -> None:
        raise NotImplementedError(type(row).__name__)  # check_rows has let no other through

    @lay.register
    def _(self, row: Style) -> None:
        self.style = row

    @lay.register
    def _(self, row: Conv) -> None:
        padding = self.style.padding if row.padding is None else row.padding
        for index in range(row.repeat):
            spec = self.standard(
                value(row.out_channels),
                row.kernel_size,
                1 if index else row.stride,
                padding,
            )
            self.conv(self.next("conv"), spec, activation=row.activation)

    @lay.register
    def _(self, row: Separable) -> None:
        for index in range(row.repeat):
            name = self.next("block")
            inside = None if row.between else ""
            self.conv(
                f"{name}.depthwise",
                self.depthwise(row.kernel_size, 1 if index else value(row.stride)),
                batch_norm=row.between,
                activation=inside,
            )
            self.conv(f"{name}.pointwise", self.pointwise(value(row.out_channels)))

    @lay.register
    def _(self, row: Bottleneck) -> None:
        for index in range(row.repeat):
            name, start, width = self.next("block"), self.at, self.channels
            stride = 1 if index else row.stride
            middle = row.expanded or row.t * width
            if middle != width:
                self.conv(f"{name}.expand", self.pointwise(middle), activation=row.activation)
            self.conv(
                f"{name}.depthwise",
                self.depthwise(row.kernel_size, stride),
                activation=row.activation,
            )
            if row.squeeze:
                self.squeeze(f"{name}.squeeze", row.squeeze, width)
            self.conv(f"{name}.project", self.pointwise(value(row.out_channels)), activation="")
            if stride == 1 and self.channels == width:
                self.add(f"{name}.add", "add", inputs=(self.at, start))

    def squeeze(self, name: str, squeeze: SqueezeExcite, block_width: int) -> None:
        """Append a squeeze-and-excite, part by part."""
        maps, width = self.at, self.channels
        base = width if squeeze.of == "expanded" else block_width
        # With a divisor of 1, as the EfficientNets have it: to the nearest whole number.
        middle = make_divisible(base / squeeze.divide_by, squeeze.divisor)
        self.add(f"{name}.pool", "global_average_pool", (1, width, *(1,) * self.axes))
        self.conv_with_bias(f"{name}.reduce", middle)
        self.activate(name, squeeze.activation)
        self.conv_with_bias(f"{name}.widen", width)
        self.add(f"{name}.gate", squeeze.gate)
        self.add(f"{name}.scale", "multiply", inputs=(maps, self.at))

    def conv_with_bias(self, name: str, out_channels: int) -> None:
        spec = with_bias(self.pointwise(out_channels))
        self.add(name, kind_of(spec), (1, out_channels, *self.shapes[self.at][2:]), spec=spec)

    @lay.register
    def _(self, row: XceptionModule) -> None:
        for _ in range(row.repeat):
            name, start, shortcut = self.next("block"), self.at, self.at
            if row.stride > 1 or self.channels != row.out_channels[-1]:
                spec = self.standard(row.out_channels[-1], 1, row.stride, "valid")
                self.conv(f"{name}.shortcut", spec, activation="")
                shortcut, self.at = self.at, start
            for index, out_channels in enumerate(row.out_channels, start=1):
                part = f"{name}.separable{index}"
                if index > 1 or row.first_activation:
                    self.activate(part, self.style.activation)
                self.add_depthwise(f"{part}.depthwise", self.depthwise(row.kernel_size))
                self.conv(f"{part}.pointwise", self.pointwise(out_channels), activation="")
            if row.stride > 1:
                self.pool(f"{name}.pool", row.stride)
            self.add(f"{name}.add", "add", inputs=(self.at, shortcut))

    def add_depthwise(self, name: str, spec: ConvSpec) -> None:
        self.conv(name, spec, batch_norm=False, activation="")

    def pool(self, name: str, stride: int) -> None:
        """Append a max pool with a window of 3."""
        window = ConvSpec.depthwise(
            self.channels,
            (3,) * self.axes,
            stride=stride,
            padding=pads(self.style.padding, 3, self.axes),
        )
        size = window.output_size(self.shapes[self.at][2:])
        self.add(name, "max_pool", (1, self.channels, *size), window=window)

    @lay.register
    def _(self, row: ConvModule) -> None:
        for _ in range(row.repeat):
            name, start = self.next("module"), self.at
            for index, step in enumerate(row.steps, start=1):
                self.step(f"{name}.step{index}", step, start)

    def step(self, name: str, step: Step, start: str) -> None:
        """Append one of SliceNet's steps."""
        self.activate(name, self.style.activation)
        spec = self.depthwise(step.kernel_size, dilation=step.dilation)
        self.add_depthwise(f"{name}.depthwise", spec)
        mixing = ConvSpec(self.channels, self.channels, (1,) * self.axes, groups=step.groups)
        self.conv(f"{name}.pointwise", mixing, batch_norm=False, activation="")
        self.add(f"{name}.norm", "layer_norm", epsilon=self.style.epsilon)
        if step.shortcut:
            self.add(f"{name}.add", "add", inputs=(self.at, start))

    @lay.register
    def _(self, _row: GlobalPool) -> None:
        self.add("pool", "global_average_pool", (1, self.channels, *(1,) * self.axes))
        self.add("flatten", "flatten", (1, self.channels))

    @lay.register
    def _(self, row: Dense) -> None:
        if len(self.shapes[self.at]) > 2:
            msg = (
                "a Dense row needs a GlobalPool before it. "
                f"Received: maps of shape {self.shapes[self.at]}"
            )
            raise ValueError(msg)
        out_channels, name = value(row.out_channels), self.next("dense")
        spec = ConvSpec.pointwise(self.channels, out_channels, bias=True)
        self.add(f"{name}.dense", "dense", (1, out_channels), spec=spec)
        self.activate(name, row.activation)


def pads(padding: Padding, span: int, axes: int) -> Pads | str:
    """Return a row's padding as a ConvSpec takes it."""
    return (((span - 1) // 2,) * 2,) * axes if padding == "half" else padding


def kind_of(spec: ConvSpec) -> str:
    """Return what people call a convolution of this shape.

    Parameters
    ----------
    spec : ConvSpec

    Returns
    -------
    str
        depthwise_conv, pointwise_conv, grouped_conv or conv.

    Examples
    --------
    >>> kind_of(ConvSpec.pointwise(8, 16)), kind_of(ConvSpec(8, 8, 3, groups=8))
    ('pointwise_conv', 'depthwise_conv')
    """
    if spec.groups == spec.in_channels > 1:
        return "depthwise_conv"
    if spec.groups > 1:
        return "grouped_conv"
    return "pointwise_conv" if set(spec.kernel_size) == {1} else "conv"


def with_bias(spec: ConvSpec) -> ConvSpec:
    """Return the spec with a bias.

    Parameters
    ----------
    spec : ConvSpec

    Returns
    -------
    ConvSpec

    Examples
    --------
    >>> with_bias(ConvSpec(3, 8, 3)).bias
    True
    """
    return ConvSpec(
        spec.in_channels, spec.out_channels, spec.kernel_size, bias=True, **spec.options
    )


__all__ = ["INPUT", "Layer", "check_layers", "kind_of", "run", "walk", "with_bias"]
