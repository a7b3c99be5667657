"""The numbers of "Adam or AdamW?"."""

import math

import pytest
import torch
from reading import agrees, table

from weight_decay import synthetic_data
from weight_decay.data import minibatches
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
    rows = table(pages[PAGE], "λ  √180·(1 − ηλ)⁴⁰⁰  AdamW  Adam", 4)

    for row, lambd in zip(rows, (0, 0.3, 3, 30), strict=True):
        shown = [float(cell) for cell in row]
        assert shown[0] == lambd
        assert agrees(row[1], math.sqrt(180) * (1 - 0.003 * lambd) ** 400)
        by_hand = [norm_by_hand(decoupled(lambd)), norm_by_hand(coupled(lambd))]
        assert shown[2:] == pytest.approx(by_hand, rel=0.02)
    numbers = [[float(cell) for cell in row] for row in rows]
    # AdamW keeps to the prediction as long as much is left; Adam does not even halve.
    for _, left, adamw, _ in numbers[:3]:
        assert adamw == pytest.approx(left, rel=0.15)
    assert numbers[3][3] > numbers[1][3] / 2
    assert numbers[0][2] == numbers[0][3]


def test_with_a_large_lambda_the_start_is_gone_and_the_last_updates_remain():
    problem = synthetic_data(seed=0, dtype=torch.float64)
    X, y = problem.X_train, problem.y_train
    w = torch.randn(
        200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    optimizer, without_start = Adam(0.003, decay=decoupled(30)), torch.zeros_like(w)
    for step in range(400):
        after = optimizer.step(w, X.T @ (X @ w - y) / 20)
        update = after - (1 - 0.003 * 30) * w
        if step >= 400 - 50:  # about four times 1/(ηλ)
            without_start = (1 - 0.003 * 30) * without_start + update
        w = after

    assert math.sqrt(180) * (1 - 0.003 * 30) ** 400 < 1e-14
    assert float((w - without_start).norm() / w.norm()) < 0.02


def test_the_default_of_adamw_is_not_zero():
    weight = torch.nn.Parameter(torch.ones(1))

    assert torch.optim.AdamW([weight]).defaults["weight_decay"] > 0
    assert torch.optim.Adam([weight]).defaults["weight_decay"] == 0


def test_adam_with_decoupled_decay_is_adamw():
    ends = []
    for kind, options in (
        (torch.optim.AdamW, {}),
        (torch.optim.Adam, {"decoupled_weight_decay": True}),
    ):
        w = torch.ones(3, requires_grad=True)
        optimizer = kind([w], lr=0.1, weight_decay=0.5, **options)
        for _ in range(5):
            optimizer.zero_grad()
            (w**2).sum().backward()
            optimizer.step()
        ends.append(w.detach())
    assert torch.equal(*ends)


def distance(problem, decay, batch_size, lr=0.001, falling=False):
    """Distance from ridge in units of its norm, in the last 200 of 1000 steps."""
    X, y = problem.X_train, problem.y_train
    ridge = torch.linalg.solve(X.T @ X / 20 + 3 * torch.eye(200), X.T @ y / 20)
    w, optimizer = torch.zeros_like(ridge), Adam(lr, decay=decay)
    generator, distances = torch.Generator().manual_seed(0), []
    for _ in range(50 * batch_size):
        for X_batch, y_batch in minibatches(X, y, batch_size, generator):
            if falling:
                optimizer.lr = lr * (1 - len(distances) / 1000)
            w = optimizer.step(w, X_batch.T @ (X_batch @ w - y_batch) / batch_size)
            distances.append(float((w - ridge).norm() / ridge.norm()))
    return sum(distances[-200:]) / 200, distances[-1]


def test_the_table_of_where_they_end(pages):
    header = "λ = 3  batch  distance from ridge / ‖ridge‖"
    rows = table(pages[PAGE], header, 4)
    single = synthetic_data(seed=0)  # the page uses its numbers, in float64
    problem = synthetic_data(seed=0, dtype=torch.float64)
    assert torch.allclose(single.X_train.double(), problem.X_train, atol=1e-6)

    shown = {(name, int(batch)): int(mean[:-1]) for name, batch, mean in rows}
    assert len(shown) == 4
    for (name, batch_size), percent in shown.items():
        decay = {"Adam": coupled, "AdamW": decoupled}[name](3)
        mean, _ = distance(problem, decay, batch_size)
        assert percent == pytest.approx(100 * mean, abs=0.7)
    assert shown["Adam", 20] == 0


def test_only_adam_comes_to_rest_at_ridge_on_other_data_too():
    problem = synthetic_data(seed=1, dtype=torch.float64)

    assert distance(problem, coupled(3), 20)[0] < 0.01
    constant, _ = distance(problem, coupled(3), 5)
    assert 0.05 < constant < 0.25
    _, at_the_end = distance(problem, coupled(3), 5, falling=True)
    assert at_the_end < constant / 2
    for batch_size in (20, 5):
        assert distance(problem, decoupled(3), batch_size)[0] > 0.3


def test_at_its_end_adam_with_l2_is_ridge_and_adamw_is_not_whatever_the_scales():
    problem = synthetic_data(30, 4, 3, noise_std=0.3, dtype=torch.float64)
    scale = torch.tensor([10.0, 1.0, 0.1], dtype=torch.float64)
    X, y = problem.X_train * scale, problem.y_train
    exact = torch.linalg.solve(X.T @ X / 30 + torch.eye(3), X.T @ y / 30)

    ends = {}
    for decay in (coupled(1), decoupled(1)):
        w, optimizer = torch.zeros(3, 1, dtype=torch.float64), Adam(0.01, decay=decay)
        for step in range(2000):
            optimizer.lr = 0.01 * (1 - step / 2000)
            w = optimizer.step(w, X.T @ (X @ w - y) / 30)
        ends[decay.kind] = float((w - exact).abs().max() / exact.abs().max())
    assert ends["coupled"] < 1e-3
    assert ends["decoupled"] > 0.02
