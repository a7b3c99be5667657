"""Whenever a build is ended, what is published is a whole book, or none.

And the next build, from whatever is left, equals one from clean; and no process stays.
"""

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from compare import differences
from tiny_book import TinyBook

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]

# What Sphinx prints, and the build is in the middle of when it does.
MOMENTS = {
    "gallery": "generating gallery for",
    "execution": "Executing notebook with kernel",
    "reading": "reading sources",
    "saving": "pickling environment",
    "writing": "writing output",
    "pictures": "copying images",
    "index": "dumping object inventory",
    "publishing": "after excluding",  # printed when everything has been written
}


def processes_of(book: TinyBook) -> dict[int, str]:
    """Return the processes that builds of a book have started, with commands."""
    mark = f"BOOK={book.root}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                if command:  # else it has ended, and its parent has not noticed
                    found[int(process.name)] = command.decode()
        except OSError:
            continue
    return found


def wait_until_all_end(book: TinyBook, patience: float = 20) -> dict[int, str]:
    """Return the processes that are still there when patience is over."""
    end = time.monotonic() + patience
    while (left := processes_of(book)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def start(book: TinyBook) -> subprocess.Popen[str]:
    """Start a build."""
    return subprocess.Popen(
        book.command(),
        cwd=book.root,
        env=book.environment(BOOK=str(book.root), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def end_at(book: TinyBook, words: str, number: signal.Signals) -> tuple[int, str]:
    """Build until something is printed, then end the build; return how it ended."""
    with start(book) as build:
        assert build.stdout is not None
        log = ""
        for line in build.stdout:
            log += line
            if words in line:
                build.send_signal(number)
                break
        log += build.stdout.read()
    return build.returncode, log


def end_after(book: TinyBook, seconds: float, number: signal.Signals) -> int:
    """Build for some seconds, then end the build."""
    with start(book) as build:
        try:
            build.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            build.send_signal(number)
            build.communicate()
    return build.returncode


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyBook, dict[str, Path]]:
    """A book to be ended, and the whole ones for two values in the package."""
    folder = tmp_path_factory.mktemp("interrupted")
    book = TinyBook(folder / "book", torch=False)
    whole = {}
    for value in VALUES:
        clean = TinyBook(folder / value, torch=False)
        change(clean, value)
        clean.good_build()
        whole[value] = clean.html
    return book, whole


VALUES = ("13", "14")


def change(book: TinyBook, value: str) -> None:
    """Edit the package, and with it all pages."""
    text = book.path("weight_decay/inner.py").read_text(encoding="utf-8")
    text = re.sub(r"^VALUE = .*$", f"VALUE = {value}", text, flags=re.MULTILINE)
    book.write("weight_decay/inner.py", text)


def published(book: TinyBook, whole: dict[str, Path]) -> str:
    """Return the value of the whole book that is published, "" if there is none."""
    if not any(book.html.iterdir() if book.html.is_dir() else ()):
        return ""
    (value,) = (each for each in VALUES if differences(book.html, whole[each]) == [])
    return value


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        *((moment, signal.SIGKILL) for moment in MOMENTS),
        *((moment, signal.SIGINT) for moment in ("gallery", "execution", "writing")),
        *((moment, signal.SIGTERM) for moment in ("gallery", "execution", "writing")),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_ended_while(moment: str, number: signal.Signals, books) -> None:
    book, whole = books
    old = published(book, whole)
    new = "14" if old == "13" else "13"
    change(book, new)

    code, log = end_at(book, MOMENTS[moment], number)

    assert wait_until_all_end(book) == {}
    if moment == "publishing":  # then it may have been done already
        assert published(book, whole) in (old, new)
    else:
        assert code != 0, log
        assert published(book, whole) == old
    if number != signal.SIGKILL:
        assert "The book was not built: it was interrupted." in log
    book.good_build()
    assert published(book, whole) == new


def test_ended_at_any_time(books) -> None:
    book, whole = books
    generator = random.Random(0)
    value = "13"
    for turn in range(int(os.environ.get("TURNS", "10"))):
        number = generator.choice(SIGNALS)
        value = generator.choice(VALUES)
        change(book, value)
        seconds = generator.uniform(0.5, 12)

        end_after(book, seconds, number)

        at = f"turn {turn}: {number.name} after {seconds:.1f} s"
        assert wait_until_all_end(book) == {}, at
        published(book, whole)  # a whole book, or none
    book.good_build()
    assert published(book, whole) == value


# warm_kernels silences what tells that the execution of a page begins.
TELL_OF_JUPYTER = """

def setup(app):
    import logging
    logging.getLogger("traitlets").setLevel(logging.INFO)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda value: value.name)
def test_warm_kernels_end_with_the_build(
    number: signal.Signals, tmp_path: Path
) -> None:
    book = TinyBook(tmp_path / "book")
    slow = "import os, time\nprint(os.getpid())\ntime.sleep(100)\nprint("
    book.edit("docs/one.md", "print(", slow)
    conf = book.path("docs/conf.py").read_text(encoding="utf-8")
    book.write("docs/conf.py", conf + TELL_OF_JUPYTER)

    end_at(book, "Executing notebook with kernel", number)

    assert wait_until_all_end(book) == {}
    assert not (book.html / "index.html").exists()
