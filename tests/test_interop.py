"""Weights to Keras' layouts and back: where each number goes, and every refusal."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from dsconv import interop

KERNELS = [(3, 4), (5,)]  # no two sides of a shape are alike, so that a mistake shows
C, T, N, G = 3, 2, 8, 2


def refuses(error, *parts):
    """Expect the error, its message holding these parts in this order."""
    return pytest.raises(error, match="(?s)" + ".*".join(re.escape(str(part)) for part in parts))


def counted(*shape):
    """Return an array whose entries all differ."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# --- Where each number goes -----------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_conv_weight_entry_by_entry(backend, kernel):
    weight = counted(N, C, *kernel)
    moved = backend.numpy(interop.to_keras_conv(backend.array(weight)))
    assert moved.shape == (*kernel, C, N)
    for n in range(N):
        for m in range(C):
            np.testing.assert_array_equal(moved[..., m, n], weight[n, m])


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_depthwise_weight_entry_by_entry(backend, kernel):
    weight = counted(C * T, 1, *kernel)
    moved = backend.numpy(interop.to_keras_depthwise(backend.array(weight), C))
    assert moved.shape == (*kernel, C, T)
    for m in range(C):
        for t in range(T):
            np.testing.assert_array_equal(moved[..., m, t], weight[m * T + t, 0])


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_depthwise_weight_in_hwio_holds_the_same_numbers_in_the_same_order(kernel):
    """JAX, and Keras' Conv2D with groups: the two layouts differ by a reshape only."""
    weight = counted(C * T, 1, *kernel)
    hwio, hwct = interop.to_keras_conv(weight), interop.to_keras_depthwise(weight, C)
    assert hwio.shape == (*kernel, 1, C * T)
    np.testing.assert_array_equal(hwio.reshape(hwct.shape), hwct)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_separable_pair_is_both_halves(backend, kernel):
    depthwise, pointwise = counted(C * T, 1, *kernel), counted(N, C * T, *(1,) * len(kernel))
    pair = interop.to_keras_separable(backend.array(depthwise), backend.array(pointwise), C)
    first, second = map(backend.numpy, pair)
    np.testing.assert_array_equal(first, interop.to_keras_depthwise(depthwise, C))
    np.testing.assert_array_equal(second.reshape(C * T, N), pointwise.reshape(N, C * T).T)
    assert second.ndim == first.ndim


# --- There and back -------------------------------------------------------------------

WEIGHTS = {
    "conv": (N, C, 3, 4),
    "groups": (N, C // 3, 3, 4),
    "pointwise": (N, C, 1, 1),
    "conv1d": (N, C, 5),
    "depthwise": (C * T, 1, 3, 4),
    "depthwise1d": (C * T, 1, 5),
}


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "complex64", "bool"])
@pytest.mark.parametrize("shape", WEIGHTS.values(), ids=WEIGHTS)
def test_conv_there_and_back(backend, shape, dtype):
    weight = counted(*shape).astype(dtype)
    there = interop.to_keras_conv(backend.array(weight))
    back = backend.numpy(interop.from_keras_conv(there))
    assert back.dtype == weight.dtype
    np.testing.assert_array_equal(back, weight)
    kernel = weight.transpose()
    again = interop.to_keras_conv(interop.from_keras_conv(backend.array(kernel)))
    np.testing.assert_array_equal(backend.numpy(again), kernel)


@pytest.mark.parametrize("kernel", [*KERNELS, (1, 1)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_depthwise_there_and_back(backend, kernel, channels):
    weight = counted(6, 1, *kernel)
    there = interop.to_keras_depthwise(backend.array(weight), channels)
    assert tuple(there.shape) == (*kernel, channels, 6 // channels)
    np.testing.assert_array_equal(backend.numpy(interop.from_keras_depthwise(there)), weight)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_separable_pair_there_and_back(backend, kernel):
    weights = counted(C * T, 1, *kernel), counted(N, C * T, *(1,) * len(kernel))
    there = interop.to_keras_separable(*map(backend.array, weights), in_channels=C)
    for back, weight in zip(interop.from_keras_separable(*there), weights, strict=True):
        np.testing.assert_array_equal(backend.numpy(back), weight)


def calls():
    """Yield each function with arguments it accepts."""
    weights = counted(C * T, 1, 3, 4), counted(N, C * T, 1, 1)
    kernels = interop.to_keras_separable(*weights, C)
    yield interop.to_keras_conv, weights[:1], ()
    yield interop.from_keras_conv, kernels[:1], ()
    yield interop.to_keras_depthwise, weights[:1], (C,)
    yield interop.from_keras_depthwise, kernels[:1], ()
    yield interop.to_keras_separable, weights, (C,)
    yield interop.from_keras_separable, kernels, ()


CALLS = list(calls())
NAMES = [function.__name__ for function, *_ in CALLS]


def test_these_are_all_functions():
    assert sorted(NAMES) == sorted(interop.__all__)


@pytest.mark.parametrize(("function", "arrays", "rest"), CALLS, ids=NAMES)
def test_results_are_copies_in_their_own_order(backend, function, arrays, rest):
    given = [backend.array(array.copy()) for array in arrays]
    results = function(*given, *rest)
    for result in results if isinstance(results, tuple) else (results,):
        result[...] = -1
        if backend.name == "torch":
            assert result.is_contiguous()
        else:
            assert result.flags.c_contiguous
    for array, original in zip(given, arrays, strict=True):
        np.testing.assert_array_equal(backend.numpy(array), original)


def test_a_copy_even_where_the_order_in_memory_stays():
    for shape in [(1, 1, 1, 1), (1, 1, 3, 4), (1, 1, 5)]:
        weight = torch.zeros(shape)
        interop.to_keras_depthwise(weight, 1).add_(1)
        interop.to_keras_conv(weight).add_(1)
        assert weight.abs().sum() == 0


@pytest.mark.parametrize(("function", "arrays", "rest"), CALLS, ids=NAMES)
def test_gradients_pass_and_transposed_inputs_do_too(function, arrays, rest):
    for given in (
        [torch.tensor(array, requires_grad=True) for array in arrays],
        [torch.nn.Parameter(torch.tensor(array.T).permute(3, 2, 1, 0)) for array in arrays],
    ):
        results = function(*given, *rest)
        total = sum((r**2).sum() for r in (results if isinstance(results, tuple) else (results,)))
        total.backward()
        for array in given:
            torch.testing.assert_close(array.grad, 2 * array.detach())


# --- Refusals -------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [[[1.0]], 3.5, None, "kernel", np.float64(2)], ids=repr)
@pytest.mark.parametrize(("function", "arrays", "rest"), CALLS, ids=NAMES)
def test_what_is_no_array(function, arrays, rest, thing):
    names = list(inspect.signature(function).parameters)
    for i, name in enumerate(names[: len(arrays)]):
        given = [*arrays[:i], thing, *arrays[i + 1 :]]
        with refuses(TypeError, f"{name} must be a NumPy array or a PyTorch tensor. Received: "):
            function(*given, *rest)


@pytest.mark.parametrize(
    ("function", "arrays", "rest"), CALLS[4:], ids=[f.__name__ for f, *_ in CALLS[4:]]
)
def test_two_kinds(function, arrays, rest):
    first, second = list(inspect.signature(function).parameters)[:2]
    with refuses(TypeError, f"one kind, NumPy or PyTorch. Received: {first} from numpy, {second}"):
        function(arrays[0], torch.tensor(arrays[1]), *rest)


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (1, 2, 3, 4, 5), (0, 1, 3, 4), (4, 1, 0)])
def test_shapes_of_no_layer(backend, shape):
    array = backend.array(np.zeros(shape))
    rule = " for a 1-D layer, with no side of 0. Received: "
    with refuses(ValueError, "weight must have shape (N, C/groups, kH, kW), or", rule, shape):
        interop.to_keras_conv(array)
    with refuses(ValueError, "kernel must have shape (kH, kW, C/groups, N), or", rule, shape):
        interop.from_keras_conv(array)
    with refuses(ValueError, "weight must have shape (C·T, 1, kH, kW), or", rule, shape):
        interop.to_keras_depthwise(array, 1)
    with refuses(ValueError, "kernel must have shape (kH, kW, C, T), or", rule, shape):
        interop.from_keras_depthwise(array)
    other = backend.array(np.zeros((1, 1, 1, 1)))
    with refuses(ValueError, "depthwise_weight must have shape (C·T, 1, kH, kW), or", rule, shape):
        interop.to_keras_separable(array, other, 1)
    with refuses(ValueError, "depthwise_kernel must have shape (kH, kW, C, T), or", rule, shape):
        interop.from_keras_separable(array, other)


def test_a_filter_that_reads_more_than_one_channel(backend):
    kernel = backend.array(np.zeros((3, 4, 3, 2)))  # in Keras' layout already
    with refuses(
        ValueError,
        "weight must have shape (C·T, 1, kH, kW): each filter of a depthwise layer reads one",
        "weight.shape=(3, 4, 3, 2)",
    ):
        interop.to_keras_depthwise(kernel, 3)
    with refuses(ValueError, "weight must have shape (C·T, 1, kL)", "weight.shape=(6, 2, 5)"):
        interop.to_keras_depthwise(backend.array(np.zeros((6, 2, 5))), 3)


def test_filters_that_are_no_multiple_of_the_channels(backend):
    weight = backend.array(np.zeros((6, 1, 3, 4)))
    for channels in (4, 5, 12):
        with refuses(
            ValueError,
            "weight must have C·T filters, a multiple of in_channels. Received: ",
            f"weight.shape=(6, 1, 3, 4), in_channels={channels}",
        ):
            interop.to_keras_depthwise(weight, channels)


@pytest.mark.parametrize(
    ("channels", "error", "rule"),
    [
        (2.0, TypeError, "an integer"),
        (True, TypeError, "an integer"),
        ("3", TypeError, "an integer"),
        (None, TypeError, "an integer"),
        (0, ValueError, "at least 1"),
        (-3, ValueError, "at least 1"),
    ],
)
def test_channels_that_are_no_number_of_channels(backend, channels, error, rule):
    weights = backend.array(np.zeros((6, 1, 3, 4))), backend.array(np.zeros((8, 6, 1, 1)))
    for function, arrays in (
        (interop.to_keras_depthwise, weights[:1]),
        (interop.to_keras_separable, weights),
    ):
        with refuses(error, f"in_channels must be {rule}. Received: in_channels={channels!r}"):
            function(*arrays, channels)


@pytest.mark.parametrize(
    "shape", [(), (8, 6), (8, 6, 1), (8, 5, 1, 1), (8, 6, 1, 2), (0, 6, 1, 1), (1, 1, 6, 8)]
)
def test_halves_that_do_not_fit(backend, shape):
    depthwise, pointwise = backend.array(np.zeros((6, 1, 3, 4))), backend.array(np.zeros(shape))
    with refuses(
        ValueError,
        "pointwise_weight must have shape (N, 6, 1, 1): it reads every map of the depthwise half.",
        f"pointwise_weight.shape={shape}, depthwise_weight.shape=(6, 1, 3, 4)",
    ):
        interop.to_keras_separable(depthwise, pointwise, 3)
    kernels = interop.to_keras_depthwise(depthwise, 3), backend.array(np.zeros(shape[::-1]))
    with refuses(
        ValueError,
        "pointwise_kernel must have shape (1, 1, 6, N): it reads every map of the depthwise half.",
        f"pointwise_kernel.shape={shape[::-1]}, depthwise_kernel.shape=(3, 4, 3, 2)",
    ):
        interop.from_keras_separable(*kernels)


# --- What it brings along -------------------------------------------------------------


def test_no_framework_is_imported():
    frameworks = {"torch", "keras", "onnx", "onnxruntime", "tensorflow", "jax"}
    code = (
        "import sys, dsconv.interop as i, numpy as np; i.to_keras_conv(np.ones((2, 1, 3))); "
        f"print(sorted({frameworks} & {{*sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
