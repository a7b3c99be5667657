"""Decimals, percentages and multiples in the text come from the book's code.

In headings, paragraphs, lists, tables, captions and alternative texts, such a number
is glued; or printed in its own section and rounded to the digits shown (from three
digits on, printed anywhere on the page); or, a decimal, it stands in the code of the
page or in the chapter's setting; or it is worked out just before it: √180 = 13.4; or
numbers.toml has an expression for it, or names the source that is quoted.

One digit proves little, since a page prints many numbers: 0.3, 5 % and 30 % must be
printed just so. A multiple in whole digits (20 times, a factor of 4) is never sought
among what is printed. Other integers and number words are free.
"""

import ast
import inspect
import math
import re
import tomllib
from contextlib import suppress
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import torch
from bs4 import NavigableString
from reading import NUMBER, Page, agrees, printed_in

from weight_decay import optimizers, scratch, synthetic_data

ENTRIES = tomllib.loads(Path(__file__).with_name("numbers.toml").read_text("utf-8"))
UNREAD = {"code", "pre", "script", "style", "svg", "pasted-text", "sig", "citation"}
BREAKS = re.compile(r"p|div|li|[duo]l|d[dt]|t[dhr]|mtr|h\d|img|(fig)?caption|summary")
FORMULA = {"msup": "|^(|)", "mfrac": "(|)/(|)", "msqrt": "√(||)"}
SAID = re.compile(
    r"(?P<factor>\bfactors? of (?:(?:about|nearly|almost|more than|at least) )?)?"
    r"(?<![\w.])(?P<digits>\d{1,3}(?: \d{3})+|\d*\.\d+|\d+(?! ?/))(?!\d|\.\d)"
    r"(?: ?(?P<unit>%|per cent\b|times\b|-fold\b|×(?! ?[\d(√])))?",
    re.IGNORECASE,
)
SIGNS = ")^·⋅×−+/√"  # behind one, or behind a letter, a sum has begun before
ARITHMETIC = re.compile(
    rf"(?<![\w.{SIGNS}])(?<![{SIGNS}] )(?<!\b\w )"
    r"([\d√(][\d. ()√·⋅×−+/^]*)(?:[=≈]|, about) ?$"
)


def told(tag, titles):
    """What a tag says, a line for each paragraph, picture and row of a table.

    Left out: code, what it has printed, what is glued, the titles of other pages.
    """
    if isinstance(tag, NavigableString):
        hidden = type(tag) is not NavigableString or tag.strip() in titles
        return "…" if hidden else re.sub(r"\s+", " ", tag)
    printed = tag.name == "table" and tag.find_parent(class_="cell_output")
    if printed or UNREAD & {tag.name, *tag.get("class", [])}:
        return "…"
    parts = [told(child, titles) for child in tag.children if child.name != "section"]
    first, between, last = FORMULA.get(tag.name, "||").split("|")
    text = tag.get("alt", first) + between.join(parts) + last
    if tag.name == "tr":
        text = text.replace("\n", " ")
    if "#source-" in tag.get("href", ""):
        text += f" [{tag['href'].partition('#source-')[2]}]"
    return f"\n{text}\n" if BREAKS.fullmatch(tag.name) else text


@cache
def in_the_code(page):
    """The numbers in the code on a page, and those of the chapter's setting."""
    found = {setting()[name] for name in ("lr", "w", "b")}
    for block in page.article.select("pre"):
        if not block.find_parent(class_=["cell_output", "sphx-glr-script-out"]):
            with suppress(SyntaxError):  # a console, a list of files
                nodes = ast.walk(ast.parse(block.text))
                values = [n.value for n in nodes if isinstance(n, ast.Constant)]
                found |= {value for value in values if type(value) in (int, float)}
    return found


def worked_out(text):
    """The value of the arithmetic that a text ends with (√(180) =), else NaN."""
    found = ARITHMETIC.search(text)
    code = re.sub(r"(?<=[\d)]) *(?=[√(])", "*", found[1] if found else "nan")
    code = code.translate(str.maketrans("·⋅×−", "***-")).replace("^", "**")
    try:
        return float(eval(code.replace("√", "sqrt"), {**vars(math)}))
    except (SyntaxError, TypeError, ArithmeticError, ValueError):
        return math.nan


def has_origin(page, said, section):
    """Whether a number is worked out, in the code, or printed."""
    digits, percent = said["digits"].replace(" ", ""), said["unit"] in ("%", "per cent")
    if agrees(digits, worked_out(said.string[: said.start()]) * 100**percent):
        return True
    if "." not in digits and not percent:
        return False
    if not (said["factor"] or said["unit"]) and float(digits) in in_the_code(page):
        return True
    telling = (digits if "." in digits else digits.rstrip("0")).replace(".", "")
    size = len(telling.lstrip("0"))  # 1 for 0.05 and 30, 2 for 0.30
    for line in printed_in(section) if size < 3 else page.printed:
        for found in NUMBER.finditer(line):
            sign = line[found.end() :].lstrip().startswith("%")
            value = Decimal(found[0]).scaleb(2 * (percent - sign))
            finer = Decimal(digits).as_tuple().exponent - value.as_tuple().exponent
            just_so = sign == percent and finer == 0
            fine = just_so or (size > 1 and sign <= percent and finer >= 0)
            if fine and agrees(digits, float(value)):
                return True
    return False


def default(function, name):
    return inspect.signature(function).parameters[name].default


@cache
def setting():
    """The chapter's setting, from the defaults of the package."""
    problem = synthetic_data()
    lr, epochs, B = (default(scratch.train, w) for w in ("lr", "epochs", "batch_size"))
    (n, p), steps = problem.X_train.shape, epochs * len(problem.X_train) // B
    w, b = float(f"{problem.w_true[0].item():g}"), problem.b_true
    return {"n": n, "p": p, "B": B, "steps": steps, "lr": lr, "w": w, "b": b}


def is_given(page, said, expression):
    """Whether an entry gives a number, or holds, or names a source cited there."""

    def at(label, index=0, below=0):
        line = [label in line for line in page.printed].index(True) + below
        text = page.printed[line] if below else page.printed[line].partition(label)[2]
        return float(NUMBER.findall(text)[index])

    if f"[{expression}]" in said.string:
        return True
    names = {"at": at, "code": lambda x: x if x in in_the_code(page) else math.nan}
    names |= {"scratch": scratch, "optimizers": optimizers, "default": default}
    try:
        value = eval(expression, {"torch": torch, **vars(math), **setting(), **names})
    except (LookupError, NameError, ValueError, ArithmeticError):
        return False  # the page does not print it, or does not cite it
    return value is True or agrees(said["digits"].replace(" ", ""), abs(value))


def check(page, entries, titles=()):
    """What is wrong with the numbers of a page, and with its entries."""
    faults, idle = [], set(entries)
    for section in [page.article, *page.article.find_all("section")]:
        lines = [" ".join(line.split()) for line in told(section, titles).split("\n")]
        for said in (said for line in lines for said in SAID.finditer(line)):
            if not (said["factor"] or said["unit"] or "." in said["digits"]):
                continue
            at, text = said.start("digits"), said.string
            fault = "" if has_origin(page, said, section) else "has no origin"
            for words, value in entries.items():
                places = re.finditer(re.escape(words), text)
                if any(place.start() <= at < place.end() for place in places):
                    idle.discard(words)
                    fault = "" if is_given(page, said, value) else f"is not {value}"
            if fault:
                sentence = text[text.rfind(". ", 0, at) + 1 :].partition(". ")[0]
                faults.append(f"{page.name}: {said[0]} {fault}: “{sentence.strip()}”")
    return faults + [f"{page.name}: idle entry “{words}”" for words in sorted(idle)]


def test_every_number_comes_from_the_code_or_from_a_source(pages):
    headings = {name: page.article.find("h1") for name, page in pages.items()}
    titles = {name: h.text.removesuffix("¶") for name, h in headings.items() if h}
    faults = [f"There is no {name}." for name in sorted(ENTRIES.keys() - pages.keys())]
    for name, page in pages.items():
        others = {*titles.values()} - {titles.get(name)}
        faults += check(page, ENTRIES.get(name, {}), others)
    cure = "Glue it, print it in its section, or say in numbers.toml where it is from."
    assert not faults, "\n".join([*faults, cure])


PAGE = """
<article><section><h1>A page</h1><p>It is TEXT now.</p>
<div class="cell_output"><pre>norm 0.3440  0.7  share 61.2%  6%</pre>
<table><tr><th>ratio</th><td>1.72</td></tr></table></div></section></article>
"""
ROOT = "<math><msqrt><mn>180</mn></msqrt><mo>=</mo><mn>13.4</mn></math>"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("0.344", "0.345"),
        ("0.344", "0.34402"),  # more digits than are printed
        ("0.7", "0.3"),  # one digit: just so
        ("61 %", "62 %"),
        ("6 per cent", "5 per cent"),
        ("1.7 times", "1.8 times"),
        ("twice", "a factor of 2"),  # in whole digits
        (ROOT, ROOT.replace("13.4", "13.5")),
        ('<img alt="of 0.344">', '<img alt="of 0.354">'),
        ('<b class="pasted-text">0.51</b>', "0.51"),
    ],
)
def test_a_wrong_number_is_noticed(tmp_path, right, wrong):
    for text, faults in (right, 0), (wrong, 1):
        (tmp_path / "a.html").write_text(PAGE.replace("TEXT", text), "utf-8")
        assert len(check(Page(tmp_path, "a.html"), {})) == faults


def test_an_entry_counts_while_it_computes_the_number_or_is_cited(tmp_path):
    text = '0.49, 9 times <a href="b.html#source-kim">Kim</a>'
    (tmp_path / "a.html").write_text(PAGE.replace("TEXT", text), "utf-8")
    page = Page(tmp_path, "a.html")

    assert check(page, {"is 0.49": 'at("norm", 1) ** 2', "9 times": "kim"}) == []
    wrong = {"is 0.49": 'at("norm", 1)', "9 times": "han", "0.5": "0.5"}
    faults = "\n".join(check(page, wrong))
    assert 'a.html: 0.49 is not at("norm", 1): “It is 0.49, 9 times' in faults
    assert "a.html: 9 times is not han: “It is 0.49, 9 times" in faults
    assert "a.html: idle entry “0.5”" in faults
