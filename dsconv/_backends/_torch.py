"""Convolution with PyTorch's own operations: on its device, with its gradients."""

from __future__ import annotations

from contextlib import nullcontext

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
    dtype = input.dtype
    on_cpu = input.device.type == "cpu"
    widened = on_cpu and dtype == torch.bfloat16
    if widened:
        # oneDNN takes bfloat16 in pairs, a pixel of the window with a neighbour outside it times
        # zero, which makes NaN of the neighbour's infinity. It sums in float32 itself.
        input, weight = input.float(), weight.float()  # noqa: A001
        bias = None if bias is None else bias.float()
    padding = [before for before, _ in pads]
    if any(before != after for before, after in pads):
        input, padding = pad(input, pads), [0] * spec.axes  # noqa: A001
    native = {1: F.conv1d, 2: F.conv2d}[spec.axes]
    options = (spec.stride, padding, spec.dilation, spec.groups)
    # NNPACK, which torch may take where oneDNN is missing, uses Winograd and FFT: they spread
    # a NaN over a tile of the output.
    with torch.backends.nnpack.flags(enabled=False) if on_cpu else nullcontext():
        output = native(input, weight, bias, *options)
    return output.to(dtype) if widened else output


def pad(input: torch.Tensor, pads: Pads) -> torch.Tensor:
    """Return the input with zeros around its spatial axes (`F.pad` takes the last one first)."""
    return F.pad(input, [zeros for pair in reversed(pads) for zeros in pair])
