"""The cost of layers that run one after another, and the maps alive while they do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsconv import ConvSpec, layer_cost
from dsconv.cost import Cost, chain_cost, peak_activation_bytes


def separable(channels, outputs, kernel, multiplier=1, **options):
    depthwise = ConvSpec.depthwise(channels, kernel, depth_multiplier=multiplier, **options)
    return depthwise, ConvSpec.pointwise(channels * multiplier, outputs)


def test_a_chain_passes_on_its_sizes():
    """12×12×3 → 8×8×3 → 8×8×256: the articles' layer, whose shorthand gets the sizes wrong."""
    halves = separable(3, 256, 5)
    cost = chain_cost(halves, (12, 12))
    assert cost == layer_cost(halves[0], (12, 12)) + layer_cost(halves[1], (8, 8))
    assert (cost.parameters, cost.macs) == (75 + 768, 4_800 + 49_152)
    three = [
        ConvSpec(3, 4, (3, 5), stride=(2, 1)),
        *separable(4, 8, 3, 2, stride=2, padding="same"),
    ]
    sizes = [(21, 30), (10, 26), (5, 13)]
    expected = sum(layer_cost(spec, size) for spec, size in zip(three, sizes, strict=True))
    assert chain_cost(three, (21, 30)) == expected


def test_options_reach_every_layer():
    halves = separable(4, 6, 3, bias=True)
    cost = chain_cost(halves, 9, batch_size=3, bytes_per_element=2, batch_norm=True)
    options = {"batch_size": 3, "bytes_per_element": 2, "batch_norm": True}
    expected = layer_cost(halves[0], 9, **options) + layer_cost(halves[1], 7, **options)
    assert cost == expected
    assert cost.parameters == 4 * 9 + 4 + 8 + 24 + 12


def test_a_chain_of_one_is_that_layer():
    spec = ConvSpec(2, 5, (4,), stride=3, bias=True)
    assert chain_cost([spec], 20) == layer_cost(spec, 20)
    assert peak_activation_bytes([spec], 20) == 4 * (2 * 20 + 5 * 6)
    assert isinstance(chain_cost([spec], 20), Cost)


def test_bytes_moved_and_where_two_passes_move_more():
    """B·2C·H·W more for the maps between, NCK² − C(K² + N) fewer weights: C drops out."""
    for c, n, side, crossover in [(128, 128, 56, 0.16), (512, 512, 14, 10.4), (5, 1024, 7, 83.5)]:
        standard, halves = ConvSpec(c, n, 3, padding=1), separable(c, n, 3, padding=1)
        assert round((8 * n - 9) / (2 * side**2), 1) == round(crossover, 1)
        for batch in (1, 10, 11, 83, 84):
            dense = layer_cost(standard, side, batch_size=batch).bytes_moved
            both = chain_cost(halves, side, batch_size=batch).bytes_moved
            assert type(both) is int
            assert dense == 4 * (9 * c * n + batch * (c + n) * side**2)
            assert (both > dense) == (batch > crossover)


# --- The peak -------------------------------------------------------------------------


def test_the_peak_against_maps_counted_one_by_one():
    """Run a chain on real arrays; what is alive is the layer's input and its output."""
    import dsconv

    chain = [ConvSpec(3, 4, 3), *separable(4, 7, (3, 2), 2, stride=2), ConvSpec(7, 2, 1)]
    x, alive = np.ones((2, 3, 13, 9), np.float32), []
    for spec in chain:
        y = dsconv.conv2d(x, np.ones(spec.weight_shape, np.float32), **spec.options)
        alive.append(x.nbytes + y.nbytes)
        x = y
    assert peak_activation_bytes(chain, (13, 9), batch_size=2) == max(alive)
    assert len(set(alive)) == len(alive)  # or the largest could have been any


SIDES, CHANNELS = st.integers(3, 12), st.integers(1, 12)


@given(c=CHANNELS, n=CHANNELS, size=st.tuples(SIDES, SIDES), t=st.integers(1, 3))
def test_the_peak_of_a_separable_layer(c, n, size, t):
    """Equal for N ≥ C, larger for N < C and for T > 1, at stride 1 with the size kept."""
    standard = peak_activation_bytes([ConvSpec(c, n, 3, padding=1)], size)
    both = peak_activation_bytes(separable(c, n, 3, t, padding=1), size)
    assert standard == 4 * (c + n) * size[0] * size[1]
    assert both == 4 * max(c + t * c, t * c + n) * size[0] * size[1]
    assert (both == standard) if t == 1 and n >= c else (both > standard)


@given(c=CHANNELS, n=CHANNELS, size=st.tuples(SIDES, SIDES), stride=st.integers(1, 3))
def test_the_peak_where_the_map_shrinks(c, n, size, stride):
    """Smaller for N > C, equal for N = C, larger for N < C."""
    standard = peak_activation_bytes([ConvSpec(c, n, 3, stride=stride)], size)
    both = peak_activation_bytes(separable(c, n, 3, stride=stride), size)
    assert np.sign(both - standard) == np.sign(c - n)


def test_the_peak_is_an_exact_integer_however_large():
    spec = ConvSpec(np.int64(2**20), 2**21, 9)
    peak = peak_activation_bytes([spec], 2**20, batch_size=2**20, bytes_per_element=8)
    assert peak == 8 * 2**20 * (2**20 * 2**40 + 2**21 * (2**20 - 8) ** 2)
    assert type(peak) is int


# --- Refusals -------------------------------------------------------------------------

LAYER = ConvSpec(3, 8, 3)


@pytest.mark.parametrize("function", [chain_cost, peak_activation_bytes])
@pytest.mark.parametrize(
    ("error", "specs", "size", "message"),
    [
        (TypeError, LAYER, 9, r"specs must be a sequence of ConvSpec.*specs=ConvSpec\(3, 8"),
        (TypeError, None, 9, r"specs must be a sequence.*specs=None \(NoneType\)"),
        (TypeError, iter([LAYER]), 9, r"specs must be a sequence"),
        (TypeError, "conv", 9, r"specs\[0\] must be a ConvSpec.*specs\[0\]='c' \(str\)"),
        (TypeError, [LAYER, (8, 4, 1)], 9, r"specs\[1\] must be a ConvSpec.*\(8, 4, 1\) \(tuple"),
        (ValueError, [], 9, r"specs must hold at least one layer. Received: specs=\[\]"),
        (ValueError, [LAYER, LAYER], 9, r"take the channels and axes.*specs\[0\].*specs\[1\]"),
        (ValueError, [LAYER, ConvSpec(8, 2, (3,))], 9, r"take the channels and axes"),
        (ValueError, [LAYER], (9,), r"input_size must be one integer or 2"),
        (ValueError, [LAYER], 0, r"input_size must be at least 1.*=0"),
        (TypeError, [LAYER], 9.0, r"input_size must be an integer"),
        (ValueError, [LAYER, ConvSpec(8, 2, 3)], 4, r"must fit into the padded input.*height 2"),
    ],
)
def test_refusals(function, error, specs, size, message):
    with pytest.raises(error, match=message):
        function(specs, size)


@pytest.mark.parametrize("function", [chain_cost, peak_activation_bytes])
@pytest.mark.parametrize("name", ["batch_size", "bytes_per_element"])
def test_refusals_of_numbers(function, name):
    with pytest.raises(ValueError, match=rf"{name} must be at least 1.*=0"):
        function([LAYER], 9, **{name: 0})
    with pytest.raises(TypeError, match=rf"{name} must be an integer.*2.5"):
        function([LAYER], 9, **{name: 2.5})
    with pytest.raises(TypeError, match="positional argument"):
        function([LAYER], 9, 2)


def test_batch_norm_must_be_a_bool():
    with pytest.raises(TypeError, match="batch_norm must be True or False"):
        chain_cost([LAYER], 9, batch_norm=1)
