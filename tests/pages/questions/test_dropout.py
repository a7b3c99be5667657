"""The numbers of "Weight decay or dropout?"."""

import pytest
import torch
from reading import agrees, numbers_of, table

from weight_decay import synthetic_data

PAGE = "questions/dropout.html"


def minimum(X, y, lambd, price):
    """Ridge with a price for each weight, by a system of 20 equations."""
    Z = X / price.sqrt()  # scale the inputs so that all prices are one
    alpha = torch.linalg.solve(Z @ Z.T + len(X) * lambd * torch.eye(len(X)), y)
    return (Z.T @ alpha)[:, 0] / price.sqrt()


ONES = torch.ones(200, dtype=torch.float64)


def test_the_brute_force_agrees_with_the_formula(pages):
    both = pages[PAGE].printed[0]
    drawn, formula = numbers_of(both.partition(":")[2])
    problem = synthetic_data(dtype=torch.float64)
    w = torch.randn(
        200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    # The variance of the prediction, from the definition: a sum of independent terms.
    variance = (problem.X_train**2 @ w**2) * 0.75 / 0.25
    bias = (problem.X_train @ w - problem.y_train) ** 2

    assert 0.75 / 0.25 == 3
    assert formula == pytest.approx(float((bias + variance).mean() / 2), abs=0.06)
    assert drawn == pytest.approx(formula, rel=0.02)


def test_both_minima_are_minima_and_nearly_the_same(pages):
    prices = next(line for line in pages[PAGE].printed if line.startswith("prices"))
    rows = table(pages[PAGE], "q  λ  ‖w‖ dropout  ‖w‖ ridge  cosine", 3)
    problem = synthetic_data(dtype=torch.float64)
    X, y = problem.X_train, problem.y_train
    price = (X**2).mean(0)

    shown = prices.removeprefix("prices: ").replace(",", "").split()
    for i, value in ((0, price.min()), (2, price.max()), (-1, price.mean())):
        assert agrees(shown[i], float(value))
    for row, q in zip(rows, (0.5, 0.75, 0.9), strict=True):
        lambd = q / (1 - q)
        fits = [minimum(X, y, lambd, k) for k in (price, ONES)]
        norms = [float(torch.linalg.vector_norm(w)) for w in fits]
        same = float(torch.cosine_similarity(*fits, dim=0))
        assert all(map(agrees, row, [q, lambd, *norms, same]))
        assert 0.9 < same < 0.99


def test_gradient_descent_on_random_masks_goes_to_the_minimum_of_dropout():
    problem = synthetic_data(dtype=torch.float64)
    X, y = problem.X_train, problem.y_train
    goal = minimum(X, y, 1, (X**2).mean(0))[:, None]
    generator = torch.Generator().manual_seed(0)
    w, mean = torch.zeros(200, 1, dtype=torch.float64), 0
    for step in range(3000):
        Z = 2 * X * (torch.rand(X.shape, generator=generator) > 0.5)
        w = w - 0.02 * Z.T @ (Z @ w - y) / 20
        mean = mean + w / 2500 if step >= 500 else 0

    in_the_mean, at_the_end = (float((v - goal).norm()) for v in (mean, w))
    assert in_the_mean < 0.1 * float(goal.norm())
    assert at_the_end > 5 * in_the_mean  # one run is noisy
