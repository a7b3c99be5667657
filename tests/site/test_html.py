"""What Lighthouse asks of a page and a reader can check in the files, by no clock."""

import hashlib
import re
from pathlib import Path

import furo
import pytest
from reading import CSS_ADDRESS, is_local


@pytest.fixture(scope="module")
def sheet(book):
    return (book / "_static" / "all.css").read_text("utf-8")


def test_every_page_says_what_it_is_about(pages):
    described = {}
    for name, page in pages.items():
        (meta,) = page.html.select('meta[name="description"]')
        assert 20 <= len(meta["content"]) <= 200, name
        assert not re.search(r"[`{}$\\]|\s{2}", meta["content"]), name
        assert page.html.title.text.strip(), name
        described.setdefault(meta["content"], []).append(name)
    shared = [sorted(names) for names in described.values() if len(names) > 1]
    # The index and the search have no text: the book's own stands for it.
    assert shared in ([], [["genindex.html", "index.html", "search.html"]])


def test_every_page_has_a_language_one_viewport_and_lets_itself_be_found(pages):
    for name, page in pages.items():
        assert page.html.find("html")["lang"] == "en", name
        assert len(page.html.select('meta[name="viewport"]')) == 1, name
        forbidden = page.html.select('meta[name="robots"]')
        assert bool(forbidden) == (name == "search.html"), name


def test_one_style_sheet_and_no_script_before_the_text(pages, book):
    for name, page in pages.items():
        (link,) = page.html.select('link[rel="stylesheet"]:not([media="print"])')
        address, _, version = link["href"].partition("?v=")
        assert page.target(address)[0] == "_static/all.css", name
        assert re.fullmatch(r"[0-9a-f]{8}", version), name
        for script in page.html.find_all("script", src=True):
            assert script.has_attr("defer"), f"{name}: {script}"


def test_the_style_sheet_is_small_and_holds_what_it_must(sheet):
    assert len(sheet.encode()) < 70_000
    for needed in ("details.solution", ".math-scroll", ".sidebar-drawer", ".copybtn"):
        assert needed in sheet
    for useless in ("-Color-Bold", "dataTable", ".sd-card", "/*"):
        assert useless not in sheet


def test_fonts_come_early_and_only_where_there_are_formulas(pages, sheet):
    assert sheet.count("@font-face") == sheet.count("font-display") == 1
    (font,) = [a for a in CSS_ADDRESS.findall(sheet) if a.endswith(".woff2")]
    for name, page in pages.items():
        early = [s.text for s in page.html.head.find_all("script") if font in s.text]
        assert bool(early) == bool(page.html.find("math")), name


def test_pictures_have_sizes_so_that_nothing_jumps(pages):
    for name, page in pages.items():
        for image in page.html.find_all("img"):
            if is_local(image["src"]) and not image["src"].endswith(".svg"):
                assert int(image["width"]) > 100, f"{name}: {image}"
                assert int(image["height"]) > 50, f"{name}: {image}"


def test_no_page_loads_a_script_that_it_does_not_use(pages):
    for name, page in pages.items():
        scripts = " ".join(s["src"] for s in page.html.find_all("script", src=True))
        assert ("copybutton" in scripts) == bool(page.html.select("div.highlight")), (
            name
        )
        assert "sg-tags" not in scripts, name
        assert ("searchindex" in scripts) == (name == "search.html"), name


def test_a_comparison_does_not_break_at_the_end_of_a_line(pages):
    prose = pages["chapter/closer.html"].article.get_text()

    assert "λ\u00a0=\u00a03" in prose
    assert "λ = 3" not in prose
    for name, page in pages.items():  # who copies code wants spaces
        code = page.html.select("pre, code")
        assert [tag.text for tag in code if "\u00a0" in tag.text] == [], name


@pytest.mark.parametrize(
    ("name", "digest"),
    [("page.html", "ad8bad98317b2e09"), ("search.html", "95755b01ed85cf27")],
)
def test_the_templates_of_the_theme_are_those_that_ours_were_made_from(name, digest):
    theirs = Path(furo.__file__).parent / "theme" / "furo" / name

    found = hashlib.sha256(theirs.read_bytes()).hexdigest()
    # Another one: take over what is new into docs/_templates, then the digest here.
    assert found[:16] == digest
