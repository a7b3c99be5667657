"""Builds the book whole, or leaves the last one: ``build.py [BUILDER]``, as ``html``.

All pages are read and written into a fresh folder, which takes the place of
``docs/_build/BUILDER`` when everything has succeeded; in it lies a folder for each
edition that has catalogues in ``docs/locale``. Only executed outputs are used again
(``docs/_ext/executed_outputs.py``). If no input has changed since, nothing is done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from itertools import dropwhile
from pathlib import Path

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
BUILD = DOCS / "_build"
sys.path.insert(0, str(DOCS / "_ext"))

from executed_outputs import digest  # noqa: E402 - one of ours

FOLDERS = ("docs", "examples", "weight_decay")
FILES = ("CHANGELOG.md", "LICENSE", "constraints.txt", "pyproject.toml")
WRITTEN = {"_build", "auto_examples", "__pycache__"}


def inputs() -> str:
    """Digest everything that the book is made of."""
    found = [ROOT / name for name in FILES]
    for name in FOLDERS:
        for folder, inner, files in os.walk(ROOT / name):
            inner[:] = set(inner) - WRITTEN
            # Sphinx writes .mo files beside the catalogues.
            found += [Path(folder, file) for file in files if file[-3:] != ".mo"]
    return digest(found, sorted(path.relative_to(ROOT) for path in found))


def why(told: str) -> str:
    """Return what Sphinx has warned of, and the last words of what ended it."""
    warnings, _, dump = told.partition("\n\nVersions\n========\n")
    _, _, trace = dump.partition("\nTraceback\n=========\n")
    lines = textwrap.dedent(trace.partition("\nThe full")[0]).strip().splitlines()
    error = dropwhile(lambda line: line.startswith(("File ", " ")), lines)
    return "\n".join([warnings.strip(), *error]).strip()


def main(builder: str = "html") -> str | None:
    """Build the book; return why there is none, or nothing."""
    book, note = BUILD / builder, BUILD / f"{builder}.inputs"
    now, last = inputs(), note.read_text("utf-8") if note.is_file() else ""
    if book.is_dir() and last == now:
        print(f"Nothing has changed since {book.relative_to(ROOT)} was built.")
        return None
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{builder}-", dir=BUILD) as folder:
        fresh, old, told = (Path(folder, name) for name in ("new", "old", "told"))
        for language in ["en", *sorted(path.name for path in DOCS.glob("locale/*"))]:
            target = Path(folder, language)
            command = [sys.executable, "-m", "sphinx", "-E", "-W", "-w", str(told)]
            command += ["-j", "auto", "-d", str(BUILD / "doctrees" / language)]
            command += ["-t", language, "-b", builder, str(DOCS), str(target)]
            if subprocess.run(command, check=False).returncode:
                full = (shutil.disk_usage(BUILD).free < 2**20) * " The disk is full."
                text = why(told.read_text("utf-8"))
                return f"\nThe book was not built.{full}\n{text}"
            name = language.lower().replace("_", "-")
            target.rename(fresh if language == "en" else fresh / name)
        if inputs() != now:
            return "The book was edited while it was built; build again."
        note.unlink(missing_ok=True)
        if book.exists():
            book.rename(old)
        fresh.rename(book)
    note.write_text(now, "utf-8")
    return None


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except OSError as error:
        sys.exit(f"The book was not built. {error}")
