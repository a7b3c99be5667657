"""docs/_ext/line_breaks.py: where a line may not end."""

import copy
import re

import pytest
from line_breaks import COMPARISON

BREAKABLE = r".{0,20}(?:[ \n][=≈<>≤≥≠]|[=≈<>≤≥≠][ \n]).{0,20}"
MATH = re.compile(r'<span class="math[^"]*"><math.*?</math></span>', re.DOTALL)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("λ = 3", "="),
        ("η(d + λ) < 2", "<"),
        ("λ =\n3", "="),
        # What stands before or after is a node of its own.
        ("with λ = ", "="),
        (" ≈ 118.", "≈"),
    ],
)
def test_a_comparison_is_one_word(text, sign):
    assert f"\u00a0{sign}\u00a0" in COMPARISON.sub("\u00a0\\1\u00a0", text)


@pytest.mark.parametrize("text", ["a - b", "three and 10", "= 3", "a, = b", "a → b"])
def test_other_text_stays_as_it_is(text):
    assert COMPARISON.sub("\u00a0\\1\u00a0", text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A norm ($w$), here.", "(MATH),"),
        ("The $p$-norm.", "MATH-"),
        ("The $n$th.", "MATHth"),
        ("Twice ($a$)($b$).", "(MATH)(MATH)."),
        ("Alone $w$ here.", ""),
        ("A dash $w$—then", ""),
    ],
)
def test_what_touches_a_formula_stays_on_its_line(build_page, text, kept):
    page = MATH.sub("MATH", build_page(f"# T\n\n{text}\n").page)
    groups = re.findall(r'<span class="nobreak">(.*?)</span>', page)

    assert "".join(groups) == kept
    assert re.sub(r"\$\w\$", "MATH", text) in re.sub("<[^>]*>", "", page)


def test_no_line_of_the_book_may_end_within_a_comparison(pages):
    breakable, kept = [], 0
    for name, page in pages.items():
        for tag in page.article.select("p, li, td, th, figcaption"):
            prose = copy.copy(tag)
            for other in prose.select("pre, code, math, p, li"):
                other.extract()
            text = prose.get_text()
            kept += len(re.findall("\u00a0[=≈<>≤≥≠]\u00a0", text))
            # Not by the pattern that is tested.
            breakable += [(name, found) for found in re.findall(BREAKABLE, text)]

    assert kept > 200
    assert breakable == []


def test_code_keeps_the_spaces_that_it_was_typed_with(pages):
    # Whoever copies code from a page must be able to run it.
    codes = {name: page.article.select("pre, code") for name, page in pages.items()}

    assert sum(map(len, codes.values())) > 500
    changed = {name for name, tags in codes.items() for t in tags if "\u00a0" in t.text}
    assert changed == set()
