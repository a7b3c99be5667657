"""Builds the whole book under different circumstances, and after edits; compares.

Usage: ``python tests/repro/book.py BUILD COMMAND…``. The command is run in copies of
the working tree, which hold what git tracks or would track, and no earlier build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from circumstances import Circumstances, attempts, elsewhere, here
from compare import differences, files_in
from working_tree import copy_tree

HTML = "docs/_build/html"


def build(command: list[str], root: Path, how: Circumstances, what: str) -> Path:
    """Build the book in a folder, and return the folder of its pages."""
    print(f"{what} … ", end="", flush=True)
    start = time.perf_counter()
    done = subprocess.run(
        [*command, *how.options],
        cwd=root,
        env=how.environ(root),
        umask=how.umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nThe build failed: {what}.")
    if used := attempts(root):
        sys.exit("\n".join([f"The build used the network: {what}.", *used]))
    print(f"{time.perf_counter() - start:.0f} s", flush=True)
    return root / HTML


def compare(one: Path, two: Path, what: str) -> None:
    """Compare two books; end if they differ."""
    if found := differences(one, two):
        sys.exit("\n".join([f"{what}: {len(found)} files differ.", *found]))
    print(f"{what}: {len(files_in(one))} files, all the same.\n", flush=True)


# -- Edits ---------------------------------------------------------------------------


def edit(path: Path, pattern: str, new: str) -> None:
    """Replace the first match of a pattern in a file, which must have one."""
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
    if not count or changed == text:
        sys.exit(f"{path}: nothing to edit matches {pattern!r}")
    path.write_text(changed, encoding="utf-8")


def pages(root: Path) -> list[Path]:
    """List the pages of questions, which are short and alike."""
    return sorted((root / "docs" / "questions").glob("*.md"))


def edit_prose_and_titles(root: Path) -> None:
    """Add a sentence to a page, and a word to the title of another."""
    prose, title, *_ = pages(root)
    prose.write_text(f"{prose.read_text('utf-8')}\nOne more sentence.\n", "utf-8")
    edit(title, r"^# (.*)$", r"# \1 Again")


def edit_cell_and_script(root: Path) -> None:
    """Let a cell print more, and give a script another title."""
    page = next(
        page for page in pages(root) if "```{code-cell}" in page.read_text("utf-8")
    )
    edit(
        page,
        r"(```\{code-cell\} python\n(?:---\n(?:.*\n)*?---\n|:.*\n)*)",
        r'\1print("more")\n',
    )
    script = sorted((root / "examples").glob("plot_*.py"))[-1]
    edit(script, r'^(r?"""\n)(.+)\n(=+)$', r"\1Now: \2\n=====\3")


ENTRY = """
@article{added2026,
  author = {Added, A.},
  title = {An Entry That Is Cited Once},
  journal = {Nowhere},
  year = {2026},
}
"""


def add_page(root: Path) -> None:
    """Add a page with a new citation to the first table of contents."""
    (root / "docs" / "added.md").write_text(
        "# An added page\n\nIt cites {cite:t}`added2026`.\n", encoding="utf-8"
    )
    references = root / "docs" / "reference" / "references.bib"
    references.write_text(references.read_text("utf-8") + ENTRY, encoding="utf-8")
    edit(root / "docs" / "index.md", r"^(```\{toctree\}\n(?::.*\n)*\n*)", r"\1added\n")


def remove_page(root: Path) -> None:
    """Remove that page, and mend the entry that it cited."""
    (root / "docs" / "added.md").unlink()
    edit(root / "docs" / "index.md", r"^added\n", "")
    edit(root / "docs" / "reference" / "references.bib", "Cited Once", "Cited Never")
    edit(
        root / "docs" / "reference" / "references.bib",
        r"^  title( *)= \{",
        r"  title\1= {On ",
    )


def remove_picture(root: Path) -> None:
    """Remove the last cell of a page whose last cell draws."""
    cell = re.compile(r"^```\{code-cell\} python\n(?:(?!```).*\n)*```\n", re.MULTILINE)
    for page in pages(root):
        text = page.read_text("utf-8")
        cells = list(cell.finditer(text))
        if cells and "plt." in cells[-1][0] and "glue(" not in cells[-1][0]:
            page.write_text(
                text[: cells[-1].start()] + text[cells[-1].end() :], "utf-8"
            )
            return
    sys.exit("No question ends in a picture.")


def edit_package(root: Path) -> None:
    """Draw every figure in another size, and pin another version."""
    edit(root / "weight_decay" / "plotting.py", r"figsize=\((\d)", r"figsize=(1\1")
    edit(root / "constraints.txt", r"^(tqdm==.*)$", r"\1.0")


STEPS = {
    "prose and a title edited": [edit_prose_and_titles],
    "a cell and a script edited": [edit_cell_and_script],
    "a page added": [add_page],
    "page removed, picture removed, package and constraints edited": [
        remove_page,
        remove_picture,
        edit_package,
    ],
}


def main(command: list[str]) -> None:
    """Build, compare, edit, build, compare."""
    with tempfile.TemporaryDirectory(prefix="repro-") as name:
        books = []
        for how, what in ((here(), "Built from clean"), (elsewhere(), "… elsewhere")):
            root = copy_tree(Path(name, how.folder))
            how.prepare(root)
            books.append(build(command, root, how, what))
        compare(books[0], books[1], "Two builds from clean")

        warm = Path(name, here().folder)
        for what, edits in STEPS.items():
            for each in edits:
                each(warm)
            build(command, warm, here(), f"Built on, {what}")
        cold = Path(name, "another", "book")
        shutil.copytree(
            warm,
            cold,
            ignore=shutil.ignore_patterns("_build", "auto_examples", "generated"),
        )
        build(command, cold, here(), "Built from clean with the same edits")
        compare(warm / HTML, cold / HTML, "Warm and cold")


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main(sys.argv[1:])
