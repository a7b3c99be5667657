"""Offers all scripts and notebooks in one archive, and lists them on a page.

The archive also holds the package that the scripts import, so what is unpacked runs
without a clone. It lies among the gallery's files, where the role ``download`` finds
it, and a directive, ``example-list``, names each script, its claim and its two files.
"""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docutils import nodes
from gallery_order import by_number
from sphinx import addnodes
from sphinx.errors import ConfigError
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sphinx.application import Sphinx
    from sphinx.config import Config

# The first moment that the format knows; the clock of the machine is of no interest.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
README = """\
The examples of "{project}"
{rule}

Each script runs alone, and each notebook is the same example, cell by cell. The
folder weight_decay is the package that they import; leave it beside them.

    python -m pip install {requirements}
    python {first}

Notebooks need Jupyter as well: python -m pip install notebook

In reading order:

{examples}
The licence is in the file LICENSE.
"""


class Example(NamedTuple):
    """A script of the gallery, and what its first lines say."""

    name: str
    title: str
    claim: str


def read_example(script: Path) -> Example:
    """Read title and claim of a script from its docstring.

    Parameters
    ----------
    script : pathlib.Path
        A script that begins with a title, its underline, and a sentence.

    Returns
    -------
    Example
        Name without ending, title, and sentence on one line.

    Raises
    ------
    ConfigError
        If the script does not begin so.
    """
    text = ast.get_docstring(ast.parse(script.read_text("utf-8"))) or ""
    heading, _, body = text.partition("\n\n")
    title, _, underline = heading.partition("\n")
    claim = " ".join(body.split("\n\n")[0].split())
    if not claim or len(set(underline)) != 1:
        raise ConfigError(f"{script.name} has no title and sentence at its beginning.")
    return Example(script.stem, title, claim)


def read_examples(config: Config, confdir: Path) -> list[Example]:
    """Read all scripts of the gallery, in reading order."""
    folder = confdir / config.sphinx_gallery_conf["examples_dirs"]
    scripts = sorted(folder.glob("plot_*.py"), key=lambda path: by_number(path.name))
    return [read_example(script) for script in scripts]


def pack(files: Mapping[str, bytes]) -> bytes:
    """Make an archive whose bytes depend on names and contents alone.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by their names in the archive.

    Returns
    -------
    bytes
        A zip file: names sorted, one date, one set of permissions.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def contents(app: Sphinx) -> dict[str, bytes]:
    """Collect what belongs into the archive.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application, after the gallery has been made.

    Returns
    -------
    dict of str to bytes
        Contents by their names in the archive.
    """
    config, confdir = app.config, Path(app.confdir)
    gallery = Path(app.srcdir, config.sphinx_gallery_conf["gallery_dirs"])
    examples = read_examples(config, confdir)
    folder = Path(config.archive_name).stem
    files = {}
    for example in examples:
        for ending in (".py", ".ipynb"):
            name = example.name + ending
            files[f"{folder}/{name}"] = (gallery / name).read_bytes()
    root = (confdir / config.archive_root).resolve()
    for pattern in config.archive_files:
        found = sorted(path for path in root.glob(pattern) if path.is_file())
        if not found:
            raise ConfigError(f"archive_files: no file {pattern!r} in {root}")
        for path in found:
            files[f"{folder}/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    title = f'The examples of "{config.project}"'
    listed = (f"{example.name}\n    {example.claim}\n\n" for example in examples)
    readme = README.format(
        project=config.project,
        rule="=" * len(title),
        requirements=" ".join(f'"{name}"' for name in config.archive_requirements),
        first=f"{examples[0].name}.py",
        examples="".join(listed),
    )
    files[f"{folder}/README.txt"] = readme.encode()
    return files


def write_archive(app: Sphinx) -> None:
    """Write the archive beside the files it holds, if it is not the same already."""
    gallery = Path(app.srcdir, app.config.sphinx_gallery_conf["gallery_dirs"])
    target = gallery / app.config.archive_name
    archive = pack(contents(app))
    # The page that offers it is read again when the file is younger than the page.
    if not target.exists() or target.read_bytes() != archive:
        target.write_bytes(archive)


class ExampleList(SphinxDirective):
    """Lists the scripts with their claims and downloads."""

    def run(self) -> list[nodes.Node]:
        """Return a definition list, one script an item."""
        gallery = self.config.sphinx_gallery_conf["gallery_dirs"]
        # The archive changes whenever a script does.
        self.env.note_dependency(f"{gallery}/{self.config.archive_name}")
        result = nodes.definition_list(classes=["example-list"])
        for example in read_examples(self.config, Path(self.env.app.confdir)):
            page = f"/{gallery}/{example.name}"
            title = self._link("doc", page, example.title)
            script = self._link("download", f"{page}.py", "script")
            notebook = self._link("download", f"{page}.ipynb", "notebook")
            claim = nodes.paragraph("", example.claim)
            files = nodes.paragraph("", "", script, nodes.Text(", "), notebook)
            result += nodes.definition_list_item(
                "",
                nodes.term("", "", title),
                # An e-book has no downloads.
                nodes.definition("", claim, addnodes.only("", files, expr="not epub")),
            )
        self.set_source_info(result)
        return [result]

    def _link(self, role: str, target: str, words: str) -> nodes.Element:
        link: nodes.Element = addnodes.pending_xref(refdomain="std")
        if role == "download":
            link = addnodes.download_reference(refdomain="")
        link.append(nodes.inline("", words))
        link["reftype"], link["reftarget"] = role, target
        link["refdoc"] = self.env.docname
        link["refexplicit"] = link["refwarn"] = True
        return link


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, the settings, and the making of the archive."""
    app.add_directive("example-list", ExampleList)
    app.add_config_value("archive_name", "examples.zip", "env", frozenset({str}))
    app.add_config_value("archive_root", "..", "env", frozenset({str}))
    app.add_config_value("archive_files", [], "env", frozenset({list}))
    app.add_config_value("archive_requirements", [], "env", frozenset({list}))
    # sphinx-gallery runs the scripts at 500.
    app.connect("builder-inited", write_archive, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
