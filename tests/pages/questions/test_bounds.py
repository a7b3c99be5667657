"""The page "What else keeps a weight small?"."""

import re
from dataclasses import replace

import pytest
import torch
from reading import agrees

from weight_decay import scratch, synthetic_data


@pytest.fixture
def page(pages):
    return pages["questions/bounds.html"]


@pytest.fixture
def float64():
    return synthetic_data(dtype=torch.float64)


def cells(page, header, count):
    start = page.printed.index(header) + 1
    return [line.split("  ") for line in page.printed[start : start + count]]


def expected_loss(problem, w, b):
    return float(((w - problem.w_true) ** 2).sum() + (b - 0.05) ** 2 + 1e-4) / 2


def ridge(X, y, lambd):
    """By the normal equations of size n, with the bias by centring."""
    A, means = X - X.mean(0), (X.mean(0), y.mean())
    K = A @ A.T / len(X) + lambd * torch.eye(len(X), dtype=X.dtype)
    w = A.T @ torch.linalg.lstsq(K, y - means[1], driver="gelsd").solution / len(X)
    return w, means[1] - means[0] @ w


def run(problem, shorten):
    """400 steps in the coordinates of the right singular vectors."""
    X, y = problem.X_train, problem.y_train
    _, _, axes = torch.linalg.svd(X)
    stream = torch.Generator().manual_seed(0)
    w = axes @ torch.normal(0.0, 1.0, (200, 1), generator=stream).double()
    b, ends = y.mean(), []
    for step in range(400):
        error = X @ (axes.T @ w) + b - y
        w = shorten(w - 0.003 * axes @ (X.T @ error) / 20)
        b = b - 0.003 * error.mean()
        if step in (0, 399):
            ends += [float(w[20:].norm()), expected_loss(problem, axes.T @ w, b)]
    return ends


def test_a_ball_shortens_at_once_and_forgets_only_while_it_binds(page, float64):
    header = "1 step: start  loss  400: start  loss"
    decay, tight, true, mean = cells(page, header, 4)
    fit, _ = ridge(float64.X_train, float64.y_train, 3)

    def ball(R):
        return lambda w: w if w.norm() <= R else R * w / w.norm()

    radii = [float(row[0].removeprefix("R = ")) for row in (tight, true)]
    assert agrees(tight[0].split()[-1], float(fit.norm()))
    assert agrees(true[0].split()[-1], 0.01 * 200**0.5)
    fresh = [
        run(float64, lambda w: 0.991 * w),
        run(float64, ball(float(fit.norm()))),
        run(float64, ball(0.01 * 200**0.5)),
    ]
    assert radii[0] < radii[1]
    for row, values in zip((decay, tight, true), fresh, strict=True):
        assert all(map(agrees, row[1:], values))
    alone = expected_loss(float64, 0 * fit, float64.y_train.mean())
    assert agrees(mean[2], alone)
    # At once; then only where the data push against it; worse than the mean.
    assert fresh[1][0] < 0.01 * fresh[0][0]
    assert fresh[1][2] < 0.05 * fresh[1][0]
    assert fresh[2][2] > 0.95 * fresh[2][0]
    assert fresh[2][3] > 1.5 * alone > 1.5 * fresh[1][3]


def test_the_ball_of_ridge_regression_ends_at_ridge_regression(float64):
    X, y = float64.X_train, float64.y_train
    fit, _ = ridge(X, y, 3)
    w, b = torch.ones_like(fit), y.mean()
    for _ in range(20_000):
        error = X @ w + b - y
        w, b = w - 0.003 * X.T @ error / 20, b - 0.003 * error.mean()
        w = w * min(1.0, float(fit.norm() / w.norm()))

    assert float((w - fit).norm() / fit.norm()) < 0.01


def test_decay_towards_an_old_weight_keeps_it(page, float64):
    itself, *rows = cells(page, "λ  towards 0  towards w_old", 4)
    X, y, w_true = float64.X_train, float64.y_train, float64.w_true
    stream = torch.Generator().manual_seed(0)
    w_old = w_true + 0.005 * torch.randn(200, 1, generator=stream, dtype=X.dtype)

    alone = expected_loss(float64, w_old, (y - X @ w_old).mean())
    assert agrees(itself[-1], alone)
    for shown, to_zero, to_old in rows:
        w, b = ridge(X, y, float(shown))
        assert agrees(to_zero, expected_loss(float64, w, b))
        w, b = ridge(X, y - X @ w_old, float(shown))
        assert agrees(to_old, expected_loss(float64, w_old + w, b))
        assert float(to_zero) > 3 * float(to_old)
    # The step towards w_old, run to its end, is the ridge regression of the rest.
    w, b = w_old.clone(), y.mean()
    for _ in range(20_000):
        error = X @ w + b - y
        w = w - 0.003 * 3 * (w - w_old) - 0.003 * X.T @ error / 20
        b = b - 0.003 * error.mean()
    rest, _ = ridge(X, y - X @ w_old, 3)
    assert torch.allclose(w, w_old + rest, atol=1e-6)


def test_training_from_the_old_weight_without_decay_moves_along_the_data(float64):
    X, y = float64.X_train, float64.y_train
    stream = torch.Generator().manual_seed(0)
    w_old = float64.w_true + 0.005 * torch.randn(
        200, 1, generator=stream, dtype=X.dtype
    )
    old_bias = torch.tensor([0.05], dtype=X.dtype)
    end = scratch.train(float64, 0, epochs=2_000, w_init=w_old, b_init=old_bias)
    rest, b = ridge(X, y - X @ w_old, 0)

    # Not to the last digit: training moves the bias by as little as it can, too.
    losses = [
        expected_loss(float64, *fit) for fit in ((end.w, end.b), (w_old + rest, b))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    null = torch.eye(200, dtype=X.dtype) - torch.linalg.pinv(X) @ X
    assert torch.allclose(null @ end.w, null @ w_old, atol=1e-10)


def test_what_the_usual_fine_tuning_forgets(page):
    (line,) = (line for line in page.printed if "decay takes" in line)
    steps, share = re.findall(r"[\d.]+", line)

    assert int(steps) == 2 * 1563  # 25 000 / 16, rounded up
    left = 1.0
    for t in range(int(steps)):
        left *= 1 - 0.01 * 2e-5 * (1 - t / int(steps))
    assert agrees(share, 100 * (1 - left))


def test_a_truth_as_long_as_the_start(page, float64):
    rows = cells(page, "true entries  λ = 0  λ = 3  mean of targets", 3)

    for (size, *shown), k in zip(rows, (1, 10, 100), strict=True):
        large = replace(float64, y_train=k * float64.y_train, y_test=k * float64.y_test)
        losses = [scratch.train(large, lambd).test_loss[-1] for lambd in (0, 3)]
        alone = float(((large.y_test - large.y_train.mean()) ** 2).mean() / 2)
        assert float(size) == pytest.approx(0.01 * k)
        assert [float(x) for x in shown] == pytest.approx([*losses, alone], rel=0.006)
    # The start is forgotten: half of the loss is gone, the half of the truth stays.
    without, decayed, alone = (float(x) for x in rows[2][1:])
    assert decayed == pytest.approx(without / 2, rel=0.3)
    assert decayed == pytest.approx(alone, rel=0.2)
