"""The numbers of a network: their names and shapes, a start, and the folding of batch norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from dsconv.architectures.walker import Layer, check_layers, with_bias
from dsconv.geometry import Shape, array_kind, whole_number

Parameters = dict[str, Any]


def parameter_shapes(layers: Sequence[Layer]) -> dict[str, Shape]:
    """Return the shape of each of a network's arrays, by name, in walking order.

    Parameters
    ----------
    layers : sequence of Layer

    Returns
    -------
    dict of str to tuple of int
        ``NAME.weight`` and ``NAME.bias`` of convolutions, dense layers and norms, and
        ``NAME.running_mean``, ``NAME.running_var`` of batch norms: the keys of the PyTorch
        module's `state_dict`.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> shapes = parameter_shapes(walk(NETWORKS["mobilenet_v1"]))
    >>> shapes["conv1.conv.weight"], shapes["dense1.dense.bias"]
    ((32, 3, 3, 3), (1000,))
    """
    shapes: dict[str, Shape] = {}
    for layer in check_layers(layers):
        for part, shape in shapes_of(layer).items():
            shapes[f"{layer.name}.{part}"] = shape
    return shapes


def shapes_of(layer: Layer) -> dict[str, Shape]:
    """Return the shape of each array of one layer, by the last part of its name.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    dict of str to tuple of int

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> shapes_of(walk(NETWORKS["mobilenet_v1"])[0])
    {'weight': (32, 3, 3, 3)}
    """
    if layer.spec is not None:
        dense = layer.kind == "dense"
        shape = layer.spec.weight_shape[: 2 if dense else None]
        bias = {"bias": (layer.spec.out_channels,)} if layer.spec.bias else {}
        return {"weight": shape} | bias
    if layer.kind == "batch_norm":
        names = ("weight", "bias", "running_mean", "running_var")
        return dict.fromkeys(names, (layer.output_shape[1],))
    if layer.kind == "layer_norm":
        return {"weight": (1,), "bias": (1,)}  # "learned scalars": Kaiser et al., section 3.1
    return {}


def initial_parameters(layers: Sequence[Layer], seed: int = 0) -> Parameters:
    """Return parameters that a training could start from, as NumPy arrays.

    Parameters
    ----------
    layers : sequence of Layer
    seed : int, optional

    Returns
    -------
    dict of str to ndarray
        float32. Weights are normal with variance 2 / fan-out, biases 0; norms leave their
        input's scale alone.

    Notes
    -----
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), section 2.2, backward case.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> initial_parameters(walk(NETWORKS["mobilenet_v1"]))["conv1.norm.running_var"][:2]
    array([1., 1.], dtype=float32)
    """
    rng = np.random.default_rng(whole_number("seed", seed, minimum=0))
    specs = {layer.name: layer.spec for layer in layers}
    start: Parameters = {}
    for name, shape in parameter_shapes(layers).items():
        owner, _, part = name.rpartition(".")
        spec = specs[owner]
        if spec is not None and part == "weight":
            fan_out = prod(shape[2:]) * shape[0] // spec.groups
            start[name] = rng.normal(0, (2 / fan_out) ** 0.5, shape).astype(np.float32)
        else:
            ones = spec is None and part in ("weight", "running_var")
            start[name] = (np.ones if ones else np.zeros)(shape, np.float32)
    return start


def check_parameters(layers: Sequence[Layer], parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters, or say which are missing or have another shape.

    Parameters
    ----------
    layers : sequence of Layer
    parameters : mapping of str to array

    Returns
    -------
    mapping of str to array
        As given.

    Raises
    ------
    ValueError
        Names the first three that are missing or differ.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> layers = walk(NETWORKS["mobilenet_v1"])
    >>> len(check_parameters(layers, initial_parameters(layers)))
    137
    """
    wanted = parameter_shapes(layers)
    missing = [name for name in wanted if name not in parameters]
    if missing:
        msg = f"parameters must hold every name of the layers. Missing: {', '.join(missing[:3])}"
        raise ValueError(msg)
    for name in wanted:
        array_kind(name, parameters[name])
    wrong = [
        f"{name} {tuple(parameters[name].shape)} instead of {shape}"
        for name, shape in wanted.items()
        if tuple(parameters[name].shape) != shape
    ]
    if wrong:
        msg = f"parameters must have the layers' shapes. Received: {'; '.join(wrong[:3])}"
        raise ValueError(msg)
    return parameters


def fold_batch_norms(
    layers: Sequence[Layer], parameters: Mapping[str, Any]
) -> tuple[tuple[Layer, ...], Parameters]:
    """Return the network without the batch norms that stand directly behind a convolution.

    Parameters
    ----------
    layers : sequence of Layer
    parameters : mapping of str to ndarray
        As `parameter_shapes` names them.

    Returns
    -------
    layers : tuple of Layer
        The convolutions have a bias instead.
    parameters : dict of str to ndarray
        Scaled weights and the biases; what belonged to the norms is gone.

    Raises
    ------
    TypeError
        If a parameter is no NumPy array of floats.
    ValueError
        If parameters are missing or have another shape.

    Notes
    -----
    In evaluation a batch norm is γ·(y − mean) / √(var + ε) + β with fixed numbers: a scale of
    each filter and a bias. Computed in float64. A norm in front of a *padded* convolution could
    not be folded into it: the padded zeros would not be scaled.

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS, walk
    >>> layers = walk(NETWORKS["mobilenet_v1"])
    >>> folded, parameters = fold_batch_norms(layers, initial_parameters(layers))
    >>> len(layers) - len(folded), folded[0].spec.bias
    (27, True)
    """
    layers = check_layers(layers)
    _check_foldable(check_parameters(layers, parameters))
    norms = foldable(layers)
    kept = dict(parameters)
    folded: list[Layer] = []
    renamed: dict[str, str] = {}
    for layer in layers:
        if layer.name in renamed:
            continue
        inputs = tuple(renamed.get(name, name) for name in layer.inputs)
        norm = norms.get(layer.name)
        if norm is None:
            folded.append(replace(layer, inputs=inputs))
            continue
        renamed[norm.name] = layer.name
        spec = layer.spec
        if spec is None:  # foldable() gives convolutions only
            continue
        folded.append(replace(layer, spec=with_bias(spec), inputs=inputs))
        names = ("weight", "bias", "running_mean", "running_var")
        scale, shift, mean, variance = (
            np.asarray(kept.pop(f"{norm.name}.{name}"), np.float64) for name in names
        )
        weight = kept[f"{layer.name}.weight"]
        old = np.asarray(kept.get(f"{layer.name}.bias", 0.0), np.float64)
        factor = scale / np.sqrt(variance + norm.epsilon)
        by_filter = factor.reshape(-1, *(1,) * (weight.ndim - 1))
        kept[f"{layer.name}.weight"] = (weight * by_filter).astype(weight.dtype)
        kept[f"{layer.name}.bias"] = (shift + (old - mean) * factor).astype(weight.dtype)
    return tuple(folded), {name: kept[name] for name in parameter_shapes(folded)}


def _check_foldable(parameters: Mapping[str, Any]) -> None:
    for name, array in parameters.items():
        if array_kind(name, array) != "numpy" or array.dtype.kind != "f":
            msg = (
                "parameters must be NumPy arrays of floats to be folded. "
                f"Received: {name} of {type(array).__name__}, {array.dtype}"
            )
            raise TypeError(msg)


def foldable(layers: Sequence[Layer]) -> dict[str, Layer]:
    """Return the batch norms that alone read a convolution, by that convolution's name."""
    readers: dict[str, list[Layer]] = {}
    for layer in layers:
        for name in layer.inputs:
            readers.setdefault(name, []).append(layer)
    return {
        layer.name: readers[layer.name][0]
        for layer in layers
        if layer.spec is not None
        and layer.kind != "dense"
        and [reader.kind for reader in readers.get(layer.name, [])] == ["batch_norm"]
    }


__all__ = [
    "check_parameters",
    "fold_batch_norms",
    "foldable",
    "initial_parameters",
    "parameter_shapes",
    "shapes_of",
]
