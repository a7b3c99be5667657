"""The PDF as a printer gets it: its order, its numbers, its fonts, its last word."""

import re
import zipfile
from pathlib import Path

import pdf
import pikepdf
import pypdfium2
import pytest
from bs4 import BeautifulSoup

BUILD = Path(__file__).parents[2] / "docs" / "_build"
EPUB = BUILD / "epub" / "weight-decay.epub"
PDF = BUILD / "pdf" / "weight-decay.pdf"
A4 = (595, 842)  # points


class Paper:
    """A printed book: its sheets, their texts, and the file below them."""

    def __init__(self, path):
        self.sheets = pypdfium2.PdfDocument(path)
        # Without head and foot, which would stand amid sentences.
        self.texts = [
            sheet.get_textpage().get_text_bounded(0, 68, 595, 774)
            for sheet in self.sheets
        ]
        self.file = pikepdf.open(path)
        self.bookmarks = [
            (mark.level, mark.get_title(), mark.get_dest().get_index() + 1)
            for mark in self.sheets.get_toc(max_depth=9)
        ]
        first = self.bookmarks[1][2]  # behind the contents
        # Without blanks: PDFium reads a full sheet of short lines as if it were set
        # downwards, a letter a line, and finds none.
        lines = map(letters, "\n".join(self.texts[1 : first - 1]).splitlines())
        self.contents = [line for line in lines if re.search(r"\d$", line)]


@pytest.fixture(scope="module")
def paper():
    """The book; a session of its own prints it."""
    if not PDF.is_file():
        pytest.fail(f"No {PDF.name}: nox -s pdf makes it", pytrace=False)
    return Paper(PDF)


@pytest.fixture(scope="module")
def epub():
    """The pages that the book is printed from, in their order, behind the contents."""
    with zipfile.ZipFile(EPUB) as packed:
        nav = BeautifulSoup(packed.read("nav.xhtml"), "html.parser").nav
        names = [link["href"] for link in nav.select("a")]
        pages = [BeautifulSoup(packed.read(name), "html.parser") for name in names]
    return nav, pages


def letters(text):
    """A text without all that the end of a line may change."""
    return re.sub(r"[\W_]+", "", text)


def faults(paper):
    """What is wrong with the sheets and the numbers, a line each."""
    found = []
    for number, sheet in enumerate(paper.sheets, 1):
        if any(abs(a - b) > 1 for a, b in zip(sheet.get_size(), A4, strict=True)):
            found.append(f"sheet {number} is not A4")
        foot = sheet.get_textpage().get_text_bounded(0, 0, 595, 65).strip()
        if foot != ("" if number == 1 else str(number)):
            found.append(f"sheet {number} has {foot!r} at its foot")
        if len(letters(paper.texts[number - 1])) < 40:
            found.append(f"sheet {number} has next to no text")
    places = {f"{letters(title)}{number}" for _, title, number in paper.bookmarks}
    wrong = [line for line in paper.contents if line not in places]
    return found + [f"contents: {line!r} fits no heading" for line in wrong]


def test_sheets_and_numbers_are_right(paper):
    assert faults(paper) == []


def test_the_contents_are_those_of_the_epub(paper, epub):
    titles = [letters(link.text) for link in epub[0].select("a")]

    numbers = [
        line.removeprefix(title)
        for line, title in zip(paper.contents, titles, strict=True)
    ]
    assert [number for number in numbers if not re.fullmatch(r"\d+", number)] == []


def test_the_bookmarks_are_the_headings_below_their_parts(paper, epub):
    nav, pages = epub
    marks = [(level, letters(title)) for level, title, _ in paper.bookmarks]
    headings = [
        letters(h.text) for page in pages for h in page.select("h1, h2, h3, h4")
    ]
    tops = [nav.h1, pages[0].h1, *nav.select("li > span")]

    assert [title for level, title in marks if level == 0] == [
        letters(tag.text) for tag in tops
    ]
    parts = {letters(tag.text) for tag in nav.select("li > span")}
    assert [
        title for level, title in marks[1:] if level or title not in parts
    ] == headings
    sheets = [number for _, _, number in paper.bookmarks]
    assert sheets == sorted(sheets)


def test_what_stands_in_the_epub_stands_on_paper(paper, epub):
    printed = letters("".join(paper.texts))
    lost = []
    for page in epub[1]:
        for tag in page.select(".hide, .math"):
            tag.replace_with("\n")
        for block in page.select("p, dt, figcaption, pre"):
            longest = max(block.text.splitlines(), key=len, default="")
            lost += [longest] if letters(longest) not in printed else []
    assert lost == []


def test_formulas_are_text_in_an_embedded_font(paper):
    fonts = {}
    for page in paper.file.pages:
        for font in page.resources.get("/Font", {}).values():
            inner = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            if font.Subtype != "/Type3":  # its glyphs are drawings in the file itself
                description = inner.FontDescriptor
                name = str(description.FontName).split("+")[-1]
                fonts[name] = set(description.keys()) & {"/FontFile2", "/FontFile3"}

    assert all(fonts.values())
    # Whoever has other fonts gets the same book.
    own = ("STIXTwoMath", "STIXGeneral", "DejaVuSansMono", "DejaVuSans")
    assert {name for name in fonts if not name.startswith(own)} == set()
    assert all(any(name.startswith(known) for name in fonts) for known in own[:3])


def test_links_stay_in_the_book_or_lead_to_the_web(paper):
    notes = [note for page in paper.file.pages for note in page.get("/Annots", [])]
    inside = {str(note.Dest) for note in notes if "/Dest" in note}
    outside = [str(note.A.URI) for note in notes if "/A" in note]

    assert len(inside) > 100
    assert inside <= set(paper.file.Root.Dests.keys())
    assert len(outside) > 20
    assert all(address.startswith("https://") for address in outside)


def test_the_file_says_whose_book_it_is(paper):
    for word in ("Weight decay", "The weight_decay authors", "CC BY 4.0", "MIT"):
        assert word in " ".join(paper.texts[0].split())
    assert paper.file.docinfo.Title == "Weight decay"
    assert paper.file.docinfo.Author == "The weight_decay authors"
    assert paper.file.Root.Lang == "en"


# -- The first page alone, with a fault ----------------------------------------


@pytest.fixture
def spoilt(tmp_path):
    """Print the first page of the EPUB with this below its title."""

    def print_with(inside):
        with zipfile.ZipFile(EPUB) as packed:
            packed.extractall(tmp_path)
        nav = "<nav><h1>All</h1><ol><li><a href='index.xhtml'>One</a></li></ol></nav>"
        (tmp_path / "nav.xhtml").write_text(nav, "utf-8")
        page = tmp_path / "index.xhtml"
        text = page.read_text("utf-8").replace("</h1>", f"</h1>{inside}", 1)
        page.write_text(text, "utf-8")
        pdf.print_book(tmp_path, tmp_path / "spoilt.pdf")
        return Paper(tmp_path / "spoilt.pdf")

    return print_with


def test_what_is_too_wide_for_the_paper_is_an_error(spoilt):
    with pytest.raises(pdf.PrintError, match=r"Wider than the page: index: Wide"):
        spoilt("<p style='width: 200mm'>Wide</p>")


def test_an_empty_sheet_and_a_wrong_number_are_noticed(spoilt):
    found = faults(spoilt("<p style='break-after: page'></p>"))

    assert "sheet 3 has next to no text" in found
    assert "contents: 'One3' fits no heading" in found


def test_the_chinese_edition_is_printed_as_a_whole(paper):
    chinese = Paper(PDF.with_name("weight-decay-zh-cn.pdf"))

    assert "权重衰减" in chinese.texts[0]
    levels = [[level for level, *_ in each.bookmarks] for each in (paper, chinese)]
    assert levels[0] == levels[1]
