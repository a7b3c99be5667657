"""Brings the catalogues of the Chinese edition up to date with the English text.

What still fits is kept. Listed is what is left to translate: new messages, and fuzzy
ones, whose English has changed since. The edition cannot be built while there are any.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import furo
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

DOCS = Path(__file__).parents[1]
LOCALE = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
# The theme has words, too, but no catalogues.
TEMPLATES = f"_templates,{Path(furo.__file__).parent / 'theme' / 'furo'}"
# No dates: a catalogue changes when its messages do.
HEADER = r"""msgid ""
msgstr ""
"Language: zh_CN\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def read(path: Path) -> Catalog:
    """Read a catalogue, or none."""
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file)


def update(path: Path, template: Catalog) -> list[str]:
    """Write the catalogue of a page; return the lines that name what is left to do."""
    catalog = read(path)
    catalog.update(template)
    catalog.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalog, omit_header=True, no_location=True)
    left = [
        entry for entry in catalog if entry.id and (entry.fuzzy or not entry.string)
    ]
    name = path.relative_to(LOCALE)
    return [f"{name}: {'fuzzy' if e.fuzzy else 'new'}: {str(e.id)[:60]}" for e in left]


def main() -> str | None:
    """Extract the messages of all pages; return what is left to do, or nothing."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sphinx", "-q", "-E", "-j", "auto"]
        command += ["-D", f"templates_path={TEMPLATES}", "-b", "gettext"]
        command += ["-d", f"{folder}/doctrees", str(DOCS), f"{folder}/new"]
        subprocess.run(command, check=True)
        found = {path: read(path) for path in Path(folder, "new").rglob("*.pot")}
        pages = {
            LOCALE / path.relative_to(Path(folder, "new")).with_suffix(".po"): template
            for path, template in found.items()
        }
    for path in set(LOCALE.rglob("*.po")) - set(pages):
        path.unlink()
    left = [line for path in sorted(pages) for line in update(path, pages[path])]
    return "\n".join([*left, f"{len(left)} messages to translate."]) if left else None


if __name__ == "__main__":
    sys.exit(main())
