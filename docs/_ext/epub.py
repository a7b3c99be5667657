"""Makes Sphinx's EPUB one that e-readers can show, and epubcheck finds no fault in.

Without this a reader would find folds that do not open, blurred figures, thumbnails
of the web site, and some sixty titles in a row without the parts they belong to.
Sphinx writes the pages; the file is packed anew with what they need and no more.
"""

from __future__ import annotations

import os
import posixpath
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from bs4 import BeautifulSoup
from sphinx import addnodes
from sphinx.builders.epub3 import Epub3Builder
from sphinx.locale import _

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

OPF = "http://www.idpf.org/2007/opf"
MATHML = "http://www.w3.org/1998/Math/MathML"
STYLE_SHEETS = ("epub.css", "mathml.css")
# What only a screen with scripts can use, and pictures that repeat a link.
WEB_ONLY = (
    "script, .toctree-wrapper:empty, .sphx-glr-footer, .sphx-glr-download-link-note, "
    ".sphx-glr-thumbcontainer > img, .sphx-glr-thumbnail-title, details.hide > summary"
)
# Readers who need one of these ask a library for it.
ACCESSIBILITY = {
    "accessMode": ("textual", "visual"),
    "accessModeSufficient": ("textual",),
    "accessibilityFeature": ("alternativeText", "MathML", "structuralNavigation"),
    "accessibilityHazard": ("none",),
}
# Where MathML 3, which EPUB wants, has these attributes; MathML Core has them anywhere.
STYLED = {"displaystyle": {"math", "mstyle", "mtable"}, "scriptlevel": {"mstyle"}}


def tidy(page: Any) -> None:
    """Turn a page of the web site into one for an e-reader.

    Parameters
    ----------
    page : bs4.BeautifulSoup
        The page, which is changed: nothing is folded, of two sizes of a picture the
        larger is left, and formulas are MathML 3.
    """
    for tag in page.select(WEB_ONLY):
        tag.decompose()
    for link in page.select("link[rel=stylesheet]"):
        link["href"] = link["href"].split("?")[0]
        if posixpath.basename(link["href"]) not in STYLE_SHEETS:
            link.decompose()
    for fold in page.select("details"):
        fold.name = "div"
        for summary in fold.find_all("summary", recursive=False):
            summary.name, summary.attrs = "p", {"class": "rubric"}
    for image in page.select("img[srcset]"):
        image["src"] = image.attrs.pop("srcset").split(",")[-1].split()[0]
    for card in page.select("[tooltip]"):  # HTML does not know the attribute
        del card["tooltip"]
    for source in page.select("[role=doc-biblioentry]"):  # deprecated
        del source["role"]
    for formula in page.select("math"):
        formula["xmlns"] = MATHML
    for name, places in STYLED.items():
        for tag in page.select(f"math [{name}]"):
            if tag.name not in places:
                tag.wrap(page.new_tag("mstyle", attrs={name: tag.attrs.pop(name)}))


def add_parts(contents: Any, root: nodes.document) -> None:
    """Put the contents into parts: the captions of the first page's lists of pages."""
    for toctree in root.findall(addnodes.toctree):
        names = [f"{name}.xhtml" for _, name in toctree["entries"]]
        pages = [contents.select_one(f"li:has(> a[href='{name}'])") for name in names]
        part = contents.new_tag("li")
        pages[0].insert_before(part)
        part.append(contents.new_tag("span", string=toctree["caption"]))
        part.append(contents.new_tag("ol"))
        part.ol.extend(pages)


def read_page(app: Sphinx, name: str) -> Any:
    """Return a page that Sphinx has written, made fit for an e-reader."""
    text = (app.outdir / name).read_text("utf-8")
    page: Any = BeautifulSoup(text, "html.parser")
    page.html["lang"] = page.html["xml:lang"] = app.config.epub_language
    tidy(page)
    if name == "nav.xhtml":
        page.title.string = page.h1.string = _("Table of Contents")
        add_parts(page, app.env.get_doctree(app.config.root_doc))
    return page


def pack(app: Sphinx, exception: Exception | None) -> None:
    """Write the EPUB from the pages and the list of files that Sphinx has written."""
    if exception:
        return
    ET.register_namespace("", OPF)
    ET.register_namespace("dc", "http://purl.org/dc/elements/1.1/")
    package = ET.parse(app.outdir / "content.opf").getroot()
    metadata, manifest = package[0], package[1]
    items = {unquote(item.attrib["href"]): item for item in manifest}
    pages = {name: read_page(app, name) for name in items if name.endswith(".xhtml")}

    # Each page, each font, and what is shown; no thumbnails, no scripts of the site.
    used = {"toc.ncx", *pages, *(name for name in items if name.endswith(".woff2"))}
    for name, page in pages.items():
        for tag in page.select("[src], link"):
            address = posixpath.join(
                posixpath.dirname(name), tag.get("src") or tag["href"]
            )
            used.add(posixpath.normpath(unquote(address)))
        if page.math:
            items[name].set("properties", "mathml")
    for name in app.config.epub_cover[:1]:
        used.add(name)
        items[name].set("properties", "cover-image")
    for name in items.keys() - used:
        manifest.remove(items.pop(name))
    for name, values in ACCESSIBILITY.items():
        for value in values:
            fact = ET.SubElement(metadata, f"{{{OPF}}}meta", property=f"schema:{name}")
            fact.text = value
    texts = {name: str(page) for name, page in pages.items()}
    texts["content.opf"] = ET.tostring(package, "unicode", xml_declaration=True)

    with ZipFile(app.outdir / f"{app.config.epub_basename}.epub", "w") as epub:
        for name in ("mimetype", "META-INF/container.xml", "content.opf", *items):
            entry = ZipInfo(name)  # with a date of its own, which no clock sets
            entry.compress_type = ZIP_STORED if name == "mimetype" else ZIP_DEFLATED
            content = texts.get(name) or (app.outdir / name).read_bytes()
            epub.writestr(entry, content)


def list_pages_only(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the sections of pages out of the contents."""
    for toctree in doctree.findall(addnodes.toctree):
        toctree["titlesonly"] = True


def take_theme_template(app: Sphinx, *page: Any) -> str:
    """Name the template of the EPUB's own theme; ours are made from the web site's."""
    return "!page.html"


def connect(app: Sphinx) -> None:
    """Leave the builders of other forms of the book alone."""
    if app.builder.name == "epub":
        app.connect("doctree-read", list_pages_only)
        app.connect("html-page-context", take_theme_template)
        # After the figures have got their palettes.
        app.connect("build-finished", pack, priority=900)


def date_of_edition(changelog: str) -> str:
    """Return the date of the newest release, in seconds; no build shows its own day."""
    released = re.findall(r"^## \[.+\] - (\S+)$", changelog, re.MULTILINE)
    date = datetime.fromisoformat(max(released, default="2026-01-01") + "T00:00Z")
    return f"{date.timestamp():.0f}"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the extension."""
    changelog = (app.confdir.parent / "CHANGELOG.md").read_text("utf-8")
    os.environ.setdefault("SOURCE_DATE_EPOCH", date_of_edition(changelog))
    Epub3Builder.media_types[".woff2"] = "font/woff2"
    app.connect("builder-inited", connect)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
