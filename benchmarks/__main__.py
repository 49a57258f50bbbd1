"""`python -m benchmarks`: time layers and networks side by side, and write the table."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import speed
from dsconv import _table
from dsconv.geometry import whole_number
from dsconv.timing import BusyError, check_idle


class StrayLineError(Exception):
    """The process for one part printed what is no line of the table."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything; return 2 for a refusal, 1 for a failure, 130 for an interruption."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--output", type=Path, default=speed.TABLE, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=speed.ROUNDS)
    parser.add_argument("--anyway", action="store_true", help="also on a busy machine")
    parser.add_argument("--part", choices=["kept"], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if options.part:
            _measured(speed.cases(), options.rounds)
            return 0
        return _both(options, shlex.join(["python", "-m", "benchmarks", *given]))
    except KeyboardInterrupt:
        said, status = "interrupted", 130
    except BrokenPipeError:  # as with `| head`; Python's last flush must not find it closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        said, status = "nobody reads the output", 1
    if not options.part:
        print(f"benchmarks: nothing is written. {said}", file=sys.stderr)
    return status


def _both(options: argparse.Namespace, command: str) -> int:
    """Measure both parts and write the table; return the exit status."""
    try:
        whole_number("--rounds", options.rounds, minimum=1)
        _table.check_place(options.output)
        load = check_idle(anyway=options.anyway)
    except BusyError as problem:
        print(f"benchmarks: {problem}. Wait, or say --anyway", file=sys.stderr)
        return 2
    except ValueError as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    try:
        lines = [*_kept(options.rounds), *_measured(speed.fresh_cases(), options.rounds)]
    except (subprocess.CalledProcessError, StrayLineError) as problem:
        print(f"benchmarks: nothing is written. {problem}", file=sys.stderr)
        return 1
    speed.write(options.output, lines, command, load)
    return 0


def _measured(cases: Iterator[speed.Case], rounds: int) -> list[dict[str, str]]:
    """Measure and print; return the lines."""
    lines = []
    for case in cases:
        found = speed.measure(case, rounds)
        for line in found:
            print(*line.values(), sep="\t", flush=True)
        lines += found
    return lines


def _kept(rounds: int) -> list[dict[str, str]]:
    """Measure in a process that keeps its memory; print and return the lines."""
    command = [sys.executable, "-m", "benchmarks", "--part", "kept", "--rounds", str(rounds)]
    lines = []
    with subprocess.Popen(
        command,
        env={**os.environ, **speed.KEPT},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C comes here alone, and the process is ended below
    ) as process:
        try:
            for text in process.stdout or ():
                print(text, end="", flush=True)
                lines.append(_line(text))
        except BaseException:  # `with` would wait until the process has measured its case
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return lines


def _line(text: str) -> dict[str, str]:
    values = text.rstrip("\n").split("\t")
    if len(values) != len(speed.COLUMNS):
        msg = f"a line must hold {len(speed.COLUMNS)} columns. Received: {text!r}"
        raise StrayLineError(msg)
    return dict(zip(speed.COLUMNS, values, strict=True))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is as good as Ctrl-C
    sys.exit(main())
