"""docs/_ext/gallery.py: order, notebooks, and the archive of the examples."""

import ast
import io
import json
import re
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


def test_a_notebook_alone_says_what_to_install_and_where_it_is(pages, book):
    page = pages["reference/downloads.html"]
    (archive,) = (
        page.target(link["href"])[0].rpartition("/")[2]
        for link in page.article.select("a.download[href]")
    )
    readme = (ROOT / "README.md").read_text("utf-8")
    (install,) = re.findall(r"^python -m pip install -e .*", readme, re.MULTILINE)
    notebooks = list(book.glob("_downloads/*/plot_*.ipynb"))

    assert len(notebooks) == len(list(ROOT.glob("examples/plot_*.py")))
    for path in notebooks:
        first, title = json.loads(path.read_text("utf-8"))["cells"][:2]
        hint = "".join(first["source"])
        assert first["cell_type"] == "code", path.name
        assert "".join(title["source"]).lstrip().startswith("# "), path.name
        assert {"weight_decay", archive} <= set(hint.split()), path.name
        assert f"page {page.article.h1.find(string=True)}" in hint, path.name
        assert install in hint, path.name
        # Comments alone: with the package at hand it does nothing.
        assert ast.parse(hint).body == [], path.name
        assert hint.count("\n") == 1, path.name


def test_notebooks_of_the_book_are_plain_markdown(book):
    for path in book.glob("_downloads/*/*.ipynb"):
        text = path.read_text("utf-8")
        assert ":func:`" not in text, path.name
