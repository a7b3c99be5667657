"""A page on paper: A4, light, with open solutions, without what only a screen needs."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pypdfium2
import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[3]
SITE = ROOT / "docs" / "_build" / "html"
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

# Pages of every kind, and the sheets that they may take.
SHEETS = {
    "index.html": 1,
    "auto_examples/plot_1_from_scratch.html": 8,
    "questions/half.html": 3,
    "exercises/first.html": 5,
    "reference/notation.html": 2,
    "reference/downloads.html": 2,
}
FOLDED = "exercises/first.html"
A4 = (595, 842)  # points
TEXT_WIDTH = 643  # pixels of CSS: 210 mm without two margins
# How far to the right the page reaches, the unseen parts of formulas left aside.
WIDTH = """() => {
    const tags = [...document.querySelectorAll("article, article *")];
    return Math.floor(Math.max(...tags.map(tag => tag.getBoundingClientRect().right)));
}"""


class Printed(NamedTuple):
    """A page on paper, how wide it was laid out, and how many folds stayed open."""

    name: str
    document: pypdfium2.PdfDocument
    width: int
    still_open: int


@pytest.fixture(scope="module")
def press(chromium):
    """A function that prints a page of the site as a reader's browser would."""

    def press(name, theme="light", *, without=None, script=True, style=""):
        context = chromium.new_context(color_scheme=theme, java_script_enabled=script)
        # What Furo's button for the theme leaves behind.
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        if without:
            context.route(re.compile(without), lambda route: route.abort())
        page = context.new_page()
        page.goto((SITE / name).as_uri())
        if style:
            page.add_style_tag(content=style)
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        folds = page.locator("details.solution[open]").count() if script else 0
        # Chromium prints a page that is too wide smaller, and cuts it if it must.
        page.emulate_media(media="print")
        page.set_viewport_size({"width": TEXT_WIDTH, "height": 900})
        width = page.evaluate(WIDTH)
        context.close()
        return Printed(name, pypdfium2.PdfDocument(pdf), width, folds)

    return press


def words(text):
    """A text without all that differs between a page and its print."""
    return re.sub(r"[\W_]+", "", text)


def text_of(document):
    return words("".join(page.get_textpage().get_text_bounded() for page in document))


def pictures(document):
    return [page.render(scale=0.5).to_numpy() for page in document]


def alike(one, other):
    return np.array_equal(one, other)


def longest_sentence(tag):
    """A stretch of plain text that no formula and no code interrupts."""
    texts = tag.find_all(string=True)
    plain = [text for text in texts if not text.find_parent(["math", "pre", "code"])]
    return words(max(plain, key=len).splitlines()[0])


def faults(printed):
    """What is wrong with a printed page, a line each."""
    page = BeautifulSoup((SITE / printed.name).read_text("utf-8"), "html.parser")
    document, text, found = printed.document, text_of(printed.document), []
    for number, sheet in enumerate(document, 1):
        size = [round(side) for side in sheet.get_size()]
        if any(abs(a - b) > 1 for a, b in zip(size, A4, strict=True)):
            found.append(f"sheet {number} is not A4: {size}")
        if sheet.render(scale=0.5).to_numpy().min() == 255:
            found.append(f"sheet {number} is empty")
    if printed.width > TEXT_WIDTH:
        found.append(f"the page is {printed.width} px wide, not {TEXT_WIDTH}")
    if len(document) > SHEETS[printed.name]:
        found.append(f"{len(document)} sheets, not {SHEETS[printed.name]}")
    sentences = map(longest_sentence, page.select("details.solution"))
    found += [f"folded: {sentence}" for sentence in sentences if sentence not in text]
    article = words(page.article.text)
    for tag in page.select(
        ".sidebar-tree a, .toc-title, .copyright, .related-pages .context, "
        ".sphx-glr-download, .sphx-glr-thumbnail-title"
    ):
        only = words(tag.text)
        on_screen = tag.find_parent(class_="sphx-glr-thumbnails") or only not in article
        if (on_screen or "sphx-glr-download" in tag["class"]) and only in text:
            found.append(f"for the screen only: {tag.text.strip()}")
    return found


@pytest.mark.parametrize("name", SHEETS)
def test_a_page_prints_clean_and_alike_from_both_themes(press, name):
    light, dark = press(name, "light"), press(name, "dark")

    assert faults(light) == []
    pairs = zip(pictures(light.document), pictures(dark.document), strict=True)
    differ = [number for number, pair in enumerate(pairs, 1) if not alike(*pair)]
    assert differ == [], "the dark theme shows on these sheets"


def test_solutions_are_folded_again_after_printing(press):
    printed = press(FOLDED)

    assert faults(printed) == []
    assert printed.still_open == 0


def test_where_scripts_are_off_the_style_sheet_opens_the_solutions(press):
    assert faults(press(FOLDED, script=False)) == []


# -- The checks find what they look for ---------------------------------------


def test_without_the_style_sheet_and_the_script_faults_are_reported(press):
    found = "\n".join(faults(press(FOLDED, without=r"/print\.(css|js)")))

    assert "folded: " in found
    assert "is not A4" in found


@pytest.mark.parametrize(
    ("name", "style", "report"),
    [
        ("reference/notation.html", "h1 { width: 300mm }", "px wide"),
        ("index.html", "article { min-height: 270mm }", "is empty"),
        ("index.html", ".bottom-of-page { display: block !important }", "Copyright"),
        ("index.html", ".sphx-glr-thumbnails { display: block !important }", "screen"),
        ("index.html", "article { line-height: 4 !important }", "sheets, not"),
    ],
)
def test_a_fault_of_the_print_is_reported(press, name, style, report):
    assert report in "\n".join(faults(press(name, style=style)))


def test_a_dark_figure_is_told_from_a_light_one(press):
    name = "auto_examples/plot_1_from_scratch.html"
    spoil = (
        "@media (prefers-color-scheme: dark) { img { filter: invert(1) !important } }"
    )
    light, dark = press(name, "light"), press(name, "dark", style=spoil)

    pairs = zip(pictures(light.document), pictures(dark.document), strict=True)
    assert not all(alike(*pair) for pair in pairs)
