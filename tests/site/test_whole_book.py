"""Only whole books are published, and each equals the one from a first build.

Small books without code are enough here; ``tests/repro`` does the same with the book's
own settings.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import whole_book
from compare import differences
from docutils import nodes

EXTENSIONS = Path(whole_book.__file__).parent
CONF = f"""
import os, signal, sys
from pathlib import Path

sys.path.insert(0, {str(EXTENSIONS)!r})
project = "Mini"
extensions = ["whole_book", "cache_key"]
cache_key_sources = ["conf.py"]
html_theme = "basic"
html_sidebars = {{"**": ["globaltoc.html", "relations.html"]}}
exclude_patterns = ["_build"]


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def setup(app):
    import whole_book

    if moment := os.environ.get("KILL_AT"):
        app.connect(moment, die)
    if os.environ.get("KILL_BETWEEN"):
        # After the last book has moved away, and before the new one comes.
        whole_book.WholeBookBuilder._tidy = lambda self: None
        move = Path.rename
        Path.rename = lambda old, new: die() if "next" in old.name else move(old, new)
"""
FILES = {
    "conf.py": CONF,
    "index.rst": "Index\n=====\n\n.. toctree::\n\n   one\n   two\n",
    "one.rst": "One\n===\n\n.. index:: apple\n\nApples. See :ref:`there`.\n",
    "two.rst": (
        "Two\n===\n\n.. _there:\n\nSection\n-------\n\n.. index:: pear\n\nPears.\n"
    ),
}


class Book:
    """A small book in a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.html = folder / "_build" / "html"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.root / name).write_text(text, encoding="utf-8")

    def build(
        self, *arguments: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Build the book, strictly."""
        command = [sys.executable, "-m", "sphinx", "-N", "-W", "-d", "_build/doctrees"]
        return subprocess.run(
            [*command, "-b", "html", ".", "_build/html", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def good_build(self) -> set[str]:
        """Build the book, without a warning, and return the pages that were written."""
        done = self.build()
        assert done.returncode == 0, done.stdout + done.stderr
        return set(re.findall(r"writing output\.\.\. \[ *\d+%\] (\S+)", done.stdout))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, Path]:
    """A book, built for the first time, and a copy of its folder."""
    folder = tmp_path_factory.mktemp("whole")
    book = Book(folder / "book")
    assert book.good_build() == {"index", "one", "two"}
    shutil.copytree(book.root, folder / "kept")
    return book, folder / "kept"


@pytest.fixture
def book(shared: tuple[Book, Path]) -> Book:
    """The built book in its folder, as it was after the first build."""
    book, kept = shared
    shutil.rmtree(book.root)
    shutil.copytree(kept, book.root)
    return book


@pytest.fixture
def first(shared: tuple[Book, Path]) -> Path:
    """The pages of the first build."""
    return shared[1] / "_build" / "html"


def equals_a_clean_build(book: Book, folder: Path) -> bool:
    """Tell whether the published book is what a build from clean gives."""
    clean = Book(folder)
    for name in FILES:
        (clean.root / name).unlink()
    for path in book.root.glob("*.*"):
        shutil.copy(path, clean.root)
    clean.good_build()
    found = differences(book.html, clean.html)
    assert found == []
    return not found


def test_nothing_is_written_when_nothing_has_changed(book: Book, first: Path) -> None:
    assert book.good_build() == set()
    assert differences(book.html, first) == []


def test_only_a_page_whose_prose_has_changed_is_written(
    book: Book, tmp_path: Path
) -> None:
    # The word goes from the search index; the index entries of other pages stay.
    book.write("one.rst", FILES["one.rst"].replace("Apples", "Fruit"))
    assert book.good_build() == {"one", "index"}  # which lists it
    assert equals_a_clean_build(book, tmp_path / "clean")
    assert "pear" in (book.html / "searchindex.js").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new"), [("Two\n===", "New\n==="), ("Section\n--", "Part\n--")]
)
def test_every_page_is_written_when_a_title_has_changed(
    old: str, new: str, book: Book, tmp_path: Path
) -> None:
    book.write("two.rst", FILES["two.rst"].replace(old, new))
    assert book.good_build() == {"index", "one", "two"}
    assert equals_a_clean_build(book, tmp_path / "clean")


def test_a_page_that_is_gone_leaves_nothing_behind(book: Book, tmp_path: Path) -> None:
    book.write("three.rst", "Three\n=====\n")
    book.write("index.rst", FILES["index.rst"] + "   three\n")
    assert "three" in book.good_build()
    assert equals_a_clean_build(book, tmp_path / "with")
    book.root.joinpath("three.rst").unlink()
    book.write("index.rst", FILES["index.rst"])
    book.good_build()
    assert not (book.html / "three.html").exists()
    assert equals_a_clean_build(book, tmp_path / "without")


def test_damage_to_the_published_book_is_mended(book: Book, first: Path) -> None:
    (book.html / "one.html").write_text("damaged")
    (book.html / "search.html").unlink()
    (book.html / "left-over.html").write_text("")
    assert book.good_build() == set()
    assert differences(book.html, first) == []


def test_a_book_with_a_warning_is_not_published(book: Book, first: Path) -> None:
    book.write("one.rst", FILES["one.rst"] + "\n:ref:`nowhere`\n")
    assert book.build().returncode == 1
    assert differences(book.html, first) == []
    assert book.build().returncode == 1
    book.write("one.rst", FILES["one.rst"])
    book.good_build()
    assert differences(book.html, first) == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["builder-inited", "env-updated", "build-finished"])
def test_a_killed_build_leaves_the_last_book(
    moment: str, book: Book, first: Path, tmp_path: Path
) -> None:
    book.write("one.rst", FILES["one.rst"].replace("One", "New"))
    assert book.build(KILL_AT=moment).returncode < 0
    assert differences(book.html, first) == []
    assert book.good_build() == {"index", "one", "two"}
    assert equals_a_clean_build(book, tmp_path / "clean")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_last_book_comes_back_when_publishing_was_cut_off(
    book: Book, first: Path
) -> None:
    assert book.build(KILL_BETWEEN="1").returncode < 0
    assert not book.html.exists()
    book.write("one.rst", FILES["one.rst"] + "\n:ref:`nowhere`\n")
    assert book.build().returncode == 1
    assert differences(book.html, first) == []
    book.write("one.rst", FILES["one.rst"])
    book.good_build()
    beside = {path.name for path in book.html.parent.iterdir()}
    assert beside == {"doctrees", "html", "html-work"}


def test_a_first_build_that_fails_publishes_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "book")
    book.write("one.rst", ":ref:`nowhere`\n")
    assert book.build().returncode == 1
    assert not any(book.html.iterdir())


def test_single_pages_are_not_published_when_others_are_stale(
    book: Book, first: Path
) -> None:
    book.write("two.rst", FILES["two.rst"].replace("Two", "New"))
    done = book.build("one.rst")
    assert done.returncode != 0
    assert "two.html was not written" in done.stderr
    assert differences(book.html, first) == []


def test_the_canonical_form_tells_values_apart_and_nothing_else() -> None:
    canonical = whole_book.canonical
    ordered = {"b": {1, 2}, "a": (nodes.Text("text"), [None])}
    turned = {"a": (nodes.Text("text"), [None]), "b": {2, 1}}
    other = {"b": {1, 2}, "a": (nodes.Text("test"), [None])}
    assert repr(canonical(ordered)) == repr(canonical(turned))
    assert repr(canonical(ordered)) != repr(canonical(other))


def test_pictures_are_named_in_an_order_of_their_own() -> None:
    from types import SimpleNamespace

    from sphinx.util._files import FilenameUniqDict

    def named(*met: tuple[str, str]) -> dict[str, str]:
        environment = SimpleNamespace(images=FilenameUniqDict())
        for page, picture in met:
            environment.images.add_file(page, picture)
        whole_book.name_pictures_in_order(environment)
        return {source: name for source, (_, name) in environment.images.items()}

    expected = {"a/x.png": "x.png", "b/x.png": "x1.png"}
    assert named(("p", "a/x.png"), ("q", "b/x.png")) == expected
    assert named(("q", "b/x.png"), ("p", "a/x.png"), ("r", "a/x.png")) == expected
