"""Gradients of the PyTorch backend, against differences in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import dsconv

# (name, shapes of input, weights and bias, options): stride 2, multiplier 2, odd pads, groups.
CALLS: list[tuple[str, list[tuple[int, ...]], dict[str, Any]]] = [
    ("conv2d", [(2, 4, 5, 4), (2, 2, 3, 2), (2,)],
     {"stride": 2, "padding": ((1, 0), (0, 2)), "groups": 2}),
    ("conv2d", [(2, 4, 5), (3, 2, 2, 2), (3,)],
     {"stride": (1, 2), "padding": "same", "dilation": (1, 2)}),
    ("conv1d", [(2, 2, 7), (4, 1, 3), (4,)], {"stride": 2, "padding": ((2, 0),), "groups": 2}),
    ("depthwise_conv2d", [(1, 2, 5, 4), (4, 1, 3, 2), (4,)],
     {"stride": 2, "padding": ((0, 1), (2, 0)), "dilation": (1, 2)}),
    ("depthwise_conv1d", [(1, 2, 7), (4, 1, 3), (4,)], {"stride": 2, "padding": ((2, 1),)}),
    ("pointwise_conv2d", [(2, 3, 2, 3), (4, 3, 1, 1), (4,)], {}),
    ("pointwise_conv1d", [(3, 4), (2, 3, 1), (2,)], {}),
    ("depthwise_separable_conv2d", [(1, 2, 5, 4), (4, 1, 3, 2), (3, 4, 1, 1), (3,)],
     {"stride": 2, "padding": "same"}),
    ("depthwise_separable_conv1d", [(2, 2, 7), (4, 1, 3), (3, 4, 1), (3,)],
     {"stride": 2, "padding": ((2, 0),)}),
    ("spatially_separable_conv2d", [(1, 2, 5, 4), (3,), (2,)],
     {"stride": 2, "padding": ((1, 0), (0, 2))}),
    ("spatially_separable_conv2d", [(1, 2, 5, 4), (2, 3), (2, 2)],
     {"stride": (1, 2), "dilation": (2, 1), "padding": "same"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shapes", "options"), CALLS)
def test_gradients(rng, name, shapes, options):
    """Of the input, every weight and the bias; once, and once more."""
    arrays = [torch.from_numpy(rng.normal(size=shape)).requires_grad_() for shape in shapes]

    def call(*given: torch.Tensor) -> torch.Tensor:
        return getattr(dsconv, name)(*given, **options)

    assert gradcheck(call, arrays)
    assert gradgradcheck(call, arrays)


def test_the_gradient_stays_in_the_graph_of_the_caller(rng):
    """The input may be the result of something, a leaf, or nothing that learns."""
    leaf = torch.from_numpy(rng.normal(size=(1, 2, 5, 6))).requires_grad_()
    w = torch.from_numpy(rng.normal(size=(4, 1, 3, 3)))
    y = dsconv.depthwise_conv2d(leaf * 2, w, padding=((1, 0), (0, 0)))
    (gradient,) = torch.autograd.grad(y.sum(), leaf)
    # Every tap of both filters of a channel meets the middle pixel once.
    np.testing.assert_allclose(gradient[0, 0, 2, 3], 2 * w[:2].sum(), rtol=1e-12)


def test_bfloat16_keeps_its_dtype_in_the_gradient(rng):
    x = torch.from_numpy(rng.integers(-3, 4, (1, 2, 5, 6))).bfloat16().requires_grad_()
    w = torch.from_numpy(rng.integers(-3, 4, (4, 1, 3, 3))).bfloat16().requires_grad_()
    dsconv.depthwise_conv2d(x, w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (torch.bfloat16, torch.bfloat16)
    assert x.grad[0, 1, 2, 2] == w[2:].sum()
