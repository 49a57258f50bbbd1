"""`python -m dsconv.cost MODEL`: the table of a network, without PyTorch."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import NoReturn

from dsconv.architectures.networks import NETWORKS, network
from dsconv.cost.network import network_cost


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, without the usage."""
        self.exit(2, f"dsconv.cost: {' '.join(message.split())}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        By default those of the process.

    Returns
    -------
    int
        0, or 1 if the table could not be written. A wrong name, width or resolution ends the
        process with status 2 and one line.

    Examples
    --------
    >>> main(["mobilenet_v1", "--resolution", "64", "--json"])  # doctest: +ELLIPSIS
    {"layers": [{"name": "conv1.conv", "kind": "conv", ...
    0
    """
    parser = _Parser(
        prog="python -m dsconv.cost",
        description="Print what a network costs, layer by layer: parameters and MACs.",
        epilog=f"Models: {', '.join(NETWORKS)}.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="the network's name")
    parser.add_argument(
        "--width", type=float, default=1.0, metavar="A", help="width multiplier (default: 1)"
    )
    parser.add_argument("--resolution", type=int, metavar="PIXELS", help="side of the square input")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    try:
        found = network_cost(network(options.model, options.width, options.resolution))
    except (OverflowError, ValueError) as problem:
        parser.error(str(problem))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without × or ─ shows ? there
    # A reader such as `head` may close the pipe; that is no error.
    try:
        print(json.dumps(found.as_dict()) if options.json else found, flush=True)  # noqa: T201
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"dsconv.cost: the table could not be written: {problem.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
