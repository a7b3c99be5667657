"""Solutions of exercises: folded on a page, open where nothing can be folded."""

import pytest
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp

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

## Two

```{solution-start}
```

Another.

```{solution-end}
```
"""


@pytest.fixture
def build(tmp_path):
    def run(page, builder="html", **settings):
        source = tmp_path / "source"
        source.mkdir()
        (source / "conf.py").touch()
        (source / "index.md").write_text(page, "utf-8")
        app = SphinxTestApp(
            builder,
            srcdir=source,
            confoverrides={
                "extensions": ["myst_parser", "solution"],
                "myst_enable_extensions": ["dollarmath"],
                **settings,
            },
        )
        try:
            app.build()
            suffix = {"html": "html", "epub": "xhtml", "text": "txt"}[builder]
            text = (app.outdir / f"index.{suffix}").read_text("utf-8")
            return text, app.warning.getvalue()
        finally:
            app.cleanup()

    return run


def test_all_between_the_marks_is_folded_and_nothing_else(build):
    html, warnings = build(PAGE)
    first, second = BeautifulSoup(html, "html.parser").select("details.solution")

    assert warnings == ""
    assert first.summary.text == "Solution"
    assert first.parent.h2.text.startswith("One")
    assert [item.text for item in first.select("li")] == ["first", "second"]
    assert "The answer is" in first.text
    assert "Predict" not in first.text
    assert "After it" not in first.text
    assert second.parent.h2.text.startswith("Two")
    assert not first.has_attr("open")


def test_the_word_on_the_fold_can_be_translated(build):
    html, _ = build(PAGE, solution_title="答案 <&>")

    summaries = BeautifulSoup(html, "html.parser").select("summary")
    assert [summary.text for summary in summaries] == ["答案 <&>"] * 2


def test_an_epub_shows_it_open(build):
    xhtml, _ = build(PAGE, "epub", version="1", copyright="us", epub_show_urls="no")
    book = BeautifulSoup(xhtml, "html.parser")

    assert book.find("details") is None
    assert "The answer is" in book.select("div.solution")[0].text


def test_plain_text_shows_it_in_its_place(build):
    text, warnings = build(PAGE, "text")

    assert warnings == ""
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
        (
            "```{solution-start}\n```\n\nText.\n\n" * 2 + "```{solution-end}\n```\n",
            "without a solution-end",
        ),
    ],
)
def test_a_mark_without_its_partner_is_named(build, marks, message):
    html, warnings = build("# Exercises\n\n" + marks)

    assert message in warnings
    assert "index.md:" in warnings
    if "Text." in marks:
        assert "Text." in html
