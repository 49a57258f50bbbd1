"""Rows made from rows: another width or depth, the standard twin; and what is built otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from dsconv.architectures.rows import (
    Bottleneck,
    Built,
    Conv,
    Row,
    Rows,
    Separable,
    XceptionModule,
    check_rows,
    value,
)
from dsconv.geometry import positive, whole_number


def make_divisible(number: float, divisor: int = 8) -> int:
    """Return the multiple of `divisor` nearest to a number, and never 10 % below it.

    Parameters
    ----------
    number : float
        Channels, perhaps not whole; positive.
    divisor : int, optional
        What the result is a multiple of.

    Returns
    -------
    int
        At least `divisor`.

    Raises
    ------
    TypeError, ValueError
        If the number is not positive and finite, or the divisor no positive integer.

    Notes
    -----
    The rule of the MobileNetV2 and V3 builds. Half goes up: 12 becomes 16.

    Examples
    --------
    >>> [make_divisible(0.35 * channels) for channels in (16, 24, 32, 96)]
    [8, 8, 16, 32]
    """
    divisor = whole_number("divisor", divisor, minimum=1)
    number = positive("number", number)
    rounded = max(divisor, int(number + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * number else rounded


def scale_width(rows: Sequence[Row], width: float) -> Rows:
    """Return the rows with α times the channels, rounded to multiples of 8.

    Parameters
    ----------
    rows : sequence of rows
    width : float
        α, the width multiplier.

    Returns
    -------
    tuple of rows
        Rows that say so (`fixed`) keep their channels. At α = 1 nothing changes.

    Raises
    ------
    TypeError, ValueError
        If `width` is not positive and finite.

    Notes
    -----
    Howard et al., "MobileNets" (2017), section 3.3. Ratios stay ratios: a bottleneck's middle is
    t times its *scaled* input, and where the paper prints the middle as a number, its ratio to
    the block's input is kept. So MobileNetV3's published 0.75 comes out. For MobileNet's own
    0.75, 0.5 and 0.25, rounding changes nothing.

    Examples
    --------
    >>> [row.out_channels for row in scale_width([Conv(3, 32, stride=2), Separable(3, 64)], 0.3)]
    [16, 24]
    """
    checked = check_rows(rows)
    if positive("width", width) == 1:
        return checked
    scaled: list[Row] = []
    before, after = 0, 0.0  # the channels that a row reads, as printed and as scaled
    for row in checked:
        new = _scaled(row, width, after / before if before else width)
        scaled.append(new)
        before, after = _last_channels(row) or before, _last_channels(new) or after
    return tuple(scaled)


def _scaled(row: Row, width: float, input_ratio: float) -> Row:
    if getattr(row, "fixed", ""):
        return row
    number = getattr(row, "out_channels", 0)
    if isinstance(row, XceptionModule):
        return replace(row, out_channels=tuple(make_divisible(width * n) for n in row.out_channels))
    if not value(number):
        return row
    changed: dict[str, Any] = {
        "out_channels": max(make_divisible(width * value(number)), getattr(row, "at_least", 0))
    }
    if getattr(row, "expanded", 0):
        changed["expanded"] = make_divisible(input_ratio * getattr(row, "expanded", 0))
    return replace(row, **changed)


def _last_channels(row: Row) -> int:
    """Return the channels that a row gives, or 0 where it keeps those that it reads."""
    number = getattr(row, "out_channels", 0)
    return number[-1] if isinstance(number, tuple) else value(number)


def scale_depth(rows: Sequence[Row], depth: float) -> Rows:
    """Return the rows with each bottleneck repeated `depth` times as often, rounded up.

    Parameters
    ----------
    rows : sequence of rows
    depth : float
        The depth multiplier of the EfficientNets; not the `depth_multiplier` of a convolution.

    Returns
    -------
    tuple of rows
        Rows marked `whole` keep their number.

    Raises
    ------
    TypeError, ValueError
        If `depth` is not positive and finite.

    Notes
    -----
    Tan and Le, "EfficientNet" (2019), equation 3, as its Lite builds round it.

    Examples
    --------
    >>> scale_depth([Bottleneck(3, 24, repeat=2, t=6)], 1.2)[0].repeat
    3
    """
    positive("depth", depth)
    return tuple(
        replace(row, repeat=math.ceil(depth * row.repeat))
        if isinstance(row, Bottleneck) and not row.whole
        else row
        for row in check_rows(rows)
    )


def as_standard(rows: Sequence[Row]) -> Rows:
    """Return the rows with a standard convolution in the place of each separable one.

    Parameters
    ----------
    rows : sequence of rows

    Returns
    -------
    tuple of rows
        The standard twin: the same channels, strides and maps.

    Examples
    --------
    >>> as_standard([Separable(3, 64, stride=2)])[0] == Conv(3, 64, stride=2)
    True
    """
    return tuple(
        Conv(row.kernel_size, value(row.out_channels), value(row.stride), row.repeat)
        if isinstance(row, Separable)
        else row
        for row in check_rows(rows)
    )


def deviations(rows: Sequence[Row]) -> list[tuple[str, int, int, str]]:
    """Return what is built otherwise than printed: row and field, printed, built, reason.

    Parameters
    ----------
    rows : sequence of rows

    Returns
    -------
    list of (str, int, int, str)

    Examples
    --------
    >>> from dsconv.architectures import NETWORKS
    >>> deviations(NETWORKS["mobilenet_v1"].rows)[0][:3]
    ('row 10, Separable, stride', 2, 1)
    """
    found = []
    for index, row in enumerate(check_rows(rows), start=1):
        for field in fields(row):
            number = getattr(row, field.name)
            if isinstance(number, Built):
                where = f"row {index}, {type(row).__name__}, {field.name}"
                found.append((where, number.printed, number.value, number.reason))
    return found


__all__ = ["as_standard", "deviations", "make_divisible", "scale_depth", "scale_width"]
