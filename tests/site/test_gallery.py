"""docs/_ext/gallery.py: order, notebooks, and the archive of the examples."""

import io
import zipfile
from pathlib import Path

import pytest
from gallery import by_number, pack, plain_markdown

ROOT = Path(__file__).parents[2]


def test_script_10_comes_after_script_9():
    names = ["plot_10_b.py", "plot_9_a.py", "GALLERY_HEADER.rst"]

    assert sorted(names, key=by_number) == names[::-1]


def test_the_bytes_of_an_archive_depend_on_names_and_contents_alone():
    files = {"b/two": b"2" * 100, "a/one": b"1"}

    first, second = pack(files), pack(dict(reversed(files.items())))
    assert first == second
    assert unpack(first) == files


def unpack(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("See :func:`~weight_decay.scratch.sgd`.", "See `weight_decay.scratch.sgd`."),
        ("See :ref:`the summary <summary>`.", "See the summary."),
        ("In the :term:`null space`, too.", "In the null space, too."),
        (
            ".. solution-start:: Answer\n\nYes.\n\n.. solution-end::",
            "**Answer**\n\nYes.\n\n",
        ),
        ("``code`` and $x$", "``code`` and $x$"),
    ],
)
def test_a_notebook_holds_no_directive_and_no_role(text, plain):
    assert plain_markdown(text) == plain


# -- In the built book --------------------------------------------------------


def test_the_archive_holds_what_the_pages_of_the_scripts_offer(pages):
    page = pages["reference/downloads.html"]
    (archive,) = (
        page.book / page.target(link["href"])[0]
        for link in page.article.select("a.download[href]")
    )
    files = unpack(archive.read_bytes())
    offered = {}
    for script in ROOT.glob("examples/plot_*.py"):
        page = pages[f"auto_examples/{script.stem}.html"]
        for ending in (".py", ".ipynb"):
            (link,) = page.article.select(f'a.download[href$="{ending}"]')
            path = page.book / page.target(link["href"])[0]
            offered[path.name] = path.read_bytes()

    expected = dict(offered)
    for path in [ROOT / "LICENSE", *ROOT.glob("weight_decay/*.py*")]:
        if path.is_file():
            expected[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    expected["weight_decay/py.typed"] = b""
    inside = {name.removeprefix(f"{archive.stem}/"): files[name] for name in files}
    readme = inside.pop("README.txt").decode()
    assert inside == expected
    assert 'pip install "torch>=' in readme  # a shell would take > for itself


def test_notebooks_of_the_book_are_plain_markdown(book):
    for path in book.glob("_downloads/*/*.ipynb"):
        text = path.read_text("utf-8")
        assert ":func:`" not in text, path.name
