"""Keeps what pages and scripts have printed and drawn only while it is still true.

Without it a page would go on showing what an older package computed: MyST-NB knows
the outputs of a page by its cells, sphinx-gallery those of a script by its text, and
neither sees an edit to the package that both import. Here all outputs belong to one
digest of everything else that they depend on, and all go when it changes.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from logging import getLogger
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from myst_nb.core.execute import create_client
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from sphinx.errors import ConfigError
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

# Beside the pages and scripts themselves, by which their own caches know them.
SOURCES = ("weight_decay/**/*.py", "constraints.txt", "docs/conf.py", "docs/_ext/*")
# Whose versions change outputs; the environments of other sessions hold more.
PACKAGES = ("matplotlib", "myst-nb", "numpy", "scikit-learn", "sphinx-gallery", "torch")


QUIET = SimpleNamespace(
    **dict.fromkeys(("debug", "info", "warning", "error"), lambda *_, **__: None)
)


def digest(files: Iterable[Path], *others: object) -> str:
    """Digest files, anything else, Python, and the versions of what computes."""
    versions = sys.version_info[:2], *map(version, PACKAGES)
    key = hashlib.sha256(repr((versions, others)).encode())
    for path in sorted(files):
        if path.is_file():
            key.update(hashlib.sha256(path.read_bytes()).digest())
    return key.hexdigest()


def isolate(root: Path) -> None:
    """Give the kernels of the pages nobody's settings.

    They inherit an empty profile, the package beside ``docs``, the backend that a
    kernel takes by itself, and one thread, since printed digits depend on the count.
    """
    if sys.flags.optimize:
        raise ConfigError("Unset PYTHONOPTIMIZE: sphinx-gallery needs its assertions.")
    for name in list(os.environ):
        if name.startswith(("PYTHON", "IPYTHON", "JUPYTER", "MPLBACKEND", "TQDM_")):
            del os.environ[name]
    folder = tempfile.mkdtemp(prefix="settings-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = dict.fromkeys(
        ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"), folder
    )
    settings |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    settings |= {"PYTHONPATH": str(root), "MATPLOTLIBRC": str(root / "docs" / "_ext")}
    os.environ.update(settings)


class Outputs:
    """The executed outputs that one build may use, and adds to."""

    def __init__(self, app: Sphinx) -> None:
        self.root = Path(app.confdir).parent
        self.pages = Path(app.confdir, "_build", "executed")
        self.lock = FileLock(app.confdir / "_build" / "lock")
        self.fresh = False

    def digest(self) -> str:
        """Digest what they depend on; of a script that is gone, a page would stay."""
        files = (path for each in SOURCES for path in self.root.glob(each))
        return digest(files, sorted(path.name for path in self.root.glob("examples/*")))

    def choose(self, app: Sphinx, config: Config) -> None:
        """Drop the outputs of another digest, and those of a build that was killed."""
        self.lock_folder()
        self.gallery = Path(app.srcdir, config.sphinx_gallery_conf["gallery_dirs"])
        self.note = self.gallery / ".digest"
        self.before = self.digest()
        try:
            self.fresh = self.note.read_text("utf-8") != self.before
        except OSError:
            self.fresh = True
        if self.fresh:
            for folder in (self.pages, self.gallery):
                shutil.rmtree(folder, ignore_errors=True)
        self.note.unlink(missing_ok=True)

    def lock_folder(self) -> None:
        """Let a second build in this folder wait until the first has ended."""
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            logger.info("Another build is at work in this folder; waiting for it.")
            self.lock.acquire()

    def choose_for_page(self, app: Sphinx, docname: str, _: list[str]) -> None:
        """Give each page a cache of its own: readers in parallel share none."""
        env: Any = app.env
        env.mystnb_config = self.config_of_page(env, docname)

    def config_of_page(self, env: Any, docname: str) -> Any:
        """Return MyST-NB's settings with the cache of a page."""
        folder = str(self.pages / docname)
        return env.mystnb_config.copy(execution_cache_path=folder)

    def start(self, app: Sphinx) -> None:
        """Begin to execute new pages, while the gallery runs its scripts.

        The readers then find the outputs. By themselves they would begin after the
        gallery, and take the pages in a few long pieces of which one ends last.
        """
        docs = Path(app.srcdir)
        names = [page.relative_to(docs).with_suffix("") for page in docs.glob("*/*.md")]
        new = iter([name for name in sorted(names) if not (self.pages / name).exists()])

        def work() -> None:
            for name in new:  # each thread takes the next one
                self.execute_page(app.env, name.as_posix())

        self.workers = [Thread(target=work, daemon=True) for _ in range(app.parallel)]
        for worker in self.workers:
            worker.start()

    def wait(self, *_: Any) -> None:
        """Let the readers wait until all is there."""
        for worker in self.workers:
            worker.join()

    def execute_page(self, env: Any, docname: str) -> None:
        """Execute a page; if it fails, its reader tries again and says why."""
        path, config = str(env.doc2path(docname)), self.config_of_page(env, docname)
        text = Path(path).read_text("utf-8")
        if reader := create_nb_reader(path, env.myst_config, config, text):
            args = reader.read(text), path, config, QUIET, reader.read_fmt
            with suppress(Exception), create_client(*args):
                pass

    def outdated(self, app: Sphinx, env: BuildEnvironment, *_: Any) -> Iterable[str]:
        """Read all pages again if their outputs are gone; docs-live keeps the rest."""
        return env.found_docs if self.fresh else ()

    def keep(self, app: Sphinx, exception: Exception | None) -> None:
        """Sign the outputs, also after an error: what failed is not among them."""
        if self.digest() == self.before:
            self.gallery.mkdir(parents=True, exist_ok=True)
            self.note.write_text(self.before, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the listeners."""
    isolate(app.confdir.parent)
    # A kernel sends what is printed in pieces, cut as the machine is busy or not, and
    # MyST-NB would end a line after each; it does not pass this option on.
    client: Any = NotebookClient
    client.coalesce_streams = True
    # Furo's import of accessible-pygments lets every library talk. MyST-NB names each
    # page that it executes; Jupyter need not.
    getLogger("traitlets").setLevel("WARNING")
    outputs = Outputs(app)
    app.connect("config-inited", outputs.choose, priority=5)  # the gallery is at 10
    app.connect("builder-inited", outputs.start)  # after MyST-NB, before the gallery
    app.connect("env-before-read-docs", outputs.wait)
    app.connect("source-read", outputs.choose_for_page)
    app.connect("env-get-outdated", outputs.outdated)
    app.connect("build-finished", outputs.keep, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
