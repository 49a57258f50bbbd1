"""Depthwise separable layers as PyTorch modules, their initialisation, and their folding.

A layer is two plain `torch.nn.Conv` modules, `depthwise` and `pointwise`, with a batch norm
and an activation behind each where the caller wants them. MobileNet puts both behind both
halves; Xception puts nothing between them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dsconv._backends._torch import pad
from dsconv.geometry import ConvSpec, Padding, Sizes, per_axis, plan_convolution, whole_number
from dsconv.separation import decouple

Activation = Callable[[], nn.Module]
Convolution: TypeAlias = "nn.Conv1d | nn.Conv2d"

_CONVOLUTION: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d}
_BATCH_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


class _DepthwiseSeparable(nn.Module):
    """What the 1-D and the 2-D layer share; `axes` tells them apart."""

    axes: int
    depthwise: Convolution
    pointwise: Convolution
    relative_error: float | None = None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
        depthwise_bias: bool = False,
        depthwise_batch_norm: bool = False,
        depthwise_activation: Activation | None = None,
        batch_norm: bool = False,
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        flags = {
            "bias": bias,
            "depthwise_bias": depthwise_bias,
            "depthwise_batch_norm": depthwise_batch_norm,
            "batch_norm": batch_norm,
        }
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                msg = f"{name} must be True or False. Received: {name}={flag!r}"
                raise TypeError(msg)
        self.depth_multiplier = whole_number("depth_multiplier", depth_multiplier, minimum=1)
        sizes = per_axis("kernel_size", kernel_size, self.axes, minimum=1)
        self.depthwise_spec = ConvSpec.depthwise(
            whole_number("in_channels", in_channels, minimum=1),
            sizes,
            depth_multiplier=depth_multiplier,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=depthwise_bias,
        )
        middle = self.depthwise_spec.out_channels
        self.pointwise_spec = ConvSpec.pointwise(middle, out_channels, axes=self.axes, bias=bias)
        # Zeros that differ before and after are more than nn.Conv can add: forward adds them.
        pads = self.depthwise_spec.padding
        native: tuple[int, ...] | None = None
        if not isinstance(pads, str) and all(before == after for before, after in pads):
            native = tuple(before for before, _ in pads)
        self._pads_in_forward = native is None

        self.depthwise = _CONVOLUTION[self.axes](
            self.depthwise_spec.in_channels,
            middle,
            self.depthwise_spec.kernel_size,
            stride=self.depthwise_spec.stride,
            padding=native or 0,
            dilation=self.depthwise_spec.dilation,
            groups=self.depthwise_spec.groups,
            bias=depthwise_bias,
        )
        self.depthwise_batch_norm = _batch_norm(self.axes, middle, depthwise_batch_norm)
        self.depthwise_activation = _activation("depthwise_activation", depthwise_activation)
        self.pointwise = _CONVOLUTION[self.axes](
            middle, self.pointwise_spec.out_channels, 1, bias=bias
        )
        self.batch_norm = _batch_norm(self.axes, self.pointwise_spec.out_channels, batch_norm)
        self.activation = _activation("activation", activation)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights, scaled by what each output really sums over."""
        halves = (
            (self.depthwise, self.depthwise_activation),
            (self.pointwise, self.activation),
        )
        for convolution, activation in halves:
            follows = "linear" if isinstance(activation, nn.Identity) else "relu"
            kaiming_normal_(convolution, nonlinearity=follows)
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
        for norm in (self.depthwise_batch_norm, self.batch_norm):
            if not isinstance(norm, nn.Identity):
                norm.reset_parameters()  # type: ignore[operator]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for (B, C, H, W) or (B, C, L), with or without the B."""
        spec = self.depthwise_spec
        plan = plan_convolution(self.axes, input.shape, spec.weight_shape, **spec.options)
        # A batch norm would take the channels of an input without a batch for its images.
        batch = input if plan.batched else input[None]
        if self._pads_in_forward:
            batch = pad(batch, plan.pads)
        middle = self.depthwise_activation(self.depthwise_batch_norm(self.depthwise(batch)))
        output: torch.Tensor = self.activation(self.batch_norm(self.pointwise(middle)))
        return output if plan.batched else output[0]

    def extra_repr(self) -> str:
        """Return the constructor's arguments, for `print(layer)`."""
        spec = self.depthwise_spec
        said = [f"{spec.in_channels}, {self.pointwise_spec.out_channels}"]
        said += [
            f"{name}={getattr(spec, name)!r}"
            for name in ("kernel_size", "stride", "padding", "dilation")
        ]
        return ", ".join([*said, f"depth_multiplier={self.depth_multiplier}"])


class DepthwiseSeparableConv2d(_DepthwiseSeparable):
    """Filter each channel by itself, then mix the channels of each pixel.

    Parameters
    ----------
    in_channels, out_channels : int
        C and N.
    kernel_size : int or (int, int)
        Of the depthwise half, in pixels.
    stride, padding, dilation
        Of the depthwise half, as for `dsconv.conv2d`; every padding of the functions, "same"
        at any stride and (before, after) pairs included.
    depth_multiplier : int, optional
        Maps that the depthwise half makes of each channel.
    bias : bool, optional
        Whether the pointwise half has one. Switch it off before a batch norm, whose β does
        the same.
    depthwise_bias : bool, optional
        Whether the depthwise half has one. Without anything between the halves it can be
        absorbed in the other.
    depthwise_batch_norm, batch_norm : bool, optional
        A batch norm behind the depthwise, behind the pointwise half.
    depthwise_activation, activation : callable, optional
        Makes the activation behind the depthwise, behind the pointwise half (and behind its
        batch norm): `torch.nn.ReLU`, for instance.

    Attributes
    ----------
    depthwise, pointwise : torch.nn.Conv2d
        Plain layers, with the usual keys in a state dict.
    depthwise_batch_norm, batch_norm : torch.nn.BatchNorm2d or torch.nn.Identity
    depthwise_activation, activation : torch.nn.Module
    depthwise_spec, pointwise_spec : ConvSpec
        The two halves, for the cost and the figure.
    relative_error : float or None
        Of a layer made by `from_conv2d`: what the projection lost, when it was made.

    Raises
    ------
    TypeError
        If a size is not an integer, a flag not a bool, an activation not a callable that
        makes a module.
    ValueError
        If a size is out of range; in `forward`, if the input does not fit the layer.

    See Also
    --------
    dsconv.depthwise_separable_conv2d : the bare operation.

    Notes
    -----
    MobileNet (Howard et al. 2017, section 3.2) has batch norm and ReLU behind both halves;
    Xception (Chollet 2017, section 4.7) found nothing between them best. Weights are drawn
    by `kaiming_normal_`.

    Examples
    --------
    >>> mobilenet = DepthwiseSeparableConv2d(
    ...     32, 64, 3, padding="same", bias=False,
    ...     depthwise_batch_norm=True, depthwise_activation=nn.ReLU,
    ...     batch_norm=True, activation=nn.ReLU)
    >>> mobilenet(torch.zeros(1, 32, 14, 10)).shape
    torch.Size([1, 64, 14, 10])
    """

    axes = 2

    @classmethod
    def from_conv2d(cls, conv: nn.Conv2d, depth_multiplier: int = 1) -> DepthwiseSeparableConv2d:
        """Return the depthwise separable layer nearest to a trained standard layer.

        Parameters
        ----------
        conv : torch.nn.Conv2d
            The layer, with groups = 1 and zero padding; it is left as it is.
        depth_multiplier : int, optional
            T, the filters for each channel, from 1 to min(N, kH·kW), where the result is exact.

        Returns
        -------
        DepthwiseSeparableConv2d
            With the same stride, padding, dilation and bias. Its attribute `relative_error`
            says how far the terms are from `conv.weight` in the Frobenius norm, before they are
            rounded to its dtype.

        Raises
        ------
        TypeError
            If `conv` is no Conv2d, or `depth_multiplier` not an integer.
        ValueError
            If `conv` has groups or another padding mode, or if `depth_multiplier` is out of
            range.

        See Also
        --------
        dsconv.decouple : what it does to the weight.

        Notes
        -----
        Guo et al., "Network Decoupling" (2018), section 3. Nearest in weights is not nearest in
        what the network answers: expect to train on.

        Examples
        --------
        >>> layer = DepthwiseSeparableConv2d.from_conv2d(nn.Conv2d(8, 4, 3), depth_multiplier=4)
        >>> layer.relative_error < 1e-6
        True
        """
        if not isinstance(conv, nn.Conv2d):
            msg = f"conv must be a torch.nn.Conv2d. Received: {type(conv).__name__}"
            raise TypeError(msg)
        if conv.groups != 1 or conv.padding_mode != "zeros":
            msg = (
                "conv must have groups=1 and padding_mode='zeros'. "
                f"Received: groups={conv.groups}, padding_mode={conv.padding_mode!r}"
            )
            raise ValueError(msg)
        multiplier = whole_number("depth_multiplier", depth_multiplier, minimum=1)
        most = min(conv.out_channels, prod(conv.kernel_size))
        if multiplier > most:
            msg = (
                f"depth_multiplier must be at most {most}, where the result is exact. "
                f"Received: depth_multiplier={multiplier}"
            )
            raise ValueError(msg)
        terms, error = _as_one_layer(conv.weight, multiplier)
        layer = cls(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            stride=conv.stride,
            padding=conv.padding,
            dilation=conv.dilation,
            depth_multiplier=depth_multiplier,
            bias=conv.bias is not None,
        ).to(conv.weight)
        with torch.no_grad():
            layer.depthwise.weight.copy_(terms[0])
            layer.pointwise.weight.copy_(terms[1])
            if conv.bias is not None and layer.pointwise.bias is not None:
                layer.pointwise.bias.copy_(conv.bias)
        layer.relative_error = error
        return layer.train(conv.training)


class DepthwiseSeparableConv1d(_DepthwiseSeparable):
    """Filter each channel of a sequence by itself, then mix the channels of each position.

    Parameters
    ----------
    in_channels, out_channels : int
        C and N.
    kernel_size : int or (int,)
        Of the depthwise half, in positions.
    stride, padding, dilation
        Of the depthwise half, as for `dsconv.conv1d`.
    depth_multiplier, bias, depthwise_bias, depthwise_batch_norm, batch_norm
        As for `DepthwiseSeparableConv2d`.
    depthwise_activation, activation
        As for `DepthwiseSeparableConv2d`.

    Attributes
    ----------
    depthwise, pointwise : torch.nn.Conv1d
        Plain layers, with the usual keys in a state dict.

    Raises
    ------
    TypeError, ValueError
        As for `DepthwiseSeparableConv2d`.

    Notes
    -----
    Source: Kaiser et al., "Depthwise Separable Convolutions for Neural Machine
    Translation" (2017), section 2.1.

    Examples
    --------
    >>> causal = DepthwiseSeparableConv1d(512, 512, 9, padding=((8, 0),))
    >>> causal(torch.zeros(2, 512, 20)).shape
    torch.Size([2, 512, 20])
    """

    axes = 1


def kaiming_normal_(
    convolution: Convolution, *, mode: str = "fan_out", nonlinearity: str = "relu"
) -> Convolution:
    """Draw a convolution's weights so that signals keep their size, whatever its groups.

    Parameters
    ----------
    convolution : torch.nn.Conv1d or torch.nn.Conv2d
        The layer; its weight is changed in place.
    mode : {"fan_out", "fan_in"}, optional
        Keep the size of gradients, or of activations.
    nonlinearity : str, optional
        What follows, as for `torch.nn.init.calculate_gain`.

    Returns
    -------
    torch.nn.Conv1d or torch.nn.Conv2d
        The same layer.

    Raises
    ------
    TypeError
        If `convolution` is no convolution.
    ValueError
        If `mode` is neither word, or torch does not know `nonlinearity`.

    Notes
    -----
    An input channel reaches the N / groups outputs of its group, through K² weights each:
    fan_out = N·K² / groups. `torch.nn.init.kaiming_normal_` sees a weight of shape
    (N, C / groups, kH, kW), takes N·K² for fan_out, and so draws the weights of a
    depthwise layer √C times too small. Its fan_in is right, because C / groups stands in
    the shape. Source: He et al., "Delving Deep into Rectifiers" (2015), section 2.2.

    Examples
    --------
    >>> depthwise = kaiming_normal_(nn.Conv2d(512, 512, 3, groups=512, bias=False))
    >>> depthwise.weight.std().detach().round(decimals=1)  # sqrt(2 / 9) = 0.47
    tensor(0.5000)
    """
    if not isinstance(convolution, nn.Conv1d | nn.Conv2d):
        msg = (
            f"convolution must be a torch.nn.Conv1d or Conv2d. "
            f"Received: {type(convolution).__name__}"
        )
        raise TypeError(msg)
    if mode not in ("fan_in", "fan_out"):
        msg = f"mode must be 'fan_in' or 'fan_out'. Received: mode={mode!r}"
        raise ValueError(msg)
    weight = convolution.weight
    taps = weight[0, 0].numel()
    channels = convolution.out_channels if mode == "fan_out" else convolution.in_channels
    fan = channels // convolution.groups * taps
    gain = nn.init.calculate_gain(nonlinearity)  # type: ignore[arg-type]
    nn.init.normal_(weight, std=gain / fan**0.5)
    return convolution


def fold_batch_norm(layer: _DepthwiseSeparable) -> _DepthwiseSeparable:
    """Return a copy for inference, its batch norms folded into the convolutions.

    Parameters
    ----------
    layer : DepthwiseSeparableConv2d or DepthwiseSeparableConv1d
        Is left as it is.

    Returns
    -------
    DepthwiseSeparableConv2d or DepthwiseSeparableConv1d
        In evaluation mode; each convolution that had a batch norm has a bias instead.

    Raises
    ------
    TypeError
        If `layer` is neither.
    ValueError
        If a batch norm keeps no running statistics, so that there is nothing to fold.

    Notes
    -----
    In evaluation a batch norm is γ·(y − mean) / √(var + ε) + β with fixed numbers: a scale
    of the filter and a bias. Ioffe and Szegedy, "Batch Normalization" (2015), section 3.1.

    Examples
    --------
    >>> layer = DepthwiseSeparableConv2d(3, 8, 3, bias=False, batch_norm=True)
    >>> fold_batch_norm(layer).batch_norm
    Identity()
    """
    if not isinstance(layer, _DepthwiseSeparable):
        msg = (
            f"layer must be a DepthwiseSeparableConv2d or DepthwiseSeparableConv1d. "
            f"Received: {type(layer).__name__}"
        )
        raise TypeError(msg)
    folded = copy.deepcopy(layer).eval()
    pairs = (("depthwise", "depthwise_batch_norm"), ("pointwise", "batch_norm"))
    for convolution, norm_name in pairs:
        norm = getattr(folded, norm_name)
        if isinstance(norm, nn.Identity):
            continue
        if norm.running_mean is None:
            msg = (
                f"{norm_name} must keep running statistics to be folded. "
                f"Received: {norm} (track_running_stats=False)"
            )
            raise ValueError(msg)
        setattr(folded, convolution, fuse_conv_bn_eval(getattr(folded, convolution), norm))
        setattr(folded, norm_name, nn.Identity())
        spec_name = f"{convolution}_spec"
        setattr(folded, spec_name, replace(getattr(folded, spec_name), bias=True))
    return folded


def _as_one_layer(
    weight: torch.Tensor, terms: int
) -> tuple[tuple[torch.Tensor, torch.Tensor], float]:
    """Return the best T terms as one layer with depth multiplier T, and the error they make.

    The filters of channel 0 come first, then those of channel 1: term t of channel m is m·T + t.
    """
    parts = decouple(weight, terms)
    outputs, channels, *kernel = weight.shape
    depthwise = torch.stack([d for d, _ in parts.terms], dim=1)
    pointwise = torch.stack([p for _, p in parts.terms], dim=2)
    pair = (
        depthwise.reshape(channels * terms, 1, *kernel),
        pointwise.reshape(outputs, channels * terms, 1, 1),
    )
    return pair, parts.relative_error


def _batch_norm(axes: int, channels: int, wanted: bool) -> nn.Module:
    return _BATCH_NORM[axes](channels) if wanted else nn.Identity()


def _activation(name: str, make: Any) -> nn.Module:
    if make is None:
        return nn.Identity()
    made = make() if callable(make) and not isinstance(make, nn.Module) else None
    if not isinstance(made, nn.Module):
        msg = (
            f"{name} must be a callable that makes a module, such as torch.nn.ReLU (not "
            f"torch.nn.ReLU()). Received: {name}={make!r}"
        )
        raise TypeError(msg)
    return made


__all__ = [
    "DepthwiseSeparableConv1d",
    "DepthwiseSeparableConv2d",
    "fold_batch_norm",
    "kaiming_normal_",
]
