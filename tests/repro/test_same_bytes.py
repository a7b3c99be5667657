"""Two clean builds, in other places and circumstances, are the same byte for byte."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = {"TZ": "Etc/GMT+12", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}
# 26 hours ahead, so that no date is the same.
ELSEWHERE = {"TZ": "Etc/GMT-14", "LC_ALL": "C", "COLUMNS": "60", "PYTHONHASHSEED": "2"}


def build(folder, environ, umask):
    """Build a copy of what git tracks, or would track; return its files."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():  # not if it has been deleted since
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    home = folder.with_name("home")
    home.mkdir()
    command = [sys.executable, "docs/tools/build.py"]
    environ = {**os.environ, "HOME": str(home), **environ}
    subprocess.run(command, cwd=folder, env=environ, umask=umask, check=True)
    book = folder / "docs" / "_build" / "html"
    files = (path for path in book.rglob("*") if path.is_file())
    return {path.relative_to(book).as_posix(): path.read_bytes() for path in files}


def test_two_clean_builds_are_the_same(tmp_path):
    one = build(tmp_path / "a" / "book", HERE, umask=0o022)
    two = build(tmp_path / "b" / "where paths are longer", ELSEWHERE, umask=0o077)

    assert one.keys() == two.keys()
    assert len(one) > 100
    assert [name for name in one if one[name] != two[name]] == []
