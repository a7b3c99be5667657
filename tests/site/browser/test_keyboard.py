"""The book by keyboard alone: what Tab reaches, in which order, and how it shows."""

import checks
import pytest

PAGES = [
    "questions/norm.html",
    "exercises/first.html",
    "auto_examples/plot_1_from_scratch.html",
    "chapter/closer.html",
]


@pytest.fixture
def page(chromium, request):
    """A fresh window: nothing is folded open, no theme is stored."""
    width = getattr(request, "param", 1300)
    with chromium.new_context(
        viewport={"width": width, "height": 900}, reduced_motion="reduce"
    ) as context:
        yield context.new_page()


def press(page, *keys):
    """Press keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("page", [390, 1300], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_in_order_and_shows_where_it_is(page, site, name):
    page.goto(site + name)

    walk = checks.walk(page)
    assert checks.first_stop(walk) == []
    assert checks.unreached(page, walk) == []
    assert checks.out_of_order(walk) == []
    assert checks.unseen(walk) == []


def test_the_skip_link_skips(page, site):
    page.goto(site + "questions/norm.html")
    press(page, "Tab")
    link = page.locator(".skip-to-content")
    assert link.bounding_box()["y"] >= 0

    press(page, "Enter", "Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null")


def test_the_theme_is_switched_by_a_key(page, site):
    page.goto(site + "questions/norm.html")
    button = page.locator(".theme-toggle:visible")
    before = checks.ground(checks.picture(page))

    button.focus()
    press(page, "Enter")  # the opposite of what the system says
    after = checks.ground(checks.picture(page))
    assert checks.luminance(before) > 0.8
    assert checks.luminance(after) < 0.1
    page.reload()
    assert (checks.ground(checks.picture(page)) == after).all()


@pytest.mark.parametrize("page", [390], indirect=True)
def test_on_a_phone_the_menu_opens_by_a_key_and_the_search_is_in_it(page, site):
    page.goto(site + "questions/norm.html")
    field = page.locator(".sidebar-search")
    assert not field.is_visible()

    page.locator("#__navigation").focus()
    press(page, "Space")
    field.wait_for()
    while not field.evaluate("e => e === document.activeElement"):
        press(page, "Tab")
        assert page.evaluate("document.activeElement.closest('.sidebar-drawer')")
    page.keyboard.type("norm")
    press(page, "Enter")
    page.wait_for_url("**/search.html?q=norm*")


@pytest.mark.parametrize("page", [390], indirect=True)
def test_escape_closes_the_menu(page, site):
    page.goto(site + "questions/norm.html")
    page.locator("#__navigation").focus()
    press(page, "Space")
    page.locator(".sidebar-search").wait_for()

    press(page, "Escape")
    page.locator(".sidebar-search").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.id") == "__navigation"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_solution_opens_by_a_key(page, site, key):
    page.goto(site + "exercises/first.html")
    fold = page.locator("details.solution").first
    inside = fold.locator(".solution-body")
    assert not inside.is_visible()

    fold.locator("summary").focus()
    press(page, key)
    inside.wait_for()
    assert inside.inner_text().strip()
    press(page, key)
    inside.wait_for(state="hidden")


def test_the_folded_code_of_a_picture_opens_by_a_key(page, site):
    page.goto(site + "questions/lambda.html")
    fold = page.locator("details.hide").first
    fold.locator("summary").focus()

    press(page, "Enter")
    fold.locator("pre").first.wait_for()


@pytest.mark.parametrize("page", [390], indirect=True)
def test_wide_code_scrolls_by_a_key(page, site):
    page.goto(site + "auto_examples/plot_1_from_scratch.html")
    checks.settle(page)
    block = page.locator("pre[tabindex='0']").first

    block.focus()
    press(page, "ArrowRight", "ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_a_copy_button_is_seen_when_it_has_the_focus(page, site):
    page.goto(site + "questions/norm.html")
    button = page.locator("button.copybtn").first
    assert button.evaluate("e => getComputedStyle(e).opacity") == "0"

    page.locator("#furo-main-content").focus()
    while not button.evaluate("e => e === document.activeElement"):
        press(page, "Tab")
    page.wait_for_function("getComputedStyle(document.activeElement).opacity === '1'")
