"""What the tests share: settings of the session, problems, runs, scripts, the book."""

import io
import os
import re
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import settings
from reading import Page, is_local

from weight_decay import concise, scratch, synthetic_data

ROOT = Path(__file__).parents[1]

# The book's own Sphinx extensions.
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

# No test may open a window, whatever display there is.
os.environ.setdefault("MPLBACKEND", "Agg")

# The number of threads changes the last digits; one is also the fastest here.
torch.set_num_threads(1)

# A law that fails in CI must fail again for whoever looks into it.
settings.register_profile(
    "weight_decay",
    deadline=None,
    max_examples=25,
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("weight_decay")


@pytest.fixture(scope="session")
def problem():
    """The chapter's problem: 20 examples, 200 inputs, float32."""
    return synthetic_data()


@pytest.fixture(scope="session")
def exact():
    """The chapter's problem in float64: the same numbers, and runs without rounding."""
    return synthetic_data(dtype=torch.float64)


@pytest.fixture(scope="session")
def small():
    """A problem of 7 examples and 10 inputs, float64: quick and exact."""
    return synthetic_data(7, 4, 10, noise_std=0.5, dtype=torch.float64)


@pytest.fixture(params=[scratch, concise], ids=["scratch", "concise"], scope="session")
def implementation(request):
    """Each of the two modules that have a `train`."""
    return request.param


@pytest.fixture(scope="session")
def gallery():
    """What each gallery script prints and shows when it runs now, by its name."""
    import matplotlib.pyplot as plt

    def play(script):
        printed, figures = io.StringIO(), []

        def show():
            figures.extend(map(plt.figure, plt.get_fignums()))
            plt.close("all")

        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.setattr(plt, "show", show)
            names = runpy.run_path(str(script))
        return SimpleNamespace(printed=printed.getvalue(), figures=figures, names=names)

    class Gallery(dict):
        """Runs a script when its name is first asked for."""

        def __missing__(self, name):
            script = ROOT / "examples" / f"{name}.py"
            self[name] = play(script)
            return self[name]

    return Gallery()


@pytest.fixture(scope="session")
def runs(problem):
    """The six runs of the chapter, made now."""
    return {
        (module, lambd): module.train(problem, lambd)
        for module in (scratch, concise)
        for lambd in (0, 3, 10)
    }


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    html = ROOT / "docs" / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.fail("No book in docs/_build/html: nox -s docs builds it", pytrace=False)
    return html


def _linked(book, other):
    """Every page that can be reached from the first one, by its name."""
    pages, waiting = {}, ["index.html"]
    while waiting:
        name = waiting.pop()
        if name.endswith(".html") and name not in pages and not name.startswith(other):
            page = pages[name] = Page(book, name)
            local = [address for _, address in page.addresses if is_local(address)]
            targets = [page.target(address)[0] for address in local]
            waiting += [target for target in targets if (book / target).is_file()]
    return pages


@pytest.fixture(scope="session")
def pages(book):
    """Every page of the English edition that can be reached from its first."""
    return _linked(book, "zh-cn/")


@pytest.fixture(scope="session")
def chinese(book):
    """Every page of the Chinese edition that can be reached from its first."""
    return _linked(book / "zh-cn", "../")


@pytest.fixture
def build_page(tmp_path):
    """A function that builds a book of a page, or more, with some of our extensions."""
    from sphinx.testing.util import SphinxTestApp

    def build(text, suffix="md", builder="html", pages=(), **settings):
        source = tmp_path / "source"
        source.mkdir()
        for name, content in {"index": text, **dict(pages)}.items():
            (source / f"{name}.{suffix}").write_text(content, "utf-8")
        (source / "conf.py").touch()
        extensions = ["mathml", "line_breaks", "solution"]
        given = {
            "extensions": [*extensions, "myst_parser"],
            "html_math_renderer": "mathml",
            "html_theme": "basic",
            "myst_enable_extensions": ["dollarmath"],
            "epub_show_urls": "no",
            "version": "1",
            "copyright": "nobody",
        }
        app = SphinxTestApp(
            buildername=builder, srcdir=source, confoverrides=given | settings
        )
        try:
            app.build()
            ending = {"epub": "xhtml", "text": "txt"}.get(builder, "html")
            return SimpleNamespace(
                page=(app.outdir / f"index.{ending}").read_text("utf-8"),
                warnings=re.sub(r"\x1b\[[\d;]*m", "", app.warning.getvalue()),
                folder=app.outdir,
                dependencies={str(path) for path in app.env.dependencies["index"]},
            )
        finally:
            app.cleanup()

    return build
