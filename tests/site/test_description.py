"""docs/_ext/description.py: how a page describes itself."""

import pytest
from description import first_paragraph, formula, plain_text, shortened
from docutils.core import publish_doctree


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\lVert w \rVert_2 = \sqrt{w_1^2 + w_{200}^2}", "‖w‖₂ = √(w₁² + w₂₀₀²)"),
        (r"\tfrac12(\hat y_i - y_i)^2", "½(ŷᵢ − yᵢ)²"),
        (r"\tau = 1/(\eta\lambda)", "τ = 1/(ηλ)"),
        (r"\frac{1}{1-\mu}", "1/(1 − μ)"),
        (r"10^{-4}", "10⁻⁴"),
        (r"w_{t+1}", "w_(t+1)"),
    ],
)
def test_a_formula_is_a_line_of_text(tex, text):
    assert formula(tex) == text


def test_the_first_paragraph_is_that_of_the_text():
    page = publish_doctree(
        "Title\n=====\n\n.. note::\n\n   Aside.\n\n* A list.\n\n"
        "The *answer* is :math:`w^2`,\nin ``code``.\n\nMore.\n"
    )

    assert first_paragraph(page) == "The answer is w², in code."
    assert first_paragraph(publish_doctree("Title\n=====\n")) == ""
    assert plain_text(page[0]) == "Title"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Short enough.", "Short enough."),
        ("One sentence here. Another that is too long.", "One sentence here."),
        ("First this is said; then something else.", "First this is said"),
        ("Words without an end that go on and on", "Words without an end that go…"),
    ],
)
def test_a_long_text_ends_after_a_sentence_or_a_word(text, short):
    assert shortened(text, 30) == short
    assert len(short) <= 30
