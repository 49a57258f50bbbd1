"""`python -m experiments`: run the grid, repeat a run, compare, measure times, fetch the data."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import dsconv
from dsconv import _table
from dsconv.timing import BusyError, check_idle
from experiments import latency, results, runner
from experiments.config import GROUPS, parse
from experiments.data import DataError, download
from experiments.results import TableError

TABLES = Path(dsconv.__file__).parent / "data"
"""Where `dsconv.measured` reads what is written here."""


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
    compare = commands.add_parser(
        "analyse", help="write the tables of comparisons and say the first"
    )

    times = commands.add_parser("latency", help="time forward passes, on a machine that is idle")
    times.add_argument("--anyway", action="store_true", help="also on a busy machine")

    for command in (compare, times):
        command.add_argument(
            "--tables", type=Path, default=TABLES, metavar="FOLDER", help="where to write them"
        )
    for command in (run, one, compare):
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


def compare(options: argparse.Namespace) -> int:
    """Write the tables of the analysis; say what the protocol asks for first."""
    from experiments import analyse

    _table.check_place(options.tables / analyse.NETWORKS)
    rows = results.read(options.results / results.RUNS)
    if not rows:
        msg = f"there must be runs to compare. Received: none in {options.results}"
        raise ValueError(msg)
    if options.tables == TABLES and options.results != results.FOLDER:
        msg = (
            "runs from elsewhere must not replace the book's tables: say --tables FOLDER. "
            f"Received: --results {options.results}"
        )
        raise ValueError(msg)
    whole = runner.planned(options.results, "primary")
    todo = runner.left(whole, rows)
    if todo or not whole:
        print(
            f"not whole: {len(todo)} of {len(whole)} primary runs are missing, and what follows "
            "decides nothing",
            file=sys.stderr,
        )
    for line in analyse.write(options.tables, rows, times=options.tables / latency.TABLE):
        if line.role != "exploratory":
            found = analyse.Estimate(line.value, line.low, line.high)
            words = analyse.reading(found) if line.role == "primary" else ""
            print(
                f"{line.role:<10}{line.quantity:<12}{line.axis:<12}{line.at:<24}"
                f"{line.value:9.4f}  ({line.low:.4f} to {line.high:.4f})  {words}"
            )
    return 0


def time_networks(options: argparse.Namespace) -> int:
    """Time every network at every batch size."""
    _table.check_place(options.tables / latency.TABLE)
    load = check_idle(anyway=options.anyway)
    took = {batch: latency.measure(latency.networks(), batch) for batch in latency.BATCHES}
    latency.write(options.tables / latency.TABLE, took, load)
    for batch, timings in took.items():
        for (family, width), timing in timings.items():
            ratio = f"{timing.ratio:.3f} ({timing.low:.3f} to {timing.high:.3f})"
            name = f"{family} {width}, batch {batch}"
            print(f"{name:<36}{timing.milliseconds:9.3f} ms  {ratio} of the reference")
    return 0


def one(options: argparse.Namespace) -> int:
    """Repeat a run."""
    from experiments.repeat import repeat

    return repeat(options.results, parse(options.config), options.seed, options.device)


def fetch(options: argparse.Namespace) -> int:
    """Download the data."""
    download(options.folder)
    return 0


COMMANDS = {"run": run, "one": one, "analyse": compare, "latency": time_networks, "download": fetch}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 1 for a difference, 2 for a refusal."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (BusyError, DataError, TableError, ValueError) as problem:
        print(f"experiments: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("experiments: interrupted; what is in the tables stays", file=sys.stderr)
        return 130


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is as good as Ctrl-C
    sys.exit(main())
