"""The cost formula against multiplications counted one by one, and against published numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

import dsconv
from dsconv import ConvSpec, Cost, layer_cost, reference


class Counter:
    """A one that counts how often it is multiplied."""

    multiplications = 0

    def __mul__(self, other: Any) -> int:
        Counter.multiplications += 1
        return 1

    __rmul__ = __mul__


def counted(spec: ConvSpec, size: tuple[int, ...], batch: int) -> tuple[int, int]:
    """Return the multiplications that the loops make, and the outputs they make."""
    weight = np.empty(spec.weight_shape, object)
    weight[...] = Counter()
    Counter.multiplications = 0
    x = np.ones((batch, spec.in_channels, *size), object)
    y = getattr(reference, f"conv{spec.axes}d")(x, weight, **spec.options)
    return Counter.multiplications, y.size


@settings(max_examples=80)
@given(case=cases(largest_kernel=3, batch=False), width=st.sampled_from([1, 2, 4, 8]))
def test_macs_are_the_multiplications_of_the_loops(case, width):
    """Groups, dilation, every padding (its zeros count), stride, 1-D and 2-D."""
    spec = ConvSpec(
        case.channels, case.outputs, case.kernel_size, **case.options, bias=case.has_bias
    )
    cost = layer_cost(spec, case.size, batch_size=case.batch, bytes_per_element=width)
    macs, outputs = counted(spec, case.size, case.batch)
    x, w, b = case.arrays()
    parameters = w.size + (0 if b is None else b.size)
    assert cost == Cost(parameters, macs, width * parameters, width * x.size, width * outputs)
    assert cost.flops == 2 * macs


def test_every_padded_zero_counts():
    assert counted(ConvSpec(1, 1, (3,), padding=5), (2,), 1) == (30, 10)
    assert layer_cost(ConvSpec(1, 1, (3,), padding=5), (2,)).macs == 30


# --- Numbers of the book and of papers ------------------------------------------------


def test_twelve_by_twelve_by_three():
    """The running example: 12×12×3 to 8×8×256 with 5×5 kernels."""
    dense = layer_cost(ConvSpec(3, 256, 5), (12, 12))
    assert (dense.macs, dense.parameters) == (1_228_800, 19_200)
    depthwise = layer_cost(ConvSpec.depthwise(3, 5), (12, 12))
    pointwise = layer_cost(ConvSpec.pointwise(3, 256), (8, 8))
    assert (depthwise.macs, pointwise.macs) == (4_800, 49_152)
    assert (depthwise + pointwise).macs == 53_952
    assert (depthwise + pointwise).parameters == 75 + 768


def test_the_first_layer_of_mobilenet():
    """3×3 kernels, 3 channels to 32: 864 weights, or 27 + 96 = 123."""
    assert layer_cost(ConvSpec(3, 32, 3), (224, 224)).parameters == 864
    halves = [ConvSpec.depthwise(3, 3), ConvSpec.pointwise(3, 32)]
    assert [layer_cost(half, (224, 224)).parameters for half in halves] == [27, 96]
    assert sum(layer_cost(half, (224, 224)) for half in halves).parameters == 123


# FLOP = 2·MAC over 4·(input + weight + output) bytes, each moved once: batch 1, stride 1, padding
# "same", 3×3. Derived by that formula before this package was written, not published; the MACs of
# the first two rows are in Table 3 of Howard et al., "MobileNets" (2017): 462 and 52.3 million.
# map, C, N, operation, MACs, bytes, FLOP a byte
DERIVED = [
    (14, 512, 512, "standard", 462_422_016, 10_240_000, 90.3168),
    (14, 512, 512, "both", 52_283_392, 2_672_640, 39.1249),
    (14, 512, 512, "depthwise", 903_168, 821_248, 2.1995),
    (14, 512, 512, "pointwise", 51_380_224, 1_851_392, 55.5044),
    (56, 128, 128, "standard", 462_422_016, 3_801_088, 243.3103),
    (56, 128, 128, "both", 54_992_896, 6_492_672, 16.94),
    (112, 64, 128, "standard", 924_844_032, 9_928_704, 186.297),
    (112, 64, 128, "depthwise", 7_225_344, 6_424_832, 2.2492),
    (112, 64, 128, "both", 109_985_792, 16_091_392, 13.6701),
    (7, 1024, 1024, "standard", 462_422_016, 38_150_144, 24.2422),
    (7, 1024, 1024, "both", 51_831_808, 5_033_984, 20.5928),
]


@pytest.mark.parametrize(("side", "c", "n", "operation", "macs", "moved", "intensity"), DERIVED)
def test_rows_derived_elsewhere(side, c, n, operation, macs, moved, intensity):
    depthwise = layer_cost(ConvSpec.depthwise(c, 3, padding="same"), side)
    pointwise = layer_cost(ConvSpec.pointwise(c, n), side)
    cost = {
        "standard": layer_cost(ConvSpec(c, n, 3, padding="same"), side),
        "depthwise": depthwise,
        "pointwise": pointwise,
        "both": depthwise + pointwise,
    }[operation]
    assert cost.macs == macs
    assert cost.weight_bytes + cost.input_bytes + cost.output_bytes == moved
    assert round(cost.intensity, 4) == intensity


# --- Parameters, bytes, sums ----------------------------------------------------------


def test_parameters_are_those_of_torch():
    """Counted in real modules: weights, bias, γ and β, but no running statistics."""
    from torch import nn

    for groups, bias, norm in [
        (1, False, False),
        (2, True, False),
        (4, False, True),
        (1, True, True),
    ]:
        modules = [nn.Conv2d(4, 8, (3, 5), groups=groups, bias=bias)]
        modules += [nn.BatchNorm2d(8)] * norm
        spec = ConvSpec(4, 8, (3, 5), groups=groups, bias=bias)
        cost = layer_cost(spec, (9, 9), batch_norm=norm, bytes_per_element=2)
        assert cost.parameters == sum(p.numel() for m in modules for p in m.parameters())
        assert cost.weight_bytes == 2 * cost.parameters
        assert cost.macs == layer_cost(ConvSpec(4, 8, (3, 5), groups=groups), (9, 9)).macs


def test_weights_are_read_once_for_a_batch():
    spec = ConvSpec(3, 8, (3, 2), stride=(1, 2), bias=True)
    one, seven = layer_cost(spec, (9, 8)), layer_cost(spec, (9, 8), batch_size=7)
    assert seven == Cost(
        one.parameters, 7 * one.macs, one.weight_bytes, 7 * one.input_bytes, 7 * one.output_bytes
    )
    assert seven.intensity > one.intensity


def test_sums():
    a, b, c = (Cost(*(10**i + k for k in range(5))) for i in (2, 3, 4))
    total = sum([a, b, c])
    assert total == a + b + c == Cost(11100, 11103, 11106, 11109, 11112)
    assert total.intensity == 2 * 11103 / (11106 + 11109 + 11112)
    assert sum([a, b], start=c) == total
    assert sum([a]) == a
    for other in (1, None, 2.5, "Cost"):
        with pytest.raises(TypeError, match="unsupported operand"):
            a + other
        with pytest.raises(TypeError, match=r"unsupported operand|concatenate"):
            other + a


def test_costs_are_exact_python_integers_however_large():
    spec = ConvSpec(np.int64(2**20), 2**21, 9)
    cost = layer_cost(spec, np.int64(2**20), batch_size=np.int32(2**20))
    assert cost.macs == 2**20 * 2**21 * 2**20 * 81 * (2**20 - 8) ** 2
    assert {type(v) for v in dataclasses.astuple(cost)} == {int}
    assert type(cost.flops) is int
    assert isinstance(cost.intensity, float)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cost.macs = 1


def test_cost_of_a_sequence():
    cost = layer_cost(ConvSpec(2, 6, (4,), stride=3, groups=2, bias=True), 10)
    assert cost == Cost(30, 72, 120, 80, 72)
    assert cost == layer_cost(ConvSpec(2, 6, (4,), stride=3, groups=2, bias=True), (10,))


@pytest.mark.parametrize(
    ("error", "spec", "size", "options", "message"),
    [
        (TypeError, "conv", 9, {}, r"spec must be a ConvSpec. Received: spec='conv' \(str\)"),
        (TypeError, None, 9.0, {}, r"input_size must be an integer.*9.0"),
        (TypeError, None, (9, 9.0), {}, r"input_size\[1\] must be an integer.*9.0"),
        (ValueError, None, (9,), {}, r"input_size must be one integer or 2 .*\(9,\)"),
        (ValueError, None, (0, 9), {}, r"input_size\[0\] must be at least 1.*=0"),
        (ValueError, None, (9, 2), {}, r"must fit into the padded input.*width 2 .*spans 3"),
        (TypeError, None, 9, {"batch_size": 2.0}, r"batch_size must be an integer.*2.0"),
        (ValueError, None, 9, {"batch_size": 0}, r"batch_size must be at least 1.*=0"),
        (TypeError, None, 9, {"bytes_per_element": True}, r"bytes_per_element must be an integer"),
        (ValueError, None, 9, {"bytes_per_element": 0}, r"bytes_per_element must be at least 1"),
        (TypeError, None, 9, {"batch_norm": 1}, r"batch_norm must be True or False.*batch_norm=1"),
        (TypeError, None, 9, {"batch": 1}, r"unexpected keyword argument 'batch'"),
    ],
)
def test_refusals(error, spec, size, options, message):
    with pytest.raises(error, match=message):
        layer_cost(ConvSpec(3, 8, 3) if spec is None else spec, size, **options)


def test_options_go_by_name():
    with pytest.raises(TypeError, match="positional argument"):
        dsconv.layer_cost(ConvSpec(3, 8, 3), 9, 2)
