"""Pictures of runs: loss against epoch on a logarithmic axis.

matplotlib is imported when a picture is drawn, not when this module is, and its
settings hold for that picture only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ._checks import check_list, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .run import Run

# One look for train and one for test in the whole book: two colours of the
# palette of Okabe and Ito, told apart by line style and marker as well.
TRAIN: dict[str, Any] = {
    "label": "train",
    "color": "#0072B2",
    "linestyle": "--",
    "marker": "o",
    "markerfacecolor": "white",
}
TEST: dict[str, Any] = {
    "label": "test",
    "color": "#D55E00",
    "linestyle": "-",
    "marker": "s",
}

# For everything else: more of that palette, in the order in which it is told apart
# best; black and greys come first, where line styles will do.
COLOURS: dict[str, str] = {
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "orange": "#E69F00",
    "grey": "#888888",
}

# Large type on a small figure, so that a phone can still show it.
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@contextmanager
def book_style() -> Iterator[None]:
    """Draw in the book's style inside this context, and only there."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def plot_losses(run: Run, ax: Axes | None = None, *, title: str | None = None) -> Axes:
    """Draw the train and test loss of one run against the epoch.

    Parameters
    ----------
    run : Run
        The run.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.
    title : str, optional
        The sentence above the picture; by default it says how the test loss ends.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on; the y axis is logarithmic, in the run's loss unit, so that
        a loss of exactly 0 has no place on it.

    Raises
    ------
    TypeError
        A wrong argument; the message names it and its value, and nothing is drawn.
    ValueError
        The axes show a run already: in the colours of the book a second one could
        not be told from it. `compare_runs` draws them side by side.
    """
    _check_run("run", run)
    if title is not None:
        _check_title(title)
    if ax is None:
        import matplotlib.pyplot as plt

        with book_style():
            _, ax = plt.subplots(figsize=(6.4, 3.6))
            return plot_losses(run, ax, title=title)
    if not hasattr(ax, "get_yscale"):
        raise TypeError(f"ax must be matplotlib Axes, got {shown(ax)}")
    if TRAIN["label"] in ax.get_legend_handles_labels()[1]:
        raise ValueError(f"ax must not show a run yet, got {ax}: see compare_runs")
    _draw_curves(run, ax)
    ax.set_ylabel(f"mean loss ({run.loss_unit})")
    ax.set_title(closing_sentence(run) if title is None else title)
    ax.legend()
    return ax


def compare_runs(runs: Sequence[Run], *, title: str) -> Figure:
    """Draw several runs side by side on one common loss axis.

    Parameters
    ----------
    runs : sequence of Run
        At least one run; all of one loss unit.
    title : str
        The sentence above the picture.

    Returns
    -------
    matplotlib.figure.Figure
        A new figure with one panel a run.

    Raises
    ------
    TypeError
        A wrong argument; the message names it and its value, and nothing is drawn.
    ValueError
        No run, or runs of different loss units: their curves differ by a factor
        of 2 before anything is learned, so one axis would mislead.
    """
    runs = check_list("runs", runs)
    if not runs:
        raise ValueError("runs must hold at least one run, got none")
    for i, run in enumerate(runs):
        _check_run(f"runs[{i}]", run)
    _check_title(title)
    units = sorted({run.loss_unit for run in runs})
    if len(units) > 1:
        raise ValueError(f"runs must share one loss unit, got {' and '.join(units)}")
    import matplotlib.pyplot as plt

    with book_style():
        fig, axes = plt.subplots(
            1, len(runs), figsize=(6.4, 3.6), sharey=True, squeeze=False
        )
        for run, ax in zip(runs, axes.flat, strict=True):
            _draw_curves(run, ax)
            ax.set_title(f"λ = {run.lambd:g}", loc="center")
        axes.flat[0].set_ylabel(f"mean loss ({units[0]})")
        names = [ax.get_legend_handles_labels() for ax in axes.flat]
        most = max(names, key=lambda pair: len(pair[1]))
        fig.legend(*most, loc="outside lower center", ncols=2)
        fig.suptitle(title, x=0.01, ha="left", fontsize=STYLE["axes.titlesize"])
    return fig


def closing_sentence(run: Run) -> str:
    """Return one sentence on how the test loss ends; without one, the training loss."""
    _check_run("run", run)
    name, losses = (
        ("test", run.test_loss) if run.test_loss else ("training", run.train_loss)
    )
    return f"With λ = {run.lambd:g} the {name} loss ends at {losses[-1]:.3g}"


def _check_run(name: str, run: Any) -> None:
    """Check that it has what is drawn of a run; a `SweepResult` has tensors for it."""
    drawn = (getattr(run, loss, None) for loss in ("train_loss", "test_loss"))
    if not all(isinstance(losses, list) for losses in drawn):
        raise TypeError(f"{name} must be a Run, got {shown(run)}")


def _check_title(title: Any) -> None:
    if not isinstance(title, str):
        raise TypeError(f"title must be a string, got {shown(title)}")


def _draw_curves(run: Run, ax: Axes) -> None:
    """Draw both curves and what every loss picture shares."""
    ax.plot(run.epochs, run.train_loss, **TRAIN)
    if run.test_loss:
        ax.plot(run.epochs, run.test_loss, **TEST)
    if any(run.train_loss) or any(run.test_loss):  # else there is nothing to scale
        ax.set_yscale("log")
    if len(run.epochs) > 1:
        ax.set_xlim(run.epochs[0], run.epochs[-1])
    ax.set_xlabel("epoch")
