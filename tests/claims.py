"""Every number that a reader of a page sees: in prose, tables, captions and titles.

A page is cut into blocks (a paragraph, a cell of a table, a caption, the description
of a picture); a block into pieces of words, code, mathematics, glue and links. Where a
number comes from is a question for origins.py.
"""

import ast
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString
from formulas import APART, sums
from reading import Page

ROOT = Path(__file__).parents[1]

# -- Numbers in a text --------------------------------------------------------

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen"
ONES += " fourteen fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: value for value, word in enumerate(ONES.split()) if value > 1}
WORDS |= {word: 10 * value for value, word in enumerate(TENS.split(), start=2)}
WORDS |= {
    f"{ten}-{one}": WORDS[ten] + value
    for ten in TENS.split()
    for value, one in enumerate(ONES.split()[1:10], start=1)
}
POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6}
PARTS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5,
    "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11,
    "twelfth": 12, "twentieth": 20, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
HALVES = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3}
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

SPACE = "[\u0020\u00a0\u2009\u202f]"
DIGITS = rf"\d{{1,3}}(?:{SPACE}\d{{3}})+(?!\d|\.\d)|\d*\.\d+|\d+"
WORD = "|".join(sorted(WORDS, key=len, reverse=True))
COUNT = rf"(?:(?:{WORD}|an?|one)[ -](?:hundred|thousand|million)|{WORD})"
PART = "|".join(PARTS)
# "Twice as long" is a ratio; "drawn twice" is two occasions.
COMPARED = r"(?:as|the|that|its|his|what|too|more|less|larger|smaller|longer|better)\b"

TOKENS = re.compile(
    rf"""
      (?P<locator>(?<![\w.])\d+(?:\.\d+){{2,}})
    | (?P<power>(?<![\w.])(?:\d+{SPACE}?[·×]{SPACE}?)?\d+[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    | (?P<percent>(?<![\w.])(?:{DIGITS}){SPACE}?(?:%|per\ cent)
                | \b(?:{COUNT}|one)\ per\ cent)
    | (?P<times>(?<![\w.])(?:{DIGITS})(?=\ times\b|-fold\b)
                | \b(?:{COUNT})(?=\ times\ {COMPARED}|\ times”|-fold\b))
    | (?P<factor>\bfactors?\ of\ (?:about\ |more\ than\ |at\ least\ |nearly\ )?
                (?:(?:{DIGITS})|(?:{COUNT})|(?:an?\ )?(?:thousand|hundred|million)s?)\b)
    | (?P<orders>\b(?:(?:{COUNT}|\d+)\ )?orders\ of\ magnitude)
    | (?P<many>\b(?:thousands|hundreds|millions)\ of\ times)
    | (?P<twice>\b[Tt]wice\b(?=\ {COMPARED}))
    | (?P<of>(?:(?<![\w.])\d+|\b(?:{WORD}|one))\ (?:in|out\ of|of)\ (?:{WORD})\b)
    | (?P<every>\bevery\ (?:{PART})\b)
    | (?P<part>\b(?:(?:an?|one|{WORD}|about|nearly|first|last)\ (?:{PART})s?\b(?!-)
              | half\b(?!-|\ (?:mean\ )?squared?|\ the\ (?:sum\ of\ )?(?:the\ )?squares?
                        |\ squares|\ a\ (?:square|cosine)|\ or\ whole))
              (?!\ (?:row|line|column|case|one|way|thing|coordinate|square)\b))
    | (?P<decimal>(?<![\w.])\d*\.\d+(?![\w]|\.\d))
    | (?P<symbol>[½¼¾⅓⅔])
    | (?P<integer>(?<![\w.])(?:{DIGITS})(?:st|nd|rd|th)?(?![⁻⁰¹²³⁴⁵⁶⁷⁸⁹]))
    | (?P<word>\b(?:{COUNT})\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
MEASURED = {"percent", "times", "factor", "orders", "many", "twice", "of", "part"}

# A number word below eleven is a measure or a setting before one of these only;
# "two ways" and "three things" are language.
UNITS = re.compile(
    r" (?:of the scripts|(?:\w+ )?(?:seeds|data sets|examples|steps|epochs|inputs"
    r"|networks))\b"
)
TYPE = re.compile(r"-(?:bit|dimensional)\b")  # "32-bit" names a kind of number


def number_in(text):
    """The value of digits or of number words."""
    text = text.lower().strip()
    if digits := re.search(DIGITS, text):
        return float(re.sub(SPACE, "", digits[0]))
    parts = re.split(r"[ ]", text)
    value = 1
    for part in parts:
        part = part.removesuffix("s") if part.removesuffix("s") in POWERS else part
        if part in POWERS:
            value *= POWERS[part]
        elif part in WORDS:
            value *= WORDS[part]
        elif "-" in part and part.split("-")[-1] in POWERS:
            one, power = part.split("-")
            value *= WORDS.get(one, 1) * POWERS[power]
    return float(value)


def value_of(kind, text):
    """The value that a number in the text stands for."""
    low = text.lower()
    match kind:
        case "power":
            *factor, power = re.split("[·×]", text)
            base, exponent = re.fullmatch(r"\D*(\d+?)([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", power).groups()
            scale = float(factor[0]) if factor else 1.0
            return scale * float(base) ** int(exponent.translate(SUPERSCRIPTS))
        case "twice":
            return 2.0
        case "symbol":
            return HALVES[text]
        case "of":
            one, other = re.split(r" (?:in|out of|of) ", low)
            return (1.0 if one == "one" else number_in(one)) / number_in(other)
        case "part" | "every":
            *first, part = low.split()
            part = part if part in PARTS else part.removesuffix("s")
            ratio = WORDS.get(first[0], 1) / PARTS[part] if first else 1 / PARTS[part]
            return ratio if kind == "part" else 1 / ratio
        case "orders":
            first = low.removesuffix("orders of magnitude").strip()
            return number_in(first) if first else math.nan
        case "percent" if low.startswith("one"):
            return 1.0
        case "factor":
            text = re.sub(r"^factors? of ", "", low)
    return number_in(text)


def digits_of(shown):
    """The digits of a number as written, without unit."""
    found = re.search(DIGITS, shown)
    return re.sub(SPACE, "", found[0]) if found else ""


def significant(digits):
    """How many of the digits say something: not the zeros in front."""
    return len(re.sub(r"^0+", "", digits.replace(".", "")))


def rounds_to(digits, value):
    """Whether a value, without its sign, is the number shown when it is rounded."""
    half = 10.0 ** Decimal(digits).as_tuple().exponent / 2
    value = abs(float(value))
    return abs(float(digits) - value) <= half + 1e-9 * (half + value)


# -- What a page says ---------------------------------------------------------

BLOCKS = ["p", "li", "td", "th", "dt", "dd", "figcaption", "caption", "summary", "img"]
BLOCKS += [f"h{level}" for level in range(1, 7)]
INNER = ["p", "ul", "ol", "dl", "dd", "table", "div"]
UNSEEN = ["script", "style", "svg"]
BESIDE_THE_TEXT = ["headerlink", "eqno", "sig", "caption-number", "linenos", "label"]
# Lists of links, made by Sphinx and by sphinx-gallery.
LISTS = ["toctree-wrapper", "sphx-glr-thumbcontainer", "sphx-glr-footer"]
SENTENCE = re.compile(r"(?<=[.?!:])[)”\"]*\s+(?=[(“\"]?[A-Z0-9λη«½])")


@dataclass(frozen=True)
class Piece:
    """A run of text of one kind: words, code, math, glue, or a link."""

    text: str
    kind: str
    tag: object = None


def pieces(tag, kind="words", origin=None):
    """The text of a tag, piece by piece."""
    if isinstance(tag, NavigableString):
        if type(tag) is NavigableString:
            yield Piece(str(tag), kind, origin)
        return
    classes = tag.get("class", [])
    if tag.name in [*UNSEEN, "pre"] or set(BESIDE_THE_TEXT) & set(classes):
        return
    if "pasted-text" in classes:
        yield Piece(tag.get_text(), "glue", tag)
    elif tag.name == "math":
        yield Piece(APART.join(tag.stripped_strings), "math", tag)
    elif tag.name == "code":
        yield Piece(tag.get_text(), "code", tag)
    else:
        if tag.name == "a" and "reference" in classes:
            kind, origin = "link", tag
        for child in tag.children:
            yield from pieces(child, kind, origin)


@dataclass
class Block:
    """A paragraph, a cell, a heading, a caption or the description of a picture."""

    page: str
    tag: object
    pieces: list
    order: int = 0
    section: object = None
    row: str = ""

    @cached_property
    def text(self):
        return "".join(piece.text for piece in self.pieces)

    def piece_at(self, position):
        for piece in self.pieces:
            if position < len(piece.text):
                return piece
            position -= len(piece.text)
        raise IndexError(position)

    @cached_property
    def sentences(self):
        """The sentences, as pairs of start and end."""
        ends = [match.end() for match in SENTENCE.finditer(self.text)]
        return list(zip([0, *ends], [*ends, len(self.text)], strict=True))

    @cached_property
    def numbers(self):
        return list(numbers_of(self))


@dataclass(eq=False)
class Number:
    """One number that a reader sees."""

    block: Block
    kind: str
    shown: str
    start: int
    end: int
    origin: str = ""
    remark: str = ""

    @cached_property
    def value(self):
        return value_of(self.kind, self.shown)

    @property
    def measured(self):
        return self.kind in MEASURED or self.kind == "decimal"

    @cached_property
    def span(self):
        """Where its sentence starts and ends."""
        for start, end in self.block.sentences:
            if start <= self.start < end:
                return start, end
        return 0, len(self.block.text)

    @property
    def sentence(self):
        if self.block.row:
            return self.block.row
        start, end = self.span
        return " ".join(self.block.text[start:end].replace(APART, "").split())

    @property
    def piece(self):
        digit = re.search(r"\d", self.shown)
        return self.block.piece_at(self.start + (digit.start() if digit else 0))


def numbers_of(block):
    """Every number in a block, in order."""
    text = block.text
    for match in TOKENS.finditer(text):
        kind, shown, start, end = match.lastgroup, match[0], match.start(), match.end()
        few = kind == "word" and number_in(shown) < 11
        if few and not UNITS.match(text, end):
            continue
        if kind == "orders" and math.isnan(value_of(kind, shown)):
            continue  # "by orders of magnitude" names no number
        if kind == "integer" and TYPE.match(text, end):
            continue
        if block.piece_at(start).kind != "code":
            yield Number(block, kind, shown, start, end)


class Text:
    """A page as the ledger reads it: blocks, code, and what is printed, in order."""

    def __init__(self, page):
        self.page, self.name = page, page.name
        self.blocks, self.outputs, self.sources = [], [], []
        for order, tag in enumerate(page.article.find_all(True)):
            if tag.name == "pre":
                shown = tag.find_parent(class_=["cell_output", "sphx-glr-script-out"])
                section = tag.find_parent("section")
                if shown:
                    lines = tag.get_text().splitlines()
                    self.outputs.append((order, section, lines))
                else:
                    self.sources.append(tag.get_text())
            elif self.is_block(tag):
                block = self.block(tag, order)
                if block.text.strip():
                    self.blocks.append(block)
        self.blocks += self.titles()

    @staticmethod
    def is_block(tag):
        if tag.find_parent(class_=LISTS):
            return False
        if tag.find_parent("table") and tag.find_parent(class_="cell_output"):
            return False  # a table that the code has made
        if tag.name == "div":
            return "math" in tag.get("class", [])
        return tag.name in BLOCKS and (tag.name == "img" or not tag.find(INNER))

    def block(self, tag, order):
        if tag.name == "img":
            parts = [Piece(tag.get("alt", ""), "words")]
        else:
            parts = [
                Piece(re.sub(r"\s+", " ", piece.text), piece.kind, piece.tag)
                for piece in pieces(tag)
            ]
        section = tag.find_parent("section")
        row = tag.find_parent("tr")
        text = " ".join(row.get_text(" ").split()) if row else ""
        return Block(self.name, tag, parts, order, section, text)

    def titles(self):
        """The titles that the code on a page writes above its pictures."""
        for order, source in enumerate(self.sources):
            for call in (n for n in ast.walk(tree(source)) if isinstance(n, ast.Call)):
                name = getattr(call.func, "attr", "")
                texts = call.args[:1] if name in {"set_title", "suptitle"} else []
                texts += [word.value for word in call.keywords if word.arg == "title"]
                for node in (n for text in texts for n in ast.walk(text)):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        words = [Piece(node.value, "words")]
                        yield Block(self.name, None, words, order)

    @cached_property
    def literals(self):
        """The numbers that stand in the code on the page."""
        return set().union(*map(literals, self.sources))

    def near(self, block):
        """What is printed in the section of a block, just before it and just after."""
        if block.tag is None or block.tag.name == "h1":
            return self.lines
        found = []
        before = [out for out in self.outputs if out[0] < block.order]
        after = [out for out in self.outputs if out[0] > block.order]
        close = [*before[-1:], *after[:1]]
        close += [out for out in self.outputs if out[1] is block.section]
        for *_, lines in close:
            found += lines
        return found

    @cached_property
    def worked_out(self):
        """The values of the sums in the formulas of the page: 13.4…, of √180."""
        formulas = self.page.article.find_all("math")
        return [value for formula in formulas for value in sums(formula)]

    @cached_property
    def lines(self):
        return [line for *_, lines in self.outputs for line in lines]


@cache
def tree(source):
    try:
        return ast.parse(source)
    except SyntaxError:  # a console, a formula, a text
        return ast.Module([], [])


@cache
def literals(source):
    """The numbers in a piece of Python, sums and powers of numbers worked out."""
    found = set()
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Constant):
            try:
                value = eval(ast.unparse(node), {"__builtins__": {}})
            except (NameError, TypeError, ValueError, ArithmeticError, AttributeError):
                continue  # there are names in it
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.add(abs(float(value)))
    return frozenset(found)


def page_from(html, name="page.html", book=ROOT):
    """A page that is not in the book, for trying the ledger."""
    page = Page.__new__(Page)
    page.name, page.book = name, book
    page.html = BeautifulSoup(html, "html.parser")
    page.article = page.html.find("article") or page.html
    page.ids = [tag["id"] for tag in page.html.find_all(id=True)]
    return page
