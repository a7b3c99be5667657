"""The theme that a reader chooses, and the two curves, told apart by everybody."""

import checks
import numpy as np
import pytest

from weight_decay.plotting import TEST, TRAIN

PAGE = "auto_examples/plot_1_from_scratch.html"
FIGURE = "img.sphx-glr-single-img >> nth=0"


def test_the_theme_is_switched_by_a_key_and_turns_the_figures_too(fresh, site):
    fresh.goto(site + PAGE)
    before = checks.luminance(checks.ground(checks.pixels(fresh)))

    fresh.locator(".theme-toggle:visible").press("Enter")
    after = checks.pixels(fresh)
    assert before > 0.8
    assert checks.luminance(checks.ground(after)) < 0.1
    assert checks.legible(checks.pixels(fresh.locator(FIGURE)), after) == []
    fresh.reload()
    assert (checks.ground(checks.pixels(fresh)) == checks.ground(after)).all()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("sight", ["protanopia", "deuteranopia", "tritanopia"])
def test_train_and_test_are_told_apart_by_everybody(look, site, dark, sight):
    figure = checks.pixels(look(site + PAGE).window.locator(FIGURE)).astype(int)
    masks = []
    for line in (TRAIN, TEST):
        colour = [int(line["color"][i : i + 2], 16) for i in (1, 3, 5)]
        masks.append(np.abs(figure - colour).max(axis=-1) <= 12)
        assert masks[-1].sum() > 200

    window = look(site + PAGE, dark=dark).window
    session = window.context.new_cdp_session(window)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    shown = checks.pixels(window.locator(FIGURE))
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    session.detach()

    colours = [np.median(shown[mask], axis=0) for mask in masks]
    assert np.linalg.norm(np.subtract(*checks.lab(colours))) > 20
    assert min(checks.contrast(colours, checks.ground(shown))) > 3
    assert TRAIN["linestyle"] != TEST["linestyle"]  # for who sees no colours at all
    assert TRAIN["marker"] != TEST["marker"]
