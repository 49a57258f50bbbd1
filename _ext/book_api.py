"""Fit the package's docstrings to the pages that autodoc makes of them.

Each name gets a link to the section of the book that explains it. Docstrings cannot hold it: read
in a terminal, it would lead nowhere.
"""

import re
from typing import Any

from sphinx.application import Sphinx

EXPLAINED_IN = {
    "dsconv.conv2d": "sec-channels",
    "dsconv.conv1d": "sec-channels",
    "dsconv.depthwise_conv2d": "sec-depthwise",
    "dsconv.depthwise_conv1d": "sec-depthwise",
    "dsconv.pointwise_conv2d": "sec-pointwise",
    "dsconv.pointwise_conv1d": "sec-pointwise",
    "dsconv.depthwise_separable_conv2d": "sec-five-steps",
    "dsconv.depthwise_separable_conv1d": "sec-five-steps",
    "dsconv.spatially_separable_conv2d": "sec-two-passes",
    "dsconv.ConvSpec": "sec-size",
    "dsconv.layer_cost": "sec-cost-standard",
    "dsconv.chain_cost": "sec-convention",
    "dsconv.peak_activation_bytes": "sec-three-memories",
    "dsconv.Cost": "sec-macs",
    "dsconv.DepthwiseSeparableConv2d": "sec-norm-relu",
    "dsconv.DepthwiseSeparableConv2d.from_conv2d": "sec-terms",
    "dsconv.DepthwiseSeparableConv1d": "sec-norm-relu",
    "dsconv.kaiming_normal_": "sec-initialisation",
    "dsconv.fold_batch_norm": "sec-norm-relu",
    "dsconv.separable_rank": "sec-which-split",
    "dsconv.separate": "sec-which-split",
    "dsconv.Separation": "sec-which-split",
    "dsconv.compose": "sec-composed",
    "dsconv.decouple": "sec-terms",
    "dsconv.Decoupling": "sec-terms",
    "dsconv.to_keras_conv": "sec-layouts",
    "dsconv.from_keras_conv": "sec-layouts",
    "dsconv.to_keras_depthwise": "sec-layouts",
    "dsconv.from_keras_depthwise": "sec-layouts",
    "dsconv.to_keras_separable": "sec-layouts",
    "dsconv.from_keras_separable": "sec-layouts",
    "dsconv.reference.conv2d": "sec-channels",
    "dsconv.reference.conv1d": "sec-channels",
    "dsconv.reference.loops2d": "sec-channels",
    "dsconv.reference.loops1d": "sec-channels",
    "dsconv.assert_matches": "sec-window",
}
"""The label of a section for each name; figures need none."""

_CHAPTER = re.compile(r"\s*Chapter: [^.]+\.$")


def fit(_app: Sphinx, what: str, name: str, of: object, _options: object, lines: list[str]) -> None:
    """Change a docstring after Napoleon has read it."""
    if what == "property":
        # Napoleon takes the words before a colon for a type.
        lines[:] = str(of.__doc__).replace("\n        ", "\n").splitlines()
    lines[:] = [_CHAPTER.sub("", line) for line in lines]  # what it names is linked below
    if name in EXPLAINED_IN:
        lines += ["", f"*Explained in* :ref:`{EXPLAINED_IN[name]}`.", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", fit, priority=600)  # Napoleon's is 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
