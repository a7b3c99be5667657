"""The numbers of "Why the square of the norm?"."""

import math

import pytest
import torch
from reading import agrees, table

from weight_decay import ridge, scratch

PAGE = "questions/square.html"
STEP = 0.003 * 3  # ηλ


def centred(problem):
    X, y = problem.X_train, problem.y_train
    return X - X.mean(0), y - y.mean()


def test_the_lengths_follow_from_their_formulas(pages):
    header = "step  ‖w‖₂ with the square  ‖w‖₂ with the norm"
    shown = table(pages[PAGE], header, 7)
    start = torch.normal(0, 1, (200, 1), generator=torch.Generator().manual_seed(0))
    length = float(start.norm())

    assert round(1 / STEP) == 111
    assert [int(t) for t, _, _ in shown] == [0, 50, 100, 111, 112, 113, 200]
    for t, square, plain in shown:
        assert agrees(square, length * (1 - STEP) ** int(t))
        # In a straight line as far as it goes; then to and fro, a whole step each time.
        left = length * (1 - STEP * min(int(t), 111))
        if int(t) > 111 and int(t) % 2 == 0:
            left = STEP * length - left
        assert agrees(plain, left)


def test_the_square_leaves_one_over_e_where_the_norm_arrives():
    left = (1 - STEP) ** 111

    assert left == pytest.approx(1 / math.e, rel=0.01)


def test_the_gradients_at_zero(pages):
    printed = pages[PAGE].printed
    start = printed.index("penalty  gradient at 0") + 1

    assert [line.split("  ")[1] for line in printed[start : start + 4]] == [
        "[0.0, 0.0]",
        "[0.0, 0.0]",
        "[0.0, 0.0]",
        "[nan, nan]",
    ]


def test_one_step_of_the_root_by_hand_makes_every_weight_nan(problem):
    w = torch.zeros(200, 1, requires_grad=True)
    loss = scratch.squared_loss(problem.X_train @ w, problem.y_train).sum()
    (loss + w.pow(2).sum().sqrt()).backward()
    scratch.sgd([w], 0.003, 20)

    assert bool(w.isnan().all())


def test_both_penalties_have_the_same_minimum(pages, exact):
    rows = [row.split() for row in pages[PAGE].printed[-2:]]
    X, y = centred(exact)

    for (shown_lambd, shown), lambd in zip(rows, (3, 10), strict=True):
        w, _ = ridge.fit(exact, lambd)
        price = lambd * float(w.norm())
        assert int(shown_lambd) == lambd
        assert agrees(shown, price)
        # Proximal gradient descent on loss + λ′‖w‖ arrives at the same weight.
        v = torch.ones_like(w)
        for _ in range(3000):
            v = v - 0.05 * X.T @ (X @ v - y) / len(X)
            v = v * torch.relu(1 - 0.05 * price / v.norm())
        assert torch.allclose(v, w, atol=1e-8)


def test_a_large_price_of_the_norm_makes_the_weight_zero_and_no_lambda_does(exact):
    X, y = centred(exact)
    enough = float((X.T @ y / len(X)).norm())

    # At w = 0 the loss pulls with this force; a stronger norm holds the weight there.
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        v = torch.randn(200, 1, generator=generator, dtype=X.dtype) * 1e-3
        gain = float(((y**2).mean() - ((X @ v - y) ** 2).mean()) / 2)
        assert gain < enough * float(v.norm())
    assert float(ridge.fit(exact, 1e6)[0].norm()) > 0


def test_gradient_steps_do_not_settle_where_the_minimum_is_zero_and_proximal_ones_do(
    exact,
):
    X, y = centred(exact)
    price = 2 * float((X.T @ y / len(X)).norm())
    start = torch.randn(
        200, 1, generator=torch.Generator().manual_seed(0), dtype=X.dtype
    )
    w, v = start, start
    for _ in range(5000):
        w = w - 0.003 * (X.T @ (X @ w - y) / len(X) + price * w / w.norm())
        v = v - 0.003 * X.T @ (X @ v - y) / len(X)
        v = v * torch.relu(1 - 0.003 * price / v.norm())

    assert float(w.norm()) > 1e-5
    assert float(v.norm()) == 0


def test_a_subgradient_at_zero_is_a_plane_below_the_norm():
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(1000, 5, generator=generator)
    v = torch.nn.functional.normalize(torch.randn(1000, 5, generator=generator))

    assert bool(((v * w).sum(1) <= w.norm(dim=1)).all())
    # A longer v does not do.
    assert not bool(
        ((1.1 * w * w / w.norm(dim=1, keepdim=True)).sum(1) <= w.norm(dim=1)).any()
    )
