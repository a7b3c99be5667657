import math

import pytest
import torch
from reading import agrees, numbers_of

from weight_decay import synthetic_data
from weight_decay.optimizers import Adam, coupled, decoupled

PAGE = "questions/adamw.html"


def norm_by_hand(decay):
    """The norm after 400 steps, with the optimiser of the package, in float64."""
    problem = synthetic_data(seed=0)
    X, y = problem.X_train.double(), problem.y_train.double()
    generator = torch.Generator().manual_seed(0)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator).double()
    optimizer = Adam(0.003, decay=decay)
    for _ in range(400):
        w = optimizer.step(w, X.T @ (X @ w - y) / 20)
    return float(torch.linalg.vector_norm(w))


def test_the_table_is_that_of_the_optimisers_by_hand(pages):
    rows = pages[PAGE].printed[1:5]

    for row, lambd in zip(rows, (0, 0.3, 3, 30), strict=True):
        shown = numbers_of(row)
        assert shown[0] == lambd
        assert agrees(row.split()[1], math.sqrt(180) * (1 - 0.003 * lambd) ** 400)
        by_hand = [norm_by_hand(decoupled(lambd)), norm_by_hand(coupled(lambd))]
        assert shown[2:] == pytest.approx(by_hand, rel=0.02)
    table = [numbers_of(row) for row in rows]
    # AdamW keeps to the prediction as long as much is left; Adam does not even halve.
    for _, left, adamw, _ in table[:3]:
        assert adamw == pytest.approx(left, rel=0.15)
    assert table[3][3] > table[1][3] / 2
    assert table[0][2] == table[0][3]


def test_the_defaults_are_those_of_the_optimisers(pages):
    lines = [line for line in pages[PAGE].printed if "weight_decay=" in line]
    weight = torch.nn.Parameter(torch.ones(1))

    for line in lines:
        optimizer = getattr(torch.optim, line.split()[0])([weight])
        assert float(line.split("=")[-1]) == optimizer.defaults["weight_decay"]
    assert len(lines) == 2


def test_at_its_end_adam_with_l2_is_ridge_and_adamw_is_not():
    problem = synthetic_data(30, 4, 3, noise_std=0.3, dtype=torch.float64)
    scale = torch.tensor([10.0, 1.0, 0.1], dtype=torch.float64)
    X, y = problem.X_train * scale, problem.y_train
    exact = torch.linalg.solve(X.T @ X / 30 + torch.eye(3), X.T @ y / 30)

    ends = {}
    for decay in (coupled(1), decoupled(1)):
        w, optimizer = torch.zeros(3, 1, dtype=torch.float64), Adam(0.01, decay=decay)
        for step in range(8000):
            optimizer.lr = 0.01 * (1 - step / 8000)
            w = optimizer.step(w, X.T @ (X @ w - y) / 30)
        ends[decay.kind] = float((w - exact).abs().max() / exact.abs().max())
    assert ends["coupled"] < 1e-3
    assert ends["decoupled"] > 0.02
