"""What one layer costs, and a chain of layers; `dsconv.cost` says what counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from math import prod

from dsconv.geometry import ConvSpec, Shape, Sizes, per_axis, whole_number


@dataclass(frozen=True)
class Cost:
    """What one layer, or several together, takes.

    Attributes
    ----------
    parameters : int
        Numbers that are learnt: weights, the bias if there is one, γ and β if asked for.
    macs : int
        Multiply-accumulate operations.
    weight_bytes, input_bytes, output_bytes : int
        Bytes of the parameters, of what is read and of what is written.

    Notes
    -----
    Costs add up: ``a + b`` and ``sum(costs)``. The intensity of a sum is total FLOP over
    total bytes, as if the layers ran one after another and kept nothing in between.

    Examples
    --------
    >>> layer_cost(ConvSpec(3, 256, 5), (12, 12)).macs
    1228800
    """

    parameters: int
    macs: int
    weight_bytes: int
    input_bytes: int
    output_bytes: int

    @property
    def flops(self) -> int:
        """Floating-point operations: two for each MAC."""
        return 2 * self.macs

    @property
    def bytes_moved(self) -> int:
        """Bytes of parameters, input and output: what passes between memory and processor."""
        return self.weight_bytes + self.input_bytes + self.output_bytes

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOP for each byte of input, weights and output.

        Williams, Waterman and Patterson, "Roofline" (2009).
        """
        return self.flops / self.bytes_moved

    def __add__(self, other: object) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __radd__(self, other: object) -> Cost:
        """Let `sum` start from its 0."""
        return self if other == 0 else NotImplemented


def layer_cost(
    spec: ConvSpec,
    input_size: Sizes,
    *,
    batch_size: int = 1,
    bytes_per_element: int = 4,
    batch_norm: bool = False,
) -> Cost:
    """Return what one convolution layer costs on an input of this size.

    Parameters
    ----------
    spec : ConvSpec
        The layer.
    input_size : int or tuple of int
        (H, W), or (L,) for a 1-D layer, in pixels.
    batch_size : int, optional
        B, the images computed together. The weights are read once for all of them.
    bytes_per_element : int, optional
        4 for float32, 2 for float16, 1 for int8.
    batch_norm : bool, optional
        Count the γ and β of a batch norm behind the layer among the parameters.

    Returns
    -------
    Cost

    Raises
    ------
    TypeError
        If `spec` is no ConvSpec, a number not an integer, or `batch_norm` not a bool.
    ValueError
        If a number is below 1 or the kernel does not fit.

    Notes
    -----
    MACs: B·N·(C / groups)·kH·kW·H'·W'. Howard et al., "MobileNets" (2017), equations 2, 4
    and 5, where H'·W' is the *output* size. Tested against multiplications counted in the
    loops of `dsconv.reference`.

    Examples
    --------
    >>> depthwise = layer_cost(ConvSpec.depthwise(3, 5), (12, 12))
    >>> pointwise = layer_cost(ConvSpec.pointwise(3, 256), (8, 8))
    >>> depthwise.macs, pointwise.macs, (depthwise + pointwise).macs
    (4800, 49152, 53952)
    """
    if not isinstance(spec, ConvSpec):
        msg = f"spec must be a ConvSpec. Received: spec={spec!r} ({type(spec).__name__})"
        raise TypeError(msg)
    if not isinstance(batch_norm, bool):
        msg = f"batch_norm must be True or False. Received: batch_norm={batch_norm!r}"
        raise TypeError(msg)
    batch = whole_number("batch_size", batch_size, minimum=1)
    width = whole_number("bytes_per_element", bytes_per_element, minimum=1)
    output_size = spec.output_size(input_size)
    input_pixels = prod(per_axis("input_size", input_size, spec.axes, minimum=1))

    weights = prod(spec.weight_shape)
    parameters = weights + spec.out_channels * (spec.bias + 2 * batch_norm)
    return Cost(
        parameters=parameters,
        macs=batch * weights * prod(output_size),
        weight_bytes=width * parameters,
        input_bytes=width * batch * spec.in_channels * input_pixels,
        output_bytes=width * batch * spec.out_channels * prod(output_size),
    )


def chain_cost(
    specs: Sequence[ConvSpec],
    input_size: Sizes,
    *,
    batch_size: int = 1,
    bytes_per_element: int = 4,
    batch_norm: bool = False,
) -> Cost:
    """Return what layers cost that run one after another.

    Parameters
    ----------
    specs : sequence of ConvSpec
        The layers; each reads what the one before it wrote.
    input_size : int or tuple of int
        (H, W), or (L,), of the first layer, in pixels.
    batch_size, bytes_per_element, batch_norm
        As for `layer_cost`.

    Returns
    -------
    Cost
        The sum. Maps between two layers are written once and read once.

    Raises
    ------
    TypeError
        If a layer is no ConvSpec, or a number not an integer.
    ValueError
        If there is no layer, a layer does not take what the one before it gives, a number is
        below 1, or a kernel does not fit.

    Examples
    --------
    >>> halves = ConvSpec.depthwise(3, 5), ConvSpec.pointwise(3, 256)
    >>> chain_cost(halves, (12, 12)).macs
    53952
    """
    options = {"batch_size": batch_size, "bytes_per_element": bytes_per_element}
    costs = (
        layer_cost(spec, size, batch_norm=batch_norm, **options)
        for spec, size in _in_turn(specs, input_size)
    )
    return sum(costs, start=Cost(0, 0, 0, 0, 0))


def peak_activation_bytes(
    specs: Sequence[ConvSpec],
    input_size: Sizes,
    *,
    batch_size: int = 1,
    bytes_per_element: int = 4,
) -> int:
    """Return how many bytes of maps are alive at once when layers run one after another.

    Parameters
    ----------
    specs : sequence of ConvSpec
        The layers, a plain chain: each reads only what the one before it wrote.
    input_size : int or tuple of int
        (H, W), or (L,), of the first layer, in pixels.
    batch_size, bytes_per_element
        As for `layer_cost`.

    Returns
    -------
    int
        The largest, over the layers, of input and output together.

    Raises
    ------
    TypeError, ValueError
        As for `chain_cost`.

    Notes
    -----
    For inference: maps are dropped as soon as the next layer has read them, and batch norm
    and activations work in place. Weights do not count, nor does what an implementation
    allocates to work with, such as a patch matrix. A network with shortcuts keeps more than
    a chain does.

    Examples
    --------
    >>> peak_activation_bytes([ConvSpec(512, 512, 3, padding=1)], (14, 14))
    802816
    """
    costs = (
        layer_cost(spec, size, batch_size=batch_size, bytes_per_element=bytes_per_element)
        for spec, size in _in_turn(specs, input_size)
    )
    return max(cost.input_bytes + cost.output_bytes for cost in costs)


def _in_turn(specs: Sequence[ConvSpec], input_size: Sizes) -> Iterator[tuple[ConvSpec, Shape]]:
    """Yield the layers of a chain, each with the size of what it reads, or say what is wrong."""
    if isinstance(specs, ConvSpec) or not isinstance(specs, Sequence):
        msg = (
            "specs must be a sequence of ConvSpec, such as a list. "
            f"Received: specs={specs!r} ({type(specs).__name__})"
        )
        raise TypeError(msg)
    if not specs:
        msg = f"specs must hold at least one layer. Received: specs={specs!r}"
        raise ValueError(msg)
    before: ConvSpec | None = None
    for index, spec in enumerate(specs):
        if not isinstance(spec, ConvSpec):
            msg = (
                f"specs[{index}] must be a ConvSpec. "
                f"Received: specs[{index}]={spec!r} ({type(spec).__name__})"
            )
            raise TypeError(msg)
        if before is not None and (before.out_channels, before.axes) != (
            spec.in_channels,
            spec.axes,
        ):
            msg = (
                f"each layer must take the channels and axes that the one before it gives. "
                f"Received: specs[{index - 1}]={before!r}, specs[{index}]={spec!r}"
            )
            raise ValueError(msg)
        size = per_axis("input_size", input_size, spec.axes, minimum=1)
        yield spec, size
        before, input_size = spec, spec.output_size(size)


__all__ = ["Cost", "chain_cost", "layer_cost", "peak_activation_bytes"]
