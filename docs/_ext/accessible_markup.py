"""Mends what other packages write into a page and a screen reader stumbles over.

Each entry of ``MENDS`` names who writes it and what is wrong. All of them act on
finished HTML, because none of the packages has a setting for it.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

MENDS = (
    # docutils: a list of citations whose children are no list items; the role that
    # it gives them is deprecated.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    # sphinx-gallery: the title of a thumbnail is there twice, in the link and below.
    (
        re.compile(r'<div class="sphx-glr-thumbnail-title">'),
        '<div class="sphx-glr-thumbnail-title" aria-hidden="true">',
    ),
    # sphinx-gallery: an attribute that HTML does not know, shown only to a mouse.
    (re.compile(r'(<div class="sphx-glr-thumbcontainer") tooltip="[^"]*"'), r"\1"),
)
# Sphinx: captions of the navigation, headings without a level, above the page's own.
CAPTION = re.compile(
    r'<p class="caption" role="heading">(.*?)</p>\s*<ul(.*?)>', re.DOTALL
)
# docutils: what the theme says already.
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>\n?')


def mend_body(body: str) -> str:
    """Return the body of a page with the faults named above mended."""
    for pattern, replacement in MENDS:
        body = pattern.sub(replacement, body)
    return body


def mend_navigation(tree: str) -> str:
    """Turn each caption of the navigation from a heading into the name of its list."""
    number = count(1)

    def name_list(found: re.Match[str]) -> str:
        name = f"navigation-{next(number)}"
        return (
            f'<p class="caption" id="{name}">{found[1]}</p>\n'
            f'<ul aria-labelledby="{name}"{found[2]}>'
        )

    return CAPTION.sub(name_list, tree)


def mend(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Mend the parts of a page before the template puts them together."""
    if "body" in context:
        context["body"] = mend_body(context["body"])
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = mend_navigation(
            context["furo_navigation_tree"]
        )
    context["metatags"] = VIEWPORT.sub("", context.get("metatags", ""))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension; after the theme, which makes the navigation."""
    app.connect("html-page-context", mend, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
