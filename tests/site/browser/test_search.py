"""The search finds a word and opens its page, over http and from a folder."""

import checks
import pytest

TITLE = "What does the L2 norm of w mean?"


@pytest.fixture(params=["http", "file"])
def home(request, book, site):
    """The address of the book, of either kind."""
    return site if request.param == "http" else book.as_uri() + "/"


def search(page, home, word, start="chapter/problem.html"):
    """Type a word into the search of a page, and return the results with the visit."""
    visit = checks.Visit(page, home + start)
    page.on("console", visit._note)
    page.on("pageerror", lambda error: visit.said.append(str(error)))
    page.on("request", lambda request: visit.asked.append(request.url))
    page.locator(".sidebar-search").fill(word)
    page.locator(".sidebar-search").press("Enter")
    page.wait_for_url("**/search.html?*")
    page.locator("#search-results .search-summary").filter(has_text="found").wait_for()
    page.wait_for_timeout(300)  # for the extracts, which come one by one
    return page.locator("ul.search li > a:first-child"), visit


def test_the_search_finds_the_norm_and_opens_the_page(chromium, home):
    with chromium.new_context() as context:
        page = context.new_page()

        results, visit = search(page, home, "norm")
        titles = results.all_inner_texts()
        assert TITLE in titles[:3]
        results.nth(titles.index(TITLE)).click()
        page.wait_for_load_state()
        assert page.url.startswith(home + "questions/norm.html")
        assert page.locator("h1").inner_text().startswith(TITLE)
        assert visit.console() == []
        assert visit.foreign() == []


def test_results_have_extracts_where_a_page_may_read_others(chromium, home):
    with chromium.new_context() as context:
        page = context.new_page()

        search(page, home, "norm")
        extracts = page.locator("ul.search li p.context").count()
        assert (extracts > 0) == home.startswith("http")


def test_a_word_that_is_not_there_is_said_not_to_be(chromium, home):
    with chromium.new_context() as context:
        page = context.new_page()
        checks.Visit(page, home + "search.html?q=zeppelin")

        said = page.locator("#search-results")
        said.filter(has_text="did not match any documents").wait_for()
        assert page.locator("ul.search li").count() == 0
