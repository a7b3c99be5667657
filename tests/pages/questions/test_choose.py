"""The page "How do I choose λ?"."""

import numpy as np
import pytest
import torch
from reading import agrees, table
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = [0, 1, 3, 9, 27, 81, 243]
HEADER = "λ  validation (20)  validation (200)  true loss"


@pytest.fixture
def page(pages):
    return pages["questions/choose.html"]


@pytest.fixture(scope="module")
def problem():
    return synthetic_data(20, 20_000, noise_std=0.3, seed=1)


def losses(problem, w, b):
    return ((problem.X_test @ w + b - problem.y_test) ** 2 / 2)[:, 0]


@pytest.fixture(scope="module")
def loss(problem):
    """Of each example for each λ, by the plain loop."""
    # The loop looks at the test set every fifth epoch: give it a small one.
    small = synthetic_data(20, 1, noise_std=0.3, seed=1)
    runs = [scratch.train(small, lambd, seed=1) for lambd in LAMBDAS]
    return torch.stack([losses(problem, run.w, run.b) for run in runs])


def choices(loss, size):
    sets = loss.reshape(len(loss), -1, size).mean(2)
    return sets.argmin(0), sets.min(0).values


def test_the_table_is_that_of_the_plain_loop(page, problem, loss):
    for row, one in zip(table(page, HEADER, 7), loss, strict=True):
        lambd, few, more, truth = row
        assert agrees(few, float(one[:20].mean()))
        assert agrees(more, float(one[-200:].mean()))
        assert agrees(truth, float(one.mean()))
        assert int(lambd) in LAMBDAS
    trivial = float(((problem.y_train.mean() - problem.y_test) ** 2).mean()) / 2
    last = page.printed[page.printed.index(HEADER) + 8]
    assert agrees(last.split()[-1], trivial)


def test_the_numbers_in_the_text(page, problem, loss):
    without, best_loss, best, gain, _ = page.glued
    trivial = float(((problem.y_train.mean() - problem.y_test) ** 2).mean()) / 2
    truth = loss.mean(1)

    assert agrees(without, float(truth[0]))
    assert agrees(best_loss, float(truth.min()))
    assert int(best) == LAMBDAS[int(truth.argmin())]
    assert agrees(gain.split()[0], 100 * (1 - float(truth.min()) / trivial))
    few, more = ([float(row[k]) for row in table(page, HEADER, 7)] for k in (1, 2))
    assert np.argmin(few) != np.argmin(more)  # "do not agree"


def test_twenty_examples_choose_almost_at_random(page, loss):
    few, more = (
        torch.bincount(choices(loss, size)[0], minlength=7) / (20_000 // size)
        for size in (20, 200)
    )

    header = "set  " + "  ".join(f"λ = {lambd}" for lambd in LAMBDAS)
    for row, size, fresh in zip(
        table(page, header, 2), (20, 200), (few, more), strict=True
    ):
        assert int(row[0]) == size
        assert [float(cell[:-1]) for cell in row[1:]] == pytest.approx(
            (100 * fresh).tolist(), abs=1
        )
    assert float(few[:3].sum()) < 0.01
    assert bool((few[3:] > 0.1).all())
    assert bool((few < 0.4).all())
    assert int(more.argmax()) == int(loss.mean(1).argmin())
    assert float(more.max()) > 0.7  # "most of the time"


def test_the_four_candidates_differ_by_less_than_a_tenth(loss):
    last = loss.mean(1)[3:]
    spread_of_a_mean = loss.reshape(7, -1, 20).mean(2)[3:].std(1) / last

    assert float(last.max() / last.min()) < 1.1
    assert spread_of_a_mean.tolist() == pytest.approx([0.32] * 4, abs=0.02)


def test_the_grid_is_that_of_the_rule_extended_at_its_end(loss, problem):
    # A memory 1/(ηλ) of ten runs to a tenth of a run of 400 steps.
    first, last = (1 / (0.003 * 400 * runs) for runs in (10, 0.1))
    assert first == pytest.approx(0.1, rel=0.2)
    assert last == pytest.approx(9, rel=0.1)

    few, more = loss[:4, :20].mean(1), loss[:4, -200:].mean(1)
    assert few.argmin() == more.argmin() == 3
    small = sweep([problem], [0.1, 0.3], seeds=[1]).test_loss[:, 0, -1]
    assert bool((small > 5 * loss[1].mean()).all())


def test_the_two_tables_differ_by_the_start(page, problem, loss):
    *_, start = page.glued
    (end,) = (row[2] for row in table(page, "λ  leave one out  true loss", 1))
    model = Ridge(alpha=20).fit(problem.X_train.numpy(), problem.y_train.numpy())
    error = model.predict(problem.X_test.numpy()) - problem.y_test.numpy().reshape(
        model.predict(problem.X_test.numpy()).shape
    )

    assert agrees(end, float((error**2).mean()) / 2)
    assert float(loss[1].mean()) > 100 * float(end)
    assert agrees(start.split()[0], 100 * (1 - 0.003) ** 400)
    # The start is the reason: without one, the same run ends near the other number.
    zero = torch.zeros(200, 1)
    from_zero = sweep([problem], [1], seeds=[1], w_init=zero).test_loss[0, 0, -1]
    assert float(from_zero) == pytest.approx(float(end), rel=0.1)


def test_the_loss_that_chose_is_too_good(page, loss, problem):
    truth = loss.mean(1)

    for row in table(page, "size  loss that chose  its true loss  best possible", 2):
        chosen, reported = choices(loss, int(row[0]))
        fresh = [reported.mean(), truth[chosen].mean(), truth.min()]
        assert all(map(agrees, row[1:], map(float, fresh)))
    trivial = float(((problem.y_train.mean() - problem.y_test) ** 2).mean()) / 2
    chosen, _ = choices(loss, 20)
    assert float(truth[chosen].mean()) == pytest.approx(trivial, rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_so_it_is_on_every_data_set(seed):
    problem = synthetic_data(20, 4_000, noise_std=0.3, seed=seed)
    runs = sweep([problem], LAMBDAS, seeds=[seed])
    loss = torch.stack(
        [losses(problem, runs.weight(i, 0), runs.b[i, 0]) for i in range(7)]
    )

    for size in (20, 200):
        chosen, reported = choices(loss, size)
        assert reported.mean() < loss.mean(1).min() <= loss.mean(1)[chosen].mean()


def test_leaving_one_out_is_what_twenty_fits_find(page, problem):
    X, y = problem.X_train.double().numpy(), problem.y_train.double().numpy()
    X_test, y_test = problem.X_test.numpy(), problem.y_test.numpy()

    rows = table(page, "λ  leave one out  true loss", 6)
    for lambd, by_formula, truth in rows:
        alpha = 20 * float(lambd)
        # Its loss is a sum: the same alpha is the same nλ.
        squares = []
        for kept, left in LeaveOneOut().split(X):
            model = Ridge(alpha=alpha).fit(X[kept], y[kept])
            squares.append((model.predict(X[left]) - y[left].ravel()) ** 2)
        refitted = np.mean(squares) / 2
        # float32 on the page
        assert float(by_formula) == pytest.approx(refitted, abs=0.7e-4)
        model = Ridge(alpha=alpha).fit(X, y)
        error = model.predict(X_test) - y_test.ravel()
        assert agrees(truth, float((error**2).mean()) / 2)
    # "Its level is far from the truth and its minimum is in another place."
    estimates, truths = (np.array([float(row[k]) for row in rows]) for k in (1, 2))
    assert bool((estimates > 1.4 * truths).all())
    assert estimates.argmin() != truths.argmin()
