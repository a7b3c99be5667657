import math
import re

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import ridge, scratch


@pytest.fixture
def printed(pages):
    return pages["exercises/beyond.html"].printed


def line_of(printed, start):
    (line,) = (line for line in printed if line.startswith(start))
    return line


def test_each_exercise_has_a_folded_solution_that_ran(pages):
    exercises = pages["exercises/beyond.html"].article.select("section > section")

    numbers = [exercise.h2.text.split(".")[0] for exercise in exercises]
    assert numbers == ["11", "12", "13", "14", "15", "16"]
    for exercise in exercises:
        (solution,) = exercise.select("details.solution")
        assert solution.select(".cell_output pre")
        assert "?" in exercise.text.partition("Solution")[0]


def test_l1_zeros_come_as_predicted_and_only_by_the_proximal_step(printed):
    rows = printed[1:4]

    for row, lambd in zip(rows, (0.3, 1, 3), strict=True):
        shown, expected, proximal, by_gradient, _ = numbers_of(row)
        # |w₀| ≤ 400 ηλ, by the normal distribution function.
        gone = torch.special.ndtr(torch.tensor(400 * 0.003 * lambd)) * 2 - 1
        assert shown == lambd
        assert expected == round(200 * float(gone))
        # A binomial count: within three standard deviations of its mean.
        spread = math.sqrt(200 * float(gone * (1 - gone)))
        assert abs(proximal - expected) <= 3 * spread + 0.5
        assert by_gradient == 0


def test_ten_starts_leave_a_tenth(printed, problem):
    single = numbers_of(line_of(printed, "mean test loss of the ten"))[0]
    averaged = numbers_of(line_of(printed, "test loss of the average"))[0]
    runs = [scratch.train(problem, lambd=0, seed=seed) for seed in range(10)]

    assert single == pytest.approx(sum(r.test_loss[-1] for r in runs) / 10, abs=0.06)
    w = torch.stack([run.w for run in runs]).mean(0)
    b = torch.stack([run.b for run in runs]).mean(0)
    loss = scratch.squared_loss(scratch.linreg(problem.X_test, w, b), problem.y_test)
    assert averaged == pytest.approx(float(loss.mean()), abs=0.006)
    assert averaged == pytest.approx(9, rel=0.4)  # ½·180/10; it varies by 18 %


def test_input_noise_comes_nearer_to_decay_with_smaller_steps(printed, problem):
    decay = numbers_of(line_of(printed, "‖w‖₂ with λ = 3"))[-1]
    noisy = numbers_of(line_of(printed, "with input noise"))[-1]
    finer = numbers_of(line_of(printed, "the same, η/4"))[-1]

    assert decay == pytest.approx(scratch.train(problem, 3).w_norm, abs=6e-4)
    assert decay < finer < noisy


def test_nielsen_in_our_words(printed):
    position = printed.index("λ = 60")
    factor, epochs = printed[position + 1 : position + 3]
    per_epoch, exponential = re.findall(r"0\.\d{4}", factor)

    assert agrees(per_epoch, 0.991**4)
    assert agrees(exponential, math.exp(-0.003 * 60 / 5))
    assert agrees(epochs.split()[-1], math.log(0.01) / math.log(0.991**4))
    assert int(epochs.split()[-1]) > 100


def test_the_oracle_beats_the_best_ridge(printed, problem):
    expected, oracle, best = (
        line_of(printed, start).split()[-1]
        for start in ("expected about", "oracle", "best ridge")
    )
    # Least squares in one variable, by its textbook formula.
    z, z_test = (X.sum(1) for X in (problem.X_train, problem.X_test))
    y, y_test = problem.y_train[:, 0], problem.y_test[:, 0]
    slope = ((z - z.mean()) * y).sum() / ((z - z.mean()) ** 2).sum()
    error = y.mean() + slope * (z_test - z.mean()) - y_test

    assert agrees(expected, 0.01**2 / 2 * 1.1)
    assert agrees(oracle, float((error**2).mean() / 2))
    w, b = ridge.fit(problem, 0.05)
    loss = scratch.squared_loss(scratch.linreg(problem.X_test, w, b), problem.y_test)
    assert agrees(best, float(loss.mean()))
    assert 70 < float(best) / float(oracle) < 150  # "about a hundred times"


def test_adamw_decays_and_adam_does_not(printed):
    adamw, adam = (numbers_of(line_of(printed, name))[0] for name in ("AdamW", "Adam "))

    # χ with 180 degrees of freedom, 5 %, and what the data hold up.
    assert adamw == pytest.approx(180**0.5 * 0.991**400, rel=0.2)
    # No weight has moved by more than 1.2: the triangle inequality.
    start = torch.normal(0.0, 1.0, (200, 1), generator=torch.Generator().manual_seed(0))
    nearest = (start.abs() - 1.2).clamp(min=0)
    assert adam > float(torch.linalg.vector_norm(nearest))
    assert adam > 10 * adamw


def test_a_falling_rate_keeps_the_root(printed):
    kept, predicted, norm = printed[-3:]
    rates = 0.003 * torch.cos(math.pi * torch.arange(400.0).double() / 800) ** 2
    product = float((1 - 3 * rates).prod())

    shown, root = (text for text in re.findall(r"0\.\d{4}", kept))
    assert agrees(shown, product)
    assert agrees(root, 0.991**200)
    assert agrees(predicted.split()[-1], 180**0.5 * product)
    assert float(norm.split()[-1]) == pytest.approx(180**0.5 * product, rel=0.2)
