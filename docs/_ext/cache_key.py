"""Run pages again when the code that they import has changed.

MyST-NB caches a page by its cells, sphinx-gallery caches a script by its text,
and Sphinx caches a document by the age of its file.  None of the three sees an
edit to a package that all of them import, so a page would go on showing what
the old package computed.  This extension adds the missing part of the key: a
digest of the files named in ``cache_key_sources``.

Five things can be stale, and each is kept true in its own way.

*Outputs of pages.*  The execution cache lives in a folder named after the
digest, so an output can never be found under the wrong one.

*Outputs of scripts.*  A note in each gallery folder says under which digest, and
which settings of the gallery, all of its ``.md5`` files were written, and whether a
build is still, or died while, writing them.  It lies there and not among the caches,
because it must come and go with those files.

A script that runs again, or is removed, takes its pictures and pages with it, since
another page may still show what the script no longer draws.

*Doctrees and written pages.*  A note among the doctrees says which digest the
last build with this builder finished under, and which ``conf.py``.  Where it is
missing (first build, failed or killed build) or differs, every document is read and
written again: reading is cheap, since cells and scripts still come from their caches.

*Values glued from another page.*  The page is noted as a dependency.

*Small galleries.*  Pages with a ``minigallery`` show titles of scripts.  They are
read again when any script has changed, which the note tells too.

*Sources that change while a build runs.*  The digest is taken again at the end.
If it moved, nothing of this build is trusted, all of it is thrown away, and the
build fails.

One way of building is not covered: after an edit to the sources, a build of
single named files (``sphinx-build docs out docs/page.md``) writes only those.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.errors import ConfigError
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

DIGEST_LENGTH = 12
GALLERY_NOTE = ".cache_key"
RUNNING = " running"


def source_files(patterns: Iterable[str], root: Path) -> list[Path]:
    """List the files that a set of patterns names.

    Parameters
    ----------
    patterns : iterable of str
        Paths or globs relative to `root`; ``**`` matches folders at any depth.
    root : pathlib.Path
        The folder that the patterns start from.

    Returns
    -------
    list of pathlib.Path
        Each file once, sorted, without anything in a ``__pycache__`` folder.

    Raises
    ------
    ConfigError
        If a pattern names no file.  A mistyped pattern would otherwise switch
        the protection off without a sign.
    """
    found: set[Path] = set()
    for pattern in patterns:
        names = glob.glob(pattern, root_dir=root, recursive=True)
        paths = [root / name for name in names if "__pycache__" not in Path(name).parts]
        files = {path for path in paths if path.is_file()}
        if not files:
            raise ConfigError(f"cache_key_sources: no file {pattern!r} from {root}")
        found |= files
    return sorted(found)


def digest_of(files: Sequence[Path], root: Path) -> str:
    """Digest the names and contents of files, and the Python that runs them.

    Parameters
    ----------
    files : sequence of pathlib.Path
        The files, in a fixed order.
    root : pathlib.Path
        Names enter relative to this folder, so that a moved or copied checkout
        keeps its key.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    # Outputs may differ between Python versions (reprs, messages, signatures).
    key = hashlib.sha256("python {}.{}".format(*sys.version_info).encode())
    for file in files:
        # Two digests of fixed length a file: no name can run into a content.
        name = Path(os.path.relpath(file, root)).as_posix()
        key.update(hashlib.sha256(name.encode()).digest())
        key.update(hashlib.sha256(file.read_bytes()).digest())
    return key.hexdigest()[:DIGEST_LENGTH]


def is_sound(cache: Path) -> bool:
    """Tell whether an execution cache can be read from end to end.

    jupyter-cache enters a notebook in its database before it writes the file.
    A build killed in between leaves a record without a notebook, and every
    later build stops there until somebody deletes the folder by hand.

    Parameters
    ----------
    cache : pathlib.Path
        The folder that MyST-NB was given as its cache.

    Returns
    -------
    bool
        True if every recorded notebook is there and whole.
    """
    try:
        # Read-only, or sqlite would create what is missing.
        address = f"{(cache / 'global.db').as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as database:
            keys = database.execute("SELECT hashkey FROM nbcache").fetchall()
        for (key,) in keys:
            json.loads((cache / "executed" / key / "base.ipynb").read_bytes())
    except (sqlite3.Error, OSError, ValueError):
        return False
    return True


def forget_script(folder: Path, name: str) -> None:
    """Remove what sphinx-gallery has made of a script.

    Parameters
    ----------
    folder : pathlib.Path
        The gallery folder that the script's page lies in.
    name : str
        The name of the script, without its suffix.
    """
    # First: a script with a checksum does not run, whatever else is missing.
    (folder / f"{name}.py.md5").unlink(missing_ok=True)
    name = glob.escape(name)
    made = [f"{name}.*", f"images/sphx_glr_{name}_[0-9][0-9][0-9]*"]
    made += [f"images/thumb/sphx_glr_{name}_thumb*"]
    for path in (path for pattern in made for path in folder.glob(pattern)):
        path.unlink()


def forget_stale_scripts(folder: Path, examples: Path) -> None:
    """Forget the scripts that are gone, or are not what they were.

    Parameters
    ----------
    folder : pathlib.Path
        A gallery folder.
    examples : pathlib.Path
        The folder of its scripts.
    """
    for checksum in sorted(folder.rglob("*.py.md5")):
        script = examples / checksum.relative_to(folder).with_suffix("")
        try:
            # As sphinx-gallery does it: whatever the ends of the lines are.
            text = script.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            text = ""
        now = hashlib.md5(text.encode(errors="surrogateescape")).hexdigest()
        if read_note(checksum) != now:
            forget_script(checksum.parent, script.stem)


def read_note(path: Path) -> str:
    """Read a note, or return the empty string where there is none."""
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


class CacheKey:
    """The digest of one build, and the caches that it keeps true."""

    def __init__(self) -> None:
        self.digest = ""
        self.gallery_digest = ""
        self.cache = Path()
        self.gallery_notes: list[Path] = []
        self.finish_note = Path()
        self.finish_lines: list[str] = []
        self.reread = True
        self.scripts_changed = True

    def current_digest(self, app: Sphinx) -> str:
        """Digest the sources as they are on disk now."""
        root = Path(app.confdir)
        return digest_of(source_files(app.config.cache_key_sources, root), root)

    def choose_cache(self, app: Sphinx, config: Config) -> None:
        """Give MyST-NB a cache folder of this digest; remove the others.

        MyST-NB reads its settings at ``builder-inited``, so any listener of
        ``config-inited`` comes in time.
        """
        self.digest = self.current_digest(app)
        # The settings as they stand in conf.py, before sphinx-gallery adds to them.
        settings = repr(config._raw_config.get("sphinx_gallery_conf"))
        key = hashlib.sha256((self.digest + settings).encode())
        self.gallery_digest = key.hexdigest()[:DIGEST_LENGTH]
        # Beside conf.py and not beside the output, so that builds into different
        # folders share one cache, as they share the gallery's.
        caches = Path(app.confdir, config.cache_key_folder)
        self.cache = caches / self.digest
        config.nb_execution_cache_path = str(self.cache)
        if not caches.is_dir():
            return
        for folder in caches.iterdir():
            # Only what looks like ours: the folder is the user's to choose.
            if not re.fullmatch(rf"[0-9a-f]{{{DIGEST_LENGTH}}}", folder.name):
                continue
            if folder.name != self.digest or not is_sound(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def before_gallery(self, app: Sphinx) -> None:
        """Let scripts run again that last ran under another digest."""
        gallery: Any = {"gallery_dirs": [], "examples_dirs": []}
        if "sphinx_gallery_conf" in app.config:
            gallery = app.config.sphinx_gallery_conf
        scripts: list[Path] = []
        for name, source in zip(
            as_list(gallery["gallery_dirs"]),
            as_list(gallery["examples_dirs"]),
            strict=True,
        ):
            folder, examples = Path(app.srcdir, name), Path(app.srcdir, source)
            folder.mkdir(parents=True, exist_ok=True)
            scripts += sorted(path for path in examples.rglob("*.*") if path.is_file())
            forget_stale_scripts(folder, examples)
            note = folder / GALLERY_NOTE
            state = read_note(note)
            distrusted = sorted(
                folder.rglob("*.md5"), key=lambda path: path.stat().st_mtime_ns
            )
            if state == self.gallery_digest:
                distrusted = []
            elif state == self.gallery_digest + RUNNING and not gallery["parallel"]:
                # A script's checksum is written before its page. A build that
                # died may have written the last checksum without the page.
                distrusted = distrusted[-1:]
            for checksum in distrusted:
                forget_script(checksum.parent, Path(checksum.stem).stem)
            # Only now: until every old checksum is gone, the old note is true.
            note.write_text(self.gallery_digest + RUNNING, encoding="ascii")
            self.gallery_notes.append(note)

        here = Path(app.confdir)
        settings = digest_of([here / "conf.py"], here)
        scripts = [path for path in scripts if "__pycache__" not in path.parts]
        self.finish_lines = [self.digest, settings, digest_of(scripts, here)]
        self.finish_note = Path(app.doctreedir, f"cache_key.{app.builder.name}")
        last = read_note(self.finish_note).split()
        self.reread = last[:2] != self.finish_lines[:2]
        self.scripts_changed = last[2:] != self.finish_lines[2:]
        self.finish_note.unlink(missing_ok=True)

    def after_gallery(self, app: Sphinx) -> None:
        """Note that every checksum in the gallery now stands for a whole page."""
        for note in self.gallery_notes:
            note.write_text(self.gallery_digest, encoding="ascii")

    def outdated(
        self,
        app: Sphinx,
        env: BuildEnvironment,
        added: set[str],
        changed: set[str],
        removed: set[str],
    ) -> Iterable[str]:
        """Name the documents that something outside of them has made stale."""
        if self.reread:
            return env.found_docs - added
        if self.scripts_changed:
            return {
                page
                for page in env.found_docs - added
                if b"minigallery" in env.doc2path(page).read_bytes()
            }
        return ()

    def follow_glue(self, app: Sphinx, doctree: Any) -> None:
        """Read a page again when a page that it takes a glued value from changes.

        MyST-NB looks such values up while it writes, and notes no dependency.
        """
        for node in doctree.findall():
            # By name: this file works without MyST-NB too.
            if type(node).__name__ == "PendingGlueReference":
                app.env.note_dependency(app.env.doc2path(node.refdoc))

    def finish(self, app: Sphinx, exception: Exception | None) -> None:
        """Note that the build is complete, or drop it if its sources moved."""
        try:
            moved = self.current_digest(app) != self.digest
        except (ConfigError, OSError):
            # A source is gone.  The next build will say so, and this one may
            # already have an error of its own to report.
            moved = True
        if moved:
            logger.error(
                "The code of the book was edited while the book was built; build again."
            )
            app.statuscode = 1
            for note in self.gallery_notes:
                note.unlink(missing_ok=True)
            shutil.rmtree(self.cache, ignore_errors=True)
        # A warning shows only while its page is read.  Under -W, a second build of
        # the same fault would read nothing, say nothing and pass.
        elif exception is None and not (app._fail_on_warnings and app._warncount):
            self.finish_note.write_text("\n".join(self.finish_lines), encoding="ascii")


def as_list(names: Any) -> list[Any]:
    """Return a list of paths, also where there is only one."""
    return [names] if isinstance(names, str | os.PathLike) else list(names)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the settings and the listeners.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    ExtensionMetadata
        Version and safety of parallel reading and writing.
    """
    # No rebuild category: what the values name enters by the digest.
    app.add_config_value("cache_key_sources", [], "", frozenset({list, tuple}))
    app.add_config_value(
        "cache_key_folder", "_build/jupyter_cache", "", frozenset({str})
    )
    key = CacheKey()
    # Before sphinx-gallery, at 10.
    app.connect("config-inited", key.choose_cache, priority=5)
    # sphinx-gallery settles its configuration at 10 and runs the scripts at 500.
    app.connect("builder-inited", key.before_gallery, priority=100)
    app.connect("builder-inited", key.after_gallery, priority=900)
    app.connect("env-get-outdated", key.outdated)
    app.connect("doctree-read", key.follow_glue)
    # Last, so that a build that another listener fails does not count as finished.
    app.connect("build-finished", key.finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
