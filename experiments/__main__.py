"""`python -m experiments`: run the grid, repeat a run, measure times, fetch the data."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments import results, runner
from experiments.config import GROUPS, parse
from experiments.data import DataError, download
from experiments.results import TableError


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    whole = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="run what is left of the grid; Ctrl-C and again is fine")
    run.add_argument("--dry-run", action="store_true", help="say what is left and how long")
    run.add_argument("--only", metavar="GROUP", action="append", help=", ".join((*GROUPS, "trial")))
    run.add_argument("--backend", choices=runner.BACKENDS, default="joblib")
    run.add_argument("--address", help="of a Dask scheduler; without it, a cluster on this machine")
    run.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs at a time")
    run.add_argument("--device", choices=("cpu", "cuda"), default="cpu")

    one = commands.add_parser("one", help="repeat one run and compare it with its row")
    one.add_argument("config", metavar="CONFIG", help="an id, as in the tables")
    one.add_argument("--seed", type=int, required=True)
    one.add_argument("--device", choices=("cpu", "cuda"), default="cpu")

    fetch = commands.add_parser("download", help="fetch Fashion-MNIST and check it")
    fetch.add_argument("folder", type=Path, metavar="FOLDER")
    for command in (run, one):
        command.add_argument(
            "--results", type=Path, default=results.FOLDER, metavar="FOLDER", help="of the tables"
        )
    return whole


def run(options: argparse.Namespace) -> int:
    """Run groups in their order; tuning comes before what needs it."""
    groups = options.only or list(GROUPS)
    if options.workers < 1:
        msg = f"--workers must be at least 1. Received: {options.workers}"
        raise ValueError(msg)
    print(runner.report(options.results, groups, options.workers), flush=True)
    if options.dry_run:
        return 0
    for group in groups:
        runner.run_group(
            options.results,
            group,
            backend=options.backend,
            workers=options.workers,
            address=options.address,
            device=options.device,
            say=lambda text: print(text, file=sys.stderr),
        )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 1 for a difference, 2 for a refusal."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "run":
            return run(options)
        if options.command == "one":
            from experiments.repeat import repeat

            return repeat(options.results, parse(options.config), options.seed, options.device)
        download(options.folder)
    except (DataError, TableError, ValueError) as problem:
        print(f"experiments: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("experiments: interrupted; what is in the tables stays", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
