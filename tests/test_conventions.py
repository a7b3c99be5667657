"""One λ, many conventions: each against a minimiser that knows no conversion."""

import inspect
import math
import re
from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from weight_decay import concise, conventions, scratch, synthetic_data
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
        (3, MSE, HALF_MSE, 1.5),
        (3, HALF_MSE, "keras l2", 3),
        (3, MSE, "keras l2", 1.5),
        (3, HALF_MSE, "sum of half squares", 60),
        (3, HALF_MSE, ALPHA, 60),
        (3, MSE, ALPHA, 30),
        (3, HALF_MSE, "lambda over 2n", 60),
        (0.01, STD, HALF_MSE, 0.05),  # s = the size of the true weights: λ* = 0.05
        (0.05, HALF_MSE, STD, 0.01),
        (3, HALF_MSE, STD, 0.01 / math.sqrt(60)),
        (10, HALF_MSE, STD, 0.01 / math.sqrt(200)),
        (0.02, STD, ALPHA, 0.25),
    ],
)
def test_the_numbers_of_the_chapter(value, source, target, expected):
    result = convert(value, source, target, n_train=20, noise_std=0.01)

    assert result == pytest.approx(expected, rel=1e-14)
    assert type(result) is float


def test_the_result_is_rounded_once():
    assert convert(1, "lambda over 2n", HALF_MSE, n_train=49) == 1 / 49
    assert (
        convert(Fraction(1, 3), ALPHA, MSE, n_train=3) == float(Fraction(1, 3)) * 2 / 3
    )


# Laws

values = st.floats(1e-12, 1e12)
sizes = st.integers(1, 10**6)
noises = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(values, sizes, noises)
def test_there_and_back_again(source, target, value, n, sigma):
    numbers = {"n_train": n, "noise_std": sigma}

    there = convert(value, source, target, **numbers)

    back = convert(there, target, source, **numbers)
    assert back == pytest.approx(value, rel=1e-15)


@given(values, sizes, noises, *[st.sampled_from([*CONVENTIONS])] * 3)
def test_a_detour_changes_nothing(value, n, sigma, source, way, target):
    numbers = {"n_train": n, "noise_std": sigma}

    detour = convert(convert(value, source, way, **numbers), way, target, **numbers)

    assert detour == pytest.approx(convert(value, source, target, **numbers), rel=1e-14)


@given(values, values, sizes, noises, *[st.sampled_from([*CONVENTIONS])] * 2)
def test_more_is_more_except_that_a_wide_prior_is_a_weak_one(
    one, other, n, sigma, source, target
):
    assume(other > one * (1 + 1e-9))
    numbers = {"n_train": n, "noise_std": sigma}

    less = convert(one, source, target, **numbers)
    more = convert(other, source, target, **numbers)

    assert (less < more) == ((source == STD) == (target == STD))


@given(sizes, noises, *[st.sampled_from([*CONVENTIONS])] * 3)
def test_learning_rate_factors_multiply(n, sigma, source, way, target):
    numbers = {"n_train": n, "noise_std": sigma}

    product = learning_rate_factor(source, way, **numbers)
    product *= learning_rate_factor(way, target, **numbers)

    direct = learning_rate_factor(source, target, **numbers)
    assert product == pytest.approx(direct, rel=1e-14)


# No penalty


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_penalty_is_the_flat_prior(source, target):
    def nothing(name):
        return INF if name == STD else 0

    result = convert(nothing(source), source, target, **NUMBERS)

    assert result == nothing(target)
    assert type(result) is float


def test_a_flat_prior_may_be_a_numpy_number():
    assert convert(np.float32("inf"), STD, ALPHA, noise_std=1) == 0


# The same path


@pytest.mark.parametrize("lambd", [0, 3, 10])
def test_concise_takes_the_steps_of_scratch(small, lambd):
    w, b = scratch.init_params(10, torch.Generator().manual_seed(1), torch.float64)
    start = {"w_init": w, "b_init": b, "epochs": 20, "batch_size": 3, "seed": 4}
    lr = 0.01

    by_hand = scratch.train(small, lambd, lr, **start)
    by_torch = concise.train(
        small,
        convert(lambd, HALF_MSE, MSE),
        lr * learning_rate_factor(HALF_MSE, MSE),
        **start,
    )

    torch.testing.assert_close(by_torch.w, by_hand.w, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(by_torch.b, by_hand.b, rtol=1e-12, atol=1e-15)
    assert by_torch.test_loss == pytest.approx([2 * v for v in by_hand.test_loss])


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

    assert [factor(name) for name in CONVENTIONS] == [
        1,
        1 / 2,
        1 / 2,
        1 / 20,
        1 / 40,
        1,
        1 / 80,
    ]


# What must be told


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_only_what_is_needed_must_be_told(source, target):
    per_example = {HALF_MSE, MSE, "keras l2"}  # λ beside a mean; the others a sum
    needs_n = (source in per_example) != (target in per_example)
    needs_sigma = (source == STD) != (target == STD)
    told = {}
    if needs_n:
        with pytest.raises(TypeError, match="n_train must be an integer, got None"):
            convert(3, source, target, noise_std=0.3)
        told["n_train"] = 20
    if needs_sigma:
        with pytest.raises(TypeError, match=r"noise_std must be a real .*got None"):
            convert(3, source, target, n_train=20)
        told["noise_std"] = 0.3

    assert convert(3, source, target, **told) == convert(3, source, target, **NUMBERS)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_only_what_is_needed_must_be_told_for_the_learning_rate(source, target):
    means = {HALF_MSE, MSE, "keras l2", "lambda over 2n"}
    told = {}
    if (source in means) != (target in means):
        with pytest.raises(TypeError, match="n_train must be an integer, got None"):
            learning_rate_factor(source, target, noise_std=0.3)
        told["n_train"] = 20
    if (source == STD) != (target == STD):
        with pytest.raises(TypeError, match=r"noise_std must be a real .*got None"):
            learning_rate_factor(source, target, n_train=20)
        told["noise_std"] = 0.3

    factor = learning_rate_factor(source, target, **told)

    assert factor == learning_rate_factor(source, target, **NUMBERS)


# Wrong arguments

NOT_NUMBERS = ["3", None, True, 1 + 0j, torch.tensor(3.0)]


def wrong(name, types, values):
    """Return one case for each wrong value of one argument."""
    return [
        pytest.param(name, value, error, id=f"{name}={value!r:.20}")
        for error, several in ((TypeError, types), (ValueError, values))
        for value in several
    ]


NAMES = [
    *wrong("source", [None, 3, [HALF_MSE]], ["", "mse", "Prior std"]),
    *wrong("target", [None, 3, [HALF_MSE]], ["", "mse", "Prior std"]),
]
TOLD = [
    *wrong("n_train", ["3", True, 2.0, NAN], [0, -1]),
    *wrong("noise_std", [*NOT_NUMBERS[:1], *NOT_NUMBERS[2:]], [0, -0.1, NAN, INF]),
]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [*wrong("value", NOT_NUMBERS, [-1e-9, NAN, INF, -INF, 10**400]), *NAMES, *TOLD],
)
def test_a_conversion_names_the_wrong_argument(name, value, error):
    arguments = {"value": 3, "source": HALF_MSE, "target": MSE, name: value}

    with pytest.raises(error, match=rf"^{name} must be ") as caught:
        convert(**arguments)

    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    wrong("value", [*NOT_NUMBERS, torch.tensor(INF)], [0, -1, NAN, -INF, 10**400]),
)
@pytest.mark.parametrize("target", [STD, ALPHA])
def test_a_conversion_names_the_wrong_standard_deviation(target, name, value, error):
    with pytest.raises(error, match=rf"^{name} must be ") as caught:
        convert(value, STD, target, noise_std=1)

    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(("name", "value", "error"), [*NAMES, *TOLD])
def test_a_learning_rate_factor_names_the_wrong_argument(name, value, error):
    arguments = {"source": HALF_MSE, "target": MSE, name: value}

    with pytest.raises(error, match=rf"^{name} must be ") as caught:
        learning_rate_factor(**arguments)

    assert repr(value) in str(caught.value)


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


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        CONVENTIONS["mine"] = CONVENTIONS[MSE]
    with pytest.raises(FrozenInstanceError):
        CONVENTIONS[MSE].penalty = CONVENTIONS[MSE].data
    with pytest.raises(FrozenInstanceError):
        CONVENTIONS[MSE].penalty.n = 1
    assert conventions.CONVENTIONS is CONVENTIONS
