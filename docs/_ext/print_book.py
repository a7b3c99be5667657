"""Prints the finished web site as one PDF: ``print_book.py HTML_FOLDER PDF``.

The pages are joined in reading order and printed by Chromium, twice: the table of
contents needs the page numbers that the first print shows.

Other ways were left. WeasyPrint knows no MathML, so every formula would be lost. LaTeX
is gigabytes to install, and needs a second translation of every page, formula and
output; here, what is printed is what is on the site. Sphinx's builder ``singlehtml``
keeps the ids of the pages, which are not unique in a book, so links would go astray.
"""

from __future__ import annotations

import argparse
import copy
import os
import posixpath
import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import matplotlib
import pikepdf
from browser import chromium
from bs4 import BeautifulSoup, Tag
from edition import edition_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

ROOT = Path(__file__).parents[2]
STYLE = Path(__file__).with_name("print_book.css")
# Fonts that matplotlib brings along, so that the book looks the same everywhere.
FONTS = (
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "DejaVuSans",  # for signs that the others lack
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
)
# What a web page has and paper does not need. Folded code draws the pictures that
# stand below it; cards with thumbnails link to pages that the contents list.
WEB_ONLY = ", ".join(
    (
        "a.headerlink",
        "button",
        "details.hide",
        "script",
        ".example-list dd > p:last-child:has(a.download)",
        ".sphx-glr-download-link-note",
        ".sphx-glr-footer",
        ".sphx-glr-thumbnails",
        "section[id^=scripts-that-use]",
    )
)
PLACEHOLDER = "000"  # as wide as a number, so that filling it in moves nothing


class PrintError(RuntimeError):
    """The book cannot be printed; the message says what is wrong with it."""


class Entry(NamedTuple):
    """A line of the table of contents."""

    level: int
    target: str
    title: str


class Metadata(NamedTuple):
    """What the title page and the properties of the file say."""

    title: str
    subtitle: str
    author: str
    version: str
    date: datetime
    keywords: str


def anchor(name: str, fragment: str = "") -> str:
    """Return the id that a place of the site has in the joined book.

    Parameters
    ----------
    name : str
        Path of the page, as ``"chapter/decay.html"``.
    fragment : str
        An id on that page.

    Returns
    -------
    str
        An id that no other page can have.
    """
    page = name.removesuffix(".html").replace("/", ".")
    return f"{page}--{fragment}" if fragment else page


class Book:
    """The pages of a site, joined in reading order."""

    def __init__(self, site: Path, folder: Path) -> None:
        """Join the pages of `site` for a file that will lie in `folder`."""
        self.site, self.folder = site, folder
        self.contents: list[Entry] = []
        self.same: dict[str, str] = {}
        self.html = BeautifulSoup("<main></main>", "html.parser")
        self.body = self.html.find_all("main")[0]
        first = self._read("index.html")
        links = first.select(".sidebar-tree li > a.reference")
        self.names = {"index.html", *(str(link["href"]) for link in links)}
        self._chapter("index.html", level=1)["class"] = "chapter front"
        captions = first.select(".sidebar-tree .caption")
        if not captions:
            raise PrintError(f"{site}/index.html lists no parts in its side bar.")
        for number, caption in enumerate(captions, 1):
            title, target = caption.text.strip(), f"part-{number}"
            self.contents.append(Entry(1, target, title))
            pages = caption.find_next_sibling("ul")
            assert isinstance(pages, Tag)
            links = pages.select(":scope > li > a.reference")
            chapters = [self._chapter(str(link["href"]), level=2) for link in links]
            # A part begins on the page of its first chapter.
            heading = self.html.new_tag("h1", id=target, string=title)
            heading["class"] = "part"
            chapters[0].insert(0, heading)
        for link in self.body.select("a[href^='#']"):
            target = str(link["href"]).removeprefix("#")
            link["href"] = "#" + self.same.get(target, target)
        places = {f"#{tag['id']}" for tag in self.body.find_all(id=True)}
        links = self.body.select("a[href^='#']")
        if lost := {str(link["href"]) for link in links} - places:
            raise PrintError(f"Links to nowhere in the book: {sorted(lost)}")

    @property
    def headings(self) -> list[str]:
        """The headings in their order, as bookmarks show them."""
        found = self.body.find_all(re.compile("^h[1-6]$"))
        return [" ".join(heading.text.split()) for heading in found]

    def relative(self, path: Path) -> str:
        """Return the address of a file as seen from the joined book."""
        return os.path.relpath(path, self.folder).replace(os.sep, "/")

    def _read(self, name: str) -> BeautifulSoup:
        return BeautifulSoup((self.site / name).read_text("utf-8"), "html.parser")

    @staticmethod
    def _heading(page: Tag) -> str:
        heading = copy.copy(page.select_one("article h1"))
        assert heading is not None
        for link in heading.select("a.headerlink"):
            link.decompose()
        return " ".join(heading.text.split())

    def _chapter(self, name: str, level: int) -> Tag:
        chapter = self.html.new_tag("section", attrs={"class": "chapter"})
        chapter.append(self._page(name, level))
        self.body.append(chapter)
        return chapter

    def _page(self, name: str, level: int) -> Tag:
        """Return the article of a page, and of those it lists, for the book."""
        page = self._read(name)
        self.contents.append(Entry(level, anchor(name), self._heading(page)))
        article = page.article
        assert article is not None
        for tag in article.select(WEB_ONLY):
            tag.decompose()
        for tag in article.find_all(id=True):
            tag["id"] = anchor(name, str(tag["id"]))
        self._mark_headings(article, name)
        for summary in article.select("details.solution > summary"):
            summary.name, summary.attrs = "p", {"class": "rubric"}
        for fold in article.select("details.solution"):
            fold.name = "div"
        for link in article.find_all("a", href=True):
            self._relink(link, name)
        for image in article.find_all("img"):
            sources = str(image.get("srcset") or image["src"])
            source = sources.split(",")[-1].split()[0]
            del image["srcset"]
            image["src"] = self.relative(self.site / self._resolve(name, source))
            if "_2_00x" in source:
                image["class"] = "double"
        # What a page lists follows where it is listed, one level below.
        for listed in article.select(".toctree-wrapper"):
            depth = level + len(listed.find_parents("section"))
            for link in listed.find_all("a"):
                target = unquote(str(link["data-page"]))
                listed.insert_before(self._page(target, min(depth, 5)))
            listed.decompose()
        for heading in article.find_all(re.compile("^h[1-6]$")):
            if "data-done" not in heading.attrs:
                old = int(heading.name[1])
                heading.name = f"h{min(level + old - 1, 6)}"
                heading["data-done"] = ""
        article.name, article.attrs = "article", {"data-page": anchor(name)}
        return article

    def _mark_headings(self, article: Tag, name: str) -> None:
        """Give each heading one id, and let all names of its section mean that one.

        A section, or a label in it, may begin at the foot of the page before.
        """
        for heading in article.find_all(re.compile("^h[1-6]$")):
            section = heading.parent
            assert section is not None
            labels = heading.find_previous_siblings("span", id=True)
            named = [tag for tag in (section, *labels) if "id" in tag.attrs]
            if heading.name == "h1":
                heading["id"] = anchor(name)
            elif named:
                heading["id"] = named[0]["id"]
            for tag in named:
                self.same[str(tag["id"])] = str(heading["id"])
                del tag["id"]

    def _resolve(self, name: str, address: str) -> str:
        folder = posixpath.dirname(name)
        return posixpath.normpath(posixpath.join(folder, unquote(address)))

    def _relink(self, link: Tag, name: str) -> None:
        """Lead a link to its place in the book; drop it if that is not printed."""
        address = urlsplit(str(link["href"]))
        if address.scheme or address.netloc:
            return
        target = self._resolve(name, address.path) if address.path else name
        if target in self.names and "download" not in link.attrs:
            link["href"] = "#" + anchor(target, unquote(address.fragment))
            link["data-page"] = target
        else:
            link.name, link.attrs = "span", {}


def running_heads(book: Book) -> str:
    """Return the style sheet that puts the chapter's title at the top of its pages."""
    rules = []
    titles = [entry.title for entry in book.contents]
    targets = [entry.target for entry in book.contents]
    for number, chapter in enumerate(book.body.select("section.chapter"), 1):
        assert chapter.article is not None
        title = titles[targets.index(str(chapter.article["data-page"]))]
        chapter["style"] = f"page: chapter{number}"
        text = title.replace("\\", r"\\").replace('"', r"\"")
        rules.append(f'@page chapter{number} {{ @top-left {{ content: "{text}"; }} }}')
    return "\n".join(rules)


def front_matter(book: Book, metadata: Metadata, numbers: Mapping[str, int]) -> str:
    """Return title page, imprint and table of contents.

    Parameters
    ----------
    book : Book
        The joined pages.
    metadata : Metadata
        Title, author and the like.
    numbers : mapping of str to int
        The page of each entry, as far as it is known.

    Returns
    -------
    str
        HTML.
    """
    page = BeautifulSoup("", "html.parser")
    lines = page.new_tag("ol")
    for entry in book.contents:
        line = page.new_tag("li", attrs={"class": f"level-{entry.level}"})
        link = page.new_tag("a", href=f"#{entry.target}")
        title = page.new_tag("span", string=entry.title)
        dots = page.new_tag("span", attrs={"class": "dots"})
        shown = str(numbers.get(entry.target, PLACEHOLDER))
        number = page.new_tag("span", attrs={"class": "number"}, string=shown)
        link.extend([title, dots, number])
        line.append(link)
        lines.append(line)
    return f"""
<section class="title-page">
<p class="title">{metadata.title}</p>
<p class="subtitle">{metadata.subtitle}</p>
<p class="author">{metadata.author}</p>
<p class="edition">Version {metadata.version}</p>
<p class="licence">Text and figures: CC BY 4.0.<br>Code: MIT.</p>
</section>
<section class="contents">
<h1 id="contents">Contents</h1>
{lines}
<p class="note">This is the web site of the book on paper. Every number and every figure
was computed while the site was built. The code that draws figures, and the scripts and
notebooks to download, are on the site only.</p>
</section>
"""


def write_page(
    book: Book, metadata: Metadata, numbers: Mapping[str, int], target: Path
) -> None:
    """Write the joined book as one HTML file for the printer."""
    folder = target.parent
    data = Path(matplotlib.get_data_path(), "fonts", "ttf")
    for font in FONTS:
        shutil.copyfile(data / f"{font}.ttf", folder / f"{font}.ttf")
    shutil.copyfile(STYLE, folder / STYLE.name)
    math = book.relative(book.site / "_static" / "mathml.css")
    target.write_text(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{metadata.title}</title>
<link rel="stylesheet" href="{math}">
<link rel="stylesheet" href="{STYLE.name}">
<style>
{running_heads(book)}
</style>
</head>
<body>
{front_matter(book, metadata, numbers)}
{book.body}
</body>
</html>
""",
        "utf-8",
    )


def overflowing(page: Any) -> list[str]:
    """Name what is wider than the text, and would be cut at the margin."""
    found = page.evaluate(
        """() => {
            const edge = document.body.getBoundingClientRect().right + 1;
            const wide = [...document.querySelectorAll("main *")].filter(
                (tag) => tag.getBoundingClientRect().right > edge);
            return wide.filter((tag) => !wide.includes(tag.parentElement)).map(
                (tag) => `${tag.closest("article").dataset.page}: <${tag.localName}> `
                    + tag.textContent.trim().slice(0, 60));
        }"""
    )
    return list(found)


def print_page(source: Path, target: Path) -> None:
    """Print an HTML file; stop if something on it is wider than the paper allows."""
    with chromium() as browser:
        # 166 mm: the width of the text, so that the layout is that of the paper.
        page = browser.new_page(viewport={"width": 627, "height": 900})
        page.emulate_media(media="print", color_scheme="light")
        page.goto(source.as_uri())
        page.evaluate("() => document.fonts.ready")
        if wide := overflowing(page):
            raise PrintError("Wider than the page: " + "; ".join(wide))
        page.pdf(
            path=target,
            prefer_css_page_size=True,
            print_background=True,
            outline=True,
            tagged=True,
        )


def find_pages(pdf: pikepdf.Pdf) -> dict[str, int]:
    """Look up on which page, counted from 1, each target of a link stands."""
    pages = {page.obj.objgen: number for number, page in enumerate(pdf.pages, 1)}
    targets = pdf.Root.get("/Dests", pikepdf.Dictionary())
    found: dict[str, int] = {}
    for name, place in targets.items():
        page: Any = place[0]
        found[unquote(name.removeprefix("/"))] = pages[page.objgen]
    return found


def bookmarks(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """List all that is below a node of the tree of bookmarks, in reading order."""
    child = node.get("/First")
    while child is not None:
        yield child
        yield from bookmarks(child)
        child = child.get("/Next")


def finish(
    printed: Path, target: Path, metadata: Metadata, headings: list[str]
) -> None:
    """Set titles and properties of the file, and take out what the clock has set."""
    with pikepdf.open(printed) as pdf:
        marks = list(bookmarks(pdf.Root.Outlines))
        if len(marks) != len(headings):
            message = f"{len(marks)} bookmarks for {len(headings)} headings."
            raise PrintError(message)
        # Chromium repeats the title of a heading that it moved to the next page.
        for mark, heading in zip(marks, headings, strict=True):
            mark.Title = pikepdf.String(heading)
        date = f"D:{metadata.date:%Y%m%d%H%M%S}Z"
        properties = {
            "/Title": metadata.title,
            "/Author": metadata.author,
            "/Subject": metadata.subtitle,
            "/Keywords": metadata.keywords,
            "/CreationDate": date,
            "/ModDate": date,
        }
        for name, value in properties.items():
            pdf.docinfo[name] = value
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.save(
            target,
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )


def print_book(site: Path, target: Path, metadata: Metadata) -> int:
    """Print a site.

    Parameters
    ----------
    site : pathlib.Path
        The folder of the built web site.
    target : pathlib.Path
        The PDF to write; the folder also gets what Chromium prints from.
    metadata : Metadata
        Title, author and the like.

    Returns
    -------
    int
        The number of pages.

    Raises
    ------
    PrintError
        If something does not fit on the page, or the page numbers do not settle.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    source, printed = target.with_suffix(".html"), target.with_suffix(".tmp")
    book = Book(site.resolve(), target.parent)
    numbers: dict[str, int] = {}
    for _ in range(3):
        write_page(book, metadata, numbers, source)
        print_page(source, printed)
        with pikepdf.open(printed) as pdf:
            found, count = find_pages(pdf), len(pdf.pages)
        if lost := [e.title for e in book.contents if e.target not in found]:
            raise PrintError(f"In the contents, but not in the PDF: {lost}")
        if found == numbers:
            finish(printed, target, metadata, ["Contents", *book.headings])
            printed.unlink()
            return count
        numbers = found
    raise PrintError("The page numbers in the contents change with every print.")


def read_metadata() -> Metadata:
    """Read what the title page says from the project's own files."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    return Metadata(
        title="Weight decay",
        subtitle=project["description"],
        author=project["authors"][0]["name"],
        version=project["version"],
        date=edition_date(ROOT / "CHANGELOG.md", 2026),
        keywords=", ".join(project["keywords"]),
    )


def main(argv: list[str] | None = None) -> None:
    """Read the two paths from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="the folder of the built web site")
    parser.add_argument("pdf", type=Path, help="the file to write")
    arguments = parser.parse_args(argv)
    pages = print_book(arguments.site, arguments.pdf, read_metadata())
    print(f"{arguments.pdf}: {pages} pages")


if __name__ == "__main__":
    main()
