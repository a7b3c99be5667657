"""Sphinx extension: the link check asks the registry about a DOI, not the publisher.

Publishers turn programs away, so a right DOI would look like a dead link. The proxy at
doi.org says itself whether a DOI is registered.
"""

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

DOI = "https://doi.org/10."
REGISTRY = "https://doi.org/api/handles/10."


def ask_the_registry(app: Sphinx, uri: str) -> str | None:
    """Return the address at which the registry answers for a DOI."""
    return uri.replace(DOI, REGISTRY, 1) if uri.startswith(DOI) else None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take part in the link check."""
    app.connect("linkcheck-process-uri", ask_the_registry)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
