"""The same table for any PyTorch module: one forward pass, watched."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dsconv._evaluating import evaluating
from dsconv.architectures.module import FREE_PARTS, ScalarLayerNorm
from dsconv.architectures.walker import kind_of
from dsconv.cost.network import LayerCost, NetworkCost, NetworkTotal
from dsconv.geometry import ConvSpec, Shape, whole_number

_NORMS: dict[str, tuple[type[nn.Module], ...]] = {
    "batch_norm": (nn.modules.batchnorm._BatchNorm,),
    "layer_norm": (nn.LayerNorm, ScalarLayerNorm),
    "group_norm": (nn.GroupNorm,),
    "instance_norm": (nn.modules.instancenorm._InstanceNorm,),
    "rms_norm": (nn.RMSNorm,),
}
_FREE: dict[str, tuple[type[nn.Module], ...]] = {  # no MACs by the book's convention, no parameters
    "relu": (nn.ReLU,),
    "relu6": (nn.ReLU6,),
    "hard_swish": (nn.Hardswish,),
    "hard_sigmoid": (nn.Hardsigmoid,),
    "swish": (nn.SiLU,),
    "sigmoid": (nn.Sigmoid,),
    "max_pool": (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd),
    "average_pool": (nn.modules.pooling._AvgPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd),
    "flatten": (nn.Flatten,),
    "": (  # by the name of the class
        *FREE_PARTS,
        *(nn.Identity, nn.Unflatten, nn.Upsample, nn.PixelShuffle, nn.ChannelShuffle),
        *(nn.modules.dropout._DropoutNd, nn.modules.padding._ConstantPadNd),
        *(nn.modules.padding._ReflectionPadNd, nn.modules.padding._ReplicationPadNd),
        *(nn.Hardtanh, nn.Tanh, nn.GELU, nn.ELU, nn.LeakyReLU, nn.Softmax, nn.LogSoftmax),
    ),
}


def module_cost(module: nn.Module, input_shape: Sequence[int]) -> NetworkCost:
    """Return what a PyTorch module costs, from one forward pass.

    Parameters
    ----------
    module : torch.nn.Module
        Its mode, its numbers and its gradients are left as they are.
    input_shape : sequence of int
        (B, C, H, W) or (B, C, L), or whatever the module takes: one tensor of zeros of this shape
        is given to it, of its parameters' type and on their device.

    Returns
    -------
    NetworkCost
        One row a module call, in their order: convolutions and dense layers with their MACs,
        norms with their parameters, activations and pooling with neither. Weights that several
        calls share count once. The peak is None: modules do not say who reads what.
        `uncounted` names every other module that computes or holds parameters, modules that
        did not run, and MACs outside modules, which PyTorch's FLOP counter sees.

    Raises
    ------
    TypeError
        If `module` is no module, or a size is no integer.
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> layer = nn.Sequential(nn.Conv2d(3, 3, 5, groups=3), nn.Conv2d(3, 256, 1))
    >>> module_cost(layer, (1, 3, 12, 12)).total.macs
    53952
    """
    if not isinstance(module, nn.Module):
        msg = f"module must be a torch.nn.Module. Received: {type(module).__name__}"
        raise TypeError(msg)
    if not isinstance(input_shape, tuple | list):
        msg = f"input_shape must be a tuple or list of integers. Received: {input_shape!r}"
        raise TypeError(msg)
    shape = tuple(
        whole_number(f"input_shape[{axis}]", size, minimum=1)
        for axis, size in enumerate(input_shape)
    )
    watch = _Watch(module)
    counter = FlopCounterMode(display=False)
    try:
        # In evaluation: a batch norm must not learn from the zeros, nor refuse a batch of one.
        with evaluating(module), torch.no_grad(), counter:
            module(_zeros(module, shape))
    finally:
        watch.remove()
    return watch.table(counter.get_total_flops() // 2)


def _zeros(module: nn.Module, shape: Shape) -> torch.Tensor:
    floating = (p for p in module.parameters() if p.is_floating_point())
    first = next(floating, torch.zeros(()))
    return torch.zeros(shape, dtype=first.dtype, device=first.device)


class _Watch:
    """Hooks on every part of a module, and what they saw."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.rows: list[LayerCost] = []
        self.weights = 0
        self.unknown: list[str] = []
        self.ran: set[str] = set()
        self.seen: set[int] = set()  # parameters that are counted already
        self.hooks = [
            part.register_forward_hook(self._hook(name or "(the module itself)"))
            for name, part in module.named_modules()
        ]

    def remove(self) -> None:
        for hook in self.hooks:
            hook.remove()

    def _hook(self, name: str) -> Any:
        def look(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self.ran.add(name)
            before, after = _shape(inputs), _shape(output)
            known = _look_at(part, after)
            if known is None:
                if not list(part.children()) or part._parameters:
                    self.unknown.append(f"{name} ({type(part).__name__})")
                return
            kind, macs = known
            learnt = self._learnt(part)
            self.weights += 0 if kind in _NORMS else learnt
            self.rows.append(LayerCost(name, kind, before, after, learnt, macs))

        return look

    def _learnt(self, part: nn.Module) -> int:
        """Count the part's own parameters that train, each once in the whole module."""
        new = [
            p for p in part.parameters(recurse=False) if p.requires_grad and id(p) not in self.seen
        ]
        self.seen.update(id(p) for p in new)
        return sum(p.numel() for p in new)

    def table(self, all_macs: int) -> NetworkCost:
        macs = sum(row.macs for row in self.rows)
        parts = [
            (name or "(the module itself)", part) for name, part in self.module.named_modules()
        ]
        silent = [
            f"{name} ({type(part).__name__}): did not run"
            for name, part in parts
            if name not in self.ran and (part._parameters or not list(part.children()))
        ]
        outside = [
            f"{all_macs - macs:,} MACs elsewhere, in the modules above or in plain functions"
        ]
        uncounted = (*dict.fromkeys(self.unknown), *silent, *(outside if all_macs > macs else []))
        learnt = sum(row.parameters for row in self.rows)
        return NetworkCost(
            tuple(self.rows), NetworkTotal(learnt, self.weights, macs, None), uncounted
        )


def _look_at(part: nn.Module, output: Shape) -> tuple[str, int] | None:
    """Return the kind and the MACs of a part that we know."""
    if isinstance(part, nn.Linear):
        return "dense", prod(output) * part.in_features
    if isinstance(part, nn.modules.conv._ConvNd) and not part.transposed:
        per_output = part.in_channels // part.groups * prod(part.kernel_size)
        return _kind(part), prod(output) * per_output
    for kind, types in (_NORMS | _FREE).items():
        if isinstance(part, types):
            return kind or type(part).__name__.lstrip("_"), 0
    return None


def _kind(part: nn.modules.conv._ConvNd) -> str:
    if len(part.kernel_size) > 2:
        return "conv"
    spec = ConvSpec(part.in_channels, part.out_channels, part.kernel_size, groups=part.groups)
    return kind_of(spec)


def _shape(value: Any) -> Shape:
    """Return the shape of the first tensor in what a module takes or gives."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        shapes = (_shape(entry) for entry in value)
        return next((shape for shape in shapes if shape), ())
    return ()


__all__ = ["module_cost"]
