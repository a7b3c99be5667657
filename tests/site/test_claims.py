"""Every number that a reader sees comes from the book's code, or from a source."""

import re
from pathlib import Path

import pytest
from bs4 import NavigableString
from claims import APART, BESIDE_THE_TEXT, LISTS, UNSEEN, Text, page_from
from markdown_it import MarkdownIt
from origins import Book, all_numbers, complaint, read_ledger, read_sources, table

ROOT = Path(__file__).parents[2]
MADE_BY_SPHINX = {"genindex.html", "search.html", "py-modindex.html"}


@pytest.fixture(scope="module")
def sources():
    """The entries of the bibliography."""
    return read_sources(ROOT / "docs" / "reference" / "references.bib")


@pytest.fixture(scope="module")
def whole(pages, sources):
    """The book with its README, and the ledger."""
    markdown = MarkdownIt("commonmark").enable("table")
    readme = markdown.render((ROOT / "README.md").read_text("utf-8"))
    written = {name: pages[name] for name in sorted(pages.keys() - MADE_BY_SPHINX)}
    written["README.md"] = page_from(readme, "README.md")
    texts = {name: Text(page) for name, page in written.items()}
    return Book(texts, read_ledger(ROOT / "tests" / "docs" / "claims.toml"), sources)


@pytest.fixture(scope="module")
def numbers(whole):
    """Every number with its origin; pytest -s shows how many there are."""
    found = list(all_numbers(whole))
    print("", table(found), sep="\n")
    return found


def test_every_number_has_an_origin(numbers):
    assert len(numbers) > 2000
    nowhere = [complaint(number) for number in numbers if not number.origin]
    assert nowhere == [], "\n\n".join(nowhere)


def test_every_entry_of_the_ledger_is_of_use(numbers, whole):
    idle = [entry for entry in whole.ledger if "used" not in entry]

    assert idle == [], "Take these out of tests/docs/claims.toml, or mend their words."


def test_an_entry_of_the_ledger_says_all_it_has_to(whole):
    known = {"page", "shown", "words", "value", "sense", "source", "reason", "used"}
    for entry in whole.ledger:
        assert {"page", "shown", "words", "reason"} <= entry.keys() <= known, entry
        assert len(entry["reason"].split()) >= 2 or "value" in entry, entry
        assert not {"value", "source"} <= entry.keys(), entry
    without = [
        entry for entry in whole.ledger if not entry.keys() & {"value", "source"}
    ]
    assert len(without) <= 8, "A number that is no result is a rare thing."


def test_no_text_with_a_digit_is_left_out(whole):
    left_out = []
    for name, text in whole.texts.items():
        read = "".join("".join(block.text.split()) for block in text.blocks)
        for words in text.page.article.find_all(string=re.compile(r"\d")):
            if type(words) is not NavigableString or (
                words.find_parent([*UNSEEN, "pre", "math"])
                or words.find_parent(class_=[*LISTS, *BESIDE_THE_TEXT])
            ):
                continue
            if "".join(words.split()) not in read:
                left_out.append(f"{name}: {words.strip()}")
    assert left_out == []


# -- Planted faults ---------------------------------------------------------------

ROOT_OF_180 = "<math><msqrt><mn>180</mn></msqrt><mo>=</mo><mn>13.4</mn></math>"
PAGE = """
<article><section><h1>A page</h1>
<div class="highlight"><pre>
problem = train(lambd=7, lr=0.04)
ax.set_title(TITLE)
</pre></div>
<div class="cell_output"><pre>
 λ    norm   share
 7  0.3440   61.2%
</pre></div>
TEXT
</section></article>
"""


def origins_on(text, title='"A title"', ledger=(), sources=None, name="page.html"):
    """The numbers of a tiny page and where they come from."""
    page = page_from(PAGE.replace("TEXT", text).replace("TITLE", title), name)
    book = Book({name: Text(page)}, list(ledger), sources or {})
    return [(number.shown, number.origin) for number in all_numbers(book)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        # a measured number that nothing computes
        ("<p>With λ = 7 the norm is 0.36.</p>", "0.36"),
        ("<p>The norm is 0.345.</p>", "0.345"),
        ("<p>The norm is 0.34402.</p>", "0.34402"),  # more digits than are printed
        ("<p>The share is 62 %.</p>", "62 %"),
        ("<p>The share is 62 per cent.</p>", "62 per cent"),
        ("<p>Of 137 images it knows most.</p>", "137"),
        ("<p>All seventeen agree.</p>", "seventeen"),
        ("<p>In 3 of ten cases it fails.</p>", "3 of ten"),
        ("<p>What is left is 10⁻⁹.</p>", "10⁻⁹"),
        ("<p>There are 250 000 of them.</p>", "250 000"),
        # a ratio in words
        ("<p>That is a third of the loss.</p>", "a third"),
        ("<p>It is about half as long.</p>", "about half"),
        ("<p>The run is twice as fast.</p>", "twice"),
        ("<p>It forgets ten times as fast.</p>", "ten"),
        ("<p>It falls by five orders of magnitude.</p>", "five orders of magnitude"),
        ("<p>It falls by a factor of 40.</p>", "factor of 40"),
        ("<p>It is thousands of times larger.</p>", "thousands of times"),
        # in other places than paragraphs
        ("<h2>Why the norm is 12.7</h2>", "12.7"),
        ("<figure><figcaption><p>It keeps 9.9 %.</p></figcaption></figure>", "9.9 %"),
        ('<img alt="The loss falls to 0.0145 in the end.">', "0.0145"),
        ("<table><tr><td>norm</td><td>0.51</td></tr></table>", "0.51"),
        ("<ul><li>The norm: 0.51.</li></ul>", "0.51"),
        ("<details><summary>All 55 of them</summary></details>", "55"),
        # in mathematics
        ("<p><math><mi>x</mi><mo>=</mo><mn>0.77</mn></math></p>", "0.77"),
        ("<p><math><mi>x</mi><mo>≈</mo><mn>77</mn></math></p>", "77"),
        (f"<p>{ROOT_OF_180.replace('13.4', '13.5')}</p>", "13.5"),
        ('<div class="math"><math><mn>0.77</mn></math></div>', "0.77"),
        ("<p>That is 2 · 58.9 = 117.</p>", "117"),
        # structure
        ("<p>Zhang et al. (2022) say so.</p>", "2022"),
        ("<h2>2. A second exercise</h2><h2>4. A third</h2>", "4"),
        ("<p>There are 12 scripts.</p>", "12"),
    ],
)
def test_a_number_without_an_origin_is_found(text, wrong, sources):
    found = origins_on(text, sources=sources)

    assert (wrong, "") in found


@pytest.mark.parametrize(
    ("text", "shown", "origin"),
    [
        ('<p>It is <span class="pasted-text">0.36</span>.</p>', "0.36", "glued"),
        ("<p>With λ = 7 it runs.</p>", "7", "parameter"),
        ("<p>With η = 0.04 it runs.</p>", "0.04", "parameter"),
        ("<p>The 20 examples are few.</p>", "20", "parameter"),
        ("<p>The norm is 0.344.</p>", "0.344", "printed"),
        ("<p>The norm is 0.34.</p>", "0.34", "printed"),
        ("<p>The share is 61 %.</p>", "61 %", "printed"),
        (f"<p>Near {ROOT_OF_180}.</p>", "13.4", "derived"),
        ("<p>That is 2 · 58.9 = 118.</p>", "118", "derived"),
        ("<p>Twice the λ needs half the rate.</p>", "half", "derived"),
        ("<p>The 20 of 200 directions are a tenth.</p>", "a tenth", "derived"),
        ("<p>The step 2η is twice as long.</p>", "twice", "derived"),
        ("<p>Put 2η in place of η.</p>", "2", "formula"),
        ("<p>Zhang et al. (2023) say so.</p>", "2023", "structure"),
        ("<h2>2. A second exercise</h2><h2>3. A third</h2>", "3", "structure"),
    ],
)
def test_a_number_with_an_origin_passes(text, shown, origin, sources):
    assert (shown, origin) in origins_on(text, sources=sources)


@pytest.mark.parametrize(
    "text",
    [
        "<p>We run it twice, in two ways, three times over.</p>",
        "<p>The L2 norm, float32, 64-bit numbers and the half squared error.</p>",
        "<p>The third row, a half-life, <code>f(0.77)</code>.</p>",
    ],
)
def test_names_and_language_are_no_numbers(text):
    assert origins_on(text) == []


def test_a_number_in_the_title_of_a_picture_is_found():
    assert origins_on("", '"It keeps 9.9 %"') == [("9.9 %", "")]
    assert origins_on("", 'f"With λ = {lambd}"') == []


QUOTED = {
    "page": "page.html",
    "shown": "30",
    "words": "30 times the usual",
    "source": "kim2025pretraining",
    "reason": "reported there",
}
CITED = (
    "<p>The best decay is SHOWN times the usual one "
    '[<a class="reference" href="b.html#source-kim2025pretraining">Kim, 2025</a>].</p>'
)


def test_a_quoted_number_needs_its_source_in_the_sentence_and_its_entry():
    right, ledger = CITED.replace("SHOWN", "30"), [dict(QUOTED)]

    assert ("30", "quoted") in origins_on(right, ledger=ledger)
    assert ledger[0]["used"]
    assert ("30", "") in origins_on(right)
    other = right.replace("kim2025", "han2025")
    assert ("30", "") in origins_on(other, ledger=[dict(QUOTED)])


def test_a_stale_quotation_is_found_twice():
    ledger = [dict(QUOTED)]

    assert ("31", "") in origins_on(CITED.replace("SHOWN", "31"), ledger=ledger)
    assert "used" not in ledger[0]


@pytest.mark.parametrize(
    ("said", "value", "sense", "origin"),
    [
        ("a third", 'at("7") / 1.0', "", "computed"),  # 0.344
        ("a third", 'at("7") / 0.9', "", ""),
        ("half", "n / (2 * n)", "", "computed"),
        ("half", "unseen / p", "", ""),
        ("a fifth", "0.17", "below", "computed"),
        ("a fifth", "0.21", "below", ""),
        ("62 %", 'below("norm", 1, 2)', "", ""),
        ("0.04", "code(0.04)", "", "computed"),
        ("0.05", "code(0.05)", "", ""),
        ("0.34", 'at("no such line")', "", ""),
    ],
)
def test_a_computed_entry_holds_only_while_it_computes(said, value, sense, origin):
    entry = {"page": "page.html", "shown": said, "words": "It is", "value": value}
    entry |= {"sense": sense} if sense else {}

    assert origins_on(f"<p>It is {said} of it.</p>", ledger=[entry]) == [(said, origin)]


def test_a_complaint_names_page_number_sentence_and_cure():
    page = page_from(
        PAGE.replace("TEXT", "<p>Yes. The norm is 0.36. No.</p>"), "a.html"
    )
    (number,) = all_numbers(Book({"a.html": Text(page)}))

    said = complaint(number)

    assert said.startswith("a.html (p): '0.36' in “The norm is 0.36.” has no origin.")
    assert "Glue it or print it" in said


def test_the_marks_between_the_parts_of_a_formula_are_not_shown():
    page = page_from(f"<p>Near {ROOT_OF_180.replace('13.4', '13.5')}.</p>")
    *_, number = all_numbers(Book({"page.html": Text(page)}))

    assert number.shown == "13.5"
    assert APART not in complaint(number)
