"""What docs/_ext uses of others beyond their documentation; a new version may move it.

Whoever lifts a version and sees a line fail finds here who needs it, and for what.
"""

import inspect
import re
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("extension", "module", "name"),
    [
        # The number of a formula; the kind of the EPUB's font.
        ("mathml", "sphinx.util.math", "get_node_equation_number"),
        ("epub", "sphinx.builders.epub3", "Epub3Builder.media_types"),
        # The text cells of notebooks; a cache for each page; outputs in one piece.
        ("gallery", "sphinx_gallery.notebook", "rst2md"),
        ("executed_outputs", "myst_nb.core.config", "NbParserConfig.copy"),
        ("executed_outputs", "nbclient", "NotebookClient.coalesce_streams"),
        # Who starts a kernel.
        (
            "forked_kernels",
            "jupyter_client.provisioning.factory",
            "KernelProvisionerFactory.provisioners",
        ),
    ],
)
def test_it_is_still_there(extension, module, name):
    found = import_module(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part)

    source = inspect.getsource(import_module(extension))
    assert name.rpartition(".")[2] in source
    assert not re.search(r"(?:from|import) \S*\._", source)
