"""A directive that prints the body of a function of the package.

``.. package-code:: weight_decay.scratch.linreg weight_decay.scratch.sgd`` shows
the source of the functions without their docstrings (the API page has those), so
that what a page prints is what the tests test. Works in reStructuredText and in
MyST. All names of one directive must come from one module.

Downloaded notebooks know no directives: there the same code stands in a fenced
block, and Sphinx roles become plain text.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.directives.code import container_wrapper
from sphinx.util.docutils import SphinxDirective
from sphinx_gallery import notebook

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DIRECTIVE = re.compile(
    r"^\.\. package-code::((?:\n?[ \t]+[\w.]+)+)$", flags=re.MULTILINE
)
# Without its name, too: sphinx-gallery removes :ref: and leaves the rest.
ROLE_WITH_TARGET = re.compile(r"(?::[\w:]+:)?`([^`<]+?)\s*<[\w/.]+>`")
ROLE = re.compile(r":(func|class|meth|attr|mod):`~?([^`]+)`")


def source_without_docstring(name: str) -> tuple[Path, str]:
    """Return the file and the source of a function or class of a module.

    Parameters
    ----------
    name : str
        Full dotted name, as ``"weight_decay.scratch.sgd"``.

    Returns
    -------
    path : pathlib.Path
        The file that defines it.
    code : str
        Its source lines, the docstring left out.

    Raises
    ------
    LookupError
        No such module, or nothing of that name in it.
    """
    module, _, function = name.rpartition(".")
    spec = importlib.util.find_spec(module) if module else None
    if spec is None or spec.origin is None:
        raise LookupError(f"no module for {name!r}")
    path = Path(spec.origin)
    source = path.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == function:
            break
    else:
        raise LookupError(f"no function or class {function!r} in {path.name}")
    lines = source.splitlines()
    first, last = node.lineno - 1, node.end_lineno
    if ast.get_docstring(node) is not None:
        doc = node.body[0]
        kept = lines[first : doc.lineno - 1] + lines[doc.end_lineno : last]
    else:
        kept = lines[first:last]
    return path, "\n".join(kept)


def listing(names: str) -> tuple[Path, str]:
    """Return the file and the code of several names, set apart by blank lines.

    Parameters
    ----------
    names : str
        Dotted names of one module, separated by white space.

    Returns
    -------
    path : pathlib.Path
        The file that defines them.
    code : str
        Their sources in the order given, without docstrings.

    Raises
    ------
    LookupError
        A name is not found, or the names come from several modules.
    """
    sources = [source_without_docstring(name) for name in names.split()]
    paths = {path for path, _ in sources}
    if len(paths) != 1:
        raise LookupError(f"names of several modules: {names}")
    return paths.pop(), "\n\n\n".join(code for _, code in sources)


class PackageCode(SphinxDirective):
    """The directive; its argument holds one or more dotted names."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the code as a captioned, highlighted block."""
        try:
            path, code = listing(self.arguments[0])
        except LookupError as error:
            raise self.error(f"package-code: {error}") from error
        self.env.note_dependency(str(path))
        literal = nodes.literal_block(code, code, language="python")
        self.set_source_info(literal)
        caption = f"{path.parent.name}/{path.name}"
        return [container_wrapper(self, literal, caption)]


def _fenced(match: re.Match[str]) -> str:
    _, code = listing(match[1])
    return f"```python\n{code}\n```"


def plain_markdown(markdown: str) -> str:
    """Return a notebook cell with directives and roles of ours made readable."""
    markdown = DIRECTIVE.sub(_fenced, markdown)
    markdown = ROLE_WITH_TARGET.sub(r"\1", markdown)
    return ROLE.sub(r"`\2`", markdown)


def _rst2md(original: Any, text: str, *args: Any, **kwargs: Any) -> str:
    return plain_markdown(original(text, *args, **kwargs))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and the conversion for notebooks."""
    app.add_directive("package-code", PackageCode)
    # sphinx-gallery has no hook for directives of others in its notebooks.
    if not isinstance(notebook.rst2md, partial):
        notebook.rst2md = partial(_rst2md, notebook.rst2md)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
