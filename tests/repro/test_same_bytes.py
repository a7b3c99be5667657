"""Two builds from clean are the same byte for byte, and a difference is found."""

import os
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from circumstances import Circumstances, attempts, elsewhere, here
from compare import differences
from tiny_book import TinyBook

CELL = "```{{code-cell}} python\nfrom weight_decay import VALUE\n{code}\n"


def build(book: TinyBook, how: Circumstances) -> None:
    """Build a book under the given circumstances."""
    how.prepare(book.root)
    done = subprocess.run(
        book.command(*how.options),
        cwd=book.root,
        env={**how.environ(book.root), "PYTHONDONTWRITEBYTECODE": "1"},
        umask=how.umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


def two_books(folder: Path, change=lambda book: None) -> tuple[TinyBook, TinyBook]:
    """Build a tiny book twice, here and elsewhere, with the same change in both."""
    books = []
    for how in (here(), elsewhere()):
        book = TinyBook(folder / how.folder)
        change(book)
        build(book, how)
        books.append(book)
    return books[0], books[1]


def test_two_builds_from_clean_are_the_same_and_use_no_network(tmp_path: Path) -> None:
    one, two = two_books(tmp_path)

    assert differences(one.html, two.html) == []
    assert attempts(one.root) == attempts(two.root) == []
    zips = list(two.html.glob("_downloads/**/*.zip"))
    assert len(zips) == 2
    assert {
        entry.date_time[0] for each in zips for entry in ZipFile(each).infolist()
    } == {1980}


def test_what_depends_on_the_circumstances_is_found(tmp_path: Path) -> None:
    code = {
        "address": "print(object())",
        "time": "import time\nprint(time.strftime('%c'))",
        "date": "import datetime\nprint(datetime.datetime.now())",
        "order": "print({str(n) for n in range(9)})",
        "folder": "import os\nprint(os.getcwd())",
    }

    def plant(book: TinyBook) -> None:
        for name, lines in code.items():
            text = book.path("docs/one.md").read_text(encoding="utf-8")
            text = text.replace("(first)=\n# One", f"# The page {name}")
            book.write(f"docs/{name}.md", text.replace("print(", f"{lines}\nprint("))
            book.edit("docs/index.md", "\none\n", f"\none\n{name}\n")
        # A zip that keeps the times of its files.
        book.edit("docs/conf.py", '    "steady_zips",\n', "")

    one, two = two_books(tmp_path, plant)

    found = "\n".join(differences(one.html, two.html))
    for name in code:
        assert f"{name}.html: byte" in found
    assert "plot_1_first.zip: byte" in found
    assert "one.html" not in found


def test_an_attempt_to_use_the_network_is_found(tmp_path: Path) -> None:
    book = TinyBook(tmp_path / "a" / "book")
    call = "import urllib.request\ntry:\n    urllib.request.urlopen('http://192.0.2.1')"
    call += "\nexcept OSError:\n    pass\nprint("
    book.edit("docs/one.md", "print(", call)

    build(book, here())

    assert len(attempts(book.root)) == 1
    assert "192.0.2.1" in attempts(book.root)[0]


@pytest.mark.skipif(os.name == "nt", reason="needs Linux")
def test_the_book_is_built_where_there_is_no_network_at_all(tmp_path: Path) -> None:
    # A network of its own, with nothing in it but the machine itself.
    alone = [
        "unshare",
        "--net",
        "--map-root-user",
        "sh",
        "-c",
        'ip link set lo up; "$@"',
        "sh",
    ]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let a test have a network of its own")
    book = TinyBook(tmp_path)
    done = subprocess.run(
        [*alone, *book.command()],
        cwd=tmp_path,
        env=book.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_comparison_finds_every_kind_of_difference(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "same").write_bytes(b"same")
        (folder / "other").write_bytes(b"a" * 100 + folder.name.encode())
    (one / "longer").write_bytes(b"abcd")
    (two / "longer").write_bytes(b"abc")
    (one / "left").write_bytes(b"")
    (two / "right").write_bytes(b"")

    found = differences(one, two)

    assert [line.split(":")[0] for line in found] == [
        "left",
        "longer",
        "other",
        "right",
    ]
    assert "byte 3:" in found[1]
    assert "byte 100:\n    b'" in found[2]
    assert differences(one, one) == []
    empty = tmp_path / "empty"
    empty.mkdir()
    assert differences(empty, empty)  # two books that are not there are not the same
