"""A network run layer by layer, on the functions that the book explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from dsconv import ops
from dsconv.architectures.parameters import check_parameters, parameter_shapes
from dsconv.architectures.walker import Layer, check_layers, run
from dsconv.geometry import array_kind, backend_of

Array: TypeAlias = Any


def forward(
    layers: Sequence[Layer],
    parameters: Mapping[str, Array],
    input: Array,
    *,
    observe: Callable[[Layer, Array], None] | None = None,
) -> Array:
    """Return what a network makes of its input, in evaluation mode.

    Parameters
    ----------
    layers : sequence of Layer
        From `walk`, or with folded batch norms from `fold_batch_norms`.
    parameters : mapping of str to array
        As `parameter_shapes` names them, of the input's kind and dtype.
    input : ndarray or Tensor, shape (B, C, H, W) or (B, C, L)
        Any B; the size may differ from the one that was walked.
    observe : callable, optional
        Is given each layer and its output as they are made.

    Returns
    -------
    ndarray or Tensor
        Of the last layer; of the input's kind.

    Raises
    ------
    TypeError
        If an array is neither NumPy's nor PyTorch's, or kinds are mixed.
    ValueError
        If parameters are missing or have another shape, or the input has other axes or channels.

    Examples
    --------
    >>> from dsconv.architectures import GlobalPool, Separable, initial_parameters, walk
    >>> layers = walk([Separable(3, 8), GlobalPool()], (7, 5))
    >>> image = np.ones((2, 3, 7, 5), np.float32)
    >>> forward(layers, initial_parameters(layers), image).shape
    (2, 8)
    """
    check_parameters(check_layers(layers), parameters)
    for name in parameter_shapes(layers):  # one by one, so that a message stays short
        backend_of({"input": input, name: parameters[name]})
    _check_input(layers, input)

    def compute(layer: Layer, inputs: list[Array]) -> Array:
        output = _run(layer, parameters, inputs)
        if observe is not None:
            observe(layer, output)
        return output

    return run(layers, input, compute)


def _check_input(layers: Sequence[Layer], input: Array) -> None:
    wanted = layers[0].input_shape
    if input.ndim != len(wanted) or input.shape[1] != wanted[1]:
        letters = "(B, C, L)" if len(wanted) == 3 else "(B, C, H, W)"
        msg = (
            f"input must have the shape {letters} with C = {wanted[1]}. "
            f"Received: input.shape={tuple(input.shape)}"
        )
        raise ValueError(msg)


def _run(layer: Layer, parameters: Mapping[str, Array], inputs: list[Array]) -> Array:
    x = inputs[0]
    own = {
        part: parameters[name]
        for part in ("weight", "bias", "running_mean", "running_var")
        if (name := f"{layer.name}.{part}") in parameters
    }
    if layer.kind == "dense":
        return x @ own["weight"].T + own["bias"]
    if layer.spec is not None:
        convolve = ops.conv2d if layer.spec.axes == 2 else ops.conv1d
        return convolve(x, own["weight"], own.get("bias"), **layer.spec.options)
    if layer.kind == "batch_norm":
        return _batch_norm(x, own, layer.epsilon)
    if layer.kind == "layer_norm":
        return _layer_norm(x, own, layer.epsilon)
    if layer.kind == "add":
        return inputs[0] + inputs[1]
    if layer.kind == "multiply":
        return inputs[0] * inputs[1]
    if layer.kind == "global_average_pool":
        return x.mean(tuple(range(2, x.ndim)), keepdims=True)
    if layer.kind == "flatten":
        return x.reshape(len(x), prod(x.shape[1:]))
    if layer.kind == "max_pool":
        return _max_pool(x, layer)
    return activation(layer.kind, x)


def _batch_norm(x: Array, own: Mapping[str, Array], epsilon: float) -> Array:
    factor = own["weight"] / (own["running_var"] + epsilon) ** 0.5
    shift = own["bias"] - own["running_mean"] * factor
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return x * factor.reshape(shape) + shift.reshape(shape)


def _layer_norm(x: Array, own: Mapping[str, Array], epsilon: float) -> Array:
    """Kaiser et al., section 3.1: over the channels of each position."""
    centred = x - x.mean(1, keepdims=True)
    variance = (centred**2).mean(1, keepdims=True)
    return centred / (variance + epsilon) ** 0.5 * own["weight"] + own["bias"]


def _max_pool(x: Array, layer: Layer) -> Array:
    """Return the largest number of each window; what pads it is smaller than any number."""
    window = layer.window
    if window is None:  # the walker gives every max pool one
        msg = f"{layer.name} must have a window. Received: window=None"
        raise ValueError(msg)
    edges = window.pads(tuple(x.shape[2:]))
    size = window.output_size(tuple(x.shape[2:]))
    if array_kind("input", x) == "torch":
        import torch

        flat = [zeros for pair in reversed(edges) for zeros in pair]
        x = torch.nn.functional.pad(x, flat, value=-torch.inf)
        larger: Callable[[Array, Array], Array] = torch.maximum
    else:
        x = np.pad(x, ((0, 0), (0, 0), *edges), constant_values=-np.inf)
        larger = np.maximum
    output = None
    for offset in np.ndindex(window.kernel_size):
        steps = zip(offset, window.stride, size, strict=True)
        seen = x[(..., *(slice(o, o + s * (n - 1) + 1, s) for o, s, n in steps))]
        output = seen if output is None else larger(output, seen)
    return output


def activation(kind: str, x: Array) -> Array:
    """Return an activation of an array.

    Parameters
    ----------
    kind : {"relu", "relu6", "hard_swish", "swish", "sigmoid", "hard_sigmoid"}
    x : ndarray or Tensor

    Returns
    -------
    ndarray or Tensor
        Of the same shape, kind and dtype.

    Raises
    ------
    TypeError
        If `x` is neither kind of array.
    ValueError
        If `kind` is none of these.

    Notes
    -----
    ReLU6 is min(max(x, 0), 6); the hard sigmoid ReLU6(x + 3) / 6 and the hard swish x times it:
    Howard et al., "Searching for MobileNetV3" (2019), section 5.2. The swish is x / (1 + e⁻ˣ).

    Examples
    --------
    >>> activation("relu6", np.array([-1.0, 5.0, 7.0]))
    array([0., 5., 6.])
    """
    if kind not in _ACTIVATIONS:
        msg = f"kind must be one of {', '.join(_ACTIVATIONS)}. Received: kind={kind!r}"
        raise ValueError(msg)
    array_kind("x", x)
    return _ACTIVATIONS[kind](x)


def _sigmoid(x: Array) -> Array:
    if array_kind("x", x) == "torch":
        return x.sigmoid()
    with np.errstate(over="ignore"):  # e⁻ˣ may pass the largest float: the answer is then 0
        return 1 / (1 + np.exp(-x))


# `clip` is a method of both kinds of array.
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: x.clip(0),
    "relu6": lambda x: x.clip(0, 6),
    "hard_swish": lambda x: x * (x + 3).clip(0, 6) / 6,
    "hard_sigmoid": lambda x: (x + 3).clip(0, 6) / 6,
    "swish": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
}

ACTIVATIONS = tuple(_ACTIVATIONS)
"""The names of the activations."""

__all__ = ["ACTIVATIONS", "activation", "forward"]
