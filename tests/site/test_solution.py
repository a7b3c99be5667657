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
    built = build_page(PAGE, solution_title="答案 <&>")
    (fold,) = BeautifulSoup(built.page, "html.parser").select("details.solution")

    assert built.warnings == ""
    assert fold.summary.text == "答案 <&>"
    assert [item.text for item in fold.select("li")] == ["first", "second"]
    assert "The answer is" in fold.text
    assert "Predict" not in fold.text
    assert "After it" not in fold.text
    assert not fold.has_attr("open")


@pytest.mark.parametrize("builder", ["epub", "text"])
def test_an_epub_shows_it_open(build_page, builder):
    built = build_page(PAGE, builder=builder)
    page = BeautifulSoup(built.page, "html.parser").text

    assert built.warnings == ""
    assert "<details" not in built.page
    assert page.index("Predict") < page.index("answer") < page.index("After it")


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
