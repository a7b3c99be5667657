"""One Chromium for the audit, the built book, and a host for it on this machine."""

import functools
import http.server
import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from reading import Page

ROOT = Path(__file__).parents[3]
BOOK = ROOT / "docs" / "_build" / "html"

# checks.py, and the extensions of the book, browser.py among them.
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "docs" / "_ext")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def served(folder):
    """Serve a folder on this machine, and yield its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def pytest_generate_tests(metafunc):
    """Give a test that asks for `name`, and says of none, every page in the book."""
    marks = metafunc.definition.iter_markers("parametrize")
    said = {name for mark in marks for name in re.findall(r"\w+", str(mark.args[0]))}
    if "name" in metafunc.fixturenames and "name" not in said:
        names = [str(path.relative_to(BOOK)) for path in sorted(BOOK.rglob("*.html"))]
        metafunc.parametrize("name", names)


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    if not (BOOK / "index.html").is_file():
        pytest.fail("No book in docs/_build/html: nox -s docs builds it", pytrace=False)
    return BOOK


@pytest.fixture(scope="session")
def pages(book):
    """Every page of the book, parsed, by its name."""
    names = [str(path.relative_to(book)) for path in sorted(book.rglob("*.html"))]
    return {name: Page(book, name) for name in names}


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    from browser import NoChromiumError, chromium

    try:
        with chromium() as started:
            yield started
    except NoChromiumError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def site(book):
    """The address of the book on this machine's own host."""
    with served(book) as address:
        yield address


@pytest.fixture(scope="session")
def window(chromium):
    """A window of the browser for a width and a theme; each is opened once."""
    windows = {}

    def of(width=1300, theme="light", height=844):
        key = width, theme, height
        if key not in windows:
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                device_scale_factor=2,
                reduced_motion="reduce",
            )
            windows[key] = context.new_page()
        return windows[key]

    yield of
    for page in windows.values():
        page.context.close()


@pytest.fixture
def tiny(tmp_path):
    """A page with this body, in a folder of its own, and the address of its file."""

    def write(body, head="", attributes='lang="en"', name="index.html"):
        (tmp_path / name).write_text(
            f"<!doctype html><html {attributes}><head><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width'>"
            f"<title>A tiny page</title>{head}</head><body>{body}</body></html>",
            "utf-8",
        )
        return (tmp_path / name).as_uri()

    return write
