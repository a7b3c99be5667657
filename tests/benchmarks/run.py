"""Prints what the project measures beside its budgets.

Usage: ``run.py [training] [book] [live] [lines]``, by default all four. The book
is built in a copy of the working tree in which nothing has been built.
"""

import gzip
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import budgets  # noqa: E402 - the path comes first
from first_visit import kilobytes  # noqa: E402
from reading import Page  # noqa: E402


def working_tree(*parts):
    """Return the files that git tracks, or would track, by their names."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.check_output([*command, "--", *parts], cwd=ROOT, text=True)
    return [name for name in listing.split("\0") if (ROOT / name).is_file()]


def report(what, measured, budget, unit=""):
    """Print a line of the table."""

    def text(value):
        if unit:
            return f"{value:,.0f} {unit}"
        return f"1/{1 / value:,.0f}" if value < 0.01 else f"{value:.2f}"

    over = "   over" if measured > budget else ""
    print(f"{what:50}{text(measured):>14}   ≤ {text(budget)}{over}", flush=True)


def training():
    """Compare the loops."""
    from training import ratios

    allowed = (budgets.TRAIN_RATIO, budgets.SWEEP_RATIO, budgets.SWEEP_GROWTH)
    for (what, ratio), budget in zip(ratios().items(), allowed, strict=True):
        report(what, ratio, budget)


def book():
    """Build the book three times, and weigh it."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        for name in working_tree():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)

        def build(what, budget):
            start = time.perf_counter()
            command = [sys.executable, "docs/tools/build.py"]
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"The book was not built.\n{done.stdout}{done.stderr}")
            report(what, time.perf_counter() - start, budget, "s")

        build("cold build", budgets.COLD_SECONDS)
        build("nothing changed", budgets.UNCHANGED_SECONDS)
        page = tree / "docs" / "chapter" / "decay.md"  # one with code that runs
        with page.open("a", encoding="utf-8") as text:
            text.write("\nOne more sentence.\n")
        build("prose of one page changed", budgets.ONE_PAGE_SECONDS)

        html = tree / "docs" / "_build" / "html"
        names = [path.relative_to(html).as_posix() for path in html.rglob("*.html")]
        weights = {name: kilobytes(Page(html, name)) for name in names}
    heaviest = max(weights, key=weights.get)
    report("first visit to index.html", weights["index.html"], budgets.INDEX_KB, "kB")
    report(f"  to {heaviest}", weights[heaviest], budgets.PAGE_KB, "kB")


def live():
    """Weigh the scripts of the figures that move, and move them."""
    from moves import milliseconds

    scripts = (ROOT / "docs" / "_static" / "live").glob("*.js")
    size = sum(len(gzip.compress(script.read_bytes())) for script in scripts)
    report("scripts of the figures that move", size / 1024, budgets.LIVE_KB, "kB")
    for figure, median in milliseconds(ROOT / "docs" / "_build" / "html").items():
        report(f"a move of {figure}", median, budgets.MOVE_MS, "ms")


def lines():
    """Count the lines of the machine around the book."""
    for what, budget in {
        "docs/_ext": budgets.EXTENSION_LINES,
        "tests": budgets.TEST_LINES,
        "noxfile.py": budgets.NOXFILE_LINES,
    }.items():
        texts = [(ROOT / name).read_text("utf-8") for name in working_tree(what)]
        report(what, sum(text.count("\n") for text in texts), budget, "lines")


if __name__ == "__main__":
    for part in sys.argv[1:] or ("training", "book", "live", "lines"):
        {"training": training, "book": book, "live": live, "lines": lines}[part]()
