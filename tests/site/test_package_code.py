"""docs/_ext/package_code.py: code on the pages is the package's own."""

import inspect
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from package_code import listing

from weight_decay import concise, scratch


def test_the_docstring_goes_and_all_else_stays():
    path, code = listing("weight_decay.scratch.sgd\n  weight_decay.scratch.linreg")

    assert path == Path(scratch.__file__)
    for function in (scratch.sgd, scratch.linreg):
        *_, last = inspect.getsource(function).rstrip().splitlines()
        assert last in code
        assert function.__doc__.splitlines()[0] not in code
    assert code.index("def sgd") < code.index("\n\n\ndef linreg")


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("weight_decay.run.absent", "no function or class 'absent' in run.py"),
        ("weight_decay.absent.plain", "no module for 'weight_decay.absent.plain'"),
        ("weight_decay.run.Run weight_decay.data.synthetic_data", "several modules"),
    ],
)
def test_wrong_names_are_refused(names, complaint):
    with pytest.raises(LookupError, match=re.escape(complaint)):
        listing(names)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", "T\n=\n\n.. package-code:: weight_decay.concise.linear_net\n\nAfter."),
        ("md", "# T\n\n```{package-code} weight_decay.concise.linear_net\n```\n"),
    ],
)
def test_the_code_is_a_captioned_block(build_page, suffix, text):
    built = build_page(text, suffix)
    block = BeautifulSoup(built.page, "html.parser").select_one(
        ".literal-block-wrapper"
    )

    assert built.warnings == ""
    assert block.select_one(".caption-text").text == "weight_decay/concise.py"
    assert block.pre.text.rstrip() == listing("weight_decay.concise.linear_net")[1]
    assert concise.__file__ in built.dependencies


def test_a_wrong_name_is_an_error_at_its_line(build_page):
    text = "T\n=\n\nText.\n\n.. package-code:: weight_decay.run.absent\n"

    assert re.search(
        r"index\.rst:6: ERROR: package-code: no function or class 'absent'",
        build_page(text, "rst").warnings,
    )
