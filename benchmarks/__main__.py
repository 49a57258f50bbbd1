"""`python -m benchmarks`: time layers and networks side by side, and write the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import speed
from dsconv.timing import BusyError, check_idle


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything; return 2 if the machine is busy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--output", type=Path, default=speed.TABLE, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=speed.ROUNDS)
    parser.add_argument("--anyway", action="store_true", help="also on a busy machine")
    options = parser.parse_args(arguments)
    command = " ".join(
        ["python -m benchmarks", *(sys.argv[1:] if arguments is None else arguments)]
    )
    try:
        load = check_idle(anyway=options.anyway)
    except BusyError as problem:
        print(f"benchmarks: {problem}. Wait, or say --anyway", file=sys.stderr)
        return 2
    lines = []
    for case in speed.cases():
        found = speed.measure(case, options.rounds)
        for line in found:
            print(*line.values(), sep="\t", flush=True)
        lines += found
    speed.write(options.output, lines, command, load)
    return 0


if __name__ == "__main__":
    sys.exit(main())
