"""Folds the solution of an exercise away, cells that run included.

``{solution-start}`` and ``{solution-end}`` stand around any part of a section:
text, formulas, code cells with their outputs. HTML gets a ``details`` element,
which a keyboard opens, search in the page finds, and no script is needed for.
A pair of marks, not one directive around everything, because MyST-NB runs only
those cells that stand at the top level of a page.
"""

from __future__ import annotations

import html
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
    """What is folded away."""


class solution_start(nodes.Invisible, nodes.Element):  # noqa: N801 - as docutils names nodes
    """The mark before it."""


class solution_end(nodes.Invisible, nodes.Element):  # noqa: N801 - as docutils names nodes
    """The mark after it."""


class Mark(SphinxDirective):
    """Leaves a mark; the two directives differ in its kind only."""

    kind: type[nodes.Element]

    def run(self) -> list[nodes.Node]:
        """Return the mark."""
        mark = self.kind()
        self.set_source_info(mark)
        return [mark]


class Start(Mark):
    """Leaves the first mark."""

    kind = solution_start


class End(Mark):
    """Leaves the second mark."""

    kind = solution_end


class Fold(SphinxTransform):
    """Puts everything between two marks into one node."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Fold each pair of marks; a mark without its partner is a warning."""
        for start in list(self.document.findall(solution_start)):
            rest = start.parent[start.parent.index(start) + 1 :]
            inside: list[nodes.Node] = []
            for node in rest:
                if isinstance(node, solution_start | solution_end | nodes.section):
                    break
                inside.append(node)
            end = rest[len(inside)] if len(inside) < len(rest) else None
            if not isinstance(end, solution_end) or not inside:
                what = "a solution-end in the same section" if inside else "content"
                self._warn(start, f"solution-start without {what}")
                continue
            end.parent.remove(end)
            for node in inside:
                start.parent.remove(node)
            start.replace_self(solution("", *inside))
        for end in list(self.document.findall(solution_end)):
            self._warn(end, "solution-end without a solution-start in its section")

    def _warn(self, mark: nodes.Element, message: str) -> None:
        logger.warning("%s", message, location=mark, type="solution")
        mark.parent.remove(mark)


def visit_html(self: HTML5Translator, node: solution) -> None:
    """Open the fold; in an EPUB, which may know no folding, it stands open."""
    title = html.escape(self.config.solution_title)
    if "epub" in self.builder.name:
        self.body.append(f'<div class="solution"><p class="rubric">{title}</p>\n')
    else:
        self.body.append(
            f'<details class="solution"><summary>{title}</summary>\n'
            '<div class="solution-body">\n'
        )


def depart_html(self: HTML5Translator, node: solution) -> None:
    """Close the fold."""
    epub = "epub" in self.builder.name
    self.body.append("</div>\n" if epub else "</div>\n</details>\n")


def open_everywhere(self: nodes.NodeVisitor, node: solution) -> None:
    """Write nothing of its own: on paper a solution just follows."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives, the transform and the setting."""
    as_it_is = (open_everywhere, open_everywhere)
    app.add_node(
        solution, html=(visit_html, depart_html), latex=as_it_is, text=as_it_is
    )
    app.add_directive("solution-start", Start)
    app.add_directive("solution-end", End)
    app.add_transform(Fold)
    # One for each language, as other words of the theme are.
    app.add_config_value("solution_title", "Solution", "html", types=frozenset({str}))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
