"""Pictures under attack: they show the numbers of the run, or nothing is drawn."""

import matplotlib.pyplot as plt
import pytest
import torch
from attack.hostile import REFUSED, anything, attempt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weight_decay import Run
from weight_decay.plotting import (
    book_style,
    closing_sentence,
    compare_runs,
    plot_losses,
)

# matplotlib's, for one loss that is a power of ten but for rounding.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Attempting to set identical low and high"
)

# As far as a logarithmic axis of matplotlib reaches, with a margin of its decades.
losses = st.lists(st.just(0.0) | st.floats(1e-140, 1e140), min_size=1, max_size=3)


def make_run(train_loss, lambd=3.0, loss_unit="squared error"):
    w, b = torch.zeros(2, 1), torch.zeros(1)
    epochs = [5 * (i + 1) for i in range(len(train_loss))]
    return Run(lambd, 0.1, loss_unit, epochs, train_loss, train_loss[::-1], w, b, w, b)


@pytest.fixture(scope="module")
def axes():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


@given(loss=losses, lambd=st.floats(0, 1e300))
@example(loss=[0.0], lambd=3.0)
def test_a_picture_shows_the_numbers_of_the_run_whatever_they_are(axes, loss, lambd):
    axes.clear()
    run = make_run(loss, lambd)

    assert attempt(plot_losses, run=run, ax=axes) is axes

    train, test = axes.get_lines()
    assert list(train.get_ydata()) == run.train_loss
    assert list(test.get_ydata()) == run.test_loss
    assert axes.get_title(loc="left") + axes.get_title() == closing_sentence(run)


@given(run=anything, ax=anything, title=anything)
def test_what_cannot_be_drawn_is_named_and_opens_no_figure(axes, run, ax, title):
    good, before = make_run([1.0]), plt.get_fignums()
    no_title = 3 if isinstance(title, str) else title

    for arguments in (
        {"run": run, "ax": axes},
        {"run": run},
        {"run": good, "ax": "axes" if ax is None else ax},
        {"run": good, "ax": axes, "title": 3 if title is None else no_title},
    ):
        assert attempt(plot_losses, **arguments) is REFUSED
    for arguments in (
        {"runs": run, "title": "A title."},
        {"runs": [good, run], "title": "A title."},
        {"runs": [good], "title": no_title},
    ):
        assert attempt(compare_runs, **arguments) is REFUSED

    assert plt.get_fignums() == before


@settings(max_examples=5)
@given(loss=st.lists(losses, min_size=1, max_size=2))
def test_a_comparison_shows_the_numbers_of_each_run_from_any_iterable(loss):
    runs = [make_run(values) for values in loss]

    fig = attempt(compare_runs, runs=iter(runs), title="A title.")
    plt.close(fig)

    for ax, run in zip(fig.axes, runs, strict=True):
        assert list(ax.get_lines()[0].get_ydata()) == run.train_loss


def test_the_style_never_leaks():
    before = dict(plt.rcParams)

    with pytest.raises(KeyboardInterrupt), book_style():
        raise KeyboardInterrupt

    assert dict(plt.rcParams) == before
