"""The page "How do λ and the learning rate belong together?"."""

import math

import numpy as np
import pytest
import torch
from reading import agrees, table
from sklearn.linear_model import Ridge

from weight_decay import scratch, synthetic_data
from weight_decay.optimizers import Adam, decoupled

SETTINGS = ((0.0009, 10), (0.003, 3), (0.009, 1), (0.03, 0.3))


@pytest.fixture
def page(pages):
    return pages["questions/learning-rate.html"]


def beyond(X):
    """Onto the directions without data."""
    _, _, V_t = torch.linalg.svd(X, full_matrices=False)
    return torch.eye(X.shape[1], dtype=X.dtype) - V_t.T @ V_t


def test_what_is_left_is_the_same_and_the_end_is_not(page):
    p = synthetic_data(dtype=torch.float64)
    left = 0.991**400

    rows = table(page, "η  λ  left of the start  ‖w‖ in the end", 4)
    for row, (lr, lambd) in zip(rows, SETTINGS, strict=True):
        ridge = Ridge(alpha=20 * lambd).fit(p.X_train.numpy(), p.y_train.numpy())
        fresh = [lr, lambd, left, float(np.linalg.norm(ridge.coef_))]
        assert all(map(agrees, row, fresh))
    ends = [float(row[-1]) for row in rows]
    assert ends == sorted(ends)
    assert ends[-1] > 1.5 * ends[0]


@pytest.mark.parametrize("seed", range(3))
def test_only_the_product_matters_without_data_for_any_seed(seed):
    p = synthetic_data(seed=seed, dtype=torch.float64)
    P = beyond(p.X_train)

    for lr, lambd in SETTINGS:
        run = scratch.train(p, lambd, lr, seed=seed, epochs=20)
        assert torch.allclose(P @ run.w, 0.991**80 * (P @ run.w_init), atol=1e-12)


def test_the_runs_of_the_chapter_last_so_many_memories(page):
    memories = [400 / (1 / (0.003 * lambd)) for lambd in (3, 10)]

    text = " ".join(page.article.text.split())
    assert "last {:.2g} and {:.2g} times that long".format(*memories) in text


def test_what_the_schedules_leave(page):
    t = np.arange(400)
    rates = {
        "constant": np.full(400, 0.003),
        "cosine": 0.0015 * (1 + np.cos(np.pi * t / 400)),
        "step": 0.003 * 0.1 ** (t // 100),
    }
    left = {name: float(np.prod(1 - 3 * eta)) for name, eta in rates.items()}

    *glued, mean_step = page.glued
    shown = dict(zip(("cosine", "constant"), glued, strict=True))
    for name, number in shown.items():
        assert agrees(number, left[name])
    assert left["cosine"] == pytest.approx(left["constant"] ** 0.5, rel=0.02)
    # Grey lines: the exponential of the sum.
    for name, eta in rates.items():
        assert left[name] == pytest.approx(math.exp(-3 * eta.sum()), rel=0.02)
    # Alt text: the cosine ends far higher; the step stops after the first hundred.
    assert left["cosine"] > 5 * left["constant"]
    assert left["step"] == pytest.approx(0.991**100, rel=0.1)
    # "Divide λ by the mean of the schedule."
    mean = {name: float(eta.mean() / eta[0]) for name, eta in rates.items()}
    assert mean["cosine"] == pytest.approx(1 / 2, rel=0.01)
    assert agrees(mean_step, mean["step"])
    for name, eta in rates.items():
        divided = float(np.prod(1 - 3 / mean[name] * eta))
        # The larger λ in the early steps: (1 − ηλ) is a little below its exponential.
        assert divided == pytest.approx(left["constant"], rel=0.05)


def test_the_two_meanings_of_lambda_in_adamw(page):
    def left(lr, lambd):
        w, optimiser = torch.ones(1), Adam(lr, decay=decoupled(lambd))
        for _ in range(100):
            w = optimiser.step(w, torch.zeros(1))
        return float(w)

    rows = table(page, "η  λ of PyTorch = 1  λ of the paper = 0.001", 3)
    for shown, lr in zip(rows, (0.001, 0.003, 0.01), strict=True):
        assert all(map(agrees, shown, [lr, (1 - lr) ** 100, 0.999**100]))
        assert agrees(shown[1], left(lr, 1))
        assert agrees(shown[2], left(lr, 0.001 / lr))


@pytest.mark.parametrize("lr", [0.003, 0.03])
def test_sgd_ends_at_the_minimum_of_lambda_and_adamw_does_not(lr):
    p = synthetic_data(dtype=torch.float64)
    X = p.X_train - p.X_train.mean(0)
    y = p.y_train - p.y_train.mean()
    minimum = X.T @ torch.linalg.solve(X @ X.T + 20 * 3 * torch.eye(20), y)
    ends = {}
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        w = torch.zeros(200, 1, dtype=torch.float64, requires_grad=True)
        trainer = kind([w], lr=lr, weight_decay=3)
        for _ in range(2_000 if lr == 0.003 else 500):
            w.grad = X.T @ (X @ w.detach() - y) / 20
            trainer.step()
        ends[kind] = float((w.detach() - minimum).norm() / minimum.norm())

    assert ends[torch.optim.SGD] < 1e-3
    assert ends[torch.optim.AdamW] > 0.05


def test_under_a_warm_up_the_rate_to_divide_by_is_the_peak():
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    trainer = torch.optim.AdamW([w], lr=0.01, weight_decay=0.002 / 0.01)
    scheduler = torch.optim.lr_scheduler.LinearLR(trainer, 0.1, 1, total_iters=9)
    first = trainer.param_groups[0]["lr"]
    for _ in range(50):
        trainer.step()
        scheduler.step()

    assert first == pytest.approx(0.001)
    assert trainer.param_groups[0]["lr"] == pytest.approx(0.01)  # the peak
    paper = math.prod(1 - min(1, 0.1 * (1 + t)) * 0.002 for t in range(50))
    assert w.item() == pytest.approx(paper)


def test_with_a_schedule_both_terms_are_multiplied():
    """`weight_decay=λ/lr` with the peak: each step takes schedule · λ away."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    trainer = torch.optim.AdamW([w], lr=0.01, weight_decay=0.002 / 0.01)
    scheduler = torch.optim.lr_scheduler.LinearLR(trainer, 1, 0, total_iters=50)
    for _ in range(50):
        trainer.step()
        scheduler.step()

    paper = math.prod(1 - (1 - t / 50) * 0.002 for t in range(50))
    assert w.item() == pytest.approx(paper)
