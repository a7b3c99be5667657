"""The cover of the EPUB: the book's own runs, drawn while it is built.

The test loss for λ = 0, 1, …, 10: the larger λ, the sooner it falls, and at the floor
the last ones meet. The three of the chapter stand out and have their names.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from weight_decay import synthetic_data
from weight_decay.plotting import COLOURS
from weight_decay.sweep import sweep

PAPER, INK, PALE = "#12263a", "#ffffff", "#7d93a8"
NAMED = (0, 3, 10)  # the chapter's


def draw_cover(path: Path, title: str, subtitle: str, author: str) -> None:
    """Draw the cover.

    Parameters
    ----------
    path : pathlib.Path
        The PNG file to write, 1600 × 2400 pixels.
    title, subtitle, author : str
        What stands on it.
    """
    runs = sweep([synthetic_data()], range(11), progress=False)

    with mpl.rc_context(mpl.rcParamsDefault):  # whatever the build has set
        figure = Figure(figsize=(8, 12), facecolor=PAPER)
        figure.text(0.1, 0.9, title, color=INK, size=52, weight="bold", va="top")
        figure.text(0.1, 0.81, subtitle, color=INK, size=20, va="top", linespacing=1.5)
        figure.text(0.1, 0.06, author, color=INK, size=16)

        ax = figure.add_axes((0.1, 0.14, 0.66, 0.5))
        for lambd, losses in zip(runs.lambdas, runs.test_loss[:, 0], strict=True):
            colour = COLOURS["orange"] if lambd in NAMED else PALE
            width = 5 if lambd in NAMED else 2
            ax.plot(runs.epochs, losses, color=colour, linewidth=width)
            if lambd in NAMED:
                end = (runs.epochs[-1] + 2, float(losses[-1]))
                ax.text(*end, f"λ = {lambd:g}", color=INK, size=18, va="center")
        ax.set(yscale="log", xlim=(runs.epochs[0], runs.epochs[-1]))
        ax.set_axis_off()
        figure.savefig(path, dpi=200)
