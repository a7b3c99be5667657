"""Which files a browser loads with a page of the book, and what they weigh."""

import gzip
import posixpath
from functools import cache

from reading import CSS_ADDRESS, is_local

LOADED_LINKS = {"stylesheet", "icon", "preload"}
COMPRESSED_ALREADY = {".png", ".woff2"}


def _named(page):
    """The addresses of the style sheets, scripts, pictures and frames of a page."""
    for tag in page.html.find_all(["link", "script", "img", "source", "iframe"]):
        if tag.name == "link" and not LOADED_LINKS & set(tag.get("rel", [])):
            continue
        # The last candidate is the largest: what a sharp screen asks for.
        *_, sharp = tag.get("srcset", "").split(",")
        address = sharp.split() or [tag.get("src") or tag.get("href")]
        if address[0] and is_local(address[0]):
            yield page.target(address[0])[0]


def first_visit(page):
    """Return the files that a page and its style sheets load."""
    names, waiting = {page.name}, list(_named(page))
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        if name.endswith(".css"):
            sheet = (page.book / name).read_text("utf-8")
            waiting += [
                posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
                for address in CSS_ADDRESS.findall(sheet)
                if is_local(address)
            ]
    return {page.book / name for name in names}


@cache
def _sent(file):
    """How many bytes a host sends for a file: text comes compressed."""
    data = file.read_bytes()
    return len(data if file.suffix in COMPRESSED_ALREADY else gzip.compress(data))


def kilobytes(page):
    """Return what a first visit to a page brings over the network."""
    return sum(map(_sent, first_visit(page))) / 1000
