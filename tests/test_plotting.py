"""A picture says what it shows, to every reader, and changes nothing else."""

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb

from weight_decay import RegressionProblem, Run, scratch, sweep
from weight_decay.plotting import book_style, compare_runs, plot_losses

EPOCHS = list(range(5, 101, 5))
TRAIN_LOSSES = [10.0 ** (2 - epoch / 25) for epoch in EPOCHS]
TEST_LOSSES = [10.0 ** (2 - epoch / 50) for epoch in EPOCHS]


def make_run(lambd=3.0, unit="half squared error", epochs=EPOCHS):
    return Run(
        lambd=lambd,
        lr=0.003,
        loss_unit=unit,
        epochs=epochs,
        train_loss=TRAIN_LOSSES[: len(epochs)],
        test_loss=[*TEST_LOSSES[: len(epochs) - 1], 0.0702468],
        w=torch.ones(2, 1),
        b=torch.zeros(1),
        w_init=torch.ones(2, 1),
        b_init=torch.zeros(1),
    )


RUNS = [make_run(lambd) for lambd in (0.0, 3.0, 10.0)]
BARE = RegressionProblem(torch.ones(2, 1), torch.ones(2, 1))
SWEEP = sweep([BARE], [3], epochs=1)


@pytest.fixture(autouse=True)
def _fresh_matplotlib():
    mpl.rcdefaults()
    yield
    plt.close("all")


@pytest.fixture(params=["new axes", "axes of the caller"])
def draw(request):
    """`plot_losses`, called in both ways."""

    def on_axes_of_the_caller(run, **options):
        return plot_losses(run, plt.subplots()[1], **options)

    return plot_losses if request.param == "new axes" else on_axes_of_the_caller


def title_of(ax):
    return "".join(ax.get_title(loc=loc) for loc in ("left", "center", "right"))


def entries(legend):
    return [text.get_text() for text in legend.get_texts()]


def curves(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def assert_shows(ax, run):
    """Both curves are drawn at their epochs, on a logarithmic axis."""
    train, test = (curves(ax)[label] for label in ("train", "test"))
    assert list(train.get_xdata()) == list(test.get_xdata()) == run.epochs
    assert list(train.get_ydata()) == run.train_loss
    assert list(test.get_ydata()) == run.test_loss
    assert ax.get_xlabel() == "epoch"
    assert ax.get_yscale() == "log"


# One run


@pytest.mark.parametrize("unit", ["half squared error", "squared error"])
def test_a_picture_shows_the_losses_their_unit_and_what_came_of_them(draw, unit):
    run = make_run(unit=unit)

    ax = draw(run)

    assert_shows(ax, run)
    assert ax.get_xlim() == (5, 100)
    assert ax.get_ylabel() == f"mean loss ({unit})"
    assert title_of(ax) == "With λ = 3 the test loss ends at 0.0702"


def test_the_caller_may_say_it_differently(draw):
    assert title_of(draw(make_run(), title="Decay forgets.")) == "Decay forgets."


def test_train_and_test_differ_in_more_than_colour(draw):
    ax = draw(make_run())
    train, test = (curves(ax)[label] for label in ("train", "test"))

    assert train.get_linestyle() != test.get_linestyle()
    assert train.get_marker() != test.get_marker()
    assert "None" not in {train.get_marker(), test.get_marker()}
    assert to_rgb(train.get_color()) != to_rgb(test.get_color())
    assert entries(ax.get_legend()) == ["train", "test"]


def test_a_run_of_one_record_can_be_drawn(draw):
    assert_shows(draw(make_run(epochs=[3])), make_run(epochs=[3]))


def test_losses_that_are_all_0_can_be_drawn(draw):
    w, b = torch.zeros(2, 1), torch.zeros(1)
    run = Run(3.0, 0.1, "squared error", [5, 10], [0.0, 0.0], [0.0, 0.0], w, b, w, b)

    ax = draw(run)  # matplotlib warns of a logarithmic axis without a positive number

    assert list(curves(ax)["test"].get_ydata()) == [0, 0]


def test_a_run_without_a_test_set_is_one_curve_and_its_sentence(draw):
    run = scratch.train(BARE, 3, epochs=5)

    ax = draw(run)

    assert list(curves(ax)) == entries(ax.get_legend()) == ["train"]
    assert title_of(ax).startswith("With λ = 3 the training loss ends at ")


def test_a_second_run_on_the_same_axes_is_refused_since_it_would_look_like_the_first():
    ax = plot_losses(RUNS[0])

    with pytest.raises(ValueError, match=r"ax must not show a run .*compare_runs"):
        plot_losses(RUNS[1], ax)

    assert list(curves(ax)["test"].get_ydata()) == RUNS[0].test_loss


def test_axes_of_the_caller_are_used_and_no_others_opened():
    _, (left, right) = plt.subplots(1, 2)
    figures = plt.get_fignums()

    assert plot_losses(make_run(), right) is right

    assert plt.get_fignums() == figures
    assert not left.has_data()


def test_without_axes_one_new_figure_is_opened():
    first = plot_losses(make_run())
    second = plot_losses(make_run())

    assert first.figure is not second.figure
    assert len(plt.get_fignums()) == 2


# Several runs


@pytest.mark.parametrize("kind", [list, tuple, iter])
@pytest.mark.parametrize("count", [1, 3])
def test_each_run_has_its_panel_named_by_its_lambda(count, kind):
    fig = compare_runs(kind(RUNS[:count]), title="One or three.")

    for ax, run in zip(fig.axes, RUNS[:count], strict=True):
        assert title_of(ax) == f"λ = {run.lambd:g}"
        assert ax.get_xlim() == (5, 100)
        assert_shows(ax, run)


def test_all_panels_share_one_loss_axis_one_unit_one_legend_and_one_title():
    fig = compare_runs(RUNS, title="All three.")

    assert len({ax.get_ylim() for ax in fig.axes}) == 1
    fig.axes[0].set_ylim(1e-3, 1e3)
    assert fig.axes[2].get_ylim() == (1e-3, 1e3)
    labels = [ax.get_ylabel() for ax in fig.axes]
    assert labels == ["mean loss (half squared error)", "", ""]
    assert fig.get_suptitle() == "All three."
    (legend,) = fig.legends
    assert entries(legend) == ["train", "test"]
    assert all(ax.get_legend() is None for ax in fig.axes)


def test_the_legend_names_both_curves_if_any_panel_has_both():
    fig = compare_runs([scratch.train(BARE, 3, epochs=5), RUNS[0]], title="Two.")

    assert entries(fig.legends[0]) == ["train", "test"]


@pytest.mark.parametrize("label", ["train", "test"])
def test_a_curve_looks_the_same_in_both_kinds_of_picture(label):
    alone = curves(plot_losses(RUNS[0]))[label]
    beside_others = curves(compare_runs(RUNS, title="All three.").axes[1])[label]

    for what in ("color", "linestyle", "marker", "linewidth", "markerfacecolor"):
        assert mpl.artist.getp(alone, what) == mpl.artist.getp(beside_others, what)


# What is refused, and what is left alone


@pytest.mark.parametrize(
    ("draw", "what", "title", "error", "told"),
    [
        (plot_losses, 3, "A title.", TypeError, "run must be a Run, got 3"),
        (plot_losses, RUNS[0], 3, TypeError, "title must be a string, got 3"),
        (plot_losses, SWEEP, "All.", TypeError, "run must be a Run, got SweepResult"),
        (compare_runs, [RUNS[0], SWEEP], "All.", TypeError, "runs[1] must be a Run"),
        (compare_runs, RUNS, 3, TypeError, "title must be a string, got 3"),
        (compare_runs, [], "None.", ValueError, "runs must hold at least one run"),
        (compare_runs, [RUNS[0], 3], "Two.", TypeError, "runs[1] must be a Run, got 3"),
        # In two units losses differ by a factor of 2 before anything is learned.
        (
            *(compare_runs, [RUNS[0], make_run(unit="squared error")], "Never."),
            *(ValueError, "one loss unit, got half squared error and squared error"),
        ),
    ],
)
def test_what_cannot_be_drawn_opens_no_figure(draw, what, title, error, told):
    with pytest.raises(error, match=re.escape(told)):
        draw(what, title=title)

    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "picture",
    [
        lambda: plot_losses(RUNS[0]),
        lambda: plot_losses(RUNS[0], plt.subplots()[1]),
        lambda: compare_runs(RUNS, title="All three."),
    ],
    ids=["plot_losses", "plot_losses on axes", "compare_runs"],
)
def test_drawing_leaves_the_settings_of_matplotlib_alone(picture):
    before = dict(mpl.rcParams)

    picture().get_figure().canvas.draw()

    assert dict(mpl.rcParams) == before


def test_the_style_of_the_book_ends_with_its_block_even_after_an_error():
    before = dict(mpl.rcParams)

    with book_style():
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before

    with pytest.raises(ZeroDivisionError), book_style():
        _ = 1 / 0
    assert dict(mpl.rcParams) == before
