"""Starts the kernels of the pages by fork from one process that has imported torch.

Without it the book is the same, but a cold build takes two to three times as much
processor time, nearly all of it for importing torch once a page. It does nothing
where the system cannot fork safely, and where the process does not answer.

``python forked_kernels.py SOCKET`` is that process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOCKET = "FORKED_KERNELS_SOCKET"


@cache
def prepare() -> None:
    """Import what every page needs."""
    # As a kernel does it; read when matplotlib is imported.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    import myst_nb.ext.glue  # noqa: F401 - imported for the children, as the others
    import torch

    # The first step of any optimiser imports another second's worth of modules.
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]).step()


def serve(address: str) -> None:
    """Import what every page needs when the first asks, and fork a kernel for each.

    Parameters
    ----------
    address : str
        Path of a Unix socket, alone in its folder; both go when standard input ends,
        that is, with the build that has started this process.
    """

    def end() -> None:
        sys.stdin.read()
        shutil.rmtree(Path(address).parent, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the build
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps the children
    with Listener(address, "AF_UNIX") as listener:
        while True:
            with listener.accept() as connection:
                arguments, environment, folder = connection.recv()
                prepare()
                if kernel := os.fork():
                    connection.send(kernel)
                    continue
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            # A kernel that knows its parent ends with it.
            parent = f"--IPKernelApp.parent_handle={os.getppid()}"
            from ipykernel.kernelapp import launch_new_instance

            launch_new_instance(argv=[*arguments, parent])
            os._exit(0)


class Kernel:
    """A process that is somebody else's child, with what Jupyter uses of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """Return None while the process lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    wait = poll

    def send_signal(self, number: int) -> None:
        """Send a signal, if there is still somebody to receive it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


class ForkingProvisioner(LocalProvisioner):
    """Gets kernels from the process above, or starts them as Jupyter always does."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Talk through files: another build may take a free port at the same time."""
        manager: Any = self.parent
        manager.transport = "ipc"
        manager.ip = str(Path(os.environ[SOCKET]).with_name(self.kernel_id))
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Hand over what follows ``-m ipykernel_launcher``."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        try:
            with Client(os.environ[SOCKET], "AF_UNIX") as connection:
                folder = kwargs.get("cwd") or os.getcwd()
                connection.send((arguments, kwargs["env"], folder))
                pid = connection.recv()
        except (OSError, EOFError):
            return await super().launch_kernel(cmd, **kwargs)
        kernel: Any = Kernel(pid)
        self.process = kernel
        self.pid = self.pgid = pid
        return self.connection_info


class Forker:
    """The process that imports torch, for one build."""

    process: subprocess.Popen[bytes] | None = None

    def start(self, app: Sphinx) -> None:
        """Start it before the first page is executed, and tell Jupyter of it."""
        if sys.platform != "linux" or self.process:
            return
        folder = tempfile.mkdtemp(prefix="kernels-")
        address = os.environ[SOCKET] = f"{folder}/socket"
        command = [sys.executable, __file__, address]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        while not os.path.exists(address) and self.process.poll() is None:
            time.sleep(0.01)
        factory = KernelProvisionerFactory.instance()
        value = f"{__name__}:{ForkingProvisioner.__name__}"
        entry = EntryPoint("forking", value, factory.GROUP_NAME)
        factory.provisioners[entry.name] = entry
        factory.default_provisioner_name = entry.name


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the listeners."""
    app.connect("builder-inited", Forker().start, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    serve(sys.argv[1])
