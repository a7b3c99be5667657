"""The numbers and the statements of "Two weights, then two hundred"."""

import pytest
import torch
from reading import agrees, half_mse


def fit_from(start, X, y):
    """The exact fit to which gradient descent goes from a start."""
    return start + X.T @ torch.linalg.solve(X @ X.T, y - X @ start)


@pytest.mark.parametrize("lambd", [0, 0.3])
def test_the_data_move_across_the_line_and_only_decay_moves_along_it(lambd):
    x, y, w = torch.tensor([2.0, 1]).double(), 3, torch.tensor([-1.0, 3]).double()
    across, along = x / 5**0.5, torch.tensor([1.0, -2]).double() / 5**0.5
    left = w @ along

    for _ in range(200):
        w = (1 - 0.1 * lambd) * w - 0.1 * (w @ x - y) * x

    assert float(w @ along) == pytest.approx(float(left) * (1 - 0.1 * lambd) ** 200)
    # The balance of both pulls: the length 3/√5 of the shortest fit, times d/(d + λ).
    assert float(w @ across) == pytest.approx(3 / 5**0.5 * 5 / (5 + lambd))


def test_the_numbers_of_the_problem(pages, problem):
    X, y, X_test, y_test = (
        getattr(problem, name).double()
        for name in ("X_train", "y_train", "X_test", "y_test")
    )
    start = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    fit = fit_from(start.double(), X, y)
    from_zero = fit_from(torch.zeros(200, 1).double(), X, y)
    page = pages["chapter/problem.html"]

    header, random, constant, _, zero = page.printed
    assert header.split() == ["model", "train", "loss", "test", "loss"]
    train, test = random.split()[-2:]
    assert float(train) < 1e-5
    assert agrees(test, half_mse(X_test @ fit, y_test))
    train, test = constant.split()[-2:]
    assert agrees(train, half_mse(y.mean(), y))
    assert agrees(test, half_mse(y.mean(), y_test))
    assert agrees(zero.split()[-1], half_mse(X_test @ from_zero, y_test))
    assert float(zero.split()[-2]) < 1e-5
    norms = [float(torch.linalg.vector_norm(w)) for w in (start, fit)]
    fresh = [*norms, norms[1] ** 2 / 2]
    assert all(map(agrees, page.glued, fresh))
    assert len(page.glued) == len(fresh)


def test_it_is_thousands_of_times_worse_than_a_constant(problem):
    X, y = problem.X_train, problem.y_train
    start = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    fitted = half_mse(problem.X_test @ fit_from(start, X, y), problem.y_test)

    assert 2000 < fitted / half_mse(y.mean(), problem.y_test) < 100_000
