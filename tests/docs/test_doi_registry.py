"""The extension that lets the link check ask the registry of DOIs."""

import doi_registry
import pytest


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://doi.org/10.1000/a(1)", "https://doi.org/api/handles/10.1000/a(1)"),
        ("https://arxiv.org/abs/1711.05101", None),
        ("https://example.org/https://doi.org/10.1000/a", None),
        ("https://doi.org/", None),
    ],
)
def test_only_a_doi_is_asked_for_elsewhere(address, asked):
    assert doi_registry.ask_the_registry(None, address) == asked
