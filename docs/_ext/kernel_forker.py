"""Starts the kernels of the pages by fork, from a process that has imported torch.

A fresh kernel spends most of its life importing torch and matplotlib. ``serve``
imports them once and forks a child for each kernel that is asked for; ``ask``
is the command that Jupyter runs in place of ``python -m ipykernel``. A child
starts with empty variables, as any kernel does. It ends when its client or the server
does, however they end.

Run as ``python kernel_forker.py SOCKET`` (the server) and
``python kernel_forker.py SOCKET ARGUMENTS-OF-IPYKERNEL`` (one kernel).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any


def end_with_parent(parent: int) -> None:
    """Let the system end this process when the one that started it is gone.

    Parameters
    ----------
    parent : int
        That process; if it is gone already, this one ends now.
    """
    import ctypes

    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit()


def serve(address: str) -> None:
    """Import what every page needs, then fork a kernel for each request.

    Ends when standard input does, that is, with the build that started it.

    Parameters
    ----------
    address : str
        Path of the Unix socket to listen on.
    """
    import select

    # Read when matplotlib is imported; the inline backend shows figures on pages.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    import ipykernel.debugger
    import ipykernel.kernelapp
    import matplotlib.pyplot  # noqa: F401 - imported for the children
    import myst_nb.ext.glue  # noqa: F401 - the same, as the debugger
    import torch
    from matplotlib.figure import Figure

    # The first step of any optimiser imports another second's worth of modules.
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]).step()
    # The first figure looks for its fonts. Without pyplot: its state is the children's.
    figure = Figure(layout="constrained")
    figure.subplots().set(title="λ", xlabel="step", yscale="log")
    figure.savefig(io.BytesIO())

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps the children
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        while True:
            ready, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in ready:
                # The build clears its folder away, unless it was killed.
                shutil.rmtree(os.path.dirname(address), ignore_errors=True)
                return
            connection, _ = server.accept()
            with connection:
                request = json.loads(connection.makefile().readline())
                server_process = os.getpid()
                pid = os.fork()
                if pid:
                    connection.sendall(f"{pid}\n".encode())
                    continue
                # The child keeps the connection open; its end tells `ask` to go.
                server.close()
                end_with_parent(server_process)
                _become_kernel(request, connection, ipykernel.kernelapp)


def _become_kernel(request: dict[str, Any], connection: Any, kernelapp: Any) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    sys.path[0] = ""
    # With a parent, a kernel does not print how to connect to it; from ERROR on, it
    # does not warn that it talks to this machine unencrypted.
    quiet = [f"--IPKernelApp.parent_handle={os.getppid()}", "--log-level=ERROR"]
    kernelapp.launch_new_instance(argv=[*request["arguments"], *quiet])
    connection.close()
    os._exit(0)


def _connect(client: socket.socket, address: str, patience: float = 50) -> None:
    """Connect to the server, which may still be importing torch."""
    end = time.monotonic() + patience
    while True:
        try:
            return client.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def ask(address: str, *arguments: str) -> None:
    """Ask the server for a kernel, pass signals on to it, and wait for its end.

    Parameters
    ----------
    address : str
        Path of the server's Unix socket.
    *arguments : str
        What ``python -m ipykernel`` would get.
    """
    with socket.socket(socket.AF_UNIX) as client:
        _connect(client, address)
        request = {
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
            "arguments": arguments,
        }
        client.sendall((json.dumps(request) + "\n").encode())
        answers = client.makefile()
        kernel = int(answers.readline())

        def pass_on(number: int, _: FrameType | None) -> None:
            os.kill(kernel, number)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        end_with_parent(os.getppid())
        answers.read()  # until the kernel has ended


if __name__ == "__main__":
    (serve if len(sys.argv) == 2 else ask)(*sys.argv[1:])
