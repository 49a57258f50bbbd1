"""Our convolutions against the layers of other frameworks: Keras, onnxruntime, PyTorch.

Keras runs on torch here, in double precision. onnxruntime has Conv in single precision only, so
there the numbers are small whole ones, on which single precision is exact.
"""

from __future__ import annotations

import ast
import re

import nbformat
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from notebooks import BOOK
from torch import nn

import dsconv
from dsconv import ConvSpec, assert_matches
from dsconv.interop import (
    from_keras_conv,
    from_keras_depthwise,
    from_keras_separable,
    to_keras_conv,
    to_keras_depthwise,
    to_keras_separable,
)

# How Keras makes an array of a tensor, and what torch says when Keras passes "same" on to it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

SIZE = (6, 9)  # even and odd, not square


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Return Keras on torch; its settings and the folder it writes are forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        import keras

        assert keras.backend.backend() == "torch"
        yield keras


def last(maps):
    """Return maps with their channels last, as Keras takes them."""
    return np.moveaxis(maps, 1, -1)


def answer(keras, layer, weights, x):
    """Return what a Keras layer with these weights makes of our maps, in our layout."""
    layer.build((None, *last(x).shape[1:]))
    layer.set_weights(weights)
    return np.moveaxis(keras.ops.convert_to_numpy(layer(last(x))), -1, 1)


def in_words_of_keras(options):
    return {
        {"stride": "strides", "dilation": "dilation_rate"}.get(name, name): value
        for name, value in options.items()
    }


OPTIONS = {
    "plain": {},
    "same": {"padding": "same"},
    "stride": {"stride": 2},
    "stride same": {"stride": 2, "padding": "same"},
    "stride 3 same": {"stride": 3, "padding": "same"},
    "uneven strides": {"stride": (1, 2), "padding": "same"},
    "dilation": {"dilation": (2, 1)},
    "dilation same": {"dilation": 2, "padding": "same"},
}
TOGETHER = {
    "stride, dilation": {"stride": 2, "dilation": 2, "padding": "same"},
    "one of each": {"stride": (2, 1), "dilation": (1, 2), "padding": "same"},
}
KERNELS = [(3, 2), (2, 5)]


def cases(options):
    return pytest.mark.parametrize("options", options.values(), ids=options)


# --- Keras ----------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
@cases(OPTIONS)
def test_keras_conv2d(keras, rng, options, groups, kernel):
    x, bias = rng.normal(size=(2, 4, *SIZE)), rng.normal(size=6)
    weight = rng.normal(size=(6, 4 // groups, *kernel))
    layer = keras.layers.Conv2D(
        6, kernel, groups=groups, dtype="float64", **in_words_of_keras(options)
    )
    result = answer(keras, layer, [to_keras_conv(weight), bias], x)
    assert_matches(result, dsconv.conv2d(x, weight, bias, groups=groups, **options))
    assert_matches(from_keras_conv(layer.get_weights()[0]), weight)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("multiplier", [1, 3])
@cases(OPTIONS | TOGETHER)
def test_keras_depthwise_conv2d(keras, rng, options, multiplier, kernel):
    x, bias = rng.normal(size=(2, 2, *SIZE)), rng.normal(size=2 * multiplier)
    weight = rng.normal(size=(2 * multiplier, 1, *kernel))
    layer = keras.layers.DepthwiseConv2D(
        kernel, depth_multiplier=multiplier, dtype="float64", **in_words_of_keras(options)
    )
    result = answer(keras, layer, [to_keras_depthwise(weight, 2), bias], x)
    assert_matches(result, dsconv.depthwise_conv2d(x, weight, bias, **options))
    assert_matches(from_keras_depthwise(layer.get_weights()[0]), weight)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("multiplier", [1, 3])
@cases(OPTIONS | TOGETHER)
def test_keras_separable_conv2d(keras, rng, options, multiplier, kernel):
    x, bias = rng.normal(size=(2, 2, *SIZE)), rng.normal(size=5)
    weights = (
        rng.normal(size=(2 * multiplier, 1, *kernel)),
        rng.normal(size=(5, 2 * multiplier, 1, 1)),
    )
    layer = keras.layers.SeparableConv2D(
        5, kernel, depth_multiplier=multiplier, dtype="float64", **in_words_of_keras(options)
    )
    result = answer(keras, layer, [*to_keras_separable(*weights, 2), bias], x)
    assert_matches(result, dsconv.depthwise_separable_conv2d(x, *weights, bias, **options))
    for ours, weight in zip(from_keras_separable(*layer.get_weights()[:2]), weights, strict=True):
        assert_matches(ours, weight)


@pytest.mark.parametrize("length", [8, 9])
@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": "same"}, {"dilation": 2, "padding": "same"}], ids=str
)
def test_keras_in_one_dimension(keras, rng, options, length):
    x, bias = rng.normal(size=(2, 3, length)), rng.normal(size=5)
    dense = rng.normal(size=(5, 3, 4))
    halves = rng.normal(size=(6, 1, 4)), rng.normal(size=(5, 6, 1))
    words = {"dtype": "float64", **in_words_of_keras(options)}
    conv = keras.layers.Conv1D(5, 4, **words)
    assert_matches(
        answer(keras, conv, [to_keras_conv(dense), bias], x),
        dsconv.conv1d(x, dense, bias, **options),
    )
    depthwise = keras.layers.DepthwiseConv1D(4, depth_multiplier=2, use_bias=False, **words)
    assert_matches(
        answer(keras, depthwise, [to_keras_depthwise(halves[0], 3)], x),
        dsconv.depthwise_conv1d(x, halves[0], **options),
    )
    separable = keras.layers.SeparableConv1D(5, 4, depth_multiplier=2, **words)
    assert_matches(
        answer(keras, separable, [*to_keras_separable(*halves, 3), bias], x),
        dsconv.depthwise_separable_conv1d(x, *halves, bias, **options),
    )


def test_a_depthwise_weight_as_keras_conv2d_with_groups_has_it(keras, rng):
    """The kernel is JAX's in HWIO with feature_group_count: (kH, kW, 1, C·T)."""
    x, weight = rng.normal(size=(2, 3, *SIZE)), rng.normal(size=(6, 1, 3, 2))
    layer = keras.layers.Conv2D(6, (3, 2), groups=3, use_bias=False, dtype="float64")
    result = answer(keras, layer, [to_keras_conv(weight)], x)
    assert_matches(result, dsconv.depthwise_conv2d(x, weight))


def test_keras_with_channels_first_has_the_same_weights(keras, rng):
    x, bias = rng.normal(size=(2, 2, *SIZE)), rng.normal(size=5)
    weights = rng.normal(size=(6, 1, 3, 2)), rng.normal(size=(5, 6, 1, 1))
    layer = keras.layers.SeparableConv2D(
        5, (3, 2), depth_multiplier=3, data_format="channels_first", dtype="float64"
    )
    layer.build(x.shape)
    layer.set_weights([*to_keras_separable(*weights, 2), bias])
    result = keras.ops.convert_to_numpy(layer(x))
    assert_matches(result, dsconv.depthwise_separable_conv2d(x, *weights, bias))


def test_one_bias_and_one_activation_at_the_end(keras, rng):
    x, bias = rng.normal(size=(2, 2, *SIZE)), rng.normal(size=5)
    weights = rng.normal(size=(6, 1, 3, 2)), rng.normal(size=(5, 6, 1, 1))
    layer = keras.layers.SeparableConv2D(
        5, (3, 2), depth_multiplier=3, activation="relu", dtype="float64"
    )
    result = answer(keras, layer, [*to_keras_separable(*weights, 2), bias], x)
    plain = dsconv.depthwise_separable_conv2d(x, *weights, bias)
    assert_matches(result, np.maximum(plain, 0))
    inner = np.maximum(dsconv.depthwise_conv2d(x, weights[0]), 0)
    assert not np.allclose(result, np.maximum(dsconv.pointwise_conv2d(inner, weights[1], bias), 0))
    assert [tuple(w.shape) for w in layer.weights] == [(3, 2, 2, 3), (1, 1, 6, 5), (5,)]


def test_where_ten_parameters_are(keras):
    layers = keras.layers
    one, *two = layers.SeparableConv2D(100, 5), layers.DepthwiseConv2D(5), layers.Conv2D(100, 1)
    for layer in (one, *two):
        layer.build((None, 12, 12, 10))
    assert (one.count_params(), sum(layer.count_params() for layer in two)) == (1350, 1360)


def test_what_keras_refuses(keras):
    for together in ({"strides": 2, "dilation_rate": 2}, {"strides": 2, "dilation_rate": (1, 2)}):
        with pytest.raises(ValueError, match="`strides > 1` not supported in conjunction"):
            keras.layers.Conv2D(4, 3, **together)
    with pytest.raises(ValueError, match=r"invalid dimension '0\.25'"):
        keras.layers.DepthwiseConv2D(3, depth_multiplier=0.25).build((None, 6, 7, 8))
    with pytest.raises(ValueError, match="input channels must be evenly divisible by the number"):
        keras.layers.Conv2D(4, 3, groups=4).build((None, 6, 7, 2))


# --- onnxruntime ----------------------------------------------------------------------


def in_onnxruntime(x, weight, **attributes):
    """Return what a model of one Conv makes of x, which it computes in single precision."""
    names = ("x", "weight")
    infos = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * x.ndim)
        for name in (*names, "y")
    ]
    node = onnx.helper.make_node("Conv", names, ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "conv", infos[:2], infos[2:])
    opset = onnx.helper.make_opsetid("", 22)
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[opset])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised; they need not be printed, too
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    arrays = {"x": x.astype(np.float32), "weight": weight.astype(np.float32)}
    (result,) = session.run(None, arrays)
    return result.astype(np.int64)


def whole(rng, *shape):
    return rng.integers(-9, 10, shape)


EXPLICIT = {
    "valid": ("VALID", 0),
    "zeros": ({"pads": [0, 0, 0, 0]}, 0),
    "alike": ({"pads": [2, 1, 2, 1]}, (2, 1)),
    "uneven": ({"pads": [0, 2, 1, 3]}, ((0, 1), (2, 3))),
    "upper": ("SAME_UPPER", "same"),
}


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3)], ids=str)
@pytest.mark.parametrize(("theirs", "padding"), EXPLICIT.values(), ids=EXPLICIT)
def test_onnx_conv(rng, theirs, padding, stride, kernel):
    attributes = {"auto_pad": theirs} if isinstance(theirs, str) else theirs
    x = whole(rng, 2, 4, *SIZE)
    for groups, outputs in ((1, 3), (2, 6), (4, 12)):
        weight = whole(rng, outputs, 4 // groups, *kernel)
        result = in_onnxruntime(x, weight, group=groups, strides=stride, **attributes)
        assert_matches(
            result, dsconv.conv2d(x, weight, stride=stride, padding=padding, groups=groups)
        )


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)], ids=str)
@pytest.mark.parametrize("dilation", [(2, 2), (1, 3)], ids=str)
def test_onnx_dilation_with_stride(rng, dilation, stride):
    x, weight = whole(rng, 2, 3, 8, 11), whole(rng, 6, 1, 3, 2)
    result = in_onnxruntime(
        x, weight, group=3, strides=stride, dilations=dilation, pads=[1, 0, 2, 3]
    )
    ours = dsconv.depthwise_conv2d(
        x, weight, stride=stride, dilation=dilation, padding=((1, 2), (0, 3))
    )
    assert_matches(result, ours)


def test_onnx_same_lower_puts_the_odd_zero_before(rng):
    x, weight = whole(rng, 1, 2, *SIZE), whole(rng, 4, 1, 3, 3)
    result = in_onnxruntime(x, weight, group=2, strides=[2, 2], auto_pad="SAME_LOWER")
    ours = dsconv.depthwise_conv2d(x, weight, stride=2, padding=((1, 0), (1, 1)))
    assert_matches(result, ours)


def test_same_is_same_upper_at_every_size(rng):
    for n in range(4, 14):
        x = whole(rng, 1, 1, n)
        for kernel in range(1, 7):
            weight = whole(rng, 2, 1, kernel)
            for stride in (1, 2, 3):
                result = in_onnxruntime(x, weight, strides=[stride], auto_pad="SAME_UPPER")
                assert_matches(result, dsconv.conv1d(x, weight, stride=stride, padding="same"))


def test_what_onnxruntime_refuses(rng):
    x, weight = whole(rng, 1, 2, *SIZE), whole(rng, 4, 1, 3, 3)
    with pytest.raises(Exception, match="Dilation not supported for AutoPadType::SAME_UPPER"):
        in_onnxruntime(x, weight, group=2, dilations=[2, 2], auto_pad="SAME_UPPER")
    with pytest.raises(Exception, match="auto_pad == AutoPadType::NOTSET was false"):
        in_onnxruntime(x, weight, group=2, pads=[1, 1, 1, 1], auto_pad="SAME_UPPER")
    with pytest.raises(Exception, match="C is not equal to kernel channels"):
        in_onnxruntime(x, weight, group=4)


# --- PyTorch, whose padding is another ------------------------------------------------


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_padding_half_a_kernel_is_shifted_by_a_pixel_at_stride_2_on_even_sizes(rng, kernel):
    """Rows are even and differ by a shift; columns are odd and agree."""
    x, weight = (
        torch.tensor(rng.normal(size=(2, 3, 8, 9))),
        torch.tensor(rng.normal(size=(6, 1, kernel, kernel))),
    )
    half = (kernel - 1) // 2
    theirs = nn.functional.conv2d(x, weight, stride=2, padding=half, groups=3)
    same = dsconv.depthwise_conv2d(x, weight, stride=2, padding="same")
    every = dsconv.depthwise_conv2d(x, weight, padding="same")
    assert theirs.shape == same.shape
    assert not torch.isclose(theirs, same).any()
    assert_matches(theirs, every[:, :, ::2, ::2])
    assert_matches(same, every[:, :, 1::2, ::2])
    mended = nn.functional.pad(x, (half, half, half - 1, half))  # columns first
    assert_matches(nn.functional.conv2d(mended, weight, stride=2, groups=3), same)


def test_which_sizes_are_shifted():
    for n in range(5, 300):
        for kernel in (1, 3, 5, 7):
            for stride in (1, 2):
                spec = ConvSpec(1, 1, (kernel,), stride=stride, padding="same")
                half = (kernel - 1) // 2
                shifted = stride == 2 and n % 2 == 0 and kernel > 1
                assert spec.pads((n,)) == ((half - shifted, half),)


def test_what_pytorch_refuses():
    with pytest.raises(ValueError, match="padding='same' is not supported for strided"):
        nn.Conv2d(2, 4, 3, groups=2, stride=2, padding="same")
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(2, 4, 3, groups=4)
    with pytest.raises(ValueError, match="out_channels must be divisible by groups"):
        nn.Conv2d(4, 2, 3, groups=4)


# --- The tabs of the chapter ----------------------------------------------------------


def tabs():
    """Return the code of each framework's tab in the chapter."""
    chapter = nbformat.read(BOOK / "frameworks.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    pattern = r"\{tab-item\} (\w+)\n.*?```python\n(.*?)```"
    return dict(re.findall(pattern, text, re.DOTALL))


def test_every_framework_has_a_tab_in_python():
    found = tabs()
    assert list(found) == ["PyTorch", "Keras", "TensorFlow", "JAX", "ONNX"]
    for code in found.values():
        ast.parse(code)


@pytest.mark.parametrize("framework", ["PyTorch", "Keras", "ONNX"])
def test_a_tab_gives_our_numbers(keras, rng, framework):
    arrays = {
        name: whole(rng, *shape).astype(np.float32)
        for name, shape in {
            "x": (1, 2, 6, 7),
            "D": (4, 1, 3, 3),
            "P": (3, 4, 1, 1),
            "bias": (3,),
        }.items()
    }
    expected = dsconv.depthwise_separable_conv2d(*arrays.values(), stride=2, padding="same")
    given = {name: torch.tensor(array) for name, array in arrays.items()}
    names = dict(given if framework == "PyTorch" else arrays)
    names["to_keras_separable"] = to_keras_separable
    exec(tabs()[framework], names)
    if framework == "PyTorch":
        result = names["y"].numpy()
    elif framework == "Keras":
        result = np.moveaxis(keras.ops.convert_to_numpy(names["y"]), -1, 1)
    else:
        onnx.checker.check_model(names["model"], full_check=True)
        session = onnxruntime.InferenceSession(names["model"].SerializeToString())
        (result,) = session.run(None, arrays)
    np.testing.assert_array_equal(result, expected)
