"""docs/_ext/one_style.py: which rules of the style sheets are left."""

import pytest
from one_style import lean, names_in_script, names_on_page, rebased
from sphinx.errors import ExtensionError

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
