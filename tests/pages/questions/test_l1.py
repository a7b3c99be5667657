"""The page "L1 or L2?"."""

import numpy as np
import pytest
import torch
from reading import numbers_of, table
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, Ridge

from weight_decay import synthetic_data

SPARSE = "n  L1: found  wrong  ‖w − w*‖²  L2: zeros  ‖w − w*‖²"
DENSE = "λ of L1  loss  not zero  λ of L2  loss  not zero"


@pytest.fixture
def page(pages):
    return pages["questions/l1.html"]


def sparse_data(n, seed):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 200, generator=generator, dtype=torch.float64).numpy()
    noise = torch.randn(n, 1, generator=generator, dtype=torch.float64).numpy()
    w_true = np.where(np.arange(200) < 5, 1.0, 0.0)
    return X, X @ w_true + 0.1 * noise.ravel(), w_true


def lasso(X, y, lambd):
    """By coordinate descent; its objective is ours: the mean of ½r² + λ Σ|w|."""
    model = Lasso(alpha=lambd, fit_intercept=False, max_iter=100_000, tol=1e-10)
    return model.fit(X, y).coef_


def ridge(X, y, lambd):
    return Ridge(alpha=len(X) * lambd, fit_intercept=False).fit(X, y).coef_


@pytest.mark.parametrize("v", [-2.0, -0.4, 0.0, 0.7, 3.0])
def test_the_two_rules_are_the_minima(v):
    grid = np.linspace(-4, 4, 80_001)
    loss = (grid - v) ** 2 / 2

    by_l2 = grid[np.argmin(loss + 0.5 * grid**2)]
    by_l1 = grid[np.argmin(loss + 1.0 * np.abs(grid))]
    assert by_l2 == pytest.approx(v / (1 + 1), abs=2e-4)
    assert by_l1 == pytest.approx(np.sign(v) * max(abs(v) - 1, 0), abs=2e-4)


def test_the_ball_and_the_diamond_touch_where_the_figure_says():
    v = np.array([2, 0.9])
    corner, point = np.array([1, 0]), v / 2
    w = np.stack(np.meshgrid(*[np.linspace(-2, 3, 1001)] * 2), axis=-1)
    loss = ((w - v) ** 2).sum(-1) / 2

    # The nearest of the weights inside each, by search.
    for end, inside in (
        (corner, np.abs(w).sum(-1) <= 1 + 1e-9),
        (point, (w**2).sum(-1) <= (point**2).sum() + 1e-9),
    ):
        nearest = w[inside][np.argmin(loss[inside])]
        np.testing.assert_allclose(nearest, end, atol=0.01)
        assert loss[inside].min() >= ((end - v) ** 2).sum() / 2 - 1e-9


def test_every_table_has_its_rows_whole(page):
    assert [len(row) for row in table(page, SPARSE, 4)] == [6] * 4
    assert [len(row) for row in table(page, DENSE, 4)] == [6] * 4


def test_gradient_steps_leave_no_zero_and_proximal_steps_do(page):
    by_gradient, by_proximal = (
        numbers_of(line) for line in page.printed if "exact zeros" in line
    )
    X, y, _ = sparse_data(60, 0)
    w = lasso(X, y, 0.1)

    zeros, near = by_proximal[:2]
    assert zeros == (w == 0).sum()
    assert near == (np.abs(w) < 2 * 0.05 * 0.1).sum()
    assert by_gradient[0] == 0
    assert by_gradient[1] == near


@pytest.mark.parametrize("seed", range(3))
def test_gradient_steps_jump_around_zero_on_any_data(seed):
    X, y, _ = map(torch.from_numpy, sparse_data(60, seed))
    w = torch.zeros(200, dtype=torch.float64)
    path = []
    for _ in range(3000):
        w = w - 0.05 * (X.T @ (X @ w - y) / 60 + 0.1 * w.sign())
        path.append(w)
    w_end = torch.from_numpy(lasso(X.numpy(), y.numpy(), 0.1))

    late = torch.stack(path[-100:])
    assert not bool((late == 0).any())
    # The jumps disturb the large weights, and may lift one that
    # was hardly zero.
    near = (late - w_end)[:, w_end == 0].abs() < 2 * 0.05 * 0.1
    assert float(near.double().mean()) > 0.99
    # The sign of a weight that should be zero changes again and again.
    changes = (late[1:].sign() != late[:-1].sign()).sum(0)
    assert float(changes[w_end == 0].double().mean()) > 5


def test_the_sparse_table_is_that_of_coordinate_descent(page):
    for row, n in zip(table(page, SPARSE, 4), (10, 20, 40, 80), strict=True):
        data = [sparse_data(n, seed) for seed in range(10)]
        w_true = data[0][2]
        w1 = np.array([lasso(X, y, 0.1) for X, y, _ in data])
        error2 = min(
            np.mean([((ridge(X, y, k) - w_true) ** 2).sum() for X, y, _ in data])
            for k in (0.01, 0.1, 1, 10)
        )
        # 300 accelerated steps are not the end: a weight or so in a hundred.
        assert int(row[0]) == n
        assert float(row[1]) == pytest.approx((w1[:, :5] != 0).sum() / 10, abs=0.15)
        assert float(row[2]) == pytest.approx((w1[:, 5:] != 0).sum() / 10, abs=0.7)
        error1 = ((w1 - w_true) ** 2).sum(1).mean()
        assert float(row[3]) == pytest.approx(error1, rel=0.02)
        assert int(row[4]) == 0
        assert float(row[5]) == pytest.approx(error2, rel=1e-3)
        # Ridge learns about the share n/p of the truth, ‖w*‖² = 5.
        assert 1 - error2 / 5 == pytest.approx(n / 200, abs=0.02)


def test_what_the_text_reads_from_the_sparse_table(page):
    rows = [[float(value) for value in row] for row in table(page, SPARSE, 4)]
    by_n = {row[0]: row for row in rows}

    assert by_n[10][3] > 5  # no better than zero everywhere
    assert by_n[40][1] == by_n[80][1] == 5
    assert by_n[40][3] < 0.05 * by_n[40][5]


def test_the_dense_table_is_that_of_coordinate_descent(page):
    problems = [synthetic_data(seed=seed, dtype=torch.float64) for seed in range(20)]
    data = [(p.X_train.numpy(), p.y_train.numpy().ravel() - 0.05) for p in problems]
    constant = (0.02 + 0.01**2) / 2

    losses = {}
    for row in table(page, DENSE, 4):
        for fit, (lambd, loss, count) in ((lasso, row[:3]), (ridge, row[3:])):
            w = np.array([fit(X, y, float(lambd)) for X, y in data])
            exact = float(((w - 0.01) ** 2).sum(1).mean() + 0.01**2) / 2
            assert float(loss) == pytest.approx(exact, rel=0.004)
            assert float(count) == pytest.approx((w != 0).sum() / 20, abs=0.7)
            losses.setdefault(fit, []).append(exact)
    assert constant == pytest.approx(0.01005)
    assert min(losses[lasso]) == losses[lasso][2] == pytest.approx(constant, rel=2e-3)
    assert losses[lasso][3] == pytest.approx(constant)  # zero everywhere
    assert min(losses[ridge]) / constant == pytest.approx(0.9, abs=0.01)


def test_the_penalty_of_the_page_is_the_alpha_of_the_library():
    # What `lasso` here rests on: at the minimum no coordinate wants to move.
    X, y, _ = sparse_data(40, 1)
    w = lasso(X, y, 0.1)

    gradient = X.T @ (X @ w - y) / 40
    assert np.abs(gradient[w == 0]).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(gradient[w != 0], -0.1 * np.sign(w[w != 0]), atol=1e-6)
    assert issubclass(ConvergenceWarning, Warning)  # it would fail the test


def test_two_equal_inputs_share_under_l2_and_keep_the_start_under_l1(page):
    start = page.printed.index("start  L1: first  second  L2: first  second") + 1
    rows = [
        [float(x) for x in line.split("]")[1].split()]
        for line in page.printed[start : start + 3]
    ]
    x = torch.randn(50, 1, generator=torch.Generator().manual_seed(0)).double()
    c = float((x**2).mean())

    # The minima of c/2 (s − 2)² + λs, and with halves of c/2 (2a − 2)² + λa².
    for first, second, *halves in rows:
        assert first + second == pytest.approx(2 - 0.1 / c, abs=2e-3)
        assert halves == pytest.approx([4 * c / (4 * c + 2 * 0.1)] * 2, abs=1e-3)
    assert rows[0][0] == rows[0][1]
    assert rows[1][1] == 0
    # The difference of the start stays, since both entries move alike.
    assert rows[2][1] - rows[2][0] == pytest.approx(0.5, abs=2e-3)
