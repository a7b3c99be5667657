"""The closed form under attack: exact laws at any size, or a named error.

The laws are those of units. In other units of x and of y, a power of 2 apart so that
nothing is rounded, the same problem has the same solution in those units, bit for bit.
"""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
import torch
from attack.hostile import (
    INF,
    REFUSED,
    anything,
    assert_finite,
    attempt,
    counts,
    dtypes,
    hostile,
    maybe,
    normal,
    scales,
)
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import DivergenceError, RegressionProblem, ridge

DOUBLE = torch.float64
powers = st.integers(-1070, 1020)  # of 2: from the smallest numbers to the largest
shapes = st.sampled_from([(3, 2), (2, 3), (1, 1), (3, 3), (1, 2), (4, 1)])
lambdas = hostile(st.floats(0, 1e300))
sigmas = hostile(st.floats(0, 1e200))


def in_range(*numbers):
    return all(n == 0 or 1e-300 < abs(n) < 1e300 for n in numbers)


def problem_of(n, p, x=0, y=0, mean=0.0):
    """A problem in units of 2ˣ and 2ʸ, or None if they leave the range of a float."""
    X, Y = normal(n, p) + mean, normal(n, 1, seed=1)
    X, Y, w = (t * 2.0**e for t, e in ((X, x), (Y, y), (normal(p, 1, seed=2), 0)))
    if not (X.isfinite().all() and Y.isfinite().all()):
        return None
    return RegressionProblem(X, Y, X, Y, w, 0.0)


# The fit


@given(shape=shapes, x=powers, y=powers, lambd=st.floats(0, 1e6))
def test_the_fit_is_the_same_in_every_unit_or_its_range_is_named(shape, x, y, lambd):
    problem, plain = problem_of(*shape, x, y), problem_of(*shape)
    if problem is None or not -500 < x < 500:
        return  # what happens then is another test
    w, b = ridge.fit(plain, lambd)

    fitted = attempt(ridge.fit, problem=problem, lambd=lambd * 4.0**x)

    if fitted is REFUSED:
        assert not -425 < x < 425 or not -300 < y - x < 300
    else:
        assert_finite(*fitted)
        if -400 < x < 400 and -400 < y < 400 and -400 < y - x < 400:
            assert torch.equal(fitted[0], w * 2.0 ** (y - x))
            assert torch.equal(fitted[1], b * 2.0**y)


@given(
    data=st.data(),
    shape=shapes,
    dtype=dtypes,
    sizes=st.tuples(scales, scales),
    lambd=lambdas,
)
def test_the_gradient_vanishes_at_the_fit_or_what_is_wrong_is_named(
    data, shape, dtype, sizes, lambd
):
    n, p = shape
    x, y = (min(size, torch.finfo(dtype).max / 32) for size in sizes)
    X, Y = normal(n, p, scale=x, dtype=dtype), normal(n, 1, scale=y, dtype=dtype)
    problem = RegressionProblem(X, Y, X, Y, normal(p, 1, dtype=dtype), 0.0)

    fitted = attempt(ridge.fit, problem=problem, lambd=lambd)

    if fitted is not REFUSED:
        assert_finite(*fitted)
        assert [theta.dtype for theta in fitted] == [dtype, dtype]
        # Only float64 keeps enough digits of w, and only in range can it be checked.
        weight = fitted[0].flatten().tolist()
        known = in_range(x, y, x * y, *weight) and (y == 0 or all(weight))
        if dtype == DOUBLE and known and x > 0:
            w, b = fitted
            Z, r = X / x, (Y - X @ w - b) / y if y else Y - X @ w - b
            pull = (float(lambd) / x) * (w / y if y else w)
            gradient = Z.T @ r / n - pull
            size = 1 + float(pull.abs().max())
            assert not gradient.isfinite().all() or gradient.abs().max() < 1e-11 * size


@given(value=anything)
@pytest.mark.parametrize("name", ["problem", "lambd"])
def test_a_fit_names_what_is_wrong(name, value):
    attempt(ridge.fit, **{"problem": problem_of(2, 2), "lambd": 3, name: value})


@pytest.mark.parametrize("lambd", [0, 3])
@pytest.mark.parametrize("x", [-1000, 600])
def test_inputs_whose_squares_have_no_float_are_named(x, lambd):
    problem = problem_of(3, 2, x)

    for call in (
        lambda: ridge.fit(problem, lambd),
        lambda: ridge.trajectory(
            problem,
            lambd,
            0.1,
            [1],
            torch.zeros(2, 1).double(),
            torch.zeros(1).double(),
        ),
        lambda: ridge.anatomy(
            problem, torch.zeros(2, 1).double(), torch.ones(1).double()
        ),
    ):
        with pytest.raises(ValueError, match=r"^X_train must hold .*, got \d"):
            call()
    for call in (ridge.shrinkage, ridge.degrees_of_freedom):
        with pytest.raises(ValueError, match=r"^X must hold .*, got \d"):
            call(problem.X_train, lambd)


def test_a_fit_beyond_float32_is_named():
    X, y = torch.tensor([[0.0], [1e-30]]), torch.tensor([[0.0], [1e30]])
    problem = RegressionProblem(X, y, X, y, X[:1], 0)

    with pytest.raises(
        ValueError, match=r"weight that fits problem must be at most 3.4e\+38"
    ):
        ridge.fit(problem, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ridge.expected_risk(normal(3, 2), 1, 1e200, 1),
            "noise_std = 1e",
        ),
        (lambda: ridge.asymptotic_risk(1, 3, 2, 1, 1e200), "w_norm = 1e"),
        (lambda: ridge.best_lambda(3, 2, 1e200, 1), "noise_std = 1e"),
        (
            lambda: ridge.anatomy(
                problem_of(2, 1), normal(1, 1, scale=1e200), normal(1)
            ),
            "rescale the problem, w, b",
        ),
    ],
    ids=["expected risk", "asymptotic risk", "best lambda", "anatomy"],
)
def test_a_result_beyond_the_range_of_a_float_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The trajectory


@given(
    shape=shapes,
    lambd=lambdas,
    lr=hostile(st.floats(1e-6, 1e3)),
    steps=st.lists(counts(4) | st.sampled_from([0, 2**53, 2**53 - 1]), max_size=3)
    | anything,
    data=st.data(),
)
def test_a_trajectory_is_the_loop_or_names_what_is_wrong(shape, lambd, lr, steps, data):
    problem = problem_of(*shape, mean=0.3)
    start = normal(shape[1], 1, seed=3), normal(1, seed=4)
    w_init, b_init = maybe(data.draw, start[0], "w"), maybe(data.draw, start[1], "b")

    path = attempt(
        ridge.trajectory,
        problem=problem,
        lambd=lambd,
        lr=lr,
        steps=steps,
        w_init=w_init,
        b_init=b_init,
    )

    if path is not REFUSED:
        w, b = path
        assert_finite(w, b)
        for i, t in enumerate(steps):
            if t <= 4:
                w_loop, b_loop = descend(problem, float(lambd), float(lr), t, *start)
                size = 1 + float(w_loop.abs().max())
                assert float((w[i] - w_loop).abs().max()) <= 1e-9 * size
                assert float((b[i] - b_loop).abs().max()) <= 1e-9 * size


def descend(problem, lambd, lr, steps, w, b):
    X, y = problem.X_train, problem.y_train
    for _ in range(steps):
        r = X @ w + b - y
        w, b = w - lr * (X.T @ r / len(X) + lambd * w), b - lr * r.mean(0)
    return w, b


def test_a_path_that_leaves_the_range_tells_the_first_step_and_the_bound():
    problem = problem_of(3, 2)
    start = torch.ones(2, 1).double(), torch.ones(1).double()

    with pytest.raises(DivergenceError) as caught:
        ridge.trajectory(problem, 3, 100, [5, 900, 800, 0], *start)

    assert caught.value.epoch == 800
    assert caught.value.step > 2
    A = torch.nn.functional.pad(problem.X_train, (0, 1), value=1.0)
    d_max = torch.linalg.eigvalsh(A.T @ A / 3)[-1]
    assert caught.value.d_max == pytest.approx(float(d_max))
    assert (caught.value.lr, caught.value.lambd) == (100, 3)


def test_a_path_in_float32_may_leave_its_range_and_not_that_of_float64():
    X, y = torch.ones(2, 1), torch.zeros(2, 1)
    problem = RegressionProblem(X, y, X, y, X[:1], 0)

    with pytest.raises(DivergenceError):
        ridge.trajectory(problem, 0, 1e10, [10], X[:1], X[0])


def test_a_start_at_the_minimum_stays_there_whatever_the_step():
    X, y = torch.zeros(2, 3).double(), torch.zeros(2, 1).double()
    X[:, 0] = torch.tensor([1.0, -1.0])
    problem = RegressionProblem(X, y, X, y, torch.zeros(3, 1).double(), 0)

    w, b = ridge.trajectory(
        problem, 1000, 1, [10**6], torch.zeros(3, 1).double(), torch.zeros(1).double()
    )

    assert w.flatten().tolist() == [0, 0, 0]
    assert b.tolist() == [[0]]


# Shrinkage, degrees of freedom, risk


@given(
    shape=shapes, x=st.integers(-400, 400), lambd=st.floats(0, 1e6), bias=st.booleans()
)
def test_shrinkage_and_freedom_are_the_same_in_every_unit(shape, x, lambd, bias):
    X = normal(*shape) + 0.3

    d, kept = ridge.shrinkage(X, lambd, bias=bias)

    d_then, kept_then = ridge.shrinkage(X * 2.0**x, lambd * 4.0**x, bias=bias)
    assert torch.equal(d_then, d * 4.0**x)
    assert torch.equal(kept_then, kept)
    freedom = ridge.degrees_of_freedom(X, lambd, bias=bias)
    assert freedom == ridge.degrees_of_freedom(X * 2.0**x, lambd * 4.0**x, bias=bias)


@given(
    data=st.data(),
    shape=shapes,
    scale=scales,
    dtype=dtypes,
    lambd=lambdas,
    bias=hostile(st.booleans()),
    noise_std=sigmas,
    w_norm=sigmas,
)
def test_what_ridge_keeps_is_a_share_or_what_is_wrong_is_named(
    data, shape, scale, dtype, lambd, bias, noise_std, w_norm
):
    scale = min(scale, torch.finfo(dtype).max / 32)
    X = maybe(data.draw, normal(*shape, scale=scale, dtype=dtype), "X")
    settings = {"X": X, "lambd": lambd, "bias": bias}

    shrunk = attempt(ridge.shrinkage, **settings)
    freedom = attempt(ridge.degrees_of_freedom, **settings)
    risk = attempt(ridge.expected_risk, **settings, noise_std=noise_std, w_norm=w_norm)

    if shrunk is not REFUSED:
        d, kept = shrunk
        assert_finite(d, kept)
        assert bool(((kept >= 0) & (kept <= 1)).all())
    if freedom is not REFUSED:
        assert bias <= freedom <= min(shape) + bias + 1e-12
    if risk is not REFUSED:
        assert_finite(risk)
        # Some units in the last place, also of the least floats.
        assert risk >= float(noise_std) ** 2 / 2 * (1 - 1e-12) - 1e-322


@given(
    shape=shapes,
    y=st.integers(-200, 200),
    lambd=st.floats(0, 1e6),
    x=st.integers(-400, 400),
    bias=st.booleans(),
)
def test_the_risk_is_the_same_in_every_unit(shape, x, y, lambd, bias):
    # Without decay and in the unit of new examples only: x ~ N(0, I) is given.
    X = normal(*shape) + 0.3

    risk = ridge.expected_risk(X, lambd, 0.5, 1.5, bias=bias)

    then = ridge.expected_risk(X, lambd, 0.5 * 2.0**y, 1.5 * 2.0**y, bias=bias)
    assert then == risk * 4.0**y
    assert x or then == then


# The formulas for large n and p, to fifty digits


def exact_kappa(lambd, n, p):
    c = Decimal(lambd) + Decimal(p) / Decimal(n) - 1
    return (c + (c * c + 4 * Decimal(lambd)).sqrt()) / 2


def exact_risk(lambd, n, p, sigma, w_norm):
    sigma, w_norm = Decimal(sigma), Decimal(w_norm)
    kappa, ratio = exact_kappa(lambd, n, p), Decimal(p) / Decimal(n)
    kept = 1 / (1 + kappa)
    truth, noise = (w_norm * kappa * kept) ** 2, (sigma * kept) ** 2 * ratio
    return ((truth + noise) / (1 - ratio * kept * kept) + sigma**2) / 2


@given(
    lambd=lambdas,
    n_train=counts(999),
    num_inputs=counts(999),
    noise_std=sigmas,
    w_norm=sigmas,
)
def test_the_asymptotic_formulas_hold_to_the_last_digits_or_name_what_is_wrong(
    **settings,
):
    risk = attempt(ridge.asymptotic_risk, **settings)
    sizes = {k: settings[k] for k in ("lambd", "n_train", "num_inputs")}
    freedom = attempt(ridge.asymptotic_degrees_of_freedom, **sizes)

    with localcontext(prec=900):
        lambd, n, p, sigma, _ = settings.values()
        if freedom is not REFUSED:
            assert type(freedom) is float
            exact = int(p) / (1 + exact_kappa(float(lambd), int(n), int(p)))
            assert freedom == pytest.approx(float(exact), rel=1e-13)
        if risk is REFUSED:
            return
        assert type(risk) is float  # of whatever types the arguments are
        if n == p and float(lambd) == 0:
            assert risk == (INF if float(sigma) > 0 else 0)
            return
        exact = exact_risk(*map(float, settings.values()))
        assert_finite(risk)
        assert risk == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("lambd", [1e-18, 1e-40, 5e-324])
def test_a_little_decay_is_enough_where_the_peak_of_double_descent_stands(lambd):
    risk = ridge.asymptotic_risk(lambd, 20, 20, noise_std=0.5, w_norm=1.5)

    with localcontext(prec=900):
        exact = float(exact_risk(lambd, 20, 20, 0.5, 1.5))
    assert risk == pytest.approx(exact, rel=1e-12)
    assert risk < INF


@given(n_train=counts(999), num_inputs=counts(999), noise_std=sigmas, w_norm=sigmas)
def test_the_best_lambda_is_its_formula_or_names_what_is_wrong(**settings):
    best = attempt(ridge.best_lambda, **settings)

    if best is not REFUSED:
        n, p, sigma, w_norm = (Fraction(float(v)) for v in settings.values())
        exact = p * sigma**2 / (n * w_norm**2)
        assert_finite(best)
        assert best == pytest.approx(float(exact), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("size", [10**400, 10**5000], ids=["400", "5000"])
def test_sizes_beyond_a_float_are_named(size):
    for name in ("n_train", "num_inputs"):
        sizes = {"n_train": 2, "num_inputs": 2, name: size}
        with pytest.raises(ValueError, match=f"^{name} must be finite, got "):
            ridge.asymptotic_degrees_of_freedom(3, **sizes)


# The anatomy


@given(
    data=st.data(),
    shape=shapes,
    noise_std=st.none() | sigmas,
    scale=scales,
    x=st.sampled_from([-30, 0, 30]),
)
def test_the_parts_are_the_loss_or_what_is_wrong_is_named(
    data, shape, noise_std, scale, x
):
    problem, p = problem_of(*shape, x), shape[1]
    w, b = normal(p, 1, seed=3, scale=scale), normal(1, seed=4, scale=scale)
    given_w, given_b = maybe(data.draw, w, "w"), maybe(data.draw, b, "b")

    parts = attempt(
        ridge.anatomy, problem=problem, w=given_w, b=given_b, noise_std=noise_std
    )

    if parts is not REFUSED:
        assert_finite(*parts)
        if noise_std is None:
            r = problem.X_test @ w + b - problem.y_test
            loss = float((r**2).mean()) / 2
        else:
            loss = float(((w - problem.w_true) ** 2).sum() + b**2) / 2
            loss += float(noise_std) ** 2 / 2
        assert math.isclose(sum(parts), loss, rel_tol=1e-9 * (1 + max(parts) / loss))


@given(value=anything)
@pytest.mark.parametrize("name", ["problem", "w", "b"])
def test_an_anatomy_names_what_is_wrong(name, value):
    arguments = {"problem": problem_of(2, 1), "w": normal(1, 1), "b": normal(1)}

    assert attempt(ridge.anatomy, **{**arguments, name: value}) is REFUSED
