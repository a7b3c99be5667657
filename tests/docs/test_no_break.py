"""docs/_ext/no_break.py: where a line may not end."""

import pytest
from no_break import COMPARISON


@pytest.mark.parametrize(
    "text", ["λ = 3", "η ≤ 0.1", "η(d + λ) < 2", "p > n", "w = −1"]
)
def test_a_comparison_is_one_word(text):
    sign = text.split()[-2]

    assert f"\u00a0{sign}\u00a0" in COMPARISON.sub("\u00a0\\1\u00a0", text)


@pytest.mark.parametrize("text", ["a - b", "three and 10", "= 3", "x = ", "a → b"])
def test_other_text_stays_as_it_is(text):
    assert COMPARISON.sub("\u00a0\\1\u00a0", text) == text


def test_code_keeps_the_spaces_that_it_was_typed_with(pages):
    # Whoever copies code from a page must be able to run it.
    codes = {name: page.article.select("pre, code") for name, page in pages.items()}
    assert sum(map(len, codes.values())) > 500

    changed = {name for name, tags in codes.items() for t in tags if "\u00a0" in t.text}
    assert changed == set()
