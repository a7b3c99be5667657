"""Every build is whole: what is reused is still true, and what fails says where."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from filelock import FileLock
from tiny_book import ROOT, TinyBook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TinyBook:
    """A tiny book that is built, since a first build is the slow one."""
    book = TinyBook.written(tmp_path_factory.mktemp("build") / "book")
    book.good_build()
    return book


@pytest.fixture
def book(shared: TinyBook, tmp_path: Path) -> TinyBook:
    """A copy of it, elsewhere."""
    shutil.copytree(shared.root, tmp_path / "book")
    return TinyBook(tmp_path / "book")


def page(files: dict[str, bytes], name: str) -> str:
    return files[name].decode()


def forget(book: TinyBook) -> None:
    """Remove the book and all executed outputs."""
    shutil.rmtree(book.root / "docs" / "_build")
    shutil.rmtree(book.root / "docs" / "auto_examples")


# -- What is built again -------------------------------------------------------


def test_nothing_is_done_when_nothing_has_changed(book: TinyBook) -> None:
    done = book.build()

    assert done.code == 0
    assert done.log == "Nothing has changed since docs/_build/html was built.\n"


def test_after_any_edits_the_book_is_the_one_from_clean(
    book: TinyBook, tmp_path: Path
) -> None:
    book.edit("docs/one.md", "# One", "# Another title")
    prose = book.build()
    assert prose.code == 0, prose.log
    assert "Executing notebook" not in prose.log
    assert "successfully executed 0 out of 0 files" in prose.log

    book.edit("weight_decay/inner.py", "VALUE = 13", "VALUE = 17")
    book.edit("examples/plot_2_second.py", "plt.plot([1, 2, 3])", "plt.plot([3, 1])")
    book.edit("docs/two.md", "{ref}`first`", "nothing")
    book.edit("docs/index.md", "one\ntwo\nauto_examples/plot_1_first", "two\none")
    (book.root / "examples" / "plot_1_first.py").unlink()
    book.edit("docs/_static/book.css", "span.pasted-text {", "span.pasted-text{")
    warm = book.good_build()

    assert "one sees 17" in page(warm, "one.html")
    assert "Another title" in page(warm, "two.html")  # the link to the next page
    assert not [name for name in warm if "first" in name]
    forget(book)
    clean = TinyBook(shutil.move(book.root, tmp_path / "elsewhere"))
    assert clean.good_build() == warm


# -- Whoever builds it, and however --------------------------------------------


def test_nobodys_settings_change_a_byte(book: TinyBook, tmp_path: Path) -> None:
    before = book.files()
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(
        'c.InteractiveShell.ast_node_interactivity = "all"\n'
        'c.InlineBackend.figure_formats = {"retina"}\n'
    )
    (tmp_path / "startup.py").write_text("VALUE = print('never')\n")
    forget(book)

    after = book.good_build(
        IPYTHONDIR=str(profile.parent),
        MPLBACKEND="Agg",
        PYTHONSTARTUP=str(tmp_path / "startup.py"),
        PYTHONWARNINGS="always",
        OMP_NUM_THREADS="7",
        TZ="Pacific/Auckland",
        LANG="C",
    )
    assert after == before


def test_what_is_only_faster_changes_no_byte(book: TinyBook) -> None:
    if sys.platform != "linux":
        pytest.skip("kernels are forked on Linux only")
    before = book.files()
    forking = '"executed_outputs", "forked_kernels"'
    book.edit("docs/conf.py", '"executed_outputs"', forking)

    after = book.good_build()

    del before[".buildinfo"], after[".buildinfo"]  # a digest of conf.py
    assert after == before


def test_optimised_python_is_refused(book: TinyBook) -> None:
    forget(book)

    done = book.build(PYTHONOPTIMIZE="1")

    assert done.code != 0
    assert "Unset PYTHONOPTIMIZE" in done.log.splitlines()[-1]


def test_a_second_build_waits_for_the_first(book: TinyBook) -> None:
    book.edit("docs/one.md", "# One", "# Another title")
    with FileLock(book.root / "docs" / "_build" / "lock"):  # as the first one has it
        second = book.start()
        assert second.stdout is not None
        said = next(line for line in second.stdout if "folder" in line)
    second.communicate()

    assert said == "Another build is at work in this folder; waiting for it.\n"
    assert second.returncode == 0
    assert "Another title" in page(book.files(), "one.html")


def test_sessions_start_programs_that_do_not_know_their_place() -> None:
    # A script in an environment that was copied names the old place in its first line;
    # the other three are no scripts.
    text = (ROOT / "noxfile.py").read_text("utf-8")
    found = re.findall(r'session\.run\(\s*(?:\*\()?"([\w-]+)"', text)

    assert len(found) > 10
    assert set(found) <= {"python", "ruff", "zizmor", "uv"}


# -- What goes wrong -------------------------------------------------------------


def test_the_last_lines_say_where_and_why(book: TinyBook) -> None:
    before = book.files()
    planted = "raise ValueError('planted')\nprint("
    book.edit("docs/one.md", 'print("sees"', planted + '"sees"')
    book.edit("docs/one.md", "$w^2$", r"$\nowhere^2$")
    book.edit("docs/two.md", "plt.show()", "plt.close()")
    book.edit("examples/plot_1_first.py", "print(", planted)

    for _ in range(2):  # nor does a second try pass
        done = book.build()
        assert done.code != 0
        told = done.log.partition("\nThe book was not built.\n")[2]
        assert "docs/one.md: WARNING: Executing notebook failed" in told
        assert "Cell In[1], line 5" in told
        assert "docs/one.md:9: WARNING" in told
        assert 'Unknown command "\\nowhere"' in told
        assert "docs/two.md:19: WARNING: A cell shows no picture." in told
        assert 'examples/plot_1_first.py", line 10' in told
        assert "ValueError: planted" in told
        assert book.files() == before


def test_settings_that_cannot_be_read_are_named(book: TinyBook) -> None:
    book.edit("docs/conf.py", "nitpicky = True", "nitpicky = nowhere")

    done = book.build()

    assert done.code != 0
    assert done.log.endswith("NameError: name 'nowhere' is not defined\n")


def test_a_killed_build_leaves_the_last_book(book: TinyBook) -> None:
    before = book.files()
    book.edit("weight_decay/inner.py", "VALUE = 13", "VALUE = 17")
    shutil.rmtree(book.root / "docs" / "_build" / "executed")
    with book.start() as process:
        wait_for(book.root / "docs" / "_build" / "executed" / "one")
        kill_tree(process.pid)
    assert book.files() == before

    book.edit("weight_decay/inner.py", "VALUE = 17", "VALUE = 13")
    assert book.good_build() == before


def wait_for(path: Path) -> None:
    """Wait until a build has come so far that a file or folder is there."""
    while not path.exists():
        time.sleep(0.05)


def kill_tree(pid: int) -> None:
    """Kill a process and its children, as a power cut does."""
    process = psutil.Process(pid)
    for each in [process, *process.children(recursive=True)]:
        each.send_signal(signal.SIGKILL)


def test_an_unwritable_folder_is_named_in_one_line(
    book: TinyBook, tmp_path: Path
) -> None:
    shutil.rmtree(book.root / "docs" / "_build")
    (book.root / "docs" / "_build").write_text("a file, where a folder should be")

    done = book.build()

    assert done.code != 0
    assert len(done.log.splitlines()) == 1
    assert "_build" in done.log
