"""The PDF as a printer gets it: its order, its numbers, its fonts, its last word."""

import re
from functools import cache
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from edition import edition_date
from print_book import (
    Book,
    Metadata,
    PrintError,
    anchor,
    bookmarks,
    find_pages,
    finish,
    print_book,
    print_page,
    read_metadata,
    write_page,
)
from reading import Page

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "_build" / "html"
PDF = ROOT / "docs" / "_build" / "pdf" / "weight-decay.pdf"
A4 = (595, 842)  # points


class Paper:
    """A printed book: its sheets, their texts, and the file below them."""

    def __init__(self, path):
        self.sheets = pypdfium2.PdfDocument(path)
        self.texts = [sheet.get_textpage().get_text_bounded() for sheet in self.sheets]
        self.file = pikepdf.open(path)

    @property
    def bookmarks(self):
        """Level, title and sheet of each bookmark."""
        return [
            (mark.level, mark.get_title(), mark.get_dest().get_index() + 1)
            for mark in self.sheets.get_toc(max_depth=9)
        ]

    @property
    def contents(self):
        """Title and number on each line of the table of contents."""
        found = []
        for text in self.texts[1:]:
            if not text.startswith("Contents"):
                break
            found += re.findall(r"(?m)^(.*\S)\s+(\d+)\s*$", text)
        return [(title, int(number)) for title, number in found if title != "Contents"]


@pytest.fixture(scope="module")
def paper():
    """The book; a session of its own prints it."""
    if not PDF.is_file():
        pytest.fail(f"No {PDF.name}: nox -s pdf makes it", pytrace=False)
    return Paper(PDF)


@cache
def site(name):
    """A page of the web site, to be read only."""
    return Page(SITE, name)


def title_of(name):
    return " ".join(site(name).article.h1.text.removesuffix("¶").split())


@cache
def reading_order():
    """The pages of the web site, from one "Next" to the next."""
    order = ["index.html"]
    while forward := site(order[-1]).html.select_one("a.next-page"):
        order.append(site(order[-1]).target(forward["href"])[0])
    return order


def expected_contents():
    """Parts and pages, as the side bar of the site lists them."""
    tree = site("index.html").html.select_one(".sidebar-tree")
    lines = [title_of("index.html")]
    for tag in tree.select(".caption, a.reference"):
        part = "caption" in tag.get("class", [])
        lines.append(tag.text.strip() if part else title_of(tag["href"]))
    return lines


def words(text):
    """A text without spaces, hyphens and all else that a line break may change."""
    return re.sub(r"[\W_]+", "", text)


def longest_sentence(tag):
    """A stretch of plain text that no formula and no code interrupts."""
    texts = tag.find_all(string=True)
    plain = [text for text in texts if not text.find_parent(["math", "pre", "code"])]
    return words(max(plain, key=len).splitlines()[0])


def faults(paper):
    """What is wrong with the sheets and the numbers, a line each."""
    found = []
    for number, (sheet, text) in enumerate(
        zip(paper.sheets, paper.texts, strict=True), 1
    ):
        size = [round(side) for side in sheet.get_size()]
        if any(abs(a - b) > 1 for a, b in zip(size, A4, strict=True)):
            found.append(f"sheet {number} is not A4: {size}")
        if sheet.render(scale=0.2).to_numpy().min() == 255:
            found.append(f"sheet {number} is empty")
        foot = sheet.get_textpage().get_text_bounded(0, 0, 595, 65).strip()
        if foot != ("" if number == 1 else str(number)):
            found.append(f"sheet {number} has {foot!r} at its foot")
        if number > 1 and len(words(text)) < 40:
            found.append(f"sheet {number} has next to no text: {text!r}")
    real = {(words(title), number) for _, title, number in paper.bookmarks}
    for title, number in paper.contents:
        if (words(title), number) not in real:
            found.append(f"contents: {title!r} is not on page {number}")
    return found


def test_every_sheet_is_a_numbered_a4_page_and_the_contents_are_right(paper):
    assert faults(paper) == []


def test_the_contents_are_those_of_the_site(paper):
    assert [words(title) for title, _ in paper.contents] == [
        words(title) for title in expected_contents()
    ]


def test_the_bookmarks_follow_the_parts_and_pages(paper):
    tree = site("index.html").html.select_one(".sidebar-tree")
    marks = paper.bookmarks
    chapters = [a["href"] for a in tree.select("li.toctree-l1 > a")]
    questions = [a["href"] for a in tree.select("li.toctree-l2 > a")]
    more = next(i for i, mark in enumerate(marks) if mark[1] == "More questions")
    below = [mark for mark in marks[more + 1 :] if mark[0] == marks[more][0] + 2]

    parts = [tag.text for tag in tree.select(".caption-text")]
    first = [title_of("index.html"), *parts]
    assert [title for level, title, _ in marks if level == 0] == ["Contents", *first]
    start = next(i for i, mark in enumerate(marks) if mark[:2] == (0, parts[0]))
    inside = [title for level, title, _ in marks[start:] if level == 1]
    assert inside == [title_of(name) for name in chapters]
    assert [title for _, title, _ in below][: len(questions)] == [
        title_of(name) for name in questions
    ]
    sheets = [number for _, _, number in marks]
    assert sheets == sorted(sheets)


def test_a_chapter_begins_on_a_new_page_under_its_title(paper):
    numbers = dict(paper.contents)
    tree = site("index.html").html.select_one(".sidebar-tree")

    for link in tree.select("li.toctree-l1 > a"):
        title = title_of(link["href"])
        text = paper.texts[numbers[title] - 1]
        assert words(text).startswith(words(title)), title


def test_formulas_are_text_in_an_embedded_font(paper):
    fonts = {}
    for page in paper.file.pages:
        for font in page.resources.get("/Font", pikepdf.Dictionary()).values():
            fonts[font.objgen] = font

    names = set()
    for font in fonts.values():
        if font.Subtype == "/Type3":
            continue  # its glyphs are drawings in the file itself
        inner = font.DescendantFonts[0] if "/DescendantFonts" in font else font
        descriptor = inner.FontDescriptor
        name = str(descriptor.FontName).split("+")[-1]
        names.add(name)
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor.keys()), name
    assert any(name.startswith("STIXTwoMath") for name in names)
    assert any(name.startswith("STIXGeneral") for name in names)
    assert any(name.startswith("DejaVuSansMono") for name in names)
    # Whoever has other fonts gets the same book.
    known = ("STIXTwoMath", "STIXGeneral", "DejaVuSans")
    assert {name for name in names if not name.startswith(known)} == set()


def test_there_are_no_more_pictures_than_figures(paper):
    pictures = {
        image.objgen
        for page in paper.file.pages
        for image in page.resources.get("/XObject", pikepdf.Dictionary()).values()
        if image.Subtype == "/Image"
    }
    figures = {
        site(name).target(image["src"])[0]
        for name in reading_order()
        for image in site(name).article.find_all("img")
        if not image.find_parent(class_="sphx-glr-thumbcontainer")
    }

    assert 0 < len(pictures) <= len(figures)


def test_every_solution_is_there(paper):
    text = words("".join(paper.texts))
    names = [name for name in reading_order() if name.startswith("exercises/")]

    solutions = [
        fold for name in names for fold in site(name).article.select("details.solution")
    ]
    assert len(solutions) >= 16
    lost = [s for s in map(longest_sentence, solutions) if s not in text]
    assert lost == []


def test_links_stay_in_the_book_or_lead_to_the_web(paper):
    places = find_pages(paper.file)
    inside, outside = [], []
    for page in paper.file.pages:
        for note in page.get("/Annots", []):
            if "/Dest" in note:
                inside.append(str(note.Dest))
            elif "/A" in note:
                outside.append(str(note.A.URI))

    assert len(inside) > 300
    assert len(outside) > 20
    assert [address for address in outside if not address.startswith("https://")] == []
    assert anchor("chapter/decay.html") in places


def test_nothing_of_a_screen_is_printed(paper):
    text = "".join(paper.texts)

    for words_of_the_site in ("Show the code", "Hide the code", "Download zipped", "¶"):
        assert words_of_the_site not in text


def test_the_title_page_names_author_version_and_licence(paper):
    metadata = read_metadata()

    first = " ".join(paper.texts[0].split())
    for part in (metadata.title, metadata.author, metadata.version, "CC BY 4.0", "MIT"):
        assert part in first


def test_the_clock_has_left_no_mark(paper):
    date = f"D:{edition_date(ROOT / 'CHANGELOG.md', 2026):%Y%m%d%H%M%S}Z"

    assert str(paper.file.docinfo.CreationDate) == date
    assert str(paper.file.docinfo.ModDate) == date
    assert str(paper.file.docinfo.Title) == "Weight decay"
    assert paper.file.Root.Lang == "en"


# -- A tiny site, and its faults ----------------------------------------------

METADATA = Metadata(
    "Tiny", "A test.", "Nobody", "1", edition_date(ROOT / "CHANGELOG.md", 2026), "a, b"
)
"""What the title page of the tiny book says."""


@pytest.fixture
def tiny(tmp_path):
    """Write a site of three pages, with this inside the second."""

    def write(inside=""):
        folder = tmp_path / "site"
        (folder / "_static").mkdir(parents=True, exist_ok=True)
        (folder / "_static/mathml.css").touch()
        text = "Words that fill a line, so that the sheet is not next to empty. " * 2
        side = (
            '<div class="sidebar-tree"><p class="caption">Part</p><ul><li class="l">'
            '<a class="reference" href="one.html">One</a><ul><li>'
            '<a class="reference" href="two.html">Two</a></li></ul></li></ul></div>'
        )
        pages = {
            "index": f"<h1>Tiny</h1><p>{text}<a href='two.html#x'>two</a></p>",
            "one": f"<h1>One</h1><p>{text}</p>{inside}<div class='toctree-wrapper'>"
            "<ul><li><a href='two.html'>Two</a></li></ul></div>",
            "two": f"<h1>Two</h1><p id='x'>{text}<a href='a.zip' download>get</a></p>"
            f"<details class='solution'><summary>Solution</summary>{text}</details>",
        }
        for name, body in pages.items():
            html = f"{side}<article><section>{body}</section></article>"
            (folder / f"{name}.html").write_text(html, "utf-8")
        return folder

    return write


def test_two_prints_are_the_same_file_and_without_fault(tiny, tmp_path):
    site, first, second = tiny(), tmp_path / "a/t.pdf", tmp_path / "b/t.pdf"

    assert print_book(site, first, METADATA) == 4
    print_book(site, second, METADATA)
    assert first.read_bytes() == second.read_bytes()
    paper = Paper(first)
    assert faults(paper) == []
    assert paper.contents == [("Tiny", 3), ("Part", 4), ("One", 4), ("Two", 4)]
    assert [title for _, title, _ in paper.bookmarks] == [
        *("Contents", "Tiny", "Part", "One", "Two"),
    ]
    assert "Solution" in paper.texts[3]


def test_a_wrong_number_in_the_contents_is_reported(tiny, tmp_path):
    html, printed, target = (tmp_path / f"t.{e}" for e in ("html", "tmp", "pdf"))
    book = Book(tiny(), tmp_path)
    write_page(book, METADATA, {entry.target: 9 for entry in book.contents}, html)
    print_page(html, printed)
    finish(printed, target, METADATA, ["Contents", *book.headings])

    assert "contents: 'One' is not on page 9" in faults(Paper(target))


def test_a_wrong_heading_in_the_bookmarks_is_an_error(tiny, tmp_path):
    html, printed = tmp_path / "t.html", tmp_path / "t.tmp"
    write_page(Book(tiny(), tmp_path), METADATA, {}, html)
    print_page(html, printed)

    with pikepdf.open(printed) as pdf:
        assert len(list(bookmarks(pdf.Root.Outlines))) == 5
    with pytest.raises(PrintError, match="5 bookmarks for 1 headings"):
        finish(printed, tmp_path / "t.pdf", METADATA, ["Contents"])


@pytest.mark.parametrize(
    "wide", ["<p style='width: 200mm'>Wide</p>", "<table><td nowrap>" + "Wide " * 60]
)
def test_what_is_too_wide_for_the_paper_is_an_error(tiny, tmp_path, wide):
    with pytest.raises(PrintError, match=r"Wider than the page: one: <\w+> Wide"):
        print_book(tiny(wide), tmp_path / "t.pdf", METADATA)


def test_an_empty_sheet_is_reported(tiny, tmp_path):
    blank = "<div style='break-before: page; break-after: page'>a</div>"
    print_book(tiny(blank), tmp_path / "t.pdf", METADATA)

    assert "sheet 5 has next to no text" in "\n".join(faults(Paper(tmp_path / "t.pdf")))


def test_a_link_to_nowhere_is_an_error(tiny, tmp_path):
    with pytest.raises(
        PrintError, match=r"Links to nowhere in the book: \['#two--y'\]"
    ):
        print_book(tiny("<a href='two.html#y'>y</a>"), tmp_path / "t.pdf", METADATA)


def test_a_site_without_parts_is_an_error(tiny, tmp_path):
    site = tiny()
    (site / "index.html").write_text("<article><h1>A</h1></article>", "utf-8")

    with pytest.raises(PrintError, match="lists no parts"):
        print_book(site, tmp_path / "t.pdf", METADATA)
