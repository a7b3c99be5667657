"""Ends a build that cannot go on: its processes with it, and one line that says why.

Sphinx prints a traceback and the versions of everything. This adds a last line for
whoever builds the book: which page or script, which line of it, and what to do.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx._cli.util import errors
from sphinx.errors import ExtensionError, SphinxError, SphinxParallelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from sphinx.application import Sphinx

SPHINX_HANDLER: Callable[..., None] = errors.handle_exception
ENOUGH = 2**20  # bytes; a disk with less left is full
FULL = re.compile(r"No space left on device|disk is full|Disk quota exceeded")
NOT_ALLOWED = re.compile(
    r"\[Errno \d+\] (?:Permission denied|Read-only file system)(?:: '([^']*)')?"
)
COLOUR = re.compile(r"\x1b\[[\d;]*m")
CELL = "while executing the following cell:\n"
PAGE = re.compile(r"(?<!Cell)ExecutionError: (.+)")
FRAME = re.compile(r'File "([^"]+)", line (\d+)')
HOW_TO_WRITE = (
    "cannot be written to; copy the book to a folder of your own, or change the rights"
)


class NotWritableError(SphinxError):
    """A folder that the build writes into does not let it."""

    category = "The book cannot be written"


# -- Why there is no book --------------------------------------------------------


def below(path: str | Path, root: Path) -> str:
    """Return a path relative to the folder of the book, where it lies in it."""
    path = Path(path)
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def line_in_page(page: Path, source: str, line: int) -> int | None:
    """Return the line of a page that holds a given line of one of its cells."""
    if not page.is_file():
        return None
    wanted = [each.strip() for each in source.splitlines()]
    text = [each.strip() for each in page.read_text(encoding="utf-8").splitlines()]
    for start in range(len(text) - len(wanted) + 1):
        if text[start : start + len(wanted)] == wanted:
            return start + line
    return None


def failed_cell(text: str, root: Path) -> str:
    """Say which line of which page failed, from the text of a traceback.

    Parameters
    ----------
    text : str
        A traceback, without colours.
    root : pathlib.Path
        The folder of the book.

    Returns
    -------
    str
        The page, the line and the error; empty if no cell failed.
    """
    page = PAGE.search(text)
    if page is None:
        return ""
    path = Path(page[1].strip())
    if CELL not in text:
        timeout = re.search(r"CellTimeoutError: ([^\n]*)", text)
        return f"{below(path, root)}: {timeout[1] if timeout else 'a cell failed'}"
    told = text.partition(CELL)[2].partition("The above exception was")[0]
    # The cell stands between two rules; what follows is IPython's traceback.
    _, source, told = re.split(r"(?m)^-{18}$", told, maxsplit=2)
    line = re.search(r"In\[\d+\], line (\d+)", told)
    number = line_in_page(path, source.strip(), int(line[1]) if line else 1)
    where = f", line {number}" if number else ""
    return f"{below(path, root)}{where}: {told.rstrip().splitlines()[-1].strip()}"


def failed_script(text: str, examples: Iterable[Path], root: Path) -> str:
    """Say which line of which gallery script failed, from the text of a traceback."""
    for file, line in reversed(FRAME.findall(text)):
        if any(Path(file).is_relative_to(folder) for folder in examples):
            error = text.rstrip().splitlines()[-1].strip()
            return f"{below(file, root)}, line {line}: {error}"
    return ""


def disk_is_full(folder: Path) -> bool:
    """Tell whether the disk that holds a folder has no room left."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free < ENOUGH


def why(exception: BaseException, app: Sphinx) -> str:
    """Say in one line why there is no book.

    Parameters
    ----------
    exception : BaseException
        What ended the build.
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    str
        The place and the reason, without a full stop.
    """
    root = Path(app.srcdir).parent
    if isinstance(exception, ExtensionError) and exception.orig_exc:
        exception = exception.orig_exc  # what a listener has raised
    if End.interrupted or isinstance(exception, KeyboardInterrupt):
        return "it was interrupted"
    if isinstance(exception, SphinxParallelError):
        text = exception.traceback
    else:
        text = "".join(traceback.format_exception(exception))
    text = COLOUR.sub("", text)
    if FULL.search(text) or disk_is_full(Path(app.outdir)):
        folder = below(Path(app.outdir).parent, root)
        return f"the disk that holds {folder} is full; make room and build again"
    if refused := NOT_ALLOWED.search(text):
        return f"{below(refused[1] or 'a file', root)} {HOW_TO_WRITE}"
    if cell := failed_cell(text, root):
        return cell
    if script := failed_script(text, example_folders(app), root):
        return script
    if isinstance(exception, SphinxError) and not isinstance(
        exception, SphinxParallelError
    ):
        return str(exception).rstrip(".")
    return text.rstrip().splitlines()[-1].strip()


def example_folders(app: Sphinx) -> list[Path]:
    """List the folders of the gallery's scripts."""
    gallery = app.config._raw_config.get("sphinx_gallery_conf", {})
    names = gallery.get("examples_dirs", [])
    names = [names] if isinstance(names, str) else names
    return [Path(app.srcdir, name).resolve() for name in names]


def verdict(reason: str, app: Sphinx) -> str:
    """Return the last line of a build that failed."""
    # The builder may not be there yet; where it is, it may work in another folder.
    builder = getattr(app, "builder", None)
    book = Path(getattr(builder, "published", app.outdir))
    whole = (book / "index.html").is_file()
    kept = " What is published is the last whole book." if whole else ""
    return f"The book was not built: {reason}.{kept}"


# -- What must be possible ---------------------------------------------------------


def check_folders(app: Sphinx) -> None:
    """Refuse to begin where a folder that is to be written into is read-only."""
    gallery = app.config._raw_config.get("sphinx_gallery_conf", {})
    inside = [gallery.get("gallery_dirs"), gallery.get("backreferences_dir")]
    folders = [Path(app.srcdir, name) for name in inside if isinstance(name, str)]
    # The book is written beside the place where it is published.
    out = Path(app.outdir)
    for folder in (out.parent, out, Path(app.doctreedir), *folders):
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise NotWritableError(f"{folder} {HOW_TO_WRITE}.")


# -- Processes ---------------------------------------------------------------------


def end_with_parent() -> None:
    """Ask the system to end this process when the one that started it ends."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)


def in_worker() -> None:
    """Let a forked process of Sphinx end when it is told to, or when Sphinx is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()


def stop(number: int, frame: FrameType | None) -> None:
    """Treat a request to end as Ctrl-C, so that everything is put away."""
    # What was interrupted may turn this into an error of its own.
    End.interrupted = True
    raise KeyboardInterrupt


def end_workers() -> None:
    """End the processes that read and write pages for this build."""
    for worker in multiprocessing.active_children():
        worker.terminate()


class End:
    """The end of one build."""

    interrupted = False

    def __init__(self, app: Sphinx) -> None:
        self.app = app

    def handle(self, exception: BaseException, /, **options: Any) -> None:
        """Print what Sphinx prints, then the reason in one line."""
        end_workers()
        SPHINX_HANDLER(exception, **options)
        stream = options.get("stderr", sys.stderr)
        print(f"\n{verdict(why(exception, self.app), self.app)}", file=stream)

    def finish(self, app: Sphinx, exception: Exception | None) -> None:
        """Say that warnings have kept the book from being built."""
        if exception is not None:
            return
        reason = ""
        if app._fail_on_warnings and app._warncount:
            many = "s" if app._warncount > 1 else ""
            reason = f"{app._warncount} warning{many}, to be found above"
        elif app.statuscode:
            reason = "see the error above"
        if reason:  # after Sphinx's own last words
            atexit.register(print, f"\n{verdict(reason, app)}", file=sys.stderr)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    end = End(app)
    # Sphinx has no event for what goes wrong before the first page is read.
    errors.handle_exception = end.handle
    check_folders(app)
    in_charge = threading.current_thread() is threading.main_thread()
    # Only where nobody else has a use for the signal, such as a test runner.
    if in_charge and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        os.register_at_fork(after_in_child=in_worker)
    app.connect("build-finished", end.finish, priority=999)
    # Else Python looks for garbage before it ends, which takes seconds after torch.
    atexit.register(gc.freeze)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
