"""Ranks, factors and sums of terms, against NumPy's rank and a truncated SVD written out here."""

from __future__ import annotations

import itertools
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import dsconv
from dsconv import DepthwiseSeparableConv2d, compose, decouple, separable_rank, separate

SIDES = st.integers(1, 6)
SEEDS = st.integers(0, 2**32 - 1)


def refuses(error: type[Exception], message: str) -> Any:
    """Expect exactly this message."""
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def low_rank(rng: np.random.Generator, rows: int, columns: int, rank: int) -> np.ndarray:
    """Return a random matrix that is the sum of so many columns times rows."""
    return rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))


def truncated(matrix: np.ndarray, terms: int) -> np.ndarray:
    """Return the best approximation, by the eigenvectors of a Gram matrix and not by an SVD."""
    _, vectors = np.linalg.eigh(matrix @ matrix.T)
    best = vectors[:, ::-1][:, :terms]  # those of the largest eigenvalues
    return best @ (best.T @ matrix)


def missing(whole: np.ndarray, part: np.ndarray) -> float:
    return float(np.sqrt(((whole - part) ** 2).sum() / (whole**2).sum()))


def summed(parts: dsconv.Separation) -> Any:
    return sum(c[:, None] * r[None, :] for c, r in zip(parts.columns, parts.rows, strict=True))


# --- The rank of a kernel -------------------------------------------------------------


@given(seed=SEEDS, rows=SIDES, columns=SIDES, rank=st.integers(0, 6), scale=st.integers(-30, 30))
def test_the_rank_is_numpys(backend, seed, rows, columns, rank, scale):
    rank = min(rank, rows, columns)
    kernel = low_rank(np.random.default_rng(seed), rows, columns, rank) * 10.0**scale
    assert separable_rank(backend.array(kernel)) == np.linalg.matrix_rank(kernel) == rank


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_rounding_to_the_dtype_is_not_rank(rng, dtype):
    column, row = torch.tensor(rng.normal(size=7)), torch.tensor(rng.normal(size=5))
    kernel = torch.outer(column, row).to(getattr(torch, dtype))
    assert separable_rank(kernel) == 1
    assert separable_rank(kernel.double()) == (1 if dtype == "float64" else 5)
    if dtype != "bfloat16":
        assert separable_rank(kernel.numpy()) == 1


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint32"])
def test_kernels_of_whole_numbers(dtype):
    column, row = np.array([1, 2, 1], dtype), np.array([3, 1, 4, 1], dtype)
    assert separable_rank(np.outer(column, row)) == 1
    assert separable_rank(np.eye(3, dtype=dtype)) == 3
    assert separable_rank(np.zeros((3, 2), dtype)) == 0


def test_the_tolerance_is_relative_to_the_largest_singular_value():
    kernel = np.diag([1000.0, 10.0, 0.1])
    ranks = [separable_rank(kernel, rtol=rtol) for rtol in (0, 0.9e-4, 1e-4, 0.009, 0.01, 0.5)]
    assert ranks == [3, 3, 2, 2, 1, 1]
    assert separable_rank(1e-9 * kernel, rtol=0.009) == 2
    assert separable_rank(kernel, rtol=np.float32(0.5)) == 1


# --- Columns times rows ---------------------------------------------------------------


@given(seed=SEEDS, rows=SIDES, columns=SIDES, terms=SIDES)
def test_no_sum_of_as_many_terms_is_nearer(backend, seed, rows, columns, terms):
    terms = min(terms, rows, columns)
    kernel = np.random.default_rng(seed).normal(size=(rows, columns))
    parts = separate(backend.array(kernel), terms)
    best = truncated(kernel, terms)
    total = backend.numpy(summed(parts))
    np.testing.assert_allclose(total, best, atol=1e-6)
    assert parts.relative_error == pytest.approx(missing(kernel, total), abs=1e-12)
    assert backend.numpy(parts.columns).shape == (terms, rows)
    assert backend.numpy(parts.rows).shape == (terms, columns)


@given(seed=SEEDS, rows=SIDES, columns=SIDES)
def test_all_terms_are_the_kernel(backend, seed, rows, columns):
    kernel = np.random.default_rng(seed).normal(size=(rows, columns))
    parts = separate(backend.array(kernel), min(rows, columns))
    np.testing.assert_allclose(backend.numpy(summed(parts)), kernel, atol=1e-12)
    assert parts.relative_error == 0


@given(seed=SEEDS, rows=SIDES, columns=SIDES)
def test_the_factors_share_the_scale_and_the_column_has_the_sign(seed, rows, columns):
    kernel = np.random.default_rng(seed).normal(size=(rows, columns))
    parts = separate(kernel, min(rows, columns))
    lengths = np.linalg.norm(parts.columns, axis=1), np.linalg.norm(parts.rows, axis=1)
    np.testing.assert_allclose(*lengths)
    assert (np.diff(lengths[0]) <= 1e-12).all()  # the largest term first
    for column in parts.columns:
        assert column[np.abs(column).argmax()] > 0


@pytest.mark.parametrize("sign", [1, -1])
def test_of_entries_that_are_as_large_the_first_is_positive(sign):
    for column in itertools.product((-1.0, 1.0), repeat=3):
        for row in ([3.0, 1.0], [-1.0, 2.0, 7.0]):
            parts = separate(sign * np.outer(column, row))
            assert parts.columns[0][0] > 0
            np.testing.assert_allclose(summed(parts), sign * np.outer(column, row), atol=1e-12)


def test_one_term_is_the_default():
    assert separate(np.eye(3)).columns.shape == (1, 3)
    assert separate(np.eye(4)).relative_error == pytest.approx((3 / 4) ** 0.5)


def test_a_kernel_of_zeros(backend):
    parts = separate(backend.array(np.zeros((3, 2))), 2)
    assert parts.relative_error == 0
    assert not backend.numpy(parts.columns).any()
    assert not backend.numpy(parts.rows).any()
    assert separable_rank(backend.array(np.zeros((3, 2)))) == 0


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_the_error_does_not_depend_on_the_scale(rng, scale):
    kernel, weight = rng.normal(size=(3, 5)), rng.normal(size=(4, 3, 3, 2))
    with warnings.catch_warnings(action="error"):
        small, large = separate(kernel, 2), separate(scale * kernel, 2)
        one, other = decouple(weight, 2), decouple(scale * weight, 2)
    assert large.relative_error == pytest.approx(small.relative_error, rel=1e-12)
    assert other.relative_error == pytest.approx(one.relative_error, rel=1e-12)
    assert 0 < one.relative_error < 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_factors_are_of_the_kernels_kind(rng, dtype):
    kernel = torch.tensor(rng.normal(size=(3, 3)), requires_grad=True).to(getattr(torch, dtype))
    parts = separate(kernel, 3)
    eps = torch.finfo(kernel.dtype).eps
    for factor in (parts.columns, parts.rows):
        assert factor.dtype == kernel.dtype
        assert not factor.requires_grad
    assert torch.allclose(summed(parts).double(), kernel.double(), atol=20 * eps)
    if dtype != "bfloat16":
        assert separate(kernel.detach().numpy()).columns.dtype == dtype


def test_whole_numbers_have_factors_in_float64():
    parts = separate(np.array([[3, 6, 9], [4, 8, 12], [5, 10, 15]], dtype=np.uint8))
    assert parts.columns.dtype == parts.rows.dtype == np.float64
    np.testing.assert_allclose(parts.columns[0] / parts.columns[0][0], np.array([3, 4, 5]) / 3)
    np.testing.assert_allclose(parts.rows[0] / parts.rows[0][0], [1, 2, 3])
    weight = np.arange(24, dtype=np.int16).reshape(2, 3, 2, 2)
    (depthwise, pointwise), _ = decouple(weight, 2).terms
    assert depthwise.dtype == pointwise.dtype == np.float64


def test_the_kernel_is_left_as_it_is(backend, rng):
    kernel, weight = rng.normal(size=(3, 4)), rng.normal(size=(4, 3, 3, 2))
    given_kernel, given_weight = backend.array(kernel.copy()), backend.array(weight.copy())
    separate(given_kernel, 2), separable_rank(given_kernel), decouple(given_weight, 2)
    np.testing.assert_array_equal(backend.numpy(given_kernel), kernel)
    np.testing.assert_array_equal(backend.numpy(given_weight), weight)


def test_views_with_odd_strides(rng):
    kernel = rng.normal(size=(6, 8))[::-2, ::3]
    np.testing.assert_allclose(summed(separate(kernel, 3)), kernel, atol=1e-12)
    tensor = torch.tensor(rng.normal(size=(4, 6))).T[::2]
    assert torch.allclose(summed(separate(tensor, 3)), tensor)


# --- Composing ------------------------------------------------------------------------


@given(
    seed=SEEDS,
    axes=st.sampled_from([1, 2]),
    c=st.integers(1, 3),
    t=st.integers(1, 3),
    n=st.integers(1, 4),
    sides=st.tuples(SIDES, SIDES),
)
def test_composing_is_the_sum_over_the_filters_of_a_channel(backend, seed, axes, c, t, n, sides):
    rng, kernel = np.random.default_rng(seed), sides[:axes]
    depthwise = rng.normal(size=(c * t, 1, *kernel))
    pointwise = rng.normal(size=(n, c * t, *(1,) * axes))
    expected = np.zeros((n, c, *kernel))
    for out, m, copy in np.ndindex(n, c, t):
        expected[out, m] += pointwise[out, m * t + copy].item() * depthwise[m * t + copy, 0]
    given_arrays = map(backend.array, (depthwise, pointwise))
    weight = backend.numpy(compose(*given_arrays, depth_multiplier=t))
    np.testing.assert_allclose(weight, expected, atol=1e-12)


@pytest.mark.parametrize("multiplier", [1, 3])
def test_the_composed_layer_is_the_two_layers(backend, rng, multiplier):
    x = backend.array(rng.normal(size=(2, 4, 9, 7)))
    depthwise = backend.array(rng.normal(size=(4 * multiplier, 1, 3, 2)))
    pointwise = backend.array(rng.normal(size=(5, 4 * multiplier, 1, 1)))
    options = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}
    weight = compose(depthwise, pointwise, depth_multiplier=multiplier)
    dsconv.assert_matches(
        dsconv.conv2d(x, weight, **options),
        dsconv.depthwise_separable_conv2d(x, depthwise, pointwise, **options),
    )


def test_gradients_go_through_composing(rng):
    depthwise = torch.tensor(rng.normal(size=(4, 1, 3, 2)), requires_grad=True)
    pointwise = torch.tensor(rng.normal(size=(3, 4, 1, 1)), requires_grad=True)

    def composed(d: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        return compose(d, p, depth_multiplier=2)

    assert torch.autograd.gradcheck(composed, (depthwise, pointwise))


def test_whole_numbers_are_composed_exactly():
    depthwise = np.full((2, 1, 1, 1), 100, np.int8)
    pointwise = np.full((1, 2, 1, 1), 100, np.int8)
    weight = compose(depthwise, pointwise, depth_multiplier=2)
    assert weight.dtype == np.int64
    assert weight.item() == 20_000


# --- Sums of separable layers ---------------------------------------------------------


@given(
    seed=SEEDS,
    n=st.integers(1, 5),
    c=st.integers(1, 3),
    k=st.tuples(st.integers(1, 3), SIDES),
    terms=SIDES,
)
def test_each_channels_slice_gets_its_best_terms(backend, seed, n, c, k, terms):
    weight = np.random.default_rng(seed).normal(size=(n, c, *k))
    terms = min(terms, n, k[0] * k[1])
    parts = decouple(backend.array(weight), terms)
    assert len(parts.terms) == terms
    for depthwise, pointwise in parts.terms:
        assert tuple(depthwise.shape) == (c, 1, *k)
        assert tuple(pointwise.shape) == (n, c, 1, 1)
    total = backend.numpy(sum(compose(*pair) for pair in parts.terms))
    for m in range(c):
        one = weight[:, m].reshape(n, -1)
        np.testing.assert_allclose(total[:, m].reshape(n, -1), truncated(one, terms), atol=1e-6)
    assert parts.relative_error == pytest.approx(missing(weight, total), abs=1e-12)


@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (12, 2, 3, 3), (1, 5, 3, 2), (7, 3, 1, 1)])
def test_it_is_exact_where_the_terms_end_and_not_before(backend, rng, shape):
    weight = rng.normal(size=shape)
    most = min(shape[0], shape[2] * shape[3])
    exact = decouple(backend.array(weight), most)
    total = backend.numpy(sum(compose(*pair) for pair in exact.terms))
    np.testing.assert_allclose(total, weight, atol=1e-12)
    assert exact.relative_error == 0
    errors = [decouple(weight, terms).relative_error for terms in range(1, most + 1)]
    assert errors == sorted(errors, reverse=True)
    assert all(error > 1e-3 for error in errors[:-1])


def test_the_halves_share_the_scale_and_the_matrix_has_the_sign(rng):
    for depthwise, pointwise in decouple(rng.normal(size=(5, 3, 3, 3)), 4).terms:
        lengths = [np.linalg.norm(depthwise[m]) for m in range(3)]
        np.testing.assert_allclose(lengths, [np.linalg.norm(pointwise[:, m]) for m in range(3)])
        for m in range(3):
            column = pointwise[:, m].ravel()
            assert column[np.abs(column).argmax()] > 0


def test_a_sum_of_terms_is_one_layer_with_that_depth_multiplier(backend, rng):
    x, weight = backend.array(rng.normal(size=(2, 3, 8, 6))), rng.normal(size=(5, 3, 3, 2))
    terms = decouple(backend.array(weight), 3).terms
    apart = sum(dsconv.depthwise_separable_conv2d(x, d, p, padding=1) for d, p in terms)
    stack = np.stack if backend.name == "numpy" else torch.stack
    # Term t of channel m is filter m·T + t: the terms are the inner of the two axes.
    depthwise = stack([d for d, _ in terms], 1).reshape(3 * 3, 1, 3, 2)
    pointwise = stack([p for _, p in terms], 2).reshape(5, 3 * 3, 1, 1)
    one = dsconv.depthwise_separable_conv2d(x, depthwise, pointwise, padding=1)
    dsconv.assert_matches(one, apart)
    dsconv.assert_matches(
        compose(depthwise, pointwise, depth_multiplier=3), sum(compose(*pair) for pair in terms)
    )


def test_a_separable_layer_comes_back(backend, rng):
    depthwise, pointwise = rng.normal(size=(4, 1, 3, 3)), rng.normal(size=(6, 4, 1, 1))
    weight = compose(depthwise, pointwise)
    parts = decouple(backend.array(weight), 1)
    assert parts.relative_error < 1e-14
    np.testing.assert_allclose(backend.numpy(compose(*parts.terms[0])), weight, atol=1e-12)


def test_a_layer_for_one_output_is_separable(rng):
    assert decouple(rng.normal(size=(1, 7, 3, 3)), 1).relative_error == 0


def test_weights_of_zeros_and_channels_of_zeros(rng):
    assert decouple(np.zeros((3, 2, 3, 3)), 2).relative_error == 0
    weight = rng.normal(size=(3, 2, 3, 3))
    weight[:, 1] = 0
    ((depthwise, pointwise),) = decouple(weight, 1).terms
    assert not depthwise[1].any()
    assert not pointwise[:, 1].any()


def test_float32_is_computed_in_double_precision(rng):
    weight = rng.normal(size=(6, 2, 3, 3)).astype(np.float32)
    single, double = decouple(weight, 2), decouple(weight.astype(np.float64), 2)
    assert single.relative_error == double.relative_error
    for one, other in zip(single.terms[1], double.terms[1], strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other.astype(np.float32))


# --- A trained layer, projected -------------------------------------------------------


def dense_layer(**options: Any) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(3, 5, (3, 2), **options).double()


SETTINGS: list[dict[str, Any]] = [
    {},
    {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
    {"padding": "same"},
    {"padding": "valid", "bias": False},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_with_all_terms_it_answers_as_the_layer_does(options):
    conv = dense_layer(**options)
    layer = DepthwiseSeparableConv2d.from_conv2d(conv, depth_multiplier=5)
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    dsconv.assert_matches(layer(x), conv(x))
    assert layer.relative_error == 0
    assert (layer.pointwise.bias is None) == (conv.bias is None)
    assert layer.depthwise.bias is None


def test_with_fewer_terms_it_says_how_far_it_is():
    conv = dense_layer()
    for multiplier in (1, 2, 4):
        layer = DepthwiseSeparableConv2d.from_conv2d(conv, multiplier)
        halves = layer.depthwise.weight, layer.pointwise.weight
        weight = compose(*halves, depth_multiplier=multiplier)
        far = missing(conv.weight.detach().numpy(), weight.detach().numpy())
        assert layer.relative_error == pytest.approx(far, rel=1e-9)
        assert layer.relative_error == decouple(conv.weight, multiplier).relative_error
    assert DepthwiseSeparableConv2d(3, 5, 3).relative_error is None


def test_the_layer_it_came_from_is_left_alone():
    conv = dense_layer().eval()
    before = {name: value.clone() for name, value in conv.state_dict().items()}
    layer = DepthwiseSeparableConv2d.from_conv2d(conv)
    assert not layer.training
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    for name, value in conv.state_dict().items():
        assert torch.equal(value, before[name])
    assert DepthwiseSeparableConv2d.from_conv2d(conv.train()).training


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_layer_has_the_dtype_and_learns(dtype):
    layer = DepthwiseSeparableConv2d.from_conv2d(dense_layer().to(dtype), 2)
    assert {parameter.dtype for parameter in layer.parameters()} == {dtype}
    assert all(parameter.requires_grad for parameter in layer.parameters())
    layer(torch.ones(1, 3, 4, 4, dtype=dtype)).sum().backward()
    assert layer.depthwise.weight.grad is not None


# --- What is refused ------------------------------------------------------------------


def number_refusals(name: str) -> list[tuple[Any, type[Exception], str]]:
    """Return what is no array of real numbers, with the whole message."""
    kind = f"{name} must be a NumPy array or a PyTorch tensor. Received: {name} of type "
    what = f"{name} must hold floating-point numbers"
    return [
        ([[1.0]], TypeError, f"{kind}list; convert with np.asarray({name})"),
        (None, TypeError, f"{kind}NoneType; convert with np.asarray({name})"),
        (
            np.ones((3, 3), bool),
            TypeError,
            f"{what} or integers. Received: {name} of dtype bool; cast with "
            f"{name}.astype(np.float32) if that is meant",
        ),
        (
            torch.ones((3, 3), dtype=torch.complex64),
            TypeError,
            f"{what}. Received: {name} of dtype complex64; cast with {name}.to(torch.float32) "
            "if that is meant",
        ),
        (
            torch.ones((3, 3), dtype=torch.int64),
            TypeError,
            "PyTorch tensors must be floating (NumPy arrays of integers are exact). "
            f"Received: {name} of dtype int64; cast with {name}.to(torch.float32)",
        ),
        (
            np.ma.masked_array(np.ones((3, 3))),
            TypeError,
            f"{name} must not be a masked array, whose mask would be lost. Received: {name} of "
            f"type MaskedArray; cast with {name}.filled(0)",
        ),
    ]


@pytest.mark.parametrize("case", range(6))
def test_what_is_no_array_of_numbers(case):
    thing, error, message = number_refusals("kernel")[case]
    for function in (separable_rank, separate):
        with refuses(error, message):
            function(thing)
    thing, error, message = number_refusals("weight")[case]
    with refuses(error, message):
        decouple(thing, 1)
    thing, error, message = number_refusals("depthwise_weight")[case]
    same_kind = torch.ones(2, 3, 1, 1) if isinstance(thing, torch.Tensor) else np.ones((2, 3, 1, 1))
    if case in (0, 1, 5):
        with refuses(error, message):
            compose(thing, same_kind)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3, 3), (0, 3), (3, 0)])
def test_kernels_have_two_axes(backend, shape):
    message = f"kernel must have shape (kH, kW) with no side of 0. Received: kernel.shape={shape}"
    for function in (separable_rank, separate):
        with refuses(ValueError, message):
            function(backend.array(np.ones(shape)))


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (0, 3, 3, 3), (2, 3, 0, 3), (1, 2, 3, 3, 3)])
def test_weights_have_four_axes(backend, shape):
    message = (
        f"weight must have shape (N, C, kH, kW) with no side of 0. Received: weight.shape={shape}"
    )
    with refuses(ValueError, message):
        decouple(backend.array(np.ones(shape)), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_are_finite(backend, bad):
    kernel, weight = np.ones((3, 2)), np.ones((2, 3, 3, 2))
    kernel[1, 1] = weight[1, 2, 0, 1] = bad
    for function in (separable_rank, separate):
        with refuses(ValueError, "kernel must be finite. Received: kernel with NaN or infinity"):
            function(backend.array(kernel))
    with refuses(ValueError, "weight must be finite. Received: weight with NaN or infinity"):
        decouple(backend.array(weight), 1)


@pytest.mark.parametrize(
    ("rtol", "error", "message"),
    [
        ("1", TypeError, "rtol must be a number. Received: rtol='1' (str)"),
        (True, TypeError, "rtol must be a number. Received: rtol=True (bool)"),
        (1j, TypeError, "rtol must be a number. Received: rtol=1j (complex)"),
        (-0.5, ValueError, "rtol must be at least 0 and below 1. Received: rtol=-0.5"),
        (1, ValueError, "rtol must be at least 0 and below 1. Received: rtol=1"),
        (np.nan, ValueError, "rtol must be at least 0 and below 1. Received: rtol=nan"),
    ],
)
def test_tolerances_that_are_none(rtol, error, message):
    with refuses(error, message):
        separable_rank(np.eye(3), rtol=rtol)


TERMS = [
    (0, ValueError, "{0} must be at least 1. Received: {0}=0"),
    (-1, ValueError, "{0} must be at least 1. Received: {0}=-1"),
    (True, TypeError, "{0} must be an integer. Received: {0}=True (bool)"),
    (1.0, TypeError, "{0} must be an integer. Received: {0}=1.0 (float)"),
    (None, TypeError, "{0} must be an integer. Received: {0}=None (NoneType)"),
]


@pytest.mark.parametrize(("terms", "error", "message"), TERMS)
def test_terms_are_counted_from_1(terms, error, message):
    with refuses(error, message.format("terms")):
        separate(np.eye(3), terms)
    with refuses(error, message.format("terms")):
        decouple(np.ones((2, 3, 3, 3)), terms)
    with refuses(error, message.format("depth_multiplier")):
        compose(np.ones((2, 1, 3, 3)), np.ones((4, 2, 1, 1)), depth_multiplier=terms)
    with refuses(error, message.format("depth_multiplier")):
        DepthwiseSeparableConv2d.from_conv2d(dense_layer(), terms)


def test_more_terms_than_there_are():
    message = "terms must be at most {0}, where the sum is exact. Received: terms={1}"
    with refuses(ValueError, message.format(2, 3)):
        separate(np.ones((2, 5)), 3)
    with refuses(ValueError, message.format(4, 5)):
        decouple(np.ones((4, 3, 3, 3)), 5)
    with refuses(ValueError, message.format(6, 7)):
        decouple(np.ones((16, 3, 2, 3)), 7)
    assert len(decouple(np.ones((16, 3, 2, 3)), np.int8(6)).terms) == 6
    message = "depth_multiplier must be at most 5, where the result is exact. "
    with refuses(ValueError, message + "Received: depth_multiplier=6"):
        DepthwiseSeparableConv2d.from_conv2d(dense_layer(), 6)


@pytest.mark.parametrize(
    ("first", "second", "multiplier"),
    [
        ((4, 2, 3, 3), (5, 4, 1, 1), 1),
        ((4, 1, 3, 3), (5, 3, 1, 1), 1),
        ((4, 1, 3, 3), (5, 4), 1),
        ((4, 1, 3, 3), (5, 4, 1), 1),
        ((4, 1, 3, 3), (5, 4, 3, 3), 1),
        ((4, 1, 3), (5, 4, 1, 1), 1),
        ((4, 1), (5, 4), 1),
        ((), (), 1),
        ((4, 1, 3, 3, 3), (5, 4, 1, 1, 1), 1),
        ((4, 1, 3, 3), (5, 4, 1, 1), 3),
        ((4, 1, 3, 3), (5, 4, 1, 1), 8),
        ((0, 1, 3, 3), (5, 0, 1, 1), 1),
        ((4, 1, 0, 3), (5, 4, 1, 1), 1),
        ((4, 1, 3, 3), (0, 4, 1, 1), 1),
    ],
)
def test_halves_that_do_not_fit(backend, first, second, multiplier):
    message = (
        "depthwise_weight must have shape (C·T, 1, kH, kW) and pointwise_weight (N, C·T, 1, 1), "
        "T being the depth_multiplier, with no side of 0. Received: "
        f"depthwise_weight.shape={first}, pointwise_weight.shape={second}, "
        f"depth_multiplier={multiplier}"
    )
    halves = (backend.array(np.ones(shape)) for shape in (first, second))
    with refuses(ValueError, message):
        compose(*halves, depth_multiplier=multiplier)


def test_halves_of_two_kinds():
    first, second = np.ones((2, 1, 3, 3)), torch.ones(4, 2, 1, 1)
    message = (
        "all arrays must be of one kind, NumPy or PyTorch. Received: depthwise_weight from numpy, "
        "pointwise_weight from torch; convert with torch.from_numpy(array) or tensor.numpy()"
    )
    with refuses(TypeError, message):
        compose(first, second)
    message = (
        "all arrays must share one floating dtype, or all be integers. Received: "
        "depthwise_weight of dtype float64, pointwise_weight of dtype float32; cast with "
        "pointwise_weight.astype(np.float64)"
    )
    with refuses(TypeError, message):
        compose(first, second.numpy())
    message = (
        "pointwise_weight must be a NumPy array or a PyTorch tensor. Received: pointwise_weight "
        "of type list; convert with np.asarray(pointwise_weight)"
    )
    with refuses(TypeError, message):
        compose(first, [[1.0]])


@pytest.mark.parametrize(
    ("conv", "error", "message"),
    [
        (nn.Conv1d(2, 3, 3), TypeError, "conv must be a torch.nn.Conv2d. Received: Conv1d"),
        (np.ones((2, 3, 3, 3)), TypeError, "conv must be a torch.nn.Conv2d. Received: ndarray"),
        (
            nn.Conv2d(4, 6, 3, groups=2),
            ValueError,
            "conv must have groups=1 and padding_mode='zeros'. "
            "Received: groups=2, padding_mode='zeros'",
        ),
        (
            nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
            ValueError,
            "conv must have groups=1 and padding_mode='zeros'. "
            "Received: groups=1, padding_mode='reflect'",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_that_cannot_be_projected(conv, error, message):
    with refuses(error, message):
        DepthwiseSeparableConv2d.from_conv2d(conv)


def test_a_longdouble_kernel_is_judged_in_float64():
    kernel = np.outer([1, 2, 3], [0.1, 0.3, 0.7])
    assert separable_rank(kernel.astype(np.longdouble)) == separable_rank(kernel) == 1


def test_composing_adds_in_float64():
    depthwise = np.full((2, 1, 1, 1), 300, np.float16)
    pointwise = np.array([[[[300]], [[-300]]]], np.float16)
    dense = compose(depthwise, pointwise, depth_multiplier=2)
    assert dense.dtype == np.float16
    assert dense.item() == 0  # each product is beyond float16


def test_the_smallest_kernels_have_an_error():
    assert separate(np.full((3, 3), 1e-310)).relative_error == 0
