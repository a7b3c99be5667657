"""docs/_ext/solution.py: folded on a page, open where nothing can be folded."""

import pytest
from bs4 import BeautifulSoup

PAGE = """\
# Exercises

## One

Predict.

```{solution-start}
```

The answer is $x^2$.

- first
- second

```{solution-end}
```

After it.
"""


def test_all_between_the_marks_is_folded_and_nothing_else(build_page):
    built = build_page(PAGE)
    (fold,) = BeautifulSoup(built.page, "html.parser").select("details.solution")

    assert built.warnings == ""
    assert fold.summary.text == "Solution"
    assert [item.text for item in fold.select("li")] == ["first", "second"]
    assert "The answer is" in fold.text
    assert "Predict" not in fold.text
    assert "After it" not in fold.text
    assert not fold.has_attr("open")


def test_a_fold_may_have_a_title_of_its_own(build_page):
    built = build_page(PAGE.replace("{solution-start}", "{solution-start} See <&>"))

    assert "<summary>See &lt;&amp;&gt;</summary>" in built.page


def test_plain_text_shows_it_in_its_place(build_page):
    text = build_page(PAGE, builder="text").page

    assert text.index("Predict") < text.index("answer") < text.index("After it")


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ("```{solution-start}\n```\n\nText.\n", "without a solution-end in the same"),
        ("```{solution-start}\n```\n\n```{solution-end}\n```\n", "without content"),
        ("Text.\n\n```{solution-end}\n```\n", "without a solution-start"),
        (
            "```{solution-start}\n```\n\nText.\n\n## Two\n\n```{solution-end}\n```\n",
            "without a solution-end in the same section",
        ),
    ],
)
def test_a_mark_without_its_partner_is_named(build_page, marks, message):
    warnings = build_page("# Exercises\n\n" + marks).warnings

    assert message in warnings
    assert "index.md:" in warnings
