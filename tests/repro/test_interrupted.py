"""Whenever a build is ended, what is published is a whole book, or none.

And the next build, from whatever is left, equals one from clean; and no process stays.
"""

import os
import random
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
    "execution": "Executing notebook using",
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
    build = start(book)
    assert build.stdout is not None
    log = ""
    for line in build.stdout:
        log += line
        if words in line:
            build.send_signal(number)
            break
    log += build.stdout.read()
    return build.wait(), log


def end_after(book: TinyBook, seconds: float, number: signal.Signals) -> int:
    """Build for some seconds, then end the build."""
    build = start(book)
    try:
        build.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        build.send_signal(number)
        build.communicate()
    return build.returncode


def copy_of(book: TinyBook, folder: Path) -> TinyBook:
    """Build the sources of a book from clean."""
    copy = TinyBook(folder)
    for name in ("weight_decay/inner.py", "docs/one.md", "examples/plot_1_first.py"):
        copy.write(name, book.path(name).read_text(encoding="utf-8"))
    copy.good_build()
    return copy


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyBook, Path, Path]:
    """A book to be ended, and two whole ones: the old and the new."""
    folder = tmp_path_factory.mktemp("interrupted")
    book = TinyBook(folder / "book")
    old = copy_of(book, folder / "old").html
    change(book, "14")
    new = copy_of(book, folder / "new").html
    return book, old, new


def change(book: TinyBook, value: str) -> None:
    """Edit the package, and with it all pages."""
    text = f"VALUE = {value}\n"
    old = book.path("weight_decay/inner.py").read_text(encoding="utf-8")
    lines = [
        text if line.startswith("VALUE") else line for line in old.splitlines(True)
    ]
    book.write("weight_decay/inner.py", "".join(lines))


def check_what_is_published(book: TinyBook, old: Path, new: Path) -> None:
    """Check that there is no book, or a whole one."""
    if book.html.is_dir() and any(book.html.iterdir()):
        assert [] in (differences(book.html, old), differences(book.html, new))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda each: each.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_ended_while(moment: str, number: signal.Signals, books) -> None:
    book, old, new = books
    change(book, "13")
    book.good_build()
    change(book, "14")

    code, log = end_at(book, MOMENTS[moment], number)

    left = wait_until_all_end(book)
    assert left == {}
    check_what_is_published(book, old, new)
    if moment != "publishing":  # then it may have been done already
        assert code != 0, log
        assert differences(book.html, old) == []
        if number != signal.SIGKILL:
            assert "The book was not built: it was interrupted." in log
    book.good_build()
    assert differences(book.html, new) == []


def test_ended_at_any_time(books) -> None:
    book, old, new = books
    generator = random.Random(0)
    now = "14"
    for turn in range(int(os.environ.get("TURNS", "12"))):
        number = generator.choice(SIGNALS)
        now = generator.choice(["13", "14"])
        change(book, now)
        seconds = generator.uniform(0.5, 12)

        end_after(book, seconds, number)

        at = f"turn {turn}: {number.name} after {seconds:.1f} s"
        assert wait_until_all_end(book) == {}, at
        check_what_is_published(book, old, new)
    book.good_build()
    assert differences(book.html, old if now == "13" else new) == []


def test_ended_before_there_is_any_book(books, tmp_path: Path) -> None:
    _, old, _ = books
    book = TinyBook(tmp_path / "book")

    code, _ = end_at(book, "copying images", signal.SIGKILL)

    assert code == -signal.SIGKILL
    assert not (book.html / "index.html").exists()
    book.good_build()
    assert differences(book.html, old) == []
