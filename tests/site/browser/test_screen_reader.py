"""What Chromium tells a screen reader about a page: its accessibility tree."""

import checks
import pytest

PAGES = [
    "index.html",
    "questions/norm.html",
    "exercises/first.html",
    "auto_examples/plot_1_from_scratch.html",
    "chapter/closer.html",
    "chapter/summary.html",
    "chapter/decay.html",
    "reference/api.html",
    "reference/bibliography.html",
    "search.html",
]


@pytest.mark.parametrize("width", [390, 1300])
@pytest.mark.parametrize("name", PAGES)
def test_the_tree_says_what_the_page_shows(window, site, pages, name, width):
    page = window(width)
    checks.Visit(page, site + name)

    tree = checks.Tree(page)
    assert checks.landmarks(tree) == []
    assert checks.outline(tree) == []
    assert checks.spoken_formulas(tree, len(pages[name].html.find_all("math"))) == []
    assert checks.spoken_pictures(tree, pages[name]) == []
    assert checks.folds(tree, len(pages[name].html.find_all("details"))) == []
    assert checks.nameless(tree) == []


def test_a_formula_is_read_by_its_parts(window, site):
    page = window(1300)
    checks.Visit(page, site + "questions/norm.html")

    formulas = checks.Tree(page).of_role("math", "MathMLMath")
    root = next(f for f in formulas if "200" in f.text and "‖" in f.text)
    kinds = {part.role for part in root.descendants}
    assert kinds >= {"MathMLSquareRoot", "MathMLSubSup", "MathMLNumber"}


def test_a_fold_says_whether_it_is_open(chromium, site):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(site + "exercises/first.html")

        def states():
            folds = checks.Tree(page).of_role("DisclosureTriangle")
            return [fold.properties["expanded"] for fold in folds if fold.name]

        assert not any(states())
        page.locator("details.solution > summary").first.press("Enter")
        assert states().count(True) == 1


def test_a_table_has_named_columns(window, site):
    page = window(1300)
    checks.Visit(page, site + "chapter/summary.html")

    headers = checks.Tree(page).of_role("columnheader")
    assert len(headers) >= 5
    assert all(header.name for header in headers)
