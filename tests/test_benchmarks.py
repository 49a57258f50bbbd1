"""What is timed is what is counted; and the committed table is whole. No time is asserted."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import pytest
import torch

from benchmarks import __main__ as command_line
from benchmarks import speed
from benchmarks.__main__ import main
from dsconv import ConvSpec, chain_cost, network_cost
from dsconv.architectures import network, walk


@pytest.mark.parametrize("layout", list(speed.LAYOUTS))
def test_a_layer_s_calls_give_maps_of_one_size_and_count_what_they_do(layout):
    case = speed.layer(4, 6, 5, batch=2, layout=layout)
    calls = {call.name: call for call in case.calls}
    assert list(calls) == ["standard", "separable", "depthwise", "pointwise", "linear"]
    with torch.no_grad():
        shapes = {name: tuple(call.run().shape) for name, call in calls.items()}
    assert shapes["standard"] == shapes["separable"] == shapes["pointwise"] == (2, 6, 5, 5)
    assert (shapes["depthwise"], shapes["linear"]) == ((2, 4, 5, 5), (2, 5, 5, 6))
    assert calls["standard"].macs == 2 * 25 * 6 * 4 * 9
    assert calls["separable"].macs == calls["depthwise"].macs + calls["pointwise"].macs
    dense = chain_cost([ConvSpec(4, 6, 3, padding=1)], 5, batch_size=2)
    assert calls["standard"].bytes == dense.bytes_moved == 4 * (2 * 25 * (4 + 6) + 6 * 4 * 9)
    wanted = layout == "NHWC"
    with torch.no_grad():
        out = calls["standard"].run()
    assert out.is_contiguous(memory_format=torch.channels_last) == wanted


def test_the_articles_layer_is_the_articles():
    calls = {call.name: call for call in speed.layer(3, 256, 12, 2, "NCHW", 5, 0).calls}
    with torch.no_grad():
        shapes = {name: tuple(call.run().shape) for name, call in calls.items()}
    assert shapes["standard"] == shapes["separable"] == (2, 256, 8, 8)
    assert (shapes["depthwise"], shapes["linear"]) == ((2, 3, 8, 8), (2, 8, 8, 256))
    assert (calls["standard"].macs, calls["separable"].macs) == (2 * 1_228_800, 2 * 53_952)
    assert (calls["depthwise"].macs, calls["pointwise"].macs) == (2 * 4_800, 2 * 49_152)


def test_networks_are_timed_on_one_batch_and_counted_for_it():
    names = ["mobilenet_v1", "mobilenet_v2"]
    case = speed.networks(2, "NHWC", names, size=32)
    assert [call.name for call in case.calls] == names
    with torch.no_grad():
        assert [tuple(call.run().shape) for call in case.calls] == [(2, 1000), (2, 1000)]
    small = network_cost(walk(network("mobilenet_v1", resolution=32))).total.macs
    assert case.calls[0].macs == 2 * small


def test_a_table_says_what_made_it_and_holds_a_line_a_call(tmp_path):
    case = speed.machine(side=8, megabytes=1)
    lines = speed.measure(case, rounds=2, at_least=1e-5)
    assert [(line["call"], line["macs"]) for line in lines] == [
        ("matrix product", "512"),
        ("copy", "0"),
    ]
    assert lines[0]["ratio"] == "1"
    speed.write(tmp_path / "speed.csv", lines, "python -m benchmarks", 0.1)
    first, head, *rest = (tmp_path / "speed.csv").read_text().splitlines()
    assert first.startswith("# command: python -m benchmarks | Python 3.")
    assert first.endswith("load before 0.10")
    assert head.split(",") == list(speed.COLUMNS)
    assert len(rest) == 2


def test_a_busy_machine_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "getloadavg", lambda: (2.0, 0.0, 0.0), raising=False)
    assert main(["--output", str(tmp_path / "speed.csv")]) == 2
    assert "Received: 2.00. Wait, or say --anyway" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "--rounds must be at least 1"),
        (["--output", "none/speed.csv"], "folder must be there. Received: none"),
    ],
)
def test_what_cannot_be_measured_or_written_is_refused_at_once(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    file = str(tmp_path / "speed.csv")
    assert main(["--output", file, "--anyway", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("exit(3)", "Command"),
        (
            "import time; print('a warning', flush=True); time.sleep(600)",
            "a line must hold 10 columns. Received: 'a warning\\n'",
        ),
    ],
)
def test_nothing_is_written_if_one_part_fails(tmp_path, monkeypatch, capsys, part, message):
    monkeypatch.setattr(speed, "KEPT", {})
    popen = subprocess.Popen
    failing = lambda command, **options: popen([command[0], "-c", part], **options)  # noqa: E731
    monkeypatch.setattr(subprocess, "Popen", failing)
    assert main(["--output", str(tmp_path / "speed.csv"), "--anyway"]) == 1
    assert f"nothing is written. {message}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interruption_is_one_line(tmp_path, monkeypatch, capsys):
    def interrupted(rounds):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_kept", interrupted)
    assert main(["--output", str(tmp_path / "speed.csv"), "--anyway"]) == 130
    assert capsys.readouterr().err == "benchmarks: nothing is written. interrupted\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "benchmarks: nothing is written. nobody reads the output\n"),
        (["--part", "kept"], ""),  # the process for one part leaves the word to the other
    ],
)
def test_a_closed_pipe_is_one_line(tmp_path, arguments, said):
    script = (
        "import sys; from benchmarks import speed, __main__ as command\n"
        "speed.cases = lambda: iter([speed.layer(1, 1, 2, 1, 'NCHW')])\n"
        "command._kept = lambda rounds: print('a line', flush=True)\n"
        "sys.exit(command.main(sys.argv[1:]))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    where = ["--output", str(tmp_path / "speed.csv"), "--rounds", "1", "--anyway"]
    run = subprocess.run(
        [sys.executable, "-c", script, *where, *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (run.returncode, run.stderr) == (1, said)
    assert not list(tmp_path.iterdir())


def test_one_part_keeps_its_memory_and_the_other_does_not(tmp_path, monkeypatch):
    script = (
        "import sys; from benchmarks import speed, __main__ as command\n"
        "speed.cases = lambda: iter([speed.layer(1, 1, 2, 1, 'NCHW')])\n"
        "sys.exit(command.main(sys.argv[1:]))"
    )
    popen = subprocess.Popen

    def with_small_cases(command, env, **options):
        assert {name: env[name] for name in speed.KEPT} == speed.KEPT
        return popen([command[0], "-c", script, *command[3:]], env=env, **options)

    monkeypatch.setattr(subprocess, "Popen", with_small_cases)
    small = speed.layer(1, 1, 2, 1, "NHWC")
    monkeypatch.setattr(speed, "fresh_cases", lambda: iter([speed._fresh(small)]))
    file = tmp_path / "speed.csv"
    assert main(["--output", str(file), "--rounds", "1", "--anyway"]) == 0
    lines = list(csv.DictReader(file.read_text().splitlines()[1:]))
    assert [line["case"] for line in lines[::5]] == [
        "1 to 1 at 2",
        "1 to 1 at 2, memory as it comes",
    ]
    assert [line["layout"] for line in lines[::5]] == ["NCHW", "NHWC"]
    assert len(lines) == 10


def test_the_committed_table_has_every_case_and_counts_what_the_code_counts():
    with speed.TABLE.open(encoding="utf-8", newline="") as file:
        first = next(file)
        lines = list(csv.DictReader(file))
    assert first.startswith("# command: python -m benchmarks | ")
    found = {(line["case"], line["call"], line["layout"], line["batch"]): line for line in lines}
    assert len(found) == len(lines)
    layers = (len(speed.LAYERS) + 1) * len(speed.LAYER_BATCHES) * len(speed.LAYOUTS) * 5
    whole = len(speed.NETWORKS) * len(speed.NETWORK_BATCHES) * len(speed.LAYOUTS)
    fresh = len(speed.FRESH_LAYERS) * len(speed.LAYER_BATCHES) * 5 + len(speed.NETWORKS)
    assert len(lines) == 2 + layers + whole + fresh
    assert sum(line["case"].endswith(speed.FRESH) for line in lines) == fresh
    for call in speed.layer(512, 512, 14, 16, "NHWC").calls:
        line = found["512 to 512 at 14", call.name, "NHWC", "16"]
        assert (int(line["macs"]), int(line["bytes"])) == (call.macs, call.bytes)
    for line in lines:
        assert 0 < float(line["low"]) <= float(line["ratio"]) <= float(line["high"])
