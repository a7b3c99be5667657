"""docs/_ext/gallery.py: order, notebooks, and the archive of the examples."""

import io
import zipfile
from pathlib import Path

import pytest
from gallery import Example, by_number, pack, plain_markdown, read_example
from package_code import listing
from sphinx.errors import ConfigError

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


def test_a_script_says_its_claim(tmp_path):
    script = tmp_path / "plot_1.py"
    script.write_text('r"""\nA title\n=======\n\nOne sentence,\non two lines.\n"""\n')

    assert read_example(script) == Example(
        "plot_1", "A title", "One sentence, on two lines."
    )
    script.write_text('"""Only a title"""\n', "utf-8")
    with pytest.raises(ConfigError, match=r"plot_1\.py has no title and sentence"):
        read_example(script)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("See :func:`~weight_decay.scratch.sgd`.", "See `weight_decay.scratch.sgd`."),
        ("See :ref:`the summary <summary>`.", "See the summary."),
        ("``code`` and $x$", "``code`` and $x$"),
        (
            ".. package-code::\n   weight_decay.scratch.sgd\n\nword",
            f"```python\n{listing('weight_decay.scratch.sgd')[1]}\n```\n\nword",
        ),
    ],
)
def test_a_notebook_holds_no_directive_and_no_role(text, plain):
    assert plain_markdown(text) == plain


# -- In the built book --------------------------------------------------------


def test_the_archive_holds_what_is_offered_one_by_one(pages):
    page = pages["reference/downloads.html"]
    links = page.article.select("a.download[href]")
    archive, *singles = [page.book / page.target(link["href"])[0] for link in links]
    files = unpack(archive.read_bytes())
    offered = {path.name: path.read_bytes() for path in singles}
    scripts = {path.stem for path in ROOT.glob("examples/plot_*.py")}
    assert offered.keys() == {s + end for s in scripts for end in (".py", ".ipynb")}

    expected = dict(offered)
    for path in [ROOT / "LICENSE", *ROOT.glob("weight_decay/*.py*")]:
        if path.is_file():
            expected[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    expected["weight_decay/py.typed"] = b""
    inside = {name.removeprefix(f"{archive.stem}/"): files[name] for name in files}
    readme = inside.pop("README.txt").decode()
    assert inside == expected
    assert 'pip install "torch>=' in readme  # a shell would take > for itself
    for name in scripts:
        assert f"\n{name}\n    " in readme


def test_the_downloads_page_lists_each_script_with_its_claim(pages):
    page = pages["reference/downloads.html"]
    items = page.article.select("dl.simple > dt, dl.myst > dt")

    assert len(items) == len(list(ROOT.glob("examples/plot_*.py")))
    for term in items:
        script = pages[page.target(term.a["href"])[0]].article
        claim = term.find_next_sibling("dd").find("p")
        assert term.text == script.h1.text.removesuffix("¶")
        assert claim.text.split() == script.h1.find_next_sibling("p").text.split()


def test_notebooks_of_the_book_are_plain_markdown(book):
    for path in book.glob("_downloads/*/*.ipynb"):
        text = path.read_text("utf-8")
        assert ".. package-code::" not in text, path.name
        assert ":func:`" not in text, path.name
