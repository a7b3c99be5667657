"""The extension that lets the link check ask the registry of DOIs."""

import json

import doi_registry
import pytest
from sphinx.testing.util import SphinxTestApp


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


def test_an_address_that_does_not_answer_makes_the_check_fail(tmp_path):
    # The name .invalid leads nowhere by its definition, with or without a network.
    page = "A book\n======\n\n`A page <https://nowhere.invalid/page>`_.\n"
    (tmp_path / "index.rst").write_text(page, "utf-8")
    (tmp_path / "conf.py").write_text("linkcheck_retries = 1\n", "utf-8")

    app = SphinxTestApp("linkcheck", srcdir=tmp_path)
    try:
        app.build()
    finally:
        app.cleanup()

    assert app.statuscode == 1
    (line,) = (app.outdir / "output.json").read_text("utf-8").splitlines()
    assert json.loads(line)["status"] == "broken"
