"""Every refusal, by its message: the rule, the names, the values received."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import dsconv
from dsconv import ConvSpec

ONE_D = ["conv1d", "depthwise_conv1d", "pointwise_conv1d", "depthwise_separable_conv1d"]
TWO_D = [name.replace("1d", "2d") for name in ONE_D] + ["spatially_separable_conv2d"]
ALL = ONE_D + TWO_D
STRIDED = [name for name in ALL if "pointwise" not in name]


def arrays(name: str) -> list[Any]:
    """Ones that the function of this name accepts: two channels, sides of 3 over sides of 6."""
    axes = int(name[-2])
    x = np.ones((1, 2, *(6,) * axes))
    depthwise, pointwise = np.ones((2, 1, *(3,) * axes)), np.ones((4, 2, *(1,) * axes))
    if name.startswith("conv"):
        return [x, np.ones((4, 2, *(3,) * axes))]
    if name.startswith("depthwise_conv"):
        return [x, depthwise]
    if name.startswith("pointwise"):
        return [x, pointwise]
    if name.startswith("spatially"):
        return [x, np.ones(3), np.ones(3)]
    return [x, depthwise, pointwise]


def names(name: str) -> list[str]:
    """Return what the function calls its arrays."""
    if name.startswith("spatially"):
        return ["input", "column", "row"]
    if "separable" in name:
        return ["input", "depthwise_weight", "pointwise_weight"]
    return ["input", "weight"]


def refuses(error: type[Exception], *parts: Any) -> Any:
    """Expect the error, its message holding these parts in this order."""
    return pytest.raises(error, match="(?s)" + ".*".join(re.escape(str(part)) for part in parts))


@pytest.mark.parametrize("name", ALL)
def test_the_arrays_of_these_tests_are_accepted(backend, name):
    assert getattr(dsconv, name)(*map(backend.array, arrays(name))).sum() > 0


# --- Arrays that are none, or do not go together --------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "thing", [[[1.0]], 3.5, None, "image", np.float64(2), memoryview(b"abc")], ids=repr
)
def test_objects_that_are_no_arrays(backend, name, thing):
    for i, argument in enumerate(names(name)):
        given = [backend.array(a) for a in arrays(name)]
        given[i] = thing
        with refuses(
            TypeError,
            f"{argument} must be a NumPy array or a PyTorch tensor. Received: ",
            type(thing).__name__,
        ):
            getattr(dsconv, name)(*given)


def test_a_bias_that_is_no_array(backend):
    for bias in (0, False, [1.0, 2, 3, 4]):
        with refuses(TypeError, "bias must be a NumPy array", type(bias).__name__):
            dsconv.conv2d(*map(backend.array, arrays("conv2d")), bias)


@pytest.mark.parametrize("name", ALL)
def test_mixed_backends(name):
    for i, argument in enumerate(names(name)):
        given = arrays(name)
        given[i] = torch.from_numpy(given[i])
        with refuses(TypeError, "one kind, NumPy or PyTorch", f"{argument} from torch", "convert"):
            getattr(dsconv, name)(*given)


def test_a_bias_of_the_other_backend():
    with refuses(TypeError, "one kind, NumPy or PyTorch", "bias from torch", "tensor.numpy()"):
        dsconv.conv2d(*arrays("conv2d"), torch.ones(4).double())


def test_masked_arrays_whose_mask_would_be_lost():
    x, w = arrays("conv2d")
    with refuses(TypeError, "input must not be a masked array", "input.filled(0)"):
        dsconv.conv2d(np.ma.masked_less(x, 0.5), w)


def test_sparse_tensors():
    x, w = (torch.from_numpy(a) for a in arrays("conv2d"))
    with refuses(TypeError, "weight must be a dense tensor", "torch.sparse_coo", "to_dense()"):
        dsconv.conv2d(x, w.to_sparse())


def test_two_devices():
    x, w = (torch.from_numpy(a) for a in arrays("conv2d"))
    with refuses(ValueError, "on one device", "input on meta, weight on cpu", ".to(device)"):
        dsconv.conv2d(x.to("meta"), w)


# --- Dtypes ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_float_and_integer(backend, name):
    """Named in the message: what was received, and the cast that mends it."""
    for i, argument in enumerate(names(name)):
        given = arrays(name)
        given[i] = given[i].astype(np.int32)
        cast = ".to(torch.float64)" if backend.name == "torch" else ".astype(np.float64)"
        with refuses(TypeError, f"{argument} of dtype int32", f"cast with {argument}{cast}"):
            getattr(dsconv, name)(*map(backend.array, given))


@pytest.mark.parametrize("name", ALL)
def test_two_floating_dtypes(backend, name):
    for i, argument in enumerate(names(name)):
        given = arrays(name)
        given[i] = given[i].astype(np.float32)
        with refuses(TypeError, "one floating dtype", f"{argument} of dtype float32", "cast with"):
            getattr(dsconv, name)(*map(backend.array, given))


def test_the_cast_brings_the_others_to_the_inputs_dtype():
    x, w = arrays("conv2d")
    with refuses(
        TypeError, "input of dtype float16, weight of dtype float64", "weight.astype(np.float16)"
    ):
        dsconv.conv2d(x.astype(np.float16), w)
    with refuses(TypeError, "bias of dtype float32", "cast with bias.astype(np.float64)"):
        dsconv.conv2d(x, w, np.ones(4, np.float32))
    with refuses(TypeError, "bias of dtype float32", "cast with input.astype(np.float32)"):
        dsconv.conv2d(x.astype(int), w.astype(int), np.ones(4, np.float32))
    half, brain = torch.ones(1, 2, 6, 6).half(), torch.ones(4, 2, 3, 3).bfloat16()
    with refuses(TypeError, "float16", "bfloat16", "weight.to(torch.float16)"):
        dsconv.conv2d(half, brain)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"])
def test_integers_on_torch(dtype):
    given = [torch.from_numpy(a.astype(dtype)) for a in arrays("conv2d")]
    with refuses(
        TypeError, "must be floating", f"input of dtype {dtype}", "input.to(torch.float32)"
    ):
        dsconv.conv2d(*given)


def test_uint64(backend):
    given = [backend.array(a.astype(np.uint64)) for a in arrays("conv1d")]
    cast = "input.astype(np.int64)" if backend.name == "numpy" else "input.to(torch.float32)"
    with refuses(TypeError, "input of dtype uint64", f"cast with {cast}"):
        dsconv.conv1d(*given)
    with refuses(TypeError, "weight of dtype uint64", "cast with weight.astype(np.float64)"):
        dsconv.conv1d(arrays("conv1d")[0], arrays("conv1d")[1].astype(np.uint64))
    mixed = [a.astype(t) for a, t in zip(arrays("conv1d"), ("int8", "uint64"), strict=True)]
    with refuses(TypeError, "up to 32 bits", "weight of dtype uint64", "weight.astype(np.int64)"):
        dsconv.conv1d(*mixed)


@pytest.mark.parametrize("dtype", ["bool", "complex64", "complex128"])
@pytest.mark.parametrize("name", ["conv2d", "conv1d", "depthwise_conv2d", "pointwise_conv2d"])
def test_booleans_and_complex_numbers(backend, name, dtype):
    for i, argument in enumerate(names(name)):
        given = arrays(name)
        given[i] = given[i].astype(dtype)
        with refuses(TypeError, f"{argument} must hold floating-point numbers", dtype, "float64"):
            getattr(dsconv, name)(*map(backend.array, given))


@pytest.mark.parametrize("dtype", [object, "S3", "U3", "m8[s]", "M8[s]", [("a", float)]], ids=str)
def test_numpy_dtypes_that_are_no_numbers(dtype):
    x, w = arrays("conv2d")
    with refuses(TypeError, "input must hold floating-point numbers or integers", "input of dtype"):
        dsconv.conv2d(np.zeros(x.shape, dtype), w)


def test_eight_bit_floats_and_quantised_tensors():
    x, w = (torch.from_numpy(a).float() for a in arrays("conv2d"))
    with refuses(TypeError, "must hold floating-point", "float8_e4m3fn", "input.to(torch.float32)"):
        dsconv.conv2d(x.to(torch.float8_e4m3fn), w.to(torch.float8_e4m3fn))


# --- Options --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_unknown_options(backend, name):
    for option in ("strides", "pad", "padding_mode", "data_format"):
        with refuses(TypeError, "unexpected keyword argument", option):
            getattr(dsconv, name)(*map(backend.array, arrays(name)), **{option: 1})


@pytest.mark.parametrize("name", [n for n in ALL if not n.startswith("conv")])
def test_groups_belong_to_the_plain_convolutions(name):
    with refuses(TypeError, "unexpected keyword argument", "groups"):
        getattr(dsconv, name)(*arrays(name), groups=2)


@pytest.mark.parametrize("name", ALL)
def test_options_go_by_name(name):
    given = [*arrays(name), None, 2]
    with refuses(TypeError, "positional argument"):
        getattr(dsconv, name)(*given)


WRONG_NUMBERS = [1.0, 2.5, True, np.True_, "2", None, np.float64(1), np.array(1), np.array([1, 1])]


@pytest.mark.parametrize("name", STRIDED)
@pytest.mark.parametrize("option", ["stride", "dilation", "padding"])
@pytest.mark.parametrize("value", WRONG_NUMBERS, ids=repr)
def test_sizes_that_are_no_integers(backend, name, option, value):
    given = list(map(backend.array, arrays(name)))
    if option == "padding" and isinstance(value, str):
        with refuses(ValueError, "padding, where it is a word, must be 'valid' or 'same'", "'2'"):
            getattr(dsconv, name)(*given, padding=value)
        return
    with refuses(TypeError, f"{option} must be", "integer", f"{option}={value!r}"):
        getattr(dsconv, name)(*given, **{option: value})
    for sequence in ((value,) * int(name[-2]), [value] * int(name[-2])):
        with refuses(TypeError, f"{option}[0] must be an integer", f"[0]={value!r}"):
            getattr(dsconv, name)(*given, **{option: sequence})


def test_the_message_says_what_padding_may_be():
    for value in (None, 1.5, np.array([1, 1])):
        with refuses(
            TypeError, "padding must be", "(before, after)", "'same'", f"padding={value!r}"
        ):
            dsconv.conv2d(*arrays("conv2d"), padding=value)
    with refuses(TypeError, "stride must be an integer, or a tuple or list of 2 (height, width)"):
        dsconv.conv2d(*arrays("conv2d"), stride=np.array([2, 2]))


@pytest.mark.parametrize("value", [1.0, True, None, (1,), "1"], ids=repr)
@pytest.mark.parametrize("name", ["conv1d", "conv2d"])
def test_groups_that_are_no_integer(backend, name, value):
    with refuses(TypeError, "groups must be an integer. Received: groups=", repr(value)):
        getattr(dsconv, name)(*map(backend.array, arrays(name)), groups=value)


@pytest.mark.parametrize("name", STRIDED)
@pytest.mark.parametrize(("option", "least"), [("stride", 1), ("dilation", 1), ("padding", 0)])
def test_sizes_that_are_too_small(backend, name, option, least):
    given = list(map(backend.array, arrays(name)))
    for value in (least - 1, -7, np.int64(-3)):
        with refuses(
            ValueError, f"{option} must be at least {least}. Received: {option}=", repr(value)
        ):
            getattr(dsconv, name)(*given, **{option: value})
    axes = int(name[-2])
    last = (1,) * (axes - 1) + (least - 1,)
    with refuses(ValueError, f"{option}[{axes - 1}] must be at least {least}", f"={least - 1}"):
        getattr(dsconv, name)(*given, **{option: last})


@pytest.mark.parametrize("groups", [0, -1])
def test_groups_that_are_too_small(backend, groups):
    with refuses(ValueError, f"groups must be at least 1. Received: groups={groups}"):
        dsconv.conv2d(*map(backend.array, arrays("conv2d")), groups=groups)


@pytest.mark.parametrize("name", STRIDED)
def test_negative_padding_in_a_pair(backend, name):
    axes = int(name[-2])
    for entry, pair in enumerate([(-1, 0), (0, -1)]):
        pairs = ((0, 0),) * (axes - 1) + (pair,)
        with refuses(ValueError, f"padding[{axes - 1}][{entry}] must be at least 0", "=-1"):
            getattr(dsconv, name)(*map(backend.array, arrays(name)), padding=pairs)
        floats = ((0, 0),) * (axes - 1) + ((0.5, 0),)
        with refuses(TypeError, f"padding[{axes - 1}][0] must be an integer", "0.5"):
            getattr(dsconv, name)(*map(backend.array, arrays(name)), padding=floats)


@pytest.mark.parametrize("name", STRIDED)
@pytest.mark.parametrize("word", ["SAME", "full", "", "Valid", "same_lower", "reflect"])
def test_unknown_padding_words(backend, name, word):
    with refuses(ValueError, "must be 'valid' or 'same'. Received:", f"padding={word!r}"):
        getattr(dsconv, name)(*map(backend.array, arrays(name)), padding=word)


@pytest.mark.parametrize("name", STRIDED)
@pytest.mark.parametrize("option", ["stride", "dilation"])
def test_the_wrong_number_of_sizes(backend, name, option):
    axes = int(name[-2])
    for value in ((), (1,) * (axes + 1), [1] * (axes + 2)):
        with refuses(ValueError, f"{option} must be one integer or {axes}", f"{option}={value!r}"):
            getattr(dsconv, name)(*map(backend.array, arrays(name)), **{option: value})


@pytest.mark.parametrize("name", STRIDED)
def test_the_wrong_number_of_pads(backend, name):
    """Four numbers are how ONNX writes pads; the message says how we do."""
    given, axes = list(map(backend.array, arrays(name))), int(name[-2])
    wrong = [(), (1,) * (axes + 1), [1] * (2 * axes)]
    wrong += [
        ((1, 1),) * (axes + 1),
        ((1, 1, 1),) * axes,
        ((1,),) * axes,
        ((),) * axes,
        ((1, 1), 1),
    ]
    for value in wrong:
        with refuses(ValueError, "one (before, after) pair for each", f"padding={value!r}"):
            getattr(dsconv, name)(*given, padding=value)


# --- Shapes ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_an_input_of_the_wrong_rank(backend, name):
    given, axes = arrays(name), int(name[-2])
    letters = {1: "(B, C, L), or (C, L)", 2: "(B, C, H, W), or (C, H, W)"}[axes]
    if name.startswith("spatially"):
        given[1:] = np.ones((2, 3)), np.ones((2, 3))  # nor is the number of lines to blame
    for rank in {0, 1, axes, axes + 3, axes + 4}:
        shape = (3, 2, 2, 6, 6, 6)[:rank]
        x = np.ones(shape)
        with refuses(
            ValueError, f"input must have shape {letters} without", f"input.shape={shape}"
        ):
            getattr(dsconv, name)(*map(backend.array, [x, *given[1:]]))


@pytest.mark.parametrize("name", [n for n in ALL if not n.startswith("spatially")])
def test_a_weight_of_the_wrong_rank(backend, name):
    axes = int(name[-2])
    for i, argument in enumerate(names(name)):
        if i == 0:
            continue
        for shape in ((2,), (2, 1), (2, 1, 1, 1, 1), (2,) * (axes + 1), (2,) * (axes + 3)):
            given = arrays(name)
            given[i] = np.ones(shape)
            with refuses(
                ValueError, f"{argument} must have shape (N, C/groups, k", f"shape={shape}"
            ):
                getattr(dsconv, name)(*map(backend.array, given))


@pytest.mark.parametrize("name", [n for n in ALL if not n.startswith("spatially")])
def test_a_bias_of_the_wrong_shape(backend, name):
    outputs = arrays(name)[-1].shape[0]
    for shape in ((), (1,), (outputs + 1,), (outputs, 1), (1, outputs), (0,)):
        bias = backend.array(np.ones(shape))
        with refuses(ValueError, f"bias must have shape ({outputs},)", f"bias.shape={shape}"):
            getattr(dsconv, name)(*map(backend.array, arrays(name)), bias)


def test_channels_that_do_not_match(backend):
    x, w = np.ones((1, 3, 6, 6)), np.ones((4, 2, 3, 3))
    with refuses(
        ValueError,
        "weight.shape[1] must be the input's channels divided by groups",
        "(C=3)",
        "weight.shape=(4, 2, 3, 3)",
        "groups=1",
    ):
        dsconv.conv2d(backend.array(x), backend.array(w))
    with refuses(ValueError, "weight.shape[1]", "(C=4)", "weight.shape=(4, 4, 3)", "groups=2"):
        dsconv.conv1d(backend.array(np.ones((4, 6))), backend.array(np.ones((4, 4, 3))), groups=2)
    with refuses(ValueError, "weight.shape[1]", "(C=3)", "weight.shape=(4, 2, 1, 1)"):
        dsconv.pointwise_conv2d(backend.array(x), backend.array(np.ones((4, 2, 1, 1))))


def test_channels_that_do_not_match_between_the_halves(backend):
    x, depthwise = np.ones((1, 2, 6, 6)), np.ones((4, 1, 3, 3))
    given = map(backend.array, (x, depthwise, np.ones((5, 2, 1, 1))))
    with refuses(
        ValueError,
        "pointwise_weight.shape[1] must be depthwise_weight.shape[0]",
        "depthwise_weight.shape=(4, 1, 3, 3)",
        "pointwise_weight.shape=(5, 2, 1, 1)",
    ):
        dsconv.depthwise_separable_conv2d(*given)


def test_groups_that_do_not_divide(backend):
    x, w = backend.array(np.ones((1, 4, 6, 6))), backend.array(np.ones((6, 2, 3, 3)))
    with refuses(ValueError, "groups (=3) must divide input channels (=4)"):
        dsconv.conv2d(x, w, groups=3)
    with refuses(ValueError, "groups (=4) must divide weight.shape[0] (=6)"):
        dsconv.conv2d(x, w, groups=4)


@pytest.mark.parametrize("name", ["depthwise_conv1d", "depthwise_conv2d"])
def test_a_depthwise_weight_with_more_than_one_input_channel(backend, name):
    x, w = arrays(name)
    shape = (2, 2, *w.shape[2:])
    with refuses(
        ValueError, "(C·depth_multiplier, 1, k", "reads one channel", f"weight.shape={shape}"
    ):
        getattr(dsconv, name)(backend.array(x), backend.array(np.ones(shape)))
    separable = name.replace("conv", "separable_conv")
    with refuses(ValueError, "a depthwise weight must", f"depthwise_weight.shape={shape}"):
        getattr(dsconv, separable)(
            *map(backend.array, (x, np.ones(shape), np.ones((3, 2, *(1,) * (x.ndim - 2)))))
        )


@pytest.mark.parametrize("outputs", [1, 3, 5])
def test_depthwise_outputs_that_are_no_multiple_of_c(backend, outputs):
    x, w = np.ones((1, 2, 6, 6)), np.ones((outputs, 1, 3, 3))
    with refuses(
        ValueError, "a multiple of the input's channels", "(C=2)", f"shape=({outputs}, 1, 3, 3)"
    ):
        dsconv.depthwise_conv2d(backend.array(x), backend.array(w))


@pytest.mark.parametrize("kernel", [(3, 3), (1, 2), (2, 1)])
def test_a_pointwise_kernel_that_is_no_point(backend, kernel):
    x, w = np.ones((1, 2, 6, 6)), np.ones((4, 2, *kernel))
    with refuses(ValueError, "a pointwise weight must have shape (N, C, 1, 1)", f"{w.shape}"):
        dsconv.pointwise_conv2d(backend.array(x), backend.array(w))
    with refuses(ValueError, "a pointwise weight must have shape (N, C, 1)", "(4, 2, 3)"):
        dsconv.pointwise_conv1d(backend.array(x[0, :, 0]), backend.array(np.ones((4, 2, 3))))
    with refuses(ValueError, "a pointwise weight must have shape (N, C, 1, 1)"):
        dsconv.depthwise_separable_conv2d(
            *map(backend.array, (x, np.ones((2, 1, 3, 3)), np.ones((4, 2, *kernel))))
        )


@pytest.mark.parametrize("name", STRIDED)
def test_a_kernel_larger_than_the_padded_input(backend, name):
    given = list(map(backend.array, arrays(name)))  # 6 pixels, kernel 3
    axes = int(name[-2])
    axis = "length" if axes == 1 else "height"
    with refuses(ValueError, "the kernel must fit into the padded input", f"{axis} 6 ", "spans 7"):
        getattr(dsconv, name)(*given, dilation=3)
    with refuses(ValueError, "must fit", "8 with padding", "spans 9"):
        getattr(dsconv, name)(*given, dilation=4, padding=1)
    if axes == 2:
        with refuses(ValueError, "must fit", "width 6 ", "spans 7"):
            getattr(dsconv, name)(*given, dilation=(1, 3))
    assert 0 not in getattr(dsconv, name)(*given, dilation=4, padding="same").shape


def test_a_kernel_that_just_fits(backend):
    x, w = backend.array(np.ones((1, 2, 6, 6))), backend.array(np.ones((4, 2, 3, 3)))
    assert dsconv.conv2d(x, w, dilation=3, padding=((0, 1), (1, 0))).shape == (1, 4, 1, 1)


@pytest.mark.parametrize("position", range(4))
def test_only_the_batch_may_be_empty(backend, position):
    shape = tuple(0 if p == position else 6 for p in range(4))
    x, w = np.ones(shape), np.ones((2, shape[1], 3, 3))
    if position == 0:
        assert dsconv.conv2d(backend.array(x), backend.array(w)).shape == (0, 2, 4, 4)
        return
    with refuses(ValueError, "must be at least 1. Received:", "=0"):
        dsconv.conv2d(backend.array(x), backend.array(w), padding=2)


@pytest.mark.parametrize("position", [0, 2, 3])
def test_a_weight_without_entries(backend, position):
    shape = tuple(0 if p == position else 2 for p in range(4))
    with refuses(ValueError, "must be at least 1. Received:", "=0"):
        dsconv.conv2d(backend.array(np.ones((1, 2, 6, 6))), backend.array(np.ones(shape)))


@pytest.mark.parametrize(
    ("column", "row"),
    [((3, 1), (3,)), ((3,), (2, 3)), ((), ()), ((2, 1, 3), (2, 1, 3)), ((2, 3), (3,))],
    ids=str,
)
def test_columns_and_rows_of_the_wrong_rank(backend, column, row):
    given = map(backend.array, (np.ones((2, 6, 6)), np.ones(column), np.ones(row)))
    with refuses(ValueError, "(kH,) and (kW,), or (C, kH) and (C, kW)", f"{column}", f"{row}"):
        dsconv.spatially_separable_conv2d(*given)


@pytest.mark.parametrize(("lines_down", "lines_along"), [(3, 2), (2, 3), (1, 1), (3, 3), (1, 2)])
def test_columns_and_rows_of_the_wrong_number(backend, lines_down, lines_along):
    given = map(
        backend.array, (np.ones((2, 6, 6)), np.ones((lines_down, 3)), np.ones((lines_along, 3)))
    )
    with refuses(
        ValueError,
        "one line for each of the input's channels",
        "(C=2)",
        f"({lines_down}, 3)",
        f"({lines_along}, 3)",
    ):
        dsconv.spatially_separable_conv2d(*given)


def test_both_halves_are_checked_before_either_is_computed(monkeypatch):
    """A mistake in the pointwise half shows at once, not after a long depthwise pass."""
    monkeypatch.setattr(dsconv.ops, "_run", lambda *_: pytest.fail("computed"))
    with refuses(ValueError, "bias must have shape (4,)"):
        dsconv.depthwise_separable_conv2d(*arrays("depthwise_separable_conv2d"), np.ones(2))


# --- ConvSpec -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "arguments", "options", "parts"),
    [
        (TypeError, (3.0, 8, 3), {}, ["in_channels must be an integer", "3.0 (float)"]),
        (TypeError, (3, True, 3), {}, ["out_channels must be an integer", "True (bool)"]),
        (TypeError, (3, 8, 3.0), {}, ["kernel_size must be an integer", "3.0"]),
        (TypeError, (3, 8, "3"), {}, ["kernel_size must be an integer", "'3'"]),
        (TypeError, (3, 8, (3, 2.0)), {}, ["kernel_size[1] must be an integer", "2.0"]),
        (TypeError, (3, 8, 3), {"bias": 1}, ["bias must be True or False", "1 (int)"]),
        (TypeError, (3, 8, 3), {"bias": None}, ["bias must be True or False", "None"]),
        (TypeError, (3, 8, 3), {"groups": 1.0}, ["groups must be an integer", "1.0"]),
        (TypeError, (3, 8, 3), {"strides": 1}, ["unexpected keyword argument", "strides"]),
        (TypeError, (3, 8, 3, 1), {}, ["positional argument"]),
        (ValueError, (0, 8, 3), {}, ["in_channels must be at least 1", "=0"]),
        (ValueError, (3, 0, 3), {}, ["out_channels must be at least 1", "=0"]),
        (ValueError, (3, 8, 0), {}, ["kernel_size must be at least 1", "=0"]),
        (ValueError, (3, 8, (3, 0)), {}, ["kernel_size[1] must be at least 1", "=0"]),
        (ValueError, (3, 8, (3, 3, 3)), {}, ["one entry (a 1-D layer) or two", "(3, 3, 3)"]),
        (ValueError, (3, 8, ()), {}, ["one entry (a 1-D layer) or two", "()"]),
        (ValueError, (3, 8, 3), {"stride": 0}, ["stride must be at least 1", "=0"]),
        (
            ValueError,
            (3, 8, (3,)),
            {"stride": (1, 1)},
            ["stride must be one integer or 1 (length)"],
        ),
        (ValueError, (3, 8, 3), {"padding": -1}, ["padding must be at least 0", "=-1"]),
        (ValueError, (3, 8, 3), {"padding": "half"}, ["'valid' or 'same'", "'half'"]),
        (ValueError, (3, 8, 3), {"groups": 2}, ["groups (=2) must divide in_channels (=3)"]),
        (ValueError, (4, 6, 3), {"groups": 4}, ["groups (=4) must divide out_channels (=6)"]),
    ],
)
def test_specs(error, arguments, options, parts):
    with refuses(error, *parts):
        ConvSpec(*arguments, **options)


def test_specs_refuse_input_sizes():
    spec = ConvSpec(3, 8, (3, 5), dilation=2)
    for method in (spec.output_size, spec.pads):
        with refuses(TypeError, "input_size[0] must be an integer", "7.0"):
            method((7.0, 9))
        with refuses(ValueError, "input_size must be one integer or 2 (height, width)", "(9,)"):
            method((9,))
        with refuses(ValueError, "input_size[1] must be at least 1", "=0"):
            method((9, 0))
    with refuses(ValueError, "width 8", "kernel_size=(3, 5)", "dilation=(2, 2)", "spans 9"):
        spec.output_size((9, 8))


def test_depthwise_and_pointwise_specs():
    with refuses(TypeError, "channels must be an integer", "2.0"):
        ConvSpec.depthwise(2.0, 3)
    with refuses(ValueError, "depth_multiplier must be at least 1", "=0"):
        ConvSpec.depthwise(2, 3, depth_multiplier=0)
    with refuses(TypeError, "groups"):
        ConvSpec.depthwise(2, 3, groups=1)
    with refuses(ValueError, "axes must be 1 or 2", "axes=3"):
        ConvSpec.pointwise(2, 3, axes=3)
