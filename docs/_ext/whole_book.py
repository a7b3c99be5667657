"""Publishes only whole books, and makes every build equal to one from clean.

*Whole.*  The pages are written into a workshop beside the output folder and stay
there, so that the next build can go on from them.  When everything has succeeded, a
copy takes the place of the output folder by renaming.  Whenever a build fails or is
killed, the output folder holds the last whole book, or none.

*Equal.*  Sphinx writes the pages again that have changed.  But every page shows the
titles of all pages, its neighbours, and labels, citations and pictures that others
define.  All this is gathered in a fingerprint.  Where it differs from that of the last
finished build, the workshop is emptied and every page is written.  What Sphinx keeps
in an order or form of its own is put right: the names of pictures, the search index.

The record of the last finished build lies among the doctrees.  It is removed when a
build begins and comes back when its book is published, so a build that follows a
failed one starts with an empty workshop.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
from collections.abc import Iterable, Set
from contextlib import suppress
from logging import Filter, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.errors import SphinxError
from sphinx.util import logging
from sphinx.util._files import FilenameUniqDict

if TYPE_CHECKING:
    from logging import LogRecord

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

# What the search index knows of the pages; the rest is computed while it is written.
INDEX_STATE = (
    "_titles",
    "_filenames",
    "_mapping",
    "_title_mapping",
    "_all_titles",
    "_index_entries",
)


class NotWholeError(SphinxError):
    """The book is not published, because something is missing from it."""

    category = "The book is not whole"


# -- What a page takes from others ---------------------------------------------


def canonical(value: Any) -> Any:
    """Return the value in a form whose ``repr`` depends on nothing but the value.

    Parameters
    ----------
    value : object
        Containers, nodes of docutils, and objects with a ``repr`` of their own.

    Returns
    -------
    object
        The same with sorted sets and mappings, and nodes as text.
    """
    if isinstance(value, nodes.Node):
        return value.pformat()
    if isinstance(value, dict):
        pairs = ((canonical(key), canonical(each)) for key, each in value.items())
        return sorted(pairs, key=repr)
    if isinstance(value, Set):
        return sorted(map(canonical, value), key=repr)
    if isinstance(value, list | tuple):
        return [canonical(each) for each in value]
    return value


def files_below(folders: Iterable[Path]) -> dict[str, str]:
    """Digest the files in folders, by their paths relative to their folder."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def fingerprint(app: Sphinx) -> str:
    """Digest all that a page may show and that is not in its own doctree.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application, after all pages have been read.

    Returns
    -------
    str
        A digest; while it stays the same, only pages that changed have to be written.
    """
    env, here = app.env, Path(app.confdir)
    assets = [*app.config.html_static_path, *app.config.templates_path]
    shared: dict[str, Any] = {
        "settings": (here / "conf.py").read_bytes(),
        "assets": files_below(here / name for name in assets),
        "pages": env.found_docs,
        "titles": env.titles,
        "long titles": env.longtitles,
        "contents": env.tocs,
        "order": env.toctree_includes,
        "section numbers": env.toc_secnumbers,
        "figure numbers": env.toc_fignumbers,
        # The only metadata that another page's contents heed.
        "depths": {page: given.get("tocdepth") for page, given in env.metadata.items()},
        "pictures": {source: name for source, (_, name) in env.images.items()},
        "downloads": {source: name for source, (_, name) in env.dlfiles.items()},
        # Labels, terms, functions: what can be referred to by name.
        "objects": {
            domain.name: sorted(domain.get_objects(), key=repr)
            for domain in env.domains.sorted()
        },
        "equations": env.domaindata["math"].get("objects"),
        "footnotes": env.domaindata["citation"].get("citations"),
        "citations": [
            (item.citation_id, item.key, item.entry.to_string("bibtex"))
            for item in env.domaindata.get("cite", {}).get("citations", ())
        ],
    }
    return hashlib.sha256(repr(canonical(shared)).encode()).hexdigest()


def name_pictures_in_order(env: BuildEnvironment) -> None:
    """Give each picture the name that it would get in a build from clean.

    Two pictures of the same name in different folders are numbered in the order in
    which they were met, which depends on what was read when, and by which process.
    """
    ordered = FilenameUniqDict()
    for source in sorted(env.images):
        for page in sorted(env.images[source][0]):
            ordered.add_file(page, source)
    env.images = ordered


# -- Writing and publishing -----------------------------------------------------


class WholeBookBuilder(StandaloneHTMLBuilder):
    """Writes HTML pages into a workshop, from where the whole book is published."""

    name = "html"

    def __init__(self, app: Sphinx, env: BuildEnvironment) -> None:
        self.published = Path(app.outdir)
        # All are beside the output folder: a rename cannot cross disks.
        self.workshop = self._beside("work")
        self.next = self._beside("next")
        self.last = self._beside("last")
        app.outdir = self.workshop
        super().__init__(app, env)
        self.record_file = Path(app.doctreedir, f"{self.published.name}.record")
        self.fingerprint = ""
        self.index_state: dict[str, Any] = {}

    def _beside(self, purpose: str) -> Path:
        return self.published.with_name(f"{self.published.name}-{purpose}")

    def init(self) -> None:
        """Take up the record of the last finished build, or begin from clean."""
        super().init()
        self._tidy()
        try:
            record = pickle.loads(self.record_file.read_bytes())
            self.fingerprint = record["fingerprint"]
            self.index_state = record["index"]
        except (OSError, pickle.PickleError, EOFError, KeyError, TypeError):
            self.empty_workshop()
        self.record_file.unlink(missing_ok=True)
        self.workshop.mkdir(parents=True, exist_ok=True)

    def _tidy(self) -> None:
        """Clear away what a build has left that was killed while it published."""
        if self.last.is_dir():
            with suppress(OSError):
                self.published.rmdir()  # if it is empty: Sphinx makes the folder
            if not self.published.is_dir():
                self.last.rename(self.published)
        for left in (self.last, self.next):
            if left.is_dir():
                shutil.rmtree(left)

    def empty_workshop(self) -> None:
        """Forget all that has been written."""
        if self.workshop.is_dir():
            shutil.rmtree(self.workshop)
        self.workshop.mkdir(parents=True)
        self.index_state = {}

    def copy_assets(self) -> None:
        """Copy the style sheets early, since pages name them with a checksum."""
        if "myst_nb" in self._app.extensions:
            from myst_nb.sphinx_ext import add_global_html_resources

            (self.outdir / "_static").mkdir(exist_ok=True)
            add_global_html_resources(self._app, None)  # else done when all is over
        super().copy_assets()

    def load_indexer(self, docnames: Set[str]) -> None:
        """Restore the search index as it was, not from its published short form.

        That form lacks the index entries, and the order of titles within a page.
        """
        assert self.indexer is not None
        for name in INDEX_STATE:
            setattr(self.indexer, name, self.index_state.get(name, {}))
        self.indexer._objtypes, self.indexer._objnames = {}, {}
        self.indexer.prune(set(self.env.all_docs) - set(docnames))
        self.indexer._index_entries = {
            page: entries
            for page, entries in self.indexer._index_entries.items()
            if page in self.indexer._titles
        }

    def dump_search_index(self) -> None:
        """Write the search index in an order that does not tell how it came about."""
        if self.indexer is not None:
            for name in INDEX_STATE:
                state = getattr(self.indexer, name)
                # A word that no page has any more leaves an empty set.
                tidy = {key: state[key] for key in sorted(state) if state[key] != set()}
                setattr(self.indexer, name, tidy)
                self.index_state[name] = tidy
        super().dump_search_index()

    def missing(self) -> list[str]:
        """List the pages of the book that are not there, or not to their end."""
        pages = [self.get_output_path(name) for name in sorted(self.env.found_docs)]
        pages += [self.get_output_path(name) for name in ("genindex", "search")]
        return [
            page.relative_to(self.workshop).as_posix()
            for page in pages
            if not page.is_file() or not page.read_bytes().rstrip().endswith(b"</html>")
        ]

    def publish(self) -> None:
        """Put the finished book in the place of the last one."""
        if missing := self.missing():
            raise NotWholeError(
                f"{', '.join(missing)} was not written; build without naming pages."
            )
        shutil.copytree(self.workshop, self.next)
        if self.published.is_dir():
            self.published.rename(self.last)
        self.next.rename(self.published)
        record = {"fingerprint": self.fingerprint, "index": self.index_state}
        part = self.record_file.with_suffix(".part")
        part.write_bytes(pickle.dumps(record))
        part.replace(self.record_file)
        self._tidy()


def write_what_is_stale(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Name every page, if what the pages share is not what it was."""
    name_pictures_in_order(env)
    if not isinstance(app.builder, WholeBookBuilder):
        return ()
    now = fingerprint(app)
    if app.builder.fingerprint == now:
        return ()
    app.builder.fingerprint = now
    app.builder.empty_workshop()
    return sorted(env.found_docs)


class UnwrittenFiles(Filter):
    """Remembers that a file could not be written, which Sphinx only warns of."""

    def __init__(self) -> None:
        super().__init__()
        self.message = ""

    def filter(self, record: LogRecord) -> bool:
        """Look at a message, and let it pass."""
        message = record.getMessage()
        if re.search(r"\[Errno \d+\]|OSError\(|PermissionError\(", message):
            self.message = self.message or message.removeprefix("WARNING: ")
        return True


class Outcome:
    """Publishes the book of one build, or says why there is none."""

    def __init__(self) -> None:
        self.unwritten = UnwrittenFiles()

    def watch(self, app: Sphinx) -> None:
        """Look at the warnings of this build."""
        for handler in getLogger("sphinx").handlers:
            handler.addFilter(self.unwritten)

    def finish(self, app: Sphinx, exception: Exception | None) -> None:
        """Publish, unless anything has gone wrong."""
        builder = app.builder
        if exception is not None or not isinstance(builder, WholeBookBuilder):
            return
        if self.unwritten.message:
            raise NotWholeError(self.unwritten.message)
        if (app._fail_on_warnings and app._warncount) or app.statuscode:
            return
        builder.publish()
        app.outdir = builder.published


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the builder and the listeners.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    ExtensionMetadata
        Version and safety of parallel reading and writing.
    """
    app.add_builder(WholeBookBuilder, override=True)
    outcome = Outcome()
    app.connect("builder-inited", outcome.watch)
    # After everybody who adds to the environment, such as the bibliography.
    app.connect("env-updated", write_what_is_stale, priority=950)
    # After everybody who touches the finished pages, and who may refuse them.
    app.connect("build-finished", outcome.finish, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
