"""What every page of the built book keeps to, and what its readers may rely on."""

import importlib
import inspect
import pkgutil
import posixpath
import re
from collections import Counter
from itertools import pairwise
from urllib.parse import urlsplit

import budgets
import pytest
from first_visit import kilobytes
from reading import CSS_ADDRESS, is_local, prose

import weight_decay

OUTSIDE_THE_ORDER = {"genindex.html", "search.html"}
# Public, because modules use them of each other; no reader needs them.
NOT_FOR_READERS = {"checked", "check_problem", "largest_curvature", "NotFiniteError"}
NOT_FOR_READERS |= {"training", "check_start", "History", "prepare"}

REMNANTS = re.compile(
    r"""`                     # of a literal, a role or a link
      | \*\*                  # of bold text
      | \{[\w:.-]+\}          # of a role in MyST
      | (?<!\S):[\w:]+:       # of a role or a field in reStructuredText
      | \.\.\ [\w-]+::        # of a directive
      | \\[A-Za-z]+ | \$      # of a formula
      | No\ key | Traceback | Warning:""",
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def order(pages):
    """The pages in the order in which "Next" leads from one to the other."""
    order = ["index.html"]
    while forward := pages[order[-1]].html.select_one("a.next-page"):
        order.append(pages[order[-1]].target(forward["href"])[0])
        assert order[-1] not in order[:-1], "Next leads round in a circle"
    return order


# -- The order ------------------------------------------------------------------


def test_next_leads_to_every_page_in_the_order_of_the_menu(pages, order):
    index = pages["index.html"]
    menu = [index.target(a["href"])[0] for a in index.html.select(".sidebar-tree a")]

    assert order[1:] == menu
    assert set(order) == set(pages) - OUTSIDE_THE_ORDER


def test_scripts_and_exercises_are_numbered_in_reading_order(pages, order):
    scripts = re.findall(r"plot_(\d+)_", " ".join(order))
    exercises = [
        heading.text.partition(".")[0]
        for name in order
        if name.startswith("exercises/")
        for heading in pages[name].article.find_all("h2")
    ]

    for numbers in (scripts, exercises):
        assert len(numbers) > 2
        assert list(map(int, numbers)) == list(range(1, len(numbers) + 1))


# -- A page and its parts -------------------------------------------------------


def test_a_page_says_what_it_is_about_and_lets_itself_be_found(pages):
    for name, page in pages.items():
        assert page.html.title.text.strip(), name
        found = page.html.select('meta[name="description"]')
        if name not in {"genindex.html", "search.html"}:  # which hold no text
            (text,) = (description["content"] for description in found)
            assert 20 <= len(text) <= 200, name
            assert not re.search(r"[`{}$\\]|\s{2}", text), name
        hidden = page.html.select('meta[name="robots"]')
        assert bool(hidden) == (name == "search.html"), name


def test_the_headings_form_a_tree_with_one_root(pages):
    for name, page in pages.items():
        found = page.article.find_all(re.compile("^h[1-6]$"))
        levels = [int(heading.name[1]) for heading in found]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert [(a, b) for a, b in pairwise(levels) if b > a + 1] == [], name


def test_an_id_names_one_thing(pages):
    for name, page in pages.items():
        assert [i for i, n in Counter(page.ids).items() if n > 1] == [], name


def test_nothing_is_left_of_the_markup(pages):
    for name, page in pages.items():
        assert page.html.select(".system-message, .problematic") == [], name
        assert page.html.select(".stderr, .traceback") == [], name
        assert REMNANTS.findall(prose(page.article)) == [], name
        assert all(text.strip() for text in page.glued), name


def test_formulas_are_mathml(pages):
    assert sum(len(page.html.select(".math")) for page in pages.values()) > 1000
    for name, page in pages.items():
        for formula in page.html.select(".math"):
            assert len(formula.find_all("math")) == 1, f"{name}: {formula}"
            assert not formula.find(["merror", "code"]), f"{name}: {formula}"


def test_pictures_have_an_alternative_text_and_figures_a_caption(pages):
    sentences = []
    for name, page in pages.items():
        for image in page.html.find_all("img"):
            # The picture of a link is silent: the link is named by its page's title.
            thumbnail = image.find_parent(class_="sphx-glr-thumbcontainer")
            assert not thumbnail or (image["alt"] == "" and thumbnail.a.text.strip())
            sentences += [] if thumbnail else [(name, image["alt"])]
        for figure in page.article.find_all("figure"):
            caption = figure.select_one(".caption-text").text.strip()
            assert caption.endswith("."), f"{name}: {caption}"
            sentences.append((name, caption))

    assert len(sentences) > 50
    for name, text in sentences:
        assert len(text.split()) >= 6, f"{name}: {text}"
        assert text[0].isupper() or text[0] in "λη√", f"{name}: {text}"


def test_a_screen_reader_hears_lists_with_names(pages):
    # What docs/_ext/accessible_markup.py mends; axe in the browser sees part of it.
    menu = pages["index.html"].html.select_one(".sidebar-tree")
    sources = pages["reference/bibliography.html"].article.select(".citation")

    captions = [caption.text for caption in menu.select(".caption:not([role])")]
    assert captions
    assert [ul["aria-label"] for ul in menu.find_all("ul", recursive=False)] == captions
    assert {source["role"] for source in sources} == {"listitem"}


# -- Addresses ------------------------------------------------------------------


def test_every_link_leads_somewhere_and_every_file_is_there(pages, book):
    dead = []
    for name, page in pages.items():
        for _, address in page.addresses:
            if not is_local(address):
                continue
            target, fragment = page.target(address)
            lost = target.startswith("..") or not (book / target).is_file()
            if not lost and fragment and target in pages:
                lost = fragment not in pages[target].ids
            if lost:
                dead.append(f"{name}: {address}")
    assert dead == []


def test_pages_and_style_sheets_name_no_other_host(pages, book):
    # What a script asks for, the browser sees.
    foreign, sheets = [], set()
    for name, page in pages.items():
        for tag, address in page.addresses:
            if not is_local(address) and tag.name != "a":
                foreign.append((name, address))
            elif address.partition("?")[0].endswith(".css"):
                sheets.add(page.target(address)[0])
    assert "_static/book.css" in sheets
    for sheet in sheets:
        for address in CSS_ADDRESS.findall((book / sheet).read_text("utf-8")):
            if is_local(address):
                file = book / posixpath.dirname(sheet) / urlsplit(address).path
                assert file.is_file(), f"{sheet}: {address}"
            foreign += [] if is_local(address) else [(sheet, address)]
    assert [pair for pair in foreign if not pair[1].startswith("data:")] == []


def test_a_first_visit_is_light(pages):
    weights = {name: kilobytes(page) for name, page in pages.items()}

    assert min(weights.values()) > 50  # all that a page loads is found
    assert weights["index.html"] <= budgets.INDEX_KB
    heavy = {name: kb for name, kb in weights.items() if kb > budgets.PAGE_KB}
    assert heavy == {}


# -- The reference --------------------------------------------------------------


def test_the_reference_lists_every_function_and_class_for_readers(pages):
    listed = set(pages["reference/api.html"].ids)
    for found in pkgutil.iter_modules(weight_decay.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f"weight_decay.{found.name}")
        for name, thing in vars(module).items():
            public = not name.startswith("_") and name not in NOT_FOR_READERS
            kind = inspect.isfunction(inspect.unwrap(thing)) or inspect.isclass(thing)
            if public and kind and thing.__module__ == module.__name__:
                names = {f"{module.__name__}.{name}", f"weight_decay.{name}"}
                assert names & listed, f"docs/reference/api.md does not list {name}"


def test_the_reference_shows_scripts_that_use_a_function(pages):
    page = pages["reference/api.html"]
    (place,) = page.html.select('[id="weight_decay.scratch.train"]')
    links = place.find_parent("section").select(".sphx-glr-thumbcontainer a[href]")

    shown = {page.target(link["href"])[0] for link in links}
    assert "auto_examples/plot_1_from_scratch.html" in shown
