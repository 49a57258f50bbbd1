"""The layers: the functional form, their keys, their initialisation, their folding."""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from strategies import cases
from torch import nn

import dsconv
from dsconv import (
    ConvSpec,
    DepthwiseSeparableConv1d,
    DepthwiseSeparableConv2d,
    assert_matches,
    fold_batch_norm,
    kaiming_normal_,
)

LAYERS = {1: DepthwiseSeparableConv1d, 2: DepthwiseSeparableConv2d}
MOBILENET: dict[str, Any] = {
    "bias": False, "depthwise_batch_norm": True, "depthwise_activation": nn.ReLU,
    "batch_norm": True, "activation": nn.ReLU,
}  # fmt: skip
XCEPTION: dict[str, Any] = {"bias": False, "batch_norm": True, "activation": nn.ReLU}


@pytest.fixture(autouse=True)
def seeded():
    """Layers draw from torch's generator: the same numbers in every run and order."""
    with torch.random.fork_rng():
        torch.manual_seed(8)
        yield


def randomised(layer: nn.Module) -> nn.Module:
    """Give every parameter and statistic a value of its own, so that none can be forgotten."""
    with torch.no_grad():
        for tensor in (*layer.parameters(), *layer.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
        for parameter in layer.parameters():
            parameter.mul_(torch.randint(0, 2, parameter.shape) * 2 - 1)
    return layer


def functional(layer: Any, x: torch.Tensor, **options: Any) -> torch.Tensor:
    """Compute a layer without norms and activations by the function."""
    axes = layer.axes
    depthwise = getattr(dsconv, f"depthwise_conv{axes}d")(
        x, layer.depthwise.weight, layer.depthwise.bias, **options
    )
    return getattr(dsconv, f"pointwise_conv{axes}d")(
        depthwise, layer.pointwise.weight, layer.pointwise.bias
    )


# --- Equal to the functions -----------------------------------------------------------


@given(case=cases(depthwise=True))
def test_a_bare_layer_is_the_function(case):
    """Every padding, stride, dilation and multiplier; batched or not."""
    layer = LAYERS[case.axes](
        case.channels, 3, case.kernel_size, **case.spatial_options,
        depth_multiplier=case.out_per_group, bias=case.has_bias,
    ).double()  # fmt: skip
    x = torch.from_numpy(case.arrays()[0])
    expected = getattr(dsconv, f"depthwise_separable_conv{case.axes}d")(
        x, layer.depthwise.weight, layer.pointwise.weight, layer.pointwise.bias,
        **case.spatial_options,
    )  # fmt: skip
    actual = layer(x)
    assert_matches(actual, expected)
    assert actual.requires_grad


@pytest.mark.parametrize("padding", [0, 1, (1, 2), ((0, 1), (2, 0)), "valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, (1, 3)])
def test_every_padding_against_torch_on_a_padded_input(padding, stride):
    layer = randomised(
        DepthwiseSeparableConv2d(
            3, 4, (3, 2), stride=stride, padding=padding, depth_multiplier=2, depthwise_bias=True
        ).double()
    )
    x = torch.rand(2, 3, 7, 8, dtype=torch.float64)
    (top, bottom), (left, right) = ConvSpec(3, 6, (3, 2), stride=stride, padding=padding).pads(
        (7, 8)
    )
    padded = nn.functional.pad(x, (left, right, top, bottom))
    middle = nn.functional.conv2d(
        padded, layer.depthwise.weight, layer.depthwise.bias, stride, groups=3
    )
    expected = nn.functional.conv2d(middle, layer.pointwise.weight, layer.pointwise.bias)
    assert_matches(layer(x), expected)


def test_mobilenets_layer():
    """Batch norm and ReLU behind both halves: Howard et al. (2017), figure 3."""
    layer = randomised(DepthwiseSeparableConv2d(3, 5, 3, stride=2, padding="same", **MOBILENET))
    layer = layer.double().eval()
    x = torch.rand(2, 3, 8, 7, dtype=torch.float64) - 0.5
    bn = nn.functional.batch_norm
    d, p = layer.depthwise_batch_norm, layer.batch_norm
    middle = dsconv.depthwise_conv2d(x, layer.depthwise.weight, stride=2, padding="same")
    middle = bn(middle, d.running_mean, d.running_var, d.weight, d.bias).relu()
    y = dsconv.pointwise_conv2d(middle, layer.pointwise.weight)
    y = bn(y, p.running_mean, p.running_var, p.weight, p.bias).relu()
    assert_matches(layer(x), y)
    assert (middle == 0).any()
    assert (y == 0).any()
    assert (y > 0).any()


def test_xceptions_layer():
    """Nothing between the halves: Chollet (2017), section 4.7."""
    layer = randomised(DepthwiseSeparableConv2d(3, 5, 3, padding=1, **XCEPTION)).double().eval()
    assert isinstance(layer.depthwise_batch_norm, nn.Identity)
    assert isinstance(layer.depthwise_activation, nn.Identity)
    x = torch.rand(2, 3, 8, 7, dtype=torch.float64)
    n = layer.batch_norm
    y = functional(layer, x, padding=1)
    expected = nn.functional.batch_norm(y, n.running_mean, n.running_var, n.weight, n.bias).relu()
    assert_matches(layer(x), expected)


def test_the_parameters_are_those_of_the_cost():
    layer = DepthwiseSeparableConv2d(6, 10, (3, 5), depth_multiplier=2, **MOBILENET)
    halves = (layer.depthwise_spec, layer.pointwise_spec)
    cost = sum(dsconv.layer_cost(spec, 14, batch_norm=True) for spec in halves)
    assert cost.parameters == sum(p.numel() for p in layer.parameters())
    bare = DepthwiseSeparableConv1d(6, 10, 5, depthwise_bias=True)
    specs = (bare.depthwise_spec, bare.pointwise_spec)
    parameters = sum(dsconv.layer_cost(spec, 14).parameters for spec in specs)
    assert parameters == sum(p.numel() for p in bare.parameters())


# --- As a module ----------------------------------------------------------------------


def test_state_dict_keys():
    plain = DepthwiseSeparableConv2d(3, 8, 3)
    assert set(plain.state_dict()) == {"depthwise.weight", "pointwise.weight", "pointwise.bias"}
    assert type(plain.depthwise) is type(plain.pointwise) is nn.Conv2d
    assert type(DepthwiseSeparableConv1d(3, 8, 3).depthwise) is nn.Conv1d
    norm = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    layer = DepthwiseSeparableConv2d(3, 8, 3, depthwise_bias=True, **MOBILENET)
    assert set(layer.state_dict()) == {
        "depthwise.weight", "depthwise.bias", "pointwise.weight",
        *(f"depthwise_batch_norm.{key}" for key in norm), *(f"batch_norm.{key}" for key in norm),
    }  # fmt: skip


def test_weights_of_plain_torch_layers_can_be_loaded():
    plain = nn.ModuleDict(
        {
            "depthwise": nn.Conv2d(3, 6, (3, 2), groups=3, bias=False),
            "pointwise": nn.Conv2d(6, 4, 1),
        }
    )
    layer = DepthwiseSeparableConv2d(3, 4, (3, 2), depth_multiplier=2)
    layer.load_state_dict(plain.state_dict())
    x = torch.rand(2, 3, 6, 7)
    assert_matches(layer(x), plain["pointwise"](plain["depthwise"](x)))


def test_extra_repr_names_the_constructors_arguments():
    layer = DepthwiseSeparableConv2d(
        3, 8, (3, 5), stride=2, padding="same", dilation=(1, 2), depth_multiplier=4
    )
    said = layer.extra_repr()
    assert said == (
        "3, 8, kernel_size=(3, 5), stride=(2, 2), padding='same', dilation=(1, 2), "
        "depth_multiplier=4"
    )
    assert said in repr(layer)
    pairs = DepthwiseSeparableConv1d(3, 8, 9, padding=((8, 0),)).extra_repr()
    assert "kernel_size=(9,)" in pairs
    assert "padding=((8, 0),)" in pairs
    # What it says makes the same layer again.
    again = eval(f"DepthwiseSeparableConv2d({said})")
    assert again.depthwise_spec == layer.depthwise_spec
    assert again.pointwise_spec == layer.pointwise_spec


@pytest.mark.parametrize("axes", [1, 2])
def test_copies_and_pickles_give_the_same(axes):
    layer = randomised(LAYERS[axes](3, 8, 3, padding="same", stride=2, **MOBILENET)).eval()
    x = torch.rand(2, 3, *(9,) * axes)
    expected = layer(x)
    saved = io.BytesIO()
    torch.save(layer, saved)
    saved.seek(0)
    twins = [
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(saved, weights_only=False),
    ]
    for twin in twins:
        assert_matches(twin(x), expected)
        assert repr(twin) == repr(layer)


def test_a_training_step_changes_every_parameter_and_lowers_the_loss():
    layer = DepthwiseSeparableConv2d(3, 4, 3, padding="same", stride=2, **MOBILENET)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    mean = layer.batch_norm.running_mean.clone()
    x, target = torch.rand(8, 3, 9, 8), torch.rand(8, 4, 5, 4)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(layer(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    for name, parameter in layer.named_parameters():
        assert not torch.equal(parameter, before[name]), name
    assert not torch.equal(layer.batch_norm.running_mean, mean)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_dtype_and_device_follow_the_module(dtype):
    layer = DepthwiseSeparableConv2d(3, 4, 3, padding=((0, 1), (1, 0)), **MOBILENET)
    y = layer.to(dtype)(torch.rand(2, 3, 6, 7).to(dtype))
    assert (y.dtype, y.shape) == (dtype, (2, 4, 5, 6))
    assert (
        layer.to("meta")(torch.rand(2, 3, 6, 7, device="meta", dtype=dtype)).device.type == "meta"
    )


def test_hooks_of_the_halves_see_what_passes():
    layer, seen = DepthwiseSeparableConv2d(3, 4, 3, padding="same"), []
    layer.depthwise.register_forward_hook(lambda *a: seen.append(a[2].shape))
    layer.pointwise.register_forward_hook(lambda *a: seen.append(a[2].shape))
    layer(torch.rand(2, 3, 6, 7))
    assert seen == [(2, 3, 6, 7), (2, 4, 6, 7)]


# --- Initialisation -------------------------------------------------------------------


def _std(weight: torch.Tensor) -> float:
    return float(weight.detach().double().square().mean().sqrt())


@pytest.mark.parametrize(
    ("groups", "fan_in", "fan_out"), [(1, 4608, 9216), (8, 576, 1152), (512, 9, 18)]
)
def test_fans_take_account_of_groups(groups, fan_in, fan_out):
    """512 channels to 1024, 3×3: 512 / groups · 9 products come in, 1024 / groups · 9 go out."""
    conv = nn.Conv2d(512, 1024, 3, groups=groups)
    for mode, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        assert kaiming_normal_(conv, mode=mode) is conv
        assert _std(conv.weight) == pytest.approx(math.sqrt(2 / fan), rel=0.05)
    kaiming_normal_(conv, mode="fan_in", nonlinearity="linear")
    assert _std(conv.weight) == pytest.approx(math.sqrt(1 / fan_in), rel=0.05)


@pytest.mark.parametrize("channels", [16, 256])
def test_torchs_fan_out_is_off_by_the_root_of_c(channels):
    conv = nn.Conv2d(channels, channels, 9, groups=channels)
    ours = _std(kaiming_normal_(conv).weight)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    assert ours / _std(conv.weight) == pytest.approx(math.sqrt(channels), rel=0.1)
    nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
    assert ours == pytest.approx(_std(conv.weight), rel=0.1)  # fan_in is right


@pytest.mark.parametrize("axes", [1, 2])
def test_layers_are_drawn_by_what_follows_each_half(axes):
    taps = 9**axes
    layer = LAYERS[axes](256, 128, 9, depth_multiplier=2, **MOBILENET)
    assert _std(layer.depthwise.weight) == pytest.approx(math.sqrt(2 / (2 * taps)), rel=0.1)
    assert _std(layer.pointwise.weight) == pytest.approx(math.sqrt(2 / 128), rel=0.1)
    bare = LAYERS[axes](256, 128, 9, depthwise_bias=True)
    assert _std(bare.depthwise.weight) == pytest.approx(math.sqrt(1 / taps), rel=0.1)
    assert _std(bare.pointwise.weight) == pytest.approx(math.sqrt(1 / 128), rel=0.1)
    assert not bare.depthwise.bias.any()
    assert not bare.pointwise.bias.any()


def test_gradients_keep_their_size_through_a_depthwise_stack():
    """What fan_out is for. With torch's own the gradient would shrink 8-fold in each layer."""
    layers = [kaiming_normal_(nn.Conv2d(64, 64, 3, groups=64, bias=False), nonlinearity="linear")
              for _ in range(4)]  # fmt: skip
    x = torch.randn(4, 64, 40, 40, requires_grad=True)
    y = nn.Sequential(*layers)(x)
    y.backward(torch.randn_like(y))
    inner = x.grad[..., 10:-10, 10:-10]
    assert 0.4 < _std(inner) < 2.5


def test_reset_parameters_draws_anew():
    layer = randomised(DepthwiseSeparableConv2d(3, 8, 3, depthwise_bias=True, **MOBILENET))
    before = layer.depthwise.weight.detach().clone()
    layer.reset_parameters()
    assert not torch.equal(layer.depthwise.weight, before)
    assert not layer.depthwise.bias.any()
    assert torch.equal(layer.batch_norm.running_mean, torch.zeros(8))
    assert torch.equal(layer.depthwise_batch_norm.weight, torch.ones(3))


# --- Folding --------------------------------------------------------------------------


@settings(max_examples=25)
@given(case=cases(depthwise=True, batch=False))
def test_a_folded_layer_gives_the_same_in_evaluation(case):
    torch.manual_seed(case.seed)
    options = {
        "bias": case.has_bias, "depthwise_bias": bool(case.seed % 2),
        "depthwise_batch_norm": bool(case.seed % 3), "depthwise_activation": nn.ReLU,
        "batch_norm": bool(case.seed % 5), "activation": nn.ReLU6,
    }  # fmt: skip
    layer = LAYERS[case.axes](
        case.channels, 4, case.kernel_size, depth_multiplier=case.out_per_group,
        **case.spatial_options, **options,
    ).double()  # fmt: skip
    layer = randomised(layer).eval()
    x = torch.from_numpy(case.arrays()[0])
    assert_matches(fold_batch_norm(layer)(x), layer(x), rtol=1e-12)


def test_folding_leaves_the_layer_as_it_is_and_nothing_of_the_norms():
    layer = randomised(DepthwiseSeparableConv2d(3, 5, 3, **MOBILENET))
    layer.train()
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    folded = fold_batch_norm(layer)
    assert layer.training
    assert not folded.training
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert set(folded.state_dict()) == {
        f"{half}.{key}" for half in ("depthwise", "pointwise") for key in ("weight", "bias")
    }
    assert type(folded) is type(layer)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())


def test_the_specs_of_a_folded_layer_know_its_new_bias():
    """Or its cost would leave out the numbers that the batch norm became."""
    folded = fold_batch_norm(
        DepthwiseSeparableConv2d(3, 5, 3, stride=2, padding="same", **MOBILENET)
    )
    halves = (folded.depthwise_spec, folded.pointwise_spec)
    cost = sum(dsconv.layer_cost(spec, 14) for spec in halves)
    assert cost.parameters == sum(p.numel() for p in folded.parameters())
    assert halves[0] == ConvSpec.depthwise(3, 3, stride=2, padding="same", bias=True)
    only_last = fold_batch_norm(DepthwiseSeparableConv2d(3, 5, 3, **XCEPTION))
    assert (only_last.depthwise_spec.bias, only_last.pointwise_spec.bias) == (False, True)


def test_folding_a_norm_without_gamma_and_beta():
    layer = DepthwiseSeparableConv2d(3, 5, 3, bias=False, batch_norm=True).double()
    layer.batch_norm = nn.BatchNorm2d(5, affine=False).double()
    layer = randomised(layer).eval()
    x = torch.rand(2, 3, 6, 7, dtype=torch.float64)
    assert_matches(fold_batch_norm(layer)(x), layer(x), rtol=1e-12)


# --- Refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "arguments", "options", "message"),
    [
        (TypeError, (3.0, 8, 3), {}, "channels must be an integer.*3.0"),
        (TypeError, (3, 8.0, 3), {}, "out_channels must be an integer.*8.0"),
        (TypeError, (3, 8, 3.5), {}, "kernel_size must be an integer.*3.5"),
        (TypeError, (3, 8, 3), {"depth_multiplier": 1.0}, "depth_multiplier must be an integer"),
        (TypeError, (3, 8, 3), {"bias": 1}, "bias must be True or False"),
        (TypeError, (3, 8, 3), {"depthwise_bias": None}, "bias must be True or False"),
        (TypeError, (3, 8, 3), {"batch_norm": 1}, "batch_norm must be True or False.*batch_norm=1"),
        (
            TypeError,
            (3, 8, 3),
            {"depthwise_batch_norm": "yes"},
            "depthwise_batch_norm must be True",
        ),
        (TypeError, (3, 8, 3), {"activation": nn.ReLU()}, r"activation must be .*not.*ReLU\(\)"),
        (TypeError, (3, 8, 3), {"depthwise_activation": torch.relu}, "depthwise_activation|relu"),
        (TypeError, (3, 8, 3), {"activation": "relu"}, "activation must be a callable.*'relu'"),
        (TypeError, (3, 8, 3), {"activation": lambda: 3}, "activation must be a callable"),
        (TypeError, (3, 8, 3), {"groups": 3}, "unexpected keyword argument 'groups'"),
        (TypeError, (3, 8, 3, 2), {}, "positional argument"),
        (ValueError, (0, 8, 3), {}, "channels must be at least 1.*=0"),
        (ValueError, (3, 8, 3), {"depth_multiplier": 0}, "depth_multiplier must be at least 1"),
        (ValueError, (3, 8, (3, 3, 3)), {}, "kernel_size must be one integer or 2"),
        (ValueError, (3, 8, (3,)), {}, "kernel_size must be one integer or 2"),
        (ValueError, (3, 8, 3), {"stride": 0}, "stride must be at least 1.*=0"),
        (ValueError, (3, 8, 3), {"padding": "SAME"}, "'valid' or 'same'.*'SAME'"),
        (ValueError, (3, 8, 3), {"padding": (-1, 0)}, r"padding\[0\] must be at least 0.*=-1"),
    ],
)
def test_constructors(error, arguments, options, message):
    with pytest.raises(error, match=f"(?s){message}"):
        DepthwiseSeparableConv2d(*arguments, **options)


def test_inputs_that_do_not_fit():
    layer = DepthwiseSeparableConv2d(3, 8, (3, 5), padding=((0, 1), (1, 1)))
    with pytest.raises(ValueError, match=r"must fit into the padded input.*width 4 .*spans 5"):
        layer(torch.rand(1, 3, 9, 2))
    with pytest.raises(ValueError, match=r"input must have shape \(B, C, H, W\).*\(9, 9\)"):
        layer(torch.rand(9, 9))
    with pytest.raises(ValueError, match=r"groups \(=3\) must divide input channels \(=4\)"):
        layer(torch.rand(1, 4, 9, 9))
    with pytest.raises(ValueError, match=r"input's channels.*\(C=6\).*\(3, 1, 3, 5\), groups=3"):
        layer(torch.rand(1, 6, 9, 9))


def test_helpers():
    with pytest.raises(TypeError, match=r"convolution must be a torch.nn.Conv.*Linear"):
        kaiming_normal_(nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"mode must be 'fan_in' or 'fan_out'.*'fan_avg'"):
        kaiming_normal_(nn.Conv2d(2, 2, 3), mode="fan_avg")
    with pytest.raises(TypeError, match=r"layer must be a DepthwiseSeparable.*Conv2d"):
        fold_batch_norm(nn.Conv2d(2, 2, 3))
    layer = DepthwiseSeparableConv2d(2, 2, 3, batch_norm=True)
    layer.batch_norm = nn.BatchNorm2d(2, track_running_stats=False)
    with pytest.raises(ValueError, match=r"batch_norm must keep running statistics"):
        fold_batch_norm(layer)


@pytest.mark.parametrize("axes", [1, 2])
def test_a_batch_norm_takes_an_input_without_a_batch(axes):
    make = {1: DepthwiseSeparableConv1d, 2: DepthwiseSeparableConv2d}[axes]
    torch.manual_seed(0)
    layer = make(3, 5, 1, batch_norm=True, bias=False)
    layer.batch_norm.weight.data = torch.arange(1.0, 6.0)
    maps = torch.randn(3, *(5, 4)[:axes])  # as long as there are outputs
    assert_matches(layer.eval()(maps).detach(), layer(maps[None])[0].detach())


def test_flags_and_channels_are_refused_by_their_own_names():
    with pytest.raises(TypeError, match="depthwise_bias must be True or False"):
        DepthwiseSeparableConv2d(3, 8, 3, depthwise_bias=1)
    with pytest.raises(ValueError, match="in_channels must be at least 1"):
        DepthwiseSeparableConv2d(0, 8, 3)
