"""The book by keyboard alone: what Tab reaches, in which order, and how it shows."""

import checks
import pytest

NORM = "questions/norm.html"
SCRIPT = "auto_examples/plot_1_from_scratch.html"
ON_A_PHONE = pytest.mark.parametrize("fresh", [390], indirect=True)


@pytest.mark.parametrize("fresh", [390, 1300], indirect=True)
@pytest.mark.parametrize("name", [NORM, SCRIPT, "exercises/first.html"])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(fresh, site, name):
    fresh.goto(site + name)

    assert checks.walk(fresh) == []


def press(window, *keys):
    """Press keys, one after the other."""
    for key in keys:
        window.keyboard.press(key)


def has_focus(tag):
    """Whether a tag is where the keyboard is."""
    return tag.evaluate("e => e === document.activeElement")


def test_the_skip_link_skips(fresh, site):
    fresh.goto(site + NORM)

    press(fresh, "Tab", "Enter", "Tab")
    assert fresh.evaluate("document.activeElement.closest('article') !== null")


@ON_A_PHONE
def test_the_menu_opens_by_a_key_and_the_search_is_in_it(fresh, site):
    fresh.goto(site + NORM)
    field = fresh.locator(".sidebar-search")
    fresh.locator("#__navigation").focus()

    press(fresh, "Space")
    field.wait_for()
    while not has_focus(field):
        press(fresh, "Tab")
        assert fresh.evaluate("document.activeElement.closest('.sidebar-drawer')")
    fresh.keyboard.type("norm")
    press(fresh, "Enter")
    fresh.wait_for_url("**/search.html?q=norm*")


@ON_A_PHONE
@pytest.mark.parametrize(
    ("switch", "inside"),
    [("#__navigation", ".sidebar-search"), ("#__toc", ".toc-title")],
)
def test_escape_closes_what_a_key_has_opened(fresh, site, switch, inside):
    fresh.goto(site + NORM)
    fresh.locator(switch).focus()
    press(fresh, "Space")
    fresh.locator(inside).wait_for()
    press(fresh, "Tab")

    press(fresh, "Escape")
    fresh.locator(inside).wait_for(state="hidden")
    assert has_focus(fresh.locator(switch))


def test_a_fold_opens_and_closes_by_a_key(fresh, site):
    fresh.goto(site + "exercises/first.html")
    fold = fresh.locator("details.solution").first
    inside = fold.locator(".solution-body")
    assert not inside.is_visible()

    fold.locator("summary").focus()
    press(fresh, "Enter")
    inside.wait_for()
    press(fresh, "Space")
    inside.wait_for(state="hidden")


@ON_A_PHONE
def test_wide_code_scrolls_by_a_key(fresh, site):
    fresh.goto(site + SCRIPT)
    fresh.locator("pre[tabindex='0']").first.focus()

    press(fresh, "ArrowRight", "ArrowRight")
    fresh.wait_for_function("document.activeElement.scrollLeft > 0")


def test_a_copy_button_is_seen_when_it_has_the_focus(fresh, site):
    fresh.goto(site + NORM)
    button = fresh.locator("button.copybtn").first
    assert button.evaluate("e => getComputedStyle(e).opacity") == "0"

    press(fresh, "Tab")  # what is focused from now on is so by a key
    button.focus()
    fresh.wait_for_function("getComputedStyle(document.activeElement).opacity === '1'")
