"""Make nbval stricter: every cell has run, pictures count, and the kernel ignores who started it.

nbval compares text, HTML and LaTeX to the letter. It skips pictures, the order and kind of outputs,
the names of glued values, and cells that were never run. The hooks below close these holes.
This file is at the root because pytest would not load it from tests/ for `pytest --nbval book`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

# The tools are scripts, not a package: `python tools/execute.py` finds its siblings by itself,
# the tests find them here.
sys.path.insert(0, str(Path(__file__).parent / "tools"))

from notebooks import kernel_environment, output_problems

_ipython_dir = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the kernels of this run an IPython profile of their own."""
    folder = TemporaryDirectory(prefix="ipython-")
    config.add_cleanup(folder.cleanup)
    config.stash[_ipython_dir] = folder.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Start the kernel of a notebook (its first cell's setup does) in a fixed environment."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(kernel_environment(before, item.config.stash[_ipython_dir]))
    try:
        result = yield
    finally:
        os.environ.clear()
        os.environ.update(before)
    _keep_history(item.parent.kernel)
    # nbval gives these to re.sub: glued numbers keep all their digits, and the last ones depend on
    # the processor.
    item.parent.sanitize_patterns[r"\d+\.\d{10,}(?:e[-+]?\d+)?"] = _without_last_digits
    return result


def _without_last_digits(number: re.Match[str]) -> str:
    """Return a long float with the nine digits that are the same everywhere."""
    return repr(float(f"{float(number[0]):.9g}"))


def _keep_history(kernel: RunningKernel) -> None:
    """Make nbval send cells as Jupyter does: without history, a `;` would not silence a cell."""
    plain = kernel.kc.execute

    def execute(code: str, **options: Any) -> str:
        return plain(code, **(options | {"store_history": True}))

    if "execute" not in vars(kernel.kc):  # one kernel runs all the cells of a chapter
        kernel.kc.execute = execute


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """After nbval is content with a cell, compare what it skips."""
    result = yield
    if not isinstance(item, IPyNbCell):
        return result
    if item.cell.execution_count is None:
        item.raise_cell_error("The committed cell was never run: make execute")
    if item.options["check"] and (
        problems := output_problems(item.cell.outputs, item.test_outputs)
    ):
        item.raise_cell_error("Cell outputs differ", "\n".join(problems))
    return result
