"""What every convolution obeys, whatever the code behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cases, explicit_pads, per_axis

import dsconv


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


class Functions:
    """The functions of one backend, from NumPy arrays to NumPy arrays."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def __getattr__(self, name: str) -> Any:
        def call(*arrays: Any, **options: Any) -> Any:
            given_arrays = map(self.backend.array, arrays)
            return self.backend.numpy(getattr(dsconv, name)(*given_arrays, **options))

        return call


@pytest.fixture(scope="session")
def run(backend):
    return Functions(backend)


@given(case=cases(batch=False), a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_linear_in_the_input_and_in_the_weight(run, case, a, b):
    x, w, _ = case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    x2, w2 = rng.normal(size=x.shape), rng.normal(size=w.shape)
    conv = getattr(run, f"conv{case.axes}d")
    once = conv(x, w, **case.options)
    close(conv(a * x + b * x2, w, **case.options), a * once + b * conv(x2, w, **case.options))
    close(conv(x, a * w + b * w2, **case.options), a * once + b * conv(x, w2, **case.options))


@given(case=cases(batch=False))
def test_the_bias_is_one_number_for_each_output_map(run, case):
    x, w, _ = case.arrays()
    b = np.random.default_rng(case.seed + 1).normal(size=case.outputs)
    conv = getattr(run, f"conv{case.axes}d")
    difference = conv(x, w, b, **case.options) - conv(x, w, **case.options)
    close(difference, np.broadcast_to(b.reshape(-1, *(1,) * case.axes), difference.shape))


@given(case=cases(axes=2, depthwise=True, batch=False), data=st.data())
def test_a_delta_kernel_picks_pixels(run, case, data):
    """One tap: the output is the padded input, from the tap's place, every stride-th pixel."""
    x, _, _ = case.arrays()
    i, j = (data.draw(st.integers(0, k - 1)) for k in case.kernel_size)
    w = np.zeros((case.channels, 1, *case.kernel_size))
    w[:, :, i, j] = 1
    y = run.depthwise_conv2d(x, w, **case.spatial_options)
    (s, t), (d, e) = per_axis(case.stride, 2), per_axis(case.dilation, 2)
    padded = np.pad(x, [(0, 0), (0, 0), *explicit_pads(case)])
    close(y, padded[..., d * i :: s, e * j :: t][..., : y.shape[-2], : y.shape[-1]])


@given(case=cases(depthwise=True))
def test_depthwise_is_grouped_is_a_loop_over_channels(run, case):
    x, w, b = case.arrays()
    depthwise = getattr(run, f"depthwise_conv{case.axes}d")(x, w, b, **case.spatial_options)
    conv = getattr(run, f"conv{case.axes}d")
    close(depthwise, conv(x, w, b, groups=case.channels, **case.spatial_options))
    channel_axis, multiplier = depthwise.ndim - case.axes - 1, case.out_per_group
    for c in range(case.channels):
        own = slice(c * multiplier, (c + 1) * multiplier)
        alone = conv(
            np.take(x, [c], channel_axis), w[own], None if b is None else b[own],
            **case.spatial_options,
        )  # fmt: skip
        close(np.take(depthwise, range(own.start, own.stop), channel_axis), alone)


@given(case=cases(batch=False))
def test_groups_are_layers_side_by_side(run, case):
    x, w, b = case.arrays()
    conv = getattr(run, f"conv{case.axes}d")
    parts = [
        conv(
            x[:, g * case.in_per_group : (g + 1) * case.in_per_group],
            w[g * case.out_per_group : (g + 1) * case.out_per_group],
            None if b is None else b[g * case.out_per_group : (g + 1) * case.out_per_group],
            **case.spatial_options,
        )
        for g in range(case.groups)
    ]
    close(conv(x, w, b, **case.options), np.concatenate(parts, axis=1))


@given(case=cases(depthwise=True, batch=False), outputs=st.integers(1, 4))
def test_separable_is_dense_with_the_composed_kernel(run, case, outputs):
    """W[n, m] = Σ over t of P[n, mT + t] · D[mT + t], where T is the depth multiplier."""
    x, depthwise, _ = case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    pointwise, b = rng.normal(size=(outputs, case.outputs)), rng.normal(size=outputs)
    multiplier = case.out_per_group
    dense = np.zeros((outputs, case.channels, *case.kernel_size))
    for n in range(outputs):
        for q in range(case.outputs):
            dense[n, q // multiplier] += pointwise[n, q] * depthwise[q, 0]
    separable = getattr(run, f"depthwise_separable_conv{case.axes}d")(
        x, depthwise, pointwise.reshape(*pointwise.shape, *(1,) * case.axes), b,
        **case.spatial_options,
    )  # fmt: skip
    conv = getattr(run, f"conv{case.axes}d")
    close(separable, conv(x, dense, b, **case.spatial_options))


@given(case=cases(axes=2, depthwise=True, batch=False))
def test_spatially_separable_is_the_outer_product(run, case):
    x, _, _ = case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    column, row = (rng.normal(size=(case.channels, k)) for k in case.kernel_size)
    outer = (column[:, :, None] * row[:, None, :])[:, None]
    depthwise = run.depthwise_conv2d(x, outer, **case.spatial_options)
    close(run.spatially_separable_conv2d(x, column, row, **case.spatial_options), depthwise)
    shared = run.spatially_separable_conv2d(x, column[0], row[0], **case.spatial_options)
    repeated = np.repeat(outer[:1], case.channels, axis=0)
    close(shared, run.depthwise_conv2d(x, repeated, **case.spatial_options))


@given(case=cases(batch=False), data=st.data())
def test_channels_may_be_renamed(run, case, data):
    """Input channels with the weight's columns, outputs with its rows: nothing else changes."""
    x, w, b = case.arrays()
    conv = getattr(run, f"conv{case.axes}d")
    y = conv(x, w, b, **case.options)
    inside = data.draw(st.permutations(range(case.in_per_group)))
    inputs = [g * case.in_per_group + c for g in range(case.groups) for c in inside]
    close(conv(x[:, inputs], w[:, inside], b, **case.options), y)
    inside = data.draw(st.permutations(range(case.out_per_group)))
    outputs = [g * case.out_per_group + c for g in range(case.groups) for c in inside]
    close(conv(x, w[outputs], None if b is None else b[outputs], **case.options), y[:, outputs])
    if case.groups == 1:
        return
    order = data.draw(st.permutations(range(case.groups)))
    inputs = [g * case.in_per_group + c for g in order for c in range(case.in_per_group)]
    outputs = [g * case.out_per_group + c for g in order for c in range(case.out_per_group)]
    moved = conv(x[:, inputs], w[outputs], None if b is None else b[outputs], **case.options)
    close(moved, y[:, outputs])


@given(case=cases(axes=2, batch=False), down=st.integers(0, 3), right=st.integers(0, 3))
def test_translation(run, case, down, right):
    """An input moved by whole strides gives the output moved by as many pixels."""
    x, w, _ = case.arrays()
    (s, t), (d, e) = per_axis(case.stride, 2), per_axis(case.dilation, 2)
    reach = [d * (case.kernel_size[0] - 1), e * (case.kernel_size[1] - 1)]
    # The picture lies on black that is wide enough for nothing to be cut off.
    around = [(r + 3 * step, r + 3 * step) for r, step in zip(reach, (s, t), strict=True)]
    canvas = np.pad(x, [(0, 0), (0, 0), *around])
    moved = np.roll(canvas, (down * s, right * t), axis=(2, 3))
    options = {"stride": case.stride, "dilation": case.dilation, "groups": case.groups}
    y, z = run.conv2d(canvas, w, **options), run.conv2d(moved, w, **options)
    close(z[..., down:, right:], y[..., : y.shape[2] - down, : y.shape[3] - right])
    assert np.any(z)


@given(case=cases(axes=2, batch=False))
def test_the_two_axes_are_alike(run, case):
    """Transposed input, kernel and options give the transposed output."""
    x, w, b = case.arrays()
    y = run.conv2d(x, w, b, **case.options)
    swapped = {name: per_axis(getattr(case, name), 2)[::-1] for name in ("stride", "dilation")}
    swapped |= {"padding": explicit_pads(case)[::-1], "groups": case.groups}
    close(run.conv2d(x.swapaxes(2, 3), w.swapaxes(2, 3), b, **swapped), y.swapaxes(2, 3))


@given(case=cases(axes=1))
def test_a_sequence_is_a_map_of_height_one(run, case):
    x, w, b = case.arrays()
    options = {
        "stride": (1, *per_axis(case.stride, 1)),
        "dilation": (1, *per_axis(case.dilation, 1)),
        "padding": ((0, 0), *explicit_pads(case)),
        "groups": case.groups,
    }
    y = run.conv2d(x[..., None, :], w[..., None, :], b, **options)
    close(run.conv1d(x, w, b, **case.options), y[..., 0, :])


@given(case=cases(batch=False))
def test_dilation_is_a_kernel_with_zeros_between_its_taps(run, case):
    x, w, b = case.arrays()
    dilations = per_axis(case.dilation, case.axes)
    span = [d * (k - 1) + 1 for d, k in zip(dilations, case.kernel_size, strict=True)]
    sparse = np.zeros((*w.shape[:2], *span))
    sparse[(..., *(slice(None, None, d) for d in dilations))] = w
    conv = getattr(run, f"conv{case.axes}d")
    close(conv(x, w, b, **case.options), conv(x, sparse, b, **(case.options | {"dilation": 1})))


@given(case=cases(batch=False))
def test_a_stride_leaves_outputs_out(run, case):
    x, w, b = case.arrays()
    options = case.options | {"padding": explicit_pads(case)}
    conv = getattr(run, f"conv{case.axes}d")
    steps = tuple(slice(None, None, s) for s in per_axis(case.stride, case.axes))
    dense = conv(x, w, b, **(options | {"stride": 1}))
    close(conv(x, w, b, **options), dense[(..., *steps)])
