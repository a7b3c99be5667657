"""The numbers of "Why does the training loss go up?"."""

from itertools import pairwise

import pytest
import torch
from reading import agrees, table
from sklearn.linear_model import Ridge

from weight_decay import concise, scratch, synthetic_data

PAGE = "questions/rising-train-loss.html"


def half_mean_square(error):
    return float((error**2).mean()) / 2


def descend(problem, steps, *, free_bias):
    """Gradient descent with λ = 3 from an exact fit: train, objective, test."""
    X, y = problem.X_train, problem.y_train
    generator = torch.Generator().manual_seed(0)
    w = torch.normal(0, 1, (200, 1), generator=generator).double()
    w = w + X.T @ torch.linalg.solve(X @ X.T, y - X @ w)
    b, path = torch.zeros(1, dtype=torch.float64), []
    for _ in range(steps + 1):
        r = X @ w + b - y
        train = half_mean_square(r)
        test = half_mean_square(problem.X_test @ w + b - problem.y_test)
        path.append((train, train + 3 * float((w**2).sum()) / 2, test))
        w = w - 0.003 * (X.T @ r / len(X) + 3 * w)
        b = b - 0.003 * r.mean() * free_bias
    return path


@pytest.fixture(scope="module")
def path():
    return descend(synthetic_data(dtype=torch.float64), 6400, free_bias=True)


@pytest.fixture(scope="module")
def held():
    return descend(synthetic_data(dtype=torch.float64), 6400, free_bias=False)


def test_the_table_of_the_minima(pages):
    noisy = synthetic_data(n_train=150, noise_std=0.1, dtype=torch.float64)
    header = "λ  train loss  test loss"
    rows = [list(map(float, row)) for row in table(pages[PAGE], header, 8)]
    *_, train, test = pages[PAGE].printed[pages[PAGE].printed.index(header) + 9].split()
    for shown, y in ((train, noisy.y_train), (test, noisy.y_test)):
        assert agrees(shown, half_mean_square(y - noisy.y_train.mean()))

    for lambd, train, test in rows:
        # scikit-learn wants a positive penalty where there are many minima.
        model = Ridge(alpha=150 * max(lambd, 1e-9), solver="svd")
        model.fit(noisy.X_train.numpy(), noisy.y_train.numpy().ravel())
        for shown, X, y in (
            (train, noisy.X_train, noisy.y_train),
            (test, noisy.X_test, noisy.y_test),
        ):
            error = model.predict(X.numpy()) - y.numpy().ravel()
            assert shown == pytest.approx(half_mean_square(error), abs=6e-6)
    assert all(less[1] < more[1] for less, more in pairwise(rows))
    tests = {lambd: test for lambd, _, test in rows}
    lambdas = list(tests)
    assert min(tests, key=tests.get) == 1
    # Falling down to λ = 1, rising from there.
    assert sorted(lambdas[:5], key=tests.get) == lambdas[:5][::-1]
    assert sorted(lambdas[4:], key=tests.get) == lambdas[4:]


def test_the_table_of_the_run_from_an_exact_fit(pages, path, held):
    header = "step  train loss  objective  test loss  train loss, b held"
    rows = table(pages[PAGE], header, 8)

    assert [int(step) for step, *_ in rows] == [0, 1, 10, 100, 200, 400, 1600, 6400]
    for step, *shown in rows:
        values = [*path[int(step)], held[int(step)][0]]
        assert len(shown) == len(values)
        assert all(map(agrees, shown, values))


def test_the_objective_falls_at_every_step_and_by_three_powers_of_ten(path):
    train, objective, test = zip(*path[:401], strict=True)

    assert all(later < now for now, later in pairwise(objective))
    assert objective[0] / objective[400] > 1000
    assert all(later < now for now, later in pairwise(test))
    assert test[0] / test[400] > 1000
    assert train[0] < 1e-20
    assert train[400] > 1e-4


def test_the_training_loss_comes_down_again_because_of_the_bias(path, held):
    train = [losses[0] for losses in path]
    peak = train.index(max(train))
    train_held = [losses[0] for losses in held]

    assert 100 < peak < 400
    assert all(now < later for now, later in pairwise(train[: peak + 1]))
    assert train[-1] < 0.9 * train[peak]
    assert train[1600] > 1.04 * train[-1]  # after thousands of steps still on its way
    assert train_held[-1] == pytest.approx(max(train_held), rel=1e-9)


@pytest.mark.parametrize("module", [scratch, concise])
@pytest.mark.parametrize("lambd", [0, 3, 10])
def test_the_runs_of_the_chapter_stay_near_their_lowest_training_loss(
    runs, module, lambd
):
    losses = runs[module, lambd].train_loss
    # Without decay the concise run ends in rounding errors, which move by more.
    slack = 1e-9 if (module, lambd) == (concise, 0) else 0

    assert losses[-1] < 1.05 * min(losses) + slack
    assert losses[-1] < losses[0] / 100
