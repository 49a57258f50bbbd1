"""What the study concludes from its table: known answers, and intervals that hold what they say."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest

from dsconv import measured
from dsconv.timing import Timing
from experiments import analyse, latency
from experiments.analyse import Curve, Estimate, accuracy_at, cost_ratio, log_cost_at
from experiments.config import FASHION
from experiments.families import cost
from experiments.results import Row
from experiments.train import Outcome


def exact(shares, seeds=3, images=1000):
    """Return cells in which exactly these shares of images are right, the same ones in each run."""
    return tuple(np.tile(np.arange(images) < round(s * images), (seeds, 1)) for s in shares)


def curve(costs, shares, **size):
    costs = tuple(map(float, costs))
    return Curve(dict.fromkeys(("width", "parameters", "macs"), costs), exact(shares, **size))


# --- Interpolation --------------------------------------------------------------------


def test_what_is_linear_in_the_logarithm_is_read_exactly():
    costs = [10.0, 70.0, 1000.0]
    accuracies = np.array([0.1 + 0.1 * log(c) for c in costs])
    for point in (10, 11, 69, 70, 71, 999, 1000):
        assert accuracy_at(costs, accuracies, point) == pytest.approx(0.1 + 0.1 * log(point))
    for level in (0.4, 0.5, 0.7):
        assert log_cost_at(costs, accuracies, level) == pytest.approx((level - 0.1) / 0.1)


def test_between_two_networks_only_they_count():
    costs = [1.0, 10.0, 100.0]
    wild = np.array([[0.5, 0.6, 0.9], [0.5, 0.6, 0.1]])
    np.testing.assert_allclose(accuracy_at(costs, wild, 10**0.5), 0.55)


def test_equal_costs_side_by_side_are_no_obstacle():
    flat = [1.0, 1.0, 10.0, 10.0]
    accuracies = np.array([0.5, 0.6, 0.7, 0.8])
    assert accuracy_at(flat, accuracies, 1.0) == pytest.approx(0.6)
    assert accuracy_at(flat, accuracies, 10**0.5) == pytest.approx(0.65)


def test_a_network_s_own_cost_is_read_at_the_ends_and_of_one_alone():
    assert accuracy_at([4.0], np.array([0.5]), 4.0) == 0.5
    assert accuracy_at([1.0, 10.0, 10.0], np.array([0.5, 0.6, 0.7]), 10.0) == 0.7


@pytest.mark.parametrize("point", [0.5, 101])
def test_no_reading_outside_of_the_sweep(point):
    with pytest.raises(ValueError, match=r"within 1 to 100\. Received"):
        accuracy_at([1, 100], np.array([0.5, 0.7]), point)


def test_a_level_is_crossed_once_where_a_curve_dips():
    costs = [1.0, 10.0, 100.0, 1000.0]
    dips = np.array([0.5, 0.7, 0.6, 0.8])
    assert log_cost_at(costs, dips, 0.65) == pytest.approx(0.75 * log(10))
    assert log_cost_at(costs, dips, 0.75) == pytest.approx(2.5 * log(10))


def test_levels_outside_of_the_curve():
    both = np.array([[0.5, 0.7], [0.8, 0.9]])
    assert log_cost_at([1, 100], both, 0.75).tolist() == [inf, -inf]
    assert log_cost_at([2, 100], np.array([0.5, 0.7]), 0.5) == pytest.approx(log(2))


# --- Comparisons with known answers ---------------------------------------------------


def test_a_constant_gap_and_a_constant_ratio():
    """The second family has the accuracy of the first at a third of the cost, thus 0.05 more."""
    step = 0.05 / log(3)
    costs = np.geomspace(100, 100 * 3**4, 5)
    first = curve(costs, [0.6 + step * log(c / 100) for c in costs])
    second = curve(costs, [0.65 + step * log(c / 100) for c in costs])
    drawn = analyse.draws({"a": first, "b": second}, 400)
    pair = drawn["a"], drawn["b"]
    gap = analyse.difference(first, second, pair, "macs", [200, 900, 4000])
    assert gap.value == pytest.approx(-0.05)
    ratio = cost_ratio(first, second, pair, "parameters", 0.74)
    assert ratio is not None
    assert ratio.value == pytest.approx(3, rel=1e-6)
    assert ratio.low < 3 < ratio.high
    assert cost_ratio(first, second, pair, "macs", 0.84) is None  # only the second reaches it
    assert cost_ratio(first, second, pair, "macs", 0.62) is None  # the second starts above it


def test_images_are_shared_by_all_networks_in_a_draw():
    """Two families with the same answers: each varies, their difference does not."""
    one, other = curve([1, 10], [0.3, 0.6]), curve([1, 10], [0.3, 0.6])
    drawn = analyse.draws({"a": one, "b": other}, 200)
    assert drawn["a"].std(0).min() > 0.005
    gap = analyse.difference(one, other, (drawn["a"], drawn["b"]), "macs", [3])
    assert gap == Estimate(0.0, 0.0, 0.0)


def test_the_spread_is_that_of_theory():
    """Images alone: binomial. Seeds alone: their variance over n, not (n - 1) / n of it."""
    images = curve([1, 2], [0.5, 0.2], images=400)
    made = analyse.draws({"a": images}, 4000)["a"]
    np.testing.assert_allclose(made.std(0), [(0.25 / 400) ** 0.5, (0.16 / 400) ** 0.5], rtol=0.05)
    levels = np.array([0.0, 0.0, 1.0, 1.0])  # all images right, or none
    cell = np.repeat(levels[:, None] > 0, 50, axis=1)
    seeds = Curve({"macs": (1.0, 2.0)}, (cell, cell))
    made = analyse.draws({"a": seeds}, 4000)["a"]
    wanted = levels.std(ddof=1) / len(levels) ** 0.5
    np.testing.assert_allclose(made.std(0), wanted, rtol=0.05)
    assert abs(np.corrcoef(made.T)[0, 1]) < 0.1  # each network has its own seeds


def test_draws_repeat_and_are_refused_for_different_images():
    one = curve([1, 2], [0.5, 0.6], images=100)
    np.testing.assert_array_equal(
        analyse.draws({"a": one}, 9)["a"], analyse.draws({"a": one}, 9)["a"]
    )
    other = curve([1, 2], [0.5, 0.6], images=101)
    with pytest.raises(ValueError, match=r"the same images\. Received: \[100, 101\]"):
        analyse.draws({"a": one, "b": other}, 9)


def simulated(rng, means, seeds=5, images=300, spread=0.03):
    """Return cells from a model with hard images, lucky seeds, and chance: an oracle.

    A run's expected accuracy is exactly its mean and its luck, whatever the share of chance.
    """
    difficulty = rng.random(images)
    cells = []
    for mean in means:
        luck = rng.normal(0, spread, (seeds, 1))
        by_chance = rng.random((seeds, images)) < 0.2
        score = np.where(by_chance, rng.random((seeds, images)), difficulty)
        cells.append(score < mean + luck)
    return tuple(cells)


def read_from(cells, seed):
    """Return the difference midway between two networks of two families."""
    first, second = (Curve({"macs": (1.0, 9.0)}, part) for part in (cells[:2], cells[2:]))
    drawn = analyse.draws({"a": first, "b": second}, 250, seed=seed)
    return analyse.difference(first, second, (drawn["a"], drawn["b"]), "macs", [3])


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    means, trials = (0.5, 0.7, 0.45, 0.6), 200
    truth = (0.5 + 0.7 - 0.45 - 0.6) / 2  # midway in the logarithm
    found, of_one_seed = [], []
    for trial in range(trials):
        cells = simulated(rng, means)
        found.append(read_from(cells, trial))
        of_one_seed.append(read_from([cell[:1] for cell in cells], trial))
    hits = sum(one.low <= truth <= one.high for one in found)
    assert hits >= 0.93 * trials
    # Nor are they wide for safety's sake: not half as wide again as what they are about.
    true_width = 2 * 1.96 * np.std([one.value for one in found])
    assert 0.95 < np.mean([one.high - one.low for one in found]) / true_width < 1.4
    # With one seed they would say nothing about seeds: the test can fail.
    assert sum(one.low <= truth <= one.high for one in of_one_seed) < 0.85 * trials


# --- Words and tables -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.004, 0.004, "a tie"),
        (0.001, 0.004, "standard is better, by less than half a point"),
        (0.001, 0.009, "standard is better"),
        (-0.009, -0.001, "separable is better"),
        (-0.009, 0.001, "undecided"),
    ],
)
def test_the_protocol_s_words(low, high, words):
    assert analyse.reading(Estimate((low + high) / 2, low, high)) == words


def made_up(family, width, seed, share, images=200, data="fashion"):
    from dataclasses import replace

    config = replace(FASHION, family=family, width=width)
    if data == "mnist1d":
        config = replace(config, data=data, resolution=40)
    right = np.random.default_rng([seed, width]).permutation(images) < share * images
    outcome = Outcome(share, share, np.packbits(right).tobytes(), images, 1.0)
    return Row("primary", config, seed, outcome, {"processor": "a machine"})


def a_grid():
    from experiments.families import FAMILIES

    rows = []
    for family in ("standard", "separable", "separable_linear"):
        for index, width in enumerate(FAMILIES[family].widths):
            share = 0.7 + 0.05 * index - (0.1 if family == "separable_linear" else 0)
            rows += [made_up(family, width, seed, share) for seed in (0, 1)]
    return rows


def test_the_tables_have_one_primary_line_and_name_what_is_exploratory(tmp_path):
    rows = [*a_grid(), *(made_up("standard", 4, seed, 0.6, data="mnist1d") for seed in (0, 1))]
    made = analyse.write(tmp_path, rows, 50)
    roles = [line.role for line in made]
    assert roles.count("primary") == 1
    assert made[0].role == "primary"
    assert made[0].at == "250000 1000000 4000000"
    assert {line.role for line in made if line.first == "separable_linear"} == {"exploratory"}
    own = [line for line in made if (line.first, line.second) == ("separable_linear", "separable")]
    at = [(line.axis, line.at) for line in own]
    assert at[-2:] == [("width", "4"), ("width", "28")]  # the widths that both have, no others
    assert at[:-2] == [("macs", f"{cost('separable', w, (14, 14)).macs}") for w in (4, 28, 96)]
    # At one width both have the same MACs, so both axes say the same.
    assert [own[i].value for i in (0, 1, -2, -1)] == pytest.approx([-0.1, -0.15] * 2, abs=1e-6)
    at_width = [line for line in made if line.axis == "width" and line.first == "standard"]
    assert [line.at for line in at_width] == ["4", "12", "28", "64"]
    assert all(line.value == pytest.approx(0.05) for line in at_width)
    first, *lines = (tmp_path / analyse.NETWORKS).read_text().splitlines()
    assert first.startswith(f"# command: python -m experiments analyse | {len(rows)} runs of ")
    assert len(lines) == 1 + 5 + 5 + 3 + 1
    assert (tmp_path / analyse.COMPARISONS).read_text().count("\n") == 2 + len(made)


def test_the_primary_line_is_the_mean_of_its_three_points():
    made = analyse.comparisons(a_grid(), 50)
    points = [
        line.value
        for line in made
        if (line.role, line.quantity, line.axis) == ("secondary", "difference", "macs")
    ]
    assert len(points) == 3
    assert made[0].value == pytest.approx(sum(points) / 3)


def test_equal_time_is_read_where_times_are_known_and_rise(tmp_path):
    which = [(row.config.family, row.config.width) for row in a_grid() if row.seed == 0]
    took = {
        batch: {(name, width): Timing(batch * width / 100, 1, 1, 1) for name, width in which}
        for batch in latency.BATCHES
    }
    latency.write(tmp_path / latency.TABLE, took, 0.0)
    times = latency.read(tmp_path / latency.TABLE, 32)
    assert times["standard", 64] == pytest.approx(0.64)
    written = analyse.write(tmp_path, a_grid(), 50, tmp_path / latency.TABLE)
    made = [line for line in written if line.axis == "milliseconds"]
    assert [line.role for line in made] == ["exploratory"] * 3
    # As width and time are the same here, so are the readings at them.
    assert made[1].at == f"{(0.04 * 0.64) ** 0.5:.4g}"
    wanted = 0.05  # the gap at every shared width
    assert [line.value for line in made] == pytest.approx([wanted] * 3)
    assert all(line.axis != "milliseconds" for line in analyse.write(tmp_path, a_grid(), 50))
    slower = times | {("standard", 2): times["standard", 4] + 0.001}  # within what is measured
    found = analyse.curves(a_grid(), times=slower)["standard"].costs["milliseconds"]
    assert found[:3] == (slower["standard", 2], slower["standard", 2], times["standard", 12])
    flat = analyse.curves(a_grid(), times=dict.fromkeys(times, 1.0))
    assert all("milliseconds" not in curve.costs for curve in flat.values())
    del times["standard", 12]
    assert "milliseconds" not in analyse.curves(a_grid(), times=times)["standard"].costs
    assert latency.read(tmp_path / "none.csv", 1) == {}
    (tmp_path / latency.TABLE).write_text("# by hand\nfamily\nstandard\n")
    with pytest.raises(ValueError, match=r"latency\.csv: the columns must be .* Received: family"):
        latency.read(tmp_path / latency.TABLE, 32)


def test_one_network_of_a_family_is_enough_to_be_compared_at_its_width():
    rows = [row for row in a_grid() if row.config.family == "standard"]
    made = analyse.comparisons([*rows, made_up("separable", 4, 0, 0.6)], 50)
    assert [(line.axis, line.at) for line in made if line.quantity == "difference"] == [
        ("width", "4")
    ]


def test_a_table_has_no_zero_below_zero(tmp_path):
    line = measured.Comparison("primary", "d", "difference", "a", "b", "macs", "1", -1e-9, -1.0, 1)
    analyse._write(tmp_path / "made.csv", measured.Comparison, [line], "by hand")
    assert (tmp_path / "made.csv").read_text().endswith("macs,1,0.00000,-1.00000,1\n")


def test_rows_without_test_data_and_other_lengths_do_not_enter_a_curve():
    from dataclasses import replace

    rows = [made_up("standard", 4, 0, 0.5), made_up("standard", 12, 0, 0.6)]
    untested = Outcome(0.9, 0.9, None, 0, 1.0)
    longer = replace(rows[0].config, epochs=12)
    rows += [Row("tuning_primary", rows[0].config, 100, untested, {})]
    rows += [replace(rows[0], config=longer)]
    found = analyse.curves(rows)["standard"]
    assert found.costs["width"] == (4.0, 12.0)
    assert [len(cell) for cell in found.right] == [1, 1]
    assert found.accuracies.tolist() == [0.5, 0.6]


def test_runs_with_the_other_s_setting_have_curves_of_their_own():
    from dataclasses import replace

    rows = a_grid()
    swapped = [
        replace(made_up(row.config.family, row.config.width, row.seed, 0.3), group="swapped")
        for row in rows
        if row.config.family != "separable_linear"
    ]
    assert analyse.curves(rows + swapped)["standard"].accuracies[0] == pytest.approx(0.7)
    both, alone = (analyse.comparisons(given, 50) for given in (rows + swapped, rows))
    label = "fashion-14/e6/swapped"
    assert [line for line in both if line.data != label] == alone
    added = [line for line in both if line.data == label]
    assert added
    assert {line.role for line in added} == {"exploratory"}
    assert [line.value for line in added] == pytest.approx([0.0] * len(added), abs=1e-12)
    at_macs = ("standard", "difference", "macs")
    read = [
        [line.at for line in made if (line.first, line.quantity, line.axis) == at_macs]
        for made in (added, alone)
    ]
    assert read[0] == read[1]  # the same networks, read at the same points, and their mean
    assert [line.data for line in analyse.summary(rows + swapped, 50)].count(label) == 10


def test_a_ratio_whose_draws_leave_the_sweep_has_an_open_end():
    step = np.array([0.5, 0.52, 0.54])
    first, second = curve([1, 10, 100], step, images=100), curve([1, 10, 100], step, images=100)
    cells = tuple(np.random.default_rng(i).permuted(c, axis=1) for i, c in enumerate(second.right))
    second = Curve(second.costs, cells)
    drawn = analyse.draws({"a": first, "b": second}, 500)
    found = cost_ratio(first, second, (drawn["a"], drawn["b"]), "macs", 0.53)
    assert found is not None
    assert found.value == pytest.approx(1)
    assert (found.low, found.high) == (0, inf)
    assert exp(log_cost_at([1, 10, 100], step, 0.53)) == pytest.approx(10**1.5)
