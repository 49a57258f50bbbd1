"""Weights in a few bits, against PyTorch's fake quantisation and a search over the whole grid."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dsconv.quantise import Quantised, quantise

SEEDS = st.integers(0, 2**32 - 1)
BITS = st.integers(2, 10)
SHAPES = st.sampled_from([(5, 1, 3, 3), (4, 6, 1, 1), (3, 2, 5), (7, 4), (6,), (1, 1, 2, 3)])
FLAGS = st.booleans()


def refuses(error: type[Exception], message: str) -> Any:
    """Expect exactly this message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def uneven(seed: int, shape: tuple[int, ...], shift: float = 0.0) -> np.ndarray:
    """Return filters of very different sizes, as a folded batch norm leaves them."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-3, 3, (shape[0], *(1,) * (len(shape) - 1)))
    return sizes * (rng.normal(size=shape) + shift)


def grid(result: Quantised, bits: int, symmetric: bool) -> np.ndarray:
    """Return all points of each scale's grid, one row a scale."""
    top = 2 ** (bits - 1) - 1
    steps = np.arange(-top, top + 1) if symmetric else np.arange(2**bits)
    points = result.scale.reshape(-1, 1) * (steps - result.zero_point.reshape(-1, 1))
    assert points.shape == (result.scale.size, 2**bits - symmetric)
    return points


# --- What a grid is -------------------------------------------------------------------


@given(seed=SEEDS, shape=SHAPES, bits=BITS, per_channel=FLAGS, symmetric=FLAGS)
def test_every_weight_goes_to_the_nearest_point(seed, shape, bits, per_channel, symmetric):
    weight = uneven(seed, shape, shift=0.5)
    result = quantise(weight, bits, per_channel=per_channel, symmetric=symmetric)
    points = grid(result, bits, symmetric)
    for row, filter_ in enumerate(weight):
        own = points[row if per_channel else 0]
        chosen = np.ravel(result.weight[row])
        for number, got in zip(np.ravel(filter_), chosen, strict=True):
            assert np.isclose(own, got, rtol=1e-12, atol=0).any()
            assert abs(got - number) <= np.abs(own - number).min() * (1 + 1e-6)


@given(seed=SEEDS, shape=SHAPES, bits=BITS, per_channel=FLAGS, symmetric=FLAGS)
def test_no_weight_moves_by_more_than_half_a_step(seed, shape, bits, per_channel, symmetric):
    weight = uneven(seed, shape, shift=2.0)
    result = quantise(weight, bits, per_channel=per_channel, symmetric=symmetric)
    assert (np.abs(result.weight - weight) <= result.scale / 2 * (1 + 1e-9)).all()


@given(seed=SEEDS, bits=st.integers(3, 8), per_channel=FLAGS, symmetric=FLAGS)
def test_pytorch_rounds_to_the_same_points(seed, bits, per_channel, symmetric):
    """On the same grid; where float32 and float64 disagree about a half, by one step."""
    weight = uneven(seed, (6, 2, 3, 3)).astype(np.float32)
    result = quantise(weight, bits, per_channel=per_channel, symmetric=symmetric)
    top = 2 ** (bits - 1) - 1
    ends = (-top, top) if symmetric else (0, 2**bits - 1)
    tensor = torch.from_numpy(weight)
    if per_channel:
        scales = torch.from_numpy(result.scale.ravel()).float()
        zeros = torch.from_numpy(result.zero_point.ravel()).int()
        theirs = torch.fake_quantize_per_channel_affine(tensor, scales, zeros, 0, *ends)
    else:
        numbers = float(result.scale.item()), int(result.zero_point.item())
        theirs = torch.fake_quantize_per_tensor_affine(tensor, *numbers, *ends)
    steps = (result.weight - theirs.numpy()) / result.scale
    fraction = np.abs(weight / result.scale) % 1
    on_a_half = np.abs(fraction - 0.5) < 1e-4
    np.testing.assert_allclose(steps[~on_a_half], 0, atol=1e-4)
    assert (np.abs(steps) < 1.001).all()


def test_scales_by_hand():
    weight = np.array([[-8.0, 2.0, 6.0], [0.5, 1.0, 3.0]])
    symmetric = quantise(weight, 4)
    assert symmetric.scale.tolist() == [[8 / 7]]
    assert symmetric.values.tolist() == [[-7, 2, 5], [0, 1, 3]]
    by_filter = quantise(weight, 4, per_channel=True)
    assert by_filter.scale.tolist() == [[8 / 7], [3 / 7]]
    assert by_filter.values.tolist() == [[-7, 2, 5], [1, 2, 7]]
    affine = quantise(weight, 4, symmetric=False)
    np.testing.assert_allclose(affine.scale, [[14 / 15]], rtol=1e-15)
    assert affine.zero_point.tolist() == [[9]]  # 8 / (14 / 15) = 8.57
    assert affine.values.tolist() == [[0, 11, 15], [10, 10, 12]]
    both = quantise(weight, 4, per_channel=True, symmetric=False)
    np.testing.assert_allclose(both.scale, [[14 / 15], [3 / 15]], rtol=1e-15)
    assert both.zero_point.tolist() == [[9], [0]]  # the second row is stretched to reach 0
    assert both.values.tolist() == [[0, 11, 15], [2, 5, 15]]


@given(seed=SEEDS, bits=BITS, per_channel=FLAGS, symmetric=FLAGS)
def test_zero_stays_zero(seed, bits, per_channel, symmetric):
    weight = uneven(seed, (4, 1, 3, 3), shift=3.0)
    weight[:, 0, 1, 1] = 0
    result = quantise(weight, bits, per_channel=per_channel, symmetric=symmetric)
    assert (result.weight[:, 0, 1, 1] == 0).all()


def test_ties_go_to_the_even_neighbour():
    weight = np.array([[3.0, 0.5, 1.5, 2.5, -0.5, -2.5]])
    assert quantise(weight, 3).values.tolist() == [[3, 0, 2, 2, 0, -2]]


@pytest.mark.parametrize("symmetric", [True, False])
def test_what_is_on_the_grid_stays(symmetric):
    """Rounding twice is rounding once."""
    weight = uneven(3, (5, 1, 3, 3))
    for per_channel in (True, False):
        options = {"per_channel": per_channel, "symmetric": symmetric}
        once = quantise(weight, 6, **options)
        twice = quantise(once.weight, 6, **options)
        np.testing.assert_array_equal(twice.values, once.values)
        np.testing.assert_allclose(twice.weight, once.weight, rtol=1e-12)


# --- One scale, or one a filter -------------------------------------------------------


@given(seed=SEEDS, bits=BITS, symmetric=FLAGS)
def test_per_channel_is_each_filter_by_itself(seed, bits, symmetric):
    weight = uneven(seed, (5, 2, 3, 3))
    whole = quantise(weight, bits, per_channel=True, symmetric=symmetric)
    for n in range(5):
        alone = quantise(weight[[n]], bits, symmetric=symmetric)
        np.testing.assert_array_equal(whole.values[[n]], alone.values)
        assert whole.scale[n, 0, 0, 0] == alone.scale[0, 0, 0, 0]
        assert whole.zero_point[n, 0, 0, 0] == alone.zero_point[0, 0, 0, 0]


def test_one_scale_is_shared():
    weight = uneven(0, (5, 2, 3, 3))
    result = quantise(weight, 8)
    assert result.scale.shape == result.zero_point.shape == (1, 1, 1, 1)
    assert result.scale.item() == np.abs(weight).max() / 127


def test_one_large_filter_takes_the_bits_of_the_others():
    weight = np.concatenate([np.full((1, 9), 100.0), np.linspace(-0.3, 0.3, 27).reshape(3, 9)])
    assert (quantise(weight, 8).weight[1:] == 0).all()
    apart = quantise(weight, 8, per_channel=True)
    assert np.abs(apart.weight - weight)[1:].max() < 0.3 / 250


# --- Results --------------------------------------------------------------------------


@given(seed=SEEDS, shape=SHAPES, bits=BITS, per_channel=FLAGS, symmetric=FLAGS)
def test_values_scale_and_zero_point_give_the_weight(seed, shape, bits, per_channel, symmetric):
    weight = uneven(seed, shape)
    before = weight.copy()
    result = quantise(weight, bits, per_channel=per_channel, symmetric=symmetric)
    again = result.scale * (result.values.astype(np.int64) - result.zero_point)
    np.testing.assert_array_equal(result.weight, again)
    missing = np.sqrt(((weight - result.weight) ** 2).sum() / (weight**2).sum())
    assert result.relative_error == pytest.approx(missing, rel=1e-9)
    np.testing.assert_array_equal(weight, before)
    assert result.values.shape == weight.shape
    top = 2 ** (bits - 1) - 1
    ends = (-top, top) if symmetric else (0, 2**bits - 1)
    assert ends[0] <= result.values.min() <= result.values.max() <= ends[1]


@pytest.mark.parametrize(
    ("bits", "symmetric", "dtype"),
    [(8, True, "int8"), (8, False, "uint8"), (9, True, "int16"), (9, False, "uint16"),
     (2, True, "int8"), (16, True, "int16"), (16, False, "uint16")],
)  # fmt: skip
def test_the_smallest_dtype_that_holds_the_values(bits, symmetric, dtype):
    weight = np.linspace(-1, 2, 400).reshape(4, 100)
    result = quantise(weight, bits, symmetric=symmetric)
    assert result.values.dtype == dtype
    top = 2 ** (bits - 1) - 1 if symmetric else 2**bits - 1
    assert result.values.max() == top


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_weight_keeps_its_dtype(dtype):
    weight = uneven(1, (4, 1, 3, 3)).astype(dtype)
    result = quantise(weight, 8)
    assert result.weight.dtype == dtype
    assert result.scale.dtype == np.float64
    assert result.zero_point.dtype == np.int64


def test_filters_of_zeros():
    weight = np.zeros((3, 1, 2, 2))
    weight[1] = 5.0
    for symmetric in (True, False):
        result = quantise(weight, 8, per_channel=True, symmetric=symmetric)
        np.testing.assert_allclose(result.weight, weight, rtol=1e-15)
        assert result.scale[0, 0, 0, 0] == 1
    nothing = quantise(np.zeros((2, 3), np.float32), 4)
    assert nothing.relative_error == 0
    assert (nothing.values == 0).all()


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e308])
@pytest.mark.parametrize("symmetric", [True, False])
def test_extreme_sizes(size, symmetric):
    weight = np.array([[-1.0, 0.3, 0.8]]) * size
    result = quantise(weight, 8, symmetric=symmetric)
    assert result.relative_error < 0.01
    np.testing.assert_allclose(result.weight, weight, atol=0.005 * size)


def test_more_bits_lose_less():
    weight = np.random.default_rng(7).normal(size=(64, 8, 3, 3))
    errors = [quantise(weight, bits, per_channel=True).relative_error for bits in range(3, 12)]
    ratios = np.divide(errors[:-1], errors[1:])
    assert (ratios > 1.9).all()
    assert (ratios < 2.5).all()


# --- Refusals -------------------------------------------------------------------------

GOOD = np.ones((2, 1, 3, 3))


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        ([[1.0]], TypeError, "weight must be a NumPy array or a PyTorch tensor. Received: weight "
         "of type list; convert with np.asarray(weight)"),
        (torch.ones(2, 3), TypeError,
         "weight must be a NumPy array. Received: a torch tensor; weight.detach().numpy() is"),
        (np.ones((2, 3), int), TypeError, "weight must hold float16, float32 or float64. "
         "Received: weight of dtype int64"),
        (np.ones((2, 3), complex), TypeError, "weight must hold float16, float32 or float64. "
         "Received: weight of dtype complex128"),
        (np.array(3.0), ValueError, "weight must have an axis of filters and at least one "
         "number. Received: weight.shape=()"),
        (np.ones((0, 3)), ValueError, "weight must have an axis of filters and at least one "
         "number. Received: weight.shape=(0, 3)"),
        (np.array([[1.0, 2.0], [3.0, np.nan]]), ValueError,
         "weight must be finite. Received: nan at index (1, 1)"),
        (np.array([[1.0, -np.inf]]), ValueError,
         "weight must be finite. Received: -inf at index (0, 1)"),
    ],
)  # fmt: skip
def test_what_is_no_weight(weight, error, message):
    with refuses(error, message):
        quantise(weight, 8)


@pytest.mark.parametrize(
    ("bits", "error", "message"),
    [
        (1, ValueError, "bits must be at least 2. Received: bits=1"),
        (17, ValueError, "bits must be at most 16. Received: bits=17"),
        (8.0, TypeError, "bits must be an integer. Received: bits=8.0 (float)"),
        (True, TypeError, "bits must be an integer. Received: bits=True (bool)"),
    ],
)
def test_what_is_no_number_of_bits(bits, error, message):
    with refuses(error, message):
        quantise(GOOD, bits)


@pytest.mark.parametrize("flag", ["per_channel", "symmetric"])
def test_what_is_no_flag(flag):
    with refuses(TypeError, f"{flag} must be a bool. Received: {flag}=1 (int)"):
        quantise(GOOD, 8, **{flag: 1})
    with pytest.raises(TypeError):
        quantise(GOOD, 8, True)


def test_numpys_integers_count_as_bits():
    np.testing.assert_array_equal(quantise(GOOD, np.int64(8)).values, quantise(GOOD, 8).values)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_affine_grid_reaches_zero_where_all_weights_have_one_sign(sign):
    weight = sign * np.random.default_rng(3).uniform(2.0, 3.0, (4, 5))
    found = quantise(weight, 6, symmetric=False)
    assert found.zero_point.item() == (0 if sign > 0 else 63)
    assert found.scale.item() == pytest.approx(np.abs(weight).max() / 63)
    assert np.abs(found.weight - weight).max() <= found.scale.item() / 2 * (1 + 1e-9)


def test_a_grid_does_not_leave_the_range_of_its_dtype():
    ends = np.array([[65504, -65504]], np.float16)
    assert np.isfinite(quantise(ends, 5, symmetric=False).weight).all()
