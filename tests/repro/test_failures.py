"""What goes wrong ends the build with one clear line, and leaves the last book."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_end import HOW_TO_WRITE
from compare import differences
from tiny_book import ROOT, Build, TinyBook

LAST = " What is published is the last whole book."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TinyBook:
    """One book for all tests, since a first build is the slow one."""
    book = TinyBook(tmp_path_factory.mktemp("failures") / "book", torch=False)
    book.good_build()
    return book


@pytest.fixture
def book(shared: TinyBook, tmp_path: Path) -> Iterator[TinyBook]:
    """The book, whole; afterwards it must be built again from what is left."""
    before = tmp_path / "before"
    shutil.copytree(shared.html, before)
    yield shared
    shared.good_build()
    assert differences(shared.html, before) == []


def check(
    book: TinyBook, failed: Build, message: str, before: dict[str, bytes]
) -> None:
    """Check that a build ended with a message and has left the last book."""
    assert failed.code != 0
    assert failed.last_line == f"The book was not built: {message}.{LAST}"
    assert snapshot(book) == before


def snapshot(book: TinyBook) -> dict[str, bytes]:
    """Return the published book."""
    files = (path for path in book.html.rglob("*") if path.is_file())
    return {str(path.relative_to(book.html)): path.read_bytes() for path in files}


def fail_by_edit(book: TinyBook, name: str, old: str, new: str, message: str) -> None:
    """Make an edit, see the build fail twice with a message, and take it back."""
    before = snapshot(book)
    text = book.path(name).read_text(encoding="utf-8")
    try:
        book.edit(name, old, new)
        check(book, book.build(), message, before)
        check(book, book.build(), message, before)  # nor does a second try pass
    finally:
        book.write(name, text)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('raise ValueError("planted")', "ValueError: planted"),
        ("1 +", "SyntaxError: invalid syntax"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
    ids=["error", "syntax", "import"],
)
def test_a_failing_cell(code: str, message: str, book: TinyBook) -> None:
    fail_by_edit(
        book,
        "docs/one.md",
        "print(",
        f"{code}\nprint(",
        f"docs/one.md, line 12: {message}",
    )


def test_a_failing_script(book: TinyBook) -> None:
    script = "examples/plot_2_second.py"
    fail_by_edit(
        book,
        script,
        "plt.show()",
        "1 / 0",
        f"{script}, line 12: ZeroDivisionError: division by zero",
    )


def test_an_error_in_the_package_that_a_script_calls(book: TinyBook) -> None:
    script = "examples/plot_1_first.py"
    message = f"{script}, line 10: TypeError: planted"
    fail_by_edit(
        book,
        "weight_decay/inner.py",
        "return 0.9",
        'raise TypeError("planted")\n    return 0.9',
        message,
    )


def test_a_warning(book: TinyBook) -> None:
    fail_by_edit(
        book,
        "docs/one.md",
        "Prose",
        "Prose, see {doc}`nowhere`,",
        "1 warning, to be found above",
    )


def test_a_setting_that_makes_no_sense(book: TinyBook) -> None:
    fail_by_edit(
        book,
        "docs/conf.py",
        '"../constraints.txt"',
        '"../nowhere.txt"',
        f"cache_key_sources: no file '../nowhere.txt' from {book.path('docs')}",
    )


# -- Folders that cannot be written into, and disks without room -------------------


def works(*command: str) -> bool:
    """Tell whether a command is there and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


MOUNT = ("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt")
needs_mounts = pytest.mark.skipif(not works(*MOUNT), reason="needs the right to mount")


def build_by(book: TinyBook, *program: str) -> Build:
    """Build by a program that takes the command as its arguments."""
    done = subprocess.run(
        [*program, *book.command()],
        cwd=book.root,
        env=book.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return Build(done.returncode, done.stdout)


def build_within(book: TinyBook, script: str) -> Build:
    """Build by a shell script, "$@" in it, whose mounts nobody else sees."""
    return build_by(book, "unshare", "--mount", "sh", "-c", script, "sh")


def build_mounted(book: TinyBook, mounts: str) -> Build:
    """Build where other file systems are mounted."""
    return build_within(book, f'set -e\n{mounts}\nexec "$@"')


@needs_mounts
def test_a_read_only_checkout(book: TinyBook) -> None:
    before = snapshot(book)
    here = book.root
    mount = f"mount --bind {here} {here}\nmount -o remount,bind,ro {here}\ncd {here}"

    failed = build_mounted(book, mount)

    check(book, failed, f"{book.html.parent} {HOW_TO_WRITE}", before)


@needs_mounts
def test_nox_in_a_read_only_checkout(tmp_path: Path) -> None:
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    mount = "mount --bind . .; mount -o remount,bind,ro $PWD; cd $PWD"
    # Nox runs the sessions, and is not part of their environments.
    load = "import sys, unittest.mock as m; sys.modules['nox'] = m.MagicMock(); "
    command = [sys.executable, "-B", "-c", load + "import noxfile"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f'{mount}; exec "$@"', "sh", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == f"{tmp_path} {HOW_TO_WRITE}.\n"


@pytest.mark.skipif(os.name == "nt", reason="rights are other ones there")
def test_a_checkout_of_somebody_else(book: TinyBook) -> None:
    bound = []
    if os.getuid() == 0:  # root may write anywhere, unless that right is taken away
        bound = ["setpriv", "--bounding-set=-dac_override"]
        if not works(*bound, "true"):
            pytest.skip("rights do not bind this user")
    build = book.path("docs/_build")
    before = snapshot(book)
    build.chmod(0o555)
    try:
        failed = build_by(book, *bound)
    finally:
        build.chmod(0o755)

    check(book, failed, f"{book.html.parent} {HOW_TO_WRITE}", before)


@needs_mounts
@pytest.mark.parametrize("room", [100, 700, 1800])
def test_a_full_disk(room: int, book: TinyBook, tmp_path: Path) -> None:
    # The build folder has so many kilobytes; what was built before does not fit all.
    other = TinyBook(tmp_path / "book", torch=False)
    build = other.path("docs/_build")
    build.mkdir()
    keep = tmp_path / "kept"
    keep.mkdir()
    mount = f"mount -t tmpfs -o size={room}k none {build}"
    script = f'{mount}\n"$@"\ncode=$?\ncp -r {build}/. {keep}/ 2>/dev/null\nexit $code'
    done = build_within(other, script)
    assert done.code != 0, done.log
    assert done.last_line == (
        "The book was not built: the disk that holds docs/_build is full; "
        "make room and build again."
    )
    assert not (keep / "html" / "index.html").exists()

    # What the full disk held is what the next build finds.
    shutil.copytree(keep, build, dirs_exist_ok=True)
    other.good_build()
    assert differences(other.html, book.html) == []


def test_pages_that_cannot_be_written_are_not_published_without_strictness_either(
    book: TinyBook, tmp_path: Path
) -> None:
    # A folder stands where the page should go; Sphinx itself only warns of that.
    before = snapshot(book)
    page = book.html.with_name("html-work") / "one.html"
    page.unlink()
    page.mkdir()
    book.path("docs/one.md").touch()
    command = [part for part in book.command() if part not in ("-W", "--keep-going")]
    done = subprocess.run(
        command,
        cwd=book.root,
        env=book.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("The book was not built: ")
    assert "Is a directory" in last
    assert "one.html" in last
    assert snapshot(book) == before
