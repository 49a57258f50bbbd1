"""Names that are loaded at first use (PEP 562), because they import torch or matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def loader(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's `__getattr__`.

    Parameters
    ----------
    package : str
        Its `__name__`.
    names : mapping of str to str
        The module of each name; a module's own name stands for the module itself.

    Returns
    -------
    callable

    Examples
    --------
    >>> loader("dsconv", {"viz": "dsconv.viz"})("viz").__name__
    'dsconv.viz'
    """

    def attribute(name: str) -> Any:
        if name not in names:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        module = import_module(names[name])
        return module if names[name] == f"{package}.{name}" else getattr(module, name)

    return attribute


__all__ = ["loader"]
