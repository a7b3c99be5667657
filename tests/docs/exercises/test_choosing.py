import math
from dataclasses import replace

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import ridge, scratch, synthetic_data

LAMBDAS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300]


@pytest.fixture
def printed(pages):
    return pages["exercises/choosing.html"].printed


def test_each_exercise_has_a_folded_solution_that_ran(pages):
    exercises = pages["exercises/choosing.html"].article.select("section > section")

    assert [e.h2.text.split(".")[0] for e in exercises] == ["6", "7", "8", "9", "10"]
    for exercise in exercises:
        (solution,) = exercise.select("details.solution")
        assert solution.select(".cell_output pre")
        assert "?" in exercise.text.partition("Solution")[0]


def test_the_choice_scatters_and_hardly_matters(printed):
    lambdas, chosen, _, regret = printed[:4]
    counts = [int(number) for number in chosen.split()[1:]]

    assert [float(number) for number in lambdas.split()[1:]] == LAMBDAS
    assert sum(counts) == 50
    # A wide range, and none that has not forgotten the start.
    assert sum(count > 0 for count in counts) >= 3
    assert sum(counts[:4]) == 0
    median, largest = numbers_of(regret)
    assert median < 3
    assert largest < 40
    # One seed, by hand.
    drawn = synthetic_data(n_test=120, seed=7)
    validation = replace(drawn, X_test=drawn.X_test[:20], y_test=drawn.y_test[:20])
    losses = [scratch.train(validation, v, seed=7).test_loss[-1] for v in LAMBDAS]
    assert counts[losses.index(min(losses))] > 0


def test_the_best_lambda_of_the_grid_is_that_of_the_formula(printed):
    start = printed.index("  n      σ   pσ²/(n‖w*‖²)   best on the grid")
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


def test_what_lambda_believes(printed):
    (three,) = (line for line in printed if line.startswith("λ = 3 "))
    (ten,) = (line for line in printed if line.startswith("λ = 10 "))
    (asked,) = (line for line in printed if line.startswith("weights of size"))

    # λ = σ²/(n s²)
    assert agrees(three.split()[-1], 0.01 / math.sqrt(20 * 3))
    assert agrees(ten.split()[-1], 0.01 / math.sqrt(20 * 10))
    assert agrees(asked.split()[-1], 0.01**2 / (20 * 0.01**2))


def test_copies_and_units_change_what_they_must(printed):
    same = [line for line in printed if "largest difference" in line]
    as_sum = [line for line in printed if line.startswith("n = ")]

    assert len(same) == 2
    assert all(numbers_of(line)[0] < 1e-12 for line in same)
    assert [numbers_of(line)[2] for line in as_sum] == [20 * 3, 40 * 3]


def test_the_bias_disturbs_the_path_in_other_units(printed):
    error, usual, scaled = printed[-3:]
    one = synthetic_data(dtype=torch.float64)
    big = replace(
        one, X_train=10 * one.X_train, X_test=10 * one.X_test, w_true=one.w_true / 10
    )
    run = scratch.train(one, lambd=3)
    other = scratch.train(big, lambd=300, lr=3e-5, w_init=run.w_init / 10)

    assert agrees(error.split()[-1].rstrip("%"), 100 * _gap(run, other))
    assert float(usual.split()[-1]) == pytest.approx(float(run.b), abs=1e-4)
    assert float(scaled.split()[-1]) == pytest.approx(float(other.b), abs=1e-4)
    # Without the difference in the bias the paths are one: give it nothing to do.
    held = {"lambd": 3, "epochs": 1, "batch_size": 20}
    start = {"w_init": run.w_init, "b_init": torch.zeros(1, dtype=torch.float64)}
    first = scratch.train(one, **held, **start)
    start["w_init"] = run.w_init / 10
    second = scratch.train(big, **(held | {"lambd": 300}), lr=3e-5, **start)
    assert _gap(first, second) < 1e-12


def _gap(run, other):
    return float(torch.linalg.vector_norm(run.w - 10 * other.w)) / run.w_norm
