"""The networks of the study: what is trained is what is counted, and only the block differs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dsconv import ConvSpec, compose, conv2d
from dsconv.architectures import forward, parameter_shapes, to_module
from dsconv.cost import module_cost
from experiments import families
from experiments.families import FAMILIES, Part, cost, layers

SMALL = {name: 8 if name == "grouped" else 3 for name in FAMILIES}


def blocks(name, width=8, sides=(14, 14)):
    """Return the convolutions of a family's blocks, without stem and head."""
    made = layers(name, width, sides)
    return [layer for layer in made if layer.name.startswith("block") and layer.spec]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_module_has_the_parameters_and_macs_that_the_cost_says(name):
    module = to_module(layers(name, SMALL[name], (14, 14)))
    said = cost(name, SMALL[name], (14, 14))
    assert sum(p.numel() for p in module.parameters()) == said.parameters
    watched = module_cost(module, (1, 1, 14, 14))
    assert watched.total.macs == said.macs
    assert all("Pool" in part for part in watched.uncounted), watched.uncounted


@pytest.mark.parametrize("name", FAMILIES)
def test_the_module_computes_what_the_layers_say(name):
    """Against the package's own forward pass, which shares no code with PyTorch's modules."""
    made = layers(name, SMALL[name], (9, 7))
    torch.manual_seed(0)
    module = to_module(made)
    x = torch.randn(5, 1, 9, 7)
    module(x)  # running means that are not 0
    module.eval()
    state = {key: module.state_dict()[key].numpy() for key in parameter_shapes(made)}
    wanted = forward(made, state, x.numpy())
    np.testing.assert_allclose(module(x).detach().numpy(), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_stem_pooling_and_head_are_the_same_and_the_stages_double(name):
    made = layers(name, SMALL[name], (14, 14))
    reference = layers("standard", SMALL[name], (14, 14))

    def shared(found):
        return [
            (layer.name, layer.kind, layer.spec, layer.window, layer.output_shape)
            for layer in found
            if not layer.name.startswith("block")
        ]

    assert shared(made) == shared(reference)
    last = [
        next(layer for layer in reversed(made) if layer.name.startswith(f"block{stage}."))
        for stage in (1, 2, 3)
    ]
    w = SMALL[name]
    assert [layer.output_shape for layer in last] == [
        (1, w, 14, 14),
        (1, 2 * w, 7, 7),
        (1, 4 * w, 4, 4),
    ]
    assert [layer.kind for layer in last] == ["relu"] * 3


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_spans_small_to_large_and_grows(name):
    costs = [cost(name, width, (14, 14)) for width in FAMILIES[name].widths]
    assert [c.parameters for c in costs] == sorted({c.parameters for c in costs})
    assert [c.macs for c in costs] == sorted({c.macs for c in costs})
    assert costs[0].parameters < 3200
    assert costs[-1].parameters > 80_000


def test_the_primary_families_overlap_where_the_protocol_compares_them():
    ranges = [
        [cost(name, width, (14, 14)) for width in (kind.widths[0], kind.widths[-1])]
        for name, kind in FAMILIES.items()
        if kind.primary
    ]
    assert len(ranges) == 2
    for least, most in ranges:
        assert least.macs < 250_000 < 4_000_000 < most.macs
        assert least.parameters < 3_000 < 200_000 < most.parameters
    widths = [set(FAMILIES[name].widths) for name in ("standard", "separable")]
    assert {4, 12, 28, 64} <= widths[0] & widths[1]


def test_each_block_is_what_its_family_is_called():
    specs = {
        name: [(b.spec.kernel_size, b.spec.groups) for b in blocks(name)][-2:] for name in SMALL
    }
    assert specs["standard"][-1] == ((3, 3), 1)
    assert specs["separable"] == [((3, 3), 16), ((1, 1), 1)]
    assert specs["pointwise_first"] == [((1, 1), 1), ((3, 3), 32)]
    assert specs["grouped"] == [((3, 3), 4), ((1, 1), 1)]  # 16 channels, 4 in a group
    assert specs["spatially_separable"] == [((3, 1), 1), ((1, 3), 1)]
    assert specs["standard_pointwise"] == [((3, 3), 1), ((1, 1), 1)]
    assert specs["separable_5x5"] == [((5, 5), 16), ((1, 1), 1)]
    for times in (2, 4, 9):
        for kind in ("linear", "multiplier"):
            depthwise, pointwise = blocks(f"{kind}_{times}")[-2:]
            assert depthwise.spec.out_channels == pointwise.spec.in_channels == 16 * times


def test_only_the_linear_families_have_nothing_between():
    for name in FAMILIES:
        made = layers(name, 8, (14, 14))
        followers = {layer.inputs[0]: layer.kind for layer in made}
        bare = [layer for layer in made if layer.spec and followers.get(layer.name) != "batch_norm"]
        halves = [layer for layer in bare if layer.kind != "dense"]
        assert len(halves) == (3 if "linear" in name else 0), name


def test_the_positive_control_is_every_standard_layer():
    """With nine filters a channel and nothing between, any standard kernel can be written."""
    rng = np.random.default_rng(0)
    (depthwise, pointwise), (standard,) = (
        families.FAMILIES[name].block(3, 4, 2) for name in ("linear_9", "standard")
    )
    wanted = rng.normal(size=standard.spec.weight_shape)
    basis = np.tile(np.eye(9).reshape(9, 1, 3, 3), (3, 1, 1, 1))
    mixing = wanted.reshape(4, 27, 1, 1)
    assert basis.shape == depthwise.spec.weight_shape
    assert mixing.shape == pointwise.spec.weight_shape
    x = rng.normal(size=(2, 3, 6, 5))
    halves = conv2d(conv2d(x, basis, **depthwise.spec.options), mixing, **pointwise.spec.options)
    np.testing.assert_allclose(halves, conv2d(x, wanted, **standard.spec.options), atol=1e-12)
    assert not depthwise.active


@pytest.mark.parametrize(
    ("name", "freedom"), [("linear_9", 108), ("linear_2", 66), ("separable_linear", 36)]
)
def test_and_less_multipliers_are_not(name, freedom):
    """The kernels that the halves compose to: the rank of how they move with both weights."""
    depthwise, pointwise = families.FAMILIES[name].block(3, 4, 2)
    torch.manual_seed(0)
    d = torch.randn(depthwise.spec.weight_shape, dtype=torch.float64)
    p = torch.randn(pointwise.spec.weight_shape, dtype=torch.float64)
    moved = torch.autograd.functional.jacobian(lambda d, p: compose(d, p).reshape(-1), (d, p))
    jacobian = torch.cat([part.reshape(108, -1) for part in moved], 1)
    rank = int(torch.linalg.matrix_rank(jacobian))
    assert rank == freedom


def test_one_dimensional_twins_of_the_primary_families():
    for name in ("standard", "separable"):
        module = to_module(layers(name, 4, (40,)))
        assert module(torch.zeros(2, 1, 40)).shape == (2, 10)
        kinds = {type(part) for part in module.modules()}
        assert any(issubclass(kind, nn.Conv1d) for kind in kinds)
        assert not any(issubclass(kind, nn.Conv2d) for kind in kinds)
    with pytest.raises(ValueError, match="needs two axes"):
        layers("spatially_separable", 4, (40,))


def test_what_is_refused():
    with pytest.raises(
        ValueError, match=r"family must be one of standard, .* Received: family='x'"
    ):
        layers("x", 4, (14, 14))
    with pytest.raises(ValueError, match=r"a multiple of the group's 4 .*in_channels=6"):
        families.grouped(6, 8, 2)
    with pytest.raises(ValueError, match="width must be at least 1"):
        layers("standard", 0, (14, 14))


def test_a_part_is_a_spec_and_a_flag():
    assert Part("a", ConvSpec(1, 2, 3)).active
