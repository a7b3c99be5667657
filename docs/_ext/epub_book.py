"""The book as an EPUB that epubcheck finds nothing wrong with.

Sphinx's own builder does most of it. Here its pages are made into what an e-reader
can show (no folding, no downloads, no scripts, one picture instead of two), the
package document says what the pages hold, and no byte depends on the clock.
"""

from __future__ import annotations

import html
import itertools
import posixpath
import shutil
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from bs4 import BeautifulSoup
from pictures import shrink_png
from PIL import Image
from sphinx import addnodes
from sphinx.builders._epub_base import NavPoint as OldNavPoint
from sphinx.builders.epub3 import HTML_TAG, Epub3Builder, NavPoint
from sphinx.highlighting import PygmentsBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Set

    from sphinx.application import Sphinx

OPF = "http://www.idpf.org/2007/opf"
DC = "http://purl.org/dc/elements/1.1/"
STYLE = Path(__file__).with_name("epub_book.css")
# EPUB readers show these to somebody who looks for a book that can be read aloud.
ACCESSIBILITY = (
    ("schema:accessMode", "textual"),
    ("schema:accessMode", "visual"),
    ("schema:accessModeSufficient", "textual"),
    ("schema:accessibilityFeature", "alternativeText"),
    ("schema:accessibilityFeature", "MathML"),
    ("schema:accessibilityFeature", "readingOrder"),
    ("schema:accessibilityFeature", "structuralNavigation"),
    ("schema:accessibilityFeature", "tableOfContents"),
    ("schema:accessibilityHazard", "none"),
    (
        "schema:accessibilitySummary",
        "Every figure has a description, and every formula is MathML.",
    ),
)


def tidy(body: str, width_of: Callable[[str], int]) -> str:
    """Turn the body of an HTML page into one for an e-reader.

    Parameters
    ----------
    body : str
        What Sphinx, MyST-NB and sphinx-gallery have written.
    width_of : callable
        Returns the width in pixels of the picture at an address.

    Returns
    -------
    str
        The same text without downloads and scripts; folded code stands open, cards
        with thumbnails are a list of links, and of two sizes of a picture the larger
        is there, shown as wide as the smaller.
    """
    page = BeautifulSoup(body, "html.parser")
    for tag in page.select(
        ".sphx-glr-download-link-note, .sphx-glr-footer, .toctree-wrapper:empty, script"
    ):
        tag.decompose()
    for fold in page.select("details.hide"):
        for summary in fold.find_all("summary", recursive=False):
            summary.decompose()
        fold.name, fold.attrs = "div", {"class": "folded-code"}
    for cards in page.select(".sphx-glr-thumbnails"):
        links = page.new_tag("ul", attrs={"class": "simple"})
        for link in cards.select("a.reference"):
            item = page.new_tag("li")
            item.append(link.extract())
            links.append(item)
        cards.replace_with(links)
    for image in page.select("img[srcset]"):
        larger = str(image["srcset"]).split(",")[-1].split()[0]
        image["width"] = str(width_of(str(image["src"])))
        image["src"] = larger
        del image["srcset"]
    # The role is deprecated: an entry is an item of its list, whatever it is about.
    for tag in page.select("[role=doc-biblioentry]"):
        del tag["role"]
    return str(page)


class BookBuilder(Epub3Builder):
    """Sphinx's EPUB builder, with what epubcheck and an e-reader miss in it."""

    def init(self) -> None:
        """Add the kind of the font, and the language on every page, for voices."""
        super().init()
        self.media_types = {**self.media_types, ".woff2": "font/woff2"}
        language = self.config.epub_language
        self.html_tag = HTML_TAG[:-1] + f' lang="{language}" xml:lang="{language}">'

    @property
    def _cover(self) -> str:
        """Return the address of the cover; empty where there is none."""
        return self.config.epub_cover[0] if self.config.epub_cover else ""

    def init_templates(self) -> None:
        """Take the templates of the EPUB theme alone; ours are made from Furo's."""
        ours = self.config.templates_path
        self.config.templates_path = []
        super().init_templates()
        self.config.templates_path = ours

    def init_highlighter(self) -> None:
        """Take the style for black ink: keywords are bold, comments slanted."""
        self.highlighter = PygmentsBridge("html", "bw")
        self.dark_highlighter = None

    def prepare_writing(self, docnames: Set[str]) -> None:
        """Leave the module index to the web site, as the general one."""
        super().prepare_writing(docnames)
        self.domain_indices = []

    def copy_static_files(self) -> None:
        """Copy what the pages use, and no script of the web site."""
        static = Path(self.confdir, "_static")
        names = ("mathml.css", self.config.mathml_font)
        sources = {name: static / name for name in names}
        for name, source in {**sources, STYLE.name: STYLE}.items():
            target = self._static_dir / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        self.create_pygments_style_file()
        if self._cover:
            # Here, since it imports torch, and builds of the web site load this, too.
            from epub_cover import draw_cover

            path = Path(self.outdir, self._cover)
            config = self.config
            subtitle = config.epub_book_subtitle
            draw_cover(path, config.epub_title, subtitle, config.epub_author)
            shrink_png(path)

    def content_metadata(self) -> dict[str, Any]:
        """Put the date of the edition in the place of the clock's."""
        date: datetime = self.config.epub_book_date
        return {**super().content_metadata(), "date": f"{date:%Y-%m-%dT%H:%M:%SZ}"}

    def toc_metadata(self, level: int, navpoints: list[Any]) -> dict[str, Any]:
        """Name the book in toc.ncx as the package document does."""
        metadata = super().toc_metadata(level, navpoints)
        return {**metadata, "uid": self.config.epub_identifier}

    def build_content(self) -> None:
        """Write the package document, and say in it which pages hold MathML."""
        self._choose_images()
        super().build_content()
        ET.register_namespace("", OPF)
        ET.register_namespace("dc", DC)
        path = Path(self.outdir, "content.opf")
        tree = ET.parse(path)
        for item in tree.iter(f"{{{OPF}}}item"):
            file = Path(self.outdir, unquote(item.attrib["href"]))
            is_page = file.suffix == ".xhtml" and file.name != "nav.xhtml"
            if is_page and "<math" in file.read_text("utf-8"):
                item.set("properties", "mathml")
            elif item.attrib["href"] == self._cover:
                item.set("properties", "cover-image")
        metadata = tree.find(f"{{{OPF}}}metadata")
        assert metadata is not None
        for contributor in metadata.findall(f"{{{DC}}}contributor"):
            metadata.remove(contributor)  # Sphinx wants one; there is none
        for name, value in ACCESSIBILITY:
            ET.SubElement(metadata, f"{{{OPF}}}meta", property=name).text = value
        ET.indent(tree)
        tree.write(path, encoding="utf-8", xml_declaration=True)

    def _choose_images(self) -> None:
        """Keep what a page shows, with a palette; thumbnails are shown no more."""
        shown = set()
        for path in Path(self.outdir).rglob("*.xhtml"):
            page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
            shown |= {posixpath.basename(str(i["src"])) for i in page.find_all("img")}
        for path in Path(self.outdir, self.imagedir).iterdir():
            if path.name not in shown:
                path.unlink()
            elif path.suffix == ".png":
                shrink_png(path)

    def build_navlist(self, navnodes: list[dict[str, Any]]) -> list[NavPoint]:
        """List the pages, in the parts that the first page puts them in.

        Sphinx lists sections as well. A page that introduces other pages section by
        section would be left and come back to, which epubcheck rightly finds odd.
        """

        def point(docname: str) -> NavPoint:
            children = self.env.toctree_includes.get(docname, [])
            title = html.escape(self.env.titles[docname].astext())
            inside = [point(child) for child in children]
            return NavPoint(title, self.get_target_uri(docname), inside)

        root = self.config.root_doc
        points = [point(root)._replace(children=[])]
        for toctree in self.env.get_doctree(root).findall(addnodes.toctree):
            inside = [point(name) for _, name in toctree["entries"]]
            title = html.escape(toctree["caption"])
            points.append(NavPoint(title, inside[0].refuri, inside))
        return points

    def build_navpoints(self, nodes: list[dict[str, Any]]) -> list[Any]:
        """List the same in toc.ncx, for readers of EPUB 2."""
        count = itertools.count(1)
        order: dict[str, int] = {}

        def convert(point: NavPoint) -> OldNavPoint:
            name = f"point{next(count)}"
            place = order.setdefault(point.refuri, len(order) + 1)
            inside = [convert(child) for child in point.children]
            return OldNavPoint(name, place, point.text, point.refuri, inside)

        return [convert(point) for point in self.build_navlist([])]

    def build_epub(self) -> None:
        """Write the file itself, with one date for all that is in it."""
        date: datetime = self.config.epub_book_date
        first = ["mimetype", "META-INF/container.xml", "content.opf", "toc.ncx"]
        target = Path(self.outdir, f"{self.config.epub_basename}.epub")
        with zipfile.ZipFile(target, "w") as epub:
            for name in [*first, *self.files]:
                entry = zipfile.ZipInfo(name, date.timetuple()[:6])
                entry.create_system = 3  # Unix, whatever this machine is
                entry.external_attr = 0o644 << 16
                stored = name == "mimetype" or name.endswith((".png", ".woff2"))
                entry.compress_type = (
                    zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                )
                epub.writestr(entry, Path(self.outdir, name).read_bytes())


def tidy_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Make a page of the EPUB fit for an e-reader; leave the web site alone."""
    if app.builder.name != "epub":
        return

    def width_of(address: str) -> int:
        # The folder of the page may not be there yet.
        name = posixpath.normpath(posixpath.join(posixpath.dirname(pagename), address))
        with Image.open(Path(app.outdir, name)) as image:
            return image.width

    context["css_files"] = [
        f"_static/{name}" for name in ("pygments.css", STYLE.name, "mathml.css")
    ]
    if "body" in context:
        context["body"] = tidy(context["body"], width_of)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the builder in the place of Sphinx's, and its settings."""
    app.add_builder(BookBuilder, override=True)
    app.add_config_value("epub_book_date", None, "epub", frozenset({datetime}))
    app.add_config_value("epub_book_subtitle", "", "epub", frozenset({str}))
    # After the other extensions have written into the page.
    app.connect("html-page-context", tidy_page, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
