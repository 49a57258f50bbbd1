"""The loops themselves, against sums worked out another way."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from strategies import cases, explicit_pads, oracle, per_axis

from dsconv import reference


@given(case=cases(largest_kernel=3))
def test_loops_equal_torch_in_float64(case):
    x, w, b = case.arrays()
    actual = getattr(reference, f"conv{case.axes}d")(x, w, b, **case.options)
    np.testing.assert_allclose(actual, oracle(case, x, w, b), rtol=1e-12, atol=1e-12)


@given(case=cases(axes=2, largest_kernel=2, batch=False))
def test_loops_scatter_as_they_gather(case):
    """The same sum from the input's side: each pixel goes where a tap meets it."""
    x, w, _ = case.arrays()
    (top, _), (left, _) = explicit_pads(case)
    (s, t), (d, e) = per_axis(case.stride, 2), per_axis(case.dilation, 2)
    y = reference.conv2d(x, w, **case.options)
    scattered = np.zeros_like(y)
    for n, m, i, j in np.ndindex(w.shape):
        channel = n // case.out_per_group * case.in_per_group + m
        for row, column in np.ndindex(case.size):
            u, rest_u = divmod(row + top - d * i, s)
            v, rest_v = divmod(column + left - e * j, t)
            if rest_u == rest_v == 0 and 0 <= u < y.shape[2] and 0 <= v < y.shape[3]:
                scattered[:, n, u, v] += w[n, m, i, j] * x[:, channel, row, column]
    np.testing.assert_allclose(y, scattered, rtol=1e-12, atol=1e-12)


def test_the_equation_by_hand():
    x = np.array([[[1, 2, 3], [4, 5, 6]]])
    w = np.array([[[[1, 10], [100, 1000]]]])
    assert reference.conv2d(x, w).tolist() == [[[5421, 6532]]]
    assert reference.conv2d(x, w, np.array([7])).tolist() == [[[5428, 6539]]]
    # The two rows as two channels of a sequence: the same sum of the same products.
    assert reference.conv1d(x[0], w[0]).tolist() == [[5421, 6532]]


def test_any_dtype(rng):
    """Whatever multiplies and adds: fractions, complex numbers, booleans as 0 and 1."""
    x, w = rng.integers(-9, 10, (1, 2, 4, 5)), rng.integers(-9, 10, (3, 2, 2, 3))
    exact = reference.conv2d(x, w, padding="same")
    assert exact.dtype == np.int64
    thirds = np.vectorize(lambda n: Fraction(int(n), 3), otypes=[object])
    y = reference.conv2d(thirds(x), thirds(w), padding="same")
    assert y.dtype == object
    assert (y == np.vectorize(lambda n: Fraction(int(n), 9), otypes=[object])(exact)).all()
    assert (reference.conv2d(x * 1j, w * 1j, padding="same") == -exact).all()
    for dtype in (np.float16, np.float32, np.longdouble):
        assert reference.conv2d(x.astype(dtype), w.astype(dtype)).dtype == dtype
    assert reference.conv2d(x > 0, w > 0).max() > 1


def test_python_integers_do_not_wrap():
    x, w = np.array([[2**62]], object), np.array([[[4]]], object)
    assert reference.conv1d(x, w)[0, 0] == 2**64
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert reference.conv1d(x.astype(int), w.astype(int))[0, 0] == 0


def test_batches_and_single_images(rng):
    x, w = rng.normal(size=(3, 2, 5, 4)), rng.normal(size=(4, 1, 2, 3))
    y = reference.conv2d(x, w, groups=2)
    for image, result in zip(x, y, strict=True):
        np.testing.assert_array_equal(reference.conv2d(image, w, groups=2), result)
    assert reference.conv2d(x[:0], w, groups=2).shape == (0, 4, 4, 2)


def test_inputs_are_left_alone(rng):
    arrays = [rng.normal(size=s) for s in ((1, 2, 5, 4), (3, 2, 2, 2), (3,))]
    before = [a.copy() for a in arrays]
    for padding in (0, 1):
        y = reference.conv2d(*arrays, padding=padding)
        y[...] = 0
    for array, copy in zip(arrays, before, strict=True):
        array.flags.writeable = False
        np.testing.assert_array_equal(array, copy)
    reference.conv2d(*arrays)


def test_nan_meets_only_its_windows():
    x = np.ones((1, 4, 5))
    x[0, 1, 2] = np.nan
    y = reference.conv2d(x, np.zeros((1, 1, 2, 2)))
    assert set(map(tuple, np.argwhere(np.isnan(y))[:, 1:])) == set(product((0, 1), (1, 2)))


@pytest.mark.parametrize("function", [reference.conv1d, reference.conv2d])
def test_the_loops_refuse_what_the_functions_refuse(function):
    with pytest.raises(ValueError, match=r"input must have shape \(B, C, "):
        function(np.ones(3), np.ones((1, 1, 1)))
