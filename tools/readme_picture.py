"""Draw the README's picture again: `python tools/readme_picture.py`.

A README shows no HTML, so the panels of one `dsconv.viz.wiring` are put side by side in one SVG
file, with their own colours for light and dark.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from dsconv import ConvSpec
from dsconv.viz import wiring
from dsconv.viz._svg import STYLE

PICTURE = Path(__file__).resolve().parents[1] / "_static" / "wiring.svg"
WIDTH, HEIGHT, TOP = 250, 260, 48  # of a panel, and of the words above it


def picture() -> str:
    """Return the text of the SVG file."""
    drawing = wiring(
        ConvSpec(4, 6, 3),
        ConvSpec(4, 6, 3, groups=2),
        (ConvSpec.depthwise(4, 3), ConvSpec.pointwise(4, 6)),
        captions=[
            "every pair has a 3×3 kernel",
            "pairs inside a group",
            "few kernels, then numbers",
        ],
    )
    html = re.sub(r"<style>.*?</style>", "", drawing.html, flags=re.DOTALL)
    panels = [p for p in ET.fromstring(html).iter("div") if p.get("class") == "dsconv-panel"]
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH * len(panels)} {HEIGHT}",
            "class": "dsconv",
            "font-family": "system-ui, sans-serif",
        },
    )
    ET.SubElement(root, "style").text = _style()
    for n, panel in enumerate(panels):
        _place(root, panel, n * WIDTH)
    return ET.tostring(root, encoding="unicode") + "\n"


def _place(root: ET.Element, panel: ET.Element, left: float) -> None:
    """Put one panel into the picture: its two lines of words, its drawing, its sum."""
    middle = left + WIDTH / 2
    lines = (("dsconv-title", 18, "600", "15"), ("dsconv-note", 38, "400", "13"))
    for name, top, weight, size in (*lines, ("dsconv-sum", HEIGHT - 8, "400", "14")):
        words = "".join(next(e for e in panel.iter() if e.get("class") == name).itertext())
        place = {"x": f"{middle:g}", "y": f"{top}", "text-anchor": "middle"}
        style = {"style": f"font-size:{size}px;font-weight:{weight}"}
        ET.SubElement(root, "text", place | style).text = words
    drawing = next(panel.iter("svg"))
    size = {"x": f"{left + 12:g}", "y": f"{TOP}", "width": f"{WIDTH - 24}"}
    for name, value in (size | {"height": f"{HEIGHT - TOP - 28}"}).items():
        drawing.set(name, value)
    root.append(drawing)


def _style() -> str:
    """Return the figures' style, with dark colours wherever the reader's system is dark."""
    return STYLE.replace(
        "html:not([data-theme]) body:not([data-jp-theme-light]) .dsconv", ".dsconv"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"{PICTURE.relative_to(PICTURE.parents[1])} written")
