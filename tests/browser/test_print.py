"""A page on paper: A4, light, with open solutions, without what only a screen needs."""

import re
from types import SimpleNamespace

import numpy as np
import pypdfium2
import pytest

# Pages of every kind, and the sheets that they may take.
SHEETS = {
    "index.html": 2,
    "auto_examples/plot_1_from_scratch.html": 8,
    "exercises/first.html": 5,
    "reference/notation.html": 2,
}
FOLDED = "exercises/first.html"
A4 = (595, 842)  # points
TEXT_WIDTH = 643  # pixels of CSS: 210 mm without two margins
FOR_THE_SCREEN = (
    ".sidebar-tree a, .toc-title, .copyright, .related-pages .context, "
    ".sphx-glr-download, .sphx-glr-thumbnail-title"
)


def words(text):
    """A text without all that differs between a page and its print."""
    return re.sub(r"[\W_]+", "", text)


@pytest.fixture(scope="module")
def press(chromium, book):
    """A function that prints a page as a reader's browser would."""

    def press(name, theme="light", *, script=True, style=""):
        with chromium.new_context(
            color_scheme=theme, java_script_enabled=script
        ) as context:
            page = context.new_page()
            page.goto((book / name).as_uri())
            if style:
                page.add_style_tag(content=style)
            pdf = page.pdf(prefer_css_page_size=True, print_background=True)
            still_open = page.locator("details.solution[open]").count()
            # Chromium prints a page that is too wide smaller, and cuts it if it must.
            page.emulate_media(media="print")
            page.set_viewport_size({"width": TEXT_WIDTH, "height": 900})
            width = page.evaluate(
                "Math.max(...[...document.querySelectorAll('article, article *')]"
                ".map((tag) => Math.floor(tag.getBoundingClientRect().right)))"
            )
        sheets = list(pypdfium2.PdfDocument(pdf))
        text = "".join(sheet.get_textpage().get_text_bounded() for sheet in sheets)
        return SimpleNamespace(
            sizes=[sheet.get_size() for sheet in sheets],
            pictures=[sheet.render(scale=0.5).to_numpy() for sheet in sheets],
            text=words(text),
            width=width,
            still_open=still_open,
        )

    return press


def faults(printed, page):
    """What is wrong with a printed page, a line each."""
    found = []
    for number, (size, picture) in enumerate(
        zip(printed.sizes, printed.pictures, strict=True), start=1
    ):
        if not np.allclose(size, A4, atol=1):
            found.append(f"sheet {number} is not A4: {size}")
        if picture.min() == 255:
            found.append(f"sheet {number} is empty")
    if printed.width > TEXT_WIDTH:
        found.append(f"the page is {printed.width} px wide, not {TEXT_WIDTH}")
    if len(printed.sizes) > SHEETS[page.name]:
        found.append(f"{len(printed.sizes)} sheets, not {SHEETS[page.name]}")
    for solution in page.html.select("details.solution"):
        plain = (
            text for text in solution.find_all(string=True) if text.parent.name == "p"
        )
        sentence = words(max(plain, key=len).splitlines()[0])
        if sentence not in printed.text:
            found.append(f"folded: {sentence}")
    article = words(page.article.text)
    for tag in page.html.select(FOR_THE_SCREEN):
        inside = tag.find_parent("article") and "sphx-glr" in " ".join(tag["class"])
        if (inside or words(tag.text) not in article) and words(
            tag.text
        ) in printed.text:
            found.append(f"for the screen only: {tag.text.strip()}")
    return found


@pytest.mark.parametrize("name", SHEETS)
def test_a_page_prints_clean_and_alike_from_both_themes(press, pages, name):
    light, dark = press(name, "light"), press(name, "dark")

    assert faults(light, pages[name]) == []
    assert light.still_open == 0  # folded again
    for one, other in zip(light.pictures, dark.pictures, strict=True):
        assert np.array_equal(one, other)


def test_where_scripts_are_off_the_style_sheet_opens_the_solutions(press, pages):
    assert faults(press(FOLDED, script=False), pages[FOLDED]) == []


@pytest.mark.parametrize(
    ("name", "style", "report"),
    [
        ("reference/notation.html", "h1 { width: 300mm }", "px wide"),
        ("reference/notation.html", "@page { size: A5 !important }", "not A4"),
        ("index.html", "article { min-height: 540mm }", "is empty"),
        ("index.html", ".bottom-of-page { display: block !important }", "Copyright"),
        ("index.html", "article { line-height: 4 !important }", "sheets, not"),
        (FOLDED, "details::details-content { display: none !important }", "folded"),
    ],
)
def test_a_fault_of_the_print_is_reported(press, pages, name, style, report):
    assert report in "\n".join(faults(press(name, style=style), pages[name]))
