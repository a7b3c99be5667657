"""Where every number of the book comes from: it is found, and its origin is named.

A page is cut into blocks (a paragraph, a cell of a table, a caption, the description
of a picture), and each number in them needs an origin:

glued       put there by the run, or part of what a cell shows
formula     an integer inside mathematics, or beside a symbol: 2η, λ/2, 1 − ηλ
parameter   a number in the code on the page, or a default of the package
printed     a number that the same page prints, rounded as shown
derived     the result of arithmetic written out: √180 = 13.4, or a ratio in words
            beside the formula that gives it
counted     a number of scripts, questions, exercises, checked against the book
structure   a year of a source, the number of an equation, the title behind a link
quoted      said by a source, cited in the same sentence or row; in claims.toml
computed    an expression over what the page prints, in claims.toml

An integer that sets an experiment up may be any of these. A *measured* number (a
decimal, a percentage, a fraction or a multiple, in digits or in words) may not be a
parameter unless it is a decimal written in the code just so, and if it has few
digits it must be printed in its own section.
"""

import ast
import inspect
import math
import pkgutil
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString
from reading import NUMBER, Page

import torch

import weight_decay
from weight_decay import scratch, synthetic_data

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
    | (?P<factor>\bfactors?\ of\ (?:about\ |more\ than\ |at\ least\ |nearly\ )?(?:an?\ )?
                (?:(?:{DIGITS})|(?:{COUNT})|ten\ thousand|thousands?|hundreds?|millions?)\b)
    | (?P<orders>\b(?:(?:{COUNT}|\d+)\ )?orders\ of\ magnitude)
    | (?P<many>\b(?:thousands|hundreds|millions)\ of\ times)
    | (?P<twice>\b[Tt]wice\b(?=\ {COMPARED}))
    | (?P<of>(?:(?<![\w.])\d+|\b(?:{WORD}|one))\ (?:in|out\ of|of)\ (?:{WORD})\b)
    | (?P<every>\bevery\ (?:{PART})\b)
    | (?P<part>\b(?:(?:an?|one|{WORD}|about|nearly|first|last)\ (?:{PART})s?\b
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
    r" (?:\w+ )?(?:seeds|data sets|examples|steps|epochs|inputs|networks)\b"
)


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


# -- What a page says ---------------------------------------------------------

APART = "\u2063"  # keeps the leaves of a formula from running together
BLOCKS = ["p", "li", "td", "th", "dt", "dd", "figcaption", "img", "caption"]
BLOCKS += [f"h{level}" for level in range(1, 7)]
INNER = ["p", "ul", "ol", "dl", "dd", "table", "div"]
SENTENCE = re.compile(r"(?<=[.?!:])[)”\"]*\s+(?=[(“\"]?[A-Z0-9λη«½])")
SYMBOL = r"[A-Za-zα-ωΑ-Ω‖√∇(][\w₀-₉∗*‖]*"
BESIDE_LEFT = re.compile(rf"(?:[\w)‖₀-₉ᵗ²]\s?[−+·/×]\s?|[√(‖]|\b\w\()$")
BESIDE_RIGHT = re.compile(rf"^(?:\s?[−+·/×]\s?{SYMBOL}|[α-ωΑ-Ω√‖]|[a-zA-Z]\b|\()")


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
    if tag.name in {"script", "style", "pre", "svg"} or {
        "headerlink", "eqno", "sig", "caption-number", "linenos", "label",
    } & set(classes):  # fmt: skip
        return
    if "pasted-text" in classes:
        yield Piece(tag.get_text(), "glue", tag)
    elif tag.name == "math":
        yield Piece(APART.join(tag.stripped_strings), "math", tag)
    elif tag.name == "code" or "sig" in classes:
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
        kind, shown = match.lastgroup, match.group()
        if kind == "word" and number_in(shown) < 11 and not UNITS.match(
            text, match.end()
        ):
            continue
        if kind == "orders" and math.isnan(value_of(kind, shown)):
            continue  # "by orders of magnitude" names no number
        start = match.start()
        if block.piece_at(start).kind == "code":
            continue
        if kind == "integer" and re.match(r"-(?:bit|dimensional)\b", text[match.end():]):
            continue  # the name of a type
        yield Number(block, kind, shown, start, match.end())


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
            elif tag.name in BLOCKS and self.is_block(tag):
                block = self.block(tag, order)
                if block.text.strip():
                    self.blocks.append(block)
        self.blocks += self.titles()

    @staticmethod
    def is_block(tag):
        if tag.find_parent(class_=["toctree-wrapper", "sphx-glr-thumbcontainer"]):
            return False
        if tag.find_parent(class_=["sphx-glr-footer", "admonition-try"]):
            return False
        if tag.find_parent("table") and tag.find_parent(class_="cell_output"):
            return False
        return tag.name == "img" or not tag.find(INNER)

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
                        yield Block(self.name, None, [Piece(node.value, "words")], order)

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
        sides = [side for formula in formulas for side in equalities(formula)]
        return [value for value, _, tags in sides if value is not None and len(tags) > 1
                or value is not None and tags[0].name != "mn"]

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
            if any(
                isinstance(part, ast.Constant) and not isinstance(part.value, int | float)
                or isinstance(part, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
                for part in ast.walk(node)
            ):
                continue
            try:
                value = eval(compile(ast.Expression(node), "", "eval"), {})  # noqa: S307
            except (TypeError, ValueError, ArithmeticError):
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.add(abs(float(value)))
    return frozenset(found)


# -- What the package says ----------------------------------------------------


@cache
def setting():
    """The chapter's setting, from the defaults of the package."""
    data = defaults(synthetic_data)
    run = defaults(scratch.train)
    problem = synthetic_data()
    n, p = data["n_train"], data["num_inputs"]
    steps = run["epochs"] * n // run["batch_size"]
    return {
        "n": n,
        "p": p,
        "m": data["n_test"],
        "sigma": data["noise_std"],
        "lr": run["lr"],
        "epochs": run["epochs"],
        "B": run["batch_size"],
        "w": float(f"{float(problem.w_true[0]):.6g}"),
        "b": float(f"{problem.b_true:.6g}"),
        "unseen": p - n,
        "steps": steps,
        "steps_per_epoch": steps // run["epochs"],
        "left": lambda lambd: (1 - run["lr"] * lambd) ** steps,
    }


def defaults(function):
    words = inspect.signature(function).parameters
    return {
        name: word.default
        for name, word in words.items()
        if isinstance(word.default, int | float) and not isinstance(word.default, bool)
    }


@cache
def package_defaults():
    """The defaults of all public functions, and what follows from the chapter's."""
    found = {value for value in setting().values() if not callable(value)}
    found |= {setting()["p"] + 1, setting()["n"] - 1, setting()["n"] + 1}
    for info in pkgutil.iter_modules(weight_decay.__path__):
        for value in vars(import_module(f"weight_decay.{info.name}")).values():
            if inspect.isfunction(value) and not value.__name__.startswith("_"):
                found |= set(defaults(inspect.unwrap(value)).values())
    # The chapter trains with these three.
    found |= {0, 3, 10}
    return frozenset(map(float, found))


@cache
def package_literals():
    files = sorted((ROOT / "weight_decay").glob("*.py"))
    return frozenset().union(*(literals(file.read_text("utf-8")) for file in files))


# -- Arithmetic in MathML -----------------------------------------------------

OPERATORS = {"·": "*", "⋅": "*", "×": "*", "−": "-", "+": "+", "/": "/", "(": "(", ")": ")"}
ROOTS = {"msqrt": "sqrt"}


def arithmetic(tags):
    """A piece of MathML as an expression of Python, or None."""
    out = ""
    for tag in tags:
        if isinstance(tag, NavigableString):
            if tag.strip():
                return None
            continue
        children = [child for child in tag.children if getattr(child, "name", None)]
        match tag.name:
            case "mn":
                part = tag.text.replace("\u2009", "").replace(",", "")
                part = "".join(part.split())
            case "mo":
                text = tag.text.strip()
                if text == "%":
                    out += "/100"
                    continue
                if text in {"\u2061", "\u2062", ""}:
                    continue
                if text not in OPERATORS:
                    return None
                part = OPERATORS[text]
            case "mspace":
                continue
            case "msqrt" | "mrow" | "mfrac" | "msup" | "mstyle":
                inner = [arithmetic([child]) for child in children]
                if tag.name in {"msqrt", "mrow", "mstyle"}:
                    inner = [arithmetic(children)]
                if None in inner or not inner:
                    return None
                if tag.name == "msup" and inner[0] == ")":
                    out += f")**({inner[1]})"
                    continue
                part = {
                    "msqrt": "sqrt({0})",
                    "mrow": "({0})",
                    "mstyle": "({0})",
                    "mfrac": "(({0})/({1}))",
                    "msup": "({0})**({1})",
                }[tag.name].format(*inner)
            case "mi":
                if tag.text.strip() != "%":
                    return None
                out += "/100"
                continue
            case _:
                return None
        if out and out[-1] not in "*-+/(" and part[0] not in "*-+/)":
            out += "*"
        out += part
    return out


def calculate(expression):
    try:
        return float(eval(expression, {"sqrt": math.sqrt, "__builtins__": {}}))  # noqa: S307
    except (SyntaxError, TypeError, ArithmeticError, ValueError, NameError):
        return None


RELATIONS = {"=", "≈", "<", ">", "≤", "≥", "≪", ","}


def equalities(math_tag):
    """The values between the signs of equality of a formula; None is a symbol."""
    root = math_tag
    while True:
        inner = [child for child in root.children if getattr(child, "name", None)]
        if len(inner) == 1 and inner[0].name in {"mrow", "mstyle", "semantics"}:
            root = inner[0]
        else:
            break
    sides, current = [], []
    for child in inner:
        if child.name == "mo" and child.text.strip() in RELATIONS:
            sides.append((current, child.text.strip()))
            current = []
        else:
            current.append(child)
    sides.append((current, ""))
    found = []
    for tags, relation in sides:
        expression = arithmetic(tags)
        found.append((calculate(expression) if expression else None, relation, tags))
    return found


# -- Origins ------------------------------------------------------------------


def digits_of(shown):
    """The digits of a number as written, without unit."""
    found = re.search(DIGITS, shown)
    return re.sub(SPACE, "", found[0]) if found else ""


def significant(digits):
    return len(re.sub(r"^0+", "", digits.replace(".", "")))


def rounds_to(digits, value, slack=1e-9):
    """Whether a value, rounded to the digits shown, is what is shown."""
    place = 10.0 ** Decimal(digits).as_tuple().exponent
    value = float(value)
    return abs(float(digits) - abs(value)) <= place / 2 * (1 + slack) + slack * abs(value)


def precise_enough(digits, printed):
    """Whether a printed number has at least the digits that are shown."""
    return printed.as_tuple().exponent <= Decimal(digits).as_tuple().exponent


def is_printed(number, lines):
    """Whether some printed number, rounded to the digits shown, is the one shown.

    One digit proves little, for a page prints many numbers: a measured number of one
    digit must be a printed percentage, or it is not found here.
    """
    digits = digits_of(number.shown) or f"{number.value:g}"
    few = significant(digits) < 2
    for line in lines:
        for match in NUMBER.finditer(line):
            printed = Decimal(match[0])
            per_cent = line[match.end() :].lstrip().startswith("%")
            if number.kind == "percent" and not per_cent:
                printed *= 100
            if number.measured and few and not (per_cent and number.kind == "percent"):
                continue
            if rounds_to(digits, printed) and precise_enough(digits, printed):
                return True
    return False


COUNTED = re.compile(
    r"\ (?:more\ )?(?:\w+\ )?(?P<what>scripts|questions|exercises)\b", re.VERBOSE
)
YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass
class Book:
    """All that an origin is looked up in."""

    texts: dict
    ledger: list = field(default_factory=list)
    sources: dict = field(default_factory=dict)  # key: (authors, year)

    @cached_property
    def counts(self):
        names = list(self.texts)
        exercises = [
            heading
            for name in names
            if name.startswith("exercises/")
            for heading in self.texts[name].page.article.find_all("h2")
        ]
        index = self.texts.get("questions/more.html")
        questions = [n for n in names if re.match(r"questions/(?!more\.)", n)]
        scripts = [n for n in names if re.match(r"auto_examples/plot_", n)]
        return {
            "scripts": len(scripts),
            "questions": len(questions),
            "exercises": len(exercises),
        } if index else {}

def cited(tag):
    """The sources that a tag cites, by their keys in references.bib."""
    links = tag.find_all("a", href=re.compile("#source-")) if tag else ()
    return {link["href"].rpartition("#source-")[2] for link in links}


def plain(text):
    """A title without braces, spaces and signs, to be compared."""
    return re.sub(r"[\W_]+", "", text).lower()


def from_link(book, number):
    """The title, the equation or the year that a link shows."""
    link = number.piece.tag
    page = book.texts[number.block.page].page
    address = link.get("href", "")
    if re.match(r"\w+:", address):
        return ""
    name, fragment = page.target(address)
    if name not in book.texts:
        return ""
    if key := book.sources.get(fragment.removeprefix("source-")):
        year = key["year"]
        return "structure" if number.shown == year else ""
    target = book.texts[name].page.article
    place = target.find(id=fragment) if fragment else target
    if place is None:
        return ""
    if "math" in " ".join(place.get("class", [])) or fragment.startswith("equation"):
        label = place.select_one(".eqno") or place.find_previous(class_="eqno")
        return "structure" if label and number.shown in label.get_text() else ""
    heading = place.find(re.compile("^h[1-6]$")) or target.find("h1")
    said = " ".join(link.get_text().split())
    title = heading.get_text().removesuffix("¶").removesuffix("#").strip()
    return "structure" if plain(said) in plain(title) else ""


def from_math(text, number):
    """An integer is a symbol; a decimal is a parameter, or the result of arithmetic."""
    if number.kind not in {"decimal", "percent"}:
        return "formula"
    sides = equalities(number.piece.tag)
    values = [value for value, *_ in sides if value is not None]
    digits = digits_of(number.shown)
    shown = float(digits) / (100 if number.kind == "percent" else 1)
    if number.kind == "percent":
        digits = str(Decimal(digits) / 100)
    for value, _, tags in sides:
        if value is None or not rounds_to(digits, value):
            continue
        if len(tags) > 2 or abs(value - shown) > 1e-12:
            continue
        others = [other for other in values if other is not value]
        if any(rounds_to(digits, other) for other in others):
            return "derived"
    return from_code(text, number)


def from_code(text, number):
    """A number of the code on the page, or a default of the package."""
    if number.value in text.literals or number.value in package_defaults():
        return "parameter"
    return ""


ARITHMETIC = re.compile(r"(?:\d[\d.]*\s?[·×/+−]\s?)+\d[\d.]*\s?=\s?$")


def from_sentence(text, number):
    """The result of arithmetic in the text, or a ratio beside its formula."""
    start, end = number.span
    if number.kind == "decimal":
        digits = digits_of(number.shown)
        values, position = [], 0
        for piece in number.block.pieces:
            if piece.kind == "math" and start <= position < end:
                values += [v for v, _, tags in equalities(piece.tag) if len(tags) > 0]
            position += len(piece.text)
        values = [v for v in values if v is not None and v != float(digits)]
        values += text.worked_out if significant(digits) >= 3 else []
        if any(rounds_to(digits, value) for value in values):
            return "derived"
    before = number.block.text[start : number.start]
    if (sum_ := ARITHMETIC.search(before)) and digits_of(number.shown):
        expression = sum_[0].rstrip("= ").translate(str.maketrans("·×−", "**-"))
        value = calculate(expression)
        if value is not None and rounds_to(digits_of(number.shown), value):
            return "derived"
    if number.kind not in {"twice", "part", "times"}:
        return ""
    if in_proportion(number):
        return "derived"
    ratio = number.value if number.value >= 1 else 1 / number.value
    sign = f"{ratio:.0f}"
    symbols = re.findall(r"(?<![\w.])\d+(?=[α-ω])|(?<=[α-ω]/)\d+", number.block.text)
    halves = "2" if "½" in number.block.text else ""
    tag = number.block.tag
    beside = [tag.find_previous_sibling(), tag, tag.find_next_sibling()] if tag else []
    for formula in (f for near in beside if near for f in near.find_all("math")):
        symbols += factors(formula)
    return "derived" if sign in {halves, *symbols} else ""


def in_proportion(number):
    """Whether the sentence holds the same ratio again, or two integers that have it.

    "Half the rate needs twice the λ"; "20 of 200 directions, a tenth".
    """
    start, end = number.span
    others = [
        other
        for other in numbers_of(number.block)
        if start <= other.start < end and other.start != number.start
    ]
    same = (number.value, 1 / number.value)
    for other in others:
        if other.kind in {"twice", "part", "times", "every"} and other.value in same:
            return True
    integers = [o.value for o in others if o.kind in {"integer", "word"} and o.value > 1]
    integers += [float(n) for n in MN.findall(number.block.text[start:end])]
    return any(
        max(one, two) > 10 and one / two == number.value
        for one in integers
        for two in integers
        if one and two
    )


MN = re.compile(rf"(?<={APART})\d+(?={APART}|$)")


def factors(math_tag):
    """The integers by which a formula multiplies or divides something."""
    for tag in math_tag.find_all("mn"):
        before, after = tag.find_previous_sibling(), tag.find_next_sibling()
        parent = tag.parent.name
        below = parent == "mfrac" and before is not None
        divides = before is not None and before.text == "/"
        multiplies = parent not in {"msub", "msup", "msubsup", "mfrac"} and (
            after is not None and after.name in {"mi", "msub"}
        )
        if below or divides or multiplies:
            yield tag.text.strip()


def from_structure(book, text, number):
    """A year of a source, the number of an exercise, an entry of the bibliography."""
    block, sentence = number.block, number.sentence
    if block.tag is not None and (entry := block.tag.find_parent(class_="citation")):
        key = entry.get("id", "").removeprefix("source-")
        known = book.sources.get(key, {}).get("all", "")
        return "structure" if digits_of(number.shown) in known else ""
    if YEAR.fullmatch(number.shown):
        named = (book.sources[key]["year"] for key in named_sources(book, block.text))
        if number.shown in named:
            return "structure"
    if re.match(r"h\d", getattr(block.tag, "name", "") or "") and re.match(
        r"\d+\. ", block.text
    ):
        headings = [h.get_text().split(".")[0] for h in text.page.article.find_all("h2")]
        numbered = [int(h) for h in headings if h.isdigit()]
        first = numbered[0] if numbered else 0
        right = numbered == list(range(first, first + len(numbered)))
        return "structure" if number.start == 0 and right else ""
    before = block.text[: number.start]
    if re.search(r"\b[Nn]\(0, $|\b[Nn]\($", before):
        return "structure"  # the normal distribution
    if re.search(r"(?:section|chapter) $", before) and (
        cited(block.tag) or list(named_sources(book, block.text))
    ):
        return "structure"  # of the source that is cited
    if re.search(r"\brows (?:\d+ and )?$", before):
        return "structure" if number.value <= len(text.lines) else ""
    return ""


def named_sources(book, text):
    """The sources one of whose authors and whose year stand in a text."""
    words = set(re.findall(r"[\w’-]+", text))
    for key, source in book.sources.items():
        names = re.findall(r"(?:^|and )((?:van )?[\w’'-]+)", source["author"])
        known = {name.split()[-1].replace("'", "’") for name in names}
        if known & words and source["year"] in words:
            yield key


def from_ledger(book, text, number):
    """An entry of claims.toml: a quotation, or an expression over the page."""
    for entry in book.ledger:
        if entry["page"] != number.block.page or entry["shown"] != number.shown:
            continue
        if entry["words"] not in number.sentence:
            continue
        entry["used"] = True
        if "source" in entry:
            holder = number.block.tag.find_parent("tr") or number.block.tag
            return "quoted" if entry["source"] in cited(holder) else ""
        if "value" not in entry:
            return "excepted"
        try:
            entry["found"] = evaluate(book, text, entry["value"])
        except LookupError as error:
            number.remark = str(error)
            return ""
        number.remark = f"The value in claims.toml is {entry['found']:.6g}."
        supported = supports(number, entry["found"], entry.get("sense", "about"))
        return "computed" if supported else ""
    return None


def supports(number, value, sense="about"):
    """Whether a computed value is what the number says.

    Digits must be the value rounded, unless the text says "about"; a word is near
    enough within a tenth of itself. "Thousands" are anything from one thousand to a
    million.
    """
    said, digits = number.value, digits_of(number.shown)
    if sense == "below":
        return value < said
    if sense == "above":
        return value > said
    if number.kind == "many" or re.search(r"(?:thousand|hundred|million)s$", number.shown):
        return said <= value < 1000 * said
    if digits and number.kind not in {"of", "every"}:
        return rounds_to(digits, value)
    return abs(value - said) <= said / 10


class Evaluation:
    """What the expressions of claims.toml may call, for one page."""

    def __init__(self, text):
        self.text = text

    def line(self, label, nth=0):
        """The number of the printed line that holds a label."""
        found = [i for i, line in enumerate(self.text.lines) if label in line]
        if len(found) <= nth:
            raise LookupError(f"{self.text.name} prints no line with {label!r}")
        return found[nth]

    def numbers(self, label, nth=0):
        """The numbers that are printed behind a label, on its line."""
        rest = self.text.lines[self.line(label, nth)].partition(label)[2]
        return [float(number) for number in NUMBER.findall(rest)]

    def at(self, label, index=0, nth=0):
        """One of the numbers that are printed behind a label."""
        return self.numbers(label, nth)[index]

    def below(self, header, line, index):
        """A number in the first, second, … line below a header."""
        row = self.text.lines[self.line(header) + line]
        return float(NUMBER.findall(row)[index])

    def code(self, value):
        """A number, if it stands in the code on the page."""
        if float(value) not in self.text.literals:
            raise LookupError(f"{self.text.name} has no {value} in its code")
        return value


@cache
def run(lambd):
    """The chapter's run with this λ."""
    return scratch.train(synthetic_data(), lambd)


def missing_half():
    """The factor between the losses of the two programs."""
    error = torch.tensor([[3.0]])
    half = scratch.squared_loss(error, torch.zeros_like(error))
    return float(torch.nn.functional.mse_loss(error, torch.zeros_like(error)) / half)


def torch_default(optimizer, word):
    """The default of an argument of an optimiser of PyTorch."""
    return inspect.signature(getattr(torch.optim, optimizer)).parameters[word].default


def required_python():
    """The oldest version of Python that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return float(project["requires-python"].removeprefix(">="))


def licence():
    """The version of the licence of the text."""
    text = (ROOT / "LICENSE").read_text("utf-8")
    return float(re.search(r"(?:Attribution|CC BY) (\d\.\d)", text)[1])


def scripts_with(module):
    """How many scripts import a package."""
    scripts = (ROOT / "examples").glob("plot_*.py")
    found = [re.search(rf"(?m)^ *(?:from|import) {module}\b", s.read_text("utf-8")) for s in scripts]
    return len([match for match in found if match])


def evaluate(book, text, expression):
    """The value of an expression of claims.toml."""
    page = Evaluation(text)
    names = {name: getattr(page, name) for name in ("at", "below", "code", "numbers")}
    names |= {name: getattr(math, name) for name in ("log", "log10", "sqrt", "exp")}
    names |= {name: getattr(math, name) for name in ("cos", "pi", "ceil", "erfc")}
    names |= {"max": max, "min": min, "abs": abs, "sum": sum, "range": range, "zip": zip}
    names |= {"round": round}
    names |= {"run": run, "torch_default": torch_default, "licence": licence}
    names |= {"required_python": required_python, "scripts_with": scripts_with}
    names |= {"missing_half": missing_half(), "__builtins__": {}}
    return float(eval(expression, {**names, **setting(), **book.counts}))  # noqa: S307


def origin(book, number):
    """Where a number comes from; empty if it comes from nowhere."""
    text, block = book.texts[number.block.page], number.block
    piece = number.piece
    if piece.kind == "glue":
        return "glued"
    if (found := from_ledger(book, text, number)) is not None:
        return found
    if piece.kind == "math":
        return from_math(text, number) or printed_origin(text, number)
    if piece.kind == "link" and (found := from_link(book, number)):
        return found
    if found := from_structure(book, text, number):
        return found
    if counted := COUNTED.match(block.text, number.end):
        if number.value == book.counts.get(counted["what"]):
            return "counted"
    if found := from_sentence(text, number):
        return found
    left, right = block.text[: number.start], block.text[number.end :]
    if number.kind in {"integer", "symbol"} and (
        number.kind == "symbol" or number.value in {0, 1} or BESIDE_LEFT.search(left) or BESIDE_RIGHT.match(right)
    ):
        return "formula"
    if number.kind in {"decimal", "integer", "power", "word", "every"}:
        if found := from_code(text, number):
            return found
        if number.block.page == "reference/api.html":
            if number.value in package_literals():
                return "parameter"
    return printed_origin(text, number)


def printed_origin(text, number):
    if number.kind in {"orders", "twice", "part", "many", "of"}:
        return ""  # words are not printed
    if number.kind in {"times", "factor", "word"} and not digits_of(number.shown):
        return ""
    near = text.near(number.block)
    if is_printed(number, near):
        return "printed"
    if significant(digits_of(number.shown)) >= 3 and is_printed(number, text.lines):
        return "printed"
    return ""


# -- The ledger ---------------------------------------------------------------


def read_sources(file):
    """The entries of a BibTeX file: all fields, and the whole text of each."""
    found = {}
    for key, body in re.findall(r"@\w+\{(\w+),(.*?)\n\}", file.read_text("utf-8"), re.S):
        fields = dict(re.findall(r"(\w+)\s*=\s*\{(.*)\}", body))
        found[key] = {**fields, "all": body.replace("--", "–")}
    return found


def read_ledger(file):
    return tomllib.loads(file.read_text("utf-8"))["claim"]


def all_numbers(book):
    """Every number of the book with its origin."""
    for text in book.texts.values():
        for block in text.blocks:
            for number in numbers_of(block):
                number.origin = origin(book, number)
                yield number


CURE = (
    "Glue it or print it on the page (rounded as in the text), take it from the code, "
    "or name its source or its computation in tests/docs/claims.toml."
)


def complaint(number):
    """What is wrong with a number without an origin, and what to do."""
    sentence = number.sentence
    if len(sentence) > 240:
        start = max(0, number.start - number.span[0] - 120)
        sentence = "…" + sentence[start : start + 240] + "…"
    what = number.block.tag.name if number.block.tag is not None else "title"
    return f"{number.block.page} ({what}): {number.shown!r} in “{sentence}”. {CURE}"


def page_from(html, name="page.html", book=ROOT):
    """A page that is not in the book, for trying the ledger."""
    page = Page.__new__(Page)
    page.name, page.book = name, book
    page.html = BeautifulSoup(html, "html.parser")
    page.article = page.html.find("article") or page.html
    page.ids = [tag["id"] for tag in page.html.find_all(id=True)]
    return page


def table(numbers):
    """How many numbers of which origin stand on each page."""
    origins = sorted({number.origin or "NONE" for number in numbers})
    counts = Counter((n.block.page, n.origin or "NONE") for n in numbers)
    names = sorted({n.block.page for n in numbers})
    width = max(map(len, [*names, "in all"]))
    lines = [" ".join([f"{'page':{width}}", *(f"{o:>10}" for o in origins), "       all"])]
    for name in [*names, "in all"]:
        row = [
            sum(counts[page, kind] for page in (names if name == "in all" else [name]))
            for kind in origins
        ]
        cells = "".join(f" {count or '':>10}" for count in [*row, sum(row)])
        lines.append(f"{name:{width}}{cells}")
    return "\n".join(lines)
