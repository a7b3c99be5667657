"""Let the tests import the book's own Sphinx extensions."""

import io
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    html = ROOT / "docs" / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.fail("No book in docs/_build/html: nox -s docs builds it", pytrace=False)
    return html


@pytest.fixture(scope="session")
def gallery():
    """What each gallery script prints and shows when it runs now, by its name."""

    def play(script):
        printed, figures = io.StringIO(), []

        def show():
            figures.extend(map(plt.figure, plt.get_fignums()))
            plt.close("all")

        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.setattr(plt, "show", show)
            runpy.run_path(str(script))
        return SimpleNamespace(printed=printed.getvalue(), figures=figures)

    return {script.stem: play(script) for script in ROOT.glob("examples/plot_*.py")}
