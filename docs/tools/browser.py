"""Starts the Chromium that prints the book and looks at it.

A browser that is installed already is taken: it is the one that readers have, and
Playwright's own is a download of its own.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Whoever tests is often root and has no display; the rest keeps the browser from
# asking the network for anything of its own.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium without a window, and end it with the block.

    It is the one that the variable CHROMIUM names, else the first on the path, else
    Playwright's own; where there is none, Playwright says how to get that.
    """
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=list(ARGUMENTS)
        )
        try:
            yield browser
        finally:
            browser.close()
