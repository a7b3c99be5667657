"""A picture says what it shows, to every reader, and changes nothing else."""

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.layout_engine import ConstrainedLayoutEngine

from weight_decay import Run
from weight_decay.plotting import (
    COLOURS,
    TEST,
    TRAIN,
    book_style,
    compare_runs,
    plot_losses,
)

EPOCHS = list(range(5, 101, 5))
TRAIN_LOSSES = [10.0 ** (2 - epoch / 25) for epoch in EPOCHS]
TEST_LOSSES = [10.0 ** (2 - epoch / 50) for epoch in EPOCHS]
# As Okabe and Ito give their colours, in parts of 255.
OKABE_ITO = {
    "blue": (0, 114, 178),
    "vermillion": (213, 94, 0),
    "green": (0, 158, 115),
    "purple": (204, 121, 167),
    "sky": (86, 180, 233),
    "orange": (230, 159, 0),
}


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


# One run


def test_both_curves_are_drawn_at_their_epochs(draw):
    run = make_run()

    train, test = (curves(draw(run))[label] for label in ("train", "test"))

    assert list(train.get_xdata()) == list(test.get_xdata()) == EPOCHS
    assert list(train.get_ydata()) == run.train_loss
    assert list(test.get_ydata()) == run.test_loss


def test_the_loss_axis_is_logarithmic_and_the_epochs_run_from_5_to_100(draw):
    ax = draw(make_run())

    assert ax.get_yscale() == "log"
    assert ax.get_xlim() == (5, 100)


@pytest.mark.parametrize("unit", ["half squared error", "squared error"])
def test_both_axes_are_labelled_and_the_loss_has_its_unit(draw, unit):
    ax = draw(make_run(unit=unit))

    assert ax.get_xlabel() == "epoch"
    assert ax.get_ylabel() == f"mean loss ({unit})"


def test_the_title_is_a_sentence_with_the_numbers_of_this_run(draw):
    assert title_of(draw(make_run())) == "With λ = 3 the test loss ends at 0.0702"
    assert "λ = 0.5 " in title_of(draw(make_run(lambd=0.5)))


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
    ax = draw(make_run(epochs=[3]))

    assert list(curves(ax)["test"].get_xdata()) == [3]


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


RUNS = [make_run(lambd) for lambd in (0.0, 3.0, 10.0)]


@pytest.mark.parametrize("runs", [RUNS[:1], RUNS, tuple(RUNS)])
def test_each_run_has_its_panel_named_by_its_lambda(runs):
    fig = compare_runs(runs, title="All three.")

    assert len(fig.axes) == len(runs)
    for ax, run in zip(fig.axes, runs, strict=True):
        assert title_of(ax) == f"λ = {run.lambd:g}"
        assert list(curves(ax)["train"].get_ydata()) == run.train_loss
        assert list(curves(ax)["test"].get_ydata()) == run.test_loss
        assert ax.get_yscale() == "log"
        assert ax.get_xlim() == (5, 100)
        assert ax.get_xlabel() == "epoch"


def test_all_panels_share_one_loss_axis_with_one_unit():
    fig = compare_runs(RUNS, title="All three.")

    assert len({ax.get_ylim() for ax in fig.axes}) == 1
    fig.axes[0].set_ylim(1e-3, 1e3)
    assert fig.axes[2].get_ylim() == (1e-3, 1e3)
    assert [ax.get_ylabel() for ax in fig.axes] == [
        "mean loss (half squared error)",
        "",
        "",
    ]


def test_the_comparison_has_its_title_and_one_legend():
    fig = compare_runs(RUNS, title="All three.")

    assert fig.get_suptitle() == "All three."
    (legend,) = fig.legends
    assert entries(legend) == ["train", "test"]
    assert all(ax.get_legend() is None for ax in fig.axes)


@pytest.mark.parametrize("label", ["train", "test"])
def test_a_curve_looks_the_same_in_both_kinds_of_picture(label):
    alone = curves(plot_losses(RUNS[0]))[label]
    beside_others = curves(compare_runs(RUNS, title="All three.").axes[1])[label]

    for what in ("color", "linestyle", "marker", "linewidth", "markerfacecolor"):
        assert mpl.artist.getp(alone, what) == mpl.artist.getp(beside_others, what)


@pytest.mark.parametrize("nothing", [[], ()])
def test_comparing_nothing_is_refused(nothing):
    with pytest.raises(ValueError, match="runs must hold at least one run"):
        compare_runs(nothing, title="Nothing.")
    assert plt.get_fignums() == []


def test_losses_in_different_units_do_not_share_an_axis():
    units = re.escape("half squared error and squared error")

    with pytest.raises(ValueError, match=f"runs must share one loss unit, got {units}"):
        compare_runs([make_run(), make_run(unit="squared error")], title="Never.")
    assert plt.get_fignums() == []


# The look


def test_the_colours_are_those_that_every_eye_can_tell_apart():
    drawn = {"blue": TRAIN["color"], "vermillion": TEST["color"], **COLOURS}
    grey = to_rgb(drawn.pop("grey"))

    assert set(COLOURS) == {"green", "purple", "sky", "orange", "grey"}
    assert {
        name: tuple(round(255 * part) for part in to_rgb(colour))
        for name, colour in drawn.items()
    } == OKABE_ITO
    assert grey[0] == grey[1] == grey[2]


def test_the_look_is_an_open_frame_with_pale_lines_behind_strong_curves():
    with book_style():
        figure, ax = plt.subplots()
        (curve,) = ax.plot([0, 1], [1, 2], marker="o", label="loss")
        legend = ax.legend()
        ax.set_title("A claim", loc="left")
    figure.draw_without_rendering()

    assert {side for side in ax.spines if ax.spines[side].get_visible()} == {
        "left",
        "bottom",
    }
    across, down = ax.yaxis.get_gridlines()[0], ax.xaxis.get_gridlines()[0]
    assert across.get_visible()
    assert not down.get_visible()
    assert ax.get_axisbelow() is True  # below bars, too
    assert 2 * across.get_linewidth() < curve.get_linewidth()
    assert not legend.get_frame_on()
    assert isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine)
    # The claim is the largest; what it is read off is larger than matplotlib's 10.
    title = ax._left_title.get_size()
    assert title > ax.xaxis.label.get_size() > 10


# Everything else


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
