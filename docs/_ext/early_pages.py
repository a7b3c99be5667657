"""Executes pages beside the gallery: on the second core, while the scripts run.

A cold build runs the scripts one after the other before it reads the first page,
and one core would be idle meanwhile. A forked process puts what the pages compute
into MyST-NB's cache, by MyST-NB's own client; the readers find it there. What it
does not reach, or what fails, the readers execute as always, so without this
extension the same book comes out, only later.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from asyncio import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Silent:
    """A logger that says nothing: the readers come by the same page and say it."""

    def debug(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    info = warning = error = debug


def execute(app: Sphinx, stop: Any) -> None:
    """Execute the pages, in reading order of their names, until told to stop."""
    from myst_nb.core.execute import create_client
    from myst_nb.core.read import create_nb_reader
    from myst_nb.sphinx_ext import create_mystnb_config
    from myst_parser.sphinx_ext.main import create_myst_config

    parent = os.getppid()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # of its kernels, too
        os.dup2(nowhere, stream)
    create_myst_config(app)  # type: ignore[no-untyped-call]  # MyST gives it no types
    create_mystnb_config(app)
    env: Any = app.env  # to which both have added their settings
    config, md_config = env.mystnb_config, env.myst_config
    for docname in sorted(app.project.discover(app.config.exclude_patterns)):
        # Nobody waits for the outputs of a build that has died.
        if stop.is_set() or os.getppid() != parent:
            return
        path = app.env.doc2path(docname)
        text = Path(path).read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), md_config, config, text)
        if reader is None:
            continue
        notebook = reader.read(text)
        client = create_client(notebook, str(path), config, Silent(), reader.read_fmt)
        try:
            with suppress(Exception), client:
                pass
        except CancelledError:  # the build ends this process
            return


class EarlyPages:
    """The process that executes pages while the gallery runs."""

    def __init__(self) -> None:
        self.process: Any = None
        self.stop: Any = None

    def start(self, app: Sphinx) -> None:
        """Start the process, where no page has been executed yet."""
        cache = Path(app.config.nb_execution_cache_path)
        if sys.platform != "linux" or cache.exists():
            return
        context = multiprocessing.get_context("fork")
        self.stop = context.Event()
        self.process = context.Process(
            target=execute, args=(app, self.stop), daemon=True
        )
        self.process.start()

    def end(self, app: Sphinx, *_: Any) -> None:
        """Let it finish the page at hand; the readers do the others."""
        if self.process is not None:
            self.stop.set()
            self.process.join()
            self.process = None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    pages = EarlyPages()
    # After warm_kernels at 50, before sphinx-gallery at 500.
    app.connect("builder-inited", pages.start, priority=60)
    app.connect("env-before-read-docs", pages.end)
    app.connect("build-finished", pages.end)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
