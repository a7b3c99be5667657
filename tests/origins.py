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
excepted    no result: a supposition, a piece of advice, a date; in claims.toml

An integer that sets an experiment up may be any of these. A *measured* number (a
decimal, a percentage, a fraction or a multiple, in digits or in words) is a parameter
only if it is a decimal that stands in the code just so. Printed numbers count in their
own section, and in the whole page from three digits on; a measured number of one digit
must be a printed percentage.
"""

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

import torch
from claims import ROOT, digits_of, literals, rounds_to, significant
from formulas import APART, calculate, factors, roundly, sums
from reading import NUMBER

import weight_decay
from weight_decay import scratch, synthetic_data

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


# -- Origins ------------------------------------------------------------------


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


COUNTED = re.compile(r" (?:\w+ )?(?P<what>scripts|questions|exercises)\b")
YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass
class Book:
    """All that an origin is looked up in."""

    texts: dict
    ledger: list = field(default_factory=list)
    sources: dict = field(default_factory=dict)

    @cached_property
    def counts(self):
        """How many scripts, questions and exercises the book has."""
        pages = {name: text.page for name, text in self.texts.items()}
        exercises = [page for name, page in pages.items() if name.startswith("exerc")]
        return {
            "scripts": len([name for name in pages if "/plot_" in name]),
            "questions": len([n for n in pages if re.match(r"questions/(?!more)", n)]),
            "exercises": sum(len(p.article.find_all("h2")) for p in exercises),
        }


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
    formula, digits = number.piece.tag, digits_of(number.shown)
    if number.kind not in {"decimal", "percent"} and digits not in roundly(formula):
        return "formula"
    per_cent = formula.find(["mo", "mi"], string="%")
    shown = str(Decimal(digits) / 100) if per_cent else digits
    if any(rounds_to(shown, value) for value in sums(formula)):
        return "derived"
    return from_code(text, number)


def from_code(text, number):
    """A number of the code on the page, or a default of the package."""
    if number.value in text.literals or number.value in package_defaults():
        return "parameter"
    return ""


def formulas_of(block):
    """The formulas in a block, each with its place in the text."""
    position = 0
    for piece in block.pieces:
        if piece.kind == "math":
            yield position, piece.tag
        position += len(piece.text)


ARITHMETIC = re.compile(r"(?:\d[\d.]*\s?[·×/+−]\s?)+\d[\d.]*\s?=\s?$")


def from_sentence(text, number):
    """The result of arithmetic in the text, or a ratio beside its formula."""
    start, end = number.span
    digits = digits_of(number.shown)
    if number.kind == "decimal":
        near = [
            formula for at, formula in formulas_of(number.block) if start <= at < end
        ]
        known = [value for formula in near for value in sums(formula)]
        known += text.worked_out if significant(digits) >= 3 else []
        if any(rounds_to(digits, value) for value in known):
            return "derived"
    before = number.block.text[start : number.start]
    if (line := ARITHMETIC.search(before)) and digits:
        value = calculate(line[0].rstrip("= ").translate(str.maketrans("·×−", "**-")))
        if value is not None and rounds_to(digits, value):
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
    """Whether the sentence holds the inverse ratio, or two integers of that ratio.

    "Half the rate needs twice the λ"; "20 of 200 directions, a tenth".
    """
    start, end = number.span
    others = [n for n in number.block.numbers if start <= n.start < end]
    if any(
        n.kind in {"twice", "part", "times", "every"}
        and n.value in {1 / number.value, number.value if n.kind == "every" else None}
        for n in others
    ):
        return True
    integers = [n.value for n in others if n.kind in {"integer", "word"}]
    integers += [float(n) for n in MN.findall(number.block.text[start:end])]
    return any(
        max(one, two) > 10 and one == number.value * two
        for one in integers
        for two in integers
    )


MN = re.compile(rf"(?<={APART})\d+(?={APART}|$)")


def from_structure(book, text, number):
    """A year of a source, the number of an exercise, an entry of the bibliography.

    None where the number is no part of the structure, empty where it is a wrong one.
    """
    block, before = number.block, number.block.text[: number.start]
    if block.tag and (entry := block.tag.find_parent(class_="citation")):
        key = entry["id"].removeprefix("source-")
        right = digits_of(number.shown) in book.sources.get(key, {}).get("all", "")
        return "structure" if right else ""
    if not before and re.match(r"\d+\. ", block.text):
        headings = [h.text.split(".")[0] for h in text.page.article.find_all("h2")]
        numbered = [int(heading) for heading in headings if heading.isdigit()]
        right = numbered == list(range(numbered[0], numbered[0] + len(numbered)))
        return "structure" if right else ""
    if YEAR.fullmatch(number.shown):
        named = named_sources(book, block.text)
        right = number.shown in {book.sources[key]["year"] for key in named}
    elif re.search(r"(?:section|chapter|algorithm) $", before):
        right = cited(block.tag) or named_sources(book, block.text)
    elif re.search(r"\brows (?:\d+ and )?$", before):
        right = number.value <= len(text.lines)
    else:
        right = NORMAL.search(before)
    return "structure" if right else None


NORMAL = re.compile(r"\bN\((?:0, )?$")  # the normal distribution


def named_sources(book, text):
    """The sources one of whose authors stands in a text, and their year."""
    words = set(re.findall(r"[\w’-]+", text))
    found = []
    for key, source in book.sources.items():
        authors = re.findall(r"(?:^|and )([^,]+),", source["author"])
        names = {author.split()[-1].replace("'", "’") for author in authors}
        if names & words and source["year"] in words:
            found.append(key)
    return found


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
            value = evaluate(book, text, entry["value"])
        except LookupError as error:
            number.remark = str(error)
            return ""
        number.remark = f"The value in claims.toml is {value:.6g}."
        supported = supports(number, value, entry.get("sense", "about"))
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
    if number.kind == "many" or re.search(
        r"(?:thousand|hundred|million)s$", number.shown
    ):
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
    imports = re.compile(rf"(?m)^ *(?:from|import) {module}\b")
    return sum(bool(imports.search(script.read_text("utf-8"))) for script in scripts)


def evaluate(book, text, expression):
    """The value of an expression of claims.toml."""
    page = Evaluation(text)
    names = {name: getattr(page, name) for name in ("at", "below", "code", "numbers")}
    names |= {name: getattr(math, name) for name in ("log", "log10", "sqrt", "exp")}
    names |= {name: getattr(math, name) for name in ("cos", "pi", "ceil", "erfc")}
    names |= {f.__name__: f for f in (max, min, abs, sum, round, range, zip)}
    own = (run, torch_default, licence, required_python, scripts_with)
    names |= {function.__name__: function for function in own}
    names |= {"missing_half": missing_half(), "__builtins__": {}}
    return float(eval(expression, {**names, **setting(), **book.counts}))


BESIDE_LEFT = re.compile(r"(?:[\w)‖₀-₉ᵗ²]\s?[−+·/×]\s?|[√‖]|[A-Za-z]\()$")
BESIDE_RIGHT = re.compile(r"\s?[−+·/×]\s?[A-Za-zα-ωΑ-Ω‖√∇(]|[α-ωΑ-Ω√‖(]|[a-zA-Z]\b")


def is_symbol(number):
    """Whether a number in the text belongs to a formula: ½, 2η, λ/2, or is 0 or 1."""
    if number.kind != "integer" or number.value in {0, 1}:
        return number.kind in {"symbol", "integer"}
    text = number.block.text
    return BESIDE_LEFT.search(text[: number.start]) or BESIDE_RIGHT.match(
        text, number.end
    )


def origin(book, number):
    """Where a number comes from; empty if it comes from nowhere."""
    text, block, kind = book.texts[number.block.page], number.block, number.piece.kind
    if kind == "glue":
        return "glued"
    if (found := from_ledger(book, text, number)) is not None:
        return found
    if kind == "math":
        return from_math(text, number) or from_output(text, number)
    if kind == "link" and (found := from_link(book, number)):
        return found
    if (found := from_structure(book, text, number)) is not None:
        return found
    counted = COUNTED.match(block.text, number.end)
    if counted and number.value == book.counts[counted["what"]]:
        return "counted"
    if found := from_sentence(text, number):
        return found
    if is_symbol(number):
        return "formula"
    if number.kind in {"decimal", "integer", "power", "word", "every"}:
        if found := from_code(text, number):
            return found
        if block.page == "reference/api.html" and number.value in package_literals():
            return "parameter"
    return from_output(text, number)


def from_output(text, number):
    """A number that the page prints: in the section, or anywhere if it is long."""
    digits = digits_of(number.shown)
    if not digits and number.kind != "percent":
        return ""  # words are not printed
    if is_printed(number, text.near(number.block)):
        return "printed"
    if significant(digits) >= 3 and is_printed(number, text.lines):
        return "printed"
    return ""


# -- The ledger ---------------------------------------------------------------


def read_sources(file):
    """The entries of a BibTeX file: all fields, and the whole text of each."""
    found = {}
    for key, body in re.findall(
        r"@\w+\{(\w+),(.*?)\n\}", file.read_text("utf-8"), re.DOTALL
    ):
        fields = dict(re.findall(r"(\w+)\s*=\s*\{(.*)\}", body))
        found[key] = {**fields, "all": body.replace("--", "–")}
    return found


def read_ledger(file):
    return tomllib.loads(file.read_text("utf-8"))["claim"]


def all_numbers(book):
    """Every number of the book with its origin."""
    for text in book.texts.values():
        for block in text.blocks:
            for number in block.numbers:
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
    where = number.block.tag.name if number.block.tag else "title"
    what = f"{number.block.page} ({where}): {number.shown!r} in “{sentence}”"
    return " ".join([f"{what} has no origin.", number.remark, CURE])


def table(numbers):
    """How many numbers of which origin stand on each page."""
    origins = sorted({number.origin or "NONE" for number in numbers})
    counts = Counter((n.block.page, n.origin or "NONE") for n in numbers)
    names = sorted({n.block.page for n in numbers})
    width = max(map(len, [*names, "in all"]))
    lines = [f"{'page':{width}}" + "".join(f" {o:>10}" for o in [*origins, "all"])]
    for name in [*names, "in all"]:
        row = [
            sum(counts[page, kind] for page in (names if name == "in all" else [name]))
            for kind in origins
        ]
        cells = "".join(f" {count or '':>10}" for count in [*row, sum(row)])
        lines.append(f"{name:{width}}{cells}")
    return "\n".join(lines)
