"""The archive of the examples: what is in it, that it is never stale, its page."""

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from archive import Example, pack, read_example, write_archive
from sphinx.errors import ConfigError

ROOT = Path(__file__).parents[2]
SCRIPT = '''\
r"""
{title}
=======

One sentence,
on two lines.

More.
"""

print("{title}")
'''


@pytest.fixture
def tiny(tmp_path):
    """A tiny gallery of two scripts, and what the extension needs of Sphinx."""
    for folder in ("docs/auto_examples", "examples", "package"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "LICENSE").write_text("Take it.", "utf-8")
    (tmp_path / "package/code.py").write_text("x = 1", "utf-8")
    for number, title in ((2, "A second"), (10, "A tenth")):
        script = tmp_path / f"examples/plot_{number}.py"
        script.write_text(SCRIPT.format(title=title), "utf-8")
        for ending in (".py", ".ipynb"):
            made = tmp_path / f"docs/auto_examples/plot_{number}{ending}"
            made.write_text(f"{title}{ending}", "utf-8")
    config = SimpleNamespace(
        project="A book",
        archive_name="all.zip",
        archive_root="..",
        archive_files=["LICENSE", "package/*.py"],
        archive_requirements=["torch>=2"],
        sphinx_gallery_conf={
            "examples_dirs": "../examples",
            "gallery_dirs": "auto_examples",
        },
    )
    docs = tmp_path / "docs"
    return SimpleNamespace(config=config, confdir=docs, srcdir=docs)


def unpack(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_bytes_depend_on_names_and_contents_alone():
    files = {"b/two": b"2" * 100, "a/one": b"1"}

    first, second = pack(files), pack(dict(reversed(files.items())))
    assert first == second
    assert unpack(first) == files
    assert list(unpack(first)) == ["a/one", "b/two"]


def test_scripts_notebooks_package_and_licence_are_in_it(tiny):
    write_archive(tiny)
    files = unpack((tiny.srcdir / "auto_examples/all.zip").read_bytes())

    readme = files.pop("all/README.txt").decode()
    assert files == {
        "all/LICENSE": b"Take it.",
        "all/package/code.py": b"x = 1",
        "all/plot_10.ipynb": b"A tenth.ipynb",
        "all/plot_10.py": b"A tenth.py",
        "all/plot_2.ipynb": b"A second.ipynb",
        "all/plot_2.py": b"A second.py",
    }
    assert readme.startswith('The examples of "A book"\n========================\n')
    assert "pip install torch>=2\n" not in readme  # a shell would take > for itself
    assert 'pip install "torch>=2"\n    python plot_2.py\n' in readme
    assert readme.index("plot_2\n    One sentence, on two lines.") < readme.index(
        "plot_10\n"
    )


def test_it_is_written_when_a_part_has_changed_and_only_then(tiny):
    target = tiny.srcdir / "auto_examples/all.zip"
    write_archive(tiny)
    before = target.stat().st_mtime_ns
    write_archive(tiny)
    assert target.stat().st_mtime_ns == before

    for part in ("auto_examples/plot_2.py", "auto_examples/plot_10.ipynb"):
        (tiny.srcdir / part).write_text("new", "utf-8")
        write_archive(tiny)
        assert unpack(target.read_bytes())[f"all/{Path(part).name}"] == b"new"


def test_a_pattern_that_names_no_file_is_an_error(tiny):
    tiny.config.archive_files = ["LICENCE"]

    with pytest.raises(ConfigError, match="'LICENCE'"):
        write_archive(tiny)


def test_a_script_says_its_claim(tmp_path):
    script = tmp_path / "plot_1.py"
    script.write_text(SCRIPT.format(title="A title"), "utf-8")
    claim = "One sentence, on two lines."

    assert read_example(script) == Example("plot_1", "A title", claim)
    script.write_text('"""Only a title"""\n', "utf-8")
    with pytest.raises(ConfigError, match=r"plot_1\.py has no title and sentence"):
        read_example(script)


# -- In the built book --------------------------------------------------------


def test_the_archive_holds_what_is_offered_one_by_one(pages):
    page = pages["reference/downloads.html"]
    links = page.article.select("a.download[href]")
    archive, *singles = [page.book / page.target(link["href"])[0] for link in links]
    files = unpack(archive.read_bytes())
    folder = f"{archive.stem}/"

    inside = {name.removeprefix(folder) for name in files}
    assert all(name.startswith(folder) for name in files)
    scripts = {path.stem for path in ROOT.glob("examples/plot_*.py")}
    assert {path.name for path in singles} == {
        stem + ending for stem in scripts for ending in (".py", ".ipynb")
    }
    for path in singles:
        assert files[folder + path.name] == path.read_bytes(), path.name
    for path in [ROOT / "LICENSE", *ROOT.glob("weight_decay/*.py")]:
        name = path.relative_to(ROOT).as_posix()
        assert files[folder + name] == path.read_bytes()
    rest = inside - {path.name for path in singles} - {"README.txt", "LICENSE"}
    assert all(name.startswith("weight_decay/") for name in rest)


def test_the_page_lists_each_script_with_its_claim_and_its_two_files(pages):
    page = pages["reference/downloads.html"]
    items = page.article.select(".example-list > dt")

    assert len(items) == len(list(ROOT.glob("examples/plot_*.py")))
    for term in items:
        name = page.target(term.a["href"])[0]
        script = pages[name].article
        claim, files = term.find_next_sibling("dd").find_all("p")
        assert term.text == script.h1.text.removesuffix("¶")
        assert claim.text.split() == script.h1.find_next_sibling("p").text.split()
        stems = [Path(link["href"]).name for link in files.find_all("a")]
        assert stems == [Path(name).stem + ending for ending in (".py", ".ipynb")]
