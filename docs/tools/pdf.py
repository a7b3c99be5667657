"""Prints the EPUB as a PDF with Chromium: ``python docs/tools/pdf.py EPUB PDF``.

The pages are joined in reading order and printed twice, since the contents need the
page numbers of the first print. Other printers were left: WeasyPrint knows no MathML,
and LaTeX would need a second translation of every page, formula and output.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import matplotlib
import pikepdf
from browser import chromium
from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

STYLE = Path(__file__).with_suffix(".css")
# Those of matplotlib, so that the book looks the same everywhere.
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
HEADINGS = re.compile("^h[1-6]$")
UNKNOWN = "000"  # as wide as a page number, so that filling it in moves nothing
# What the paper would cut off, each with its page.
OVERFLOWING = """() => {
    const edge = document.body.getBoundingClientRect().right + 1;
    const wide = [...document.querySelectorAll("main *")].filter(
        (tag) => tag.getBoundingClientRect().right > edge);
    return wide.filter((tag) => !wide.includes(tag.parentElement)).map(
        (tag) => tag.closest("[class^=level]").id + ": " + tag.textContent.trim());
}"""


class PrintError(RuntimeError):
    """The book cannot be printed; the message says what is wrong with it."""


class Book(NamedTuple):
    """The joined book: what its package says of it, and the parts of its HTML."""

    facts: dict[str, str]
    contents: Any  # tags, of which the typing of Beautiful Soup knows too little
    main: Any
    style: str

    @property
    def headings(self) -> list[str]:
        """The text of every heading, in their order."""
        found = [*self.contents.find_all("h1"), *self.main.find_all(HEADINGS)]
        return [" ".join(heading.text.split()) for heading in found]


def anchor(page: str, fragment: str = "") -> str:
    """Return the id that a place on a page has in the joined book."""
    name = page.removesuffix(".xhtml").replace("/", ".")
    return f"{name}--{fragment}" if fragment else name


def parse(path: Path) -> Any:
    """Read a page of the EPUB."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def read_page(folder: Path, name: str, level: int) -> Any:
    """Return a page of the EPUB in `folder` as a section of the joined book.

    Its ids, links and pictures fit into one file at the top of `folder`, and its title
    is a heading of that level.
    """
    page = parse(folder / name).select_one("[role=main]")

    def resolve(address: str) -> str:
        path = posixpath.join(posixpath.dirname(name), unquote(address))
        return posixpath.normpath(path) if address else name

    for tag in page.find_all(id=True):
        tag["id"] = anchor(name, str(tag["id"]))
    for link in page.find_all("a", href=True):
        address = urlsplit(str(link["href"]))
        if not address.scheme:
            place = anchor(resolve(address.path), unquote(address.fragment))
            link["href"] = f"#{place}"
    for image in page.find_all("img"):
        image["src"] = resolve(str(image["src"]))
    for heading in page.find_all(HEADINGS):
        heading.name = f"h{min(int(heading.name[1]) + level - 1, 6)}"
        # A label before its heading would stay at the foot of the sheet before.
        for label in heading.find_previous_siblings("span", id=True):
            label.name = "div"
            heading.parent.wrap(label.extract())
    page.name, page.attrs = "section", {"class": f"level-{level}", "id": anchor(name)}
    return page


def join(folder: Path) -> Book:
    """Join the pages of an unpacked EPUB in the order of its contents."""
    package = ET.parse(folder / "content.opf").getroot()
    names = {tag: tag.get("property", tag.tag.partition("}")[2]) for tag in package[0]}
    facts = {name: tag.text or "" for tag, name in names.items()}
    contents: Any = parse(folder / "nav.xhtml").nav
    main: Any = Tag(name="main")
    part, style = "", ""
    for item in contents.find_all("li"):
        level, link = len(item.find_parents("ol")), item.find("a", recursive=False)
        if link is None:
            part = item.span.text
            continue
        page = read_page(folder, link["href"], level)
        if part:  # it begins on the sheet of its first page
            heading = Tag(name="h1", attrs={"class": "part"})
            heading.string, part = part, ""
            page.insert(0, heading)
        if level > 2:
            main.contents[-1].append(page)
        else:  # with its title at the top of its sheets
            main.append(page)
            name = f"chapter{len(main.contents)}"
            page["style"] = f"page: {name}"
            title = json.dumps(link.text, ensure_ascii=False)
            style += f"@page {name} {{ @top-left {{ content: {title} }} }}\n"
        link["href"] = f"#{page['id']}"
        link.extend(Tag(name="span", attrs={"class": of}) for of in ("dots", "number"))
    return Book(facts, contents, main, style)


def write(book: Book, numbers: dict[str, int]) -> str:
    """Return the book as HTML, with the page numbers in its contents."""
    for link in book.contents.find_all("a"):
        link.contents[-1].string = str(numbers.get(link["href"][1:], UNKNOWN))
    facts = {name: html.escape(text) for name, text in book.facts.items()}
    return f"""<!DOCTYPE html>
<html lang="{facts["language"]}">
<head>
<meta charset="utf-8">
<title>{facts["title"]}</title>
<link rel="stylesheet" href="_static/epub.css">
<link rel="stylesheet" href="_static/mathml.css">
<style>
{STYLE.read_text("utf-8").replace("FONTS", FONTS.as_uri())}
{book.style}
</style>
</head>
<body>
<header>
<p class="title">{facts["title"]}</p>
<p class="description">{facts["description"]}</p>
<p>{facts["creator"]}</p>
<p>v{facts["ibooks:version"]}</p>
<p class="rights">{facts["rights"]}</p>
</header>
{book.contents}
{book.main}
</body>
</html>
"""


def find_pages(pdf: pikepdf.Pdf) -> dict[str, int]:
    """Look up on which page, counted from 1, each target of a link stands."""
    pages = {page.obj.objgen: number for number, page in enumerate(pdf.pages, 1)}
    targets: Any = pdf.Root.Dests
    return {
        unquote(name[1:]): pages[place[0].objgen] for name, place in targets.items()
    }


def bookmarks(items: list[pikepdf.OutlineItem]) -> Iterator[pikepdf.OutlineItem]:
    """List bookmarks and all that is below them, in reading order."""
    for item in items:
        yield item
        yield from bookmarks(item.children)


def look_for_font(language: str) -> None:
    """Stop if no font has the signs of a language; only Linux may lack one."""
    if language.startswith("zh") and shutil.which("fc-list"):
        command = ["fc-list", ":lang=zh-cn"]
        if not subprocess.run(command, check=True, capture_output=True).stdout:
            raise PrintError(
                "No font has Chinese signs: apt-get install fonts-noto-cjk"
            )


def print_book(folder: Path, target: Path) -> None:
    """Print an unpacked EPUB; stop if something is wider than the paper allows."""
    book = join(folder)
    look_for_font(book.facts["language"])
    source = folder / "book.html"
    numbers: dict[str, int] = {}
    with chromium() as browser:
        # 166 mm: the width of the text, so that the layout is that of the paper.
        page = browser.new_page(viewport={"width": 627, "height": 900})
        page.emulate_media(media="print")
        for _ in range(2):
            source.write_text(write(book, numbers), "utf-8")
            page.goto(source.as_uri())
            page.evaluate("document.fonts.ready")
            if wide := page.evaluate(OVERFLOWING):
                raise PrintError("Wider than the page: " + "; ".join(wide))
            page.pdf(
                path=target,
                prefer_css_page_size=True,
                print_background=True,
                outline=True,
                tagged=True,
            )
            with pikepdf.open(target) as pdf:
                numbers = find_pages(pdf)
    with pikepdf.open(target, allow_overwriting_input=True) as pdf:
        # Chromium repeats the text of a heading that it has moved to the next sheet.
        with pdf.open_outline() as outline:
            for item, heading in zip(
                bookmarks(outline.root), book.headings, strict=True
            ):
                item.title = heading
        pdf.docinfo["/Author"] = book.facts["creator"]
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.save(object_stream_mode=pikepdf.ObjectStreamMode.generate)


if __name__ == "__main__":
    epub, pdf = sys.argv[1:]
    with TemporaryDirectory() as folder, zipfile.ZipFile(epub) as packed:
        packed.extractall(folder)
        Path(pdf).parent.mkdir(parents=True, exist_ok=True)
        print_book(Path(folder), Path(pdf))
