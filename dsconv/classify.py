"""Say what is on photographs: python -m dsconv.classify PHOTO...

Status 0 if every photograph was answered, 1 if one was not (a line on the error output says which
and why, the others are still answered), 2 for a wrong call, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NoReturn, TextIO

from dsconv.pretrained import (
    PRETRAINED,
    PhotographError,
    Prediction,
    Pretrained,
    load,
    open_photograph,
)

_PROGRAM = "dsconv.classify"
_NOT_ALL, _USAGE, _INTERRUPTED, _NOBODY_READS = 1, 2, 130, 141


class _WrongCallError(Exception):
    """The command was not called as its help says."""


class _Parser(argparse.ArgumentParser):
    """Leaves it at one line when something is wrong."""

    def error(self, message: str) -> NoReturn:
        raise _WrongCallError(message)


def _top(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 1000:
        msg = f"must be a whole number from 1 to 1000, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return number


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog=f"python -m {_PROGRAM}",
        description="Say what is on photographs, by a network trained on ImageNet's 1000 classes.",
        epilog=(
            "JSON: a list with one entry for each photograph that could be read, in order, with "
            "file, and predictions of index, label and probability. A photograph that could not "
            "be read has no entry; a line on the error output names it, and the status is 1."
        ),
        allow_abbrev=False,
    )
    parser.add_argument(
        "photos", metavar="PHOTO", nargs="+", help="an image file that Pillow reads"
    )
    parser.add_argument(
        "--model", choices=PRETRAINED, default=PRETRAINED[0], help="default: %(default)s"
    )
    parser.add_argument(
        "--backend", choices=("numpy", "torch"), default="numpy", help="default: %(default)s"
    )
    parser.add_argument(
        "--top", type=_top, default=5, metavar="N", help="how many classes (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


class _CannotWriteError(Exception):
    """The answers can go nowhere."""


class _Screen:
    """The two outputs, and a progress bar under what is printed, where somebody watches."""

    def __init__(self) -> None:
        self.bar: Any = None

    def watch(self, photos: int) -> None:
        """Show a bar for several photographs, on a terminal."""
        if photos > 1 and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=photos, file=sys.stderr, leave=False, unit="photo")

    def answer(self, text: str) -> None:
        try:
            self._write(text, sys.stdout)
        except OSError as error:
            with contextlib.suppress(OSError, ValueError):
                # Or Python would try once more when it ends, and complain.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise _CannotWriteError(str(error.strerror).lower()) from error

    def complain(self, text: str) -> None:
        with contextlib.suppress(OSError):  # there is nowhere else to say it
            self._write(f"{_PROGRAM}: {_on_one_line(text)}", sys.stderr)

    def _write(self, text: str, stream: TextIO | None) -> None:
        if stream is None:  # closed by the caller
            return
        encoding = stream.encoding or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        if self.bar is None:
            stream.write(f"{text}\n")
        else:
            self.bar.write(text, file=stream)
        stream.flush()  # the next answer takes a while

    def one_more(self) -> None:
        """Move the bar on."""
        if self.bar is not None:
            self.bar.update()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _on_one_line(text: str) -> str:
    """Return a text with its line ends and other control characters written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _rows(file: str, predictions: Sequence[Prediction]) -> str:
    """Return what people read about one photograph."""
    rows = [f"{100 * p.probability:7.2f} %  {p.label} ({p.index})" for p in predictions]
    return "\n".join([_on_one_line(file), *rows])


def _classify(arguments: argparse.Namespace, screen: _Screen) -> int:
    """Answer one photograph after the other; only one is in memory."""
    net: Pretrained | None = None
    entries: list[dict[str, Any]] = []
    status = answered = 0
    for file in arguments.photos:
        try:
            photograph = open_photograph(file)
        except PhotographError as error:
            screen.complain(str(error))
            status = _NOT_ALL
            screen.one_more()
            continue
        if net is None:  # not earlier: a call without one readable file needs no network
            try:
                net = load(arguments.model)
            except (OSError, ValueError, ImportError) as error:
                screen.complain(str(error))
                return _NOT_ALL
        predictions = net.predict(photograph, arguments.backend, arguments.top)
        if arguments.json:
            found = [asdict(prediction) for prediction in predictions]
            entries.append({"file": file, "predictions": found})
        else:
            screen.answer(("\n" if answered else "") + _rows(file, predictions))
        answered += 1
        screen.one_more()
    screen.close()
    if arguments.json:
        screen.answer(json.dumps(entries, indent=2))
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its status.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments; those that the program was called with if there are none.

    Returns
    -------
    int
        0 if every photograph was answered, 1 if one was not, 2 for a wrong call, 130 after
        Ctrl-C, 141 if nobody reads the output any more.

    Examples
    --------
    >>> main(["missing.jpg"])  # and a line on the error output
    1
    """
    screen = _Screen()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about photographs that it reads anyway
            logging.getLogger("PIL").addHandler(logging.NullHandler())
            arguments = _arguments(argv)
            screen.watch(len(arguments.photos))
            return _classify(arguments, screen)
    except SystemExit:  # --help was printed
        return 0
    except _WrongCallError as error:
        screen.complain(f"{error} (--help says how)")
        return _USAGE
    except _CannotWriteError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            return _NOBODY_READS
        screen.complain(f"the answers cannot be written: {error}")
        return _NOT_ALL
    except KeyboardInterrupt:
        screen.complain("interrupted")
        return _INTERRUPTED
    finally:
        screen.close()


__all__ = ["main"]


if __name__ == "__main__":
    sys.exit(main())
