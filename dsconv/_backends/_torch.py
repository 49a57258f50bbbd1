"""Convolution with PyTorch's own operations: on its device, with its gradients."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from dsconv.geometry import ConvSpec, Pads


def convolve(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    spec: ConvSpec,
    pads: Pads,
) -> torch.Tensor:
    """Return the convolution of a batched input; see `dsconv.conv2d`."""
    native = {1: F.conv1d, 2: F.conv2d}[spec.axes]
    options = (spec.dilation, spec.groups)
    if all(before == after for before, after in pads):
        return native(input, weight, bias, spec.stride, [p for p, _ in pads], *options)
    return native(pad(input, pads), weight, bias, spec.stride, [0] * spec.axes, *options)


def pad(input: torch.Tensor, pads: Pads) -> torch.Tensor:
    """Return the input with zeros around its spatial axes (`F.pad` takes the last one first)."""
    return F.pad(input, [zeros for pair in reversed(pads) for zeros in pair])
