"""Mathematics as MathML Core, converted from LaTeX while the book is built.

Without it formulas would need a script of 2 MB, or another host, and would jump when
it arrives. ``_static/mathml.css`` holds the layout.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
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
PRELOAD = (
    '<script>if (location.protocol !== "file:") document.head.append(Object.assign('
    'document.createElement("link"), {rel: "preload", href: "%s", as: "font", '
    'type: "font/woff2", crossOrigin: ""}))</script>\n'
)
# For formulas as text.
ABOVE = str.maketrans("0123456789+-−n⊤", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿᵀ")
BELOW = str.maketrans("0123456789+-−ij", "₀₁₂₃₄₅₆₇₈₉₊₋₋ᵢⱼ")
ACCENTS = {"ˆ": "\u0302", "^": "\u0302", "~": "\u0303", "¯": "\u0304", "⋆": "*"}
RELATIONS = {"=", "<", ">", "≤", "≥", "≈", "≠", "+", "−", "-", "→"}
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


def mathml(tex: str, *, display: bool = False) -> str:
    """Convert one formula, with its text in one line for what shows no MathML.

    Raises
    ------
    math_core.LatexError
        If it is no LaTeX.
    """
    converter = LatexToMathML(fancy_error=False)
    found = converter.convert_with_local_state(tex, displaystyle=display)
    # The text, and an EPUB, know no named entities beyond XML's own.
    found = found.replace("&ApplyFunction;", "\u2061")
    text = html.escape(one_line(found))
    return found.replace("<math", f'<math alttext="{text}"', 1)


def one_line(mathml: str) -> str:
    """Return a formula as one line of text, as ‖w‖₂ = √(w₁² + w₂²)."""
    text = _linear(ET.fromstring(mathml)).replace("\u2061", "")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _linear(element: ET.Element) -> str:
    parts = [_linear(child) for child in element]
    match element.tag:
        case "mo" if (element.text or "") in RELATIONS:
            return f" {element.text} "
        case "msup" | "mover":
            return parts[0] + _raised(parts[1], "^", ABOVE)
        case "msub" | "munder":
            return parts[0] + _raised(parts[1], "_", BELOW)
        case "msubsup" | "munderover":
            base, below, above = parts
            return base + _raised(below, "_", BELOW) + _raised(above, "^", ABOVE)
        case "mfrac":
            return "½" if parts == ["1", "2"] else "/".join(map(_grouped, parts))
        case "msqrt":
            return f"√{_grouped(''.join(parts))}"
        case "mtr":
            return "".join(parts) + "; "
    return (element.text or "") + "".join(parts)


def _grouped(text: str) -> str:
    return (
        text if len(text) == 1 or (text.isalnum() and text.isascii()) else f"({text})"
    )


def _raised(text: str, sign: str, digits: dict[int, int]) -> str:
    """Write an index or exponent, with the small digits there are if they suffice."""
    text = text.replace(" ", "")
    if text in ACCENTS:
        return ACCENTS[text]
    if all(ord(letter) in digits for letter in text):
        return text.translate(digits)
    return sign + _grouped(text)


def _written(
    self: HTML5Translator, node: nodes.Element, tex: str, *, display: bool
) -> str:
    """Return the HTML of one formula; a LaTeX error becomes a warning at its node."""
    try:
        return mathml(tex, display=display)
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
    self.body.append(_written(self, node, node.astext(), display=False))
    self.body.append("</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula, with its number and permalink if it has one."""
    wrap = not node.get("no-wrap", node.get("nowrap", False))
    formula = _written(self, node, display_tex(node.astext(), wrap=wrap), display=True)
    # Furo wraps the node in a container with the same ids: write them once.
    wrapped = node.parent is not None and node["ids"] == node.parent.get("ids")
    self.body.append(
        self.starttag(nodes.Element() if wrapped else node, "div", "", CLASS=CLASSES)
    )
    self.body.append(f'<div class="math-scroll">{formula}</div>')
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


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
    app.add_config_value("mathml_font", "", "html", types=frozenset({str}))
    app.connect("html-page-context", preload_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
