"""The closed form, against scikit-learn, the loop, direct formulas and the theory."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hostile import INF, normal
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from weight_decay import (
    DivergenceError,
    RegressionProblem,
    concise,
    ridge,
    scratch,
    synthetic_data,
)

DOUBLE = torch.float64

# Fewer examples than inputs, as many, more, one, and one input.
SIZES = [(20, 200), (7, 10), (10, 10), (11, 10), (40, 6), (1, 5), (9, 1)]


def problem_of(n, p, noise_std=0.5, mean=0.0):
    """A problem of this size; its inputs may be shifted off zero."""
    X, y = normal(n, p) + mean, normal(n, 1, seed=1)
    w = normal(p, 1, seed=2)
    X_test = normal(13, p, seed=3)
    y_test = X_test @ w + 0.7 + noise_std * normal(13, 1, seed=4)
    return RegressionProblem(X, X @ w + 0.7 + noise_std * y, X_test, y_test, w, 0.7)


def start_of(problem):
    p = problem.num_inputs
    return normal(p, 1, seed=5).to(problem.dtype), normal(1, seed=6).to(problem.dtype)


def close(actual, expected, atol=0.0, rtol=0.0):
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol)


# The fit


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lambd", [1e-6, 3, 1e6])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_fit_is_that_of_scikit_learn(n, p, lambd, bias):
    problem = problem_of(n, p, mean=0.3)

    w, b = ridge.fit(problem, lambd, bias=bias)

    theirs = Ridge(alpha=n * lambd, fit_intercept=bias, solver="svd", tol=1e-15)
    theirs.fit(problem.X_train.numpy(), problem.y_train.numpy()[:, 0])
    np.testing.assert_allclose(w.numpy()[:, 0], theirs.coef_, rtol=0, atol=1e-10)
    np.testing.assert_allclose(b.numpy(), theirs.intercept_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("lambd", [0, 1e-9, 3, 1e6])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_gradient_of_the_objective_vanishes_at_the_fit(n, p, lambd):
    problem = problem_of(n, p, mean=0.3)

    w, b = (theta.requires_grad_() for theta in ridge.fit(problem, lambd))
    y_hat = scratch.linreg(problem.X_train, w, b)
    loss = scratch.squared_loss(y_hat, problem.y_train).mean()
    (loss + lambd * scratch.l2_penalty(w)).backward()

    assert float(w.grad.abs().max()) < 1e-12
    assert float(b.grad.abs().max()) < 1e-12


def test_the_fit_by_hand():
    # x = 0 and 2, y = 1 and 3: centred -1 and 1 both, so d = 1, and at λ = 1 half
    # of the slope 1 is kept; the line goes through the mean (1, 2).
    X, y = torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[1.0], [3.0]]).double()
    problem = RegressionProblem(X, y, X, y, y[:1], 0)

    assert [theta.item() for theta in ridge.fit(problem, 1)] == pytest.approx(
        [0.5, 1.5]
    )
    assert [theta.item() for theta in ridge.fit(problem, 0)] == pytest.approx([1, 1])


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_without_decay_the_fit_has_the_least_norm_of_all_minimisers(n, p):
    problem = problem_of(n, p)
    X, y = problem.X_train, problem.y_train

    w, b = ridge.fit(problem, 0)

    w_least = torch.linalg.pinv(X - X.mean(0)) @ (y - y.mean())
    close(w, w_least, atol=1e-12)
    close(b, y.mean() - X.mean(0) @ w, atol=1e-13)
    assert ridge.fit(problem, 1e-14)[0].sub(w).abs().max() < 1e-10


@pytest.mark.parametrize("lambd", [0, 1e-200, 3])
@pytest.mark.parametrize("shift", [(2.0**40, 0), (0, 2.0**40)], ids=["X", "y"])
def test_data_far_from_zero_cost_no_accuracy(shift, lambd):
    # Sixteenths, and a shift that keeps each of them: nothing is rounded before.
    X, y = ((data * 16).round() / 16 for data in (normal(6, 9), normal(6, 1, seed=1)))
    w = torch.ones(9, 1).double()
    near = RegressionProblem(X, y, X, y, w, 0)
    far = RegressionProblem(X + shift[0], y + shift[1], X, y, w, 0)

    close(ridge.fit(far, lambd)[0], ridge.fit(near, lambd)[0], atol=1e-13)


@pytest.mark.parametrize("lambd", [0, 1e-18, 1e-12, 1e-6, 1])
def test_inputs_of_very_different_size_are_each_shrunk_by_their_own_factor(lambd):
    # Orthogonal signs of mean zero (Sylvester's matrix), sized 1, 1/10, …, 10⁻⁶:
    # wⱼ = size² / (size² + λ) · (column of signs · y / 8) / size.
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).double()
    signs = torch.kron(torch.kron(pair, pair), pair)[:, 1:]
    size = 10.0 ** -torch.arange(7).double()
    X, y = signs * size, normal(8, 1)
    problem = RegressionProblem(X, y, X, y, torch.ones(7, 1).double(), 0)

    w, b = ridge.fit(problem, lambd)

    expected = size / (size**2 + lambd) * (signs.T @ y)[:, 0] / 8
    close(w[:, 0], expected, rtol=1e-9)
    close(b, y.mean()[None], atol=1e-14)
    d, kept = ridge.shrinkage(X, lambd)
    close(d, size**2, rtol=1e-9)
    close(kept, size**2 / (size**2 + lambd), rtol=1e-9)


@pytest.mark.parametrize("lambd", [0, 3])
def test_inputs_that_never_change_teach_nothing_but_a_mean(lambd):
    X, y = torch.full((4, 3), 0.1), torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    problem = RegressionProblem(X, y, X, y, torch.zeros(3, 1), 0)

    w, b = ridge.fit(problem, lambd)

    assert w.tolist() == [[0], [0], [0]]
    assert b.tolist() == [3]
    assert ridge.shrinkage(X, lambd)[0].tolist() == []
    assert ridge.degrees_of_freedom(X, lambd) == 1


def test_repeated_inputs_share_the_weight_evenly():
    X = normal(8, 2).repeat(1, 2)
    y = normal(8, 1, seed=1)
    problem = RegressionProblem(X, y, X, y, torch.zeros(4, 1).double(), 0)

    w, _ = ridge.fit(problem, 0)

    close(w[:2], w[2:], atol=1e-14)


@pytest.mark.parametrize("lambd", [0, 3])
def test_float32_data_give_float32_of_full_accuracy(lambd, problem):
    exact = RegressionProblem(
        *(tensor.double() for tensor in (problem.X_train, problem.y_train)),
        *(tensor.double() for tensor in (problem.X_test, problem.y_test)),
        problem.w_true.double(),
        problem.b_true,
    )

    for ours, reference in zip(
        ridge.fit(problem, lambd), ridge.fit(exact, lambd), strict=True
    ):
        assert torch.equal(ours, reference.float())
        assert reference.dtype == DOUBLE


def test_a_long_full_batch_run_ends_at_the_fit(small):
    w, b = ridge.fit(small, 2)

    run = scratch.train(small, 2, lr=0.2, epochs=300, batch_size=7)
    close(run.w, w, atol=1e-13)
    close(run.b, b, atol=1e-13)
    half = concise.train(small, 4, lr=0.1, epochs=300, batch_size=7)
    close(half.w, w, atol=1e-13)
    close(half.b, b, atol=1e-13)


# The rank


def float32_of_rank(rank, n, p):
    """Inputs of this rank but for the rounding of float32; every sum of it counts."""
    left, right = normal(n, rank, seed=5).float(), normal(rank, p, seed=6).float()
    return left @ right


def test_an_input_that_is_a_multiple_of_another_in_float32_is_no_direction():
    x = torch.linspace(0, 1, 20)[:, None]
    X, y = torch.cat([x, x / 3], dim=1), 2 * x + 0.1 * normal(20, 1).float()
    problem = RegressionProblem(X, y)

    w, b = ridge.fit(problem, 0)

    # Of all (w₁, w₂) with one slope w₁ + w₂/3 the shortest is a multiple of (1, 1/3).
    slope, level = np.polyfit(x[:, 0].double(), y[:, 0].double(), 1)
    close(w[:, 0].double(), slope * torch.tensor([0.9, 0.3]).double(), atol=1e-6)
    close(b.double(), torch.tensor([level]), atol=1e-6)
    assert ridge.degrees_of_freedom(X, 0) == 2


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n", "p"), [(30, 40), (200, 30), (20, 400)])
def test_whatever_uses_the_decomposition_sees_the_rank_of_float32_data(n, p, bias):
    X = float32_of_rank(5, n, p)
    problem = RegressionProblem(X, normal(n, 1).float(), None, None, 0 * X[:1].T, 0)
    zero = 0 * X[:1].T, torch.zeros(1)

    d, kept = ridge.shrinkage(X, 0, bias=bias)

    assert len(d) == 5
    assert kept.tolist() == [1] * 5
    assert ridge.degrees_of_freedom(X, 0, bias=bias) == 5 + bias
    risk = ridge.expected_risk(X, 0, 0, 1, bias=bias)
    direct = direct_risk(X.double(), 1e-9, 0, 1, bias)
    assert risk == pytest.approx(direct, rel=1e-4)
    w = ridge.fit(problem, 0, bias=bias)[0]
    close(w, ridge.fit(problem, 1e-9, bias=bias)[0], atol=1e-6)
    path, _ = ridge.trajectory(problem, 0, 1e-3, [10**12], *zero)
    close(path[0], ridge.fit(problem, 0)[0], atol=1e-6)
    ones = torch.ones(p, 1)
    seen = torch.linalg.svd(X.double())[2][:5]
    left = ones.double() - seen.T @ (seen @ ones.double())
    assert ridge.anatomy(problem, ones, zero[1], noise_std=0).start == (
        pytest.approx(float((left**2).sum()) / 2, rel=1e-6)
    )


# The trajectory


STEPS = [0, 1, 5, 400]


def descend(problem, lambd, lr, steps, w, b):
    """Full-batch gradient descent, one step after the other."""
    X, y = problem.X_train, problem.y_train
    for _ in range(steps):
        residual = X @ w + b - y
        w, b = (
            w - lr * (X.T @ residual / len(X) + lambd * w),
            b - lr * residual.mean(0),
        )
    return w, b


@pytest.mark.parametrize("lambd", [0, 0.3, 10])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_trajectory_is_that_of_the_loop(n, p, lambd):
    problem = problem_of(n, p, mean=0.3)
    w_init, b_init = start_of(problem)
    lr = 0.003 if p == 200 else 0.02

    w, b = ridge.trajectory(problem, lambd, lr, STEPS, w_init, b_init)

    assert w.shape == (len(STEPS), p, 1)
    assert b.shape == (len(STEPS), 1)
    for i, t in enumerate(STEPS):
        w_loop, b_loop = descend(problem, lambd, lr, t, w_init, b_init)
        close(w[i], w_loop, atol=1e-12)
        close(b[i], b_loop, atol=1e-12)


@pytest.mark.parametrize("lambd", [0, 3])
def test_the_trajectory_is_that_of_both_implementations(lambd):
    problem = synthetic_data(dtype=DOUBLE)

    for run, penalty, rate in [
        (scratch.train(problem, lambd, batch_size=20), lambd, 0.003),
        (concise.train(problem, lambd, batch_size=20), lambd / 2, 0.006),
    ]:
        start = run.w_init, run.b_init
        w, b = ridge.trajectory(problem, penalty, rate, run.epochs, *start)
        test = (problem.X_test @ w + b[:, None] - problem.y_test) ** 2
        losses = test.mean((1, 2)) / (2 if run.loss_unit[:4] == "half" else 1)
        assert losses.tolist() == pytest.approx(run.test_loss, rel=1e-11)
        close(w[-1], run.w, atol=1e-12)
        close(b[-1], run.b, atol=1e-12)


def test_without_decay_and_from_zero_the_trajectory_ends_at_the_least_norm_in_w_and_b():
    # The bias is then one more weight: gradient descent does not spare it.
    problem = problem_of(7, 10)
    zero = torch.zeros(10, 1).double(), torch.zeros(1).double()

    w, b = ridge.trajectory(problem, 0, 0.02, [10**5], *zero)

    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    least = torch.linalg.pinv(A) @ problem.y_train
    close(torch.cat([w[0, :, 0], b[0]]), least[:, 0], atol=1e-12)


@pytest.mark.parametrize("lambd", [0, 3, 10])
def test_what_the_data_never_touch_decays_by_itself(lambd):
    problem = problem_of(7, 10)
    w_init, b_init = start_of(problem)

    w, _ = ridge.trajectory(problem, lambd, 0.02, [10**9, 50, 0], w_init, b_init)

    X = problem.X_train
    beyond = torch.eye(10).double() - torch.linalg.pinv(X) @ X
    for i, t in enumerate([10**9, 50, 0]):
        expected = (1 - 0.02 * lambd) ** t * (beyond @ w_init)
        close(beyond @ w[i], expected, atol=1e-13)


def test_an_overshooting_rate_follows_the_loop_out_and_ends_in_an_error():
    # η(d_max + λ) > 2: the signs alternate and the path grows.
    problem = problem_of(7, 10)
    start = start_of(problem)

    w, b = ridge.trajectory(problem, 30, 0.08, [31], *start)

    w_loop, b_loop = descend(problem, 30, 0.08, 31, *start)
    assert float(w_loop.abs().max()) > 1e3
    close(w[0], w_loop, rtol=1e-11)
    close(b[0], b_loop, rtol=1e-11)
    with pytest.raises(DivergenceError) as caught:
        ridge.trajectory(problem, 30, 0.08, [5, 9000, 8000, 0], *start)
    assert (caught.value.epoch, caught.value.lr, caught.value.lambd) == (8000, 0.08, 30)
    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    d_max = float(torch.linalg.eigvalsh(A.T @ A / 7)[-1])
    assert caught.value.d_max == pytest.approx(d_max)


def test_a_path_may_leave_the_range_of_float32_alone():
    X, y = torch.ones(2, 1), torch.zeros(2, 1)
    problem = RegressionProblem(X, y, X, y, X[:1], 0)

    with pytest.raises(DivergenceError):
        ridge.trajectory(problem, 0, 1e10, [10], X[:1], X[0])


def test_a_start_at_the_minimum_stays_there_whatever_the_step():
    X, zero = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double(), torch.zeros(2, 1)
    problem = RegressionProblem(X, zero.double(), X, zero.double(), zero.double(), 0)

    w, b = ridge.trajectory(problem, 1000, 1, [10**6], zero.double(), zero[0].double())

    # (1 − ηλ)ᵗ is beyond the range of a float; times 0 it is still 0.
    assert (w.tolist(), b.tolist()) == ([[[0], [0]]], [[0]])


@pytest.mark.parametrize("step", [-1, 2.0, "3", None, 2**53])
def test_a_trajectory_names_a_wrong_step(small, step):
    with pytest.raises((TypeError, ValueError), match=rf"^steps must .*got {step!r}$"):
        ridge.trajectory(small, 3, 0.1, [1, step, 2], *start_of(small))


def test_the_steps_may_come_in_any_order_from_any_iterable(small):
    start = start_of(small)
    w, b = ridge.trajectory(small, 3, 0.02, range(4), *start)

    w_back, b_back = ridge.trajectory(small, 3, 0.02, (t for t in (3, 1)), *start)
    # Not bit for bit: a product of two rows may add up in another order than of four.
    assert torch.allclose(w_back, w[[3, 1]], rtol=1e-13, atol=1e-15)
    assert torch.allclose(b_back, b[[3, 1]], rtol=1e-13, atol=1e-15)
    w_np, _ = ridge.trajectory(small, 3, 0.02, np.arange(4), *start)
    assert torch.equal(w_np, w)
    w_none, b_none = ridge.trajectory(small, 3, 0.02, [], *start)
    assert (tuple(w_none.shape), tuple(b_none.shape)) == ((0, 10, 1), (0, 1))


def test_a_float32_trajectory_is_float32_and_starts_where_it_was_told(problem):
    start = start_of(problem)

    for path, theta in zip(
        ridge.trajectory(problem, 3, 0.003, [0], *start), start, strict=True
    ):
        assert path.dtype == torch.float32
        close(path[0], theta, atol=1e-7)


# Shrinkage and degrees of freedom


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lambd", [0, 3])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_shrinkage_is_what_ridge_keeps_of_least_squares(n, p, lambd, bias):
    X = normal(n, p) + 0.3
    Z = X - X.mean(0) if bias else X

    d, kept = ridge.shrinkage(X, lambd, bias=bias)

    rank = min(n - 1, p) if bias else min(n, p)
    eigenvalues = torch.linalg.eigvalsh(Z.T @ Z / n).flip(0)
    close(d, eigenvalues[:rank], atol=1e-12)
    assert float(eigenvalues[rank:].abs().sum()) < 1e-12
    close(kept, d / (d + lambd))


def test_shrinkage_is_that_of_the_fit():
    problem = problem_of(7, 10)
    X = problem.X_train
    _, _, V_t = torch.linalg.svd(X - X.mean(0))

    _, kept = ridge.shrinkage(X, 3)

    w_least, w = ridge.fit(problem, 0)[0], ridge.fit(problem, 3)[0]
    close((V_t[:6] @ w)[:, 0], kept * (V_t[:6] @ w_least)[:, 0], atol=1e-13)


@pytest.mark.parametrize("lambd", [0, 3])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix(n, p, lambd):
    # Column i of the hat matrix: the predictions for targets that are 1 at i.
    X = normal(n, p) + 0.3
    trace = 0.0
    for i in range(n):
        y = torch.zeros(n, 1).double()
        y[i] = 1
        w, b = ridge.fit(RegressionProblem(X, y, X, y, X[:1].T, 0), lambd)
        trace += float(X[i] @ w + b)

    assert ridge.degrees_of_freedom(X, lambd) == pytest.approx(trace, abs=1e-11)
    G = X.T @ X / n + lambd * torch.eye(p).double()
    hat = X @ torch.linalg.pinv(G, hermitian=True) @ X.T / n
    assert ridge.degrees_of_freedom(X, lambd, bias=False) == (
        pytest.approx(float(hat.trace()), abs=1e-10)
    )


def test_shrinkage_follows_the_dtype_of_the_data():
    X = normal(7, 10)

    d, kept = ridge.shrinkage(X.float(), 3)

    assert d.dtype == kept.dtype == torch.float32
    close(d.double(), ridge.shrinkage(X, 3)[0], rtol=1e-6)
    assert ridge.degrees_of_freedom(X.float(), 3) == (
        pytest.approx(ridge.degrees_of_freedom(X.float().double(), 3), rel=1e-14)
    )


# The expected risk


def direct_risk(X, lambd, noise_std, w_norm, bias):
    """The same by matrices: the error of θ̂ is linear in (w*, ε)."""
    n, p = X.shape
    Z = X - X.mean(0) if bias else X
    G = torch.linalg.pinv(Z.T @ Z / n + lambd * torch.eye(p).double(), hermitian=True)
    of_truth = G @ Z.T @ Z / n - torch.eye(p).double()  # ŵ − w* is this times w*
    of_noise = G @ Z.T / n  # plus this times ε
    risk = (of_truth**2).sum() * w_norm**2 / p + (of_noise**2).sum() * noise_std**2
    if bias:  # b̂ − b* = x̄ᵀ(w* − ŵ) + ε̄
        bias_truth = -X.mean(0) @ of_truth
        bias_noise = 1 / n - X.mean(0) @ of_noise
        risk += bias_truth @ bias_truth * w_norm**2 / p
        risk += bias_noise @ bias_noise * noise_std**2
    return float(risk + noise_std**2) / 2


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lambd", [0, 3])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_expected_risk_is_the_direct_formula(n, p, lambd, bias):
    X = normal(n, p) + 0.3

    risk = ridge.expected_risk(X, lambd, noise_std=0.5, w_norm=1.5, bias=bias)

    assert risk == pytest.approx(direct_risk(X, lambd, 0.5, 1.5, bias), rel=1e-9)


def test_the_expected_risk_is_the_mean_loss_on_new_examples():
    # Everything drawn: the direction of w*, the noise, the new examples. The
    # bound lies five standard errors from the expected value.
    n, p, sigma, lambd = 7, 10, 0.5, 0.7
    X, losses = normal(n, p) + 0.3, []
    for seed in range(400):
        w_true = normal(p, 1, seed=10 * seed)
        w_true *= 1.5 / w_true.norm()
        y = X @ w_true + 0.7 + sigma * normal(n, 1, seed=10 * seed + 1)
        X_new, e = normal(50, p, seed=10 * seed + 2), normal(50, 1, seed=10 * seed + 3)
        y_new = X_new @ w_true + 0.7 + sigma * e
        w, b = ridge.fit(RegressionProblem(X, y, X_new, y_new, w_true, 0.7), lambd)
        losses.append(float(((X_new @ w + b - y_new) ** 2).mean()) / 2)

    error = np.mean(losses) - ridge.expected_risk(X, lambd, sigma, 1.5)
    assert abs(error) < 5 * np.std(losses) / math.sqrt(len(losses))


# The asymptotic formulas


def stieltjes(lambd, ratio):
    """m(-λ) and m'(-λ) of the Marchenko–Pastur law (Hastie et al., 2022)."""
    z = torch.tensor(-float(lambd), dtype=DOUBLE, requires_grad=True)
    c = 1 - ratio - z
    m = (-c + (c**2 - 4 * ratio * z).sqrt()) / (-2 * ratio * z)
    m.backward()
    return m.item(), z.grad.item()


@pytest.mark.parametrize("lambd", [1e-3, 3, 100])
@pytest.mark.parametrize(("n", "p"), [(20, 200), (20, 20), (200, 20), (20, 25)])
def test_the_asymptotic_formulas_are_those_of_the_stieltjes_transform(n, p, lambd):
    ratio = p / n
    m, slope = stieltjes(lambd, ratio)
    excess = 1.5**2 * lambd**2 * slope + 0.5**2 * ratio * (m - lambd * slope)

    risk = ridge.asymptotic_risk(lambd, n, p, noise_std=0.5, w_norm=1.5)
    df = ridge.asymptotic_degrees_of_freedom(lambd, n, p)

    assert risk == pytest.approx((excess + 0.5**2) / 2, rel=1e-9)
    assert df == pytest.approx(p * (1 - lambd * m), rel=1e-10)


@pytest.mark.parametrize("lambd", [0, 1e-30, 1e-12])
def test_the_asymptotic_risk_without_decay(lambd):
    def excess(n, p):
        return 2 * ridge.asymptotic_risk(lambd, n, p, 0.5, 1.5) - 0.5**2

    # ‖w*‖²(1 − 1/γ) + σ²/(γ − 1) for γ > 1 and σ²γ/(1 − γ) for γ < 1
    assert excess(20, 200) == pytest.approx(1.5**2 * 0.9 + 0.5**2 / 9)
    assert excess(200, 20) == pytest.approx(0.5**2 / 9)
    for n, p in [(20, 200), (200, 20), (20, 20)]:
        df = ridge.asymptotic_degrees_of_freedom(lambd, n, p)
        assert df == pytest.approx(20, rel=2e-6)


def test_the_asymptotic_risk_where_the_peak_of_double_descent_stands():
    assert ridge.asymptotic_risk(0, 20, 20, noise_std=0.5, w_norm=1.5) == INF
    assert ridge.asymptotic_risk(0, 20, 20, noise_std=0, w_norm=1.5) == 0
    beside_it = ridge.asymptotic_risk(0, 10**9, 10**9 + 1, 1.0, 1.0)
    assert beside_it == pytest.approx(500000000.5, rel=1e-15)


def in_many_digits(lambd, n, p, sigma, w_norm):
    """Both formulas as they are written, with digits enough for every cancellation."""
    with localcontext(prec=900):
        lambd, n, p, sigma, w_norm = map(Decimal, (lambd, n, p, sigma, w_norm))
        ratio = p / n
        c = lambd + ratio - 1
        kappa = (c + (c * c + 4 * lambd).sqrt()) / 2
        kept = 1 / (1 + kappa)
        excess = (w_norm * (1 - kept)) ** 2 + sigma**2 * ratio * kept**2
        risk = (excess / (1 - ratio * kept**2) + sigma**2) / 2
        return float(risk), float(p * kept)


@given(
    st.floats(1e-300, 1e300),
    st.integers(1, 999),
    st.integers(1, 999),
    st.floats(0, 1e70),
    st.floats(0, 1e70),
)
@example(1e-20, 200, 20, 0, 1)  # a truth of which next to nothing is lost
@example(1e-40, 20, 20, 0.5, 1.5)  # at the peak
@example(5e-324, 20, 20, 1e-160, 0)  # a noise whose square is no float any more
def test_the_asymptotic_formulas_hold_to_the_last_digits(lambd, n, p, sigma, w_norm):
    risk, df = in_many_digits(lambd, n, p, sigma, w_norm)

    assert ridge.asymptotic_risk(lambd, n, p, sigma, w_norm) == (
        pytest.approx(risk, rel=1e-12, abs=1e-300)
    )
    assert ridge.asymptotic_degrees_of_freedom(lambd, n, p) == (
        pytest.approx(df, rel=1e-13)
    )


def test_the_asymptotic_formulas_are_floats_whatever_numbers_come_in():
    numbers = [np.float32(0.1), 20, np.int64(200), np.float32(0.3), np.float32(1.1)]
    risk, df = in_many_digits(*map(float, numbers))

    for result, expected in (
        (ridge.asymptotic_risk(*numbers), risk),
        (ridge.asymptotic_degrees_of_freedom(*numbers[:3]), df),
    ):
        assert type(result) is float
        assert result == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("lambd", [0, 3, 100])
def test_the_asymptotic_formulas_are_the_mean_over_many_inputs(lambd):
    draws, sizes = normal(200, 20, 200), {"noise_std": 0.01, "w_norm": math.sqrt(0.02)}

    risks = [ridge.expected_risk(X, lambd, **sizes, bias=False) for X in draws]
    dfs = [ridge.degrees_of_freedom(X, lambd, bias=False) for X in draws]

    risk = ridge.asymptotic_risk(lambd, 20, 200, **sizes)
    df = ridge.asymptotic_degrees_of_freedom(lambd, 20, 200)
    assert np.mean(risks) == pytest.approx(risk, rel=2e-4)
    assert np.mean(dfs) == pytest.approx(df, abs=0.03)


# The best λ


def test_the_best_lambda_of_the_chapter_is_0_05_and_grows_with_the_noise():
    best = [
        ridge.best_lambda(20, 200, noise_std, math.sqrt(0.02))
        for noise_std in (0, 0.01, 0.1, 0.3)
    ]

    assert best == pytest.approx([0, 0.05, 5, 45])


@given(
    n=st.integers(1, 12),
    p=st.integers(1, 12),
    noise_std=st.floats(0.1, 3),
    w_norm=st.floats(0.1, 3),
    factor=st.floats(1.05, 100),
    seed=st.integers(0, 99),
    bias=st.booleans(),
)
def test_no_other_lambda_has_less_expected_risk_on_any_inputs(
    n, p, noise_std, w_norm, factor, seed, bias
):
    X = normal(n, p, seed=seed)
    best = ridge.best_lambda(n, p, noise_std, w_norm)

    def risk(lambd):
        return ridge.expected_risk(X, lambd, noise_std, w_norm, bias=bias)

    assert risk(best) <= min(risk(best / factor), risk(best * factor)) * (1 + 1e-12)


@pytest.mark.parametrize(("n", "p"), [(20, 200), (20, 20), (200, 20)])
def test_the_best_lambda_is_also_that_of_the_asymptotic_risk(n, p):
    best = ridge.best_lambda(n, p, noise_std=0.3, w_norm=1.5)

    risks = [
        ridge.asymptotic_risk(best * 10 ** (k / 100), n, p, 0.3, 1.5)
        for k in range(-100, 101)
    ]
    assert int(np.argmin(risks)) == 100


# What a loss is made of


@pytest.fixture(scope="module", params=[0, 3])
def run(request):
    """A run of the chapter, in float64."""
    return scratch.train(synthetic_data(dtype=DOUBLE), request.param)


def test_the_parts_add_up_to_the_measured_test_loss(run):
    problem = synthetic_data(dtype=DOUBLE)

    assert sum(ridge.anatomy(problem, run.w, run.b)) == (
        pytest.approx(run.test_loss[-1], rel=1e-12)
    )
    other = concise.train(problem, run.lambd)
    assert 2 * sum(ridge.anatomy(problem, other.w, other.b)) == (
        pytest.approx(other.test_loss[-1], rel=1e-12)
    )


def test_the_parts_add_up_to_the_population_risk(run):
    problem = synthetic_data(dtype=DOUBLE)
    error = run.w - problem.w_true

    parts = ridge.anatomy(problem, run.w, run.b, noise_std=0.01)

    risk = (error**2).sum() + (run.b - 0.05) ** 2 + 0.01**2
    assert sum(parts) == pytest.approx(float(risk) / 2, rel=1e-13)
    X = problem.X_train
    seen = torch.linalg.pinv(X) @ X
    start = run.w_init - seen @ run.w_init
    start *= (1 - 0.003 * run.lambd) ** 400
    unseen = problem.w_true - seen @ problem.w_true
    by_hand = {
        "start": (start**2).sum() / 2,
        "unseen": (unseen**2).sum() / 2,
        "fit": ((seen @ error) ** 2).sum() / 2,
        "bias": (run.b - 0.05) ** 2 / 2,
        "noise": 0.00005,
        "cross": -(start * unseen).sum(),
    }
    assert parts._asdict() == (
        pytest.approx({k: float(v) for k, v in by_hand.items()}, rel=1e-9, abs=1e-12)
    )


def test_the_measured_parts_are_those_of_the_population_on_many_test_examples(run):
    small_test = synthetic_data(dtype=DOUBLE)
    X = normal(20_000, 200, seed=8)
    y = X @ small_test.w_true + 0.05 + 0.01 * normal(20_000, 1, seed=9)
    train = small_test.X_train, small_test.y_train
    problem = RegressionProblem(*train, X, y, small_test.w_true, 0.05)

    measured = ridge.anatomy(problem, run.w, run.b)
    expected = ridge.anatomy(problem, run.w, run.b, noise_std=0.01)

    # A mean of m squared normals has a relative standard error of √(2/m) = 0.01.
    assert measured[:5] == pytest.approx(expected[:5], rel=0.06)
    assert abs(measured.cross - expected.cross) < 0.06 * sum(expected)


def test_many_examples_leave_nothing_unseen():
    problem = problem_of(40, 6)

    for noise_std in (None, 0.5):
        parts = ridge.anatomy(problem, *ridge.fit(problem, 1), noise_std=noise_std)
        assert parts.start + parts.unseen < 1e-28
        assert parts.fit > 0.01


def test_the_truth_itself_has_no_loss_but_the_noise(small):
    b = torch.tensor([small.b_true]).double()

    parts = ridge.anatomy(small, small.w_true, b, noise_std=0.5)

    assert sum(parts) == parts.noise == 0.125
    assert parts.start == pytest.approx(parts.unseen)
    assert parts.cross == pytest.approx(-2 * parts.start)


def test_the_anatomy_needs_a_truth_and_something_to_test_on(small):
    train, truth = (small.X_train, small.y_train), (small.w_true, small.b_true)
    w, b = ridge.fit(small, 3)

    with pytest.raises(ValueError, match="problem must have w_true and b_true here"):
        ridge.anatomy(RegressionProblem(*train), w, b)

    untested = RegressionProblem(*train, None, None, *truth)
    with pytest.raises(ValueError, match="noise_std must be given without a test set"):
        ridge.anatomy(untested, w, b)
    assert ridge.anatomy(untested, w, b, noise_std=1) == (
        ridge.anatomy(small, w, b, noise_std=1)
    )


def test_the_anatomy_of_a_float32_run_adds_up(problem):
    run = scratch.train(problem, 3)

    parts = ridge.anatomy(problem, run.w, run.b)

    assert sum(parts) == pytest.approx(run.test_loss[-1], rel=1e-5)
    assert all(type(part) is float for part in parts)


# The range of a float


def in_units(x, y, n=3, p=2):
    """A problem in units of 2ˣ and 2ʸ: what a float rounds is the same in each."""
    X, Y = 2.0**x * (normal(n, p) + 0.3), 2.0**y * normal(n, 1, seed=1)
    return RegressionProblem(X, Y, X, Y, normal(p, 1, seed=2), 0)


@given(st.integers(-420, 420), st.integers(-400, 400), st.floats(0, 1e6))
def test_in_other_units_everything_is_the_same(x, y, lambd):
    plain, then, lambd_then = in_units(0, 0), in_units(x, y), lambd * 4.0**x

    w, b = ridge.fit(plain, lambd)

    w_then, b_then = ridge.fit(then, lambd_then)
    assert torch.equal(w_then, w * 2.0 ** (y - x))
    assert torch.equal(b_then, b * 2.0**y)
    for bias in (True, False):
        d, kept = ridge.shrinkage(plain.X_train, lambd, bias=bias)
        d_then, kept_then = ridge.shrinkage(then.X_train, lambd_then, bias=bias)
        assert torch.equal(d_then, d * 4.0**x)
        assert torch.equal(kept_then, kept)


def test_next_to_nothing_that_is_left_keeps_its_digits():
    X, y = 1e-10 * normal(3, 2), 1e200 * normal(3, 1, seed=1)
    problem = RegressionProblem(X, y, X, y, normal(2, 1), 0)

    w, _ = ridge.fit(problem, 1e300)

    # d/λ is about 1e-320, which has four digits as a float.
    close(w, X.T @ (y - y.mean()) / 3e300, rtol=1e-12)


@pytest.mark.parametrize("x", [-1000, 600])
@pytest.mark.parametrize("lambd", [0, 3])
def test_inputs_whose_squares_are_no_floats_are_named(x, lambd):
    problem = in_units(x, 0)
    w, b = normal(2, 1), normal(1)

    for function, arguments in (
        (ridge.fit, (problem, lambd)),
        (ridge.trajectory, (problem, lambd, 0.1, [1], w, b)),
        (ridge.anatomy, (problem, w, b)),
        (ridge.shrinkage, (problem.X_train, lambd)),
        (ridge.degrees_of_freedom, (problem.X_train, lambd)),
        (ridge.expected_risk, (problem.X_train, lambd, 1, 1)),
    ):
        with pytest.raises(ValueError, match=r"^X(_train)? must hold .*, got \d"):
            function(*arguments)


def test_a_fit_beyond_float32_is_named():
    X, y = torch.tensor([[0.0], [1e-30]]), torch.tensor([[0.0], [1e30]])
    problem = RegressionProblem(X, y, X, y, X[:1], 0)

    with pytest.raises(ValueError, match=r"weight that fits problem must .*3.4e\+38"):
        ridge.fit(problem, 0)


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (ridge.expected_risk, (normal(3, 2), 1, 1e200, 1), r"noise_std = 1e\+200"),
        (ridge.asymptotic_risk, (1, 3, 2, 1, 1e200), r"w_norm = 1e\+200"),
        (ridge.best_lambda, (3, 2, 1e200, 1), r"noise_std = 1e\+200"),
        (
            ridge.anatomy,
            (problem_of(2, 1), normal(1, 1, scale=1e200), normal(1)),
            "rescale the problem, w, b",
        ),
        (
            ridge.shrinkage,
            (torch.tensor([[0.0], [1e30]]), 1),
            "variance of X must be at",
        ),
    ],
)
def test_a_result_beyond_the_range_of_a_float_is_named(function, arguments, told):
    with pytest.raises(ValueError, match=told):
        function(*arguments)
