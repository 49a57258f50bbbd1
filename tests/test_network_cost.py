"""The cost of whole networks: the table, the command, and any PyTorch module."""

from __future__ import annotations

import json
import subprocess
import sys
from math import prod
from pathlib import Path

import pytest
import torch
from torch import nn

import dsconv
from dsconv import ConvSpec, layer_cost, module_cost, network_cost
from dsconv.architectures import (
    NETWORKS,
    Bottleneck,
    Conv,
    Layer,
    Separable,
    SqueezeExcite,
    Style,
    XceptionModule,
    network,
    to_module,
    walk,
)
from dsconv.cost.__main__ import main

NAMES = [
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "efficientnet_lite0",
    "xception",
]


# --- The table --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_what_layer_cost_says(name):
    layers = walk(NETWORKS[name])
    cost = network_cost(layers)
    for row, layer in zip(cost.layers, layers, strict=True):
        assert (row.name, row.kind) == (layer.name, layer.kind)
        if layer.spec is None:
            norm = 2 * layer.output_shape[1] if layer.kind == "batch_norm" else 0
            assert (row.parameters, row.macs) == (norm, 0)
        else:
            size = layer.input_shape[2:] or (1, 1)
            alone = layer_cost(layer.spec, size)
            assert (row.parameters, row.macs) == (alone.parameters, alone.macs)


def test_the_batch_multiplies_maps_and_not_parameters():
    one = network_cost(network("mobilenet_v2", 0.35, 96))
    three = network_cost(network("mobilenet_v2", 0.35, 96), batch_size=3)
    assert three.total.parameters == one.total.parameters
    assert three.total.macs == 3 * one.total.macs
    assert three.total.peak_activation_bytes == 3 * one.total.peak_activation_bytes
    assert three.layers[0].input_shape == (3, 3, 96, 96)
    with pytest.raises(ValueError, match=r"batch_size must be at least 1\. Received"):
        network_cost(network("mobilenet_v2"), batch_size=0)


def test_by_kind_is_table_2_of_the_paper():
    """Howard et al., "MobileNets" (2017): norms and the classifier's bias are not in it."""
    cost = network_cost(network("mobilenet_v1"))
    kinds = cost.by_kind()
    assert kinds["pointwise_conv"] == (539_492_352, 3_139_584)
    assert kinds["depthwise_conv"] == (17_385_984, 44_640)
    assert kinds["conv"] == (10_838_016, 864)
    assert kinds["dense"] == (1_024_000, 1_025_000)
    assert sum(macs for macs, _ in kinds.values()) == cost.total.macs
    assert sum(parameters for _, parameters in kinds.values()) == cost.total.parameters


def test_the_text_holds_every_layer_and_the_totals():
    cost = network_cost(network("mobilenet_v3_small"))
    text = str(cost)
    assert all(row.name in text for row in cost.layers)
    for number in ("2,542,856", "2,530,744", "56,510,400", "1,404,928 bytes"):
        assert number in text
    assert cost._repr_html_().startswith('<pre tabindex="0"')


# --- The peak ---------------------------------------------------------------------------

# By hand, in numbers of a map; the largest operation is named.
PEAKS = {
    # conv1 reads 3·8·6 and writes 4·8·6; the norm and ReLU work in place.
    "chain": ((Conv(3, 4),), 3, (8, 6), (3 + 4) * 48),
    # The second half writes 12 maps beside the 4 that it reads.
    "separable": ((Separable(3, 12),), 4, (8, 6), (4 + 12) * 48),
    # While the depthwise filters 24 → 24, the shortcut still needs the 4 maps of the input.
    "shortcut": ((Style("relu6"), Bottleneck(3, 4, t=6)), 4, (8, 6), (24 + 24 + 4) * 48),
    # No shortcut at stride 2: widening reads 4 and writes 24 large maps, filtering 24 and 24/4.
    "stride": ((Style("relu6"), Bottleneck(3, 4, t=6, stride=2)), 4, (8, 6), (24 + 6) * 48),
    # The gate multiplies: maps, factors and products are alive, and the shortcut's 4 maps.
    "squeeze": (
        (Style("relu6"), Bottleneck(3, 4, t=6, squeeze=SqueezeExcite(4))),
        4,
        (8, 6),
        (24 + 24 + 4) * 48 + 24,
    ),
    # Before the ReLU of the first separable, the input is still read by the shortcut: no place.
    "xception": ((XceptionModule((4, 4)),), 4, (8, 6), (4 + 4 + 4) * 48),
    # A projection runs first: during the main branch its 12·4·3 stand beside 8 → 12.
    "projection": (
        (Style(padding="same"), XceptionModule((8, 12), stride=2)),
        8,
        (8, 6),
        (8 + 12) * 48 + 12 * 12,
    ),
}


@pytest.mark.parametrize("name", PEAKS)
def test_the_peak_by_hand(name):
    rows, channels, size, numbers = PEAKS[name]
    total = network_cost(walk(rows, size, channels)).total
    assert total.peak_activation_bytes == 4 * numbers


def test_a_norm_writes_elsewhere_while_something_reads_its_input():
    norm = Layer("norm", "batch_norm", None, ("input",), (1, 2, 5, 3), (1, 2, 5, 3))
    add = Layer("sum", "add", None, ("norm", "input"), (1, 2, 5, 3), (1, 2, 5, 3))
    assert network_cost([norm]).total.peak_activation_bytes == 4 * 30  # over its input
    assert network_cost([norm, add]).total.peak_activation_bytes == 4 * 3 * 30


def test_the_separable_network_peaks_where_its_twin_does():
    peak = network_cost(network("mobilenet_v1")).total.peak_activation_bytes
    assert peak == 4 * (32 + 64) * 112 * 112
    assert network_cost(network("conv_mobilenet_v1")).total.peak_activation_bytes == peak


# --- The command ------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "dsconv.cost", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_the_table_without_torch():
    code = (
        "import runpy, sys; sys.argv[1:] = ['mobilenet_v2', '--width', '0.5']\n"
        "try: runpy.run_module('dsconv.cost', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{network_cost(network('mobilenet_v2', 0.5))}\n"
    assert done.stderr == ""


def test_the_command_prints_json():
    done = command("mobilenet_v1", "--width", "0.5", "--resolution", "160", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["total"] == {
        "parameters": 1_331_592,
        "weights": 1_320_648,
        "macs": 76_524_800,
        "peak_activation_bytes": 4 * (16 + 32) * 80 * 80,
    }
    first = found["layers"][0]
    assert first == {
        "name": "conv1.conv",
        "kind": "conv",
        "input_shape": [1, 3, 160, 160],
        "output_shape": [1, 16, 80, 80],
        "parameters": 432,
        "macs": 2_764_800,
    }
    assert sum(layer["macs"] for layer in found["layers"]) == found["total"]["macs"]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_json(name, capsys):
    assert main([name, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads(json.dumps(network_cost(network(name)).as_dict()))
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mobilenet"], "name must be one of mobilenet_v1"),
        ([], "the following arguments are required: MODEL"),
        (["mobilenet_v1", "mobilenet_v2"], "unrecognized arguments: mobilenet_v2"),
        (["mobilenet_v1", "--depth", "2"], "unrecognized arguments: --depth 2"),
        (["mobilenet_v1", "--res", "64"], "unrecognized arguments: --res 64"),
        (["mobilenet_v1", "--width", "wide"], "--width: invalid float value: 'wide'"),
        (["mobilenet_v1", "--width", "0"], "width must be positive and finite"),
        (["mobilenet_v1", "--width=-1"], "width must be positive and finite"),
        (["mobilenet_v1", "--width", "nan"], "width must be positive and finite"),
        (["mobilenet_v1", "--width", "inf"], "width must be positive and finite"),
        (["mobilenet_v1", "--resolution", "22.4"], "--resolution: invalid int value: '22.4'"),
        (["mobilenet_v1", "--resolution", "0"], "resolution must be at least 1"),
        (["mobilenet_v1", "--resolution=-224"], "resolution must be at least 1"),
        (["xception", "--width", "0.5"], "xception takes width=1 only"),
        (["xception", "--resolution", "4"], "the kernel must fit into the padded input"),
        (["mobilenet_v1\nand", "--json"], "Received: name='mobilenet_v1\\nand'"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(arguments, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert end.value.code == 2
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.startswith("dsconv.cost: ")
    assert captured.err.count("\n") == 1


def test_a_terminal_without_our_signs_shows_others(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = command("mobilenet_v3_small")
    assert (done.returncode, done.stderr) == (0, "")
    assert "16?112?112" in done.stdout


def test_a_full_disk_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dsconv.cost", "mobilenet_v1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("dsconv.cost: the table could not be written: ")
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error():
    reader = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {sys.executable} -m dsconv.cost xception --json | head -c 1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (reader.returncode, reader.stdout, reader.stderr) == (0, "{", "")


# --- Any PyTorch module -------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_a_module_costs_what_its_rows_cost(name):
    net = network(name)
    layers = walk(net)
    wanted = network_cost(layers)
    shape = (1, net.in_channels, *net.input_size)
    found = module_cost(to_module(layers).to("meta"), shape)
    assert found.uncounted == ()
    assert (found.total.parameters, found.total.weights, found.total.macs) == (
        wanted.total.parameters,
        wanted.total.weights,
        wanted.total.macs,
    )
    assert found.total.peak_activation_bytes is None
    by_name = {row.name: row for row in found.layers}
    for row in wanted.layers:
        if row.macs:
            other = by_name[row.name]
            assert (row.macs, row.parameters, row.kind) == (
                other.macs,
                other.parameters,
                other.kind,
            )
            assert row.output_shape == other.output_shape


def test_layers_of_pytorch_against_the_formula():
    module = nn.Sequential(
        nn.Conv2d(4, 6, (3, 5), stride=(2, 1), padding=1, groups=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 7),
    )
    found = module_cost(module, (2, 4, 9, 8))
    spec = ConvSpec(4, 6, (3, 5), stride=(2, 1), padding=1, groups=2)
    size = prod(spec.output_size((9, 8)))
    assert found.total.macs == 2 * (prod(spec.weight_shape) * size + 6 * 7)
    assert found.total.weights == prod(spec.weight_shape) + 6 * 7 + 7
    assert found.total.parameters == found.total.weights + 12
    assert found.uncounted == ()
    kinds = [row.kind for row in found.layers]
    assert kinds == ["grouped_conv", "batch_norm", "relu", "average_pool", "flatten", "dense"]


def test_convolutions_of_one_and_three_axes():
    assert module_cost(nn.Conv1d(3, 8, 5, bias=False), (1, 3, 9)).total.macs == 5 * 24 * 5
    assert module_cost(nn.Conv3d(2, 3, 2), (1, 2, 3, 3, 3)).total.macs == 8 * 6 * 8


class Odd(nn.Module):
    """Has everything that a hook on known layers would pass over."""

    def __init__(self) -> None:
        super().__init__()
        self.known = nn.Linear(6, 6, bias=False)
        self.scale = nn.Parameter(torch.ones(6))
        self.memory = nn.LSTM(6, 5, batch_first=True)
        self.back = nn.ConvTranspose1d(5, 2, 3)
        self.idle = nn.Linear(3, 3)

    def forward(self, x):
        x = self.known(x) * self.scale
        x = x @ torch.ones(6, 6)
        return self.back(self.memory(x)[0].mT)


def test_what_is_not_counted_is_listed():
    found = module_cost(Odd(), (2, 7, 6))
    assert found.total.macs == 2 * 7 * 36
    *named, elsewhere = found.uncounted
    assert set(named) == {
        "memory (LSTM)",
        "back (ConvTranspose1d)",
        "(the module itself) (Odd)",
        "idle (Linear): did not run",
    }
    assert "MACs elsewhere" in elsewhere
    assert "not counted:" in str(found)
    assert found.as_dict()["uncounted"] == list(found.uncounted)


def test_the_parameters_of_an_idle_parent_are_listed_too():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle = nn.MultiheadAttention(4, 2)

        def forward(self, x):
            return x

    assert "idle (MultiheadAttention): did not run" in module_cost(Holder(), (1, 4)).uncounted


def test_a_layer_called_twice_has_its_weights_once():
    shared = nn.Linear(4, 4)
    found = module_cost(nn.Sequential(shared, nn.ReLU(), shared), (3, 4))
    assert found.total.macs == 2 * 3 * 16
    assert found.total.parameters == 20


def test_frozen_parameters_are_not_learnt():
    module = nn.Linear(4, 4)
    module.weight.requires_grad_(False)
    assert module_cost(module, (1, 4)).total.parameters == 4


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    module[2].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module_cost(module, (1, 3, 3, 3))
    assert [part.training for part in module] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(not part._forward_hooks for part in module.modules())
    with pytest.raises(RuntimeError):
        module_cost(module, (1, 5, 3, 3))
    assert module.training
    assert all(not part._forward_hooks for part in module.modules())


def test_a_module_in_double_precision():
    assert module_cost(nn.Linear(4, 2).double(), (1, 4)).total.macs == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ConvSpec(3, 8, 3), (1, 3, 9, 9)), "module must be a torch.nn.Module. Received: ConvSpec"),
        ((nn.ReLU(), (1, 3.0)), r"input_shape\[1\] must be an integer\. Received"),
        ((nn.ReLU(), (0, 3)), r"input_shape\[0\] must be at least 1\. Received"),
        ((nn.ReLU(), 3), r"input_shape must be a tuple or list of integers\. Received"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        module_cost(*arguments)


def test_the_names_are_public():
    for name in ("network_cost", "module_cost", "NetworkCost"):
        assert getattr(dsconv, name) is getattr(dsconv.cost, name)
    with pytest.raises(
        AttributeError, match=r"module 'dsconv\.cost' has no attribute 'networks_cost'"
    ):
        _ = dsconv.cost.networks_cost
