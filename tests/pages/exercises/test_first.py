import math
import re

import pytest
import torch
from reading import LABEL, agrees, numbers_of

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
        assert solution.select(".cell_output pre, .cell_output table")
        # What is asked for is said before the solution, and not given away.
        assert "?" in exercise.text.partition("Solution")[0]
        assert LABEL.fullmatch(exercise.p.text)
    assert not page.article.select("details[open]")


def silent_part(problem, w):
    """The part of a weight in the directions without data, by least squares."""
    X, w = problem.X_train.double(), w.double()
    return w - X.T @ torch.linalg.solve(X @ X.T, X @ w)


def test_half_lives(pages, printed, problem):
    half_life, lambd, start, after_5 = printed[:4]

    assert agrees(half_life.split()[-2], math.log(0.5) / math.log(0.991))
    asked = float(lambd.split()[-1])
    assert (1 - 0.003 * asked) ** 4 == pytest.approx(0.5, abs=1e-3)
    measured, by_32 = numbers_of(after_5)[1], numbers_of(after_5)[3]
    assert measured == by_32
    shown, typical = numbers_of(start)[1], numbers_of(start)[3]
    assert measured == pytest.approx(shown / 32, abs=1e-3)
    w_init = scratch.train(problem, 0, epochs=1).w_init
    assert shown == pytest.approx(float(silent_part(problem, w_init).norm()), abs=6e-4)
    assert typical == pytest.approx(180**0.5, abs=6e-4)
    shorter = pages["exercises/first.html"].glued[0].removesuffix(" %")
    assert agrees(shorter, 100 * (1 - shown / typical))


def test_the_data_reach_a_part_of_every_single_weight(problem):
    # The length of eⱼ after it is projected onto the directions of the data.
    _, _, directions = torch.linalg.svd(problem.X_train, full_matrices=False)

    assert float(directions.norm(dim=0).min()) > 0.1


def test_zero_start(printed, problem):
    mean, *rows = after(printed, "test loss  random start  start at 0", 4)

    for row, lambd in zip(rows, (0, 3, 10), strict=True):
        zero = torch.zeros(200, 1)
        random = scratch.train(problem, lambd).test_loss[-1]
        from_zero = scratch.train(problem, lambd, w_init=zero).test_loss[-1]
        assert all(map(agrees, row.split()[-3:], [lambd, random, from_zero]))
    # "A few per cent, in place of a factor of ten thousand".
    random, from_zero = zip(*(numbers_of(row)[1:] for row in rows), strict=True)
    assert 1.02 < max(from_zero) / min(from_zero) < 1.08
    assert 5e3 < max(random) / min(random) < 2e4
    # "None of the three has learned much."
    alone = float(((problem.y_test - problem.y_train.mean()) ** 2).mean() / 2)
    assert agrees(mean.split()[-1], alone)
    assert all(0.7 < loss / alone < 1 for loss in from_zero)
    # The squared length that lies in the directions of the data, over many draws.
    shares = [
        1 - float(silent_part(data, data.w_true).square().sum()) / 0.02
        for data in (synthetic_data(seed=seed) for seed in range(50))
    ]
    assert sum(shares) / 50 == pytest.approx(0.1, abs=0.02)


def test_from_zero_the_order_is_that_of_the_seed():
    orders, factors = set(), []
    for seed in range(4):
        problem, start = synthetic_data(seed=seed), {"w_init": torch.zeros(200, 1)}
        losses = [
            scratch.train(problem, lambd, seed=seed, **start).test_loss[-1]
            for lambd in (0, 3, 10)
        ]
        orders.add(losses.index(min(losses)))
        factors.append(max(losses) / min(losses))

    assert len(orders) > 1
    assert max(factors) < 1.1


def test_the_penalty_added_once_is_a_fifth_of_it(printed, problem):
    rows = after(printed, "λ  √180·(1 − ηλ/5)⁴⁰⁰  added once", 2)

    for row, lambd in zip(rows, (3, 15), strict=True):
        predicted = 180**0.5 * (1 - 0.003 * lambd / 5) ** 400
        norm = scratch.train(problem, lambd / 5).w_norm
        assert all(map(agrees, row.split(), [lambd, predicted, norm, norm]))
        # "Below the prediction because the start is short", by what is glued.
        w_init = scratch.train(problem, 0, epochs=1).w_init
        short = float(silent_part(problem, w_init).norm()) / 180**0.5
        assert norm / predicted == pytest.approx(short, rel=0.01)


def test_the_bugs_have_the_norms_that_are_reported(pages, printed, problem):
    rows = [line.split() for line in after(printed, "program  predicted  ‖w‖₂", 6)]
    glued = pages["exercises/first.html"].glued
    w_init = scratch.train(problem, 0, epochs=1).w_init
    s = float(silent_part(problem, w_init).norm())

    # What the start becomes where the data are silent, one step after the other.
    takes = {
        "A": lambda v: 2 * 0.009 * v,
        "B": lambda v: 0.009,
        "C": lambda v: 2 * 0.009 / 200 * v,
        "D": lambda v: 0.009 / 5 * v,
        "E": lambda v: 0,
        "right": lambda v: 0.009 * v,
    }
    assert [name for name, *_ in rows] == list(takes)
    for name, predicted, _ in rows:
        left = s
        for _ in range(400):
            left -= takes[name](left)
        assert agrees(predicted, left)
    # Four of the programs are runs of the package with another λ (and another η).
    norms = {name: norm for name, _, norm in rows}
    for name, lambd, lr in (
        ("A", 6, 0.003),
        ("C", 6 / 200, 0.003),
        ("D", 3, 0.003 / 5),
        ("E", 0, 0.003),
        ("right", 3, 0.003),
    ):
        assert agrees(norms[name], scratch.train(problem, lambd, lr).w_norm)
    assert agrees(norms["B"], norm_pulled(problem, 3))
    half_square = scratch.train(problem, 3).w_norm ** 2 / 2
    values = [float(norms[name]) for name in "ABCDE"] + [half_square]
    reports = next(text for text in glued if "·" in text).split(" · ")
    assert len(set(reports)) == len(reports) == 6
    for shown, value in zip(reports, sorted(values, reverse=True), strict=True):
        assert float(shown) == pytest.approx(value, rel=0.005)
    assert agrees(next(text for text in glued if re.fullmatch(r"1\d\.\d", text)), s)


def norm_pulled(problem, lambd):
    """The norm that the penalty λ‖w‖ leaves, by gradients of the matrix calculus."""
    stream = torch.Generator().manual_seed(0)
    w, b = torch.normal(0.0, 1.0, (200, 1), generator=stream), torch.zeros(1)
    for _ in range(100):
        for batch in torch.randperm(20, generator=stream).split(5):
            X = problem.X_train[batch]
            error = X @ w + b - problem.y_train[batch]
            pull = X.T @ error / 5 + lambd * w / w.norm()
            w, b = w - 0.003 * pull, b - 0.003 * error.mean()
    return float(w.norm())


def test_what_is_left_over_of_the_first_bug_is_the_fit(problem):
    run = scratch.train(problem, 6)
    silent = float(silent_part(problem, run.w).norm())
    fit, _ = ridge.fit(problem, 6)

    assert silent < 0.01
    assert run.w_norm**2 - silent**2 == pytest.approx(float(fit.norm()) ** 2, rel=0.1)


def test_a_penalty_in_two_places_has_the_norm_of_twice_the_penalty(problem):
    stream = torch.Generator().manual_seed(0)
    w = torch.normal(0.0, 1.0, (200, 1), generator=stream).requires_grad_()
    b = torch.zeros(1, requires_grad=True)
    groups = [{"params": [w], "weight_decay": 3}, {"params": [b]}]
    trainer = torch.optim.SGD(groups, lr=0.003)
    for _ in range(100):
        for batch in torch.randperm(20, generator=stream).split(5):
            trainer.zero_grad()
            error = problem.X_train[batch] @ w + b - problem.y_train[batch]
            ((error**2).mean() / 2 + 3 * (w**2).sum() / 2).backward()
            trainer.step()

    twice = scratch.train(problem, 6).w_norm
    assert float(w.detach().norm()) == pytest.approx(twice, rel=1e-4)


def test_more_examples_leave_fewer_silent_directions(pages, printed):
    rows = after(printed, "n  √(200 − n)  ‖w‖₂", 3)

    for row, n in zip(rows, (20, 50, 150), strict=True):
        problem = synthetic_data(n_train=n)
        run = scratch.train(problem, lambd=0)
        everywhere = float(((run.w - problem.w_true) ** 2).sum()) / 2
        fresh = [n, (200 - n) ** 0.5, run.w_norm, (200 - n) / 2, everywhere]
        assert all(map(agrees, row.split(), [*fresh, run.test_loss[-1]]))
        # "A spread of 14 %": the test loss lies within two of them.
        assert run.test_loss[-1] == pytest.approx(everywhere, rel=2 * 0.02**0.5)
        if n < 150:  # "The start is short in these directions, too."
            start = float(silent_part(problem, run.w_init).norm())
            assert 0.9 < start / (200 - n) ** 0.5 < 0.96
            assert run.w_norm == pytest.approx(start, rel=1e-3)
    spread = pages["exercises/first.html"].glued[-1].removesuffix(" %")
    assert agrees(spread, 100 * 0.02**0.5)
    smallest, counted = printed[-2:]
    X = synthetic_data(n_train=150).X_train.double()
    d = torch.linalg.eigvalsh(X @ X.T / 150)
    left = (1 - 0.003 * d) ** 3000
    assert agrees(re.search(r"0\.\d+", smallest)[0], float(d[0]))
    assert numbers_of(smallest)[1] == pytest.approx(100 * float(left[0]), abs=0.6)
    assert agrees(counted.split()[-1], float((left**2).sum()))


def test_with_150_examples_the_squared_norm_is_larger_on_average():
    # Many starts on each of three data sets; by powers of a matrix, not by training.
    stream = torch.Generator().manual_seed(0)
    for seed in range(3):
        X = synthetic_data(n_train=150, seed=seed, dtype=torch.float64).X_train
        kept = torch.linalg.matrix_power(torch.eye(200) - 0.003 * X.T @ X / 150, 3000)
        starts = torch.randn(200, 4000, dtype=torch.float64, generator=stream)
        ends = kept @ starts
        assert float((ends**2).sum(0).mean()) > 51
        # "In one run luck may hide it."
        assert 0.02 < float(((ends**2).sum(0) < 50).double().mean()) < 0.5
