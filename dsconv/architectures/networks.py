"""The networks of the book, row by row as their papers print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsconv.architectures.rows import (
    Bottleneck,
    Built,
    Conv,
    ConvModule,
    Dense,
    GlobalPool,
    Row,
    Rows,
    Separable,
    SqueezeExcite,
    Step,
    Style,
    XceptionModule,
)
from dsconv.architectures.scaling import as_standard, scale_width
from dsconv.geometry import Shape, positive, whole_number


@dataclass(frozen=True)
class Network:
    """A network: its rows and the input that they were made for.

    Attributes
    ----------
    name : str
        As `network` and the command line take it.
    title : str
        As people write it.
    rows : tuple of rows
    source : str
        Paper and table.
    input_size : tuple of int
        (H, W) in pixels, or (L,) in positions.
    in_channels : int
        Channels of the input.
    one_width : str
        Why there is no width but 1; empty where there is.
    """

    name: str
    title: str
    rows: Rows
    source: str
    input_size: Shape = (224, 224)
    in_channels: int = 3
    one_width: str = ""


# Howard et al., "MobileNets" (2017), Table 1: a line "Conv dw" and the 1×1 below it are one row.
MOBILENET_V1: Rows = (
    Conv(3, 32, stride=2),
    Separable(3, 64),
    Separable(3, 128, stride=2),
    Separable(3, 128),
    Separable(3, 256, stride=2),
    Separable(3, 256),
    Separable(3, 512, stride=2),
    Separable(3, 512, repeat=5),
    Separable(3, 1024, stride=2),
    Separable(
        3,
        1024,
        stride=Built(1, printed=2, reason="its input and the next row's are both 7×7"),
    ),
    GlobalPool(),
    Dense(1000),
)

# The same without the five blocks in a row (Table 5).
SHALLOW_MOBILENET_V1: Rows = tuple(row for row in MOBILENET_V1 if getattr(row, "repeat", 1) == 1)

# Sandler et al., "MobileNetV2" (2018), Table 2: t, c, n, s.
MOBILENET_V2: Rows = (
    Style("relu6"),
    Conv(3, 32, stride=2),
    Bottleneck(3, 16, t=1, repeat=1, stride=1),
    Bottleneck(3, 24, t=6, repeat=2, stride=2),
    Bottleneck(3, 32, t=6, repeat=3, stride=2),
    Bottleneck(3, 64, t=6, repeat=4, stride=2),
    Bottleneck(3, 96, t=6, repeat=3, stride=1),
    Bottleneck(3, 160, t=6, repeat=3, stride=2),
    Bottleneck(3, 320, t=6, repeat=1, stride=1),
    Conv(1, 1280, at_least=1280),
    GlobalPool(),
    Dense(1000),
)

_SE = SqueezeExcite(
    4, reason="the paper says a quarter of the expansion; the builds round it to a multiple of 8"
)

# Howard et al., "Searching for MobileNetV3" (2019), Tables 1 and 2: exp size, #out, SE, NL, s.
MOBILENET_V3_LARGE: Rows = (
    Style("hard_swish", epsilon=1e-3),
    Conv(3, 16, stride=2),
    Bottleneck(3, 16, expanded=16, activation="relu"),
    Bottleneck(3, 24, expanded=64, activation="relu", stride=2),
    Bottleneck(3, 24, expanded=72, activation="relu"),
    Bottleneck(5, 40, expanded=72, squeeze=_SE, activation="relu", stride=2),
    Bottleneck(5, 40, expanded=120, squeeze=_SE, activation="relu"),
    Bottleneck(5, 40, expanded=120, squeeze=_SE, activation="relu"),
    Bottleneck(3, 80, expanded=240, stride=2),
    Bottleneck(3, 80, expanded=200),
    Bottleneck(3, 80, expanded=184),
    Bottleneck(3, 80, expanded=184),
    Bottleneck(3, 112, expanded=480, squeeze=_SE),
    Bottleneck(3, 112, expanded=672, squeeze=_SE),
    Bottleneck(5, 160, expanded=672, squeeze=_SE, stride=2),
    Bottleneck(5, 160, expanded=960, squeeze=_SE),
    Bottleneck(5, 160, expanded=960, squeeze=_SE),
    Conv(1, 960),
    GlobalPool(),
    Dense(1280, activation="hard_swish", fixed="the paper's 0.75 keeps it: 4.0 M parameters"),
    Dense(1000),
)

# The paper also marks the last 1×1 with a squeeze-and-excite; no build has one there.
MOBILENET_V3_SMALL: Rows = (
    Style("hard_swish", epsilon=1e-3),
    Conv(3, 16, stride=2),
    Bottleneck(3, 16, expanded=16, squeeze=_SE, activation="relu", stride=2),
    Bottleneck(3, 24, expanded=72, activation="relu", stride=2),
    Bottleneck(3, 24, expanded=88, activation="relu"),
    Bottleneck(5, 40, expanded=96, squeeze=_SE, stride=2),
    Bottleneck(5, 40, expanded=240, squeeze=_SE),
    Bottleneck(5, 40, expanded=240, squeeze=_SE),
    Bottleneck(5, 48, expanded=120, squeeze=_SE),
    Bottleneck(5, 48, expanded=144, squeeze=_SE),
    Bottleneck(5, 96, expanded=288, squeeze=_SE, stride=2),
    Bottleneck(5, 96, expanded=576, squeeze=_SE),
    Bottleneck(5, 96, expanded=576, squeeze=_SE),
    Conv(1, 576),
    GlobalPool(),
    Dense(
        Built(1024, printed=1280, reason="later tables print 2.5 M parameters, and builds have it"),
        activation="hard_swish",
        fixed="the paper's 0.75 keeps it: 2.4 M parameters",
    ),
    Dense(1000),
)

# Tan and Le, "EfficientNet" (2019), Table 1, as the Lite builds change it: no squeeze-and-excite,
# ReLU6, stem and head at one width.
_LITE = "the Lite builds keep stem and head at every width"
EFFICIENTNET_LITE0: Rows = (
    Style("relu6", padding="same", epsilon=1e-3),
    Conv(3, 32, stride=2, fixed=_LITE),
    Bottleneck(3, 16, t=1, repeat=1, stride=1, whole=True),
    Bottleneck(3, 24, t=6, repeat=2, stride=2),
    Bottleneck(5, 40, t=6, repeat=2, stride=2),
    Bottleneck(3, 80, t=6, repeat=3, stride=2),
    Bottleneck(5, 112, t=6, repeat=3, stride=1),
    Bottleneck(5, 192, t=6, repeat=4, stride=2),
    Bottleneck(3, 320, t=6, repeat=1, stride=1, whole=True),
    Conv(1, 1280, fixed=_LITE),
    GlobalPool(),
    Dense(1000),
)

# Chollet, "Xception" (2017), figure 5.
XCEPTION: Rows = (
    Style("relu", padding="same", epsilon=1e-3),
    # entry flow
    Conv(3, 32, stride=2, padding="valid"),
    Conv(3, 64, padding="valid"),
    XceptionModule((128, 128), stride=2, first_activation=False),
    XceptionModule((256, 256), stride=2),
    XceptionModule((728, 728), stride=2),
    # middle flow
    XceptionModule((728, 728, 728), repeat=8),
    # exit flow
    XceptionModule((728, 1024), stride=2),
    Separable(3, 1536, between=False),
    Separable(3, 2048, between=False),
    GlobalPool(),
    Dense(1000),
)

# Kaiser, Gomez and Chollet (2018), section 3.1; the paper varies kernels, dilations and groups.
SLICENET_MODULE: Rows = (
    Style("relu", padding="same"),
    ConvModule(
        (
            Step(3),
            Step(3, shortcut=True),
            Step(15),
            Step(15, dilation=8, shortcut=True),
        )
    ),
)

# Section 2.2: super-separable steps, the numbers of groups alternating between 2 and 3.
SLICENET_SUPER_MODULE: Rows = (
    Style("relu", padding="same"),
    ConvModule(
        (
            Step(3, groups=2),
            Step(3, groups=3, shortcut=True),
            Step(15, groups=2),
            Step(15, dilation=8, groups=3, shortcut=True),
        )
    ),
)

_HOWARD = "Howard et al., MobileNets (2017), Table"
_KAISER = "Kaiser, Gomez and Chollet (2018), section"

NETWORKS: dict[str, Network] = {
    made.name: made
    for made in (
        Network("mobilenet_v1", "MobileNet", MOBILENET_V1, f"{_HOWARD} 1"),
        Network(
            "conv_mobilenet_v1",
            "Conv MobileNet",
            as_standard(MOBILENET_V1),
            f"{_HOWARD} 4",
        ),
        Network("shallow_mobilenet_v1", "Shallow MobileNet", SHALLOW_MOBILENET_V1, f"{_HOWARD} 5"),
        Network(
            "mobilenet_v2",
            "MobileNetV2",
            MOBILENET_V2,
            "Sandler et al., MobileNetV2 (2018), Table 2",
        ),
        Network(
            "mobilenet_v3_large",
            "MobileNetV3-Large",
            MOBILENET_V3_LARGE,
            "Howard et al., Searching for MobileNetV3 (2019), Table 1",
        ),
        Network(
            "mobilenet_v3_small",
            "MobileNetV3-Small",
            MOBILENET_V3_SMALL,
            "Howard et al., Searching for MobileNetV3 (2019), Table 2",
        ),
        Network(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            EFFICIENTNET_LITE0,
            "Tan and Le, EfficientNet (2019), Table 1; EfficientNet-Lite (2020)",
        ),
        Network(
            "xception",
            "Xception",
            XCEPTION,
            "Chollet, Xception (2017), figure 5",
            input_size=(299, 299),
            one_width="the paper has no other width",
        ),
        Network(
            "slicenet_module",
            "SliceNet's convolution module",
            SLICENET_MODULE,
            f"{_KAISER} 3.1",
            input_size=(64,),
            in_channels=1024,
            one_width="it keeps the channels that it is given",
        ),
        Network(
            "slicenet_super_module",
            "SliceNet's module, super-separable",
            SLICENET_SUPER_MODULE,
            f"{_KAISER} 2.2",
            input_size=(64,),
            in_channels=1536,
            one_width="it keeps the channels that it is given",
        ),
    )
}
"""The networks by name."""


def network(name: str, width: float = 1.0, resolution: int | None = None) -> Network:
    """Return a network of the book, at a width and a resolution.

    Parameters
    ----------
    name : str
        A key of `NETWORKS`.
    width : float, optional
        α: channels are multiplied by it and rounded to multiples of 8.
    resolution : int, optional
        Pixels of a side of the square input (positions, for SliceNet's modules); by default
        those of the paper.

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If the name is unknown, the network has no other width, or a number is not positive.

    Examples
    --------
    >>> network("mobilenet_v1", width=0.5, resolution=160).input_size
    (160, 160)
    """
    if not isinstance(name, str) or name not in NETWORKS:
        msg = f"name must be one of {', '.join(NETWORKS)}. Received: name={name!r}"
        raise ValueError(msg)
    found = NETWORKS[name]
    if positive("width", width) != 1 and found.one_width:
        msg = f"{name} takes width=1 only: {found.one_width}. Received: width={width!r}"
        raise ValueError(msg)
    size = found.input_size
    if resolution is not None:
        size = (whole_number("resolution", resolution, minimum=1),) * len(size)
    return replace(found, rows=scale_width(found.rows, width), input_size=size)


def rows_of(rows: Network | Sequence[Row]) -> tuple[Sequence[Row], Shape | None, int]:
    """Return the rows, the input size if known, and the input channels."""
    if isinstance(rows, Network):
        return rows.rows, rows.input_size, rows.in_channels
    return rows, None, 3


__all__ = ["NETWORKS", "Network", "network"]
