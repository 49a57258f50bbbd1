"""Rows, the walker, and the three things made of its layers: numbers, forward pass, module."""

from __future__ import annotations

import copy
import warnings
from dataclasses import fields, replace
from math import prod

import numpy as np
import pytest
import torch

from dsconv import ConvSpec, network_cost
from dsconv.architectures import (
    NETWORKS,
    Bottleneck,
    Built,
    Conv,
    ConvModule,
    Dense,
    GlobalPool,
    Layer,
    Separable,
    SqueezeExcite,
    Step,
    Style,
    XceptionModule,
    activation,
    as_standard,
    check_parameters,
    deviations,
    fold_batch_norms,
    forward,
    initial_parameters,
    make_divisible,
    network,
    parameter_shapes,
    scale_depth,
    scale_width,
    to_module,
    walk,
)
from dsconv.testing import assert_matches

# --- Totals, to the digit ---------------------------------------------------------------

TOTALS = {  # parameters, weights, MACs
    ("mobilenet_v1", 1.0, 224): (4_231_976, 4_210_088, 568_740_352),
    ("mobilenet_v1", 1.0, 192): (4_231_976, 4_210_088, 418_121_728),
    ("mobilenet_v1", 1.0, 160): (4_231_976, 4_210_088, 290_675_200),
    ("mobilenet_v1", 1.0, 128): (4_231_976, 4_210_088, 186_400_768),
    ("mobilenet_v1", 0.75, 224): (2_585_560, 2_569_144, 325_400_448),
    ("mobilenet_v1", 0.5, 160): (1_331_592, 1_320_648, 76_524_800),
    ("mobilenet_v1", 0.25, 128): (470_072, 464_600, 13_570_048),
    ("conv_mobilenet_v1", 1.0, 224): (29_294_088, 29_282_120, 4_867_293_184),
    ("shallow_mobilenet_v1", 1.0, 224): (2_887_976, 2_876_328, 307_323_392),
    ("mobilenet_v2", 1.0, 224): (3_504_872, 3_470_760, 300_774_272),
    ("mobilenet_v2", 1.4, 224): (6_108_776, 6_060_840, 582_195_824),
    ("mobilenet_v3_large", 1.0, 224): (5_483_032, 5_458_632, 216_589_760),
    ("mobilenet_v3_small", 1.0, 224): (2_542_856, 2_530_744, 56_510_400),
    ("efficientnet_lite0", 1.0, 224): (4_652_008, 4_609_992, 385_187_552),
    ("xception", 1.0, 299): (22_855_952, 22_801_424, 8_357_403_496),
}


@pytest.mark.parametrize(("key", "wanted"), TOTALS.items(), ids=lambda part: str(part))
def test_totals_come_out_to_the_digit(key, wanted):
    total = network_cost(network(*key)).total
    assert (total.parameters, total.weights, total.macs) == wanted


def test_xception_with_the_statistics_of_its_norms():
    shapes = parameter_shapes(walk(NETWORKS["xception"]))
    assert sum(map(prod, shapes.values())) == 22_910_480


def test_the_standard_twin_without_its_dense_layer():
    cost = network_cost(network("conv_mobilenet_v1"))
    assert cost.total.macs - cost.layers[-1].macs == 4_866_269_184


@pytest.mark.parametrize(
    ("width", "depth", "resolution", "wanted"),
    [
        (1.0, 1.0, 224, (4_652_008, 385_187_552)),
        (1.0, 1.1, 240, (5_416_680, 600_185_232)),
        (1.1, 1.2, 260, (6_092_072, 859_736_272)),
        (1.2, 1.4, 280, (8_197_096, 1_383_321_872)),
        (1.4, 1.8, 300, (13_006_568, 2_553_034_336)),
    ],
)
def test_the_five_lite_networks_come_from_one_set_of_rows(width, depth, resolution, wanted):
    rows = scale_depth(scale_width(NETWORKS["efficientnet_lite0"].rows, width), depth)
    total = network_cost(walk(rows, resolution)).total
    assert (total.parameters, total.macs) == wanted


@pytest.mark.parametrize(
    ("name", "head", "wanted"),
    [
        ("mobilenet_v3_large", 1280, (3_993_528, 154_560_624)),  # printed: 4.0 M, 155 M
        ("mobilenet_v3_small", 1024, (2_041_872, 43_399_344)),
        ("mobilenet_v3_small", 1280, (2_408_720, 43_765_936)),  # printed: 2.4 M, 44 M
    ],
)
def test_the_third_at_three_quarters(name, head, wanted):
    *rows, dense, last = scale_width(NETWORKS[name].rows, 0.75)
    total = network_cost(walk([*rows, replace(dense, out_channels=head), last], 224)).total
    assert (total.parameters, total.macs) == wanted


MNASNET_A1 = (  # Tan et al., "MnasNet" (2019), figure 7
    Style("relu"),
    Conv(3, 32, stride=2),
    Bottleneck(3, 16, t=1),
    Bottleneck(3, 24, t=6, repeat=2, stride=2),
    Bottleneck(5, 40, t=3, repeat=3, stride=2, squeeze=SqueezeExcite(4, "input", 1, "sigmoid")),
    Bottleneck(3, 80, t=6, repeat=4, stride=2),
    Bottleneck(3, 112, t=6, repeat=2, squeeze=SqueezeExcite(4, "input", 1, "sigmoid")),
    Bottleneck(5, 160, t=6, repeat=3, stride=2, squeeze=SqueezeExcite(4, "input", 1, "sigmoid")),
    Bottleneck(3, 320, t=6),
    Conv(1, 1280),
    GlobalPool(),
    Dense(1000),
)
_B0 = SqueezeExcite(4, "input", 1, "sigmoid", "swish")
EFFICIENTNET_B0 = (  # Tan and Le, "EfficientNet" (2019), Table 1
    Style("swish", padding="same", epsilon=1e-3),
    Conv(3, 32, stride=2),
    Bottleneck(3, 16, t=1, squeeze=_B0),
    Bottleneck(3, 24, t=6, repeat=2, stride=2, squeeze=_B0),
    Bottleneck(5, 40, t=6, repeat=2, stride=2, squeeze=_B0),
    Bottleneck(3, 80, t=6, repeat=3, stride=2, squeeze=_B0),
    Bottleneck(5, 112, t=6, repeat=3, squeeze=_B0),
    Bottleneck(5, 192, t=6, repeat=4, stride=2, squeeze=_B0),
    Bottleneck(3, 320, t=6, squeeze=_B0),
    Conv(1, 1280),
    GlobalPool(),
    Dense(1000),
)


@pytest.mark.parametrize(
    ("rows", "parameters", "macs"),
    [(MNASNET_A1, 3_887_038, None), (EFFICIENTNET_B0, 5_288_548, 385_814_752)],
    ids=["MnasNet-A1", "EfficientNet-B0"],
)
def test_a_new_network_needs_rows_and_nothing_else(rows, parameters, macs):
    """Cost, NumPy, PyTorch and the figure take them as they take the book's own."""
    viz = pytest.importorskip("dsconv.viz")
    cost = network_cost(walk(rows, 224))
    assert cost.total.parameters == parameters
    if macs is None:
        assert round(cost.total.macs / 1e6, 1) == 311.6  # timm's count
    else:
        assert cost.total.macs == macs
    layers = walk(rows, (33, 47))
    three_ways(layers, (2, 3, 33, 47), seed=5)
    assert "<svg" in viz.network(layers)._repr_html_()


# --- Rows -------------------------------------------------------------------------------


def test_make_divisible_is_the_rule_of_the_builds():
    """Against the rule written out: the nearest multiple, one more where 10 % would be lost."""
    for number in np.linspace(1, 300, 1197):
        for divisor in (1, 2, 4, 8, 16):
            got = make_divisible(float(number), divisor)
            multiples = divisor * np.arange(1, 400)
            nearest = multiples[np.abs(multiples - number) <= divisor / 2 + 1e-9]
            below = max(nearest.max() if nearest.size else divisor, divisor)
            assert got % divisor == 0
            assert got >= 0.9 * number
            assert got in (below, below + divisor)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_divisible(0), r"number must be positive and finite\. Received: number=0"),
        (lambda: make_divisible(8, 0), r"divisor must be at least 1\. Received: divisor=0"),
        (
            lambda: scale_width(MNASNET_A1, -1),
            r"width must be positive and finite\. Received: width=-1",
        ),
        (
            lambda: scale_width(MNASNET_A1, float("nan")),
            r"width must be positive and finite\. Received: width=nan",
        ),
        (lambda: scale_width(MNASNET_A1, "1"), r"width must be a number\. Received: width='1'"),
        (lambda: scale_width(MNASNET_A1, True), r"width must be a number\. Received: width=True"),
        (lambda: scale_depth(MNASNET_A1, 0.0), r"depth must be positive and finite"),
        (
            lambda: Bottleneck(3, 16),
            r"either t, a ratio, or expanded, a number of channels\. Received: t=0, expanded=0",
        ),
        (lambda: Bottleneck(3, 16, t=6, expanded=96), r"Received: t=6, expanded=96"),
        (
            lambda: network("mobilenet"),
            r"name must be one of mobilenet_v1, .*\. Received: name='mobilenet'",
        ),
        (
            lambda: network("xception", width=0.5),
            r"xception takes width=1 only: the paper has no other width\. Received: width=0\.5",
        ),
        (
            lambda: network("mobilenet_v1", resolution=0),
            r"resolution must be at least 1\. Received: resolution=0",
        ),
        (
            lambda: network("mobilenet_v1", resolution=22.4),
            r"resolution must be an integer\. Received: resolution=22\.4",
        ),
        (lambda: walk(Conv(3, 8), 9), r"rows must be a tuple or list of rows"),
        (lambda: walk([], 9), r"rows must hold at least one row"),
        (lambda: walk([Conv(3, 8), "Conv"], 9), r"rows\[1\] must be one of Style, Conv, .*'Conv'"),
        (
            lambda: walk([Conv(3, 8)]),
            r"input_size must be given with rows that bring none\. Received: input_size=None",
        ),
        (
            lambda: walk([Conv(3, 8), Dense(10)], 9),
            r"a Dense row needs a GlobalPool before it\. Received: maps of shape \(1, 8, 9, 9\)",
        ),
        (
            lambda: walk([Conv(3, 8, padding="valid")], (9, 2)),
            r"the kernel must fit into the padded input\. Received: width 2",
        ),
        (
            lambda: walk([ConvModule((Step(3, groups=4),))], (9,), in_channels=6),
            r"groups \(=4\) must divide in_channels \(=6\)",
        ),
        (lambda: activation("gelu", np.ones(2)), r"kind must be one of relu, .* kind='gelu'"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_deviations_name_both_numbers_and_a_reason():
    found = {
        (name, *entry[:3])
        for name, net in NETWORKS.items()
        for entry in deviations(net.rows)
        if name in ("mobilenet_v1", "mobilenet_v3_small")
    }
    assert found == {
        ("mobilenet_v1", "row 10, Separable, stride", 2, 1),
        ("mobilenet_v3_small", "row 16, Dense, out_channels", 1280, 1024),
    }
    assert all(entry[3] for net in NETWORKS.values() for entry in deviations(net.rows))


def test_the_printed_stride_would_shrink_the_last_maps():
    rows = list(NETWORKS["mobilenet_v1"].rows)
    rows[9] = replace(rows[9], stride=rows[9].stride.printed)
    assert walk(rows, 224)[-3].input_shape[2:] == (4, 4)
    assert network_cost(walk(rows, 224)).total.macs < 569e6 - 1e6


def test_width_leaves_the_marked_rows_alone():
    rows = scale_width(NETWORKS["efficientnet_lite0"].rows, 1.1)
    assert [row.out_channels for row in rows if isinstance(row, Conv)] == [32, 1280]
    for width, last in ((0.5, 1280), (1.4, 1792)):
        rows = scale_width(NETWORKS["mobilenet_v2"].rows, width)
        assert [row.out_channels for row in rows if isinstance(row, Conv)][1] == last
    assert scale_width(MNASNET_A1, 1) == MNASNET_A1
    assert scale_width([XceptionModule((40, 60))], 0.5)[0].out_channels == (24, 32)


def test_the_ratio_of_a_bottleneck_multiplies_the_scaled_input():
    layers = walk(scale_width(NETWORKS["mobilenet_v2"].rows, 0.35), 224)
    expand = next(layer for layer in layers if layer.name == "block3.expand.conv")
    assert (expand.spec.in_channels, expand.spec.out_channels) == (8, 48)


def test_rows_print_as_the_shortest_call_that_makes_them():
    for net in NETWORKS.values():
        assert eval(repr(net.rows)) == net.rows
    assert repr(Conv(3, 32, stride=2)) == "Conv(3, 32, stride=2)"
    assert repr(Style()) == "Style()"
    squeezed = Bottleneck(5, 40, expanded=72, squeeze=SqueezeExcite(4))
    assert repr(squeezed) == "Bottleneck(5, 40, expanded=72, squeeze=SqueezeExcite(4))"


def test_rows_are_data():
    for net in NETWORKS.values():
        for row in net.rows:
            assert type(row).__dataclass_params__.frozen
            for field in fields(row):
                number = getattr(row, field.name)
                assert isinstance(number, int | float | str | tuple | Built | SqueezeExcite | None)
        assert net.source
        assert hash(net.rows) == hash(copy.deepcopy(net.rows))


# --- The walker -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_hang_together(name):
    """Every input exists before it is read, shapes meet, names are single, specs agree."""
    net = NETWORKS[name]
    shapes = {"input": (1, net.in_channels, *net.input_size)}
    for layer in walk(net):
        assert layer.name not in shapes
        assert layer.input_shape == shapes[layer.inputs[0]]
        if layer.spec is not None and layer.kind != "dense":
            size = layer.spec.output_size(layer.input_shape[2:])
            assert layer.spec.in_channels == layer.input_shape[1]
            assert layer.output_shape == (1, layer.spec.out_channels, *size)
        if layer.kind == "add":
            assert len({shapes[other] for other in layer.inputs}) == 1
        has_spec = layer.kind.endswith("conv") or layer.kind == "dense"
        assert (layer.spec is not None) == has_spec
        shapes[layer.name] = layer.output_shape
    if net.rows[-1] == Dense(1000):
        assert layer.output_shape == (1, 1000)


def test_which_blocks_of_the_second_have_a_shortcut():
    layers = walk(NETWORKS["mobilenet_v2"])
    blocks = {layer.name.partition(".")[0] for layer in layers if layer.name.startswith("block")}
    adds = [layer.name for layer in layers if layer.kind == "add"]
    assert len(blocks) == 17
    assert adds == [f"block{n}.add" for n in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)]


def test_the_modules_of_xception():
    layers = walk(NETWORKS["xception"])
    adds = [layer for layer in layers if layer.kind == "add"]
    assert len(adds) == 12
    assert sum(layer.kind == "max_pool" for layer in layers) == 4
    shortcuts = [layer for layer in layers if layer.name.endswith("shortcut.conv")]
    assert [layer.spec.stride for layer in shortcuts] == [(2, 2)] * 4
    # The projection runs before the main branch; block1 has no first activation.
    names = [layer.name for layer in layers]
    assert names.index("block2.shortcut.conv") < names.index("block2.separable1.relu")
    assert "block1.separable1.relu" not in names
    assert "block5.separable1.relu" in names
    # 36 convolutions, without the four on shortcuts; a separable one counts as one.
    main = [layer for layer in layers if layer.spec is not None and "shortcut" not in layer.name]
    halves = sum(layer.kind == "depthwise_conv" for layer in main)
    assert len(main) - halves - 1 == 36  # the dense layer is not among them


def test_a_slicenet_module_has_two_shortcuts_from_its_input():
    layers = walk(NETWORKS["slicenet_module"], (20,), in_channels=12)
    adds = [layer for layer in layers if layer.kind == "add"]
    assert [layer.inputs[1] for layer in adds] == ["input", "input"]
    depthwise = [layer.spec for layer in layers if layer.kind == "depthwise_conv"]
    assert [spec.kernel_size for spec in depthwise] == [(3,), (3,), (15,), (15,)]
    assert [spec.dilation for spec in depthwise] == [(1,), (1,), (1,), (8,)]
    groups = [
        layer.spec.groups
        for layer in walk(NETWORKS["slicenet_super_module"], (20,), in_channels=12)
        if layer.name.endswith("pointwise.conv")
    ]
    assert groups == [2, 3, 2, 3]


def test_resolution_and_orientation():
    layers = walk(NETWORKS["mobilenet_v2"], (224, 160))
    assert layers[0].output_shape == (1, 32, 112, 80)
    assert walk(NETWORKS["mobilenet_v2"], [96, 128]) == walk(NETWORKS["mobilenet_v2"], (96, 128))
    assert walk([Conv(3, 8)], 9, in_channels=1)[0].spec == ConvSpec(1, 8, 3, padding=1)


def test_a_style_holds_for_the_rows_below_it():
    rows = [Conv(3, 8), Style("", "valid", 0.5), Conv(3, 8), Conv(3, 8, activation="relu6")]
    layers = walk(rows, (9, 8))
    assert [layer.kind for layer in layers] == [
        *("conv", "batch_norm", "relu"),
        *("conv", "batch_norm"),
        *("conv", "batch_norm", "relu6"),
    ]
    assert [layer.epsilon for layer in layers if layer.kind == "batch_norm"] == [1e-5, 0.5, 0.5]
    assert layers[-1].output_shape == (1, 8, 5, 4)


# --- Forward pass, module, folding --------------------------------------------------------


def random_parameters(layers, seed):
    """Return parameters with norms that do something."""
    rng = np.random.default_rng(seed)
    made = initial_parameters(layers, seed)
    for name, array in made.items():
        if name.endswith("running_var"):
            made[name] = rng.uniform(0.5, 2, array.shape).astype(np.float32)
        elif array.ndim == 1:
            made[name] = array + rng.normal(0, 0.2, array.shape).astype(np.float32)
    return made


def module_of(layers, parameters):
    module = to_module(layers).eval()
    state = {name: torch.tensor(array) for name, array in parameters.items()}
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return module


def three_ways(layers, shape, seed):
    """NumPy, NumPy with folded norms, and PyTorch's module agree."""
    parameters = random_parameters(layers, seed)
    x = np.random.default_rng(seed + 1).normal(size=shape).astype(np.float32)
    with torch.no_grad():
        wanted = module_of(layers, parameters)(torch.from_numpy(x)).numpy()
    scale = np.abs(wanted).max()
    plain = forward(layers, parameters, x)
    assert plain.dtype == np.float32
    assert np.abs(plain - wanted).max() <= 1e-4 * scale
    assert np.abs(forward(*fold_batch_norms(layers, parameters), x) - wanted).max() <= 1e-4 * scale
    tensors = {name: torch.from_numpy(array) for name, array in parameters.items()}
    as_torch = forward(layers, tensors, torch.from_numpy(x))
    assert isinstance(as_torch, torch.Tensor)
    assert np.abs(as_torch.numpy() - wanted).max() <= 1e-4 * scale


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_and_pytorch_agree(name):
    net = NETWORKS[name]
    if len(net.input_size) == 1:
        size, channels = (37,), 12
    else:
        size, channels = (45, 38), 3
    rows = net.rows if net.one_width else scale_width(net.rows, 0.35)
    three_ways(walk(rows, size, channels), (2, channels, *size), seed=3)


def test_another_size_than_the_walked_one():
    """Same-padding and the shapes follow the input, not the walk."""
    layers = walk(scale_width(NETWORKS["efficientnet_lite0"].rows, 0.35), (64, 48))
    three_ways(layers, (1, 3, 51, 70), seed=9)


def test_the_max_pool_pads_with_less_than_anything():
    layers = walk([Style(padding="same"), XceptionModule((4, 4), stride=2)], (6, 5), in_channels=2)
    pool = next(layer for layer in layers if layer.kind == "max_pool")
    x = -1 - np.random.default_rng(0).random((1, 4, 6, 5)).astype(np.float32)
    alone = [replace(pool, inputs=("input",))]
    got = forward(alone, {}, x)
    wanted = torch.nn.functional.max_pool2d(
        torch.nn.functional.pad(torch.from_numpy(x), (1, 1, 0, 1), value=-torch.inf), 3, 2
    )
    assert_matches(got, wanted.numpy())
    assert_matches(to_module(alone)(torch.from_numpy(x)), wanted)


def test_the_module_trains():
    rows = [
        Style("hard_swish"),
        Conv(3, 8, stride=2),
        Bottleneck(3, 8, t=2, squeeze=SqueezeExcite(4)),
    ]
    module = to_module(walk([*rows, GlobalPool(), Dense(3)], (9, 8)))
    loss = (
        module(torch.randn(4, 3, 9, 8, generator=torch.Generator().manual_seed(0))).square().sum()
    )
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize(
    "kind", ["relu", "relu6", "hard_swish", "swish", "sigmoid", "hard_sigmoid"]
)
def test_activations_are_those_of_pytorch(kind):
    x = np.concatenate([np.linspace(-9, 9, 37), [-200.0, 200.0]]).astype(np.float32)
    functional = torch.nn.functional
    oracle = {
        "relu": functional.relu,
        "relu6": functional.relu6,
        "hard_swish": functional.hardswish,
        "swish": functional.silu,
        "sigmoid": torch.sigmoid,
        "hard_sigmoid": functional.hardsigmoid,
    }[kind]
    wanted = oracle(torch.from_numpy(x))
    assert_matches(activation(kind, x), wanted.numpy())
    assert_matches(activation(kind, torch.from_numpy(x)), wanted)


def test_the_norm_of_slicenet_is_over_channels_with_two_scalars():
    """Against the paper's formula in float64."""
    layer = Layer("n", "layer_norm", None, ("input",), (1, 5, 7), (1, 5, 7), epsilon=1e-5)
    x = np.random.default_rng(4).normal(2, 3, (2, 5, 7)).astype(np.float32)
    own = {"n.weight": np.array([1.5], np.float32), "n.bias": np.array([-0.5], np.float32)}
    mean = x.astype(np.float64).mean(1, keepdims=True)
    deviation = np.sqrt(x.astype(np.float64).var(1, keepdims=True) + 1e-5)
    wanted = (1.5 * (x - mean) / deviation - 0.5).astype(np.float32)
    assert_matches(forward([layer], own, x), wanted)


def test_observe_sees_every_layer_in_order():
    layers = walk([Conv(3, 4), Separable(3, 6)], (7, 5))
    seen = []
    forward(
        layers,
        initial_parameters(layers),
        np.ones((1, 3, 7, 5), np.float32),
        observe=lambda layer, output: seen.append((layer.name, output.shape)),
    )
    assert seen == [(layer.name, layer.output_shape) for layer in layers]


def test_folding_leaves_its_input_alone_and_takes_only_norms_behind_convolutions():
    rows = [Style("relu", "same"), Conv(3, 6), ConvModule((Step(3),))]
    layers = walk(rows, (7, 5))
    # A norm in front: nothing is folded into what it feeds.
    norm = Layer("front", "batch_norm", None, ("input",), (1, 3, 7, 5), (1, 3, 7, 5), epsilon=1e-5)
    layers = (norm, replace(layers[0], inputs=("front",)), *layers[1:])
    parameters = random_parameters(layers, 2)
    before = {name: array.copy() for name, array in parameters.items()}
    folded, numbers = fold_batch_norms(layers, parameters)
    kinds = [layer.kind for layer in folded]
    assert kinds.count("batch_norm") == 1
    assert kinds[0] == "batch_norm"
    assert all(np.array_equal(before[name], parameters[name]) for name in before)
    x = np.random.default_rng(8).normal(size=(1, 3, 7, 5)).astype(np.float32)
    wanted = forward(layers, parameters, x)
    assert np.abs(forward(folded, numbers, x) - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_a_convolution_that_something_else_reads_is_not_folded():
    conv, norm, *_ = walk([Conv(3, 3)], (7, 5))
    add = Layer("sum", "add", None, (norm.name, conv.name), conv.output_shape, conv.output_shape)
    folded, _ = fold_batch_norms((conv, norm, add), random_parameters((conv, norm), 1))
    assert folded == (conv, norm, add)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("conv1.conv.weight"), "Missing: conv1.conv.weight"),
        (
            lambda p: p.update({"conv1.norm.bias": np.ones(5, np.float32)}),
            r"Received: conv1\.norm\.bias \(5,\) instead of \(4,\)",
        ),
    ],
)
def test_wrong_parameters_are_named(change, message):
    layers = walk([Conv(3, 4)], (7, 5))
    parameters = initial_parameters(layers)
    change(parameters)
    for use in (
        lambda: check_parameters(layers, parameters),
        lambda: forward(layers, parameters, np.ones((1, 3, 7, 5), np.float32)),
        lambda: fold_batch_norms(layers, parameters),
    ):
        with pytest.raises(ValueError, match=message):
            use()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((3, 7, 5), np.float32), r"shape \(B, C, H, W\) with C = 3\. .*=\(3, 7, 5\)"),
        (np.ones((1, 4, 7, 5), np.float32), r"with C = 3\. Received: input\.shape=\(1, 4, 7, 5\)"),
        ([[1.0]], "input must be a NumPy array or a PyTorch tensor"),
        (torch.ones(1, 3, 7, 5), "all arrays must be of one kind|mix"),
    ],
)
def test_wrong_inputs_are_named(x, message):
    layers = walk([Conv(3, 4)], (7, 5))
    with pytest.raises((TypeError, ValueError), match=message):
        forward(layers, initial_parameters(layers), x)


def test_the_start_has_the_variance_it_promises():
    layers = walk([Conv(3, 64), Separable(5, 256)], (9, 9))
    start = initial_parameters(layers, seed=1)
    for layer in layers:
        if layer.spec is not None:
            fan_out = prod(layer.spec.kernel_size) * layer.spec.out_channels // layer.spec.groups
            assert start[f"{layer.name}.weight"].std() == pytest.approx(
                (2 / fan_out) ** 0.5, rel=0.1
            )
    assert not np.array_equal(
        start["conv1.conv.weight"], initial_parameters(layers, seed=2)["conv1.conv.weight"]
    )


def test_the_twin_has_the_same_maps():
    separable, standard = walk(NETWORKS["mobilenet_v1"]), walk(NETWORKS["conv_mobilenet_v1"])

    def sizes(layers):
        found = [layer.output_shape for layer in layers if layer.spec is not None]
        return list(dict.fromkeys(found))

    assert set(sizes(standard)) <= set(sizes(separable))
    assert as_standard(as_standard(NETWORKS["mobilenet_v1"].rows)) == as_standard(
        NETWORKS["mobilenet_v1"].rows
    )


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (walk([Conv(3, 4)], 9)[1:], "Received: conv1.norm, which reads 'conv1.conv'"),
        ((), "layers must hold at least one Layer"),
        ("conv1", "layers must be a sequence of Layer, such as walk.* Received: str"),
        ([Conv(3, 4)], r"layers\[0\] must be a Layer\. Received: Conv"),
    ],
)
def test_layers_that_do_not_hang_together_are_named(layers, message):
    for use in (
        network_cost,
        to_module,
        lambda given: forward(given, {}, np.ones((1, 3, 9, 9), np.float32)),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            use(layers)


WRONG_ROWS = {
    "rows[0].activation must be one of '', 'relu', .* Received: .*'gelu'": [Style("gelu")],
    "rows[0].activation must be one of": [Conv(3, 8, activation="flatten")],
    "rows[0].padding must be one of 'half', 'same', 'valid'": [Conv(3, 8, padding=0)],
    "rows[0].squeeze.of must be one of 'expanded', 'input'": [
        Bottleneck(3, 8, t=2, squeeze=SqueezeExcite(4, "expandet"))
    ],
    "rows[0].squeeze.gate must be one of 'sigmoid', 'hard_sigmoid'": [
        Bottleneck(3, 8, t=2, squeeze=SqueezeExcite(4, gate=""))
    ],
    "rows[0].squeeze.divide_by must be at least 1": [
        Bottleneck(3, 8, t=2, squeeze=SqueezeExcite(0))
    ],
    "rows[0].squeeze must be a SqueezeExcite": [Bottleneck(3, 8, t=2, squeeze=4)],
    "rows[0].repeat must be at least 1": [Conv(3, 8, repeat=0)],
    "rows[0].repeat must be an integer": [Conv(3, 8, repeat=True)],
    "rows[0].kernel_size must be an integer": [Conv((3, 5), 8)],
    "rows[0].epsilon must be positive and finite": [Style(epsilon=-1.0)],
    "rows[0].between must be True or False": [Separable(3, 8, between="no")],
    "rows[0].out_channels must be a tuple of one number or more": [XceptionModule(())],
    "rows[0].stride must be 1 or 2": [XceptionModule((8,), stride=3)],
    "rows[0].steps must be a Step": [ConvModule((3,))],
    "rows[0].steps.dilation must be at least 1": [ConvModule((Step(3, 0),))],
    "behind a GlobalPool only a Dense row may stand": [GlobalPool(), Conv(3, 8)],
    "behind a GlobalPool only a Dense row may stand. Received: GlobalPool": [GlobalPool()] * 2,
    "layers must hold at least one Layer": [Style()],
    "a shortcut must have the shape that it is added to": [
        Style(padding="valid"),
        Bottleneck(3, 3, t=2),
    ],
    "out_channels must be at least 1": [Conv(3, -8)],
    "kernel_size must be at least 1": [Conv(0, 8)],
}


@pytest.mark.parametrize("message", WRONG_ROWS)
def test_rows_that_no_layer_could_be_made_of(message):
    with pytest.raises((TypeError, ValueError), match=message.replace("[0]", r"\[0\]")):
        walk(WRONG_ROWS[message], 9)


def test_functions_on_rows_refuse_what_is_none():
    for function in (
        as_standard,
        deviations,
        lambda r: scale_width(r, 2),
        lambda r: scale_depth(r, 2),
    ):
        with pytest.raises(TypeError, match="rows must be a tuple or list of rows"):
            function("abc")


def test_a_size_of_three_axes_is_refused():
    with pytest.raises(ValueError, match=r"input_size must have one entry .* \(9, 9, 9\)"):
        walk([Conv(3, 8)], (9, 9, 9))


def test_names_are_single():
    conv = walk([Conv(3, 3)], 9)[0]
    with pytest.raises(ValueError, match=r"a name of its own\. Received: conv1\.conv twice"):
        network_cost([conv, conv])


def test_numpy_numbers_are_numbers():
    assert scale_width(MNASNET_A1, np.float32(0.5)) == scale_width(MNASNET_A1, 0.5)
    assert scale_width(MNASNET_A1, np.int64(1)) == MNASNET_A1


def test_an_empty_batch():
    layers = walk([Conv(3, 8), GlobalPool(), Dense(5)], 9)
    x = np.empty((0, 3, 9, 9), np.float32)
    assert forward(layers, initial_parameters(layers), x).shape == (0, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conv1.norm.bias", np.ones(8, np.float64)),
        ("conv1.conv.weight", torch.ones(8, 3, 3, 3)),
        ("conv1.norm.weight", [1.0] * 8),
    ],
)
def test_every_parameter_is_of_the_inputs_kind_and_dtype(name, value):
    layers = walk([Conv(3, 8)], 9)
    parameters = initial_parameters(layers) | {name: value}
    with pytest.raises(TypeError, match=name):
        forward(layers, parameters, np.ones((1, 3, 9, 9), np.float32))


@pytest.mark.parametrize("value", [torch.ones(8, 3, 3, 3), np.ones((8, 3, 3, 3), int)])
def test_only_numpy_floats_can_be_folded(value):
    layers = walk([Conv(3, 8)], 9)
    parameters = initial_parameters(layers) | {"conv1.conv.weight": value}
    with pytest.raises(TypeError, match="must be NumPy arrays of floats to be folded"):
        fold_batch_norms(layers, parameters)


def test_a_start_needs_a_seed():
    with pytest.raises(ValueError, match=r"seed must be at least 0\. Received: seed=-1"):
        initial_parameters(walk([Conv(3, 8)], 9), seed=-1)


def test_a_module_with_same_padding_can_be_traced():
    layers = walk(scale_width(NETWORKS["efficientnet_lite0"].rows, 0.35), (34, 47))
    module = to_module(layers).eval()
    x = torch.randn(1, 3, 34, 47, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of each size that becomes a constant
        traced = torch.jit.trace(module, x)
        assert_matches(traced(x), module(x))


def test_the_narrow_end_of_a_bottleneck_is_linear():
    """Sandler et al. (2018), section 3.2: what follows is the addition or the next block."""
    layers = walk(NETWORKS["mobilenet_v2"])
    ends = [layer.name for layer in layers if layer.name.endswith("project.norm")]
    assert len(ends) == 17
    readers = {name: layer.kind for layer in layers for name in layer.inputs if name in ends}
    assert set(readers.values()) == {"add", "pointwise_conv"}


@pytest.mark.parametrize("padding", ["half", "same"])
def test_a_dilated_step_keeps_the_length(padding):
    rows = [Style(padding=padding), ConvModule((Step(5, dilation=3, shortcut=True),))]
    layers = walk(rows, (17,), in_channels=4)
    assert {layer.output_shape for layer in layers} == {(1, 4, 17)}
