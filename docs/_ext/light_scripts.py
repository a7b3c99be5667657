"""Lets a page load only scripts that it uses, and none of them before its text.

The scripts of the theme and of the extensions are written for every page, and as
the last part of it; ``defer`` lets the browser load them beside the text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sphinx.builders.html._assets import _JavaScript

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

# What a page must hold for a script to have anything to do there.
NEEDS = {
    "clipboard.min.js": '<div class="highlight">',
    "copybutton.js": '<div class="highlight">',
    "sg-tags.js": "sphx-glr-tag",
}


def lighten(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Choose the scripts of a page and defer them."""
    if app.builder.name != "html":
        return
    body = context.get("body", "")
    kept = []
    for script in context["script_files"]:
        name = os.path.basename(os.fspath(script.filename or ""))
        if name not in NEEDS or NEEDS[name] in body:
            attributes = dict(script.attributes)
            if name and not attributes.keys() & {"async", "type"}:
                attributes["defer"] = "defer"
            kept.append(
                _JavaScript(script.filename, priority=script.priority, **attributes)
            )
    context["script_files"] = kept


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension; after all that add scripts to single pages."""
    app.connect("html-page-context", lighten, priority=800)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
