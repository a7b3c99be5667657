"""docs/_ext/description.py: how a page describes itself."""

from description import LONGEST, first_paragraph


def test_the_first_paragraph_is_that_of_the_text():
    body = (
        '<p>Above.</p><h1>Title</h1>\n<p class="x">Aside.</p><p>The <em>answer</em> is '
        '<math alttext="a &lt; b"><mi>a</mi></math>,\nin <code>code</code>.</p><p>2</p>'
    )

    assert first_paragraph(body) == "The answer is a < b, in code."
    assert first_paragraph("<h1>Title</h1>") == ""


def test_a_long_text_ends_after_a_word():
    text = first_paragraph(f"<h1></h1><p>{'word, ' * 100}</p>")

    assert text.endswith("word, word…")
    assert len(text) <= LONGEST
