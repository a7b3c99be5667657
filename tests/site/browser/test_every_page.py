"""Every page as a reader gets it: two widths, two themes, over http, from a folder."""

import runpy

import checks
import pytest
from conftest import ROOT

WIDTHS, THEMES = (390, 1300), ("light", "dark")
BUDGET = 1000 * runpy.run_path(str(ROOT / "tests/benchmarks/book.py"))["BUDGET_PAGE"]


def test_the_html_is_sound(book, name, pages):
    page = pages[name]

    assert checks.headings(page) == []
    assert checks.ids(page) == []
    assert checks.pictures(page) == []
    assert checks.links(page, pages) == []
    assert checks.head(page) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_over_http(book, name, pages, window, site, width, theme):
    page = window(width, theme)

    visit = checks.Visit(page, site + name)
    assert visit.console() == []
    assert visit.foreign() == []
    assert checks.sideways(page) == []
    assert page.locator("math").count() == len(pages[name].html.find_all("math"))
    assert checks.formulas(page) == []
    assert checks.drawn(page, book, site) == []
    assert checks.accessibility(page) == []
    files = visit.files(book, site)
    assert {file.suffix for file in files} >= {".html", ".css", ".js"}
    assert sum(file.stat().st_size for file in files) <= BUDGET


def test_from_a_folder(book, name, window):
    for width in WIDTHS:
        page = window(width)
        visit = checks.Visit(page, (book / name).as_uri())
        assert visit.console() == []
        assert visit.foreign() == []
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            checks.settle(page)
            assert checks.sideways(page) == []
            assert checks.formulas(page) == []
            assert checks.drawn(page) == []
        page.emulate_media(color_scheme="light")
