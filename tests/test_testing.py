"""The comparison itself: it must be able to say no."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dsconv import assert_matches

FLOATS = ["float16", "float32", "float64"]


def refuses(message: str) -> Any:
    return pytest.raises(AssertionError, match=message)


def test_equal_arrays_match(backend, rng):
    x = rng.normal(size=(2, 3, 4))
    for dtype in [*FLOATS, "int8", "int64", "uint8", "bool"]:
        values = (x * 9).astype(dtype)
        assert_matches(backend.array(values), backend.array(values.copy()))
        assert_matches(backend.array(values[:0]), backend.array(values[:0]))


def test_tensors_of_every_kind(rng):
    x = torch.from_numpy(rng.normal(size=(2, 3)))
    assert_matches(x.bfloat16(), x.bfloat16())
    assert_matches(x.clone().requires_grad_(), x)
    assert_matches(x.T, x.T.contiguous())
    with refuses("values differ"):
        assert_matches(x.bfloat16(), -x.bfloat16())


@pytest.mark.parametrize("change", [(0, 0, 0), (1, 2, 3)])
@pytest.mark.parametrize("dtype", [*FLOATS, "int8", "int64", "uint32", "bool"])
def test_one_value(backend, rng, dtype, change):
    """Wherever it is, and in every dtype; the message says where and what."""
    expected = (rng.uniform(1, 9, size=(2, 3, 4))).astype(dtype)
    actual = expected.copy()
    actual[change] = 0
    with refuses(rf"values differ: .* is not the expected .* at index \({change[0]}, {change[1]}"):
        assert_matches(backend.array(actual), backend.array(expected))


@pytest.mark.parametrize("dtype", FLOATS)
def test_rounding_passes_and_more_does_not(backend, rng, dtype):
    expected = rng.uniform(1, 2, size=50).astype(dtype)
    epsilon = np.finfo(dtype).eps
    near, far = (
        (expected.astype(float) + n * epsilon * expected.max()).astype(dtype) for n in (50, 150)
    )
    assert_matches(backend.array(near), backend.array(expected))
    with refuses("values differ"):
        assert_matches(backend.array(far), backend.array(expected))


def test_a_tolerance_can_be_asked_for(backend, rng):
    expected = rng.uniform(1, 2, size=20)
    actual = expected * 1.01
    assert_matches(backend.array(actual), backend.array(expected), rtol=0.02)
    for rtol in (0.001, 0):
        with refuses("values differ"):
            assert_matches(backend.array(actual), backend.array(expected), rtol=rtol)
    for rtol in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"rtol must be .*rtol={rtol}"):
            assert_matches(backend.array(actual), backend.array(expected), rtol=rtol)


def test_integers_must_be_equal_to_the_last_digit(backend):
    big = np.array([2**62, 2**62 + 1])
    with refuses("values differ: 4611686018427387905 is not the expected 4611686018427387904"):
        assert_matches(backend.array(big[1:]), backend.array(big[:1]))
    with refuses("values differ"):
        assert_matches(backend.array(big[1:]), backend.array(big[:1]), rtol=0.1)


def test_small_numbers_count_where_all_are_small(backend, rng):
    """The tolerance is relative: an absolute one would let this pass."""
    expected = rng.uniform(1, 2, size=20) * 1e-12
    with refuses("values differ"):
        assert_matches(backend.array(expected * 1.001), backend.array(expected))
    with refuses("values differ"):
        assert_matches(backend.array(expected), backend.array(np.zeros(20)))


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ((2, 3), (3, 2)), ((2, 3), (6,)), ((1, 3), (3,)), ((3,), (1, 3)), ((1,), ()),
        ((2, 3), (1, 3)), ((0, 3), (3, 0)), ((0,), (1,)), ((3,), (0,)), ((0, 2), (0, 3)),
    ],
)  # fmt: skip
def test_shapes(backend, actual, expected):
    """Nothing is broadcast, and an empty array matches nothing but its like."""
    with refuses("shape differs"):
        assert_matches(backend.array(np.ones(actual)), backend.array(np.ones(expected)))


def test_dtypes(backend):
    ones = np.ones(3)
    for dtype in ("float32", "float16", "int64", "bool"):
        with refuses(f"dtype differs: .*{dtype} is not the expected .*float64"):
            assert_matches(backend.array(ones.astype(dtype)), backend.array(ones))
    if backend.name == "numpy":
        with refuses("dtype differs"):
            assert_matches(ones.astype(ones.dtype.newbyteorder()), ones)


def test_kinds_and_devices():
    with refuses("kind differs: torch is not the expected numpy"):
        assert_matches(torch.ones(3).double(), np.ones(3))
    with refuses("kind differs: numpy is not the expected torch"):
        assert_matches(np.ones(3), torch.ones(3).double())
    with refuses("device differs: meta is not the expected cpu"):
        assert_matches(torch.ones(3, device="meta"), torch.ones(3))


def test_nan_and_infinity(backend):
    odd = np.array([1.0, np.nan, np.inf, -np.inf])
    assert_matches(backend.array(odd), backend.array(odd.copy()))
    for i in range(4):
        for value in (1.5, np.nan, np.inf, -np.inf, 1e300):
            other = odd.copy()
            other[i] = value
            if np.array_equal(other, odd, equal_nan=True):
                continue
            with refuses(rf"values differ: .* at index \({i},\)"):
                assert_matches(backend.array(other), backend.array(odd))
            with refuses(rf"values differ: .* at index \({i},\)"):
                assert_matches(backend.array(odd), backend.array(other))


def test_all_nan_against_numbers(backend):
    nothing, numbers = np.full(3, np.nan), np.ones(3)
    assert_matches(backend.array(nothing), backend.array(nothing))
    for actual, expected in ((nothing, numbers), (numbers, nothing)):
        with refuses("values differ"):
            assert_matches(backend.array(actual), backend.array(expected))


def test_things_that_are_no_arrays(backend):
    array = backend.array(np.ones(2))
    with pytest.raises(TypeError, match="actual must be a NumPy array or a PyTorch tensor"):
        assert_matches([1.0, 1.0], array)
    with pytest.raises(TypeError, match="expected must be a NumPy array or a PyTorch tensor"):
        assert_matches(array, 1.0)
    with pytest.raises(TypeError, match="actual must not be a masked array"):
        assert_matches(np.ma.ones(2), np.ones(2))


@pytest.mark.parametrize("dtype", ["complex64", "complex128", object, "U1"])
def test_values_that_cannot_be_compared(dtype):
    """A complex number would lose its imaginary part on the way: refused, not compared."""
    x = np.ones(2).astype(dtype)
    with pytest.raises(
        TypeError, match=r"actual must hold real numbers\. Received: actual of dtype"
    ):
        assert_matches(x, x.copy())
    if dtype == "complex64":
        with pytest.raises(TypeError, match="actual must hold real numbers"):
            assert_matches(torch.from_numpy(x), torch.from_numpy(x))
