"""`import dsconv` costs NumPy and nothing more, in a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "scipy", "skimage", "PIL", "IPython", "pandas")


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LOADED = f"print([m for m in {HEAVY!r} if m in sys.modules])"


def test_nothing_heavy_is_imported():
    assert run(f"import sys, dsconv; {LOADED}") == "[]"


def test_nor_when_the_package_is_looked_at_or_used_with_numpy():
    code = (
        "import sys, dsconv, numpy as np; dir(dsconv); hasattr(dsconv, 'nothing')\n"
        "x = dsconv.conv2d(np.ones((1, 3, 5, 5)), np.ones((2, 3, 3, 3)), np.ones(2))\n"
        "dsconv.assert_matches(x, np.full((1, 2, 3, 3), 28.0))\n"
        "dsconv.layer_cost(dsconv.ConvSpec(3, 8, 3), 9)\n"
        "from dsconv.viz import wiring; wiring(dsconv.ConvSpec(3, 4, 3))\n"
    )
    assert run(code + LOADED) == "[]"


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("dsconv.DepthwiseSeparableConv2d", "torch"),
        ("dsconv.viz.photographs", "matplotlib"),
    ],
)
def test_the_heavy_ones_load_when_they_are_asked_for(statement, module):
    assert run(f"import sys, dsconv; {statement}; print({module!r} in sys.modules)") == "True"


def test_the_package_works_where_torch_cannot_be_imported():
    """The functions keep to NumPy; what needs torch says so when it is asked for."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import dsconv, numpy as np\n"
        "print(dsconv.conv1d(np.array([[1, 2, 3]]), np.array([[[1, 10]]])).tolist())\n"
        "try: dsconv.conv1d([[1]], np.ones((1, 1, 1)))\n"
        "except TypeError as error: print(error)\n"
        "try: dsconv.DepthwiseSeparableConv1d\n"
        "except ImportError as error: print('torch' in str(error))\n"
    )
    first, second, third = run(code).splitlines()
    assert first == "[[21, 32]]"
    assert second.startswith("input must be a NumPy array or a PyTorch tensor")
    assert third == "True"


def test_a_star_import_gives_every_public_name():
    code = "from dsconv import *; import dsconv; print(set(dsconv.__all__) - set(globals()))"
    assert run(code) == "set()"


def test_every_public_name_is_there_without_a_further_import():
    code = "import dsconv; print([n for n in dsconv.__all__ if not hasattr(dsconv, n)])"
    assert run(code) == "[]"
