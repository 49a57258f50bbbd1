"""The two ways to compute a convolution that has already been checked.

A backend is a module with one function, `convolve(input, weight, bias, spec, pads)`, for
one or two spatial axes and any groups. Its arguments are batched and have passed
`dsconv.geometry`; it checks nothing again.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """Return the backend called `name` ("numpy" or "torch"), imported at its first use."""
    return import_module(f"{__name__}._{name}")
