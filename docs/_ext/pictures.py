"""Sees to it that pictures are there, are small files, and have a size on the page.

Without it a figure of a cell could be missing without a word, pages would load three
times as many bytes, and text would jump when the picture above it arrives.
"""

from __future__ import annotations

import posixpath
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from docutils import nodes
from PIL import Image
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

# A line drawing has a few hundred colours, nearly all of them from smoothing its
# edges; so many chosen ones cannot be told from the original.
COLOURS = 128
DPI = 100  # matplotlib's, for a screen
IMAGE = re.compile(r"""<img((?:\s+[\w-]+\s*=\s*"[^"]*")+)\s*/?>""")
SOURCE = re.compile(r"""\ssrc\s*=\s*"([^"?:]+)\"""")


def miss_no_picture(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of a cell that has a caption or an alternative text, and shows nothing."""
    for cell in doctree.findall(nodes.container):
        metadata: dict[str, Any] = cell.get("cell_metadata", {})
        settings = metadata.get("mystnb", {})
        if {"image", "figure"} & settings.keys() and not cell.next_node(nodes.image):
            logger.warning("A cell shows no picture.", location=cell, type="pictures")


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


@cache
def size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a picture on the screen: 640 pixels for 6.4 inches."""
    if path.suffix == ".svg" or not path.is_file():
        return None
    with Image.open(path) as image:
        scale = DPI / round(image.info.get("dpi", (DPI, DPI))[0])
        return round(image.width * scale), round(image.height * scale)


def with_sizes(page: str, folder: Path) -> str:
    """Return a page of `folder` whose pictures have a size; all but the first wait."""
    first = next(IMAGE.finditer(page), None)

    def add(found: re.Match[str]) -> str:
        source = SOURCE.search(found[1])
        if source is None or re.search(r"\s(?:width|height)\s*=", found[1]):
            return found[0]
        extent = size(Path(posixpath.normpath(folder / unquote(source[1]))))
        if extent is None:
            return found[0]
        width, height = extent
        when = "" if first and found.start() == first.start() else ' loading="lazy"'
        return f'<img{found[1]} width="{width}" height="{height}"{when} />'

    return IMAGE.sub(add, page)


def shrink_all(folder: Path) -> None:
    """Shrink the pictures in a folder."""
    with ThreadPoolExecutor() as pool:  # Pillow works outside Python's lock
        list(pool.map(shrink_png, folder.glob("**/*.png")))


def shrink_gallery(app: Sphinx) -> None:
    """Shrink what the scripts have drawn, once, where later builds find it."""
    shrink_all(Path(app.srcdir, app.config.sphinx_gallery_conf["gallery_dirs"]))


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Shrink the other pictures of a finished HTML build, and write all sizes."""
    if exception or app.builder.format != "html":
        return
    shrink_all(Path(app.outdir, "_images"))
    size.cache_clear()  # docs-live builds twice
    for path in sorted(app.outdir.rglob("*.html")):
        page = path.read_text("utf-8")
        path.write_text(with_sizes(page, path.parent), "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the listeners."""
    app.connect("doctree-read", miss_no_picture)
    # sphinx-gallery runs the scripts at 500.
    app.connect("builder-inited", shrink_gallery, priority=600)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
