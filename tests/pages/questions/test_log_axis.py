"""The numbers of "Why is the loss drawn on a logarithmic axis?"."""

import math

import pytest
import torch
from reading import agrees, table

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

PAGE = "questions/log-axis.html"
LAMBDAS = (1, 3, 6)


def slope(epochs, losses):
    """The least-squares slope of ln(loss) per step, and the number of points."""
    pairs = [
        (4.0 * epoch, math.log(loss))
        for epoch, loss in zip(epochs, losses, strict=True)
        if epoch >= 10 and loss > 0.5
    ]
    t, log = torch.tensor(pairs, dtype=torch.float64).T
    A = torch.stack([t, torch.ones_like(t)], dim=1)
    return float(torch.linalg.lstsq(A, log[:, None]).solution[0]), len(pairs)


@pytest.fixture(scope="module")
def three(problem):
    return [scratch.train(problem, lambd) for lambd in LAMBDAS]


def test_the_table_of_the_slopes(pages, three):
    rows = table(pages[PAGE], "λ  predicted  fitted  points", 3)

    for row, run in zip(rows, three, strict=True):
        fitted, num_points = slope(run.epochs, run.test_loss)
        predicted = 2 * math.log(1 - 0.003 * run.lambd)
        lambd, shown_predicted, shown_fitted, shown_points = row
        assert int(lambd) == run.lambd
        assert agrees(shown_predicted, predicted)
        assert agrees(shown_fitted, fitted)
        assert int(shown_points) == num_points


def test_the_slope_is_the_predicted_one_on_other_seeds_too():
    problems = [synthetic_data(seed=seed) for seed in range(50)]
    result = sweep(problems, LAMBDAS)

    for i, lambd in enumerate(LAMBDAS):
        for losses in result.test_loss[i].tolist():
            fitted, _ = slope(result.epochs, losses)
            assert fitted == pytest.approx(2 * math.log(1 - 0.003 * lambd), rel=0.1)


def test_one_power_of_ten_takes_the_steps_that_the_page_says(three):
    steps = math.log(10) / (2 * 0.003 * 3)
    losses = dict(zip(three[1].epochs, three[1].test_loss, strict=True))

    assert round(steps) == 128
    assert round(steps) / 4 == 32
    # Measured as with a ruler, 30 epochs apart.
    per_power = 4 * 30 / math.log10(losses[20] / losses[50])
    assert per_power == pytest.approx(steps, rel=0.05)


def test_what_the_linear_axis_does_not_show(three):
    top = max(loss for run in three for loss in run.test_loss)
    _, middle, last = (dict(zip(r.epochs, r.test_loss, strict=True)) for r in three)

    assert middle[70] < 0.01 * top  # at zero for the eye, in the last third
    assert last[70] < 0.01 * top
    assert middle[100] / last[100] == pytest.approx(10, rel=0.1)
    assert middle[90] / middle[100] > 1.5  # still falling
    assert last[90] / last[100] < 1.1  # nearly at rest


def test_the_fall_that_the_axis_hides(pages, problem, three):
    height, fall, times = pages[PAGE].printed[4:]
    none = scratch.train(problem, 0)
    first, last = none.test_loss[0], none.test_loss[-1]
    decades = math.log10(first / none.train_loss[-1])

    assert agrees(height.split()[3], decades)
    assert decades > 6
    assert agrees(fall.split()[5].rstrip(":"), first - last)
    share = 100 * math.log10(first / last) / decades
    assert agrees(fall.split()[6].rstrip("%"), share)
    assert agrees(times.split()[2], (first - last) / three[-1].test_loss[-1])
