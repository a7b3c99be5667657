"""Stores the published figures with a palette: a third of the bytes, same look.

A line drawing has a few hundred colours, nearly all of them from smoothing its
edges. 128 chosen ones cannot be told from the original.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLOURS = 128


def shrink_png(path: Path) -> None:
    """Rewrite a PNG with a palette of its own, on white where it is transparent.

    Parameters
    ----------
    path : pathlib.Path
        A PNG file; one that has a palette already stays as it is.
    """
    with Image.open(path) as image:
        if image.mode == "P":
            return
        # Thumbnails have a transparent rim; white is what figures are drawn on.
        white = Image.new("RGBA", image.size, "white")
        opaque = Image.alpha_composite(white, image.convert("RGBA"))
        small = opaque.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        # The resolution says how large the picture is meant to be.
        kept = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    small.save(path, optimize=True, **kept)


def shrink_images(app: Sphinx, exception: Exception | None) -> None:
    """Shrink the figures of a finished HTML build."""
    if exception is None and app.builder.format == "html":
        paths = (Path(app.outdir) / "_images").glob("*.png")
        with ThreadPoolExecutor() as pool:  # Pillow works outside Python's lock
            list(pool.map(shrink_png, paths))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", shrink_images)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
