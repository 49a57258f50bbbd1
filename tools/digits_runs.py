"""Train and decouple the chapter's network with many seeds: `python tools/digits_runs.py`.

The chapter on trained kernels trains one network while it is read and says what holds in every
run. Its table of runs is made here, from the chapter's own definitions. One seed takes about ten
seconds on one thread.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from notebooks import BOOK, ROOT
from runs import definitions, write

from dsconv._table import check_place

CHAPTER = BOOK / "trained.ipynb"
TABLE = ROOT / "dsconv" / "data" / "digits_runs.csv"
TERMS = range(1, 10)
EPOCHS_TRAINED_ON = 5


def run(chapter: dict[str, Any], seed: int) -> dict[str, float]:
    """Return one line of the table: accuracies on the test pictures, errors of the weights."""
    training, dsconv = chapter["training"], chapter["dsconv"]
    train, test = chapter["digits"]()
    dense, untrained = chapter["trained"](chapter["standard"], seed)
    twin, _ = chapter["trained"](chapter["separable"], seed)
    line: dict[str, float] = {"seed": seed, "standard": training.accuracy(dense, *test)}
    line["separable twin"] = training.accuracy(twin, *test)
    tuned = chapter["decoupled"](dense, 1)
    training.fit(tuned, *train, epochs=EPOCHS_TRAINED_ON)
    line["one term, trained on"] = training.accuracy(tuned, *test)
    apart = []
    for place in (2, 4):
        halves = twin[place].depthwise.weight, twin[place].pointwise.weight
        weight = dense[place].weight
        apart.append(float(((dsconv.compose(*halves) - weight).norm() / weight.norm()).detach()))
    line["distance of the twin"] = min(apart)
    for terms in TERMS:
        copied = chapter["decoupled"](dense, terms)
        line[f"accuracy {terms}"] = training.accuracy(copied, *test)
    for name, network in (("trained", dense), ("untrained", untrained)):
        for terms in TERMS:
            line[f"error {terms} {name}"] = chapter["error"](network, terms)
    return {name: round(value, 3) for name, value in line.items()}


def main(arguments: list[str]) -> None:
    """Train with all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=12, help="0, 1, ... up to this many")
    parser.add_argument("--output", type=Path, default=TABLE)
    given = parser.parse_args(arguments)

    check_place(given.output)
    torch.set_num_threads(1)
    chapter = definitions(CHAPTER)
    lines = []
    for seed in range(given.seeds):
        lines.append(run(chapter, seed))
        print(*lines[-1].values(), flush=True)
    command = ["python", "tools/digits_runs.py", *arguments]
    write(given.output, lines, command, ("torch", "numpy", "scikit-learn"))


if __name__ == "__main__":
    main(sys.argv[1:])
