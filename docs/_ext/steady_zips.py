"""Packs the downloads again without the times and rights of the packed files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from archive import pack

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def steady(path: Path) -> None:
    """Rewrite an archive so that its bytes depend on names and contents only.

    Parameters
    ----------
    path : pathlib.Path
        A zip file.
    """
    with ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    path.write_bytes(pack(contents))


def steady_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the archives of a finished HTML build."""
    if exception is None and app.builder.format == "html":
        for path in sorted((Path(app.outdir) / "_downloads").rglob("*.zip")):
            steady(path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", steady_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
