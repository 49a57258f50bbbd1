"""Convolutions, separable and not: the package behind the book "A Ninth of the Work".

The functions take NumPy arrays or PyTorch tensors, (B, C, H, W) or (B, C, L), and give back
the same kind. Importing this package imports neither torch nor matplotlib; the layers, the
figures and the PyTorch backend do so when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsconv import architectures, cost, geometry, interop, ops, reference, separation, testing
from dsconv._lazy import loader
from dsconv.cost import (
    Cost,
    LayerCost,
    NetworkCost,
    NetworkTotal,
    chain_cost,
    layer_cost,
    network_cost,
    peak_activation_bytes,
)
from dsconv.geometry import ConvSpec
from dsconv.interop import (
    from_keras_conv,
    from_keras_depthwise,
    from_keras_separable,
    to_keras_conv,
    to_keras_depthwise,
    to_keras_separable,
)
from dsconv.ops import (
    conv1d,
    conv2d,
    depthwise_conv1d,
    depthwise_conv2d,
    depthwise_separable_conv1d,
    depthwise_separable_conv2d,
    pointwise_conv1d,
    pointwise_conv2d,
    spatially_separable_conv2d,
)
from dsconv.separation import (
    Decoupling,
    Separation,
    compose,
    decouple,
    separable_rank,
    separate,
)
from dsconv.testing import assert_matches

if TYPE_CHECKING:
    from dsconv import layers, training, viz
    from dsconv.cost import module_cost
    from dsconv.layers import (
        DepthwiseSeparableConv1d,
        DepthwiseSeparableConv2d,
        fold_batch_norm,
        kaiming_normal_,
    )

__version__ = "0.1.0"

__all__ = [
    "ConvSpec",
    "Cost",
    "Decoupling",
    "DepthwiseSeparableConv1d",
    "DepthwiseSeparableConv2d",
    "LayerCost",
    "NetworkCost",
    "NetworkTotal",
    "Separation",
    "__version__",
    "architectures",
    "assert_matches",
    "chain_cost",
    "compose",
    "conv1d",
    "conv2d",
    "cost",
    "decouple",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "depthwise_separable_conv1d",
    "depthwise_separable_conv2d",
    "fold_batch_norm",
    "from_keras_conv",
    "from_keras_depthwise",
    "from_keras_separable",
    "geometry",
    "interop",
    "kaiming_normal_",
    "layer_cost",
    "layers",
    "measured",
    "module_cost",
    "network_cost",
    "ops",
    "peak_activation_bytes",
    "pointwise_conv1d",
    "pointwise_conv2d",
    "pretrained",
    "published",
    "quantise",
    "reference",
    "separable_rank",
    "separate",
    "separation",
    "spatially_separable_conv2d",
    "testing",
    "timing",
    "to_keras_conv",
    "to_keras_depthwise",
    "to_keras_separable",
    "training",
    "viz",
]


__getattr__ = loader(
    __name__,
    {
        "DepthwiseSeparableConv1d": "dsconv.layers",
        "DepthwiseSeparableConv2d": "dsconv.layers",
        "fold_batch_norm": "dsconv.layers",
        "kaiming_normal_": "dsconv.layers",
        "layers": "dsconv.layers",
        "measured": "dsconv.measured",
        "module_cost": "dsconv.cost",
        "pretrained": "dsconv.pretrained",
        "published": "dsconv.published",
        "quantise": "dsconv.quantise",
        "timing": "dsconv.timing",
        "training": "dsconv.training",
        "viz": "dsconv.viz",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
