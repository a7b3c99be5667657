"""Packs the downloads again without the times and rights of the packed files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

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
        contents = {name: archive.read(name) for name in sorted(archive.namelist())}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            entry = ZipInfo(name)  # of 1980-01-01, the first day that zip knows
            entry.compress_type = ZIP_DEFLATED
            entry.create_system = 3  # Unix: the rights below are its
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)


def steady_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the archives of a finished HTML build."""
    if exception is None and app.builder.format == "html":
        for path in sorted((Path(app.outdir) / "_downloads").rglob("*.zip")):
            steady(path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", steady_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
