"""A network as a PyTorch module, to be trained or to be given to other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dsconv.architectures.walker import Layer, check_layers, run
from dsconv.geometry import ConvSpec, Pads


class NetworkModule(nn.Module):
    """The layers of a network, each with a module of its own under the layer's name."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.layers = check_layers(layers)
        for layer in self.layers:
            _place(self, layer.name, _module(layer))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the output of the last layer."""
        output: torch.Tensor = run(
            self.layers, input, lambda layer, inputs: self.get_submodule(layer.name)(*inputs)
        )
        return output


def to_module(layers: Sequence[Layer]) -> NetworkModule:
    """Return the network as a `torch.nn.Module` with PyTorch's own initial numbers.

    Parameters
    ----------
    layers : sequence of Layer
        From `dsconv.architectures.walk`.

    Returns
    -------
    torch.nn.Module
        In training mode. Its `state_dict` has the names of `parameter_shapes`, and each batch
        norm's counter besides. Inputs of other sizes than the walked one work too.

    Notes
    -----
    No dropout: it belongs to a training, and each paper's differs. A tool that traces the module,
    such as an exporter, keeps the padding of the size that it saw.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> module = to_module(walk(NETWORKS["mobilenet_v1"]))
    >>> sum(p.numel() for p in module.parameters())
    4231976
    """
    return NetworkModule(layers)


def _place(parent: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module under a dotted name, with plain modules for the parts in between."""
    *path, last = name.split(".")
    for part in path:
        if part not in parent._modules:
            parent.add_module(part, nn.Module())
        parent = parent.get_submodule(part)
    parent.add_module(last, module)


def _module(layer: Layer) -> nn.Module:
    if layer.kind == "dense" and layer.spec is not None:
        return nn.Linear(layer.spec.in_channels, layer.spec.out_channels)
    if layer.spec is not None:
        return {1: _Conv1d, 2: _Conv2d}[layer.spec.axes](layer.spec)
    channels, axes = layer.output_shape[1], len(layer.output_shape) - 2
    if layer.kind == "batch_norm":
        norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[axes]
        return norm(channels, eps=layer.epsilon)
    if layer.kind == "layer_norm":
        return ScalarLayerNorm(layer.epsilon)
    if layer.kind == "max_pool" and layer.window is not None:
        return _MaxPool(layer.window)
    return _PLAIN[layer.kind]()


def _pad(x: torch.Tensor, pads: Pads, fill: float = 0.0) -> torch.Tensor:
    """Pad only where the two sides differ or a window asks for it."""
    flat = [number for pair in reversed(pads) for number in pair]
    return F.pad(x, flat, value=fill) if any(flat) else x


class _Conv2d(nn.Conv2d):
    """`nn.Conv2d` with the padding of a spec, which may differ on the two sides."""

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__(*_arguments(spec), **_options(spec))
        self.spec = spec

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(_pad(input, _uneven(self.spec, input)))


class _Conv1d(nn.Conv1d):
    """`nn.Conv1d` with the padding of a spec, which may differ on the two sides."""

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__(*_arguments(spec), **_options(spec))
        self.spec = spec

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(_pad(input, _uneven(self.spec, input)))


def _arguments(spec: ConvSpec) -> tuple[Any, ...]:
    return spec.in_channels, spec.out_channels, spec.kernel_size


def _options(spec: ConvSpec) -> dict[str, Any]:
    """Leave the zeros to PyTorch where both sides have as many, whatever the input's size."""
    padding = 0 if spec.padding == "same" else [before for before, _ in spec.padding]
    return {
        "stride": spec.stride,
        "padding": padding,
        "dilation": spec.dilation,
        "groups": spec.groups,
        "bias": spec.bias,
    }


def _uneven(spec: ConvSpec, input: torch.Tensor) -> Pads:
    """Return the zeros that PyTorch's own padding does not put."""
    if spec.padding != "same":
        return ()
    return spec.pads(_size(input))


def _size(input: torch.Tensor) -> tuple[int, ...]:
    """Return the size in plain numbers: a tool that traces keeps the padding of the size it saw."""
    return tuple(int(number) for number in input.shape[2:])


class ScalarLayerNorm(nn.Module):
    """Kaiser et al., section 3.1: over the channels of each position, with two learnt scalars."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the input with mean 0 and variance 1 at each position, scaled and shifted."""
        channels_last = input.movedim(1, -1)
        normal = F.layer_norm(channels_last, channels_last.shape[-1:], eps=self.epsilon)
        return normal.movedim(-1, 1) * self.weight + self.bias


class _MaxPool(nn.Module):
    def __init__(self, window: ConvSpec) -> None:
        super().__init__()
        self.window = window

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        pads = self.window.pads(_size(input))
        pool = {1: F.max_pool1d, 2: F.max_pool2d}[self.window.axes]
        return pool(
            _pad(input, pads, -torch.inf), list(self.window.kernel_size), list(self.window.stride)
        )


class _GlobalAveragePool(nn.Module):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return input.mean(tuple(range(2, input.ndim)), keepdim=True)


class _Add(nn.Module):
    def forward(self, input: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return input + other


class _Multiply(nn.Module):
    def forward(self, input: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return input * other


_PLAIN: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hard_swish": nn.Hardswish,
    "swish": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "global_average_pool": _GlobalAveragePool,
    "flatten": nn.Flatten,
    "add": _Add,
    "multiply": _Multiply,
}

FREE_PARTS = (_MaxPool, _GlobalAveragePool, _Add, _Multiply)
"""Parts that multiply nothing, by the book's convention, and learn nothing."""

__all__ = ["FREE_PARTS", "NetworkModule", "ScalarLayerNorm", "to_module"]
