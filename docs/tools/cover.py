"""Draws the cover of the EPUB: ``python docs/tools/cover.py docs/_static/cover.png``.

The test loss for λ = 0, 1, …, 10: the larger λ, the sooner it falls, and at the floor
the last ones meet. The three of the chapter stand out and have their names.
"""

from __future__ import annotations

import sys
from io import BytesIO

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from weight_decay import synthetic_data
from weight_decay.plotting import COLOURS
from weight_decay.sweep import sweep

PAPER, INK, PALE = "#12263a", "#ffffff", "#7d93a8"
NAMED = (0, 3, 10)  # the chapter's
SUBTITLE = "A textbook chapter that runs:\nwhat λ does to a linear model, and why"


def draw_cover() -> Image.Image:
    """Return the cover, 1200 × 1800 pixels of 32 colours."""
    runs = sweep([synthetic_data()], range(11), progress=False)
    with mpl.rc_context(mpl.rcParamsDefault):  # whatever the reader has set
        figure = Figure(figsize=(8, 12), dpi=150, facecolor=PAPER)
        figure.text(
            0.1, 0.9, "Weight decay", color=INK, size=52, weight="bold", va="top"
        )
        figure.text(0.1, 0.81, SUBTITLE, color=INK, size=20, va="top", linespacing=1.5)
        figure.text(0.1, 0.06, "The weight_decay authors", color=INK, size=16)
        ax = figure.add_axes((0.1, 0.14, 0.66, 0.5))
        for lambd, losses in zip(runs.lambdas, runs.test_loss[:, 0], strict=True):
            named = lambd in NAMED
            colour, width = (COLOURS["orange"], 5) if named else (PALE, 2)
            ax.plot(runs.epochs, losses, color=colour, linewidth=width)
            if named:
                end = (runs.epochs[-1] + 2, float(losses[-1]))
                ax.text(*end, f"λ = {lambd:g}", color=INK, size=18, va="center")
        ax.set(yscale="log", xlim=(runs.epochs[0], runs.epochs[-1]))
        ax.set_axis_off()
        with BytesIO() as file:
            figure.savefig(file)
            drawn = Image.open(file).convert("RGB")
    return drawn.quantize(32, dither=Image.Dither.NONE)


if __name__ == "__main__":
    draw_cover().save(sys.argv[1], optimize=True)
