"""Train the networks of the chapter on sequences for long: `python tools/mnist1d_runs.py`.

The chapter trains them for a few seconds and prints what holds on every machine. Its table of long
runs is made here, from the chapter's own definitions, so that both train the same networks. One run
takes one to two minutes on one thread, all of them about twenty.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from notebooks import BOOK, ROOT
from runs import definitions, write

from dsconv._table import check_place

CHAPTER = BOOK / "sequences.ipynb"
TABLE = ROOT / "dsconv" / "data" / "mnist1d_runs.csv"

NETWORKS = (
    ("standard", 48, (1, 1, 1, 1)),
    ("separable", 48, (1, 1, 1, 1)),
    ("separable", 48, (2, 3, 2, 3)),
    ("separable", 48, (2, 2, 2, 2)),
    ("standard", 18, (1, 1, 1, 1)),
)
"""The chapter's function that makes a layer, the channels, and the groups of the four 1 × 1."""

COLUMNS = (
    *("layer", "channels", "groups", "parameters", "epochs", "seed"),
    *("test_accuracy", "training_accuracy", "seconds"),
)


def run(
    chapter: dict[str, Any],
    data: Sequence[torch.Tensor],
    layer: str,
    channels: int,
    groups: tuple[int, ...],
    epochs: int,
    seed: int,
) -> dict[str, Any]:
    """Train one network on (x, labels, x_test, labels_test); return its line of the table."""
    x, labels, x_test, labels_test = data
    torch.manual_seed(seed)
    network = chapter["network"](chapter[layer], channels, groups)
    start = time.perf_counter()
    chapter["train"](network, x, labels, epochs, seed)
    seconds = time.perf_counter() - start
    line = (
        *(layer, channels, "-".join(map(str, groups))),
        *(sum(p.numel() for p in network.parameters()), epochs, seed),
        *(
            round(chapter["accuracy"](network, *data), 4)
            for data in ((x_test, labels_test), (x, labels))
        ),
        round(seconds, 1),
    )
    return dict(zip(COLUMNS, line, strict=True))


def main(arguments: list[str]) -> None:
    """Train all networks with all seeds and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3, help="0, 1, ... up to this many")
    parser.add_argument(
        "--only", type=int, nargs="+", help="which networks, from 0; all by default"
    )
    parser.add_argument("--output", type=Path, default=TABLE)
    given = parser.parse_args(arguments)

    check_place(given.output)
    torch.set_num_threads(1)
    chapter = definitions(CHAPTER)
    data = chapter["sequences"]()
    lines = []
    for seed in range(given.seeds):
        for index, (layer, channels, groups) in enumerate(NETWORKS):
            if given.only and index not in given.only:
                continue
            lines.append(run(chapter, data, layer, channels, groups, given.epochs, seed))
            print(*lines[-1].values(), flush=True)
    command = ["python", "tools/mnist1d_runs.py", *arguments]
    write(given.output, lines, command, ("torch", "numpy", "mnist1d"))
    for layer, channels, groups in NETWORKS:
        name = "-".join(map(str, groups))
        found = [
            line["test_accuracy"]
            for line in lines
            if (line["layer"], line["channels"], line["groups"]) == (layer, channels, name)
        ]
        if found:
            print(layer, channels, name, min(found), round(statistics.mean(found), 4), max(found))


if __name__ == "__main__":
    main(sys.argv[1:])
