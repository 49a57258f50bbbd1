"""What layers and networks cost, in exact whole numbers.

The convention, here and in the whole book: a MAC is one multiplication and one addition;
1 MAC = 2 FLOP. Multiplications with padded zeros count, since the usual implementations
make them. Additions of a bias, norms, activations, pooling and the additions of shortcuts do not
count. Rounding is for display and happens elsewhere.

`python -m dsconv.cost MODEL` prints the table of a network of the book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsconv._lazy import loader
from dsconv.cost.layer import Cost, chain_cost, layer_cost, peak_activation_bytes
from dsconv.cost.network import LayerCost, NetworkCost, NetworkTotal, network_cost

if TYPE_CHECKING:
    from dsconv.cost.module import module_cost

__all__ = [
    "Cost",
    "LayerCost",
    "NetworkCost",
    "NetworkTotal",
    "chain_cost",
    "layer_cost",
    "module_cost",
    "network_cost",
    "peak_activation_bytes",
]


__getattr__ = loader(__name__, {"module_cost": "dsconv.cost.module"})


def __dir__() -> list[str]:
    return sorted(__all__)
