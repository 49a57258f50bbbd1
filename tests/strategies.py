"""Cases for Hypothesis, and an oracle that shares no code with the package.

A `Case` keeps the options in the form in which a caller may write them (an int, a tuple, a list,
a word, pairs), since that is what the functions have to understand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch.nn import functional as F


@dataclass(frozen=True)
class Case:
    """One call of a convolution: shapes, options, and the seed of the numbers."""

    axes: int
    batch: int | None
    size: tuple[int, ...]
    groups: int
    in_per_group: int
    out_per_group: int
    kernel_size: tuple[int, ...]
    stride: Any
    padding: Any
    dilation: Any
    has_bias: bool
    seed: int

    @property
    def channels(self) -> int:
        return self.groups * self.in_per_group

    @property
    def outputs(self) -> int:
        return self.groups * self.out_per_group

    @property
    def input_shape(self) -> tuple[int, ...]:
        batch = () if self.batch is None else (self.batch,)
        return (*batch, self.channels, *self.size)

    @property
    def spatial_options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def options(self) -> dict[str, Any]:
        return self.spatial_options | {"groups": self.groups}

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def arrays(self) -> tuple[Any, Any, Any]:
        """Return input, weight and bias (or None) in float64."""
        rng = self.rng
        weight_shape = (self.outputs, self.in_per_group, *self.kernel_size)
        return (
            rng.normal(size=self.input_shape),
            rng.normal(size=weight_shape),
            rng.normal(size=self.outputs) if self.has_bias else None,
        )


def per_axis(value: Any, axes: int) -> list[int]:
    """Spell out an int or a sequence, one number for each axis."""
    return [int(v) for v in value] if isinstance(value, tuple | list) else [int(value)] * axes


def explicit_pads(case: Case) -> list[tuple[int, int]]:
    """Work the padding out by hand; "same" by TensorFlow's published formula."""
    if case.padding == "valid":
        return [(0, 0)] * case.axes
    if case.padding == "same":
        strides, dilations = (per_axis(v, case.axes) for v in (case.stride, case.dilation))
        pads = []
        for n, k, s, d in zip(case.size, case.kernel_size, strides, dilations, strict=True):
            effective = k + (k - 1) * (d - 1)
            total = max(effective - s, 0) if n % s == 0 else max(effective - n % s, 0)
            pads.append((total // 2, total - total // 2))
        return pads
    if isinstance(case.padding, tuple | list) and isinstance(case.padding[0], tuple | list):
        return [(int(before), int(after)) for before, after in case.padding]
    return [(p, p) for p in per_axis(case.padding, case.axes)]


def oracle(case: Case, x: Any, w: Any, b: Any = None, *, groups: int | None = None) -> Any:
    """Convolve by `torch.nn.functional` in float64, with zeros that NumPy added."""
    batched = x if case.batch is not None else x[None]
    padded = np.pad(batched, [(0, 0), (0, 0), *explicit_pads(case)])
    result = (F.conv1d if case.axes == 1 else F.conv2d)(
        torch.from_numpy(padded),
        torch.from_numpy(w),
        None if b is None else torch.from_numpy(b),
        stride=per_axis(case.stride, case.axes),
        dilation=per_axis(case.dilation, case.axes),
        groups=case.groups if groups is None else groups,
    ).numpy()
    return result if case.batch is not None else result[0]


@st.composite
def _sizes(draw: st.DrawFn, axes: int, low: int, high: int) -> Any:
    """One number, or one for each axis, in any of the forms a caller may use."""
    numbers = draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes))
    form = draw(st.sampled_from(["int", "tuple", "list", "numpy"]))
    if form == "int":
        return numbers[0]
    if form == "list":
        return numbers
    return tuple(np.int64(n) for n in numbers) if form == "numpy" else tuple(numbers)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    axes: int | None = None,
    depthwise: bool = False,
    kernel: int | None = None,
    largest_kernel: int = 4,
    batch: bool = True,
) -> Case:
    """Any valid call: H≠W, kH≠kW, strides, dilations, every padding, groups, batches."""
    axes = draw(st.sampled_from([1, 2, 2])) if axes is None else axes
    kernel_size = tuple(kernel or draw(st.integers(1, largest_kernel)) for _ in range(axes))
    stride, dilation = draw(_sizes(axes, 1, 3)), draw(_sizes(axes, 1, 3))
    pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
    padding = draw(
        st.one_of(
            st.sampled_from(["same", "valid"]),
            _sizes(axes, 0, 3),
            st.tuples(*[pair] * axes),
            st.lists(pair.map(list), min_size=axes, max_size=axes),
        )
    )
    case = Case(
        axes=axes,
        batch=draw(st.sampled_from([None, 0, 1, 2, 3])) if batch else draw(st.integers(1, 2)),
        size=(1,) * axes,
        groups=draw(st.integers(1, 3)),
        in_per_group=1 if depthwise else draw(st.integers(1, 3)),
        out_per_group=draw(st.integers(1, 3)),
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        has_bias=draw(st.booleans()),
        seed=draw(st.integers(0, 2**16)),
    )
    # The smallest input that the kernel fits into, and up to six pixels more on each axis.
    zeros = [(0, 0)] * axes if padding in ("same", "valid") else explicit_pads(case)
    dilations = per_axis(dilation, axes)
    size = []
    for (before, after), k, d in zip(zeros, kernel_size, dilations, strict=True):
        least = 1 if padding == "same" else max(1, d * (k - 1) + 1 - before - after)
        size.append(least + draw(st.integers(0, 6)))
    return Case(**(vars(case) | {"size": tuple(size)}))
