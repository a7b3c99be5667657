"""Describes each page to search engines by its own first paragraph.

Without it they would show any piece of the page, with the formulas torn apart.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

PARAGRAPH = re.compile(r"</h1>.*?<p>(.*?)</p>", re.DOTALL)
FORMULA = re.compile(r'<math alttext="(.*?)".*?</math>', re.DOTALL)
LONGEST = 200  # characters; what is longer is not shown anyway


def first_paragraph(body: str) -> str:
    """Return the first paragraph of a page as text, cut after a word if it is long."""
    found = PARAGRAPH.search(body)
    text = FORMULA.sub(r"\1", found[1]) if found else ""
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the description to the head of a page."""
    if text := first_paragraph(context.get("body", "")):
        meta = f'<meta name="description" content="{html.escape(text)}" />\n'
        context["metatags"] = context.get("metatags", "") + meta


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension."""
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
