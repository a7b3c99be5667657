"""How long a figure takes from a move of λ until all is drawn."""

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "tools"))

from browser import chromium

# Moves the slider from end to end, a step at a time, and takes the time of what the
# page does about it: model, drawing, and where everything on the page then lies.
MOVE = """(kind) => {
    const figure = document.querySelector(`[data-live="${kind}"]`);
    const slider = figure.querySelector("[aria-label*=λ]");
    const times = [];
    for (let at = Number(slider.min); at <= slider.max; at++) {
        slider.value = at;
        const start = performance.now();
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
    }
    return times;
}"""


def milliseconds(book):
    """Return the median for each kind of figure in a built book."""
    medians = {}
    with chromium() as started:
        window = started.new_page()
        for file in sorted(book.rglob("*.html")):
            if "data-live=" not in file.read_text("utf-8"):
                continue
            window.goto(file.as_uri())
            window.wait_for_selector("[data-live][data-ready]")
            for kind in window.eval_on_selector_all(
                "[data-live]", "(all) => all.map((figure) => figure.dataset.live)"
            ):
                medians[kind] = statistics.median(window.evaluate(MOVE, kind))
    return medians
