"""Without it, who reads with a screen reader meets lists without names or items.

The packages that write this HTML have no setting for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

# Part of a page, pattern, replacement.
MENDS = (
    # docutils: the sources are no items of their list, but have a deprecated role.
    ("body", r'role="doc-biblioentry"', 'role="listitem"'),
    # tabulate: a corner without a word is the head of nothing.
    ("body", r"<th[^>]*>\s*</th>", "<td></td>"),
    # Sphinx: captions of the menu, headings without a level before the page's own.
    (
        "furo_navigation_tree",
        r'<p class="caption" role="heading">(<span.*?>(.*?)</span>)</p>\s*<ul',
        r'<p class="caption">\1</p><ul aria-label="\2"',
    ),
)


def mend(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Mend the parts of a page before the template puts them together."""
    for part, pattern, replacement in MENDS:
        if part in context:
            context[part] = re.sub(pattern, replacement, context[part])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension; after the theme, which makes the navigation."""
    app.connect("html-page-context", mend, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
