"""The page "Does λ depend on the batch size or on the number of examples?"."""

import math

import pytest
import torch
from reading import agrees, table

from weight_decay import ridge, scratch, synthetic_data

SIZES = (1, 5, 10, 20)


@pytest.fixture
def page(pages):
    return pages["questions/batch-size.html"]


@pytest.fixture(scope="module")
def problem():
    return synthetic_data(dtype=torch.float64)


def left(problem, run):
    """The share of the start along one direction that no example touches."""
    X = problem.X_train
    direction = torch.ones(200, 1, dtype=X.dtype)
    direction -= X.T @ torch.linalg.solve(X @ X.T, X @ direction)
    return float(direction.T @ run.w) / float(direction.T @ run.w_init)


def test_larger_batches_forget_less_per_epoch(page, problem):
    rows = table(page, "B  steps  predicted  measured  test loss", 4)

    losses = []
    for row, B in zip(rows, SIZES, strict=True):
        run = scratch.train(problem, 3, batch_size=B)
        exact = 0.991 ** (100 * 20 // B)
        assert [int(row[0]), int(row[1])] == [B, 100 * 20 // B]
        assert float(row[2]) == pytest.approx(exact, rel=0.05)
        assert float(row[3]) == pytest.approx(left(problem, run), rel=0.05)
        assert agrees(row[4], run.test_loss[-1])
        losses.append(run.test_loss[-1])
    assert losses == sorted(losses)
    assert losses[-1] > 1000 * losses[0]
    (line,) = (line for line in page.printed if "mean of the training targets" in line)
    rival = (problem.y_train.mean() - problem.y_test).square().mean() / 2
    assert agrees(line.split()[-1], float(rival))


def test_every_table_has_its_rows_whole(page):
    rows = table(page, "B  λ ∝ B: left  test loss  η ∝ B: left  test loss", 4)

    assert [len(row) for row in rows] == [5] * 4


def test_two_ways_to_keep_the_forgetting(page, problem):
    rows = table(page, "B  λ ∝ B: left  test loss  η ∝ B: left  test loss", 4)

    for row, B in zip(rows, SIZES, strict=True):
        by_lambda = scratch.train(problem, 3 * B / 5, batch_size=B)
        by_rate = scratch.train(problem, 3, 0.003 * B / 5, batch_size=B)
        fresh = [B]
        for run in (by_lambda, by_rate):
            fresh += [left(problem, run), run.test_loss[-1]]
        assert all(map(agrees, row, fresh))
        # τ = B/(ηλn) is the same for all: 3.6 of them in 100 epochs.
        assert left(problem, by_rate) == pytest.approx(math.exp(-3.6), rel=0.07)


def test_the_best_lambda_against_noise_falls_with_n(page):
    rows = table(page, "n  formula  grid  loss at best λ  at λ = 45", 3)

    for row, n in zip(rows, (20, 60, 180), strict=True):
        best = 200 * 0.3**2 / (n * 0.02)
        X = synthetic_data(n_train=n).X_train
        risk = {
            lambd: ridge.expected_risk(X, lambd, 0.3, 0.02**0.5)
            for lambd in (best / 1.1, best, best * 1.1, 45)
        }
        assert agrees(row[0], n)
        assert agrees(row[1], best)
        # The grid has 16 points a decade.
        assert float(row[2]) == pytest.approx(best, rel=10 ** (1 / 32) - 1 + 0.01)
        assert float(row[3]) == pytest.approx(risk[best], abs=1.1e-4)
        assert agrees(row[4], risk[45])
        assert risk[best] < min(risk[best / 1.1], risk[best * 1.1])


@pytest.mark.parametrize("seed", range(3))
def test_the_expected_risk_is_what_many_draws_find(seed):
    # So the table does not rest on one formula: noise and truth drawn 2000 times.
    problem = synthetic_data(n_train=60, seed=seed, dtype=torch.float64)
    X, generator = problem.X_train, torch.Generator().manual_seed(seed)
    centred = X - X.mean(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    w_true = normal(200, 2000)
    w_true *= 0.02**0.5 / torch.linalg.vector_norm(w_true, dim=0)
    y = X @ w_true + 0.3 * normal(60, 2000)
    K = centred @ centred.T / 60 + 15 * torch.eye(60, dtype=torch.float64)
    w = centred.T @ torch.linalg.solve(K, y - y.mean(0)) / 60
    b = y.mean(0) - X.mean(0) @ w
    risk = (((w - w_true) ** 2).sum(0) + b**2 + 0.3**2) / 2
    exact = ridge.expected_risk(X, 15, 0.3, 0.02**0.5)
    assert float(risk.mean()) == pytest.approx(exact, rel=0.003)
