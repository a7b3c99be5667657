"""The page "Weight decay or early stopping?"."""

import numpy as np
import pytest
import torch
from reading import agrees, table

from weight_decay import scratch, synthetic_data
from weight_decay.sweep import sweep

TABLE = "t  stopped  λ = 1/(ηt)  decayed  ratio"
STARTS = "start  λ  best test loss  at epoch  at the end"
LR = 0.003


@pytest.fixture
def page(pages):
    return pages["questions/early-stopping.html"]


@pytest.fixture(scope="module")
def X():
    return synthetic_data(dtype=torch.float64).X_train


def stopped(X, y, t, lambd=0.0):
    """Full-batch gradient descent from zero, without bias, step by step."""
    w = torch.zeros(X.shape[1], y.shape[1], dtype=X.dtype)
    for _ in range(t):
        w = (1 - LR * lambd) * w - LR * X.T @ (X @ w - y) / len(X)
    return w


def decayed(X, y, lambd):
    K = X @ X.T / len(X) + lambd * torch.eye(len(X), dtype=X.dtype)
    return X.T @ torch.linalg.solve(K, y) / len(X)


def expected_error(X, kept):
    """E‖w − w*‖² from the matrix that takes y to w: truth and noise apart.

    The mean over all directions of a w* of length √0.02.
    """
    to_w = kept  # (200, 20)
    lost = to_w @ X - torch.eye(200, dtype=X.dtype)
    truth = 0.02 / 200 * float((lost**2).sum())
    return truth + 0.3**2 * float((to_w**2).sum())


def test_stopping_keeps_the_share_of_the_formula(X):
    y = torch.randn(20, 1, generator=torch.Generator().manual_seed(1)).double()
    U, s, V_t = torch.linalg.svd(X, full_matrices=False)
    d = s**2 / 20
    fit = (U.T @ y) / s[:, None]

    for t in (7, 33):
        share = (V_t @ stopped(X, y, t)) / fit
        assert torch.allclose(share[:, 0], 1 - (1 - LR * d) ** t)
        assert torch.allclose(
            ((V_t @ decayed(X, y, 1 / (LR * t))) / fit)[:, 0],
            d / (d + 1 / (LR * t)),
        )
        # Both together, and less than either alone.
        both = (V_t @ stopped(X, y, t, lambd=10)) / fit
        formula = d / (d + 10) * (1 - (1 - LR * (d + 10)) ** t)
        assert torch.allclose(both[:, 0], formula)
        assert bool((formula < d / (d + 10)).all())
        assert bool((formula < 1 - (1 - LR * d) ** t).all())


def test_the_two_filters_are_a_fifth_apart_at_most():
    # In units of 1/(ηt) the gap is (1 − e⁻ˣ) − x/(1 + x), for small steps.
    x = np.logspace(-3, 3, 100_001)
    gap = 1 - np.exp(-x) - x / (1 + x)
    d = np.logspace(-1, 2, 10_001)
    drawn = 1 - (1 - LR * d) ** 33 - d / (d + 1 / (LR * 33))

    assert gap.min() >= 0
    assert gap.max() == pytest.approx(0.2, abs=0.01)
    assert np.abs(drawn).max() == pytest.approx(0.2, abs=0.02)
    assert abs(drawn[0]) < 0.001


def test_the_table_is_that_of_the_loop_and_of_the_solve(page, X):
    eye = torch.eye(20, dtype=X.dtype)
    rows = table(page, TABLE, 9)
    for row in rows:
        t = int(row[0])
        if t <= 400:
            by_loop = expected_error(X, stopped(X, eye, t))
            assert agrees(row[1], by_loop)
            by_solve = expected_error(X, decayed(X, eye, 1 / (LR * t)))
            assert agrees(row[4], by_loop / by_solve)
        assert agrees(row[2], 1 / (LR * t))
        assert agrees(row[3], expected_error(X, decayed(X, eye, 1 / (LR * t))))
    # Against w = 0, which has ‖w*‖² = 0.02.
    assert agrees(page.glued[0], 0.02)
    best = expected_error(X, stopped(X, eye, 7))
    assert agrees(page.glued[1].split()[0], 100 * (1 - best / 0.02))
    for column in (1, 3):
        values = [float(row[column]) for row in rows]
        assert values.index(min(values)) == 2
    assert rows[2][1] == rows[2][3]
    # Caption: λ ≈ 10 after 33 steps. Text: the best λ is 45.
    assert float(rows[4][2]) == pytest.approx(10, rel=0.02)
    best = 200 * 0.3**2 / (20 * 0.02)
    assert best == pytest.approx(45)
    assert float(rows[2][2]) == pytest.approx(best, rel=0.1)
    assert max(float(row[4]) for row in rows) < 1.69


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_of_the_paper_holds_for_other_inputs(seed):
    # In continuous time, at every t; here for inputs of unequal variance too.
    X = synthetic_data(seed=seed, dtype=torch.float64).X_train
    X = X * torch.logspace(-1, 0.5, 200, dtype=X.dtype)
    d = (torch.linalg.svdvals(X) ** 2 / 20).numpy()

    def error(kept, sigma):
        truth = 1e-4 * (((1 - kept) ** 2).sum() + 180)
        return truth + sigma**2 / 20 * (kept**2 / d).sum()

    for sigma in (0.01, 0.3, 3):
        for t in np.logspace(-3, 3, 61):
            flow, ridge = 1 - np.exp(-t * d), d / (d + 1 / t)
            assert error(flow, sigma) <= 1.69 * error(ridge, sigma)


def test_the_four_starts_are_those_of_fresh_runs(page, problem):
    zero = torch.zeros(200, 1)
    settings = [("random", 0), ("random", 10), ("zero", 0), ("zero", 10)]

    ends = {}
    for row, (start, lambd) in zip(table(page, STARTS, 4), settings, strict=True):
        w_init = zero if start == "zero" else None
        run = scratch.train(problem, lambd, w_init=w_init)
        ends[start, lambd] = run.test_loss[-1]
        assert row[:2] == [start, str(lambd)]
        assert agrees(row[2], min(run.test_loss))
        assert agrees(row[4], run.test_loss[-1])
        at = run.test_loss[run.epochs.index(int(row[3]))]
        assert at == pytest.approx(min(run.test_loss), rel=1e-5)
    *_, rival = page.printed[page.printed.index(STARTS) + 5].split()
    error = problem.y_train.mean() - problem.y_test
    assert agrees(rival, float(error.square().mean()) / 2)
    assert ends["random", 10] < 1e-3 * ends["random", 0]
    assert ends["zero", 0] == pytest.approx(ends["zero", 10], rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_stopping_cannot_forget_a_random_start_on_any_seed(seed):
    problem = synthetic_data(seed=seed)

    run = scratch.train(problem, 0, seed=seed)
    decay = scratch.train(problem, 10, seed=seed)
    assert min(run.test_loss) > 0.9 * run.test_loss[-1]
    assert min(run.test_loss) > 1000 * decay.test_loss[-1]


def test_the_first_row_is_90_on_average_and_less_here(page, problem):
    problems = [synthetic_data(seed=seed) for seed in range(200)]
    best = sweep(problems, [0]).test_loss[0].min(1).values
    row = float(table(page, STARTS, 1)[0][2])

    assert float(best.mean()) == pytest.approx(90, abs=3 * 15.5 / 200**0.5)
    # Two draws: this start gives 81, these test examples the rest.
    run = scratch.train(problem, 0)
    of_start = float(((run.w - problem.w_true) ** 2).sum()) / 2
    assert row < of_start < 90


def test_equal_hidden_units_stay_equal():
    generator = torch.Generator().manual_seed(0)
    X, y = (torch.randn(30, k, generator=generator) for k in (4, 1))
    first = torch.zeros(4, 3).requires_grad_()
    second = torch.full((3, 1), 0.5).requires_grad_()
    for _ in range(50):
        (((torch.relu(X @ first + 0.1) @ second) - y) ** 2).mean().backward()
        with torch.no_grad():
            for w in (first, second):
                w -= 0.05 * w.grad
                w.grad = None

    assert float(first.detach().abs().max()) > 0.01
    assert torch.allclose(first, first[:, :1].expand(4, 3))
