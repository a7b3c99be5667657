"""Tells the browser how large each picture is, and to load it when it is near.

Without a size, the text below a picture jumps when the picture arrives. A picture is
as large as it was drawn: 640 pixels of a screen for 6.4 inches, however many pixels
the file holds. The first picture of a page is loaded at once.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from PIL import Image

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

DPI = 100  # matplotlib's, for a screen
IMAGE = re.compile(r"""<img((?:\s+[\w-]+\s*=\s*"[^"]*")+)\s*/?>""")
SOURCE = re.compile(r"""\ssrc\s*=\s*"([^"?:]+)\"""")


@cache
def size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a picture on the screen, or None if it has none."""
    if path.suffix == ".svg" or not path.is_file():
        return None
    with Image.open(path) as image:
        scale = DPI / round(image.info.get("dpi", (DPI, DPI))[0])
        return round(image.width * scale), round(image.height * scale)


def with_sizes(page: str, folder: Path) -> str:
    """Return a page of `folder` whose pictures have a width and a height."""
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


def write_sizes(app: Sphinx, exception: Exception | None) -> None:
    """Add the sizes to every page of a finished HTML build."""
    if exception is not None or app.builder.name != "html":
        return
    size.cache_clear()  # one process may build twice
    for path in sorted(Path(app.outdir).rglob("*.html")):
        page = path.read_text("utf-8")
        sized = with_sizes(page, path.parent)
        if sized != page:
            path.write_text(sized, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension; after the pictures have got their last form."""
    app.connect("build-finished", write_sizes, priority=650)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
