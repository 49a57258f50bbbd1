"""The committed tables: whole, consistent with the code that counts, and refused where empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsconv import measured
from experiments import analyse, config, latency, results
from experiments.families import FAMILIES, cost

MAIN = "fashion-14/e6"
DATA = Path(measured.__file__).parent / "data"


def test_the_study_s_networks_cost_what_the_code_counts():
    sides = {"fashion-14": (14, 14), "fashion-28": (28, 28), "mnist1d-40": (40,)}
    for line in measured.networks():
        total = cost(line.family, line.width, sides[line.data.split("/")[0]])
        counted = (total.parameters, total.weights, total.macs, total.peak_activation_bytes)
        said = (line.parameters, line.weights, line.macs, line.peak_activation_bytes)
        assert said == counted
        assert 0.1 < line.low <= line.test_accuracy <= line.high < 1
        assert line.width in FAMILIES[line.family].widths


def test_the_tables_are_those_of_the_committed_runs():
    rows = results.read(results.FOLDER / results.RUNS)
    own = [row for row in rows if row.group == "primary"]
    made = analyse.summary(own, 400)
    table = {(line.family, line.width): line for line in measured.networks(data=MAIN)}
    for line in made:
        said = table[line.family, line.width]
        assert said.seeds == line.seeds
        assert said.test_accuracy == pytest.approx(line.test_accuracy, abs=1e-5)
        assert said.train_accuracy == pytest.approx(line.train_accuracy, abs=1e-5)
        assert said.low == pytest.approx(line.low, abs=2e-3)  # of fewer draws
        assert said.high == pytest.approx(line.high, abs=2e-3)
    primary, *_ = analyse.comparisons(own, 400)
    [said] = measured.comparisons(role="primary")
    assert (said.value, said.at) == (pytest.approx(primary.value, abs=1e-5), primary.at)
    assert said.low == pytest.approx(primary.low, abs=1e-3)
    assert said.high == pytest.approx(primary.high, abs=1e-3)


def test_the_primary_grid_is_whole():
    for family in ("standard", "separable"):
        found = measured.networks(data=MAIN, family=family)
        assert [line.width for line in found] == list(FAMILIES[family].widths)
        assert {line.seeds for line in found} == {len(config.PRIMARY_SEEDS)}


def test_every_run_has_its_line():
    rows = results.read(results.FOLDER / results.RUNS)
    wanted = {
        (str(label), row.config.family, row.config.width)
        for label, (_, own) in analyse.sweeps(rows).items()
        for row in own
    }
    assert {(line.data, line.family, line.width) for line in measured.networks()} == wanted
    assert f"{len(rows)} runs" in measured.origin(measured.StudyNetwork)


def test_every_comparison_has_its_line():
    rows = results.read(results.FOLDER / results.RUNS)
    times = latency.read(DATA / latency.TABLE, latency.BATCHES[-1])
    made = analyse.comparisons(rows, 10, times)  # of the draws, only the intervals depend
    said = measured.comparisons()
    assert [what(line) for line in said] == [what(line) for line in made]
    assert [line.value for line in said] == pytest.approx([line.value for line in made], abs=1e-5)
    assert measured.origin(measured.Comparison) == measured.origin(measured.StudyNetwork)


def what(line):
    return line.role, line.data, line.quantity, line.first, line.second, line.axis, line.at


def test_latencies_are_of_every_network_and_the_reference_is_one():
    every = {(name, width) for name, kind in FAMILIES.items() for width in kind.widths}
    for batch in (1, 32):
        lines = measured.latencies(batch=batch)
        assert {(line.family, line.width) for line in lines} == every
        assert all(line.low <= line.ratio <= line.high for line in lines)
        [one] = [line for line in lines if f"{line.family} {line.width}" == line.reference]
        assert one.ratio == 1


def test_unknown_fields_and_lines_that_are_not_there():
    with pytest.raises(TypeError, match=r"Speed has the fields case, call, .* Received: name="):
        measured.speeds(name="standard")
    with pytest.raises(ValueError, match=r"measured like that. Received: case='512', batch=1"):
        measured.speeds(case="512", batch=1)
    with pytest.raises(ValueError, match=r"one of StudyNetwork, .* Received: <class 'int'>"):
        measured.origin(int)
