"""Keeps "λ = 3" and the like on one line, wherever they stand in the prose.

The spaces beside a sign of comparison become no-break spaces when a page is
written: nobody has to type them, and no translation sees them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

# A text that begins or ends with a sign stands beside a node of its own: a number
# from the run, code, a formula.
COMPARISON = re.compile(r"(?:^|(?<=[^\s,]))[ \n]([=≈<>≤≥≠])[ \n](?:$|(?=\S))")
AS_TYPED = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.raw)


def _as_typed(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, AS_TYPED):
            return True
    return False


class KeepComparisons(SphinxPostTransform):
    """Put the spaces that do not break."""

    # Before sphinx-gallery turns code into a node of its own, at 5.
    default_priority = 4
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the text of a page, code and formulas left out."""
        for text in list(self.document.findall(nodes.Text)):
            kept = COMPARISON.sub("\u00a0\\1\u00a0", text)
            if kept != text and not _as_typed(text):
                text.parent.replace(text, nodes.Text(kept))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transform."""
    app.add_post_transform(KeepComparisons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
