"""Train the networks of the chapter on sequences for long: `python tools/mnist1d_runs.py`.

The chapter trains them for a few seconds and prints what holds on every machine. Its table of long
runs is made here, from the chapter's own definitions, so that both train the same networks. One run
takes one to two minutes on one thread, all of them about twenty.
"""

from __future__ import annotations

import argparse
import ast
import csv
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from notebooks import BOOK, REMOVED, ROOT, SOLUTION, code_cells, read, tags
from rules import parsed

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


def definitions(chapter: Path) -> dict[str, Any]:
    """Run a chapter's imports, functions and classes, and nothing else; return what they define."""
    notebook = read(chapter)
    shown = [c for c in code_cells(notebook) if not {REMOVED, SOLUTION} & set(tags(c))]
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    body = [node for cell in shown for node in parsed(cell.source).body if isinstance(node, kinds)]
    names: dict[str, Any] = {"__name__": chapter.stem}
    exec(compile(ast.Module(body, type_ignores=[]), str(chapter), "exec"), names)
    return names


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


def processor() -> str:
    """Return the processor's name where Linux tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


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

    torch.set_num_threads(1)
    chapter = definitions(CHAPTER)
    data = chapter["sequences"]()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "mnist1d"))
    command = shlex.join(["python", "tools/mnist1d_runs.py", *arguments])
    lines = []
    for seed in range(given.seeds):
        for index, (layer, channels, groups) in enumerate(NETWORKS):
            if given.only and index not in given.only:
                continue
            lines.append(run(chapter, data, layer, channels, groups, given.epochs, seed))
            print(*lines[-1].values(), flush=True)
    with given.output.open("w", encoding="utf-8", newline="") as file:
        file.write(
            f"# command: {command} | Python {platform.python_version()}, {packages} | 1 thread of "
            f"{processor()}, {platform.system()} {platform.machine()}\n"
        )
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
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
