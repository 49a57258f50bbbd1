"""The tables of long runs belong to the chapter's networks, and one line of them can be made."""

from __future__ import annotations

import csv
from collections import Counter
from importlib.metadata import version

import pytest
import torch
from mnist1d_runs import CHAPTER, COLUMNS, NETWORKS, TABLE, main, run
from runs import definitions, write

SHORT = TABLE.with_name("mnist1d_short_runs.csv")


@pytest.fixture(scope="module")
def chapter():
    return definitions(CHAPTER)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        first = next(file)
        return first, list(csv.DictReader(file))


@pytest.mark.parametrize("path", [TABLE, SHORT], ids=lambda path: path.stem)
def test_every_line_is_about_a_network_of_the_chapter(chapter, path):
    first, lines = read(path)
    assert first.startswith("# command: python tools/mnist1d_runs.py")
    assert tuple(lines[0]) == COLUMNS
    names = {(layer, str(C), "-".join(map(str, groups))) for layer, C, groups in NETWORKS}
    for line in lines:
        assert (line["layer"], line["channels"], line["groups"]) in names
        groups = tuple(map(int, line["groups"].split("-")))
        network = chapter["network"](chapter[line["layer"]], int(line["channels"]), groups)
        assert sum(p.numel() for p in network.parameters()) == int(line["parameters"])
        assert 0.1 < float(line["test_accuracy"]) <= 1
    counted = Counter(line["seed"] for line in lines)
    assert len(set(counted.values())) == 1  # every network with every seed
    assert len(counted) == {TABLE: 3, SHORT: 12}[path]


def test_the_chapter_s_statement_holds_for_every_seed_that_was_tried():
    _, lines = read(SHORT)
    scores = [float(line["test_accuracy"]) for line in lines]
    for dense, twin, narrow in zip(scores[0::3], scores[1::3], scores[2::3], strict=True):
        assert abs(dense - twin) < 0.15
        assert twin > narrow + 0.02


def test_a_line_can_be_made(chapter):
    x, labels = torch.randn(200, 1, 40), torch.arange(200) % 10
    line = run(chapter, (x, labels, x, labels), "separable", 12, (2, 3, 2, 3), epochs=1, seed=0)
    assert tuple(line) == COLUMNS
    assert (line["layer"], line["groups"], line["epochs"]) == ("separable", "2-3-2-3", 1)
    assert line["test_accuracy"] == line["training_accuracy"]
    again = run(chapter, (x, labels, x, labels), "separable", 12, (2, 3, 2, 3), epochs=1, seed=0)
    assert line["test_accuracy"] == again["test_accuracy"]


def test_a_table_begins_with_how_it_was_made(tmp_path):
    lines = [{"seed": 0, "kind": "a, b"}, {"seed": 1, "kind": "c"}]
    write(tmp_path / "made.csv", lines, ["python", "make.py", "two words"], ["torch"])
    first, found = read(tmp_path / "made.csv")
    assert first.startswith("# command: python make.py 'two words' | Python 3.")
    # As installed: another build of the same torch may add a mark such as +cu130 to its own name.
    assert f"torch {version('torch')} | 1 thread of " in first
    assert found == [{"seed": "0", "kind": "a, b"}, {"seed": "1", "kind": "c"}]


def test_a_table_without_runs_is_refused_and_the_old_one_stays(tmp_path):
    (tmp_path / "made.csv").write_text("old")
    with pytest.raises(ValueError, match=r"must hold one or more\. Received: none"):
        write(tmp_path / "made.csv", [], ["python"], ["torch"])
    assert (tmp_path / "made.csv").read_text() == "old"


def test_it_refuses_an_unknown_option():
    with pytest.raises(SystemExit):
        main(["--epoch", "many"])
