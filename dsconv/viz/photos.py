"""Photographs and maps of real data, side by side, on their own light ground.

The only module of figures that imports matplotlib; `dsconv.viz` loads it when it is asked for.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dsconv.geometry import whole_number
from dsconv.viz import _svg

DPI = 120  # fixed, so that a figure has the same pixels everywhere
PAGE = 7.4  # inches; on a page of 740 pixels the text is then as large as the page's
FONT = 13.0  # points
FRAME = "#c9ced6"
DIVERGING = "PuOr"  # orange below zero, violet above; colour-blind safe
# On top of matplotlib's defaults: what the caller has set must not change the book's pictures.
STYLE: Any = ["default", {"font.family": "DejaVu Sans", "font.size": FONT}]


class Photographs(Figure):
    """A matplotlib figure that shows itself once, and with the same pixels, in a notebook.

    pyplot does not know it, so no backend shows it a second time. It hands its PNG to the
    notebook itself, whether or not a backend has taught the notebook to show figures.
    """

    def png(self) -> bytes:
        """Return the figure as PNG."""
        buffer = BytesIO()
        # Without metadata, in which matplotlib would write its version.
        with context(STYLE):
            self.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/png": b64encode(self.png()).decode(), "text/plain": repr(self)}


def photographs(
    *images: Any,
    titles: Sequence[str] | None = None,
    signed: bool | Sequence[bool] = False,
    columns: int | None = None,
) -> Photographs:
    """Show photographs and maps side by side.

    Parameters
    ----------
    *images : ndarray or Tensor, shape (H, W) or (H, W, 3)
        Grey or signed maps, and colours: bytes, or floats from 0 to 1. Grey bytes go from
        black at 0 to white at 255, grey floats inside 0 to 1 from 0 to 1, all others from
        their smallest to their largest number.
    titles : sequence of str, optional
        What stands over each.
    signed : bool or sequence of bool, optional
        Which are maps around zero, such as edges: violet above it, orange below, white at
        zero. They share one scale, whose bar has pointed ends where the strongest half percent
        lies beyond them.
    columns : int, optional
        Pictures in a row; by default all, up to three.

    Returns
    -------
    matplotlib.figure.Figure
        pyplot does not know it. A notebook shows it if it is a cell's last value; a script
        saves it with ``figure.savefig(path)``.

    Raises
    ------
    TypeError
        If an image does not hold numbers, a title is no text, or `signed` no bool.
    ValueError
        If there is no image, a shape or a colour's range is wrong, a signed image has
        colours, or titles or `signed` are not as many as the images.

    Examples
    --------
    >>> step = np.array([[0, 0, 255, 255]] * 3, dtype=np.uint8)
    >>> edge = np.diff(step.astype(int))
    >>> figure = photographs(step, edge, titles=["a step", "its edge"], signed=[False, True])
    >>> [axes.get_title() for axes in figure.axes][:2]
    ['a step', 'its edge']
    """
    if not images:
        msg = "photographs must have at least one image. Received: none"
        raise ValueError(msg)
    around_zero = _signed(signed, len(images))
    given = [
        _image(f"images[{index}]", image, is_signed)
        for index, (image, is_signed) in enumerate(zip(images, around_zero, strict=True))
    ]
    names = [""] * len(given) if titles is None else _svg.texts("titles", titles, len(given))
    across = min(3, len(given)) if columns is None else whole_number("columns", columns, minimum=1)
    across = min(across, len(given))
    down = -(-len(given) // across)

    # Height from the images, width always the page's, so that text has one size in the book.
    bar = 0.9 if any(around_zero) else 0.0
    cell = (PAGE - bar) / across
    tallest = max(len(image) / image.shape[1] for image in given)
    height = round(DPI * down * (cell * tallest + (0.42 if any(names) else 0.08))) / DPI
    with context(STYLE):
        figure = Photographs(figsize=(PAGE, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.set_layout_engine("constrained", w_pad=0.04, h_pad=0.04)
        boxes = figure.subplots(down, across, squeeze=False).flat
        drawn, limit, largest = None, *_limits(given, around_zero)
        for box, image, name, is_signed in zip(boxes, given, names, around_zero, strict=False):
            if is_signed:
                drawn = box.imshow(image, cmap=DIVERGING, vmin=-limit, vmax=limit)
            elif image.ndim == 3:
                box.imshow(image)
            else:
                low, high = _range(image)
                box.imshow(image, cmap="gray", vmin=low, vmax=high)
            box.set_title(name)
            box.set(xticks=[], yticks=[])
            box.spines[:].set(color=FRAME, linewidth=0.8)
        for box in figure.axes[len(given) :]:
            box.remove()
        if drawn is not None:
            scale = figure.colorbar(
                drawn,
                ax=figure.axes,
                label="value",
                ticks=MaxNLocator(2, symmetric=True),
                extend="both" if limit < largest else "neither",
                aspect=18,
                shrink=0.9,
                pad=0.02,
            )
            scale.outline.set(color=FRAME)
        # Ticks take their font when they are made, which is at the first drawing.
        figure.draw_without_rendering()
    return figure


def _signed(given: Any, length: int) -> list[bool]:
    flags = [given] * length if isinstance(given, bool) else given
    if not isinstance(flags, tuple | list) or any(not isinstance(flag, bool) for flag in flags):
        msg = f"signed must be True or False, or one of them an image. Received: signed={given!r}"
        raise TypeError(msg)
    if len(flags) != length:
        msg = f"signed must have one bool for each of {length} images. Received: signed={given!r}"
        raise ValueError(msg)
    return list(flags)


def _image(name: str, image: Any, signed: bool) -> NDArray[Any]:
    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
    values: NDArray[Any] = np.asarray(image)
    if values.dtype.kind not in "iufb":
        msg = f"{name} must hold numbers. Received: {name} of dtype {values.dtype}"
        raise TypeError(msg)
    colours = values.ndim == 3 and values.shape[-1] == 3
    if values.size == 0 or not (values.ndim == 2 or colours):
        hint = "; move the channels with np.moveaxis(image, 0, -1)" if values.ndim == 3 else ""
        msg = (
            f"{name} must have shape (H, W) or (H, W, 3). "
            f"Received: {name}.shape={values.shape}{hint}"
        )
        raise ValueError(msg)
    if colours and signed:
        msg = f"a signed image must have shape (H, W). Received: {name}.shape={values.shape}"
        raise ValueError(msg)
    if colours and values.dtype != np.uint8 and not (values.min() >= 0 and values.max() <= 1):
        msg = (
            f"{name} has colours, which must be bytes, or floats from 0 to 1. Received: {name} of "
            f"dtype {values.dtype} from {values.min():g} to {values.max():g}"
        )
        raise ValueError(msg)
    return values.astype(float) if values.dtype != np.uint8 or signed else values


def _limits(images: Sequence[NDArray[Any]], signed: Sequence[bool]) -> tuple[float, float]:
    """Return where the colours of the signed maps end, and their largest magnitude.

    One pixel in two hundred may lie beyond the end, so that a few strong edges do not make
    all others pale; the bar then has pointed ends.
    """
    chosen = [np.abs(image).ravel() for image, flag in zip(images, signed, strict=True) if flag]
    if not chosen:
        return 1.0, 1.0
    magnitudes = np.concatenate(chosen)
    largest = float(magnitudes.max())
    return float(np.quantile(magnitudes, 0.995)) or largest or 1.0, largest


def _range(image: NDArray[Any]) -> tuple[float, float]:
    """Return the numbers that are black and white in a grey image."""
    if image.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(image.min()), float(image.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


__all__ = ["photographs"]
