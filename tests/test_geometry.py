"""Specs: what they say about a layer, and that equal layers are equal specs."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cases, explicit_pads, per_axis

import dsconv
from dsconv import ConvSpec
from dsconv.geometry import plan_convolution


def as_spec(case) -> ConvSpec:
    return ConvSpec(
        case.channels, case.outputs, case.kernel_size, **case.options, bias=case.has_bias
    )


# --- Sizes and pads -------------------------------------------------------------------


@given(case=cases(batch=False))
def test_output_size_is_the_number_of_windows_that_fit(case):
    """Counted by sliding, not by formula."""
    strides, dilations = (per_axis(v, case.axes) for v in (case.stride, case.dilation))
    counted = []
    for n, (before, after), k, s, d in zip(
        case.size, explicit_pads(case), case.kernel_size, strides, dilations, strict=True
    ):
        padded = range(before + n + after)
        starts = range(0, len(padded), s)
        counted.append(sum(all(start + d * i in padded for i in range(k)) for start in starts))
    assert as_spec(case).output_size(case.size) == tuple(counted)


@given(case=cases(batch=False))
def test_pads_are_those_worked_out_by_hand(case):
    assert as_spec(case).pads(case.size) == tuple(explicit_pads(case))


@given(n=st.integers(1, 40), k=st.integers(1, 9), s=st.integers(1, 6), d=st.integers(1, 4))
def test_same_gives_ceil_and_no_more_zeros_than_needed(n, k, s, d):
    spec = ConvSpec(1, 1, (k,), stride=s, dilation=d, padding="same")
    ((before, after),) = spec.pads((n,))
    (outputs,) = spec.output_size((n,))
    assert outputs == -(-n // s)
    assert after - before in (0, 1)  # UPPER: an odd zero goes after
    if before + after:  # one zero fewer loses the last window
        fewer = ConvSpec(1, 1, (k,), stride=s, dilation=d, padding=((before, after - 1),))
        total = n + before + after - 1
        assert total < d * (k - 1) + 1 or fewer.output_size((n,)) == (outputs - 1,)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "pads", "outputs"),
    [
        # Worked on paper from TensorFlow's definition of SAME.
        (6, 3, 1, 1, (1, 1), 6),
        (6, 3, 2, 1, (0, 1), 3),
        (7, 3, 2, 1, (1, 1), 4),
        (6, 2, 1, 1, (0, 1), 6),
        (6, 4, 1, 1, (1, 2), 6),
        (5, 3, 3, 1, (0, 1), 2),
        (6, 1, 3, 1, (0, 0), 2),
        (7, 2, 4, 1, (0, 0), 2),
        (6, 3, 1, 2, (2, 2), 6),
        (2, 5, 1, 3, (6, 6), 2),
        (224, 7, 2, 1, (2, 3), 112),
    ],
)
def test_same_pads_from_paper(size, kernel, stride, dilation, pads, outputs):
    spec = ConvSpec(1, 1, (kernel,), stride=stride, dilation=dilation, padding="same")
    assert (spec.pads((size,)), spec.output_size((size,))) == ((pads,), (outputs,))


@pytest.mark.parametrize(
    ("arguments", "options", "size", "outputs"),
    [
        ((3, 256, 5), {}, (12, 12), (8, 8)),
        ((3, 64, 7), {"stride": 2, "padding": 3}, (224, 160), (112, 80)),
        ((1, 1, (3, 5)), {"dilation": (2, 1)}, (9, 9), (5, 5)),
        ((1, 1, (2, 3)), {"padding": ((1, 0), (0, 2)), "stride": (2, 3)}, (6, 8), (3, 3)),
        ((1, 1, (4,)), {"padding": ((3, 0),)}, (10,), (10,)),
    ],
)
def test_sizes_from_paper(arguments, options, size, outputs):
    assert ConvSpec(*arguments, **options).output_size(size) == outputs


def test_an_int_is_a_square_input():
    spec = ConvSpec(3, 8, (3, 2), padding="same", stride=2)
    assert spec.output_size(9) == spec.output_size((9, 9)) == spec.output_size([9, np.int64(9)])
    assert spec.pads(9) == spec.pads((9, 9))


# --- What a spec is -------------------------------------------------------------------


def test_attributes_are_normalised():
    spec = ConvSpec(
        np.int32(4), 6, [3, np.int64(5)], stride=2, padding=[1, 2], dilation=(1, 3), groups=2
    )
    attributes = dataclasses.asdict(spec)
    assert attributes == {
        "in_channels": 4, "out_channels": 6, "kernel_size": (3, 5), "stride": (2, 2),
        "padding": ((1, 1), (2, 2)), "dilation": (1, 3), "groups": 2, "bias": False,
    }  # fmt: skip
    numbers = [spec.in_channels, *spec.kernel_size, *spec.stride, *spec.padding[0]]
    assert {type(n) for n in numbers} == {int}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ConvSpec(3, 8, 3), ConvSpec(3, 8, (3, 3))),
        (ConvSpec(3, 8, 3), ConvSpec(np.int8(3), np.uint16(8), [3, 3], stride=[1, 1])),
        (ConvSpec(3, 8, 3, padding="valid"), ConvSpec(3, 8, 3, padding=((0, 0), [0, 0]))),
        (ConvSpec(3, 8, 3, padding=(1, 2)), ConvSpec(3, 8, 3, padding=[(1, 1), (2, 2)])),
        (ConvSpec(3, 8, 3, padding=np.str_("same")), ConvSpec(3, 8, 3, padding="same")),
        (ConvSpec(3, 8, (9,), padding=4), ConvSpec(3, 8, [9], padding=((4, 4),), dilation=(1,))),
    ],
)
def test_specs_that_mean_the_same_are_equal(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    assert len({one, other}) == 1


CHANGES = {
    "in_channels": 8, "out_channels": 12, "kernel_size": (2, 5), "stride": (3, 2), "bias": True,
    "padding": ((2, 1), (0, 3)), "dilation": (1, 3), "groups": 1,
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_makes_a_difference(field):
    spec = ConvSpec(
        4, 6, (2, 3), stride=(1, 2), padding=((1, 2), (0, 3)), dilation=(2, 1), groups=2
    )
    other = dataclasses.replace(spec, **{field: CHANGES[field]})
    assert spec != other
    assert repr(spec) != repr(other)
    for one in (spec, other):
        assert eval(repr(one), {"ConvSpec": ConvSpec}) == one


def test_one_entry_is_a_one_dimensional_layer():
    assert (ConvSpec(2, 3, (9,)).axes, ConvSpec(2, 3, 9).axes) == (1, 2)
    assert ConvSpec(2, 3, (9,)) != ConvSpec(2, 3, (9, 1))
    assert ConvSpec(2, 4, (9,), groups=2).weight_shape == (4, 1, 9)


def test_specs_are_frozen_and_can_be_copied():
    spec = ConvSpec(3, 8, (3, 2), padding="same")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.stride = (2, 2)
    for twin in (copy.copy(spec), copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert twin == spec


def test_weight_shape_and_span():
    spec = ConvSpec(6, 9, (3, 2), dilation=(4, 5), groups=3)
    assert spec.weight_shape == (9, 2, 3, 2)
    assert spec.span == (9, 6)


def test_depthwise_and_pointwise_are_specs():
    depthwise = ConvSpec.depthwise(
        3, (3, 5), depth_multiplier=2, stride=2, padding="same", bias=True
    )
    assert depthwise == ConvSpec(3, 6, (3, 5), stride=2, padding="same", groups=3, bias=True)
    assert ConvSpec.pointwise(3, 8) == ConvSpec(3, 8, (1, 1))
    assert ConvSpec.pointwise(3, 8, axes=1, bias=True) == ConvSpec(3, 8, (1,), bias=True)


@given(case=cases(batch=False))
def test_options_make_the_same_call(case):
    """The attributes of a spec, given back to a function, mean the layer they came from."""
    spec = as_spec(case)
    assert set(spec.options) == {"stride", "padding", "dilation", "groups"}
    assert ConvSpec(case.channels, case.outputs, case.kernel_size, **spec.options) == ConvSpec(
        case.channels, case.outputs, case.kernel_size, **case.options
    )
    bias_shape = (case.outputs,) if case.has_bias else None
    plan = plan_convolution(
        case.axes, case.input_shape, spec.weight_shape, bias_shape, **case.options
    )
    assert plan == (spec, tuple(explicit_pads(case)), spec.output_size(case.size), True)


@given(case=cases(batch=False))
def test_plan_and_function_agree_about_the_output(case):
    x, w, b = case.arrays()
    y = getattr(dsconv, f"conv{case.axes}d")(x, w, b, **case.options)
    assert y.shape == (case.batch, case.outputs, *as_spec(case).output_size(case.size))


def test_narrow_integers_are_checked_as_whole_numbers():
    with pytest.raises(ValueError, match=r"groups \(=300\) must divide in_channels \(=200\)"):
        ConvSpec(np.uint8(200), 200, 3, groups=300)


@pytest.mark.parametrize(("axes", "error"), [(True, TypeError), (2.0, TypeError), (3, ValueError)])
def test_a_pointwise_spec_has_one_axis_or_two(axes, error):
    with pytest.raises(error, match="axes must be"):
        ConvSpec.pointwise(3, 8, axes=axes)
