"""Figures of layers, drawn from their specs: the visual language of the book.

Input is blue, kernel orange, output green, what lies between grey, everywhere. The diagrams
are HTML with inline SVG and need nothing but NumPy; `photographs`, `curves`, `intervals` and
`roofline` need matplotlib, which is imported when one of them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsconv._lazy import loader
from dsconv.viz._svg import Drawing, frames
from dsconv.viz.block import block
from dsconv.viz.channels import reach
from dsconv.viz.network import network
from dsconv.viz.numbers import numbers
from dsconv.viz.sheets import sheets
from dsconv.viz.sliding import sliding
from dsconv.viz.taps import taps
from dsconv.viz.wiring import groups_toy, wiring

if TYPE_CHECKING:
    from dsconv.viz.charts import curves
    from dsconv.viz.interval_chart import intervals
    from dsconv.viz.photos import photographs
    from dsconv.viz.roofline_chart import roofline

__all__ = [
    "Drawing",
    "block",
    "curves",
    "frames",
    "groups_toy",
    "intervals",
    "network",
    "numbers",
    "photographs",
    "reach",
    "roofline",
    "sheets",
    "sliding",
    "taps",
    "wiring",
]


__getattr__ = loader(
    __name__,
    {
        "curves": "dsconv.viz.charts",
        "intervals": "dsconv.viz.interval_chart",
        "photographs": "dsconv.viz.photos",
        "roofline": "dsconv.viz.roofline_chart",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
