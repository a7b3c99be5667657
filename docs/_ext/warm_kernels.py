"""Lets the pages' kernels start from a process that has imported torch already.

Only the time changes: without this extension the same pages run in kernels that
each import torch for themselves. It does nothing where fork is not safe.
"""

from __future__ import annotations

import atexit
import json
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


def offer_kernels(app: Sphinx, env: Any, docnames: list[str]) -> None:
    """Start the forking process before pages are read; it ends with the build."""
    if sys.platform != "linux" or not docnames:
        return
    folder = tempfile.TemporaryDirectory(prefix="kernels-")
    address = f"{folder.name}/socket"
    server = subprocess.Popen(
        [sys.executable, str(FORKER), address], stdin=subprocess.PIPE
    )

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        folder.cleanup()

    atexit.register(end)
    spec = {
        "argv": [sys.executable, str(FORKER), address, "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    kernel = Path(folder.name, "kernels", "python3", "kernel.json")
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps(spec), encoding="utf-8")
    while not Path(address).exists() and server.poll() is None:
        time.sleep(0.01)
    os.environ["JUPYTER_PATH"] = folder.name


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("env-before-read-docs", offer_kernels)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
