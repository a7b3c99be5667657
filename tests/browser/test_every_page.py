"""Every page as its readers get it: a phone in the dark, a desk that reads a folder."""

from pathlib import Path

import checks
import pytest

BOOK = Path(__file__).parents[2] / "docs" / "_build" / "html"
# Where there is no book, the fixture `book` says so.
ALL = sorted(str(file.relative_to(BOOK)) for file in BOOK.rglob("*.html"))
# Of the Chinese edition a sample: a live figure, formulas, a script, tables, search.
SAMPLE = ("index", "chapter/directions", "auto_examples/plot_1_from_scratch")
SAMPLE += ("reference/notation", "search")
CHINESE = {f"zh-cn/{name}.html" for name in SAMPLE}
NAMES = [name for name in ALL if not name.startswith("zh-cn") or name in CHINESE]


@pytest.mark.parametrize("name", NAMES or ["index.html"])
def test_on_a_phone_in_the_dark(look, site, book, name):
    visit = look(site + name, phone=True, dark=True)

    assert faults(visit, book) == []
    around = checks.pixels(visit.window)
    for image in visit.window.locator("article img:visible").all():
        figure = checks.pixels(image)
        assert checks.legible(figure, around) == [], image.get_attribute("alt")


@pytest.mark.parametrize("name", NAMES or ["index.html"])
def test_on_a_desk_from_a_folder(look, book, name):
    visit = look((book / name).as_uri())

    assert faults(visit, book) == []


def faults(visit, book):
    """What is wrong with a page in a window."""
    return [
        *(f"console: {error}" for error in visit.errors),
        *(f"asks another host: {address}" for address in visit.foreign),
        *checks.sideways(visit.window),
        *checks.formulas(visit.window),
        *checks.drawn(visit.window, book),
        *checks.accessibility(visit.window),
    ]
