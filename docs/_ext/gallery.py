"""Orders the gallery by number and offers all scripts and notebooks in one archive.

Without it script 10 would come before script 2, a script could change what the next
one prints, a notebook would show raw directives, and what a reader downloads would
need a clone to run: the archive also holds the package that the scripts import.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from solution import solution, solution_title
from sphinx.errors import ConfigError
from sphinx.transforms import SphinxTransform
from sphinx_gallery import notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

# Without its name, too: sphinx-gallery removes :ref: and leaves the rest.
ROLE_WITH_TARGET = re.compile(r"(?::[\w:]+:)?`([^`<]+?)\s*<[\w/.]+>`")
ROLE = re.compile(r":(func|class|meth|attr|mod):`~?([^`]+)`")
TERM = re.compile(r":term:`([^`]+)`")
FOLD = re.compile(r"^\.\. solution-(?:start::(.*)|end::)$", flags=re.MULTILINE)

# The first moment that the format knows; the clock of the machine is of no interest.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
README = """\
The examples of "{project}"

Each script runs alone, and each notebook is the same example, cell by cell. The
folder weight_decay is the package that they import; leave it beside them.

    python -m pip install {requirements}
    python {first}

Notebooks need Jupyter as well: python -m pip install notebook
The licence is in the file LICENSE.
"""


def by_number(file: str) -> tuple[int, str]:
    """Return the key by which sphinx-gallery sorts its scripts: number, then name."""
    name = Path(file).name
    number = re.match(r"\D*(\d+)", name)
    return (int(number[1]) if number else 0), name


def reset_torch(gallery_conf: dict[str, Any], fname: str) -> None:
    """Set one thread, float32 and a seed; the scripts themselves rely on none of it."""
    import torch  # here, so that a build that runs no script does not wait for it

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)


def plain_markdown(markdown: str) -> str:
    """Return a cell of a notebook with our directives and roles made readable."""

    def opened(found: re.Match[str]) -> str:
        return f"**{found[1].strip()}**" if found[1] else ""

    markdown = TERM.sub(r"\1", FOLD.sub(opened, markdown))
    return ROLE.sub(r"`\2`", ROLE_WITH_TARGET.sub(r"\1", markdown))


def readable(convert: Callable[..., str]) -> Callable[..., str]:
    """Let sphinx-gallery's conversion for notebooks, which has no hook, end so."""
    return lambda *args, **kwargs: plain_markdown(convert(*args, **kwargs))


notebook.rst2md = readable(notebook.rst2md)


def pack(files: dict[str, bytes]) -> bytes:
    """Make a zip archive whose bytes depend on names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def contents(app: Sphinx, gallery: Path) -> dict[str, bytes]:
    """Collect what belongs into the archive, by the names in it."""
    config, root = app.config, Path(app.confdir).parent
    scripts = sorted(gallery.glob("plot_*.py"), key=lambda path: by_number(path.name))
    pairs = [file for path in scripts for file in (path, path.with_suffix(".ipynb"))]
    files = {path.name: path.read_bytes() for path in pairs}
    for pattern in config.archive_files:
        found = [path for path in root.glob(pattern) if path.is_file()]
        if not found:
            raise ConfigError(f"archive_files: no file {pattern!r} in {root}")
        for path in found:
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    readme = README.format(
        project=config.project,
        requirements=" ".join(f'"{name}"' for name in config.archive_requirements),
        first=scripts[0].name,
    )
    files["README.txt"] = readme.encode()
    folder = Path(config.archive_name).stem
    return {f"{folder}/{name}": content for name, content in files.items()}


def write_archives(app: Sphinx) -> None:
    """Write the archive among the gallery's files, where ``download`` finds it.

    The gallery's own archives, one a script, are packed again without the times of
    their files. A page is read again when an archive is younger than the page.
    """
    gallery = Path(app.srcdir, app.config.sphinx_gallery_conf["gallery_dirs"])
    archives = {gallery / app.config.archive_name: pack(contents(app, gallery))}
    for path in gallery.glob("plot_*.zip"):
        with zipfile.ZipFile(path) as old:
            archives[path] = pack({name: old.read(name) for name in old.namelist()})
    for path, archive in archives.items():
        if not path.exists() or path.read_bytes() != archive:
            path.write_bytes(archive)


class FoldPictures(SphinxTransform):
    """Folds the code of pictures on gallery pages, as on the others."""

    default_priority = 410

    def apply(self, **kwargs: Any) -> None:
        """Fold each cell of a script that draws on axes of its own."""
        if not self.env.docname.startswith(
            self.config.sphinx_gallery_conf["gallery_dirs"]
        ):
            return
        words = self.config.nb_code_prompt_show
        for block in list(self.document.findall(nodes.literal_block)):
            if "plt.subplots(" in block.astext():
                fold = solution("", solution_title("", words), classes=["hide"])
                block.replace_self(fold)
                fold += block


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the fold, the settings, and the making of the archives."""
    app.add_transform(FoldPictures)
    app.add_config_value("archive_name", "examples.zip", "env", frozenset({str}))
    app.add_config_value("archive_files", [], "env", frozenset({list}))
    app.add_config_value("archive_requirements", [], "env", frozenset({list}))
    # sphinx-gallery runs the scripts at 500.
    app.connect("builder-inited", write_archives, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
