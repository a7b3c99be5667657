"""A directive that prints the code of functions of the package.

Without it a page would show a copy that nobody tests. The docstrings are left out; the
API page has them. Works in reStructuredText and in MyST::

    .. package-code:: weight_decay.scratch.linreg weight_decay.scratch.sgd
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.directives.code import container_wrapper
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def source_without_docstring(name: str) -> tuple[Path, str]:
    """Return the file and the source of a function or class, by its dotted name.

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
    """Return the file and the code of several names, in the order given.

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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("package-code", PackageCode)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
