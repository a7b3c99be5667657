"""A foreign script that came into a page does not run."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[3] / "docs" / "_build" / "html"
POLICY = 'http-equiv="Content-Security-Policy"'

# Each way by which an injected script might run; each would set its own mark.
INJECTIONS = {
    "foreign": '<script src="{foreign}/foreign.js"></script>',
    "inline": "<script>window.inline = 1</script>",
    "event": '<img src="" alt="" onerror="window.event_ = 1">',
    "link": '<a id="link" href="javascript:window.link = 1">x</a>',
    "base": '<base href="{foreign}/"><script src="base.js"></script>',
    "plugin": '<object data="{foreign}/plugin.html"></object>',
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Another host, which serves scripts to everybody."""
    folder = tmp_path_factory.mktemp("foreign")
    for name in ("foreign", "base"):
        (folder / f"{name}.js").write_text(f"window.{name}_ = 1")
    (folder / "plugin.html").write_text("<script>parent.plugin = 1</script>")
    server = serve(folder)
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def copies(tmp_path_factory, foreign):
    """A page of the book with every injection, with its policy and without."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "_static").symlink_to(BOOK / "_static")
    (folder / "chapter").mkdir()
    text = (BOOK / "chapter" / "problem.html").read_text("utf-8")
    assert text.count(POLICY) == 1
    bad = "".join(INJECTIONS.values()).replace("{foreign}", foreign)
    text = text.replace("</article>", f"{bad}</article>")
    (folder / "chapter" / "with.html").write_text(text, "utf-8")
    bare = text.replace(POLICY, 'name="description"')
    (folder / "chapter" / "without.html").write_text(bare, "utf-8")
    server = serve(folder)
    bases = {
        "http": f"http://127.0.0.1:{server.server_port}",
        "file": folder.as_uri(),
    }
    yield bases
    server.shutdown()
    server.server_close()


def marks(chromium, address):
    """The scripts that ran on a page, and whether the theme's own did."""
    page = chromium.new_page()
    page.goto(address, wait_until="load")
    page.evaluate("document.getElementById('link').click()")
    page.wait_for_timeout(300)
    names = ["foreign_", "inline", "event_", "link", "base_"]
    # An element with an id is a property of the window too.
    ran = page.evaluate("names => names.filter(name => window[name] === 1)", names)
    own = page.evaluate(
        "[document.body.dataset.theme, typeof DOCUMENTATION_OPTIONS,"
        " [...document.styleSheets].some(sheet => sheet.href)]"
    )
    page.close()
    return ran, own


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_no_injected_script_runs_and_the_book_s_own_do(chromium, copies, scheme):
    ran, own = marks(chromium, f"{copies[scheme]}/chapter/with.html")

    assert ran == []
    assert own == ["auto", "object", True]


def test_without_the_policy_they_would_run(chromium, copies):
    ran, _ = marks(chromium, f"{copies['http']}/chapter/without.html")

    assert {"foreign_", "inline", "event_", "link", "base_"} <= set(ran)
