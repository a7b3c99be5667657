"""One Chromium, one window of it, and the built book on a host of this machine."""

import functools
import http.server
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for checks.py


class QuietHost(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def site(book):
    """The address of the book on this machine's own host."""
    host = functools.partial(QuietHost, directory=str(book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    from browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def look(chromium):
    """Return a function that opens an address as on a phone, or as on a desk."""
    from checks import Visit

    sharp = chromium.new_context(device_scale_factor=2, reduced_motion="reduce")
    window = sharp.new_page()

    def look(address, *, phone=False, dark=False):
        window.set_viewport_size({"width": 390 if phone else 1300, "height": 844})
        window.emulate_media(color_scheme="dark" if dark else "light")
        return Visit(window, address)

    yield look
    sharp.close()


@pytest.fixture
def fresh(chromium, request):
    """A window in which nothing is stored: as on a desk, or of the width given."""
    size = {"width": getattr(request, "param", 1300), "height": 844}
    with chromium.new_context(viewport=size, reduced_motion="reduce") as context:
        yield context.new_page()
