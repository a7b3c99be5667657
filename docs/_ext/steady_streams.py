"""Joins what a cell prints, however the kernel has cut it into messages.

A kernel sends what is printed a few times a second, and may cut between a line and its
end. MyST-NB adds the end of a line to each piece, so that a blank line would appear on
the page, or not, as the machine is busy or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def joined(outputs: list[Any]) -> list[Any]:
    """Return the outputs of a cell with one piece for each stream.

    Parameters
    ----------
    outputs : list of nbformat.NotebookNode
        What a cell has printed and shown, in the order of its arrival.

    Returns
    -------
    list of nbformat.NotebookNode
        The same, where a stream stands at its first piece and holds all of them.
    """
    result: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            result.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output.copy()
            result.append(streams[output["name"]])
    return result


def setup(app: Sphinx) -> dict[str, Any]:
    """Let MyST-NB merge streams that are in one piece already."""
    from myst_nb.core import render, utils

    render.coalesce_streams = lambda outputs: utils.coalesce_streams(joined(outputs))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
