import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from reading import agrees, numbers_of

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
        # "The weight is next to nothing", beside the true one.
        true_norm = float(drawn.w_true.norm())
        assert all(run.w_norm < 0.15 * true_norm for run in runs[6:])
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


def test_the_formula_holds_only_roughly_for_one_truth(printed):
    (line,) = (line for line in printed if line.startswith("best λ for our w*"))
    shown = line.split(":")[1].split()

    def excess(X, lambd, sigma):
        """The exact mean of ‖ŵ − w*‖²/2 over the noise, by matrices of size p."""
        n, p = X.shape
        truth = torch.full((p, 1), 0.01, dtype=X.dtype)
        inverse = torch.linalg.inv(X.T @ X / n + lambd * torch.eye(p, dtype=X.dtype))
        lost = lambd * inverse @ truth
        learned = inverse @ X.T / n
        return float((lost**2).sum() + sigma**2 * (learned**2).sum()) / 2

    for seed, best in enumerate(map(float, shown)):
        X = synthetic_data(seed=seed, dtype=torch.float64).X_train
        around = [excess(X, best * f, 0.1) for f in (0.9, 1, 1.1)]
        assert around[1] == min(around)
    assert len(shown) == 6
    assert max(map(float, shown)) > 1.3 * 5
    assert min(map(float, shown)) < 0.9 * 5


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


def test_copies_and_units_change_what_they_must(printed):
    same = [line for line in printed if "largest difference" in line]
    as_sum = [line for line in printed if line.startswith("n = ")]

    assert len(same) == 2
    assert all(numbers_of(line)[0] < 1e-12 for line in same)
    assert [numbers_of(line)[2] for line in as_sum] == [20 * 3, 40 * 3]


def test_the_bias_disturbs_the_path_in_other_units(printed):
    in_cm, closed, one_rate, two_rates = printed[-4:]
    one = synthetic_data(dtype=torch.float64)
    big = replace(
        one, X_train=10 * one.X_train, X_test=10 * one.X_test, w_true=one.w_true / 10
    )
    run = scratch.train(one, lambd=3)
    other = scratch.train(big, lambd=300, lr=3e-5, w_init=run.w_init / 10)

    bias, gap = one_rate.split()[-2:]
    assert float(bias) == pytest.approx(float(other.b), abs=6e-5)
    assert abs(float(other.b)) < 0.02 * abs(float(run.b))  # it hardly moves
    assert float(gap) == pytest.approx(_gap(run, other), rel=0.02)
    bias, gap = two_rates.split()[-2:]
    assert float(bias) == pytest.approx(float(run.b), abs=6e-5)
    assert float(gap) < 1e-12
    assert float(in_cm.split()[-2]) == pytest.approx(float(run.b), abs=6e-5)
    fitted = float(ridge.fit(one, 3)[1])
    assert float(closed.split()[-1]) == pytest.approx(fitted, abs=6e-5)


def _gap(run, other):
    return float(torch.linalg.vector_norm(run.w - 10 * other.w)) / run.w_norm
