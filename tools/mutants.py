"""Plant bugs in a copy of the package, one at a time, and see that a test turns red for each.

    python tools/mutants.py [NAME ...]

A mutant is an exact replacement of a piece of text. It is made in a copy of the package in a
temporary folder, never in the working tree, and the package's tests are run against that copy
until one fails. The exit status is 1 when a mutant survives, when its text is no longer in the
source, or when the tests fail without a mutant.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 2
COPIED = ("dsconv", "tests", "_static")  # a test of the figures reads the site's colours

# Tests run in this order until one fails; those that know most about the file come first.
FUNCTIONS = ("test_ops.py", "test_gradients.py", "test_properties.py", "test_errors.py")
TESTS = {
    "_backends/_numpy.py": FUNCTIONS,
    "_backends/_torch.py": FUNCTIONS,
    "geometry.py": ("test_geometry.py", "test_errors.py", *FUNCTIONS[:3]),
    "ops.py": FUNCTIONS,
    "reference.py": ("test_reference.py", "test_cost.py"),
    "cost/layer.py": ("test_cost.py",),
    "quantise.py": ("test_quantise.py",),
    "_evaluating.py": ("test_network_cost.py", "test_training.py"),
    "cost/": ("test_network_cost.py",),
    "architectures/": ("test_architectures.py", "test_network_cost.py"),
    "layers.py": ("test_layers.py", "test_separation.py"),
    "separation.py": ("test_separation.py",),
    "interop.py": ("test_interop.py",),
    "testing.py": ("test_testing.py",),
    "timing.py": ("test_timing.py",),
    "_table.py": ("test_table.py",),
    "viz/charts.py": ("test_viz_charts.py",),
    "viz/interval_chart.py": ("test_viz_intervals.py",),
    "viz/": ("test_viz.py",),
}


class Mutant(NamedTuple):
    """One planted bug."""

    name: str
    file: str  # below dsconv/
    old: str
    new: str

    @property
    def tests(self) -> tuple[str, ...]:
        """The test files to run, in this order."""
        return next(tests for start, tests in TESTS.items() if self.file.startswith(start))


class Outcome(NamedTuple):
    """What became of a mutant."""

    verdict: str  # "caught", "SURVIVED", "NOT FOUND" or "BROKEN"
    by: str  # the test that failed, or why there is none
    seconds: float


def _named(file: str, *changes: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(name, file, old, new) for name, old, new in changes]


MUTANTS = [
    *_named(
        "_backends/_numpy.py",
        (
            "numpy-pads-swapped",
            "((0, 0), (0, 0), *pads)",
            "((0, 0), (0, 0), *(pair[::-1] for pair in pads))",
        ),
        (
            "numpy-pads-of-the-other-axis",
            "((0, 0), (0, 0), *pads)",
            "((0, 0), (0, 0), *pads[::-1])",
        ),
        ("numpy-dilation-ignored", "starts = [i * d for", "starts = [i for"),
        (
            "numpy-dilation-axes-swapped",
            "zip(offset, spec.dilation,",
            "zip(offset, spec.dilation[::-1],",
        ),
        ("numpy-stride-axes-swapped", "zip(starts, spec.stride,", "zip(starts, spec.stride[::-1],"),
        (
            "numpy-stride-ignored",
            "slice(start, start + s * (n - 1) + 1, s)",
            "slice(start, start + n)",
        ),
        (
            "numpy-window-off-by-one",
            "slice(start, start + s * (n - 1) + 1, s)",
            "slice(start + 1, start + s * (n - 1) + 2, s)",
        ),
        ("numpy-kernel-flipped", "= (..., *offset)", "= (..., *(-1 - i for i in offset))"),
        (
            "numpy-last-tap-forgotten",
            "in np.ndindex(spec.kernel_size):",
            "in list(np.ndindex(spec.kernel_size))[:-1]:",
        ),
        ("numpy-bias-ignored", "if bias is not None:", "if False:"),
        (
            "numpy-bias-on-the-wrong-axis",
            ".reshape(-1, *(1,) * spec.axes)",
            ".reshape(*(1,) * (spec.axes - 1), -1, 1)",
        ),
        (
            "numpy-multiplier-order",
            "output = output.reshape(batch,",
            "output = output.swapaxes(1, 2).reshape(batch,",
        ),
        (
            "numpy-groups-interleaved",
            "padded.reshape(batch, groups, spec.weight_shape[1], *padded.shape[2:])",
            "padded.reshape(batch, spec.weight_shape[1], groups, *padded.shape[2:]).swapaxes(1, 2)",
        ),
        (
            "numpy-first-group-only",
            "output += _mix(weight[taps], padded[",
            "output += _mix(weight[taps], padded[:, :1][:, [0] * groups][",
        ),
        ("numpy-integers-stay-narrow", "return np.dtype(np.int64)", "return dtype"),
        ("numpy-float16-sums", "if dtype.itemsize == 2 else", "if dtype.itemsize == 1 else"),
        (
            "numpy-dtype-lost",
            "output if exact else output.astype(input.dtype, copy=False)",
            "output",
        ),
        ("numpy-warns-of-infinity", 'np.errstate(invalid="ignore")', "np.errstate()"),
        ("numpy-empty-batch", "spec.weight_shape[1], *padded.shape[2:])", "-1, *padded.shape[2:])"),
        (
            "numpy-patch-matrix",
            "    size = spec.output_size",
            "    patches = np.stack([padded] * len(weight[0, 0, 0].ravel()))  # noqa: F841\n"
            "    size = spec.output_size",
        ),
    ),
    *_named(
        "_backends/_torch.py",
        ("torch-pads-swapped", "for zeros in pair]", "for zeros in pair[::-1]]"),
        ("torch-pads-of-the-other-axis", "for pair in reversed(pads)", "for pair in pads"),
        (
            "torch-even-pads-of-the-other-axis",
            "[before for before, _ in pads]",
            "[before for before, _ in reversed(pads)]",
        ),
        ("torch-odd-pads-taken-for-even", "if any(before != after", "if all(before != after"),
        ("torch-dilation-ignored", "padding, spec.dilation,", "padding, 1,"),
        ("torch-stride-axes-swapped", "(spec.stride, padding,", "(spec.stride[::-1], padding,"),
        ("torch-stride-ignored", "(spec.stride, padding,", "(1, padding,"),
        ("torch-kernel-flipped", "native(input, weight,", "native(input, weight.flip(-1),"),
        ("torch-channel-order", "native(input, weight,", "native(input.flip(1), weight,"),
        (
            "torch-multiplier-order",
            "native(input, weight,",
            "native(input, weight.unflatten(0, (-1, spec.groups)).transpose(0, 1).flatten(0, 1),",
        ),
        ("torch-group-dropped", "spec.dilation, spec.groups)", "spec.dilation, 1)"),
        ("torch-bias-ignored", "weight, bias, *options)", "weight, None, *options)"),
        ("torch-gradient-lost", "native(input, weight,", "native(input.detach(), weight,"),
        ("torch-in-place", "    native = {1:", "    input.nan_to_num_()\n    native = {1:"),
        ("torch-winograd-allowed", "nnpack.flags(enabled=False)", "nnpack.flags(enabled=True)"),
    ),
    *_named(
        "geometry.py",
        (
            "same-lower",
            "return total // 2, total - total // 2",
            "return total - total // 2, total // 2",
        ),
        ("same-as-at-stride-one", "outputs = -(-size // stride)\n", "outputs, stride = size, 1\n"),
        (
            "same-rounds-down",
            "outputs = -(-size // stride)\n",
            "outputs = max(size // stride, 1)\n",
        ),
        (
            "same-ignores-dilation",
            "map(_same_pads, sizes, self.span,",
            "map(_same_pads, sizes, self.kernel_size,",
        ),
        ("output-size-off-by-one", "(n - span) // s + 1 for", "(n - span) // s for"),
        ("output-size-rounds-up", "(n - span) // s + 1 for", "-(-(n - span) // s) + 1 for"),
        ("span-off-by-one", "tuple(d * (k - 1) + 1 for", "tuple(d * k for"),
        (
            "weight-shape-without-groups",
            "self.in_channels // self.groups, *self",
            "self.in_channels, *self",
        ),
        (
            "kernel-must-be-smaller",
            "if self.span[axis] > padded[axis]:",
            "if self.span[axis] >= padded[axis]:",
        ),
        ("kernel-may-be-larger", "if self.span[axis] > padded[axis]:", "if False:"),
        (
            "booleans-are-sizes",
            "isinstance(value, Integral) and not isinstance(value, bool)",
            "isinstance(value, Integral)",
        ),
        (
            "negative-padding",
            'whole_number("padding", value, minimum=0)',
            'whole_number("padding", value, minimum=-9)',
        ),
        ("mixed-dtypes-pass", "if wanted is not None and dtype != wanted:", "if False:"),
        ("uint64-passes", '"uint16", "uint32"}', '"uint16", "uint32", "uint64"}'),
        ("bias-of-any-length", "tuple(bias_shape) != (outputs,):", "len(bias_shape) != 1:"),
        ("missing-weight-passes", 'if name != "bias" or array is not None', "if array is not None"),
        ("groups-need-not-divide", "    if channels % groups:\n", "    if channels < groups:\n"),
        ("devices-mixed", "{array.device for array in given.values()}", "{None}"),
    ),
    *_named(
        "ops.py",
        (
            "column-and-row-swapped",
            "(column.shape[-1], 1), axis=0)",
            "(1, column.shape[-1]), axis=0)",
        ),
        (
            "column-laid-along-the-wrong-axis",
            "value if a == axis else plain",
            "value if a != axis else plain",
        ),
        (
            "pointwise-transposed",
            "return _one_layer(plan_pointwise, 2, input, weight, bias)",
            "return _one_layer(\n"
            "        plan_pointwise, 2, input, weight.swapaxes(0, 1).reshape(weight.shape), bias\n"
            "    )",
        ),
        (
            "separable-bias-dropped",
            "middle, pointwise_weight, bias)",
            "middle, pointwise_weight, None)",
        ),
        ("unbatched-keeps-a-batch", "output if plan.batched else output[0]", "output"),
        (
            "separable-stride-dropped",
            'weight_name="depthwise_weight", **options\n',
            'weight_name="depthwise_weight", **(options | {"stride": 1})\n',
        ),
        ("lines-of-the-first-channel", "if line.ndim == 1:  # one", "if True:  # one"),
    ),
    *_named(
        "reference.py",
        (
            "loops-kernel-flipped",
            "y[b, n, u, v] += w[n, m, i, j]",
            "y[b, n, u, v] += w[n, m, -1 - i, j]",
        ),
        ("loops-stride-axes-swapped", "spec.stride[1] * v", "spec.stride[0] * v"),
        ("loops-dilation-ignored", "+ spec.dilation[1] * j", "+ j"),
        ("loops-group-dropped", "w.shape[1]  # channel of n's group", "0"),
        (
            "loops-multiplier-order",
            "y[b, n, u] += w[n, m, i] * x[b, first + m, step]",
            "y[b, n, u] += w[n, m, i] * x[b, n % spec.groups * w.shape[1] + m, step]",
        ),
        (
            "loops-pads-swapped",
            "((0, 0), (0, 0), *plan.pads)",
            "((0, 0), (0, 0), *(pair[::-1] for pair in plan.pads))",
        ),
        ("loops-bias-ignored", "    if bias is not None:\n", "    if False:\n"),
    ),
    *_named(
        "cost/layer.py",
        ("flops-are-macs", "return 2 * self.macs", "return self.macs"),
        (
            "cost-forgets-groups",
            "weights = prod(spec.weight_shape)",
            "weights = prod(spec.weight_shape) * spec.groups",
        ),
        (
            "cost-of-the-input-size",
            "macs=batch * weights * prod(output_size)",
            "macs=batch * weights * input_pixels",
        ),
        ("cost-of-one-image", "macs=batch * weights", "macs=weights"),
        ("cost-counts-the-bias", "macs=batch * weights", "macs=batch * parameters"),
        ("batch-norm-has-one-parameter", "2 * batch_norm)", "batch_norm)"),
        (
            "weights-read-for-every-image",
            "weight_bytes=width * parameters",
            "weight_bytes=width * batch * parameters",
        ),
        (
            "output-bytes-of-the-input",
            "spec.out_channels * prod(output_size),\n    )",
            "spec.in_channels * prod(output_size),\n    )",
        ),
        (
            "intensity-without-the-output",
            "self.input_bytes + self.output_bytes",
            "self.input_bytes",
        ),
    ),
    *_named(
        "quantise.py",
        ("one-scale-for-all-filters", "if per_channel else None", "if False else None"),
        (
            "grid-without-zero",
            "np.maximum(exact.max(axes, keepdims=True), 0.0)",
            "exact.max(axes, keepdims=True)",
        ),
        ("one-bit-less", "top = 2 ** (bits - 1) - 1", "top = 2 ** (bits - 2) - 1"),
        ("zero-point-forgotten", "np.rint(exact / scale + zero_point)", "np.rint(exact / scale)"),
        ("rounds-towards-minus-infinity", "np.clip(np.rint(", "np.clip(np.floor("),
    ),
    *_named(
        "cost/network.py",
        (
            "peak-without-shortcuts",
            "        for name in ending:\n            del alive[name]\n",
            "        for name in layer.inputs:\n            alive.pop(name, None)\n",
        ),
        (
            "peak-of-norms-elsewhere",
            '    "batch_norm",\n    "layer_norm",\n',
            '    "layer_norm",\n',
        ),
        ("peak-forgets-the-output", "sum(alive.values()))", "sum(alive.values()) // 2)"),
        ("norms-count-as-weights", "if layer.spec is not None\n    )", "if True\n    )"),
        ("statistics-are-learnt", 'if "running_" not in part', "if True"),
        ("one-image-for-all", "0 if spec is None else batch *", "0 if spec is None else"),
    ),
    *_named(
        "cost/module.py",
        ("module-forgets-groups", "part.in_channels // part.groups *", "part.in_channels *"),
        ("shared-weights-twice", "and id(p) not in self.seen", ""),
        ("uncounted-passed-over", "self.unknown.append(", "str("),
        ("silent-modules-forgotten", "*silent, ", ""),
    ),
    *_named(
        "architectures/scaling.py",
        ("rounds-below-ninety", "rounded + divisor if rounded < 0.9 * number else", ""),
        ("rounds-down", "int(number + divisor / 2)", "int(number)"),
        ("ratio-of-the-width", "after / before if before else width", "width"),
        ("fixed-rows-scaled", 'if getattr(row, "fixed", ""):\n        return row', "if False: ..."),
        ("depth-rounded-down", "math.ceil(depth * row.repeat)", "int(depth * row.repeat)"),
        ("whole-rows-repeated", "and not row.whole", ""),
    ),
    *_named(
        "architectures/rows.py",
        ("printed-instead-of-built", "return number.value if", "return number.printed if"),
        ("any-word-will-do", "given not in _WORDS[field.name]", "False"),
    ),
    *_named(
        "_evaluating.py",
        ("left-in-evaluation", "part.training = was", "part.training = False"),
    ),
    *_named(
        "timing.py",
        ("ratio-upside-down", "a / b for a, b", "b / a for a, b"),
        ("time-of-all-repetitions", "- start) / times", "- start)"),
        ("always-in-one-order", "order.permutation(len(names))", "range(len(names))"),
        ("threads-stay-one", "torch.set_num_threads(threads)", "pass"),
        ("busy-is-idle", "load > most", "load > 100 * most"),
    ),
    *_named(
        "_table.py",
        ("half-a-line-is-a-line", "zip(fields(kind), row, strict=True)", "zip(fields(kind), row)"),
        ("any-columns", "if head != columns:", "if False:"),
        ("table-half-written", 'path.with_name(f"{path.name}.part")', "path"),
        ("unfinished-table-stays", "unfinished.unlink(missing_ok=True)", "pass"),
        ("wrong-line-named", "enumerate(rows, start=3)", "enumerate(rows, start=2)"),
    ),
    *_named(
        "viz/charts.py",
        ("points-of-another-curve", "own = places[name]", "own = next(iter(places.values()))"),
    ),
    *_named(
        "viz/interval_chart.py",
        ("ends-swapped", "for i in (1, 2))", "for i in (2, 1))"),
        ("open-end-is-drawn-short", "np.clip(values[:, i], *edges)", "values[:, 0]"),
    ),
    *_named(
        "architectures/walker.py",
        (
            "dropped-too-early",
            "if last_reader[name] == layer.name:\n                made.pop",
            "if True:\n                made.pop",
        ),
        ("every-repeat-strides", "stride = 1 if index else row.stride", "stride = row.stride"),
        ("expands-at-one", "if middle != width:", "if True:"),
        (
            "linear-bottleneck-activated",
            'value(row.out_channels)), activation="")',
            "value(row.out_channels)))",
        ),
        (
            "shortcut-at-stride-two",
            "if stride == 1 and self.channels == width:",
            "if self.channels == width:",
        ),
        (
            "squeeze-of-the-input",
            'if squeeze.of == "expanded" else',
            'if squeeze.of == "input" else',
        ),
        ("projection-last", "shortcut, self.at = self.at, start", "shortcut = self.at"),
        (
            "shortcut-from-the-step-before",
            "inputs=(self.at, start))\n\n    @lay.register\n    def _(self, _row: GlobalPool)",
            "inputs=(self.at, self.layers[-2].name))\n\n"
            "    @lay.register\n    def _(self, _row: GlobalPool)",
        ),
        (
            "dilation-ignored-in-padding",
            "dilation * (kernel - 1) + 1, self.axes",
            "kernel, self.axes",
        ),
        ("mixing-without-groups", "(1,) * self.axes, groups=step.groups)", "(1,) * self.axes)"),
        (
            "epsilon-of-the-default",
            'batch_norm", epsilon=self.style.epsilon',
            'batch_norm", epsilon=1e-1',
        ),
    ),
    *_named(
        "architectures/inference.py",
        ("norm-without-the-mean", '- own["running_mean"] * factor', ""),
        ("max-pool-pads-zeros", "constant_values=-np.inf", "constant_values=0"),
        ("relu6-of-seven", '"relu6": lambda x: x.clip(0, 6)', '"relu6": lambda x: x.clip(0, 7)'),
        ("hard-swish-unscaled", "x * (x + 3).clip(0, 6) / 6", "x * (x + 3).clip(0, 6)"),
        (
            "layer-norm-over-positions",
            "centred = x - x.mean(1, keepdims=True)",
            "centred = x - x.mean(2, keepdims=True)",
        ),
    ),
    *_named(
        "architectures/parameters.py",
        ("fold-without-the-mean", "(shift + (old - mean) * factor)", "(shift + old * factor)"),
        ("fold-without-epsilon", "np.sqrt(variance + norm.epsilon)", "np.sqrt(variance)"),
        ("fold-where-others-read", '== ["batch_norm"]', "[:1] == ['batch_norm']"),
        ("start-without-groups", "* shape[0] // spec.groups", "* shape[0]"),
    ),
    *_named(
        "architectures/module.py",
        (
            "module-pads-nothing",
            'if spec.padding != "same":\n        return ()',
            "if True:\n        return ()",
        ),
        ("module-pool-pads-zeros", "_pad(input, pads, -torch.inf)", "_pad(input, pads)"),
        ("module-default-epsilon", "norm(channels, eps=layer.epsilon)", "norm(channels)"),
    ),
    *_named(
        "layers.py",
        (
            "fan-out-without-groups",
            "fan = channels // convolution.groups * taps",
            "fan = channels * taps",
        ),
        ("gain-forgotten", "std=gain / fan**0.5", "std=1 / fan**0.5"),
        ("relu-assumed", 'follows = "linear" if', 'follows = "relu" if'),
        (
            "fold-without-bias",
            "        setattr(folded, norm_name, nn.Identity())\n",
            "        nn.init.zeros_(getattr(folded, convolution).bias)\n"
            "        setattr(folded, norm_name, nn.Identity())\n",
        ),
        (
            "fold-forgets-the-first-half",
            "in pairs:\n        norm =",
            "in pairs[1:]:\n        norm =",
        ),
        ("fold-changes-the-layer", "copy.deepcopy(layer).eval()", "layer.eval()"),
        (
            "layer-pads-ignored",
            "batch = pad(batch, plan.pads)",
            "batch = pad(batch, plan.pads[:0])",
        ),
        (
            "layer-activation-before-norm",
            "self.depthwise_activation(self.depthwise_batch_norm(self.depthwise(batch)))",
            "self.depthwise_batch_norm(self.depthwise_activation(self.depthwise(batch)))",
        ),
        ("layer-dilation-forgotten", "            dilation=self.depthwise_spec.dilation,\n", ""),
    ),
    *_named(
        "testing.py",
        (
            "nan-matches-anything",
            "np.where(np.isfinite(gap), gap, np.inf)",
            "np.where(np.isfinite(gap), gap, 0)",
        ),
        ("dtype-not-compared", '("shape", "dtype", "device")', '("shape", "device")'),
        (
            "integers-almost-equal",
            '0.0 if e.dtype.kind in "iub" else',
            '1.0 if e.dtype.kind in "iub" else',
        ),
        ("negative-differences-pass", "gap = np.abs(a - e)", "gap = a - e"),
    ),
    *_named(
        "viz/wiring.py",
        (
            "wires-cross-groups",
            "if n // outputs == m // inputs:",
            "if n // outputs == m // inputs or n == 1:",
        ),
        (
            "wires-all-alike",
            "scale * prod(spec.kernel_size):.4g",
            "scale * sum(spec.kernel_size):.4g",
        ),
    ),
    *_named(
        "viz/sheets.py",
        ("prism-on-the-wrong-side", "p * s - before for p, s,", "p * s + before for p, s,"),
        (
            "prism-through-every-channel",
            "spec.in_channels // spec.groups - 1",
            "spec.in_channels - 1",
        ),
    ),
    *_named(
        "separation.py",
        (
            "terms-in-the-wrong-order",
            "(second[0], -1, multiplier, *first[2:]).sum(2)",
            "(second[0], multiplier, -1, *first[2:]).sum(1)",
        ),
        (
            "scale-on-one-side",
            "scale = np.sqrt(singular[..., :terms])",
            "scale = singular[..., :terms]",
        ),
        (
            "signs-as-they-come",
            "return left * sign, right * sign.swapaxes(-1, -2),",
            "return left, right,",
        ),
        (
            "slices-by-output",
            "dense.transpose(1, 0, 2, 3).reshape(channels, outputs, -1)",
            "dense.reshape(channels, outputs, -1)",
        ),
        (
            "error-of-what-is-kept",
            "_share(singular[..., terms:], singular)",
            "_share(singular[..., :terms], singular)",
        ),
    ),
    *_named(
        "interop.py",
        (
            "multiplier-before-channel",
            "weight.reshape(channels, filters // channels, *sides)",
            "weight.reshape(filters // channels, channels, *sides)",
        ),
        ("weights-not-copied", "whole.transpose(order).copy()", "whole.transpose(order)"),
    ),
    *_named("viz/taps.py", ("taps-without-dilation", "[s * p + d * k for k", "[s * p + k for k")),
    *_named(
        "viz/sliding.py", ("sliding-without-stride", "[s * p + d * k for k", "[p + d * k for k")
    ),
]


def planted(source: str, mutant: Mutant) -> str:
    """Return the source with the bug in it.

    Raises
    ------
    LookupError
        If the text to replace is not there exactly once.
    """
    if (count := source.count(mutant.old)) != 1:
        msg = f"{mutant.name}: dsconv/{mutant.file} holds {count} times, not once: {mutant.old!r}"
        raise LookupError(msg)
    return source.replace(mutant.old, mutant.new)


def try_out(mutant: Mutant | None) -> Outcome:
    """Run the tests against a copy of the package with this bug, or with none.

    Changes the working directory, the environment and the modules of this process, so it is
    meant for one of its own: see `try_all`.
    """
    start = time.perf_counter()
    with TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name).resolve()
        no_caches = shutil.ignore_patterns("__pycache__")
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=no_caches)
        shutil.copy(ROOT / "pyproject.toml", folder)
        tests = tuple(dict.fromkeys(test for tests in TESTS.values() for test in tests))
        chosen: tuple[str, ...] = ()
        if mutant is not None:
            tests, path = mutant.tests, folder / "dsconv" / mutant.file
            try:
                bug = planted(path.read_text(encoding="utf-8"), mutant)
            except LookupError as error:
                return Outcome("NOT FOUND", str(error), time.perf_counter() - start)
            path.write_text(bug, encoding="utf-8")
            if mutant.file == "_backends/_torch.py":
                chosen = ("-k", "not numpy")  # pytest would run those first
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = str(folder)  # for the processes that tests start
        os.chdir(folder)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = pytest.main(
                [
                    *("-x", "-q", "--no-header", "--tb=line", "-rf", "--rootdir", "."),
                    *("-o", "addopts=", "-p", "no:nbval", "-p", "no:cacheprovider"),
                    *("--hypothesis-profile=mutants", *chosen),
                    *(f"tests/{test}" for test in tests),
                ]
            )
        os.chdir(ROOT)
    seconds = time.perf_counter() - start
    module = sys.modules.get("dsconv")
    if module is not None and module.__file__ != str(folder / "dsconv" / "__init__.py"):
        return Outcome("BROKEN", f"the tests saw {module.__file__}, not the copy", seconds)
    output = printed.getvalue()
    failed = re.search(r"^FAILED tests/(\S+)", output, re.MULTILINE)
    if status == pytest.ExitCode.TESTS_FAILED and failed:
        return Outcome("caught", failed[1], seconds)
    if status == pytest.ExitCode.OK:
        return Outcome("SURVIVED", "no test failed", seconds)
    last = " ".join(output.strip().splitlines()[-1:])
    return Outcome("BROKEN", f"pytest ended with {int(status)}: {last}", seconds)


def try_all(mutants: Sequence[Mutant | None]) -> Iterator[Outcome]:
    """Try mutants, each in a process of its own, and yield what became of them, in order."""
    # Processes fork from one that has imported torch; otherwise that would be half of the time.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as pool:
        yield from pool.map(try_out, mutants)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants; default: all")
    parser.add_argument("--list", action="store_true", help="say their names and do nothing")
    options = parser.parse_args(arguments)
    known = {mutant.name: mutant for mutant in MUTANTS}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no such mutant: {', '.join(unknown)}")
    chosen = [known[name] for name in options.names] or MUTANTS
    if options.list:
        print("\n".join(f"{mutant.name}  (dsconv/{mutant.file})" for mutant in chosen))
        return 0

    start = time.perf_counter()
    width = max(len(mutant.name) for mutant in chosen)
    bad = []
    os.environ["OMP_NUM_THREADS"] = "1"  # two at a time, each on its own core
    # Tests that are red anyway would catch anything, so they first run without a mutant.
    outcomes = try_all([None, *chosen])
    if (healthy := next(outcomes)).verdict != "SURVIVED":
        print(f"The tests fail without a mutant, too: {healthy.verdict}, {healthy.by}")
        return 1
    for mutant, (verdict, by, seconds) in zip(chosen, outcomes, strict=True):
        print(f"{mutant.name:<{width}}  {verdict:<9}  {seconds:5.1f} s  {by}", flush=True)
        if verdict != "caught":
            bad.append(mutant.name)
    took = time.perf_counter() - start
    print(f"\n{len(chosen) - len(bad)} of {len(chosen)} mutants caught in {took:.0f} s.")
    if bad:
        print(f"Not caught: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
