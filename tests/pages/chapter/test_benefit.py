"""The numbers and the statements of "Where decay earns its keep"."""

import pytest
import torch
from reading import agrees, half_mse

from weight_decay import ridge, scratch, synthetic_data

SIZES = ((20, 10), (20, 20), (400, 200))


def test_the_table_of_little_data_is_that_of_single_runs(pages):
    page = pages["chapter/benefit.html"]

    for row, (n, p) in zip(page.printed[1:4], SIZES, strict=True):
        problem = synthetic_data(n, 100, p)
        runs = [scratch.train(problem, lambd) for lambd in (0, 3)]
        fresh = [n, p, *(run.w_norm for run in runs)]
        fresh += [run.test_loss[-1] for run in runs]
        fresh += [half_mse(problem.y_train.mean(), problem.y_test)]
        assert all(map(agrees, row.split(), fresh))
        assert len(row.split()) == len(fresh)
        if n == 20:
            assert fresh[4] > 100 * fresh[5]
            if p == 10:
                assert agrees(page.glued[0], fresh[4] / fresh[5])


def test_a_run_has_left_of_its_start_what_the_rule_says():
    # Full batches follow the rule to the last digit; small ones do so on average.
    problem = synthetic_data(20, 4, 20, dtype=torch.float64)
    d, directions = torch.linalg.eigh(problem.X_train.T @ problem.X_train / 20)
    start = torch.ones(20, 1).double()
    for lambd in (0, 3):
        ends = [
            scratch.train(problem, lambd, epochs=400, batch_size=20, w_init=w_init).w
            for w_init in (start, 0 * start)
        ]
        # b follows w, so the direction of the mean is left out of the comparison.
        left = (directions.T @ (ends[0] - ends[1])) / (directions.T @ start)
        rule = (1 - 0.003 * (d + lambd)) ** 400
        assert torch.median((left[:, 0] - rule).abs()) < 0.02


def test_the_loudest_and_the_quietest_direction(pages):
    X = synthetic_data(20, 4, 20).X_train.double()
    d = torch.linalg.eigvalsh(X @ X.T / 20)
    _, first, last, *_ = pages["chapter/benefit.html"].glued

    assert agrees(first, float(d[-1]))
    assert agrees(last, float(d[0]))


def test_a_chosen_decay_beats_every_rival_in_each_of_40_problems(pages):
    page = pages["chapter/benefit.html"]
    rows = [line.rsplit(maxsplit=3) for line in page.printed[5:9]]
    names = ["λ chosen", "λ = 0", "mean of the targets", "shortest exact fit"]
    assert [row[0] for row in rows] == names
    assert [int(row[3]) for row in rows[1:]] == [40, 40, 40]

    # The rivals, on a few problems and on new examples in place of the formula.
    lambdas, losses = (0.3, 1, 2), []
    for seed in range(4):
        problem = synthetic_data(150, 20_050, noise_std=0.1, seed=seed)
        X, y = problem.X_test, problem.y_test
        zero = torch.zeros(200, 1)
        ends = [
            scratch.train(problem, lambd, seed=seed, w_init=zero) for lambd in lambdas
        ]
        held_back = [half_mse(X[:50] @ run.w + run.b, y[:50]) for run in ends]
        best = ends[held_back.index(min(held_back))]
        without = scratch.train(problem, 0, seed=seed, w_init=zero)
        w, b = ridge.fit(problem, 0)
        predictions = [X @ best.w + best.b, X @ without.w + without.b]
        predictions += [problem.y_train.mean(), X @ w + b]
        losses.append([half_mse(y_hat, y) for y_hat in predictions])
    for i, row in enumerate(rows):
        fresh = sum(loss[i] for loss in losses) / len(losses)
        # Four problems of the 40: within four of their spreads, and 20 000 examples.
        tolerance = 2 * float(row[2]) + 0.02 * fresh
        assert abs(float(row[1]) - fresh) < tolerance
        assert i == 0 or all(loss[0] < loss[i] for loss in losses)


def test_the_noise_and_the_best_decay(pages):
    *_, without, constant, chosen, best = pages["chapter/benefit.html"].glued
    rows = [line.split() for line in pages["chapter/benefit.html"].printed[5:9]]
    decayed, zero, mean = (float(row[-3]) - 0.1**2 / 2 for row in rows[:3])

    assert agrees(without, round(zero / decayed, 1))
    assert agrees(constant, round(mean / decayed, 1))
    assert agrees(best, 200 * 0.1**2 / (150 * 200 * 0.01**2))
    assert float(best) / 2 < float(chosen) < 2 * float(best)


def test_noise_gets_in_through_the_quiet_directions():
    problem = synthetic_data(150, 4, noise_std=0.1)
    w, _ = ridge.fit(problem, 0)
    _, s, V = torch.linalg.svd(problem.X_train, full_matrices=False)
    error = (V @ (w - problem.w_true))[:, 0] ** 2

    # Of 150 directions, from the loudest to the quietest: σ²/(nd) in each, on average.
    assert error[-30:].sum() > 5 * error[:30].sum()
    assert error.sum() == pytest.approx(float((0.1**2 / s**2).sum()), rel=0.3)
