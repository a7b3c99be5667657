"""The numbers of "What does λ do?"."""

import math
from itertools import pairwise

import numpy as np
import pytest
from reading import NUMBER, agrees, table
from sklearn.linear_model import Ridge

from weight_decay import DivergenceError, scratch

LAMBDAS = (10, 30, 100, 300)


@pytest.fixture
def page(pages):
    return pages["questions/lambda.html"]


@pytest.fixture(scope="module")
def settled(problem):
    """λ, loss and ½‖w‖² of the runs that have come to rest."""
    runs = [scratch.train(problem, lambd) for lambd in LAMBDAS]
    return [(run.lambd, run.train_loss[-1], run.w_norm**2 / 2) for run in runs]


def test_lambda_is_a_speed(page):
    header = "λ  taken per step  half-life (epochs)  left at the end"
    none, *rows = table(page, header, 3)

    assert none == ["0", "0.0%", "inf", "1"]
    for (lambd, taken, half_life, left), expected in zip(rows, (3, 10), strict=True):
        factor = 1 - 0.003 * expected
        assert int(lambd) == expected
        assert agrees(taken[:-1], 100 * (1 - factor))
        assert factor ** (4 * float(half_life)) == pytest.approx(0.5, rel=0.01)
        assert agrees(left, factor**400)


def test_the_price_paid_lies_between_the_two(page, settled):
    rows = table(page, "λ  λ′  loss paid per unit", 3)

    for row, (less, more) in zip(rows, pairwise(settled), strict=True):
        paid = (more[1] - less[1]) / (less[2] - more[2])
        assert all(map(agrees, row, [less[0], more[0], paid]))
        assert less[0] < float(row[2]) < more[0]


def test_the_same_at_the_minima_themselves(exact):
    X, y = exact.X_train.numpy(), exact.y_train.numpy().ravel()
    ends = []
    for lambd in (0.01, 0.1, 1, *LAMBDAS):
        model = Ridge(alpha=20 * lambd, tol=1e-12).fit(X, y)
        loss = np.mean((model.predict(X) - y) ** 2) / 2
        ends.append((lambd, loss, np.sum(model.coef_**2) / 2))

    for (low, L, R), (high, L_, R_) in pairwise(ends):
        assert low < (L_ - L) / (R - R_) < high
    shares = [lambd * R / (L + lambd * R) for lambd, L, R in ends]
    assert shares == sorted(shares, reverse=True)


def test_the_share_of_the_penalty_falls(page, settled):
    rows = table(page, "λ  loss  penalty  share of the penalty", 4)

    for row, (lambd, loss, half_square) in zip(rows, settled, strict=True):
        price = lambd * half_square
        fresh = [lambd, loss, price, 100 * price / (price + loss)]
        assert all(map(agrees, [*row[:3], row[3][:-1]], fresh))
    shares = [int(row[3][:-1]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 50
    assert shares[-1] < 5


def test_too_small_and_too_large(page, problem):
    rows = table(page, "λ  ‖w‖₂  train loss  test loss", 8)

    for lambd, norm, train, test in rows:
        run = scratch.train(problem, float(lambd))
        assert agrees(norm, run.w_norm)
        assert agrees(train, run.train_loss[-1])
        assert agrees(test, run.test_loss[-1])
    (line,) = (line for line in page.printed if "mean of the training targets" in line)
    rival = float((problem.y_train.mean() - problem.y_test).square().mean()) / 2
    assert agrees(line.split()[-1], rival)
    # "A plain, hardly below the model that looks at no input."
    assert all(0.8 * rival < float(row[-1]) < 1.1 * rival for row in rows[4:])
    with pytest.raises(DivergenceError) as error:
        scratch.train(problem, 700)
    assert agrees(NUMBER.findall(page.printed[-1])[-1], error.value.step)


def test_what_decay_leaves_is_drawn_under_the_test_loss(runs):
    for lambd in (3, 10):
        run = runs[scratch, lambd]
        for epoch, loss in zip(run.epochs, run.test_loss, strict=True):
            left = 90 * math.exp(8 * epoch * math.log(1 - 0.003 * lambd))
            if left > 0.1:
                assert loss == pytest.approx(left, rel=0.35)
