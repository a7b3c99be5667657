"""The pages of the gallery show, and offer, what the scripts do now."""

import json
import re
from pathlib import Path

import pytest
from reading import NUMBER, numbers_of

from weight_decay import concise, scratch

EXAMPLES = Path(__file__).parents[3] / "examples"
EACH_SCRIPT = pytest.mark.parametrize(
    "name", sorted(path.stem for path in EXAMPLES.glob("plot_*.py"))
)


@pytest.mark.parametrize(
    ("name", "module"), [("plot_1_from_scratch", scratch), ("plot_2_concise", concise)]
)
def test_three_figures_and_an_overview_draw_the_runs(gallery, runs, name, module):
    axes = [ax for figure in gallery[name].figures for ax in figure.axes]

    for ax, lambd in zip(axes, 2 * (0, 3, 10), strict=True):
        train, test = (list(line.get_ydata()) for line in ax.get_lines())
        run = runs[module, lambd]
        assert train == pytest.approx(run.train_loss, rel=0.01, abs=1e-9)
        assert test == pytest.approx(run.test_loss, rel=0.01)


@EACH_SCRIPT
def test_a_page_shows_what_its_script_prints_now(pages, gallery, name):
    shown = pages[f"auto_examples/{name}.html"].printed
    fresh = [line for line in gallery[name].printed.splitlines() if line]

    assert len(fresh) > 6
    for old, new in zip(shown, fresh, strict=True):
        assert NUMBER.sub("#", old).split() == NUMBER.sub("#", new).split()
        assert numbers_of(old) == pytest.approx(numbers_of(new), rel=1e-3)


@EACH_SCRIPT
def test_the_notebook_offered_has_text_that_jupyter_can_show(pages, name):
    page = pages[f"auto_examples/{name}.html"]
    (link,) = page.article.select('a.download[href$=".ipynb"]')
    notebook = json.loads((page.book / page.target(link["href"])[0]).read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    text = "\n".join("".join(cell["source"]) for cell in cells)

    assert text.lstrip().startswith("# ")
    # A role, a directive, a link, a label: nothing of Sphinx means anything there.
    assert re.findall(r"(?m):[\w:]+:`.*|^ *\.\. .*|`_\b|sphx_glr\w*", text) == []
