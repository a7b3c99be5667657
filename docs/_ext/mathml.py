"""Mathematics as MathML Core, converted from LaTeX while the book is built.

A page needs no script and no other host to show its formulas. Select with
``html_math_renderer = "mathml"``; ``_static/mathml.css`` holds the layout.
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ConfigError
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.util.typing import ExtensionMetadata
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

CLASSES = "math notranslate nohighlight"

# The outer environments of LaTeX number their lines and span the page. Here
# Sphinx numbers and CSS places, so only the inner form remains; "" drops one.
INNER = {
    "align": "aligned",
    "split": "aligned",
    "gather": "gathered",
    "multline": "gathered",
    "equation": "",
}
OUTER = re.compile(rf"\\(begin|end){{({'|'.join(INNER)})\*?}}")
# What touches an inline formula and must stay on its line: "(" before it; the
# rest of a word, as in "nth", or punctuation after it.
OPENING = re.compile(r"[(\[“‘]+$")
CLOSING = re.compile(r"\w+|[^\w\s—–(\[]+")
PRELOAD = (
    '<script>if (location.protocol !== "file:") document.head.append(Object.assign('
    'document.createElement("link"), {rel: "preload", href: "%s", as: "font", '
    'type: "font/woff2", crossOrigin: ""}))</script>\n'
)
TOKEN = re.compile(r"\\begin\b|\\end\b|\\.|[{}&]", re.DOTALL)


def _breaks(tex: str) -> set[str]:
    r"""Return which of ``&`` and ``\\`` occur outside environments and braces."""
    depth, found = 0, set()
    for token in TOKEN.findall(tex):
        if token in (r"\begin", "{"):
            depth += 1
        elif token in (r"\end", "}"):
            depth -= 1
        elif depth == 0 and token in ("&", r"\\"):
            found.add(token)
    return found


def display_tex(text: str, *, wrap: bool = True) -> str:
    r"""Turn the content of a math directive into LaTeX that math-core reads.

    Parameters
    ----------
    text
        Content of the directive.
    wrap
        Follow Sphinx's convention: a blank line starts a new equation, and
        ``\\`` and ``&`` need no environment. False for ``:nowrap:``.

    Returns
    -------
    str
        One LaTeX formula.
    """
    text = OUTER.sub(
        lambda m: f"\\{m[1]}{{{INNER[m[2]]}}}" if INNER[m[2]] else "", text
    ).strip()
    if not wrap:
        return text
    # A trailing \\ would become an empty row.
    parts = [
        re.sub(r"\\\\\s*$", "", part).strip() for part in re.split(r"\n[ \t]*\n", text)
    ]
    tex = "\\\\\n".join(part for part in parts if part)
    breaks = _breaks(tex)
    if not breaks:
        return tex
    environment = "aligned" if "&" in breaks else "gathered"
    return f"\\begin{{{environment}}}\n{tex}\n\\end{{{environment}}}"


@cache
def _converter(macros: tuple[tuple[str, str], ...]) -> LatexToMathML:
    # No TeX annotation: where tags are stripped (page titles, descriptions) it
    # would stand beside the formula as text, some readers speak it, and it costs
    # about 100 bytes a formula.
    return LatexToMathML(macros=dict(macros), fancy_error=False)


def _mathml(
    self: HTML5Translator, node: nodes.Element, tex: str, *, display: bool
) -> str:
    """Convert one formula; a LaTeX error becomes a warning at its node."""
    convert = _converter(tuple(self.builder.config.mathml_macros.items()))
    try:
        return convert.convert_with_local_state(tex, displaystyle=display)
    except LatexError as error:
        # The message starts with an offset into the wrapped text: of no use.
        reason = re.sub(r"^\d+: ", "", str(error))
        formula = " ".join(node.astext().split())
        logger.warning(
            "mathml: %s In the formula: %s",
            reason,
            formula,
            location=node,
            type="mathml",
        )
        return f"<code>{html.escape(formula)}</code>"


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    self.body.append(self.starttag(node, "span", "", CLASS=CLASSES))
    self.body.append(_mathml(self, node, node.astext(), display=False))
    self.body.append("</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula, with its number and permalink if it has one."""
    wrap = not node.get("no-wrap", node.get("nowrap", False))
    mathml = _mathml(self, node, display_tex(node.astext(), wrap=wrap), display=True)
    # Furo wraps the node in a container with the same ids: write them once.
    wrapped = node.parent is not None and node["ids"] == node.parent.get("ids")
    self.body.append(
        self.starttag(nodes.Element() if wrapped else node, "div", "", CLASS=CLASSES)
    )
    self.body.append(f'<div class="math-scroll">{mathml}</div>')
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


class KeepTogether(SphinxPostTransform):
    """Keep "(", "," and "-" on the line of the inline formula they touch.

    Browsers may break a line on either side of a formula, whatever stands there.
    """

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Put each formula and what must stay with it into one span."""
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


def check_macros(app: Sphinx, config: Config) -> None:
    """Stop the build if a macro itself is wrong, and name it."""
    macros: dict[str, str] = config.mathml_macros
    try:
        LatexToMathML(macros=macros, fancy_error=False)
    except LatexError as error:
        name = re.sub(r"^macro(\d+):.*", lambda m: list(macros)[int(m[1])], str(error))
        raise ConfigError(f"mathml_macros[{name!r}]: {error}") from error


def preload_font(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: object,
) -> None:
    """Let pages with formulas ask for the font before the style sheet names it.

    By a script, not by a link: a page that is opened from a folder may not preload,
    and a browser calls the attempt an error.
    """
    if app.config.mathml_font and context.get("has_maths_elements"):
        # Not through html_css_files: that appends ?v=…, and the browser would
        # fetch the font twice.
        url = context["pathto"](f"_static/{app.config.mathml_font}", resource=True)
        context["metatags"] += PRELOAD % url


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer and its settings."""
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(visit_math, None),
        block_renderers=(visit_math_block, None),
    )
    app.add_post_transform(KeepTogether)
    app.add_config_value("mathml_macros", {}, "html", types=frozenset({dict}))
    app.add_config_value("mathml_font", "", "html", types=frozenset({str}))
    app.connect("config-inited", check_macros)
    app.connect("html-page-context", preload_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
