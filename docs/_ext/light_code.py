"""Leaves out the markup of code that has no look of its own.

Names, punctuation and spaces have the colour of plain text in both themes, and
their spans are a third of a gallery page. Words of code in prose and signatures
("pre") have a rule only in Sphinx's basic.css, which Furo does not link.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

WORD = re.compile(r'<span class="pre">([^<]*)</span>')
PLAIN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')


def lighten(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write such tokens of a page as plain text."""
    if "body" in context:
        # A word of a signature is within a name.
        context["body"] = PLAIN.sub(r"\1", WORD.sub(r"\1", context["body"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", lighten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
