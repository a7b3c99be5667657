"""The book's caches must see edits to the code that the pages import.

A miniature book is built in subprocesses with the real extension. Its cells and
scripts append their name to a file outside the tree each time they execute, so the
tests see what ran; Sphinx names the documents that it reads.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cache_key
import pytest
from sphinx.errors import ConfigError

CONF = """\
import os
import signal
import sys

from sphinx_gallery import gen_rst

sys.path.insert(0, {extensions!r})
project = "Mini"
extensions = ["sphinx.ext.autodoc", "myst_nb", "sphinx_gallery.gen_gallery"]
extensions += ["cache_key"]
exclude_patterns = ["_build", "auto_examples/*.ipynb"]
cache_key_sources = ["../toypkg/**/*.py", "../constraints.txt"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
sphinx_gallery_conf = {{
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "min_reported_time": float("inf"),
    "write_computation_times": False,
    "image_scrapers": (),  # without matplotlib a build is a good deal faster
    "reset_modules": (),
}}


def die(*args, **kwargs):
    # As in a power cut: nothing in Sphinx or Python can clean up.
    os.kill(os.getpid(), signal.SIGKILL)


def setup(app):
    if os.environ.get("KILL_AT") == "write":
        app.connect("write-started", die)
    if os.environ.get("KILL_AT") == "save":
        gen_rst.save_rst_example = die
"""

# {victim} is the process of Sphinx. A build can be told to die, or to find its
# sources edited, just when a cell or script runs.
CODE = """\
import os, signal
from toypkg.deep.inner import VALUE
with open(os.environ["RUNS"], "a") as runs:
    print("{name}", file=runs)
if os.environ.get("KILL_AT") == "{name}":
    os.kill({victim}, signal.SIGKILL)
if os.environ.get("EDIT_AT") == "{name}":
    with open(os.environ["EDIT"], "a") as source:
        print("# edited meanwhile", file=source)
print("{name} sees", VALUE)
"""

PAGE = """\
---
file_format: mystnb
kernelspec: {{name: python3}}
---
# Page {name}

Prose.

```{{code-cell}} python
{code}```
"""

GLUE = """
```{code-cell} python
from myst_nb import glue
glue("number", 17, display=False)
```
"""

SCRIPT = '''\
"""
Script {name}
=============

One sentence.
"""
{code}'''

API = """\
API
===

.. automodule:: toypkg.deep.inner
   :members:

.. literalinclude:: ../toypkg/deep/inner.py
"""

INDEX = """\
# Index

The number is {glue:text}`two.md::number:d`.

```{toctree}
one
two
api
auto_examples/index
```
"""

SOURCE = """\
#: What the pages print.
VALUE = "{}"
"""

EVERYTHING = ["one", "plot_a", "plot_b", "two"]
SHOWN = ["one", "two", "api", "auto_examples/plot_a", "auto_examples/plot_b"]
DOCUMENTS = {"index", "auto_examples/index", *SHOWN}


@dataclass
class Build:
    """What one build did."""

    code: int
    executed: list[str]
    read: set[str]
    log: str


class Book:
    """A miniature book in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "book"
        self.output = self.root / "docs" / "_build"
        self.source = self.root / "toypkg" / "deep" / "inner.py"
        self.runs = folder / "runs.txt"
        self.up_to_date = False
        extensions = str(Path(cache_key.__file__).parent)
        files = {
            "toypkg/__init__.py": "",
            "toypkg/deep/__init__.py": "",
            "toypkg/deep/inner.py": SOURCE.format("first"),
            "constraints.txt": "numpy==1\n",
            "docs/conf.py": CONF.format(extensions=extensions),
            "docs/index.md": INDEX,
            "docs/api.rst": API,
            "examples/GALLERY_HEADER.rst": "Gallery\n=======\n",
        }
        for name in ("one", "two"):
            # A cell runs in a kernel, whose parent is Sphinx.
            code = CODE.format(name=name, victim="os.getppid()")
            files[f"docs/{name}.md"] = PAGE.format(name=name, code=code)
        files["docs/two.md"] += GLUE
        for name in ("plot_a", "plot_b"):
            code = CODE.format(name=name, victim="os.getpid()")
            files[f"examples/{name}.py"] = SCRIPT.format(name=name, code=code)
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, which must hold it."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.up_to_date = False

    def build(self, builder: str = "html", **environ: str) -> Build:
        """Build the book and collect what the build did."""
        self.runs.write_text("")
        command = [sys.executable, "-m", "sphinx", "-N", "-n", "-W", "--keep-going"]
        command += ["-b", builder, "-d", "_build/doctrees", ".", f"_build/{builder}"]
        done = subprocess.run(
            command,
            cwd=self.root / "docs",
            env={
                **os.environ,
                "PYTHONPATH": str(self.root),
                # Two edits within a second must not meet the byte code of the first.
                "PYTHONDONTWRITEBYTECODE": "1",
                "IPYTHONDIR": str(self.root.parent / "ipython"),
                "RUNS": str(self.runs),
                "EDIT": str(self.source),
                **environ,
            },
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        self.up_to_date = done.returncode == 0
        return Build(
            code=done.returncode,
            executed=sorted(self.runs.read_text().split()),
            read=set(
                re.findall(r"reading sources\.\.\. \[ *\d+%\] (\S+)", done.stdout)
            ),
            log=done.stdout,
        )

    def good_build(self, builder: str = "html") -> Build:
        """Build the book, without a warning."""
        done = self.build(builder)
        assert done.code == 0, done.log
        return done

    def text_of(self, page: str, builder: str = "html") -> str:
        """Return the text of a written page."""
        suffix = {"html": "html", "text": "txt"}[builder]
        path = self.output / builder / f"{page}.{suffix}"
        return re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8"))

    def values(self, builder: str = "html") -> dict[str, list[str]]:
        """Return the values of the package that each page shows."""
        word = r"(?:sees |VALUE = \W*(?:quot;|#39;)?)(\w+)"
        return {
            page: sorted(set(re.findall(word, self.text_of(page, builder))))
            for page in SHOWN
        }


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """One book for all tests, since a first build is the slow one."""
    book = Book(tmp_path_factory.mktemp("cache_key"))
    first = book.good_build()
    assert first.executed == EVERYTHING
    assert first.read == DOCUMENTS
    assert book.values() == {page: ["first"] for page in SHOWN}
    return book


@pytest.fixture
def book(shared: Book) -> Book:
    """The book, built and up to date, whatever the test before has done to it."""
    if not shared.up_to_date:
        shared.good_build()
    return shared


def test_nothing_changed(book: Book) -> None:
    again = book.good_build()
    assert again.executed == []
    assert again.read == set()


def test_caches_stay_outside_the_published_folder(book: Book) -> None:
    beside = {path.name for path in book.output.iterdir()} - {"text"}
    assert beside == {"doctrees", "html", "jupyter_cache", "jupyter_execute"}
    published = {path.name for path in book.output.joinpath("html").rglob("*")}
    assert not [
        name
        for name in published
        if name.endswith((".db", ".md5", ".glue.json")) or "cache" in name
    ]


def test_prose_edited(book: Book) -> None:
    book.edit("docs/one.md", "Prose.", "Prose. Better prose.")
    again = book.good_build()
    assert again.executed == []
    assert again.read == {"one"}
    assert "Better prose." in book.text_of("one")


def test_cell_edited(book: Book) -> None:
    book.edit("docs/one.md", "import os, signal", "import os\nimport signal")
    again = book.good_build()
    assert again.executed == ["one"]
    assert again.read == {"one"}


def test_glued_value_edited(book: Book) -> None:
    assert "The number is 17." in book.text_of("index")
    book.edit("docs/two.md", "17", "18")
    again = book.good_build()
    assert again.executed == ["two"]
    assert again.read == {"two", "index"}
    assert "The number is 18." in book.text_of("index")


def test_script_edited(book: Book) -> None:
    book.edit("examples/plot_a.py", "print(", "print('again'); print(")
    again = book.good_build()
    assert again.executed[0] == "plot_a"
    assert set(again.executed) == {"plot_a"}
    assert "auto_examples/plot_a" in again.read
    assert again.read <= {"auto_examples/plot_a", "auto_examples/index"}


@pytest.mark.parametrize("source", ["toypkg/deep/inner.py", "constraints.txt"])
def test_comment_edited_in_a_source(book: Book, source: str) -> None:
    with (book.root / source).open("a", encoding="utf-8") as file:
        print("# a comment", file=file)
    again = book.good_build()
    assert again.executed == EVERYTHING
    assert again.read == DOCUMENTS
    # The disk does not fill up with the caches of old digests.
    assert len(list((book.output / "jupyter_cache").iterdir())) == 1


def test_value_edited_with_two_builders(book: Book) -> None:
    book.good_build("text")
    book.source.write_text(SOURCE.format("other"), encoding="utf-8")
    book.good_build("html")
    assert book.values("html") == {page: ["other"] for page in SHOWN}
    # Both builders share their doctrees, which are new by now; the text is not.
    again = book.good_build("text")
    assert again.executed == []
    assert book.values("text") == {page: ["other"] for page in SHOWN}


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["save", "write"])
def test_killed_after_a_value_was_edited(book: Book, moment: str) -> None:
    book.source.write_text(SOURCE.format(f"until_{moment}"), encoding="utf-8")
    killed = book.build(KILL_AT=moment)
    assert killed.code == -signal.SIGKILL, killed.log

    again = book.good_build()
    assert book.values() == {page: [f"until_{moment}"] for page in SHOWN}
    if moment == "save":
        assert again.executed == EVERYTHING


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["plot_b", "two"])
def test_killed_and_the_edit_taken_back(book: Book, moment: str) -> None:
    before = book.source.read_text(encoding="utf-8")
    values = book.values()
    book.source.write_text(SOURCE.format("undone"), encoding="utf-8")
    assert book.build(KILL_AT=moment).code == -signal.SIGKILL

    book.source.write_text(before, encoding="utf-8")
    again = book.good_build()
    # What the killed build has left among the doctrees must not be believed.
    assert again.read == DOCUMENTS
    assert "plot_a" in again.executed
    assert book.values() == values


def test_edited_while_building_and_the_edit_taken_back(book: Book) -> None:
    before = book.source.read_text(encoding="utf-8")
    book.edit("toypkg/deep/inner.py", "#:", "#: Now:")
    middle = book.source.read_text(encoding="utf-8")
    mixed = book.build(EDIT_AT="plot_a")
    assert mixed.code == 1
    assert "was edited while the book was built; build again" in mixed.log
    assert book.source.read_text(encoding="utf-8") not in (before, middle)

    # What ran between the edits may have seen either text.
    book.source.write_text(middle, encoding="utf-8")
    again = book.good_build()
    assert again.executed == EVERYTHING
    assert again.read == DOCUMENTS


def test_failed_strict_build_fails_again(book: Book) -> None:
    book.edit("docs/one.md", "Prose.", "Prose, see {doc}`nowhere`.")
    first, second = book.build(), book.build()
    assert "nowhere" in first.log
    assert first.code == second.code == 1
    assert second.executed == []
    book.edit("docs/one.md", "Prose, see {doc}`nowhere`.", "Prose.")
    assert book.good_build().executed == []


def test_damaged_cache_is_replaced(book: Book) -> None:
    # jupyter-cache writes a notebook after its record: a build killed in between
    # leaves a record only.
    for notebook in book.output.joinpath("jupyter_cache").rglob("base.ipynb"):
        notebook.unlink()
    book.edit("docs/one.md", "Prose.", "Prose. ")
    assert book.good_build().executed == ["one"]


def test_a_script_takes_what_was_made_of_it_along(tmp_path: Path) -> None:
    gallery, examples = tmp_path / "gallery", tmp_path / "examples"
    made = ["rst", "py", "py.md5", "ipynb", "zip"]
    names = [f"{script}.{each}" for script in ("plot_1", "plot_11") for each in made]
    for script in ("plot_1", "plot_1_a", "plot_11"):
        names += [f"images/sphx_glr_{script}_001{end}.png" for end in ("", "_2_00x")]
        names += [f"images/thumb/sphx_glr_{script}_thumb.png"]
    for name in names:
        (gallery / name).parent.mkdir(parents=True, exist_ok=True)
        (gallery / name).write_text("")
    examples.mkdir()
    for script in ("plot_1", "plot_11"):
        text = f"print({script!r})\r\n"
        (examples / f"{script}.py").write_bytes(text.encode())
        md5 = hashlib.md5(text.replace("\r", "").encode()).hexdigest()
        (gallery / f"{script}.py.md5").write_text(md5)

    def left() -> set[str]:
        paths = (path for path in gallery.rglob("*") if path.is_file())
        return {path.relative_to(gallery).as_posix() for path in paths}

    cache_key.forget_stale_scripts(gallery, examples)
    assert left() == set(names)
    (examples / "plot_1.py").write_text("print('edited')")
    cache_key.forget_stale_scripts(gallery, examples)
    assert left() == {name for name in names if not re.search(r"plot_1[._](?!a)", name)}
    (examples / "plot_11.py").unlink()
    cache_key.forget_stale_scripts(gallery, examples)
    assert left() == {name for name in names if "plot_1_a" in name}


def digest(root: Path, *patterns: str) -> str:
    """Digest the sources below a folder."""
    return cache_key.digest_of(cache_key.source_files(patterns, root), root)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a module in a subpackage."""
    folder = tmp_path / "package"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("A = 1\n")
    (folder / "deep" / "inner.py").write_text("B = 2\n")
    return folder


def test_digest_sees_names_and_contents(package: Path) -> None:
    seen = {digest(package, "**/*.py")}
    (package / "deep" / "inner.py").write_text("B = 3\n")
    seen.add(digest(package, "**/*.py"))
    (package / "deep" / "inner.py").rename(package / "deep" / "renamed.py")
    seen.add(digest(package, "**/*.py"))
    (package / "added.py").write_text("")
    seen.add(digest(package, "**/*.py"))
    (package / "added.py").unlink()
    (package / "__init__.py").unlink()
    seen.add(digest(package, "**/*.py"))
    assert len(seen) == 5
    assert all(re.fullmatch("[0-9a-f]{12}", each) for each in seen)


def test_digest_sees_what_moves_between_files(package: Path) -> None:
    before = digest(package, "**/*.py")
    (package / "__init__.py").write_text("A = 1\nB = 2\n")
    (package / "deep" / "inner.py").write_text("")
    assert digest(package, "**/*.py") != before


def test_digest_sees_only_what_matters(package: Path) -> None:
    before = digest(package, "**/*.py")
    cache = package / "__pycache__"
    cache.mkdir()
    (cache / "inner.py").write_text("left behind\n")
    (package / "notes.txt").write_text("not a source\n")
    os.utime(package / "__init__.py", (1, 1))
    assert digest(package, "**/*.py") == before
    # Neither the order of the patterns nor naming a file twice matters.
    assert digest(package, "deep/*.py", "*.py", "**/*.py") == before
    # A checkout may be moved.
    assert digest(package.rename(package.with_name("moved")), "**/*.py") == before


def test_digest_sees_python(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(package, "**/*.py")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0, "final", 0))
    assert digest(package, "**/*.py") != before


def test_pattern_without_files_is_an_error(package: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("wieght/**/*.py")):
        cache_key.source_files(["**/*.py", "wieght/**/*.py"], package)
