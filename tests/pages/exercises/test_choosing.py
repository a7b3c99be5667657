import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from reading import LABEL, agrees, numbers_of

from weight_decay import ridge, scratch, synthetic_data
from weight_decay.sweep import sweep

LAMBDAS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300]


@pytest.fixture
def printed(pages):
    return pages["exercises/choosing.html"].printed


def test_each_exercise_has_a_folded_solution_that_ran(pages):
    exercises = pages["exercises/choosing.html"].article.select("section > section")

    assert [e.h2.text.split(".")[0] for e in exercises] == ["6", "7", "8", "9", "10"]
    for exercise in exercises:
        (solution,) = exercise.select("details.solution")
        assert solution.select(".cell_output pre, .cell_output table")
        assert "?" in exercise.text.partition("Solution")[0]
        assert LABEL.fullmatch(exercise.p.text)


def test_the_choice_scatters_and_usually_hardly_matters(printed):
    rows, (mean_alone, regret, wider) = printed[1:10], printed[10:13]
    lambdas, counts, losses = zip(*map(numbers_of, rows), strict=True)

    assert list(lambdas) == LAMBDAS
    assert sum(counts) == 50
    # A wide range, and none that has not forgotten the start; most often the last.
    assert sum(count > 0 for count in counts) >= 3
    assert sum(counts[:5]) == 0
    assert max(counts) == counts[-1]
    median, largest = numbers_of(regret)[-2:]
    assert median < 3
    assert 5 < largest < 40
    assert numbers_of(wider)[-1] >= 5  # "often chosen", of 50
    # From λ = 30 on a model is about as good as a constant.
    constant = numbers_of(mean_alone)[0]
    assert all(loss == pytest.approx(constant, rel=0.03) for loss in losses[6:])
    assert all(loss > 1.05 * constant for loss in losses[:6])
    # Some seeds, by hand.
    for seed in (7, 8):
        drawn = synthetic_data(n_test=120, seed=seed)
        validation = replace(drawn, X_test=drawn.X_test[:20], y_test=drawn.y_test[:20])
        runs = [scratch.train(validation, v, seed=seed) for v in LAMBDAS]
        val_losses = [run.test_loss[-1] for run in runs]
        assert counts[val_losses.index(min(val_losses))] > 0
        # The loss of the mean of y_train, and that of those runs.
        constant = (drawn.y_test[20:] - drawn.y_train.mean()) ** 2 / 2
        y_hat = drawn.X_test[20:] @ runs[7].w + runs[7].b
        loss = (y_hat - drawn.y_test[20:]) ** 2 / 2
        assert float(loss.mean() / constant.mean()) == pytest.approx(1, abs=0.25)


def test_the_table_of_the_choice_is_that_of_a_sweep_over_the_weights(printed):
    drawn = [synthetic_data(n_test=120, seed=seed) for seed in range(50)]
    runs = sweep(drawn, [*LAMBDAS, 400, 500, 600], form="weights")
    val_loss, test_loss = torch.empty(2, 12, 50)
    for i, j in product(range(12), range(50)):
        y_hat = drawn[j].X_test @ runs.weight(i, j) + runs.b[i, j]
        losses = (y_hat - drawn[j].y_test) ** 2 / 2
        val_loss[i, j], test_loss[i, j] = losses[:20].mean(), losses[20:].mean()

    chosen = val_loss[:9].argmin(0)
    for i, row in enumerate(printed[1:10]):
        _, count, median = row.split()
        # Where two validation losses nearly agree, rounding may choose.
        assert abs(int(count) - int((chosen == i).sum())) <= 1
        assert agrees(median, float(test_loss[i].median()))
    constant = [((p.y_test[20:] - p.y_train.mean()) ** 2).mean() / 2 for p in drawn]
    # torch's median of an even number of values is the lower one of the middle.
    assert agrees(printed[10].split()[-1], sorted(map(float, constant))[24])
    regret = test_loss.gather(0, chosen[None])[0] / test_loss[:9].min(0).values - 1
    shown = numbers_of(printed[11])
    fresh = [100 * float(regret.median()), 100 * float(regret.max())]
    assert shown == pytest.approx(fresh, abs=0.15)
    last = int((val_loss.argmin(0) == 11).sum())
    assert abs(numbers_of(printed[12])[-1] - last) <= 1


def test_the_best_lambda_of_the_grid_is_that_of_the_formula(printed):
    start = printed.index("n  σ  pσ²/(n‖w*‖²)  best on the grid")
    rows = printed[start + 1 : start + 7]

    for row, (n, sigma) in zip(
        rows, [(n, s) for n in (20, 40) for s in (0.01, 0.1, 0.3)], strict=True
    ):
        formula = ridge.best_lambda(n, 200, sigma, 0.02**0.5)
        assert all(map(agrees, row.split(), [n, sigma, formula]))
        best = numbers_of(row)[3]
        # A minimum by another way: the package's risk, with a bias, on both sides.
        X = synthetic_data(n_train=n).X_train
        risk = [
            ridge.expected_risk(X, v, sigma, 0.02**0.5)
            for v in (best / 1.2, best, best * 1.2)
        ]
        assert risk[1] == min(risk)


def test_what_lambda_believes(printed, problem):
    start = printed.index("λ  s")
    three, ten, asked = (line.split() for line in printed[start + 1 : start + 4])

    # λ = σ²/(n s²)
    assert (three[0], ten[0], float(asked[1])) == ("3", "10", 0.01)
    assert agrees(three[1], 0.01 / math.sqrt(20 * 3))
    assert agrees(ten[1], 0.01 / math.sqrt(20 * 10))
    assert agrees(asked[0], 0.01**2 / (20 * 0.01**2))
    # "Both beat λ = 0 on the test set", and both are too strong for the fit.
    without, *both = (scratch.train(problem, v).test_loss[-1] for v in (0, 3, 10))
    assert max(both) < without
    X = problem.X_train
    best, *strong = (ridge.expected_risk(X, v, 0.01, 0.02**0.5) for v in (0.05, 3, 10))
    assert best < min(strong)


def test_the_constants_of_the_prior(printed):
    start = printed.index("objective  λ or α for s = 0.02")
    shown = [line.split()[-1] for line in printed[start + 1 : start + 4]]
    one = synthetic_data(dtype=torch.float64)
    X, y = one.X_train, one.y_train - one.y_train.mean()
    X = X - X.mean(0)
    eye = torch.eye(200, dtype=X.dtype)
    # The mean of the posterior of a normal prior; for normal noise it is its mode.
    precision = X.T @ X / 0.01**2 + eye / 0.02**2
    most_probable = torch.linalg.solve(precision, X.T @ y / 0.01**2)

    # The normal equations of each objective; n = 20.
    for value, (curvature, pull) in zip(
        shown, ((1 / 20, 1), (2 / 20, 1), (2, 2)), strict=True
    ):
        matrix = curvature * X.T @ X + pull * float(value) * eye
        w = torch.linalg.solve(matrix, curvature * X.T @ y)
        assert torch.allclose(w, most_probable, atol=1e-12)


def test_extra_rows_are_ridge_regression(printed):
    start = printed.index("w differs by  bias")
    closed, rows, penalised = (
        line.split()[-2:] for line in printed[start + 1 : start + 4]
    )
    one = synthetic_data(dtype=torch.float64)
    w, b = ridge.fit(one, 3)
    # With the bias among the weights, by the normal equations.
    A = torch.cat([one.X_train, torch.ones(20, 1, dtype=torch.float64)], 1)
    matrix = A.T @ A + 60 * torch.eye(201, dtype=A.dtype)
    both = torch.linalg.solve(matrix, A.T @ one.y_train)

    assert agrees(closed[1], float(b))
    assert agrees(rows[1], float(b))
    assert float(rows[0]) < 1e-12
    assert agrees(penalised[1], float(both[200]))
    differs = float((w - both[:200]).norm() / w.norm())
    assert float(penalised[0]) == pytest.approx(differs, abs=0.06)


def stopped(problem, free_bias):
    """Weight and bias after t steps from zero, by the powers of a matrix."""
    X, y = problem.X_train, problem.y_train
    ones = torch.ones(len(X), 1, dtype=X.dtype)
    if free_bias:
        A, targets = X - X.mean(0), y - y.mean()
    else:
        A, targets = torch.cat([X, ones], 1), y
    left, S, right = torch.linalg.svd(A, full_matrices=False)

    def after(t):
        gain = (1 - (1 - 0.003 * S**2 / len(X)) ** t) / S.clamp(min=1e-9)
        w = right.T @ (gain[:, None] * (left.T @ targets))
        return (w, (y - X @ w).mean()) if free_bias else (w[:-1], w[-1])

    return after


def test_stopping_and_ridge_reach_one_loss_with_two_weights(printed):
    start = printed.index("t  λ = 1/(ηt)  ridge  stopped  b fitted  w differs by")
    *rows, mean = (line.split() for line in printed[start + 1 : start + 8])
    noisy = synthetic_data(150, noise_std=0.1, dtype=torch.float64)

    def loss(w, b):
        error = ((w - noisy.w_true) ** 2).sum() + (b - noisy.b_true) ** 2
        return float(error + 0.01) / 2

    plain, free = stopped(noisy, False), stopped(noisy, True)
    for t, lambd, *losses, differs in rows:
        w, b = ridge.fit(noisy, 1 / (0.003 * int(t)))
        w_free, _ = free(int(t))
        assert agrees(lambd, 1 / (0.003 * int(t)))
        # On the page the fitted bias belongs to the weight before the step.
        fresh = [loss(w, b), loss(*plain(int(t))), loss(*free(int(t)))]
        assert list(map(float, losses)) == pytest.approx(fresh, abs=6e-5, rel=0.01)
        share = 100 * float((w - w_free).norm() / w.norm())
        assert float(differs.rstrip("%")) == pytest.approx(share, abs=0.6)
    assert agrees(mean[-1], loss(0 * noisy.w_true, noisy.y_train.mean()))
    # "The optimum is where expected, and flat."
    path = [loss(*plain(t)) for t in range(1, 3_000)]
    best = min(path)
    assert path.index(best) + 1 == pytest.approx(500, rel=0.1)
    assert max(path[250:1_000]) < 1.06 * best
    ridges = [loss(*ridge.fit(noisy, k / 100)) for k in range(10, 300)]
    assert ridges.index(min(ridges)) + 10 == pytest.approx(67, abs=20)
    # "The best losses are equal", with the bias fitted; else it is slightly worse.
    free_best = min(loss(*free(t)) for t in range(1, 3_000))
    assert free_best == pytest.approx(min(ridges), rel=0.01)
    assert 1.02 * min(ridges) < best < 1.05 * min(ridges)
    # "Stopping lets more of the strong directions through."
    X = noisy.X_train
    d = torch.linalg.svdvals(X - X.mean(0))[:-1] ** 2 / 150
    strong = d > 1
    assert bool((1 - (1 - 0.003 * d) ** 500 > d / (d + 2 / 3))[strong].all())
