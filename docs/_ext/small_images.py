"""Stores the published figures with a palette: a third of the bytes, same look.

A line drawing has a few hundred colours, nearly all of them from smoothing its
edges. 128 chosen ones cannot be told from the original.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLOURS = 128


def shrink_png(path: Path) -> None:
    """Rewrite an opaque PNG with a palette of its own; leave any other as it is.

    Parameters
    ----------
    path : pathlib.Path
        A PNG file.
    """
    with Image.open(path) as image:
        transparent = (
            image.mode == "RGBA" and image.getchannel("A").getextrema()[0] != 255
        )
        if image.mode == "P" or transparent:
            return
        small = image.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    small.save(path, optimize=True)


def shrink_images(app: Sphinx, exception: Exception | None) -> None:
    """Shrink the figures of a finished HTML build."""
    if exception is None and app.builder.format == "html":
        for path in sorted((Path(app.outdir) / "_images").glob("*.png")):
            shrink_png(path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", shrink_images)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
