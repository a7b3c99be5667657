"""Formulas: LaTeX in, MathML out, nothing else needed."""

import html
import re

import mathml
import pytest

MATH = re.compile(r"<math.*?</math>", re.DOTALL)


def formulas(built):
    return MATH.findall(built.page)


# -- What a formula becomes ---------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", "Title\n=====\n\nThe norm :math:`\\lVert w\\rVert_2^2` here.\n"),
        ("md", "# Title\n\nThe norm $\\lVert w\\rVert_2^2$ here.\n"),
    ],
)
def test_inline(build_page, suffix, text):
    built = build_page(text, suffix)

    assert built.warnings == ""
    (formula,) = formulas(built)
    assert 'display="block"' not in formula
    assert re.sub("<[^>]*>", "", formula) == "‖w‖22"
    assert '<span class="math notranslate nohighlight"><math alt' in built.page


def test_display_can_scroll_in_a_box_of_its_own(build_page):
    built = build_page(".. math::\n\n   \\frac{1}{2}\n", "rst")

    assert built.warnings == ""
    assert '<div class="math-scroll"><math alttext="½" display="block">' in built.page
    assert "eqno" not in built.page


@pytest.mark.parametrize("theme", ["basic", "furo"])  # Furo would write the id twice
@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", ".. math:: x = 1\n   :label: one\n\nSee :eq:`one`.\n"),
        ("md", "# T\n\n$$\nx = 1\n$$ (one)\n\nSee {eq}`one`.\n"),
    ],
)
def test_number_permalink_and_reference(build_page, suffix, text, theme):
    built = build_page(text, suffix, html_theme=theme)

    assert built.warnings == ""
    assert built.page.count('id="equation-one"') == 1
    number = re.search(r'<span class="eqno">\(1\)(.*?)</span>', built.page)
    assert 'class="headerlink" href="#equation-one"' in number[1]
    reference = re.search(r"See <a [^>]*>(.*?)</a>", built.page)
    assert re.sub("<[^>]*>", "", reference[1]) == "(1)"
    assert 'href="#equation-one"' in reference[0]


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\lVert w \rVert_2 = \sqrt{w_1^2 + w_{200}^2}", "‖w‖₂ = √(w₁² + w₂₀₀²)"),
        (r"\tfrac12(\hat y_i - y_i)^2", "½(ŷᵢ − yᵢ)²"),
        (r"\tau = 1/(\eta\lambda)", "τ = 1/(ηλ)"),
        (r"\frac{1}{1-\mu}", "1/(1 − μ)"),
        (r"10^{-4}", "10⁻⁴"),
        (r"w_{t+1}", "w_(t+1)"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b; c = d;"),
    ],
)
def test_a_formula_has_a_line_of_text_for_what_shows_no_mathml(tex, text):
    (found,) = re.findall('^<math[^>]* alttext="([^"]*)"', mathml.mathml(tex))

    assert html.unescape(found) == text


# -- Lines --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1", "x = 1"),
        (r"a \\ b", "\\begin{gathered}\na \\\\ b\n\\end{gathered}"),
        (r"a &= b", "\\begin{aligned}\na &= b\n\\end{aligned}"),
        ("a = b\n\nc = d", "\\begin{gathered}\na = b\\\\\nc = d\n\\end{gathered}"),
        (
            "a &= b \\\\\n\nc &= d\\\\",
            "\\begin{aligned}\na &= b\\\\\nc &= d\n\\end{aligned}",
        ),
        # What is inside an environment or braces needs no second one.
        (
            r"\begin{cases} 1 & x \\ 2 & y \end{cases}",
            r"\begin{cases} 1 & x \\ 2 & y \end{cases}",
        ),
        (r"\{ a \& b \}", r"\{ a \& b \}"),
        # LaTeX's outer environments number and span the page: inner form only.
        (r"\begin{align} a &= b \end{align}", r"\begin{aligned} a &= b \end{aligned}"),
        (r"\begin{gather*} a \end{gather*}", r"\begin{gathered} a \end{gathered}"),
        (r"\begin{equation} a \end{equation}", "a"),
    ],
)
def test_lines_need_no_environment(text, expected):
    assert mathml.display_tex(text) == expected


def test_aligned_lines_in_sphinx_form_and_in_that_of_the_author(build_page):
    built = build_page(
        ".. math::\n\n   a &= b \\\\\n   c + d &= e\n\n.. math::\n   :nowrap:\n\n"
        "   \\begin{align}\n      y & = a x^2 \\\\\n      z & = b\n   \\end{align}\n",
        "rst",
    )

    assert built.warnings == ""
    assert [formula.count("<mtr>") for formula in formulas(built)] == [2, 2]


# -- Errors and other places --------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "text", "line"),
    [
        ("rst", "Title\n=====\n\nSome text.\n\nAn error: :math:`\\oops < 1`.\n", 6),
        ("rst", "Title\n=====\n\n.. math::\n\n   \\oops < 1\n", 4),
        ("md", "# Title\n\nSome text.\n\nAn error: $\\oops < 1$.\n", 5),
        ("md", "# Title\n\n```{math}\n\\oops < 1\n```\n", 3),
    ],
)
def test_an_error_is_a_warning_with_its_place(build_page, suffix, text, line):
    built = build_page(text, suffix)
    (warning,) = built.warnings.strip().splitlines()

    assert f"index.{suffix}:{line}: WARNING: mathml: " in warning
    assert 'Unknown command "\\oops"' in warning
    assert "In the formula: \\oops < 1" in warning
    assert "[mathml]" in warning
    assert "<code>\\oops &lt; 1</code>" in built.page


def test_mathematics_in_titles(build_page):
    text = "# The norm $w_1$\n\n```{toctree}\nother\n```\n"
    other = "# Decay by $1-\\eta\\lambda$\n\nText.\n"
    built = build_page(text, pages={"other": other})

    assert built.warnings == ""
    assert re.search(r"<h1>The norm .*<math.*</math>", built.page)
    entry = re.search(r'toctree-l1">(.*?)</li>', built.page)
    assert re.search(r"Decay by .*<math.*</math>", entry[1])
    title = re.search(r"<title>(.*?)</title>", built.page, re.DOTALL)[1]
    assert html.unescape(title).startswith("The norm w1")


def test_pages_with_formulas_preload_the_font(build_page):
    built = build_page(
        "T\n=\n\n:math:`x`\n\n.. toctree::\n\n   a\n",
        "rst",
        pages={"a": "A\n=\n\nNo formula.\n"},
        mathml_font="fonts/some.woff2",
    )

    # By a script: from a folder a preload is an error.
    (script,) = re.findall(r"<script>(if .location.*?)</script>", built.page)
    assert script.startswith('if (location.protocol !== "file:")')
    links = re.findall(r'rel: "preload", href: "([^"]*)"', script)
    assert links == ["_static/fonts/some.woff2"]  # no ?v=: the style sheet has none
    assert "preload" not in (built.folder / "a.html").read_text("utf-8")
