"""How long the book takes to build, and how many bytes a first visit to a page takes.

Usage: ``python tests/benchmarks/book.py BUILD COMMAND…``. The command is run in a copy
of the working tree, which holds what git tracks or would track, and no earlier build.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from working_tree import copy_tree

BUDGET_COLD, BUDGET_UNCHANGED, BUDGET_PROSE = 60, 5, 8  # seconds
BUDGET_PAGE = 500  # kilobytes


def build(command: list[str], tree: Path) -> float:
    """Build the book in tree and return the seconds it took."""
    env = os.environ | {"PYTHONPATH": str(tree)}  # the copy's package, also in kernels
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=tree,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"The build failed.\n{done.stdout}")
    return seconds


class References(HTMLParser):
    """Collects what a browser loads with a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a style sheet, an icon, a script or an image."""
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and given["rel"] in {"stylesheet", "icon", "preload"}:
            self.urls.append(given["href"])
        elif tag in {"img", "source"} and "srcset" in given:
            # The last candidate is the largest: what a sharp screen asks for.
            self.urls.append(given["srcset"].split(",")[-1].split()[0])
        elif tag in {"img", "script", "source", "iframe"} and "src" in given:
            self.urls.append(given["src"])


def first_visit(page: Path) -> set[Path]:
    """Return the files that a page and its style sheets load."""
    files: set[Path] = set()
    waiting = [(page.parent, u) for u in References(page.read_text("utf-8")).urls]
    while waiting:
        folder, url = waiting.pop()
        parts = urlsplit(url.strip("\"' "))
        if parts.scheme or parts.netloc or not parts.path:
            continue
        file = (folder / unquote(parts.path)).resolve()
        if file in files or not file.is_file():
            continue
        files.add(file)
        if file.suffix == ".css":
            sheet = file.read_text("utf-8")
            found = re.findall(r"url\(([^)]+)\)", sheet)
            waiting += [(file.parent, url) for url in found]
    return files | {page.resolve()}


def report_times(command: list[str], tree: Path) -> None:
    """Print how long the builds take."""

    def report(what: str, budget: int) -> None:
        seconds = build(command, tree)
        over = "   over" if seconds > budget else ""
        print(f"{what:36}{seconds:6.1f} s   ≤ {budget}{over}", flush=True)

    print("Building, once each:\n")
    report("cold", BUDGET_COLD)
    report("nothing changed", BUDGET_UNCHANGED)
    page = tree / "docs" / "chapter" / "decay.md"  # one with code that runs
    with page.open("a", encoding="utf-8") as text:
        text.write("\nOne more sentence.\n")
    report(f"prose of {page.name} changed", BUDGET_PROSE)


def report_bytes(html: Path) -> None:
    """Print what a first visit to each page loads, by kind of file."""
    kinds = {
        "page": {".html"},
        "css": {".css"},
        "js": {".js"},
        "font": {".woff2"},
        "images": {".png", ".svg", ".ico", ".webp", ".jpg"},
    }
    print(f"\nA first visit, in kB, uncompressed; budget {BUDGET_PAGE}:\n")
    print(" " * 36 + "".join(f"{kind:>8}" for kind in (*kinds, "all")))
    for page in sorted(html.rglob("*.html")):
        files = first_visit(page)
        kilobytes = [
            sum(file.stat().st_size for file in files if file.suffix in suffixes) / 1000
            for suffixes in (*kinds.values(), {file.suffix for file in files})
        ]
        over = "   over" if kilobytes[-1] > BUDGET_PAGE else ""
        columns = "".join(f"{size:8.1f}" for size in kilobytes)
        print(f"{page.relative_to(html)!s:36}{columns}{over}")


def main(command: list[str]) -> None:
    """Measure in a copy of the working tree, and print the two tables."""
    if not command:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        copy_tree(tree)
        report_times(command, tree)
        report_bytes(tree / "docs" / "_build" / "html")


if __name__ == "__main__":
    main(sys.argv[1:])
