"""Code on the pages: the package's own, without docstrings, on paper and notebook."""

import re
import sys
from types import SimpleNamespace

import package_code
import pytest
from docutils import nodes
from package_code import listing, plain_markdown, source_without_docstring
from sphinx.testing.util import SphinxTestApp
from sphinx_gallery import notebook

FIRST = '''\
"""A module."""

import functools

LIMIT = 3


def plain(x):
    return x + LIMIT  # a comment stays


@functools.cache
def short(x):
    """Say it in one line."""
    return f"""not a docstring: {x}"""


def long(
    x: int,
) -> int:
    """Say more.

    Parameters
    ----------
    x : int
        A number.
    """
    # Why.
    return x


class Thing:
    """A thing."""

    def method(self):
        return self
'''
PLAIN = "def plain(x):\n    return x + LIMIT  # a comment stays"
SHORT = 'def short(x):\n    return f"""not a docstring: {x}"""'
LONG = "def long(\n    x: int,\n) -> int:\n    # Why.\n    return x"
THING = "class Thing:\n\n    def method(self):\n        return self"
SECOND = "def other():\n    return 1\n"


@pytest.fixture(scope="module", autouse=True)
def toy(tmp_path_factory):
    """A package `shown` that can be imported while these tests run."""
    folder = tmp_path_factory.mktemp("lib") / "shown"
    folder.mkdir()
    for name, code in {"__init__": "", "first": FIRST, "second": SECOND}.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder.parent)
        yield folder
    sys.modules.pop("shown", None)


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a page of text with the directive."""

    def run(text, suffix="rst"):
        (tmp_path / "conf.py").write_text("", encoding="utf-8")
        (tmp_path / f"index.{suffix}").write_text(text, encoding="utf-8")
        extensions = ["package_code", "myst_parser"]
        app = SphinxTestApp(
            "dummy", srcdir=tmp_path, confoverrides={"extensions": extensions}
        )
        try:
            app.build()
            return SimpleNamespace(
                tree=app.env.get_doctree("index"),
                warnings=re.sub(r"\x1b\[[\d;]*m", "", app.warning.getvalue()),
                dependencies={str(path) for path in app.env.dependencies["index"]},
            )
        finally:
            app.cleanup()

    return run


def blocks(page):
    return [block.astext() for block in page.tree.findall(nodes.literal_block)]


# -- The source ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [("plain", PLAIN), ("short", SHORT), ("long", LONG), ("Thing", THING)],
)
def test_the_docstring_and_the_decorator_go_and_all_else_stays(toy, name, code):
    path, shown = source_without_docstring(f"shown.first.{name}")

    assert shown == code
    assert path == toy / "first.py"


def test_several_names_stand_in_the_order_given(toy):
    names = "shown.first.long\n  shown.first.plain"

    assert listing(names) == (toy / "first.py", f"{LONG}\n\n\n{PLAIN}")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("shown.first.absent", "no function or class 'absent' in first.py"),
        ("shown.first.LIMIT", "no function or class 'LIMIT' in first.py"),
        ("shown.third.plain", "no module for 'shown.third.plain'"),
        ("plain", "no module for 'plain'"),
        (
            "shown.first.plain shown.second.other",
            "names of several modules: shown.first.plain shown.second.other",
        ),
    ],
)
def test_wrong_names_are_refused(names, complaint):
    with pytest.raises(LookupError, match=f"^{re.escape(complaint)}$"):
        listing(names)


# -- The directive ------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", "T\n=\n\n.. package-code:: shown.first.short\n\nAfter.\n"),
        ("md", "# T\n\n```{package-code} shown.first.short\n```\n\nAfter.\n"),
    ],
)
def test_the_code_is_a_captioned_block_of_python(read, toy, suffix, text):
    page = read(text, suffix)

    assert page.warnings == ""
    (block,) = page.tree.findall(nodes.literal_block)
    assert block.astext() == SHORT
    assert block["language"] == "python"
    (caption,) = page.tree.findall(nodes.caption)
    assert caption.astext() == "shown/first.py"
    assert str(toy / "first.py") in page.dependencies


def test_two_directives_and_a_paragraph_each_on_one_page(read):
    page = read(
        "T\n=\n\n"
        ".. package-code::\n   shown.first.plain\n   shown.first.long\n\nBetween.\n\n"
        ".. package-code:: shown.second.other\n\nAfter.\n"
    )

    assert page.warnings == ""
    assert blocks(page) == [f"{PLAIN}\n\n\n{LONG}", SECOND.rstrip()]
    (section,) = page.tree.findall(nodes.section)
    paragraphs = [child for child in section if isinstance(child, nodes.paragraph)]
    assert [child.astext() for child in paragraphs] == ["Between.", "After."]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("shown.first.absent", "no function or class 'absent' in first.py"),
        ("shown.first.plain shown.second.other", "names of several modules"),
    ],
)
def test_a_wrong_name_is_an_error_at_its_line(read, names, complaint):
    page = read(f"T\n=\n\nText.\n\n.. package-code:: {names}\n")

    assert re.search(
        rf"index\.rst:6: ERROR: package-code: {re.escape(complaint)}", page.warnings
    )
    assert len(page.warnings.splitlines()) <= 3  # it, and the text it is about
    assert page.tree.findall(nodes.system_message)


# -- The notebook -------------------------------------------------------------


def test_in_a_notebook_the_code_is_fenced():
    text = "Before.\n\n.. package-code:: shown.first.plain\n\nAfter."

    assert plain_markdown(text) == f"Before.\n\n```python\n{PLAIN}\n```\n\nAfter."


def test_two_directives_in_one_cell():
    text = (
        ".. package-code::\n   shown.first.plain\n   shown.first.short\n\nwords\n\n"
        ".. package-code::\n   shown.second.other\n\nmore words\n"
    )

    assert plain_markdown(text) == (
        f"```python\n{PLAIN}\n\n\n{SHORT}\n```\n\nwords\n\n"
        f"```python\n{SECOND}```\n\nmore words\n"
    )


@pytest.mark.parametrize("after", ["word", "a.word", "  quoted", "- item", "## Title"])
def test_what_follows_a_directive_is_not_swallowed(after):
    text = f".. package-code::\n   shown.first.plain\n\n{after}\n"

    assert plain_markdown(text).endswith(f"```\n\n{after}\n")


def test_a_wrong_name_stops_the_notebook():
    with pytest.raises(LookupError, match="'absent'"):
        plain_markdown(".. package-code:: shown.first.absent\n")


@pytest.mark.parametrize(
    ("role", "plain"),
    [
        (":func:`~weight_decay.scratch.sgd`", "`weight_decay.scratch.sgd`"),
        (":func:`weight_decay.scratch.sgd`", "`weight_decay.scratch.sgd`"),
        (":class:`Run`", "`Run`"),
        (":ref:`the summary <summary>`", "the summary"),
        (":doc:`the summary </chapter/summary>`", "the summary"),
        (":py:func:`one\nstep <weight_decay.scratch.sgd>`", "one\nstep"),
        ("``code`` and $x$", "``code`` and $x$"),
    ],
)
def test_roles_become_plain_text(role, plain):
    assert plain_markdown(f"See {role}, here.") == f"See {plain}, here."


def test_the_gallery_converts_with_it_once_however_often_sphinx_starts():
    app = SimpleNamespace(add_directive=lambda *_: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook, "rst2md", lambda text: f"{text} converted")
        package_code.setup(app)
        first = notebook.rst2md
        package_code.setup(app)

        assert notebook.rst2md is first
        assert first(":class:`Run`") == "`Run` converted"
