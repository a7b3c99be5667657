"""The figures in both themes, measured where they are shown."""

import checks
import pytest

from weight_decay.plotting import TEST, TRAIN

FIGURES = "article img:not(.sphx-glr-thumbcontainer img)"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_legible_and_do_not_glare(book, name, window, site, pages, theme):
    if not pages[name].article.select("img"):
        return
    page = window(1300, theme)
    checks.Visit(page, site + name)

    around = checks.ground(checks.picture(page))
    assert (checks.luminance(around) < 0.1) == (theme == "dark")
    for image in page.locator("article img").all():
        pixels = checks.pixels_of(image)
        assert checks.legible(pixels, around) == [], image.get_attribute("alt")


def test_the_theme_that_a_reader_chooses_turns_the_figures_too(chromium, site):
    with chromium.new_context(color_scheme="light") as context:
        page = context.new_page()
        page.goto(site + "auto_examples/plot_1_from_scratch.html")
        page.locator(".theme-toggle:visible").click()
        around = checks.ground(checks.picture(page))

        pixels = checks.pixels_of(page.locator("img.sphx-glr-single-img").first)
        assert checks.luminance(around) < 0.1
        assert checks.legible(pixels, around) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_train_and_test_are_told_apart_by_everybody(window, site, theme):
    light, page = window(1300, "light"), window(1300, theme)
    for each in {light, page}:
        checks.Visit(each, site + "auto_examples/plot_1_from_scratch.html")
    where = "img.sphx-glr-single-img >> nth=0"
    drawn = checks.pixels_of(light.locator(where))
    masks = [checks.near(drawn, line["color"]) for line in (TRAIN, TEST)]
    assert min(mask.sum() for mask in masks) > 200

    for sight in checks.SIGHTS:
        with checks.seen_with(page, sight):
            pixels = checks.pixels_of(page.locator(where))
        assert checks.confused(pixels, *masks) == [], sight
    assert TRAIN["linestyle"] != TEST["linestyle"]  # for who sees no colours at all
    assert TRAIN["marker"] != TEST["marker"]
