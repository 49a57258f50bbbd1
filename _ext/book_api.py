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
    "dsconv.network_cost": "sec-mn-where",
    "dsconv.module_cost": "sec-mn-own",
    "dsconv.NetworkCost": "sec-mn-where",
    "dsconv.LayerCost": "sec-mn-where",
    "dsconv.NetworkTotal": "sec-mn-where",
    "dsconv.architectures.network": "sec-mn-width",
    "dsconv.architectures.Network": "sec-mn-rows",
    "dsconv.architectures.NETWORKS": "sec-mn-rows",
    "dsconv.architectures.walk": "sec-mn-block",
    "dsconv.architectures.Layer": "sec-mn-block",
    "dsconv.architectures.Style": "sec-v2-block",
    "dsconv.architectures.Conv": "sec-mn-rows",
    "dsconv.architectures.Separable": "sec-mn-block",
    "dsconv.architectures.Bottleneck": "sec-v2-block",
    "dsconv.architectures.SqueezeExcite": "sec-v2-later",
    "dsconv.architectures.XceptionModule": "sec-xc-flows",
    "dsconv.architectures.ConvModule": "sec-slicenet",
    "dsconv.architectures.Step": "sec-slicenet",
    "dsconv.architectures.GlobalPool": "sec-pooling",
    "dsconv.architectures.Dense": "sec-softmax",
    "dsconv.architectures.Built": "sec-mn-rows",
    "dsconv.architectures.deviations": "sec-mn-rows",
    "dsconv.architectures.scale_width": "sec-mn-width",
    "dsconv.architectures.scale_depth": "sec-mn-names",
    "dsconv.architectures.make_divisible": "sec-mn-eight",
    "dsconv.architectures.as_standard": "sec-mn-twin",
    "dsconv.architectures.forward": "sec-mn-module",
    "dsconv.architectures.activation": "sec-v2-relu",
    "dsconv.architectures.parameter_shapes": "sec-mn-module",
    "dsconv.architectures.initial_parameters": "sec-weights-start",
    "dsconv.architectures.check_parameters": "sec-mn-module",
    "dsconv.architectures.fold_batch_norms": "sec-v2-fold",
    "dsconv.architectures.to_module": "sec-mn-module",
    "dsconv.pretrained.load": "sec-v2-photograph",
    "dsconv.pretrained.Pretrained": "sec-v2-photograph",
    "dsconv.pretrained.Prediction": "sec-v2-photograph",
    "dsconv.pretrained.open_photograph": "sec-v2-yours",
    "dsconv.pretrained.PhotographError": "sec-v2-yours",
    "dsconv.pretrained.PRETRAINED": "sec-v2-photograph",
    "dsconv.quantise.quantise": "sec-weights-grid",
    "dsconv.quantise.Quantised": "sec-weights-grid",
    "dsconv.timing.side_by_side": "sec-speed-measure",
    "dsconv.timing.Timing": "sec-speed-measure",
    "dsconv.timing.one_thread": "sec-speed-measure",
    "dsconv.timing.check_idle": "sec-speed-measure",
    "dsconv.timing.processor": "sec-speed-measure",
    "dsconv.timing.BusyError": "sec-speed-measure",
    "dsconv.measured.networks": "sec-study-curves",
    "dsconv.measured.StudyNetwork": "sec-study-curves",
    "dsconv.measured.comparisons": "sec-study-equal-macs",
    "dsconv.measured.Comparison": "sec-study-equal-macs",
    "dsconv.measured.latencies": "sec-study-time",
    "dsconv.measured.Latency": "sec-study-time",
    "dsconv.measured.speeds": "sec-speed-start",
    "dsconv.measured.Speed": "sec-speed-start",
    "dsconv.measured.origin": "sec-speed-start",
    "dsconv.training.fit": "sec-trained-twin",
    "dsconv.training.accuracy": "sec-trained-twin",
    "dsconv.published.tables": "sec-published",
    "dsconv.published.table": "sec-published",
    "dsconv.published.cells": "sec-published",
    "dsconv.published.Cell": "sec-published",
    "dsconv.published.Table": "sec-published",
    "dsconv.published.STATUSES": "sec-published",
    "dsconv.published.GROUPS": "sec-published",
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
