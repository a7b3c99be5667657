import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import synthetic_data

PAGE = "questions/dropout.html"


def test_the_brute_force_agrees_with_the_formula(pages):
    price, both = pages[PAGE].printed[:2]
    drawn, formula = numbers_of(both.partition(":")[2])
    problem = synthetic_data(dtype=torch.float64)
    w = torch.randn(
        200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    # The variance of the prediction, from the definition: a sum of independent terms.
    variance = (problem.X_train**2 @ w**2) * 0.75 / 0.25
    bias = (problem.X_train @ w - problem.y_train) ** 2

    assert price.endswith("= 3")
    assert formula == pytest.approx(float((bias + variance).mean() / 2), abs=0.06)
    assert drawn == pytest.approx(formula, rel=0.02)


def test_both_minima_are_minima_and_nearly_the_same(pages):
    rows = pages[PAGE].printed[3:6]
    problem = synthetic_data(dtype=torch.float64)
    X, y = problem.X_train, problem.y_train

    for row, q in zip(rows, (0.5, 0.75, 0.9), strict=True):
        lambd = q / (1 - q)
        fits = []
        for price in ((X**2).mean(0), torch.ones(200, dtype=torch.float64)):
            # Scale the inputs so that all prices are one; the 20 × 20 form of ridge.
            Z = X / price.sqrt()
            alpha = torch.linalg.solve(Z @ Z.T + 20 * lambd * torch.eye(20), y)
            fits.append((Z.T @ alpha)[:, 0] / price.sqrt())
        norms = [float(torch.linalg.vector_norm(w)) for w in fits]
        same = float(torch.cosine_similarity(*fits, dim=0))
        assert all(map(agrees, row.split(), [q, lambd, *norms, same]))
        assert same > 0.9


def test_dropout_does_not_see_units_and_ridge_does(pages):
    dropout, ridge = (numbers_of(line) for line in pages[PAGE].printed[7:9])

    assert dropout[0] == dropout[1]
    assert ridge[0] < 60
    assert ridge[1] > 95
