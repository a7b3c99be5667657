"""Keeps on one line what belongs together: "λ = 3", and "(" with the formula it opens.

Without it a line could end after the sign of equality, or begin with a full stop.
Nobody has to type a no-break space, and no translation sees one.
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
# What touches an inline formula and must stay on its line: "(" before it; the
# rest of a word, as in "nth", or punctuation after it.
OPENING = re.compile(r"[(\[“‘（《]+$")
CLOSING = re.compile(r"[a-z]+|[^\w\s—–(\[“（《]+")


def _as_typed(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, AS_TYPED):
            return True
    return False


class KeepComparisons(SphinxPostTransform):
    """Make the spaces beside a sign of comparison such as do not break."""

    # Before sphinx-gallery turns code into a node of its own, at 5.
    default_priority = 4
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the text of a page and tables from code, not code and formulas."""
        for text in list(self.document.findall(nodes.Text)):
            kept = COMPARISON.sub("\u00a0\\1\u00a0", text)
            if kept != text and (text.startswith("<table") or not _as_typed(text)):
                text.parent.replace(text, nodes.Text(kept))


class KeepFormulas(SphinxPostTransform):
    """Put each inline formula and the signs that touch it into one span.

    Browsers may break a line on either side of a formula, whatever stands there.
    """

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the inline formulas of a page."""
        for node in list(self.document.findall(nodes.math)):
            # By position: equal texts compare equal, so replace() may take another.
            parent, index = node.parent, node.parent.index(node)
            group = nodes.inline("", "", node.deepcopy(), classes=["nobreak"])
            group.source, group.line = node.source, node.line
            before = parent[index - 1] if index else None
            if isinstance(before, nodes.Text) and (head := OPENING.search(before)):
                group.insert(0, nodes.Text(head[0]))
                parent[index - 1] = nodes.Text(before[: head.start()])
            after = parent[index + 1] if index + 1 < len(parent) else None
            if isinstance(after, nodes.Text) and (tail := CLOSING.match(after)):
                group.append(nodes.Text(tail[0]))
                parent[index + 1] = nodes.Text(after[tail.end() :])
            if len(group) > 1:
                parent[index] = group


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transforms."""
    app.add_post_transform(KeepComparisons)
    app.add_post_transform(KeepFormulas)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
