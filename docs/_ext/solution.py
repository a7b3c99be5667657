"""Folds a solution or an answer away, cells that run included.

Without it a reader would see the answer before having thought. ``{solution-start}``
and ``{solution-end}`` stand around any part of a section; the first may have a title
(``{solution-start} Answer``). A pair of marks, not one directive around everything,
because MyST-NB runs only those cells that stand at the top level of a page. HTML gets
a ``details`` element, which a keyboard opens and no script is needed for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


class solution(nodes.General, nodes.Element):  # noqa: N801 - as docutils names nodes
    """What is folded away, after its title; its class says how it looks."""


class solution_title(nodes.TextElement):  # noqa: N801 - as docutils names nodes
    """What is seen of it, a text of its own for translators."""


class solution_end(nodes.Invisible, nodes.Element):  # noqa: N801 - as docutils names nodes
    """The mark after it."""


class Start(SphinxDirective):
    """Begins a solution; what follows comes into it later."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return a solution that holds its title."""
        words = self.arguments[0] if self.arguments else "Solution"
        title = solution_title(words, words)
        found = solution("", title, classes=["solution"])
        self.set_source_info(title)
        self.set_source_info(found)
        return [found]


class End(SphinxDirective):
    """Ends a solution."""

    def run(self) -> list[nodes.Node]:
        """Return the mark."""
        mark = solution_end()
        self.set_source_info(mark)
        return [mark]


class Fold(SphinxTransform):
    """Puts everything between two marks into the first."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Fold each pair of marks; a mark without its partner is a warning."""
        for start in list(self.document.findall(solution)):
            rest = start.parent[start.parent.index(start) + 1 :]
            inside: list[nodes.Node] = []
            for node in rest:
                if isinstance(node, solution | solution_end | nodes.section):
                    break
                inside.append(node)
            end = rest[len(inside)] if len(inside) < len(rest) else None
            if not isinstance(end, solution_end) or not inside:
                what = "a solution-end in the same section" if inside else "content"
                self._warn(start, f"solution-start without {what}")
                continue
            for node in (end, *inside):
                node.parent.remove(node)
            start.extend(inside)
        for end in list(self.document.findall(solution_end)):
            self._warn(end, "solution-end without a solution-start in its section")

    def _warn(self, mark: nodes.Element, message: str) -> None:
        logger.warning("%s", message, location=mark, type="solution")
        mark.parent.remove(mark)


def nothing(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Write nothing of its own: where nothing folds, a solution just follows."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register nodes, directives and the transform."""

    def writer(tag: str, after: str) -> Any:
        def visit(self: HTML5Translator, node: nodes.Element) -> None:
            self.body.append(self.starttag(node, tag, ""))

        def depart(self: HTML5Translator, node: nodes.Element) -> None:
            self.body.append(after)

        return visit, depart

    fold = writer("details", "</div></details>\n")
    title = writer("summary", '</summary>\n<div class="solution-body">\n')
    app.add_node(solution, html=fold, text=(nothing, nothing))
    app.add_node(solution_title, html=title, text=(nothing, nothing))
    app.add_directive("solution-start", Start)
    app.add_directive("solution-end", End)
    app.add_transform(Fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
