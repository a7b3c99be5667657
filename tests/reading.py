"""How the tests read a page of the built book: its prose, its outputs, its numbers."""

import posixpath
import re
from decimal import Decimal
from functools import cached_property
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, NavigableString

CSS_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""")
PRINTED = ".sphx-glr-script-out pre, .cell_output pre, .cell_output tr"
# The line under the title of an exercise: its kind, and how hard it is.
LABEL = re.compile(r"(Paper|Code|Build), (easy|medium|hard)")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]\d+)?")


class Page:
    """One HTML file of the book."""

    def __init__(self, book, name):
        self.name, self.book = name, book
        self.html = BeautifulSoup((book / name).read_text("utf-8"), "html.parser")
        self.article = self.html.find("article") or self.html
        self.ids = [tag["id"] for tag in self.html.find_all(id=True)]

    @cached_property
    def addresses(self):
        """Every address on the page, each with the tag that holds it."""
        found = []
        for tag in self.html.find_all(True):
            for attribute in ("href", "src", "action", "data", "poster", "xlink:href"):
                found += [(tag, tag[attribute])] if attribute in tag.attrs else []
            candidates = tag.get("srcset", "").split(",")
            found += [(tag, c.split()[0]) for c in candidates if c.strip()]
            style = tag.get("style", "") + (tag.text if tag.name == "style" else "")
            found += [(tag, address) for address in CSS_ADDRESS.findall(style)]
        return found

    def target(self, address):
        """The name of the file that a local address means, and its fragment."""
        path, fragment = urlsplit(address).path, urlsplit(address).fragment
        folder = posixpath.dirname(self.name)
        target = posixpath.normpath(posixpath.join(folder, unquote(path)))
        return (target if path else self.name), unquote(fragment)

    @cached_property
    def printed(self):
        """The lines that the code on the page has printed."""
        return printed_in(self.article)

    @cached_property
    def glued(self):
        """The computed numbers in the prose and in the tables."""
        return [tag.text for tag in self.article.select(".pasted-text")]


def printed_in(tag):
    """The lines that code has printed in a tag; a row of a table is a line."""
    lines = []
    for block in tag.select(PRINTED):
        row = block.name == "tr"
        lines += ["  ".join(block.stripped_strings)] if row else block.text.splitlines()
    return [line.replace("\u00a0", " ") for line in lines if line]


def is_local(address):
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def prose(tag):
    """The text of a tag without code and formulas."""
    if isinstance(tag, NavigableString):
        return str(tag)
    if tag.name in {"code", "pre", "math", "script", "style"}:
        return " "
    if "sig" in tag.get("class", []):  # a signature in the reference
        return " "
    return "".join(map(prose, tag.children))


def agrees(shown, value):
    """Whether a number is shown that is this value, rounded to the digits shown."""
    last_digit = 10.0 ** Decimal(shown).as_tuple().exponent
    return abs(float(shown) - value) <= last_digit / 2 + 1e-5 * abs(value)


def half_mse(y_hat, y):
    """The mean of half the squared errors, the unit of most losses of the book."""
    return float(((y_hat - y) ** 2).mean()) / 2


def numbers_of(line):
    return [float(number) for number in NUMBER.findall(line)]


def table(page, header, count):
    """The cells of the rows that follow a printed header."""
    start = page.printed.index(header) + 1
    return [line.split() for line in page.printed[start : start + count]]
