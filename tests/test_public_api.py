"""The names, the signatures to the letter, and a docstring with an example for each."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from importlib import resources
from typing import Any

import pytest

import dsconv

# Modules that others may import from. A name that starts with an underscore is nobody's business.
MODULES = {
    name: importlib.import_module(f"dsconv.{name}")
    for _, name, _ in pkgutil.iter_modules(dsconv.__path__)
    if not name.startswith("_")
}

OPTIONS = "stride=1, padding=0, dilation=1"
SIGNATURES = {
    "conv2d": f"(input, weight, bias=None, *, {OPTIONS}, groups=1)",
    "conv1d": f"(input, weight, bias=None, *, {OPTIONS}, groups=1)",
    "depthwise_conv2d": f"(input, weight, bias=None, *, {OPTIONS})",
    "depthwise_conv1d": f"(input, weight, bias=None, *, {OPTIONS})",
    "pointwise_conv2d": "(input, weight, bias=None)",
    "pointwise_conv1d": "(input, weight, bias=None)",
    "depthwise_separable_conv2d": (
        f"(input, depthwise_weight, pointwise_weight, bias=None, *, {OPTIONS})"
    ),
    "depthwise_separable_conv1d": (
        f"(input, depthwise_weight, pointwise_weight, bias=None, *, {OPTIONS})"
    ),
    "spatially_separable_conv2d": f"(input, column, row, *, {OPTIONS})",
    "ConvSpec": f"(in_channels, out_channels, kernel_size, *, {OPTIONS}, groups=1, bias=False)",
    "layer_cost": ("(spec, input_size, *, batch_size=1, bytes_per_element=4, batch_norm=False)"),
    "Cost": "(parameters, macs, weight_bytes, input_bytes, output_bytes)",
    "reference.conv2d": f"(input, weight, bias=None, *, {OPTIONS}, groups=1)",
    "reference.conv1d": f"(input, weight, bias=None, *, {OPTIONS}, groups=1)",
}


def get(path: str) -> Any:
    thing = dsconv
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


def plain(function: Any) -> str:
    """Return a signature without its annotations."""
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


@pytest.mark.parametrize("path", SIGNATURES)
def test_signatures_are_those_of_the_contract(path):
    assert plain(get(path)) == SIGNATURES[path]


@pytest.mark.parametrize("name", [n for n in SIGNATURES if "." not in n])
def test_everything_is_annotated(name):
    signature = inspect.signature(get(name))
    assert all(p.annotation is not p.empty for p in signature.parameters.values())
    if inspect.isfunction(get(name)):
        assert signature.return_annotation is not signature.empty


def test_the_package_is_typed_and_has_a_version():
    assert resources.files("dsconv").joinpath("py.typed").is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", dsconv.__version__)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_is_public(module):
    """`__all__` is sorted as ruff wants it, whole, and true."""
    public = MODULES[module].__all__
    assert len(set(public)) == len(public)
    own = {
        name
        for name, thing in vars(MODULES[module]).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and getattr(thing, "__module__", None) == f"dsconv.{module}"
    }
    assert own <= set(public)
    assert all(hasattr(MODULES[module], name) for name in public)


@pytest.mark.parametrize(
    "module", ["cost", "layers", "ops", "separation", "testing", "geometry", "reference", "viz"]
)
def test_modules_can_be_reached_from_the_package(module):
    assert module in dsconv.__all__
    assert getattr(dsconv, module) is MODULES[module]


def test_public_names_of_the_package_are_those_of_its_modules():
    """Each can be imported from both places, and is one and the same object."""
    homes = {
        name: [m for m, module in MODULES.items() if name in module.__all__ and m != "reference"]
        for name in dsconv.__all__
        if name not in MODULES and name != "__version__"
    }
    for name, modules in homes.items():
        assert len(modules) == 1, f"{name}: {modules}"
        assert getattr(dsconv, name) is getattr(MODULES[modules[0]], name)
    for module in ("ops", "cost", "layers", "testing", "separation"):
        assert set(MODULES[module].__all__) <= set(dsconv.__all__)
    assert {"ConvSpec", *SIGNATURES} - {"reference.conv1d", "reference.conv2d"} <= set(
        dsconv.__all__
    )


def test_dir_and_unknown_names():
    assert set(dsconv.__all__) <= set(dir(dsconv))
    with pytest.raises(AttributeError, match="module 'dsconv' has no attribute 'conv3d'"):
        _ = dsconv.conv3d
    with pytest.raises(ImportError, match="cannot import name 'conv3d'"):
        from dsconv import conv3d  # noqa: F401


DOCUMENTED = sorted(
    {
        (module, name)
        for module, thing in MODULES.items()
        for name in thing.__all__
        if callable(getattr(thing, name)) and hasattr(getattr(thing, name), "__module__")
        and getattr(thing, name).__module__.startswith("dsconv")
    }
    # A chapter prints their source, so their docstrings are one line.
    - {("reference", "loops1d"), ("reference", "loops2d")}
)  # fmt: skip


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_docstrings(module, name):
    """Numpydoc, every parameter named, with an example that doctest runs."""
    thing = getattr(MODULES[module], name)
    text = inspect.getdoc(thing)
    sections = re.findall(r"^(\w[\w ]+)\n-+$", text, re.MULTILINE)
    summary = text.splitlines()[0]
    assert summary.endswith("."), summary
    if inspect.isclass(thing) and issubclass(thing, (tuple, Exception)):
        return  # a named tuple says it in its fields, an error when it is raised
    # Plain records, which functions return, say what they hold instead.
    assert ">>> " in text.split("\nExamples\n")[-1] or (
        inspect.isclass(thing) and "Attributes" in sections
    )
    parameters = inspect.signature(thing).parameters if inspect.isfunction(thing) else {}
    if inspect.isfunction(thing) and thing.__name__ != "assert_matches":
        assert {"Returns", *(["Parameters"] if parameters else [])} <= set(sections)
    for parameter in parameters:
        assert re.search(rf"^[\w, *]*\b{parameter}\b", text, re.MULTILINE), parameter
