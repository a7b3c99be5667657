"""Prepares pages for their translation, and misses no sentence of it.

Without it a Chinese page could lack a sentence without a word, and the search would not
find the terms of the glossary.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.pofile import read_po
from docutils import nodes
from sphinx import addnodes, locale
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import extract_messages
from sphinx_gallery import directives

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

logger = logging.getLogger(__name__)

GLOSSARY = "reference/glossary"
# What is the same in every language: code, references, formulas, addresses, names.
SAME = re.compile(
    r"(?:\{[\w:]+\}|:[\w:]+:)?(`+)[^`<]+?\1|\$[^$]+\$|https?://\S+"
    r"|\b(?:Adam|Keras|PyTorch|scikit-learn)\b"
)
WORD = re.compile(r"[^\W\d_]{2,}")


def has_words(message: str) -> bool:
    """Tell whether a message, in MyST or reStructuredText, has words to translate."""
    return WORD.search(SAME.sub("", message)) is not None


class imgsgnode(directives.imgsgnode, addnodes.translatable):  # type: ignore[misc]  # noqa: N801 - has no types, and this name
    """A picture of a script; its alternative text can be translated."""

    def preserve_original_messages(self) -> None:
        """Keep the English text."""
        self["english"] = self["alt"]

    def apply_translated_message(self, original: str, translated: str) -> None:
        """Take the other one."""
        self["alt"] = translated

    def extract_original_messages(self) -> list[str]:
        """Return the English text."""
        return [self["english"]]


directives.imgsgnode = imgsgnode


class ChooseMessages(SphinxTransform):
    """Leaves out of the catalogues what has no words, and the docstrings."""

    default_priority = 5

    def apply(self, **kwargs: Any) -> None:
        """Mark what is shown as it is; a formula that is translated comes out empty."""
        for node in self.document.findall(nodes.TextElement):
            shown = not isinstance(node, nodes.math_block | nodes.field_name)
            if not shown or not has_words(node.rawsource):
                node["translatable"] = False
        for docstring in self.document.findall(addnodes.desc):
            for node in docstring.findall(nodes.TextElement):
                node["translatable"] = False


class MissNoMessage(SphinxTransform):
    """Warns of each message that a catalogue lacks, or has as fuzzy or in English."""

    default_priority = 15

    def apply(self, **kwargs: Any) -> None:
        """Look into the catalogue of a page."""
        if self.config.language == "en":
            return
        # A role may touch a Chinese sign.
        self.document.settings.character_level_inline_markup = True
        folders = [self.env.srcdir / folder for folder in self.config.locale_dirs]
        catalog, _ = locale.init(folders, self.config.language, self.env.docname)
        for node, message in extract_messages(self.document):
            if catalog.gettext(message) == message:
                logger.warning("not translated: %s", message, location=node)


def teach_search(app: Sphinx, config: Config) -> None:
    """Write down the terms of the glossary, for the search to know them as words."""
    if config.language == "en":
        return
    from sphinx.search.zh import SearchChinese  # it loads jieba

    # The script asks for a stemmer of this name, and brings the English one.
    SearchChinese.language_name = "English"
    folder = app.srcdir / config.locale_dirs[0] / config.language / "LC_MESSAGES"
    with (folder / f"{GLOSSARY}.po").open("rb") as file:
        words = [str(entry.string) for entry in read_po(file)]
    path = Path(config.html_search_options["dict"])
    path.parent.mkdir(parents=True, exist_ok=True)
    terms = (word for word in words if re.fullmatch(r"[^\W\da-z]+", word))
    path.write_text("".join(f"{term} 1000\n" for term in terms), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transforms, and what the search needs."""
    app.add_transform(ChooseMessages)
    app.add_transform(MissNoMessage)
    app.connect("config-inited", teach_search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
