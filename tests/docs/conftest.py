"""The built book, its pages, and the six runs that it is about."""

from pathlib import Path

import pytest
from reading import Page, is_local

from weight_decay import concise, scratch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    html = ROOT / "docs" / "_build" / "html"
    if not (html / "index.html").is_file():
        pytest.fail("No book in docs/_build/html: nox -s docs builds it", pytrace=False)
    return html


@pytest.fixture(scope="session")
def pages(book):
    """Every page that can be reached from the first one, by its name."""
    pages, waiting = {}, ["index.html"]
    while waiting:
        name = waiting.pop()
        if name not in pages and name.endswith(".html") and (book / name).is_file():
            page = pages[name] = Page(book, name)
            local = [address for _, address in page.addresses if is_local(address)]
            waiting += [page.target(address)[0] for address in local]
    return pages


@pytest.fixture(scope="session")
def runs(problem):
    """The six runs of the chapter, made now."""
    return {
        (module, lambd): module.train(problem, lambd)
        for module in (scratch, concise)
        for lambd in (0, 3, 10)
    }
