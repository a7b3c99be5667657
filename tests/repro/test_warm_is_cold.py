"""After any edit, a build that goes on from the last equals a build from clean."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from compare import differences
from tiny_book import TinyBook

GENERATED = ("_build", "auto_examples", "generated", "__pycache__")


def edit(name: str, old: str, new: str) -> Callable[[TinyBook], None]:
    """Return an edit that replaces a text in a file."""
    return lambda book: book.edit(name, old, new)


def add_page(book: TinyBook) -> None:
    """Add a page, with the first citation of an entry and a picture of its own."""
    text = book.path("docs/two.md").read_text(encoding="utf-8")
    text = text.replace("# Two", "# Three\n\nSee {cite:t}`hoerl1970ridge`.")
    text = text.replace('glue("number", VALUE', 'glue("other", VALUE')
    book.write("docs/three.md", text.replace("[1, 2, VALUE]", "[3, 2, VALUE]"))
    book.edit("docs/index.md", "two\nauto", "two\nthree\nauto")


def remove_page(book: TinyBook) -> None:
    """Remove the page again."""
    book.path("docs/three.md").unlink()
    book.edit("docs/index.md", "three\n", "")


def add_script(book: TinyBook) -> None:
    """Add a script, which two small galleries show."""
    text = book.path("examples/plot_2_second.py").read_text(encoding="utf-8")
    text = text.replace("The second script", "The third script.")
    text += "\nfrom weight_decay.inner import shrink\n\nshrink(1)\n"
    book.write("examples/plot_3_third.py", text)
    book.edit(
        "docs/index.md",
        "plot_2_second\n",
        "plot_2_second\nauto_examples/plot_3_third\n",
    )


def remove_script(book: TinyBook) -> None:
    """Remove the script again."""
    book.path("examples/plot_3_third.py").unlink()
    book.edit("docs/index.md", "auto_examples/plot_3_third\n", "")


PICTURE = "plt.plot([1, 2, VALUE])\nplt.show()"
EDITS = {
    "nothing": lambda book: None,
    "a number in the package": edit(
        "weight_decay/inner.py", "VALUE = 13", "VALUE = 14"
    ),
    "prose": edit("docs/one.md", "Prose", "Better prose"),
    "the title of a page": edit("docs/one.md", "# One", "# Number one"),
    "the label of a section": lambda book: (
        [book.edit(f"docs/{name}.md", "first", "the-first") for name in ("one", "two")]
        + [book.edit("docs/index.md", "{ref}`first`", "{ref}`the-first`")]
    ),
    "a cell": edit("docs/one.md", '"one sees"', '"one knows"'),
    "the text for who cannot see a picture": edit(
        "docs/two.md", "A line rises.", "It rises."
    ),
    "the title of a script": edit(
        "examples/plot_2_second.py", "The second", "The next"
    ),
    "what a script draws": edit("examples/plot_2_second.py", "[1, 2, 3]", "[3, 2, 3]"),
    "page added": add_page,
    "page removed": remove_page,
    "script added": add_script,
    "script removed": remove_script,
    "order of pages": edit("docs/index.md", "one\ntwo\n", "two\none\n"),
    "picture of a page removed": edit("docs/two.md", PICTURE, "print('none')"),
    "picture of a script removed": edit(
        "examples/plot_2_second.py", "plt.plot([3, 2, 3])", "0"
    ),
    "version of a package": edit("constraints.txt", "numpy==1", "numpy==2"),
    "entry of the bibliography": edit(
        "docs/reference/references.bib", "Krogh, A.", "Krogh, Anders"
    ),
    "style": edit("docs/_static/book.css", "}", "} "),
    "settings": edit(
        "docs/conf.py", 'html_title = "Weight decay"', 'html_title = "Decay"'
    ),
    "settings of the gallery": edit("docs/conf.py", "(320, 224)", "(160, 112)"),
}


# Where Sphinx should not do everything again.
WRITES = {"nothing": [], "prose": ["one"]}


def clean_copy(book: TinyBook, folder: Path) -> TinyBook:
    """Build a copy of the book from clean."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(book.root, folder, ignore=shutil.ignore_patterns(*GENERATED))
    copy = TinyBook.at(folder)
    copy.good_build()
    return copy


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> TinyBook:
    """One book that goes through all edits, which build on one another."""
    book = TinyBook(tmp_path_factory.mktemp("warm") / "book", torch=False)
    book.good_build()
    return book


@pytest.mark.parametrize("name", EDITS)
def test_warm_equals_cold_after_edit(name: str, book: TinyBook, tmp_path: Path) -> None:
    EDITS[name](book)
    log = book.good_build().log
    if name in WRITES:
        written = re.findall(r"writing output\.\.\. \[ *\d+%\] (.*)", log)
        assert written == WRITES[name]

    cold = clean_copy(book, tmp_path / "a-clean-copy")

    assert differences(book.html, cold.html) == []


def test_a_stale_page_is_found(book: TinyBook, tmp_path: Path) -> None:
    # Without the fingerprint, pages that were not read keep the old title.
    book.edit(
        "docs/_ext/whole_book.py", "builder.fingerprint == now", "builder.fingerprint"
    )
    book.good_build()
    book.edit("docs/two.md", "# Two", "# Number two")
    book.good_build()

    cold = clean_copy(book, tmp_path / "a-clean-copy")

    found = "\n".join(differences(book.html, cold.html))
    assert "one.html: byte" in found
