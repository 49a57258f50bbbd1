"""The functions against the loops, against torch in float64, and at their edges."""

from __future__ import annotations

import itertools
import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import Case, cases, oracle

import dsconv
from dsconv import ConvSpec, assert_matches, reference

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]


def convolution(axes: int, kind: str = "conv") -> Any:
    return getattr(dsconv, f"{kind}{axes}d")


def close(actual: Any, expected: Any) -> None:
    """Compare without the package's own comparison."""
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-11)


# --- Against the loops and against torch ----------------------------------------------


@given(case=cases(largest_kernel=3))
def test_convolution_equals_the_loops(backend, case):
    x, w, b = case.arrays()
    actual = convolution(case.axes)(*map(backend.array, (x, w, b)), **case.options)
    expected = getattr(reference, f"conv{case.axes}d")(x, w, b, **case.options)
    assert_matches(backend.numpy(actual), expected)


@given(case=cases())
def test_convolution_equals_torch_in_float64(backend, case):
    x, w, b = case.arrays()
    actual = convolution(case.axes)(*map(backend.array, (x, w, b)), **case.options)
    close(backend.numpy(actual), oracle(case, x, w, b))


@given(case=cases(depthwise=True))
def test_depthwise_equals_torch_with_groups_equal_to_channels(backend, case):
    x, w, b = case.arrays()
    depthwise = convolution(case.axes, "depthwise_conv")
    actual = depthwise(*map(backend.array, (x, w, b)), **case.spatial_options)
    close(backend.numpy(actual), oracle(case, x, w, b, groups=case.channels))


@given(case=cases(kernel=1))
def test_pointwise_equals_a_matrix_at_every_pixel(backend, case):
    x, _, b = case.arrays()
    matrix = case.rng.normal(size=(case.outputs, case.channels))
    weight = matrix.reshape(*matrix.shape, *(1,) * case.axes)
    pointwise = convolution(case.axes, "pointwise_conv")
    actual = pointwise(*map(backend.array, (x, weight, b)))
    expected = np.moveaxis(
        np.tensordot(matrix, x, (1, x.ndim - case.axes - 1)), 0, x.ndim - case.axes - 1
    )
    if b is not None:
        expected = expected + b.reshape(-1, *(1,) * case.axes)
    close(backend.numpy(actual), expected)


@given(case=cases(depthwise=True), outputs=st.integers(1, 4))
def test_separable_equals_torch_twice(backend, case, outputs):
    x, depthwise_weight, _ = case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    pointwise_weight = rng.normal(size=(outputs, case.outputs, *(1,) * case.axes))
    b = rng.normal(size=outputs) if case.has_bias else None
    separable = convolution(case.axes, "depthwise_separable_conv")
    actual = separable(
        *map(backend.array, (x, depthwise_weight, pointwise_weight, b)), **case.spatial_options
    )
    middle = oracle(case, x, depthwise_weight, groups=case.channels)
    plain = Case(
        **(
            vars(case)
            | {"stride": 1, "padding": 0, "dilation": 1, "size": middle.shape[-case.axes :]}
        )
    )
    close(backend.numpy(actual), oracle(plain, middle, pointwise_weight, b, groups=1))


@given(case=cases(axes=2, depthwise=True), shared=st.booleans())
def test_spatially_separable_equals_torch_with_outer_products(backend, case, shared):
    x, _, _ = case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    lines = () if shared else (case.channels,)
    column, row = (rng.normal(size=(*lines, k)) for k in case.kernel_size)
    actual = dsconv.spatially_separable_conv2d(
        *map(backend.array, (x, column, row)), **case.spatial_options
    )
    outer = np.empty((case.channels, 1, *case.kernel_size))
    for c, i, j in np.ndindex(case.channels, *case.kernel_size):
        outer[c, 0, i, j] = (column if shared else column[c])[i] * (row if shared else row[c])[j]
    close(backend.numpy(actual), oracle(case, x, outer, groups=case.channels))


# --- Small numbers that can be checked on paper ---------------------------------------


def test_cross_correlation_does_not_turn_the_kernel_over(backend):
    x, w = np.array([[[1.0, 2, 4, 8]]]), np.array([[[[1.0, 10]]]])
    np.testing.assert_array_equal(
        dsconv.conv2d(backend.array(x), backend.array(w)), [[[21, 42, 84]]]
    )


def test_pads_come_before_and_after(backend):
    x, w = np.array([[1.0, 2, 4]]), np.array([[[1.0, 10]]])
    x, w = backend.array(x), backend.array(w)
    assert dsconv.conv1d(x, w, padding=((1, 0),)).tolist() == [[10, 21, 42]]
    assert dsconv.conv1d(x, w, padding=((0, 1),)).tolist() == [[21, 42, 4]]
    assert dsconv.conv1d(x, w, padding="same").tolist() == [[21, 42, 4]]
    assert dsconv.conv1d(x, w, padding="valid").tolist() == [[21, 42]]


def test_same_at_stride_two_starts_where_tensorflow_starts(backend):
    """Even size: the only zero goes after. PyTorch's padding=1 would put one before."""
    x = np.arange(1.0, 7).reshape(1, 6)
    w = np.array([[[1.0, 10, 100]]])
    y = dsconv.conv1d(backend.array(x), backend.array(w), padding="same", stride=2)
    assert y.tolist() == [[321, 543, 65]]


def test_depth_multiplier_keeps_a_channels_outputs_together(backend):
    x = np.array([[[1.0]], [[10.0]]])
    w = np.arange(1.0, 7).reshape(6, 1, 1, 1)
    y = dsconv.depthwise_conv2d(backend.array(x), backend.array(w))
    assert y.reshape(-1).tolist() == [1, 2, 3, 40, 50, 60]


def test_groups_are_blocks(backend):
    x = np.array([1.0, 10, 100, 1000]).reshape(4, 1)
    w = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]]).reshape(4, 2, 1)
    y = dsconv.conv1d(backend.array(x), backend.array(w), groups=2)
    assert y.reshape(-1).tolist() == [21, 43, 6500, 8700]


def test_column_runs_down_and_row_runs_along(backend):
    x = np.array([[[1.0, 2], [4, 8]]])
    column, row = np.array([1.0, 10]), np.array([1.0])
    y = dsconv.spatially_separable_conv2d(*map(backend.array, (x, column, row)))
    assert y.tolist() == [[[41, 82]]]


def test_the_bias_is_the_last_layers_and_never_meets_the_first(backend):
    x, one = np.zeros((1, 2, 3)), np.array([[[2.0]], [[3.0]]])
    b = np.array([5.0, 7.0, 11.0])
    y = dsconv.depthwise_separable_conv1d(*map(backend.array, (x, one, np.ones((3, 2, 1)), b)))
    np.testing.assert_array_equal(y, np.broadcast_to(b[:, None], (1, 3, 3)))


# --- Shapes, batches, options ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "input_shape", "weight_shapes", "expected"),
    [
        ("conv2d", (4, 7, 6), [(6, 2, 3, 2)], (6, 5, 5)),
        ("conv1d", (4, 7), [(6, 2, 3)], (6, 5)),
        ("depthwise_conv2d", (4, 7, 6), [(8, 1, 3, 2)], (8, 5, 5)),
        ("depthwise_conv1d", (4, 7), [(8, 1, 3)], (8, 5)),
        ("pointwise_conv2d", (4, 7, 6), [(5, 4, 1, 1)], (5, 7, 6)),
        ("pointwise_conv1d", (4, 7), [(5, 4, 1)], (5, 7)),
        ("depthwise_separable_conv2d", (4, 7, 6), [(8, 1, 3, 2), (5, 8, 1, 1)], (5, 5, 5)),
        ("depthwise_separable_conv1d", (4, 7), [(8, 1, 3), (5, 8, 1)], (5, 5)),
        ("spatially_separable_conv2d", (4, 7, 6), [(3,), (2,)], (4, 5, 5)),
        ("spatially_separable_conv2d", (4, 7, 6), [(4, 3), (4, 2)], (4, 5, 5)),
    ],
)
@pytest.mark.parametrize("batch", [None, 0, 1, 3])
def test_every_function_takes_any_batch(
    backend, rng, name, input_shape, weight_shapes, expected, batch
):
    lead = () if batch is None else (batch,)
    x = rng.normal(size=lead + input_shape)
    weights = [rng.normal(size=shape) for shape in weight_shapes]
    options = {"groups": 2} if name in ("conv1d", "conv2d") else {}
    function = getattr(dsconv, name)
    y = backend.numpy(function(*map(backend.array, (x, *weights)), **options))
    assert y.shape == lead + expected
    assert y.dtype == np.float64
    for image, result in zip(x, y, strict=True) if batch else []:
        alone = function(*map(backend.array, (image, *weights)), **options)
        close(result, backend.numpy(alone))


def test_a_spec_gives_the_options_of_the_call(backend, rng):
    spec = ConvSpec(4, 6, (3, 2), stride=(2, 1), padding="same", dilation=(1, 2), groups=2)
    x, w = rng.normal(size=(2, 4, 9, 8)), rng.normal(size=spec.weight_shape)
    y = dsconv.conv2d(backend.array(x), backend.array(w), **spec.options)
    assert tuple(y.shape) == (2, 6, *spec.output_size((9, 8)))
    assert_matches(
        backend.numpy(y),
        reference.conv2d(x, w, stride=(2, 1), padding="same", dilation=(1, 2), groups=2),
    )


def test_padding_may_be_larger_than_the_kernel_and_the_input(backend, rng):
    x, w = rng.normal(size=(1, 2, 2, 1)), rng.normal(size=(3, 2, 2, 2))
    y = dsconv.conv2d(backend.array(x), backend.array(w), padding=((7, 0), (4, 5)), stride=(7, 2))
    expected = np.zeros((1, 3, 2, 5))
    # Only the window that starts at row 7, column 4 meets the input: its left column of taps.
    expected[0, :, 1, 2] = np.tensordot(w[..., 0], x[0, ..., 0], ((1, 2), (0, 1)))
    np.testing.assert_allclose(backend.numpy(y), expected)


# --- Dtypes ---------------------------------------------------------------------------

# (call, number of weights) of every public function, on small arrays that broadcast nowhere.
EVERY_FUNCTION = {
    "conv2d": [(4, 3, 2, 3), (4,)],
    "conv1d": [(4, 3, 2), (4,)],
    "depthwise_conv2d": [(6, 1, 2, 3), (6,)],
    "depthwise_conv1d": [(6, 1, 2), (6,)],
    "pointwise_conv2d": [(4, 3, 1, 1), (4,)],
    "pointwise_conv1d": [(4, 3, 1), (4,)],
    "depthwise_separable_conv2d": [(6, 1, 2, 3), (4, 6, 1, 1), (4,)],
    "depthwise_separable_conv1d": [(6, 1, 2), (4, 6, 1), (4,)],
    "spatially_separable_conv2d": [(3, 2), (3, 3)],
}


def small_arrays(name: str, rng: np.random.Generator) -> list[Any]:
    """Whole numbers from -3 to 3, so that every dtype holds them and their sums exactly."""
    shapes = [(2, 3, 4, 5) if "2d" in name else (2, 3, 7), *EVERY_FUNCTION[name]]
    return [rng.integers(-3, 4, shape) for shape in shapes]


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_a_floating_dtype_comes_back_from_numpy(rng, name):
    arrays = small_arrays(name, rng)
    exact = getattr(dsconv, name)(*arrays)
    assert np.abs(exact).max() > 3
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        y = getattr(dsconv, name)(*[a.astype(dtype) for a in arrays])
        assert_matches(y, exact.astype(dtype), rtol=0)


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_a_floating_dtype_comes_back_from_torch(rng, name):
    arrays = [torch.from_numpy(a) for a in small_arrays(name, rng)]
    exact = torch.from_numpy(getattr(dsconv, name)(*[a.numpy() for a in arrays]))
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        y = getattr(dsconv, name)(*[a.to(dtype) for a in arrays])
        # bfloat16 has 8 bits, and the separable functions round to them between the halves.
        rtol = 0.02 if dtype == torch.bfloat16 else 0
        assert_matches(y, exact.to(dtype), rtol=rtol)


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_integers_of_every_width_give_the_same_int64(rng, name):
    arrays = small_arrays(name, rng)
    expected = getattr(dsconv, name)(*[a.astype(float) for a in arrays])
    for dtypes in zip(INTEGERS[:4], INTEGERS[1:4] + INTEGERS[:1], strict=True):
        mixed = [a.astype(dtypes[i % 2]) for i, a in enumerate(arrays)]
        y = getattr(dsconv, name)(*mixed)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("of_weight", INTEGERS)
@pytest.mark.parametrize("of_input", INTEGERS)
def test_every_pair_of_integer_dtypes_is_exact(rng, of_input, of_weight):
    """At the ends of both ranges, against Python's integers; wrapped at 64 bits like NumPy's."""
    ends = [np.iinfo(dtype) for dtype in (of_input, of_weight)]
    x = rng.integers(ends[0].min, ends[0].max, (1, 2, 3, 4), dtype=of_input, endpoint=True)
    w = rng.integers(ends[1].min, ends[1].max, (2, 2, 2, 2), dtype=of_weight, endpoint=True)
    x[0, :, 0, 0], w[0, :, 0, 0] = ends[0].max, ends[1].max
    b = np.array([ends[1].min, ends[1].max], dtype=of_weight)
    y = dsconv.conv2d(x, w, b)
    exact = reference.conv2d(*(a.astype(object) for a in (x, w, b)))
    wrapped = (exact + 2**63) % 2**64 - 2**63
    if "64" not in of_input + of_weight and "32" not in of_input + of_weight:
        assert (wrapped == exact).all()  # nothing wraps: exact
    assert_matches(y, wrapped.astype(np.int64))


def test_a_photograph_of_bytes_meets_a_kernel_with_minus_signs(rng):
    photo = rng.integers(0, 256, (3, 8, 9), dtype=np.uint8)
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.int8)
    kernel = np.broadcast_to(sobel, (3, 1, 3, 3))
    y = dsconv.depthwise_conv2d(photo, kernel)
    p = photo.astype(int)
    right, left = (
        p[:, :-2, s] + 2 * p[:, 1:-1, s] + p[:, 2:, s] for s in (slice(2, None), slice(-2))
    )
    assert_matches(y, right - left)
    assert y.min() < 0


def test_int64_wraps_around_as_documented():
    top = np.full((1, 1, 1), 2**62)
    assert dsconv.conv1d(top, np.full((1, 1, 1), 2)).item() == -(2**63)
    assert dsconv.conv1d(top, np.full((1, 1, 1), 2), np.array([-1])).item() == 2**63 - 1
    assert "wrap around" in dsconv.conv2d.__doc__


def test_float16_sums_do_not_lose_digits(backend):
    """4096 ones: a sum kept in float16 would stop at 2048."""
    x, w = np.ones((1, 4096, 1), np.float16), np.ones((1, 4096, 1), np.float16)
    taps = np.ones((1, 1, 64, 64), np.float16)
    for function, arrays in ((dsconv.conv1d, (x, w)), (dsconv.depthwise_conv2d, (taps, taps))):
        assert function(*map(backend.array, arrays)).item() == 4096


def test_non_native_byte_order(rng):
    x, w = rng.normal(size=(1, 2, 5, 4)), rng.normal(size=(3, 2, 2, 3))
    for order in "<>":
        y = dsconv.conv2d(x.astype(f"{order}f4"), w.astype(f"{order}f4"))
        assert y.dtype == np.dtype(f"{order}f4")
        np.testing.assert_allclose(y, dsconv.conv2d(x, w), rtol=1e-5, atol=1e-5)
    whole = (x * 100).astype(">i2")
    assert_matches(
        dsconv.conv2d(whole, w.astype(">i4")), dsconv.conv2d(whole.astype(int), w.astype(int))
    )


def test_device_and_graph_are_kept(rng):
    for name in EVERY_FUNCTION:
        arrays = [torch.from_numpy(a).double() for a in small_arrays(name, rng)]
        y = getattr(dsconv, name)(*[a.to("meta") for a in arrays])
        assert (y.device.type, y.dtype) == ("meta", torch.float64)
        plain = getattr(dsconv, name)(*arrays)
        assert y.shape == plain.shape
        assert not plain.requires_grad
        arrays[1].requires_grad_()
        assert getattr(dsconv, name)(*arrays).requires_grad
        with torch.no_grad():
            assert not getattr(dsconv, name)(*arrays).requires_grad


def test_torch_function_transforms_pass_through(rng):
    x, w = (
        torch.from_numpy(rng.normal(size=(4, 2, 5, 6))),
        torch.from_numpy(rng.normal(size=(3, 2, 2, 3))),
    )
    pads = ((0, 1), (1, 0))
    mapped = torch.func.vmap(lambda image: dsconv.conv2d(image, w, padding=pads))(x)
    assert_matches(mapped, dsconv.conv2d(x, w, padding=pads))
    column = torch.ones(2, dtype=torch.float64)
    mapped = torch.func.vmap(lambda i: dsconv.spatially_separable_conv2d(i, column, column))(x)
    assert_matches(mapped, dsconv.spatially_separable_conv2d(x, column, column))


# --- NaN and infinity -----------------------------------------------------------------


def _spread(
    case_shape: tuple[int, ...], where: tuple[int, ...], weight: Any, **options: Any
) -> Any:
    """Return which outputs read the pixel at `where`: a delta through a kernel of ones."""
    delta = np.zeros(case_shape)
    delta[where] = 1
    return reference.conv2d(delta, np.ones_like(weight, dtype=float), **options) != 0


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """With one thread torch may choose another implementation than with several."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    yield
    torch.set_num_threads(before)


@contextmanager
def _without_onednn() -> Iterator[None]:
    """As on machines that lack it, where torch may take NNPACK (Winograd, FFT) instead."""
    before = torch.backends.mkldnn.enabled
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a setting of Intel's GPUs
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    assert torch.backends.mkldnn.enabled == before


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("batch", [1, 17])
@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "kernel", "stride"),
    [
        (3, 4, 1, (3, 3), 1),
        (1, 1, 1, (2, 3), 1),
        (4, 4, 4, (3, 3), 2),
        (3, 6, 3, (2, 3), 1),
        (4, 6, 2, (1, 1), 1),
        (1, 2, 1, (5, 5), 1),
    ],
)
def test_nan_and_infinity_stay_where_they_belong(
    backend, rng, value, batch, channels, outputs, groups, kernel, stride
):
    x = rng.uniform(0.5, 1, (batch, channels, 9, 10))
    w = rng.uniform(0.5, 1, (outputs, channels // groups, *kernel))
    where = (batch // 2, channels // 2, 4, 5)
    options = {"stride": stride, "padding": ((1, 0), (0, 2)), "groups": groups}
    expected = _spread(x[where[0] : where[0] + 1].shape, (0, *where[1:]), w, **options)
    dtypes = ["float32", "float64", "float16"] + ["bfloat16"] * (backend.name == "torch")
    layouts = [torch.contiguous_format, torch.channels_last] if backend.name == "torch" else [None]
    threads = [1, 2] if backend.name == "torch" else [1]
    for dtype, layout, number in itertools.product(dtypes, layouts, threads):
        if backend.name == "torch":
            a, k = (torch.from_numpy(v).to(getattr(torch, dtype)) for v in (x, w))
            a = a.contiguous(memory_format=layout)
        else:
            a, k = x.astype(dtype), w.astype(dtype)
        a[where] = value
        with _threads(number):
            y = dsconv.conv2d(a, k, **options)
        y = y.double().numpy() if backend.name == "torch" else y
        others = np.delete(y, where[0], axis=0)
        assert np.isfinite(others).all(), f"{dtype} {layout}: {value} left its image"
        touched = y[where[0] : where[0] + 1]
        np.testing.assert_array_equal(~np.isfinite(touched), expected, err_msg=f"{dtype} {layout}")
        if not np.isnan(value):
            assert (touched[expected] == value).all()


@pytest.mark.parametrize("groups", [1, 3])
def test_nan_stays_where_torch_would_choose_winograd_or_fft(rng, groups):
    """NNPACK takes batches of 16 and more in float32, and smears a NaN over a tile."""
    x, w = rng.uniform(0.5, 1, (16, 3, 12, 14)), rng.uniform(0.5, 1, (3, 3 // groups, 3, 3))
    where = (5, 1, 6, 7)
    expected = np.zeros((16, 3, 10, 12), bool)
    expected[5] = _spread((1, 3, 12, 14), (0, *where[1:]), w, groups=groups)[0]
    x[where] = np.nan
    x, w = (torch.from_numpy(a).float() for a in (x, w))
    with _without_onednn():
        y = dsconv.conv2d(x, w, groups=groups)
        line = dsconv.conv1d(x[:, :, 6], w[:, :, 0], groups=groups)
    np.testing.assert_array_equal(y.isnan(), expected)
    assert int(line.isnan().sum()) == 3 * (3 // groups)


def test_infinity_times_zero_is_nan_without_a_warning(backend):
    """As in torch; the loops say the same."""
    x, w = np.array([[1.0, np.inf, 2, 3]]), np.array([[[0.0, 1]]])
    y = backend.numpy(dsconv.conv1d(backend.array(x), backend.array(w)))
    np.testing.assert_array_equal(y, [[np.inf, np.nan, 3]])


def test_nan_through_the_separable_functions(backend, rng):
    x = rng.uniform(0.5, 1, (2, 3, 7, 8))
    x[1, 2, 3, 3] = np.nan
    depthwise, pointwise = rng.uniform(size=(3, 1, 3, 3)), rng.uniform(size=(4, 3, 1, 1))
    column, row = rng.uniform(0.5, 1, 3), rng.uniform(0.5, 1, 2)
    y = dsconv.depthwise_separable_conv2d(*map(backend.array, (x, depthwise, pointwise)))
    expected = np.zeros((2, 4, 5, 6), bool)
    expected[1, :, 1:4, 1:4] = True
    np.testing.assert_array_equal(np.isnan(backend.numpy(y)), expected)
    y = dsconv.spatially_separable_conv2d(*map(backend.array, (x, column, row)))
    expected = np.zeros((2, 3, 5, 7), bool)
    expected[1, 2, 1:4, 2:4] = True
    np.testing.assert_array_equal(np.isnan(backend.numpy(y)), expected)


# --- Memory layout, and inputs that stay what they are --------------------------------


def _numpy_layouts(a: Any) -> dict[str, Any]:
    """Return the same numbers lying in memory in every way we can think of."""
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1] + 3), a.dtype)
    wide[..., 3::2] = a
    read_only = a.copy()
    read_only.flags.writeable = False
    unaligned = (
        np.frombuffer(b"\0" + a.tobytes(), dtype=np.uint8)[1:].view(a.dtype).reshape(a.shape)
    )
    return {
        "Fortran": np.asfortranarray(a),
        "strided": wide[..., 3::2],
        "reversed": np.ascontiguousarray(np.flip(a))[(slice(None, None, -1),) * a.ndim],
        "channels last": np.moveaxis(
            np.ascontiguousarray(np.moveaxis(a, a.ndim > 1, -1)), -1, a.ndim > 1
        ),
        "read-only": read_only,
        "unaligned": unaligned,
        "big-endian": a.astype(a.dtype.newbyteorder(">")),
        "subclass": a.view(type("Sub", (np.ndarray,), {})),
    }


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_numpy_layouts_give_the_same_and_are_left_alone(rng, name):
    plain = [rng.normal(size=a.shape) for a in small_arrays(name, rng)]
    expected = getattr(dsconv, name)(*plain)
    layouts = [_numpy_layouts(a) for a in plain]
    for layout in layouts[0]:
        arrays = [of[layout] for of in layouts]
        before = [a.tobytes() for a in arrays]
        y = getattr(dsconv, name)(*arrays)
        close(y, expected)
        assert [a.tobytes() for a in arrays] == before, layout
        assert not any(np.shares_memory(y, a) for a in arrays), layout
    # Broadcast: one image seen as four; writing to it would write to all.
    batch = np.broadcast_to(plain[0][:1], (4, *plain[0].shape[1:]))
    y = getattr(dsconv, name)(batch, *plain[1:])
    close(y, np.repeat(expected[:1], 4, axis=0))
    np.testing.assert_array_equal(batch[3], plain[0][0])


@pytest.mark.parametrize("name", EVERY_FUNCTION)
def test_torch_layouts_give_the_same_and_are_left_alone(rng, name):
    plain = [torch.from_numpy(rng.normal(size=a.shape)) for a in small_arrays(name, rng)]
    expected = getattr(dsconv, name)(*plain)
    strided = [torch.repeat_interleave(a, 2, dim=-1)[..., ::2] for a in plain]
    transposed = [a.transpose(0, -1).contiguous().transpose(0, -1) for a in plain]
    last = [a.contiguous(memory_format=torch.channels_last) if a.ndim == 4 else a for a in plain]
    for arrays in (strided, transposed, last):
        before = [a.clone() for a in arrays]
        strides = [a.stride() for a in arrays]
        y = getattr(dsconv, name)(*arrays)
        assert_matches(y, expected)
        assert [a.stride() for a in arrays] == strides
        assert all(torch.equal(a, b) for a, b in zip(arrays, before, strict=True))
    batch = plain[0][:1].expand(4, *plain[0].shape[1:])
    assert_matches(getattr(dsconv, name)(batch, *plain[1:])[3], expected[0])
    versions = [a._version for a in plain]  # counts writes in place
    y = getattr(dsconv, name)(*plain)
    y += 1
    assert [a._version for a in plain] == versions


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_writing_to_the_result_leaves_the_input_alone(backend, rng, kernel, groups):
    x = rng.normal(size=(1, 2, 4, 4))
    w = np.zeros((2, 2 // groups, kernel, kernel))
    given_x = backend.array(x)
    y = dsconv.conv2d(given_x, backend.array(w), groups=groups)
    y[...] = 7
    np.testing.assert_array_equal(given_x, x)


def test_a_read_only_memory_map(tmp_path, rng):
    x, w = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(4, 3, 2, 2))
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_matches(np.asarray(dsconv.conv2d(mapped, w)), dsconv.conv2d(x, w))


# --- Memory ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "outputs", "groups"), [(4, 4, 4), (4, 4, 1), (4, 2, 2)], ids=str
)
def test_numpy_needs_a_few_copies_of_the_input_not_k_squared(rng, channels, outputs, groups):
    """A patch matrix of this 9×9 kernel would be 81 times the input."""
    x = rng.normal(size=(1, channels, 256, 256))
    w = rng.normal(size=(outputs, channels // groups, 9, 9))
    tracemalloc.start()
    try:
        dsconv.conv2d(x, w, padding="same", groups=groups)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * x.nbytes
