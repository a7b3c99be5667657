"""docs/_ext/one_style.py: which rules of the style sheets are left."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from one_style import lean, names_in_script, names_on_page, rebased
from sphinx.errors import ExtensionError
from sphinx.testing.util import SphinxTestApp

USED = {"body", "p", "a", "pre", ".note", ".highlight", "#top", "button", ".copy"}


@pytest.mark.parametrize(
    "rule",
    [
        "p{color:red}",
        ".note>a:hover{color:red}",
        "#top .note{color:red}",
        'body:not([data-theme="light"]) .highlight{color:red}',
        ":root{color:red}",
        "*{color:red}",
        'p::before{content:"a  b"}',
        ":is(.lost,p){color:red}",
        "@media print{p{color:red}}",
        '@font-face{font-family:"A";src:url("a.woff2")}',
        "@keyframes go{from{left:0}to{left:1em}}",
    ],
)
def test_a_rule_that_may_match_stays_as_it_is(rule):
    assert (
        lean(rule, USED).replace("\n", "").replace("@font-face {", "@font-face{")
        == rule
    )


@pytest.mark.parametrize(
    "rule",
    [
        ".lost{color:red}",
        "p .lost{color:red}",
        "#lost{color:red}",
        "table{color:red}",
        "p.note.lost:hover{color:red}",
        "@media print{.lost{color:red}}",
        "/* a comment */",
        "p{}",
    ],
)
def test_a_rule_that_matches_nothing_goes(rule):
    assert lean(rule, USED) == "\n"


def test_only_the_selectors_that_match_stay():
    assert lean(".lost, p , .lost > a { color : red ; }", USED) == "p{color:red}\n"


def test_important_and_the_order_stay():
    sheet = "p { color: red !important } a { color: blue } p { color: green }"

    lines = lean(sheet, USED).split()
    assert lines == ["p{color:red!important}", "a{color:blue}", "p{color:green}"]


def test_a_variable_that_nobody_reads_goes_with_those_that_only_it_reads():
    sheet = "body{--a:1;--b:var(--a);--c:2;--d:3}p{width:var(--c)}"

    assert lean(sheet, USED) == "body{--c:2}\np{width:var(--c)}\n"
    assert "--d:3" in lean(sheet, USED, elsewhere="<p style='width: var(--d)'>")


def test_what_a_script_makes_counts():
    assert {".copy", "button", "#box"} <= names_in_script(
        "let b = document.createElement('button'); b.className = 'copy'; b.id = 'box'"
    )
    page = "<script>const c = 'made';</script><p class = \"a b\" id='x'>"
    assert {".made", ".a", ".b", "#x", "p", "script"} <= names_on_page(page)


def test_addresses_mean_the_same_from_the_joined_sheet():
    sheet = 'a{b:url("fonts/a.woff2")}c{d:url(data:image/png;x)}e{f:url(../g.png)}'

    moved = rebased(sheet, "_static/styles")
    assert 'url("styles/fonts/a.woff2")' in moved
    assert "url(data:image/png;x)" in moved
    assert "url(g.png)" in moved


def test_a_sheet_that_cannot_be_read_stops_the_build():
    with pytest.raises(ExtensionError, match="one_style"):
        lean("p { color: red", {"p"}) + lean("} p", {"p"})


RAW = '\n.. raw:: html\n\n   <p class="{}">A</p>\n'


@pytest.fixture
def book(tmp_path):
    """A tiny book, and how it is built: once more with each call."""
    source = tmp_path / "source"
    (source / "_static").mkdir(parents=True)
    (source / "conf.py").touch()
    (source / "_static" / "own.css").write_text(".lost{top:0}.page{color:red}")
    (source / "index.rst").write_text(f"A\n=\n{RAW.format('page')}")
    (source / "b.rst").write_text(":orphan:\n\nB\n=\n")

    def build():
        app = SphinxTestApp(
            "html",
            srcdir=source,
            confoverrides={
                "extensions": ["one_style"],
                "html_static_path": ["_static"],
                "html_css_files": ["own.css"],
                "html_theme": "furo",
            },
        )
        try:
            app.build()
            return Path(app.outdir), app.warning.getvalue()
        finally:
            app.cleanup()

    return build


def addresses(out):
    pages = [(out / name).read_text("utf-8") for name in ("index.html", "b.html")]
    return [re.findall(r'<link rel="stylesheet"[^>]*href="([^"]*)"', p) for p in pages]


def test_all_pages_of_a_book_share_one_sheet(book):
    out, warnings = book()

    assert warnings == ""
    (first,), (second,) = addresses(out)
    assert first == second
    sheet = (out / "_static" / "all.css").read_text("utf-8")
    assert first == f"_static/all.css?v={sha256(sheet.encode()).hexdigest()[:8]}"
    assert ".page{color:red}" in sheet
    assert ".lost" not in sheet
    assert "blockquote" not in sheet


def test_a_rule_comes_back_when_a_page_needs_it_and_every_page_learns_of_it(book):
    out, _ = book()
    old = addresses(out)

    page = out.parents[1] / "b.rst"
    page.write_text(page.read_text() + RAW.format("lost"))
    book()
    sheet = (out / "_static" / "all.css").read_text("utf-8")
    assert ".lost{top:0}" in sheet
    (first,), (second,) = addresses(out)
    assert first == second
    assert [[first], [second]] != old


def test_a_second_build_changes_no_byte(book):
    out, _ = book()
    files = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}

    book()
    assert {path for path in files if path.read_bytes() != files[path]} <= {
        out / ".buildinfo"
    }
