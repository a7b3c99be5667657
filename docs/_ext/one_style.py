"""Gives all pages one style sheet, with only those rules that match something.

The theme and the extensions bring eleven style sheets of 144 kB, most of it for
things that this book does not have. When a build is finished they are joined in
their order, without the rules whose elements, classes or ids occur on no page and
in no script, and without variables that no rule reads. The address ends with a
digest of the result: who has visited an older edition gets the new one.

The sheets themselves stay where Sphinx puts them; the next build starts from them.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tinycss2
from sphinx.builders.html._assets import _CascadingStyleSheet
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

NAME = "_static/all.css"
LINK = re.compile(rf'({re.escape(NAME)})(?:\?v=\w+)?"')
# At-rules that hold rules; what stands in any other is kept as it is.
CONDITIONAL = {"media", "supports", "layer", "container"}

ELEMENT = re.compile(r"<([a-z][\w-]*)")
CLASSES = re.compile(r"""\bclass\s*=\s*["']([^"']*)["']""")
ID = re.compile(r"""\bid\s*=\s*["']([^"']*)["']""")
SCRIPT = re.compile(r"<script[^>]*>(.+?)</script>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_][\w-]*")
VARIABLE = re.compile(r"var\(\s*(--[\w-]+)")


@dataclass
class Rule:
    """A rule: its selectors or its at-keyword, and what stands in its braces."""

    head: str
    declarations: list[tuple[str, str]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    raw: str | None = None

    def text(self, variables: set[str] | None = None) -> str:
        """Write the rule; without variables that are not among those given."""
        if self.raw is not None:
            return self.head + self.raw
        parts = [rule.text(variables) for rule in self.rules] + [
            f"{name}:{value}"
            for name, value in self.declarations
            if variables is None or not name.startswith("--") or name in variables
        ]
        inner = ("\n" if self.rules else ";").join(filter(None, parts))
        return f"{self.head}{{{inner}}}" if inner else ""


def names_on_page(page: str) -> set[str]:
    """Return what selectors could name: elements, ``.classes`` and ``#ids``."""
    found = set(ELEMENT.findall(page))
    for value in CLASSES.findall(page):
        found.update(f".{name}" for name in value.split())
    found.update(f"#{name}" for name in ID.findall(page))
    for code in SCRIPT.findall(page):
        found |= names_in_script(code)
    return found


def names_in_script(code: str) -> set[str]:
    """Take each word of a script for an element, a class and an id that it makes."""
    words = WORD.findall(code)
    lower = {word.lower() for word in words}
    return lower | {f".{word}" for word in words} | {f"#{word}" for word in words}


def _shortened(tokens: Iterable[Any]) -> list[Any]:
    """Drop comments, and make any white space one space."""
    kept: list[Any] = []
    for token in tokens:
        if token.type == "comment":
            continue
        if token.type == "whitespace":
            if kept and kept[-1].type == "whitespace":
                continue
            token.value = " "
        elif token.type.endswith(" block"):
            token.content = _shortened(token.content)
        elif token.type == "function":
            token.arguments = _shortened(token.arguments)
        kept.append(token)
    return kept


def _text(tokens: Iterable[Any]) -> str:
    return str(tinycss2.serialize(_shortened(tokens))).strip()


def _selectors(prelude: Iterable[Any]) -> Iterator[list[Any]]:
    """Split a list of selectors at its commas."""
    part: list[Any] = []
    for token in prelude:
        if token == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _named(selector: Iterable[Any]) -> Iterator[str]:
    """Yield the elements, classes and ids that a selector cannot do without.

    What stands inside ``:not()``, ``:is()`` and the like is left out.
    """
    before: Any = None
    for token in selector:
        if token.type == "ident" and before == ".":
            yield f".{token.value}"
        elif token.type == "ident" and before != ":":
            yield token.lower_value
        elif token.type == "hash":
            yield f"#{token.value}"
        before = token


def _style_rule(head: str, content: list[Any]) -> Rule:
    items = tinycss2.parse_blocks_contents(content, True, True)
    if all(item.type == "declaration" for item in items):
        return Rule(
            head,
            [
                (item.name, _text(item.value) + "!important" * item.important)
                for item in items
            ],
        )
    # Nested rules, or a trick that only old browsers understand.
    return Rule(head, raw=f"{{{_text(content)}}}")


def _rules(nodes: Iterable[Any], used: set[str]) -> Iterator[Rule]:
    for node in nodes:
        if node.type == "error":
            raise ExtensionError(f"one_style: {node.message}, line {node.source_line}")
        if node.type == "qualified-rule":
            kept = [
                re.sub(r"\s*([>~+])\s*", r"\1", _text(selector))
                for selector in _selectors(node.prelude)
                if used.issuperset(_named(selector))
            ]
            if kept:
                yield _style_rule(",".join(kept), node.content)
            continue
        head = f"@{node.at_keyword} {_text(node.prelude)}".strip()
        if node.content is None:
            yield Rule(head, raw=";")
        elif node.lower_at_keyword in CONDITIONAL:
            inside = tinycss2.parse_rule_list(node.content, True, True)
            yield Rule(head, rules=list(_rules(inside, used)))
        else:
            yield Rule(head, raw=f"{{{_text(node.content)}}}")


def lean(sheet: str, used: set[str], elsewhere: str = "") -> str:
    """Return a style sheet without what has no effect.

    Parameters
    ----------
    sheet : str
        The style sheet.
    used : set of str
        What occurs: elements (``"p"``), classes (``".note"``), ids (``"#top"``).
    elsewhere : str
        Text outside the sheet that may read its variables.

    Returns
    -------
    str
        One rule a line, in the old order.

    Raises
    ------
    sphinx.errors.ExtensionError
        If the sheet cannot be read.
    """
    rules = list(_rules(tinycss2.parse_stylesheet(sheet, True, True), used))
    variables: set[str] | None = None
    while True:  # a variable may be read by one that nobody reads
        text = "\n".join(filter(None, (rule.text(variables) for rule in rules)))
        read = set(VARIABLE.findall(text + elsewhere))
        if read == variables:
            return text + "\n"
        variables = read


def rebased(sheet: str, folder: str) -> str:
    """Make the addresses in a sheet of `folder` relative to the joined one."""
    home = posixpath.dirname(NAME)

    def move(found: re.Match[str]) -> str:
        address = posixpath.normpath(posixpath.join(folder, found[2]))
        return f"{found[1]}{posixpath.relpath(address, home)}{found[3]}"

    return re.sub(r"""(url\(["']?)(?![a-z]+:|[#/"'])([^"')]+)(["']?\))""", move, sheet)


def is_joined(sheet: _CascadingStyleSheet) -> bool:
    """Tell whether a sheet is for the screen; one for paper stays apart, unread."""
    return sheet.attributes.get("media", "all") in ("all", "screen")


def link(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write one link in place of all for the screen."""
    if app.builder.name == "html":
        others = [sheet for sheet in context["css_files"] if not is_joined(sheet)]
        context["css_files"] = [_CascadingStyleSheet(NAME), *others]


def join(app: Sphinx, exception: Exception | None) -> None:
    """Join the sheets when all pages are written, and put the digest into the links."""
    if exception is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    pages = {path: path.read_text("utf-8") for path in sorted(out.rglob("*.html"))}
    used: set[str] = set().union(*map(names_on_page, pages.values()))
    for script in sorted(out.glob("_static/**/*.js")):
        used |= names_in_script(script.read_text("utf-8"))

    builder: Any = app.builder  # an HTML builder, see above: only those have sheets
    sheets = sorted(builder._css_files, key=lambda sheet: sheet.priority)
    names = dict.fromkeys(
        os.fspath(sheet.filename) for sheet in sheets if is_joined(sheet)
    )
    whole = "\n".join(
        rebased((out / name).read_text("utf-8"), posixpath.dirname(name))
        for name in names
    )
    joined = lean(whole, used, elsewhere="".join(pages.values()))
    (out / NAME).write_text(joined, "utf-8")
    digest = hashlib.sha256(joined.encode()).hexdigest()[:8]
    for path, page in pages.items():
        linked = LINK.sub(rf'\1?v={digest}"', page)
        if linked != page:
            path.write_text(linked, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension; after the theme, which writes a sheet at the end."""
    app.connect("html-page-context", link, priority=800)
    app.connect("build-finished", join, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
