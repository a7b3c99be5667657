import math
import re

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import ridge, scratch, synthetic_data


@pytest.fixture
def printed(pages):
    return pages["exercises/first.html"].printed


def after(printed, start, count):
    """The lines that follow the one with this start."""
    (position,) = (i for i, line in enumerate(printed) if line.startswith(start))
    return printed[position + 1 : position + 1 + count]


def test_each_exercise_has_a_folded_solution_that_ran(pages):
    page = pages["exercises/first.html"]
    exercises = page.article.select("section > section")

    assert [e.h2.text.split(".")[0] for e in exercises] == ["1", "2", "3", "4", "5"]
    for exercise in exercises:
        (solution,) = exercise.select("details.solution")
        assert solution.select(".cell_output pre")
        # What is asked for is said before the solution, and not given away.
        assert "?" in exercise.text.partition("Solution")[0]
    assert not page.article.select("details[open]")


def test_half_lives(printed):
    half_life, lambd, start, after_5 = printed[:4]

    assert agrees(half_life.split()[-2], math.log(0.5) / math.log(0.991))
    asked = float(lambd.split()[-1])
    assert (1 - 0.003 * asked) ** 4 == pytest.approx(0.5, abs=1e-3)
    measured, by_32 = numbers_of(after_5)[1], numbers_of(after_5)[3]
    assert measured == by_32
    assert measured == pytest.approx(numbers_of(start)[0] / 32, abs=1e-3)


def test_zero_start(printed, problem):
    rows = after(printed, " λ   random start   start at 0", 3)

    for row, lambd in zip(rows, (0, 3, 10), strict=True):
        zero = torch.zeros(200, 1)
        random = scratch.train(problem, lambd).test_loss[-1]
        from_zero = scratch.train(problem, lambd, w_init=zero).test_loss[-1]
        assert all(map(agrees, row.split(), [lambd, random, from_zero]))
    # "A few per cent, in place of a factor of ten thousand".
    random, from_zero = zip(*(numbers_of(row)[1:] for row in rows), strict=True)
    assert 1.02 < max(from_zero) / min(from_zero) < 1.08
    assert 5e3 < max(random) / min(random) < 2e4


def test_the_penalty_added_once_is_a_fifth_of_it(printed, problem):
    rows = after(printed, " λ   √180·(1 − ηλ/5)⁴⁰⁰   added once", 2)

    for row, lambd in zip(rows, (3, 15), strict=True):
        predicted = 180**0.5 * (1 - 0.003 * lambd / 5) ** 400
        norm = scratch.train(problem, lambd / 5).w_norm
        assert all(map(agrees, row.split(), [lambd, predicted, norm, norm]))


def test_a_matrix_is_two_runs_in_one(printed):
    rows = after(printed, " λ   √360·(1 − ηλ)⁴⁰⁰", 2)

    for row, lambd in zip(rows, (0, 3), strict=True):
        shown_lambd, predicted, norm = numbers_of(row)
        assert shown_lambd == lambd
        assert agrees(row.split()[1], 360**0.5 * (1 - 0.003 * lambd) ** 400)
        # χ with 360 degrees of freedom: a spread of 1/√2 about √360, 4 %.
        assert norm == pytest.approx(predicted, rel=0.12)
    singular, both = after(printed, rows[1], 2)
    root, frobenius = numbers_of(both)
    assert root == frobenius == numbers_of(rows[1])[2]
    assert math.hypot(*numbers_of(singular)) == pytest.approx(root, abs=2e-3)


def test_more_examples_leave_fewer_silent_directions(printed):
    rows = after(printed, "  n   √(200 − n)     ‖w‖₂", 3)

    for row, n in zip(rows, (20, 50, 150), strict=True):
        run = scratch.train(synthetic_data(n_train=n), lambd=0)
        fresh = [n, (200 - n) ** 0.5, run.w_norm, (200 - n) / 2, run.test_loss[-1]]
        assert all(map(agrees, row.split(), fresh))
    smallest, counted = printed[-2:]
    X = synthetic_data(n_train=150).X_train.double()
    d = torch.linalg.eigvalsh(X @ X.T / 150)
    left = (1 - 0.003 * d) ** 3000
    assert agrees(re.search(r"0\.\d+", smallest)[0], float(d[0]))
    assert numbers_of(smallest)[1] == pytest.approx(100 * float(left[0]), abs=0.6)
    assert agrees(counted.split()[-1], math.sqrt(50 + float((left**2).sum())))
    # The norm that came out lies near it, and above √50.
    assert numbers_of(rows[2])[2] == pytest.approx(numbers_of(counted)[0], rel=0.05)
    assert numbers_of(rows[2])[2] > 50**0.5
    assert ridge.shrinkage(X, 0, bias=False)[0][-1] == pytest.approx(float(d[0]))
