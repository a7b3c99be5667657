"""Describes each page to search engines by its own first paragraph.

A page without one, as the index, is described by its title and by the first
paragraph of the book.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from docutils import nodes
from math_core import LatexToMathML

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

LONGEST = 200  # characters; what is longer is not shown anyway
ABOVE = str.maketrans("0123456789+-−n⊤", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿᵀ")
BELOW = str.maketrans("0123456789+-−ij", "₀₁₂₃₄₅₆₇₈₉₊₋₋ᵢⱼ")
ACCENTS = {"ˆ": "\u0302", "^": "\u0302", "~": "\u0303", "¯": "\u0304", "⋆": "*"}
RELATIONS = {"=", "<", ">", "≤", "≥", "≈", "≠", "+", "−", "-", "→"}


def formula(tex: str) -> str:
    """Return a formula as one line of text, as ‖w‖₂ = √(w₁² + w₂²)."""
    mathml = LatexToMathML(fancy_error=False).convert_with_local_state(
        tex, displaystyle=False
    )
    mathml = mathml.replace("&ApplyFunction;", "")
    text = _linear(ElementTree.fromstring(mathml))
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _linear(element: ElementTree.Element) -> str:
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


def plain_text(node: nodes.Node) -> str:
    """Return the text of a paragraph as one line; a formula by its symbols."""
    if isinstance(node, nodes.math):
        return formula(node.astext())
    if isinstance(node, nodes.Text):
        return str(node)
    return "".join(map(plain_text, node.children))


def first_paragraph(doctree: nodes.document) -> str:
    """Return the first paragraph of a page, outside figures, notes and lists."""
    for paragraph in doctree.findall(nodes.paragraph):
        parent = paragraph.parent
        if isinstance(parent, nodes.section | nodes.document):
            text = " ".join(plain_text(paragraph).split())
            if text:
                return text
    return ""


def shortened(text: str, longest: int = LONGEST) -> str:
    """Cut a text after the last whole sentence that fits, else after a word."""
    if len(text) <= longest:
        return text
    head = text[: longest + 1]
    if len(sentences := re.split(r"(?<=[.?:;])\s", head)) > 1:
        whole = head[: -len(sentences[-1])].strip()
        if len(whole) >= longest // 3:
            return whole.rstrip(":;") if whole[-1] in ":;" else whole
    return head[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the description to the head of a page."""
    if "epub" in app.builder.name:
        return
    text = first_paragraph(doctree) if doctree is not None else ""
    if not text:
        root = first_paragraph(app.env.get_doctree(app.config.root_doc))
        title = re.sub(r"<[^>]+>", "", html.unescape(context.get("title", "")))
        text = f"{title}. {root}" if title else root
    content = html.escape(shortened(text))
    meta = f'<meta name="description" content="{content}" />\n'
    context["metatags"] = context.get("metatags", "") + meta


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension."""
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
