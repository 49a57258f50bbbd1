"""Networks as typed rows, and what can be made of rows: layers, numbers, a PyTorch module.

The rows are data (`dsconv.architectures.rows`, `networks`); `walk` alone knows what they mean.
Cost (`dsconv.cost.network_cost`), forward pass, module and figure read the layers that it gives,
so a new network needs rows and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsconv._lazy import loader
from dsconv.architectures.inference import activation, forward
from dsconv.architectures.networks import NETWORKS, Network, network
from dsconv.architectures.parameters import (
    check_parameters,
    fold_batch_norms,
    initial_parameters,
    parameter_shapes,
)
from dsconv.architectures.rows import (
    Bottleneck,
    Built,
    Conv,
    ConvModule,
    Dense,
    GlobalPool,
    Separable,
    SqueezeExcite,
    Step,
    Style,
    XceptionModule,
)
from dsconv.architectures.scaling import (
    as_standard,
    deviations,
    make_divisible,
    scale_depth,
    scale_width,
)
from dsconv.architectures.walker import Layer, walk

if TYPE_CHECKING:
    from dsconv.architectures.module import to_module

__all__ = [
    "NETWORKS",
    "Bottleneck",
    "Built",
    "Conv",
    "ConvModule",
    "Dense",
    "GlobalPool",
    "Layer",
    "Network",
    "Separable",
    "SqueezeExcite",
    "Step",
    "Style",
    "XceptionModule",
    "activation",
    "as_standard",
    "check_parameters",
    "deviations",
    "fold_batch_norms",
    "forward",
    "initial_parameters",
    "make_divisible",
    "network",
    "parameter_shapes",
    "scale_depth",
    "scale_width",
    "to_module",
    "walk",
]


__getattr__ = loader(__name__, {"to_module": "dsconv.architectures.module"})


def __dir__() -> list[str]:
    return sorted(__all__)
