"""One λ, many conventions: each against a minimiser that knows no conversion."""

import inspect
import math
import re
from fractions import Fraction
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from weight_decay import synthetic_data
from weight_decay.conventions import CONVENTIONS, convert, learning_rate_factor

NAN, INF = float("nan"), float("inf")
HALF_MSE, MSE, STD = "half mean squared error", "mean squared error", "prior std"
ALPHA = "scikit-learn alpha"
PAIRS = [(source, target) for source in CONVENTIONS for target in CONVENTIONS]
NUMBERS = {"n_train": 20, "noise_std": 0.3}


# Each convention once more, as literally as can be

mean, total = torch.mean, torch.sum


def log_posterior(r, w, s, sigma):
    noise = torch.distributions.Normal(0, torch.tensor(sigma, dtype=r.dtype))
    prior = torch.distributions.Normal(0, torch.tensor(s, dtype=w.dtype))
    return total(noise.log_prob(r)) + total(prior.log_prob(w))


# Of the residuals r, the weight w, the value v, and the noise σ.
OBJECTIVES = {
    HALF_MSE: lambda r, w, v, _: mean(r**2 / 2) + v * total(w**2) / 2,
    MSE: lambda r, w, v, _: mean(r**2) + v * total(w**2) / 2,
    "keras l2": lambda r, w, v, _: mean(r**2) + v * total(w**2),
    "sum of half squares": lambda r, w, v, _: total(r**2 / 2) + v * total(w**2) / 2,
    ALPHA: lambda r, w, v, _: total(r**2) + v * total(w**2),
    "lambda over 2n": lambda r, w, v, _: (
        mean(r**2 / 2) + v / (2 * len(r)) * total(w**2)
    ),
    STD: lambda r, w, v, sigma: -log_posterior(r, w, v, sigma),
}


@pytest.fixture(scope="module")
def data():
    """Seven examples and ten inputs, or seven times more, with noise 0.3."""
    return {
        n: synthetic_data(n, 1, 10, noise_std=0.3, seed=2, dtype=torch.float64)
        for n in (7, 49)
    }


def ridge(problem, lambd):
    """The minimiser of mean ½r² + λ·½‖w‖², with a free bias, from its equations."""
    n = len(problem.X_train)
    A = torch.cat([problem.X_train, torch.ones(n, 1, dtype=torch.float64)], dim=1)
    penalty = torch.eye(A.shape[1], dtype=torch.float64)
    penalty[-1, -1] = 0
    solution = torch.linalg.solve(
        A.T @ A / n + lambd * penalty, A.T @ problem.y_train / n
    )
    return solution[:-1], solution[-1]


def gradients(name, value, problem, w, b):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    r = problem.X_train @ w + b - problem.y_train
    OBJECTIVES[name](r, w, value, 0.3).backward()
    return w.grad, b.grad


def test_there_is_a_literal_objective_for_every_convention():
    assert OBJECTIVES.keys() == CONVENTIONS.keys()


@pytest.mark.parametrize("lambd", [0.01, 0.7, 30])
@pytest.mark.parametrize("n", [7, 49])
@pytest.mark.parametrize("target", CONVENTIONS)
def test_the_converted_value_has_the_same_minimiser(data, target, n, lambd):
    w, b = ridge(data[n], lambd)

    value = convert(lambd, HALF_MSE, target, n_train=n, noise_std=0.3)

    scale = max(g.abs().max() for g in gradients(target, value, data[n], 0 * w, 0 * b))
    for gradient in gradients(target, value, data[n], w, b):
        assert gradient.abs().max() <= 1e-12 * scale
    # …and only that value: the equations above would notice another.
    for gradient in gradients(target, 1.01 * value, data[n], w, b)[:1]:
        assert gradient.abs().max() > 1e-6 * scale


@pytest.mark.parametrize("source", CONVENTIONS)
def test_the_minimiser_is_that_of_scikit_learns_ridge(data, source):
    problem, value = data[7], 0.7

    alpha = convert(value, source, ALPHA, n_train=7, noise_std=0.3)
    model = Ridge(alpha, solver="cholesky", tol=0)
    model.fit(problem.X_train.numpy(), problem.y_train[:, 0].numpy())

    w, b = torch.tensor(model.coef_)[:, None], torch.tensor([model.intercept_])
    scale = max(g.abs().max() for g in gradients(source, value, problem, 0 * w, 0 * b))
    for gradient in gradients(source, value, problem, w, b):
        assert gradient.abs().max() <= 1e-11 * scale


# The numbers of the chapter, by hand


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (3, HALF_MSE, MSE, 6),
        (3, HALF_MSE, ALPHA, 60),
        (3, MSE, ALPHA, 30),
        (0.01, STD, HALF_MSE, 0.05),  # s = the size of the true weights: λ* = 0.05
        (10, HALF_MSE, STD, 0.01 / math.sqrt(200)),
        (0.02, STD, ALPHA, 0.25),
    ],
)
def test_the_numbers_of_the_chapter(value, source, target, expected):
    result = convert(value, source, target, n_train=20, noise_std=0.01)

    assert result == pytest.approx(expected, rel=1e-14)
    assert type(result) is float


# λ of the first convention, of the value v, the number of examples n and the noise σ.
LAMBDAS = {
    HALF_MSE: lambda v, n, sigma: v,
    MSE: lambda v, n, sigma: v / 2,
    "keras l2": lambda v, n, sigma: v,
    "sum of half squares": lambda v, n, sigma: v / n,
    ALPHA: lambda v, n, sigma: v / n,
    "lambda over 2n": lambda v, n, sigma: v / n,
    STD: lambda v, n, sigma: sigma**2 / (n * v**2),
}


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(st.floats(1e-50, 1e50), st.integers(1, 10**6), st.floats(1e-50, 1e50))
def test_a_conversion_is_the_exact_number_rounded_once(source, target, value, n, sigma):
    result = convert(value, source, target, n_train=n, noise_std=sigma)

    v, one, exact_sigma = Fraction(value), Fraction(1), Fraction(sigma)
    exact = LAMBDAS[source](v, n, exact_sigma) / LAMBDAS[target](one, n, exact_sigma)
    if target == STD:
        assert result == pytest.approx(math.sqrt(1 / exact), rel=1e-15)
    else:
        assert result == float(exact)


# No penalty


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_penalty_is_the_flat_prior(source, target):
    def nothing(name):
        return INF if name == STD else 0

    result = convert(nothing(source), source, target, **NUMBERS)

    assert result == nothing(target)
    assert type(result) is float


# The same path


@pytest.mark.parametrize("target", CONVENTIONS)
def test_gradient_descent_takes_the_same_steps_in_every_convention(data, target):
    numbers = {"n_train": 7, "noise_std": 0.3}
    ends = []

    for name in (HALF_MSE, target):
        value = convert(0.7, HALF_MSE, name, **numbers)
        lr = 0.05 * learning_rate_factor(HALF_MSE, name, **numbers)
        w, b = torch.ones(10, 1).double(), torch.zeros(1).double()
        for _ in range(20):
            w_grad, b_grad = gradients(name, value, data[7], w, b)
            w, b = w - lr * w_grad, b - lr * b_grad
        ends.append(torch.cat([w.flatten(), b]))

    torch.testing.assert_close(*ends, rtol=1e-12, atol=1e-15)


def test_the_learning_rate_factors_of_the_chapter():
    def factor(target):
        return learning_rate_factor(HALF_MSE, target, n_train=20, noise_std=0.5)

    factors = [factor(name) for name in CONVENTIONS]
    assert factors == [1, 1 / 2, 1 / 2, 1 / 20, 1 / 40, 1, 1 / 80]


# What must be told

MEANS = {HALF_MSE, MSE, "keras l2"}  # of examples; the others are sums


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize(
    ("function", "means"),
    [
        (partial(convert, 3), MEANS),  # λ/2n beside a mean is a λ beside a sum
        (learning_rate_factor, MEANS | {"lambda over 2n"}),
    ],
)
def test_only_what_is_needed_must_be_told(function, means, source, target):
    told = {}
    if (source in means) != (target in means):
        with pytest.raises(TypeError, match=r"n_train must be given.*got None"):
            function(source, target, noise_std=0.3)
        told["n_train"] = 20
    if (source == STD) != (target == STD):
        with pytest.raises(TypeError, match=r"noise_std must be given.*got None"):
            function(source, target, n_train=20)
        told["noise_std"] = 0.3

    assert function(source, target, **told) == function(source, target, **NUMBERS)


# What is refused


@pytest.mark.parametrize("value", [0, -1, NAN, -INF])
def test_a_standard_deviation_is_positive(value):
    with pytest.raises(ValueError, match=rf"^value must be .*, got {value}$"):
        convert(value, STD, ALPHA, noise_std=1)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="source must be one of") as caught:
        convert(3, "mse", HALF_MSE)

    assert all(repr(name) in str(caught.value) for name in CONVENTIONS)


@pytest.mark.parametrize(
    ("value", "source", "target", "power"),
    [
        (1e308, HALF_MSE, ALPHA, "1e+309"),
        (1e-200, STD, ALPHA, "1e+400"),
        (1e200, STD, ALPHA, "1e-400"),
        (5e-324, ALPHA, HALF_MSE, "1e-325"),
    ],
)
def test_a_result_out_of_the_range_of_a_float_is_no_infinity_and_no_0(
    value, source, target, power
):
    with pytest.raises(ValueError, match=f"the result must .*{re.escape(power)}"):
        convert(value, source, target, n_train=20, noise_std=1)


def test_the_range_does_not_matter_where_nothing_is_converted():
    assert convert(1e200, STD, STD) == 1e200
    assert convert(5e-324, ALPHA, ALPHA) == 5e-324


def test_a_learning_rate_factor_may_be_out_of_range_too():
    told = r"the result must .*1e-400 from n_train = 1, noise_std = 1e-200$"
    with pytest.raises(ValueError, match=told):
        learning_rate_factor(HALF_MSE, STD, n_train=1, noise_std=1e-200)


# The table


def test_the_docstring_has_the_table_of_the_module():
    doc = inspect.getdoc(convert)

    for name, convention in CONVENTIONS.items():
        assert re.search(
            rf"^``{name}`` +{re.escape(convention.objective)} ", doc, re.MULTILINE
        )
