"""The search finds a word and opens its page, over http and from a folder."""

import pytest

TITLE = "What does the L2 norm of w mean?"


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_search_finds_the_norm_and_opens_the_page(fresh, site, book, scheme):
    home = site if scheme == "http" else book.as_uri() + "/"
    errors = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    fresh.on("requestfailed", lambda request: errors.append(request.url))
    fresh.goto(home + "chapter/problem.html")

    fresh.locator(".sidebar-search").fill("norm")
    fresh.locator(".sidebar-search").press("Enter")
    fresh.locator("#search-results .search-summary", has_text="found").wait_for()
    results = fresh.locator("ul.search li > a:first-child")
    titles = results.all_inner_texts()
    assert TITLE in titles[:3]
    if scheme == "http":  # from a folder a page may not read others
        fresh.locator("ul.search li p.context").first.wait_for()
    results.nth(titles.index(TITLE)).click()
    fresh.wait_for_url("**/questions/norm.html*")
    assert errors == []


def test_a_word_that_is_not_there_is_said_not_to_be(fresh, site):
    fresh.goto(site + "search.html?q=zeppelin")

    said = fresh.locator("#search-results")
    said.filter(has_text="did not match any documents").wait_for()


@pytest.mark.parametrize("word", ["权重衰减", "权重衰退", "岭回归"])
def test_the_search_knows_chinese_words(fresh, site, word):
    fresh.goto(f"{site}zh-cn/search.html?q={word}")

    fresh.locator("ul.search li p.context").nth(10).wait_for()
