"""Finds the Chromium that looks at the book and prints it.

A browser that is installed already is taken: it is the one that readers have, and
Playwright's own is a download of its own.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = (
    "No Chromium was found. Install one (Debian and Ubuntu: apt-get install chromium; "
    "anywhere: python -m playwright install chromium), or name one: "
    "CHROMIUM=/path/to/chromium."
)
# A test machine often runs as root, has no display and shares its memory; the rest
# keeps the browser from asking the network for anything of its own.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)


class NoChromiumError(RuntimeError):
    """There is no Chromium; the message says how to get one."""


def find_chromium(own: str = "") -> str:
    """Return the path of a Chromium.

    Parameters
    ----------
    own : str
        Where Playwright would keep its own browser, taken as a last resort.

    Returns
    -------
    str
        The value of the environment variable CHROMIUM, else the first browser on
        the path, else `own`.

    Raises
    ------
    NoChromiumError
        If there is none, or if CHROMIUM names a file that does not exist.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if found := shutil.which(named):
            return found
        raise NoChromiumError(f"CHROMIUM names {named!r}, which is no program.")
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if own and Path(own).exists():
        return own
    raise NoChromiumError(HOW_TO_GET_ONE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a Chromium without a window, and end it with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
