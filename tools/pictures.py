"""Compare two pictures the way a reader would: by the place where they differ most.

A mean over the whole picture is blind: a label that changes one digit moves it less than the noise
of another machine's anti-aliasing does. So the picture is cut into small blocks, and the worst one
decides.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

BLOCK = 8
"""Side of a block in pixels: about one letter of a tick label."""

MAX_BLOCK_DIFFERENCE = 9.0
"""Mean grey levels (of 255) by which a block may differ.

Harmless noise of ±6 levels stays below 5; one changed digit, or a curve moved by a thousandth of
its height, is above 13.
"""

Pixels = npt.NDArray[np.int16]


def pixels(encoded: str) -> Pixels:
    """Return the picture in a base64 string as (height, width, 3) levels, laid on white."""
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB"), dtype=np.int16)


def worst_block(old: Pixels, new: Pixels) -> float:
    """Return the largest mean difference of a block between two pictures of one size."""
    difference = np.abs(old - new).max(axis=2).astype(float)
    height, width = difference.shape
    rows, columns = np.arange(0, height, BLOCK), np.arange(0, width, BLOCK)
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=0), columns, axis=1)
    # Blocks at the right and lower edge are smaller: their mean is over the pixels they have.
    areas = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))
    return float((sums / areas).max())


def picture_problem(old: str, new: str) -> str | None:
    """Say how two base64 pictures differ, or return None if a reader sees the same."""
    if old == new:
        return None
    before, after = pixels(old), pixels(new)
    if before.shape != after.shape:
        was, now = (f"{shape[1]}×{shape[0]}" for shape in (before.shape, after.shape))
        return f"its size {was} became {now}"
    worst = worst_block(before, after)
    if worst > MAX_BLOCK_DIFFERENCE:
        return f"its worst block differs by {worst:.1f} > {MAX_BLOCK_DIFFERENCE:g} grey levels"
    return None


def encoded(levels: npt.NDArray[np.integer]) -> str:
    """Return the picture of an array of levels as a base64 PNG."""
    file = io.BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
