"""Formulas: LaTeX in, MathML out, nothing else needed."""

import html
import re
from dataclasses import dataclass
from pathlib import Path

import mathml
import pytest
from sphinx.errors import ConfigError
from sphinx.testing.util import SphinxTestApp

MATH = re.compile(r"<math.*?</math>", re.DOTALL)


@dataclass
class Book:
    """A book built from a few lines."""

    page: str
    warnings: str
    folder: Path

    @property
    def formulas(self) -> list[str]:
        return MATH.findall(self.page)


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a book of one page, or more."""

    def run(text, suffix="rst", pages=None, **settings):
        source = tmp_path / "source"
        source.mkdir()
        for name, content in {"index": text, **(pages or {})}.items():
            (source / f"{name}.{suffix}").write_text(content, encoding="utf-8")
        (source / "conf.py").write_text("", encoding="utf-8")
        app = SphinxTestApp(
            buildername="html",
            srcdir=source,
            confoverrides={
                "extensions": ["mathml", "myst_parser"],
                "html_math_renderer": "mathml",
                "html_theme": "basic",
                "myst_enable_extensions": ["dollarmath"],
                **settings,
            },
        )
        try:
            app.build()
            page = app.outdir / "index.html"
            warnings = re.sub(r"\x1b\[[\d;]*m", "", app.warning.getvalue())
            return Book(page.read_text(encoding="utf-8"), warnings, app.outdir)
        finally:
            app.cleanup()

    return run


# -- What a formula becomes ---------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", "Title\n=====\n\nThe norm :math:`\\lVert w\\rVert_2^2` here.\n"),
        ("md", "# Title\n\nThe norm $\\lVert w\\rVert_2^2$ here.\n"),
    ],
)
def test_inline(build, suffix, text):
    book = build(text, suffix)
    assert book.warnings == ""
    assert len(book.formulas) == 1
    assert 'display="block"' not in book.formulas[0]
    assert re.sub("<[^>]*>", "", book.formulas[0]) == "‖w‖22"
    assert '<span class="math notranslate nohighlight"><math>' in book.page


def test_display_can_scroll_in_a_box_of_its_own(build):
    book = build(".. math::\n\n   \\frac{1}{2}\n")
    assert book.warnings == ""
    assert '<div class="math-scroll"><math display="block"><mfrac>' in book.page
    assert "eqno" not in book.page


def test_no_script_and_no_other_host(build):
    text = ".. math:: x\n   :label: a\n\nSee :eq:`a` and :math:`y`.\n"
    page = build(text).page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert not [url for url in sources if "mathjax" in url.lower()]
    elsewhere = [url for url in sources if url.startswith(("http", "//"))]
    assert all("sphinx-doc.org" in url for url in elsewhere)  # the theme's credit


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        ("rst", ".. math:: x = 1\n   :label: one\n\nSee :eq:`one`.\n"),
        ("md", "# T\n\n```{math}\n:label: one\nx = 1\n```\n\nSee {eq}`one`.\n"),
        ("md", "# T\n\n$$\nx = 1\n$$ (one)\n\nSee {eq}`one`.\n"),
    ],
)
def test_number_permalink_and_reference(build, suffix, text):
    book = build(text, suffix)
    assert book.warnings == ""
    assert book.page.count('id="equation-one"') == 1
    number = re.search(r'<span class="eqno">\(1\)(.*?)</span>', book.page)
    assert 'class="headerlink" href="#equation-one"' in number[1]
    reference = re.search(r"See <a [^>]*>(.*?)</a>", book.page)
    assert re.sub("<[^>]*>", "", reference[1]) == "(1)"
    assert 'href="#equation-one"' in reference[0]


def test_furo_does_not_write_an_id_twice(build):
    page = build(".. math:: x = 1\n   :label: one\n", html_theme="furo").page
    assert page.count('id="equation-one"') == 1


# -- Lines --------------------------------------------------------------------


def test_two_aligned_lines(build):
    book = build(".. math::\n\n   a &= b \\\\\n   c + d &= e\n")
    assert book.warnings == ""
    (formula,) = book.formulas
    assert formula.count("<mtr>") == 2
    assert formula.count("<mtd") == 4


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
        (r"\begin{split} a &= b \end{split}", r"\begin{aligned} a &= b \end{aligned}"),
        (r"\begin{gather*} a \end{gather*}", r"\begin{gathered} a \end{gathered}"),
        (r"\begin{equation} a \end{equation}", "a"),
        (
            r"\begin{aligned} a &= b \end{aligned}",
            r"\begin{aligned} a &= b \end{aligned}",
        ),
    ],
)
def test_display_tex(text, expected):
    assert mathml.display_tex(text) == expected


def test_nowrap_takes_the_environment_of_the_author(build):
    text = """
        .. math::
           :nowrap:

           \\begin{align}
              y & = a x^2 \\\\
              z & = b
           \\end{align}
        """
    book = build(re.sub(r"(?m)^ {8}", "", text))
    assert book.warnings == ""
    assert book.formulas[0].count("<mtr>") == 2
    assert "(1)" not in book.page  # only Sphinx numbers equations


# -- Macros and errors --------------------------------------------------------


def test_macros(build):
    macros = {"w": r"\mathbf{w}", "norm": r"\lVert #1 \rVert_2"}
    book = build(r":math:`\norm{\w}`", mathml_macros=macros)
    assert book.warnings == ""
    assert re.sub("<[^>]*>", "", book.formulas[0]) == "‖𝐰‖2"


def test_a_wrong_macro_stops_the_build_and_is_named(build):
    with pytest.raises(ConfigError, match=r"mathml_macros\['b'\].*\\undefined"):
        build("Text", mathml_macros={"a": "x", "b": r"\undefined"})


@pytest.mark.parametrize(
    ("suffix", "text", "line"),
    [
        ("rst", "Title\n=====\n\nSome text.\n\nAn error: :math:`\\oops{x}`.\n", 6),
        ("rst", "Title\n=====\n\n.. math::\n\n   \\oops{x}\n", 4),
        ("md", "# Title\n\nSome text.\n\nAn error: $\\oops{x}$.\n", 5),
        ("md", "# Title\n\n```{math}\n\\oops{x}\n```\n", 3),
    ],
)
def test_an_error_is_a_warning_with_its_place(build, suffix, text, line):
    book = build(text, suffix)
    (warning,) = book.warnings.strip().splitlines()
    assert f"index.{suffix}:{line}: WARNING: mathml: " in warning
    assert 'Unknown command "\\oops"' in warning
    assert "In the formula: \\oops{x}" in warning
    assert "[mathml]" in warning
    assert book.formulas == []
    assert "<code>\\oops{x}</code>" in book.page


def test_the_source_in_an_error_is_escaped(build):
    book = build(r":math:`\oops < 1`")
    assert r"<code>\oops &lt; 1</code>" in book.page


# -- In running text ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A norm ($w$), here.", "(MATH),"),
        ("The $p$-norm.", "MATH-"),
        ("The $n$th.", "MATHth"),
        ("Twice ($a$)($b$).", "(MATH)(MATH)."),
        ("Alone $w$ here.", ""),
        ("A dash $w$—then", ""),
    ],
)
def test_what_touches_a_formula_stays_on_its_line(build, text, kept):
    page = MATH.sub("MATH", build(f"# T\n\n{text}\n", "md").page)
    page = re.sub(r'<span class="math[^"]*">MATH</span>', "MATH", page)
    groups = re.findall(r'<span class="nobreak">(.*?)</span>', page)
    assert "".join(groups) == kept
    expected = re.sub(r"\$\w\$", "MATH", text)
    assert expected in re.sub("<[^>]*>", "", page)


def test_mathematics_in_titles(build):
    text = "# The norm $w_1$\n\n```{toctree}\nother\n```\n"
    book = build(text, "md", pages={"other": "# Decay by $1-\\eta\\lambda$\n\nText.\n"})
    assert book.warnings == ""
    assert re.search(r"<h1>The norm .*<math>.*</math>", book.page)
    entry = re.search(r'toctree-l1">(.*?)</li>', book.page)
    assert re.search(r"Decay by .*<math>.*</math>", entry[1])
    title = re.search(r"<title>(.*?)</title>", book.page, re.DOTALL)[1]
    assert html.unescape(title).startswith("The norm w1")
    index = (book.folder / "searchindex.js").read_text(encoding="utf-8")
    assert "Decay by" in index


# -- The font -----------------------------------------------------------------


def test_pages_with_formulas_preload_the_font(build):
    book = build(
        "T\n=\n\n:math:`x`\n\n.. toctree::\n\n   a\n",
        pages={"a": "A\n=\n\nNo formula.\n"},
        mathml_font="fonts/some.woff2",
    )
    # By a script: from a folder a preload is an error.
    (script,) = re.findall(r"<script>(if .location.*?)</script>", book.page)
    assert script.startswith('if (location.protocol !== "file:")')
    links = re.findall(r'rel: "preload", href: "([^"]*)"', script)
    assert links == ["_static/fonts/some.woff2"]  # no ?v=: the style sheet has none
    assert "preload" not in (book.folder / "a.html").read_text(encoding="utf-8")
