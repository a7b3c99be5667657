"""Lets the pages' kernels start from a process that has imported torch already.

Only the time changes: without this extension the same pages run in kernels that
each import torch for themselves. It does nothing where fork is not safe.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FORKER = Path(__file__).with_name("kernel_forker.py")


class Kernels:
    """The forking process of one build, and the kernel that stands for it."""

    def __init__(self) -> None:
        self.server: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    def start(self) -> None:
        """Start the process; it ends with the build."""
        folder = tempfile.TemporaryDirectory(prefix="kernels-")
        self.folder = Path(folder.name)
        address = str(self.folder / "socket")
        server = self.server = subprocess.Popen(
            [sys.executable, str(FORKER), address], stdin=subprocess.PIPE
        )

        spec = {
            "argv": [sys.executable, str(FORKER), address, "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
        }
        kernel = self.folder / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps(spec), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = str(self.folder)

        def end() -> None:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
            folder.cleanup()

        atexit.register(end)

    def start_early(self, app: Sphinx) -> None:
        """Start before the gallery, where no page has been executed yet.

        The imports then take the time in which the scripts run anyway.
        """
        cache = Path(app.config.nb_execution_cache_path)
        if sys.platform == "linux" and not cache.exists():
            self.start()

    def offer(self, app: Sphinx, env: Any, docnames: list[str]) -> None:
        """Make the kernel known to Jupyter, when the process is ready."""
        if sys.platform != "linux" or not docnames:
            return
        if self.server is None:
            self.start()
        assert self.server is not None
        address = str(self.folder / "socket")
        while not Path(address).exists() and self.server.poll() is None:
            time.sleep(0.01)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # Importing accessible-pygments, as Furo does, switches on the messages of every
    # library. MyST-NB names each page that it executes; Jupyter need not.
    logging.getLogger("traitlets").setLevel(logging.WARNING)
    kernels = Kernels()
    app.connect("builder-inited", kernels.start_early, priority=50)
    app.connect("env-before-read-docs", kernels.offer)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
