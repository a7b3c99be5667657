"""Leaves out style sheets and scripts of extensions that no page of the book needs.

sphinx-gallery puts all of its files on every page: those for tables of pandas, for
tags and for Binder too. ``unused_files`` names the ones to leave out.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def leave_out(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take the files off a page."""
    unused = app.config.unused_files
    for kind in ("css_files", "script_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if PurePosixPath(getattr(file, "filename", file)).name not in unused
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension and its setting."""
    app.add_config_value("unused_files", [], "html", frozenset({list}))
    app.connect("html-page-context", leave_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
